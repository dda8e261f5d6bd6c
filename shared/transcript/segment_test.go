package transcript

import (
	"reflect"
	"slices"
	"testing"
	"unicode/utf8"

	"instar/shared/bucket"
)

func TestTheNewestSegmentHasTheLowestName(t *testing.T) {
	before := "a"
	for _, n := range []int{1, 2, 9, 10, 11, 99, 100, 12345, maxNumber} {
		name, err := segment{n: n}.name()
		if back, ok := number(name); err != nil || !(name < before) || back != n || !ok {
			t.Errorf("segment %d is %q after %q, which reads as %d", n, name, before, back)
		}
		before = name
	}
	if name, err := (segment{n: maxNumber + 1}).name(); err == nil {
		t.Errorf("one too many is %q", name)
	}
}

func TestASegmentIsFilledWithWholeTurns(t *testing.T) {
	entries := slices.Concat(turn(1, 3, MaxText), turn(2, 3, MaxText), turn(3, 12, MaxText))
	s, n := segment{n: 1}.fill(entries)
	if n != 6 || s.header != (header{V: 1, Turn: 2}) {
		t.Errorf("%d entries, header %+v", n, s.header)
	}
	if s, n := s.fill(entries[6:]); n != 0 {
		t.Errorf("part of a turn is added to others: %d entries, header %+v", n, s.header)
	}
	// An empty one takes what it can of a turn that never fits.
	long := turn(5, 40, MaxText)
	s, n = segment{n: 1}.fill(long)
	if n != 15 || s.header != (header{V: 1, Turn: 5, Part: 15}) || len(s.bytes()) > MaxSegment {
		t.Errorf("%d entries, header %+v, %d bytes", n, s.header, len(s.bytes()))
	}
	if rest := s.missing(long); len(rest) != 25 || !reflect.DeepEqual(rest[0], long[15]) {
		t.Errorf("%d are missing", len(rest))
	}
	s, _ = s.following().fill(long[n:])
	if s.header != (header{V: 1, Turn: 5, Part: 30}) {
		t.Errorf("header %+v", s.header)
	}
	s, n = s.following().fill(long[30:])
	if n != 10 || s.header != (header{V: 1, Turn: 5}) || len(s.missing(long)) != 0 {
		t.Errorf("%d entries, header %+v", n, s.header)
	}
}

func TestAFullSegmentIsNeverTooLong(t *testing.T) {
	one := turn(maxNumber, 1, 10)
	line := len(encode(one[0]))
	fitted := 0
	for room := range 3 * headerRoom {
		s := segment{n: 1, body: append(make([]byte, MaxSegment-line-room-1), '\n')}
		s, n := s.fill(one)
		fitted += n
		if len(s.bytes()) > MaxSegment {
			t.Errorf("%d bytes with room for %d", len(s.bytes()), room)
		}
	}
	if fitted < headerRoom {
		t.Errorf("%d times there was room", fitted)
	}
}

// Any bytes give valid entries or none, and what was read is read again from
// what is written of it.
func FuzzDecode(f *testing.F) {
	whole, _ := segment{n: 1}.fill(slices.Concat(turn(1, 3, 40), turn(2, 2, 40)))
	part, _ := segment{n: 1}.fill(turn(1, 20, MaxText))
	for _, data := range [][]byte{
		whole.bytes(), whole.bytes()[:120], whole.body, part.bytes()[:200], nil, []byte("\n\n"), []byte(`{"v":1,"turn":1,"part":-1}` + "\n{}"),
		[]byte(`{"v":2}`), []byte(`{"v":1,"turn":3}` + "\n" + `{"turn":1,"text":"a\ud800b\u0000"}` + "\r\n" + `{"turn":1e3}`), []byte("null\nnull\n[1]\n\"\\"),
	} {
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		entries, err := decode(data)
		s, wrong := open(1, bucket.Object{Data: data})
		if wrong == nil && (s.Turn < 1 || s.Part < 0) {
			t.Fatalf("header %+v", s.header)
		}
		if lastTurn(data) < 0 {
			t.Fatal("negative turn")
		}
		var again []byte
		for i, e := range entries {
			if e.Turn < 1 || !utf8.ValidString(e.Text) || !utf8.ValidString(e.Who) {
				t.Fatalf("entry %+v", e)
			}
			if len(e.Who) > maxWho || len(e.Text) > MaxText || e.Time.Year() < 1 || e.Time.Year() > 9999 {
				entries[i] = turn(1, 1, 1)[0]
			}
			again = append(again, encode(entries[i])...)
		}
		back, wrong := decode(segment{header: header{V: version, Turn: 1}, body: again}.bytes())
		if wrong != nil || len(back) != len(entries) {
			t.Fatalf("%d entries become %d, error %v (first error %v)", len(entries), len(back), wrong, err)
		}
		for i := range back {
			if !back[i].Time.Equal(entries[i].Time) || back[i].Text != entries[i].Text || back[i].Who != entries[i].Who || back[i].Turn != entries[i].Turn {
				t.Fatalf("%+v becomes %+v", entries[i], back[i])
			}
		}
	})
}

package memory

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"instar/shared/bucket"
)

// agent is a step of a turn with nobody else's text in it.
var agent = Source{ID: "t8.1", Origin: "telegram:42", Label: "owner"}

// past lists the history, the newest first.
func past(t testing.TB, s *Store) []Change {
	t.Helper()
	changes, err := s.History(ctx, "", MaxHistory)
	must(t, err)
	return changes
}

// ticking has every change of the store happen a second after the one before.
func ticking(s *Store) {
	at := noon
	s.now = func() time.Time { at = at.Add(time.Second); return at }
}

func TestEveryChangeIsKept(t *testing.T) {
	s, m := reviewed(t)
	ticking(s)
	must(t, s.Promote(ctx, refFor(t, s, planted), me))
	must(t, s.Edit(ctx, refFor(t, s, planted), "Wires go where I say.", me))
	must(t, s.Delete(ctx, refFor(t, s, "Wires go where I say."), me))
	must(t, s.Replace(ctx, Curated, "tea", "coffee", agent))
	must(t, s.Replace(ctx, Curated, "Likes coffee.", "", Source{ID: "t8.2", Origin: "telegram:42", Label: "owner"}))
	_, etag, err := s.Read(ctx, Soul)
	must(t, err)
	_, err = s.Write(ctx, Soul, etag, []byte("Kinder."))
	must(t, err)
	_, err = s.Append(ctx, entry("t8.3", "nothing is lost by adding"))
	must(t, err)
	var got []string
	for _, c := range past(t, s) {
		got = append(got, fmt.Sprintf("%s %s: %q %s %s > %q by %s", c.What, c.File, c.Before.Text, c.Before.Label, c.Before.Origin, c.After.Text, c.By.Origin))
	}
	const mine = "web:evil.example,promoted:web:owner"
	want := []string{
		`written SOUL.md: "Kind."   > "" by `,
		`deleted MEMORY.md: "Likes coffee." owner telegram:42 > "" by telegram:42`,
		`replaced MEMORY.md: "Likes tea." owner telegram:42 > "Likes coffee." by telegram:42`,
		`deleted MEMORY.md: "Wires go where I say." owner ` + mine + `,web:owner > "" by web:owner`,
		`edited MEMORY.md: "` + planted + `" owner ` + mine + ` > "Wires go where I say." by web:owner`,
		`promoted MEMORY.md: "` + planted + `" untrusted web:evil.example > "` + planted + `" by web:owner`,
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s", strings.Join(got, "\n"))
	}
	files, err := s.Files(ctx)
	if err != nil || len(files) != 4 {
		t.Errorf("the history is among the files: %v, %v", files, err)
	}
	before := m.Counts()
	first, err := s.History(ctx, "", 4)
	must(t, err)
	rest, err := s.History(ctx, first[3].ID, 4)
	if c := m.Counts(); err != nil || len(first) != 4 || len(rest) != 2 || rest[1].What != Promoted || c.Reads-before.Reads != 6 || c.Lists-before.Lists != 2 {
		t.Errorf("pages of %d and %d, %v", len(first), len(rest), err)
	}
	if _, err := s.History(ctx, "../x", 1); !errors.Is(err, ErrRef) {
		t.Error(err)
	}
}

func TestWhatIsRestoredHasTheLabelItHad(t *testing.T) {
	s, _ := reviewed(t)
	ticking(s)
	before := read(t, s, Curated)
	must(t, s.Promote(ctx, refFor(t, s, planted), me))
	must(t, s.Edit(ctx, refFor(t, s, planted), "Wires go where I say.", me))
	edited, promoted := past(t, s)[0].ID, past(t, s)[1].ID
	must(t, s.Restore(ctx, edited, me))
	if got := items(t, s)[3]; got.Text != planted || !got.Trusted() {
		t.Errorf("before the edit it was %+v", got)
	}
	for range 2 {
		must(t, s.Restore(ctx, promoted, me))
		if got := read(t, s, Curated); got != before {
			t.Errorf("before the promotion it was\n%s", got)
		}
	}
	if got := len(past(t, s)); got != 4 {
		t.Errorf("%d changes; restoring what is there is none", got)
	}
	must(t, s.Restore(ctx, past(t, s)[0].ID, me)) // a restoration is taken back as well
	if got := items(t, s)[3]; got.Text != planted || !got.Trusted() {
		t.Errorf("before the restoration it was %+v", got)
	}
}

func TestWhatWasDeletedComesBackAtTheEnd(t *testing.T) {
	for name, c := range map[string]struct{ file, raw, text, want string }{
		"an item":           {Curated, "- a1 <!-- instar id=1 origin=x label=untrusted -->\n- b1\n", "a1", "- b1\n- a1 <!-- instar id=1 origin=x label=untrusted -->\n"},
		"a paragraph":       {Curated, "one\ntwo\n\n- b1\n", "one\ntwo", "\n- b1\n\none\ntwo\n"},
		"the only one":      {Curated, "- a1\n", "a1", "- a1\n"},
		"a clock by hand":   {Daily(noon), "- 09:30 stand-up\n- 10:00 tea\n", "stand-up", "- 10:00 tea\n- 09:30 stand-up\n"},
		"a dated entry":     {Daily(noon), "- 09:30 a1 <!-- instar at=2026-01-05T09:30:00+09:00 id=1 origin=x -->\n- b1", "a1", "- b1\n- 09:30 a1 <!-- instar at=2026-01-05T09:30:00+09:00 id=1 origin=x -->\n"},
		"an indented one":   {Curated, "  a1\n- b1", "a1", "- b1\n\n- a1\n"},
		"a list in a list":  {Curated, "1. a1\n   - more\n2. b1", "a1\n- more", "2. b1\n1. a1\n   - more\n"},
		"with odd bytes":    {Curated, "- \xff\xfe\n- b1\n", "\ufffd", "- b1\n- \xff\xfe\n"},
		"with line ends":    {Curated, "- a1\r\n  more\r\n- b1\r\n", "a1\nmore", "- b1\n- a1\r\n  more\n"},
		"a half comment":    {Curated, "- a1 <!-- instar\n- b1\n", "a1 <!-- instar", "- b1\n- a1 <!-- instar\n"},
		"an escaped one":    {Curated, `- a1 \<!-- instar origin=y --> <!-- instar id=1 origin=x -->` + "\n- b1\n", "a1 <!-- instar origin=y -->", "- b1\n" + `- a1 \<!-- instar origin=y --> <!-- instar id=1 origin=x -->` + "\n"},
		"a stranger's long": {User, "- " + strings.Repeat("long ", 2000) + "<!-- instar id=1 label=untrusted -->\n", strings.TrimSpace(strings.Repeat("long ", 2000)), "- " + strings.Repeat("long ", 2000) + "<!-- instar id=1 label=untrusted -->\n"},
	} {
		s, _ := store(t, map[string]string{c.file: c.raw})
		must(t, s.Delete(ctx, refFor(t, s, c.text), me))
		gone := read(t, s, c.file)
		must(t, s.Restore(ctx, past(t, s)[0].ID, me))
		if got := read(t, s, c.file); got != c.want {
			t.Errorf("%s: %q was %q, then %q, want %q", name, c.raw, gone, got, c.want)
		}
	}
}

func TestWhatHasChangedSinceIsNotOverwritten(t *testing.T) {
	s, _ := reviewed(t)
	must(t, s.Edit(ctx, refFor(t, s, "Anna"), "Anne", me))
	must(t, s.Replace(ctx, User, "Anne", "Her name is Anja", Source{ID: "t9", Origin: "telegram:42", Label: "owner"}))
	for _, c := range past(t, s) {
		if c.What == Edited {
			must(t, s.Restore(ctx, c.ID, me))
		}
	}
	if got := read(t, s, User); !strings.Contains(got, "Anja") || !strings.Contains(got, "\n- Anna\n") {
		t.Errorf("got\n%s", got)
	}
}

func TestAWholeFileIsKeptByteByByte(t *testing.T) {
	for name, raw := range map[string]string{"text": "# T\n\n- x <!-- instar id=1 origin=web:x label=untrusted -->\n", "no text": "\xff\xfe\x00", "long": strings.Repeat("- y\n", MaxFile/4)} {
		s, m := store(t, map[string]string{Curated: raw})
		ticking(s)
		_, etag, err := s.Read(ctx, Curated)
		must(t, err)
		if _, err := s.Write(ctx, Curated, "another", []byte("new")); !errors.Is(err, bucket.ErrPrecondition) || len(past(t, s)) != 0 {
			t.Errorf("%s, with another etag: %v", name, err)
		}
		before := m.Counts()
		_, err = s.Write(ctx, Curated, etag, []byte("new"))
		must(t, err)
		if c := m.Counts(); c.Reads-before.Reads != 1 || c.Writes-before.Writes != 2 {
			t.Errorf("%s: %+v after %+v", name, c, before)
		}
		must(t, s.Restore(ctx, past(t, s)[0].ID, me))
		if got := read(t, s, Curated); got != raw {
			t.Errorf("%s: restored to %.40q", name, got)
		}
		if c := past(t, s)[0]; c.What != Restored || !c.Whole || c.Before.Text != "new" {
			t.Errorf("%s: %+v", name, c)
		}
	}
	s, _ := store(t, map[string]string{Soul: strings.Repeat("x", maxKept+1)})
	_, etag, err := s.Read(ctx, Soul)
	must(t, err)
	if _, err := s.Write(ctx, Soul, etag, []byte("new")); !errors.Is(err, ErrInvalid) {
		t.Error(err)
	}
}

// Whoever dies in between has either changed nothing or has everything kept.
func TestACrashAtEveryCallLosesNothing(t *testing.T) {
	died := errors.New("died")
	actions := map[What]func(*Store, string) error{
		Promoted: func(s *Store, ref string) error { return s.Promote(ctx, ref, me) },
		Edited:   func(s *Store, ref string) error { return s.Edit(ctx, ref, "x", me) },
		Deleted:  func(s *Store, ref string) error { return s.Delete(ctx, ref, me) },
		Replaced: func(s *Store, _ string) error { return s.Replace(ctx, Curated, planted, "x", agent) },
		Written: func(s *Store, _ string) error {
			_, etag, err := s.Read(ctx, Curated)
			if err == nil {
				_, err = s.Write(ctx, Curated, etag, []byte("- x\n"))
			}
			return err
		},
	}
	for what, act := range actions {
		for after := range 2 {
			calls := 0
			for call := 1; ; call++ {
				s, m := reviewed(t)
				ref, before := refFor(t, s, planted), read(t, s, Curated)
				n := 0
				count := func(bucket.Op, string) error {
					if n++; n == call {
						return died
					}
					return nil
				}
				f := &bucket.Faulty{Bucket: m, Before: count}
				if after == 1 {
					f = &bucket.Faulty{Bucket: m, After: count}
				}
				s.b = f
				err := act(s, ref)
				s.b = m
				if err == nil {
					break // it was not that many calls
				}
				calls++
				changes := past(t, s)
				changed := read(t, s, Curated) != before
				if !errors.Is(err, died) || changed && len(changes) == 0 {
					t.Fatalf("%s, call %d: %v with %d changes kept", what, call, err, len(changes))
				}
				// The file is as it was, or can be brought there.
				for _, c := range changes {
					if c.What != what || c.Before.Text != planted && c.Before.Text != before {
						t.Fatalf("%s, call %d: %+v", what, call, c)
					}
					must(t, s.Restore(ctx, c.ID, me))
				}
				if got := parse(read(t, s, Curated), time.Time{}); !sameSet(got, parse(before, time.Time{})) {
					t.Fatalf("%s, call %d: restored to\n%s", what, call, read(t, s, Curated))
				}
				if !changed && read(t, s, Curated) != before {
					t.Fatalf("%s, call %d: restoring what never happened made\n%s", what, call, read(t, s, Curated))
				}
			}
			if calls < 3 {
				t.Errorf("%s: tried %d calls", what, calls)
			}
		}
	}
}

func TestWithoutAHistoryNothingIsChanged(t *testing.T) {
	s, m := reviewed(t)
	ref, before := refFor(t, s, planted), read(t, s, Curated)
	down := errors.New("down")
	s.b = &bucket.Faulty{Bucket: m, Before: func(_ bucket.Op, key string) error {
		if strings.HasPrefix(key, "main/files-history/") {
			return down
		}
		return nil
	}}
	for _, err := range []error{s.Promote(ctx, ref, me), s.Edit(ctx, ref, "x", me), s.Delete(ctx, ref, me), s.Replace(ctx, Curated, planted, "x", agent)} {
		if !errors.Is(err, down) || read(t, s, Curated) != before {
			t.Error(err)
		}
	}
	if _, err := s.Remember(ctx, Curated, entry("t1", "x")); err != nil {
		t.Error("adding needs no history:", err)
	}
}

// tamper changes the newest record.
func tamper(t testing.TB, s *Store, change func(map[string]any)) (id string) {
	t.Helper()
	id = past(t, s)[0].ID
	key := s.history() + id
	o, err := s.b.Get(ctx, key)
	must(t, err)
	var fields map[string]any
	must(t, json.Unmarshal(o.Data, &fields))
	change(fields)
	data, err := json.Marshal(fields)
	must(t, err)
	_, err = s.b.PutIfMatch(ctx, key, o.ETag, data)
	must(t, err)
	return id
}

func TestARecordThatDoesNotFitTogetherRestoresNothing(t *testing.T) {
	for name, change := range map[string]func(map[string]any){
		"another label":    func(r map[string]any) { r["label"] = "owner" },
		"no label":         func(r map[string]any) { delete(r, "label") },
		"another text":     func(r map[string]any) { r["before"] = "DE99" },
		"no comment":       func(r map[string]any) { r["form"] = []byte("- " + planted) },
		"two entries":      func(r map[string]any) { r["form"] = []byte("- a\n- b") },
		"no form":          func(r map[string]any) { delete(r, "form") },
		"the persona":      func(r map[string]any) { r["file"] = Soul },
		"another file":     func(r map[string]any) { r["file"] = "../x.md" },
		"a later version":  func(r map[string]any) { r["v"] = 2 },
		"no result":        func(r map[string]any) { delete(r, "now") },
		"another type":     func(r map[string]any) { r["before"] = 1 },
		"a whole nonsense": func(r map[string]any) { r["whole"], r["file"] = true, "x" },
	} {
		s, _ := reviewed(t)
		must(t, s.Delete(ctx, refFor(t, s, planted), me))
		before := read(t, s, Curated)
		id := tamper(t, s, change)
		if err := s.Restore(ctx, id, me); !errors.Is(err, ErrInvalid) || read(t, s, Curated) != before {
			t.Errorf("%s: %v", name, err)
		}
		if c := past(t, s)[0]; c.What != Unreadable || c.ID != id || !c.At.Equal(noon) {
			t.Errorf("%s: %+v", name, c)
		}
	}
	s, _ := reviewed(t)
	for _, id := range []string{"", "x", "../MEMORY.md", "9999999999999-AAAAAAAA", "9999999999999-aaaaaaaa", "99999999999990AAAAAAAA"} {
		if err := s.Restore(ctx, id, me); !errors.Is(err, ErrRef) {
			t.Errorf("%q: %v", id, err)
		}
	}
}

func FuzzRecord(f *testing.F) {
	s := Open(bucket.NewMemory(), "f")
	f.Add([]byte(`{"v":1,"file":"MEMORY.md","what":"deleted","before":"x","label":"","origin":"","form":"LSB4","now":{}}`), "- y\n")
	f.Add((&record{V: 1, File: Curated, What: Written, Whole: true, Before: "- x"}).encode(noon), "")
	f.Add([]byte(`{"v":1,"file":"MEMORY.md","before":"x","after":"y","label":"untrusted","origin":"o","form":"`+"LSB4IDwhLS0gaW5zdGFyIG9yaWdpbj1vIGxhYmVsPXVudHJ1c3RlZCAtLT4="+`","now":{"id":""}}`), "- y\n")
	f.Fuzz(func(t *testing.T, data []byte, raw string) {
		r, ok := decodeRecord(data)
		if !ok || r.File != Curated {
			return
		}
		b := bucket.NewMemory()
		_, err := b.PutIfAbsent(ctx, "f/MEMORY.md", []byte(raw))
		must(t, err)
		_, err = b.PutIfAbsent(ctx, "f-history/9999999999999-AAAAAAAA", data)
		must(t, err)
		s = Open(b, "f")
		if err := s.Restore(ctx, "9999999999999-AAAAAAAA", me); err != nil || r.Whole {
			return
		}
		after := parse(read(t, s, Curated), time.Time{})
		if indexEntry(after, r.Before, r.before()) < 0 {
			t.Fatalf("%s\nrestored into %q makes %q", data, raw, read(t, s, Curated))
		}
		if lost := len(parse(raw, time.Time{})) - len(after); lost > 0 {
			t.Fatalf("%d blocks lost", lost)
		}
	})
}

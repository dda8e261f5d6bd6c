package transcript

import (
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"instar/shared/bucket"
)

const kept = "main/sessions/main/results/"

func TestAResultIsReadAsItWasKept(t *testing.T) {
	b := bucket.NewMemory()
	r := &Results{Bucket: b, Prefix: kept}
	whole := strings.Repeat("0123456789é日本語\n", 2000)
	ref, err := r.Keep(t.Context(), "main.7.2.abc", whole)
	if err != nil || !isRef(ref) {
		t.Fatalf("ref %q, error %v", ref, err)
	}
	if keys := keysOf(t, b); len(keys) != 1 || keys[0] != kept+ref {
		t.Errorf("keys %q", keys)
	}
	var got strings.Builder
	for reads := 0; got.Len() < len(whole); reads++ {
		text, total, err := r.Read(t.Context(), ref, got.Len())
		if err != nil || total != len(whole) || len(text) > MaxRead || !utf8.ValidString(text) || reads > 5 {
			t.Fatalf("read %d: %d bytes of %d, error %v", reads, len(text), total, err)
		}
		got.WriteString(text)
	}
	if got.String() != whole {
		t.Error("the parts are not the whole")
	}
}

func TestAnOffsetWithinACharacterLosesNoByte(t *testing.T) {
	r := &Results{Bucket: bucket.NewMemory(), Prefix: kept}
	ref, _ := r.Keep(t.Context(), "c", "a日b")
	if text, total, err := r.Read(t.Context(), ref, 2); text != "日b"[1:] || total != 5 || err != nil {
		t.Errorf("%q of %d, error %v", text, total, err)
	}
}

func TestTheSameCallTwiceIsOneObject(t *testing.T) {
	b := bucket.NewMemory()
	r := &Results{Bucket: b, Prefix: kept}
	one, err1 := r.Keep(t.Context(), "main.7.2.abc", "first")
	two, err2 := r.Keep(t.Context(), "main.7.2.abc", "second")
	other, err3 := r.Keep(t.Context(), "main.7.2.abd", "other")
	if err := errors.Join(err1, err2, err3); err != nil || one != two || one == other || len(keysOf(t, b)) != 2 {
		t.Errorf("%q, %q and %q, error %v", one, two, other, err)
	}
	if text, _, err := r.Read(t.Context(), one, 0); text != "first" || err != nil {
		t.Errorf("%q, error %v", text, err)
	}
	if ref, err := r.Keep(t.Context(), "", "x"); err == nil {
		t.Errorf("a call without id is kept as %q", ref)
	}
}

func TestAnAnswerLostWhileKeepingIsNoLoss(t *testing.T) {
	b := bucket.NewMemory()
	lost := &bucket.Faulty{Bucket: b, After: func(bucket.Op, string) error { return errors.New("lost") }}
	if ref, err := (&Results{Bucket: lost, Prefix: kept}).Keep(t.Context(), "c", "text"); err == nil {
		t.Errorf("ref %q", ref)
	}
	r := &Results{Bucket: b, Prefix: kept}
	ref, err := r.Keep(t.Context(), "c", "text")
	if text, _, _ := r.Read(t.Context(), ref, 0); err != nil || text != "text" {
		t.Errorf("%q, error %v", text, err)
	}
}

func TestNoRefReachesOutsideThePrefix(t *testing.T) {
	b := bucket.NewMemory()
	r := &Results{Bucket: b, Prefix: kept}
	ref, _ := r.Keep(t.Context(), "c", "text")
	for _, key := range []string{"main/files/MEMORY.md", kept + "notes", kept + "sub/" + ref, kept + strings.ToUpper(ref)} {
		if _, err := b.PutIfAbsent(t.Context(), key, []byte("{\"v\":1}\nsecret")); err != nil {
			t.Fatal(err)
		}
	}
	m := bucket.NewMetered(b)
	r.Bucket = m
	for _, forged := range []string{"", "notes", "../log/99999999", "../../../files/MEMORY.md", "sub/" + ref, strings.ToUpper(ref), ref + "0", ref[1:],
		" " + ref[1:], ref[:19] + "g", ref[:19] + "/", "./" + ref[2:], ref[:18] + "é", ref[:19] + "\x00"} {
		if text, _, err := r.Read(t.Context(), forged, 0); !errors.Is(err, ErrRef) || text != "" {
			t.Errorf("%q: %q, error %v", forged, text, err)
		}
	}
	if c := m.Counts(); c.Reads != 0 {
		t.Errorf("the bucket was asked %d times", c.Reads)
	}
	if _, _, err := r.Read(t.Context(), strings.Repeat("0", refSize), 0); !errors.Is(err, ErrRef) {
		t.Errorf("a ref of nothing: %v", err)
	}
}

func TestAnOffsetOutsideIsExplained(t *testing.T) {
	r := &Results{Bucket: bucket.NewMemory(), Prefix: kept}
	ref, _ := r.Keep(t.Context(), "c", "text")
	for _, offset := range []int{-1, 4, 5, 1 << 40} {
		if text, _, err := r.Read(t.Context(), ref, offset); !errors.Is(err, ErrOffset) || !strings.Contains(err.Error(), "4 bytes") || text != "" {
			t.Errorf("offset %d: %q, error %v", offset, text, err)
		}
	}
	empty, _ := r.Keep(t.Context(), "d", "")
	if text, total, err := r.Read(t.Context(), empty, 0); text != "" || total != 0 || err != nil {
		t.Errorf("%q of %d, error %v", text, total, err)
	}
}

func TestMoreThanFiveMegabytesAreCutAndSaySo(t *testing.T) {
	r := &Results{Bucket: bucket.NewMemory(), Prefix: kept}
	ref, err := r.Keep(t.Context(), "c", strings.Repeat("é", MaxKept))
	if err != nil {
		t.Fatal(err)
	}
	_, total, _ := r.Read(t.Context(), ref, 0)
	text, _, err := r.Read(t.Context(), ref, total-100)
	if err != nil || total > MaxKept || total < MaxKept-40 || !strings.HasSuffix(text, "é\n[cut: 10485760 bytes in all]") {
		t.Errorf("%d bytes, end %q, error %v", total, text, err)
	}
}

func TestAKeptResultThatIsDamagedIsAnError(t *testing.T) {
	b := bucket.NewMemory()
	r := &Results{Bucket: b, Prefix: kept}
	ref := strings.Repeat("a", refSize)
	for _, data := range []string{"", "text", "{}\ntext", "{\"v\":2}\ntext", `{"v":1}`} {
		if _, err := b.PutIfAbsent(t.Context(), kept+ref, []byte(data)); err != nil {
			t.Fatal(err)
		}
		if text, _, err := r.Read(t.Context(), ref, 0); err == nil || errors.Is(err, ErrRef) || text != "" {
			t.Errorf("%q: %q, error %v", data, text, err)
		}
		b.Delete(t.Context(), kept+ref)
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte("{\"v\":1}\na\xff日"), 2)
	f.Add([]byte("{\"v\":1}"), 0)
	f.Fuzz(func(t *testing.T, data []byte, offset int) {
		b := bucket.NewMemory()
		ref := strings.Repeat("a", refSize)
		if _, err := b.PutIfAbsent(t.Context(), kept+ref, data); err != nil {
			t.Fatal(err)
		}
		text, total, err := (&Results{Bucket: b, Prefix: kept}).Read(t.Context(), ref, offset)
		if err == nil && (len(text) > MaxRead || offset+len(text) > total || len(text) == 0 && offset < total) {
			t.Fatalf("%d bytes at %d of %d", len(text), offset, total)
		}
	})
}

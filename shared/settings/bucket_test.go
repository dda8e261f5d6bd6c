package settings_test

import (
	"errors"
	"strings"
	"testing"

	"instar/shared/bucket"
	"instar/shared/settings"
	"instar/shared/settings/settingstest"
)

func TestInBucketIsAStore(t *testing.T) {
	b := bucket.NewMemory()
	longest := strings.Repeat("p", 340) + "/"
	settingstest.Run(t, func(*testing.T) settings.Store { return settings.InBucket(b, longest) })
	if page, err := b.List(t.Context(), bucket.ListOptions{}); err != nil || len(page.Entries) > 0 {
		t.Errorf("the suite left %d objects, error %v", len(page.Entries), err)
	}
}

// onlyObject returns the one object that a setting made.
func onlyObject(t *testing.T, b bucket.Bucket) bucket.Object {
	t.Helper()
	page, err := b.List(t.Context(), bucket.ListOptions{})
	if err != nil || len(page.Entries) != 1 {
		t.Fatalf("%d objects, error %v", len(page.Entries), err)
	}
	o, err := b.Get(t.Context(), page.Entries[0].Key)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func TestTheStoredFormStays(t *testing.T) {
	b := bucket.NewMemory()
	if err := settings.InBucket(b, "main/settings/").Put(t.Context(), "model:telegram/42", "a/b"); err != nil {
		t.Fatal(err)
	}
	const key, data = "main/settings/bW9kZWw6dGVsZWdyYW0vNDI", `{"v":1,"key":"model:telegram/42","value":"a/b"}`
	if o := onlyObject(t, b); o.Key != key || string(o.Data) != data {
		t.Errorf("stored %q as %s", o.Key, o.Data)
	}
}

func TestAnObjectThatIsNotTheSettingIsAnErrorAndPutRepairsIt(t *testing.T) {
	for data, want := range map[string]string{
		"":                                   "not JSON",
		`{"v":1,"key":"k","value":"x"`:       "not JSON",
		`{"v":2,"key":"k","value":"x"}`:      "version",
		`{"v":"1","key":"k","value":"x"}`:    "version",
		`[]`:                                 "version",
		`{"v":1,"key":"other","value":"x"}`:  "damaged",
		`{"v":1,"key":"k"}`:                  "damaged",
		`{"v":1,"key":"k","value":7}`:        "damaged",
		`{"v":1,"key":"k","value":""}`:       "damaged",
		`{"v":1,"key":"k","value":"\ud800"}`: "", // read as U+FFFD
	} {
		b := bucket.NewMemory()
		s := settings.InBucket(b, "s/")
		s.Put(t.Context(), "k", "x")
		o := onlyObject(t, b)
		if _, err := b.PutIfMatch(t.Context(), o.Key, o.ETag, []byte(data)); err != nil {
			t.Fatal(err)
		}
		value, ok, err := s.Get(t.Context(), "k")
		if want == "" && (err != nil || value != "\ufffd") ||
			want != "" && (err == nil || !strings.Contains(err.Error(), want) || ok || value != "") {
			t.Errorf("%s: got %q, %v, error %v; want %q", data, value, ok, err, want)
		}
		if err := s.Put(t.Context(), "k", "y"); err != nil {
			t.Errorf("%s: repair: %v", data, err)
		}
		if value, _, err := s.Get(t.Context(), "k"); err != nil || value != "y" {
			t.Errorf("%s: after the repair: %q, error %v", data, value, err)
		}
	}
}

func TestPutTriesAgainWhenAnotherWriterWasFirstButNotForEver(t *testing.T) {
	for losses, wantErr := range map[int]error{0: nil, 3: nil, 1000: bucket.ErrPrecondition} {
		memory := bucket.NewMemory()
		other := settings.InBucket(memory, "s/")
		tries := 0
		s := settings.InBucket(&bucket.Faulty{Bucket: memory, Before: func(op bucket.Op, _ string) error {
			if op == bucket.OpPutIfAbsent || op == bucket.OpPutIfMatch {
				if tries++; tries <= losses {
					return other.Put(t.Context(), "k", "other "+strings.Repeat("+", tries))
				}
			}
			return nil
		}}, "s/")
		if err := s.Put(t.Context(), "k", "mine"); !errors.Is(err, wantErr) {
			t.Errorf("%d losses: error %v, want %v", losses, err, wantErr)
		}
		if value, _, _ := s.Get(t.Context(), "k"); (value == "mine") != (wantErr == nil) {
			t.Errorf("%d losses: the value is %q", losses, value)
		}
	}
}

func TestPutOfTheSameValueWritesNothing(t *testing.T) {
	m := bucket.NewMetered(bucket.NewMemory())
	s := settings.InBucket(m, "s/")
	for range 3 {
		if err := s.Put(t.Context(), "k", "x"); err != nil {
			t.Fatal(err)
		}
	}
	if c := m.Counts(); c.Writes != 1 || c.Reads != 3 {
		t.Errorf("counted %+v", c)
	}
}

func TestAFailingBucketIsAnErrorAndNotAbsence(t *testing.T) {
	down := errors.New("down")
	s := settings.InBucket(&bucket.Faulty{Bucket: bucket.NewMemory(), Before: func(bucket.Op, string) error { return down }}, "s/")
	_, ok, err := s.Get(t.Context(), "k")
	for _, err := range []error{err, s.Put(t.Context(), "k", "x"), s.Delete(t.Context(), "k")} {
		if ok || !errors.Is(err, down) {
			t.Errorf("ok %v, error %v", ok, err)
		}
	}
}

func FuzzStoredSetting(f *testing.F) {
	f.Add([]byte(`{"v":1,"key":"k","value":"x"}`))
	f.Add([]byte(`{"v":1,"key":"k","value":"\ud800\u0000"}`))
	f.Add([]byte(`{"v":1e0,"value":{}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		b := bucket.NewMemory()
		if _, err := b.PutIfAbsent(t.Context(), "s/aw", data); err != nil { // "aw" is base64url of "k"
			t.Fatal(err)
		}
		value, ok, err := settings.InBucket(b, "s/").Get(t.Context(), "k")
		if ok != (err == nil) || ok && settings.CheckValue(value) != nil || !ok && value != "" {
			t.Errorf("%q: got %q, %v, error %v", data, value, ok, err)
		}
	})
}

package seal_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"instar/shared/bucket"
	"instar/shared/seal"
)

const (
	secretKey  = "main/people/telegram-4242"
	secretText = "the spare key is under the third pot"
)

// sealed is one sealed object in a bucket of its own.
type sealed struct {
	memory *bucket.Memory
	key    seal.Key
	bytes  []byte
}

func newSealed(t testing.TB) sealed {
	s := sealed{memory: bucket.NewMemory(), key: seal.NewKey()}
	if _, err := seal.New(s.memory, s.key, seal.Options{}).PutIfAbsent(t.Context(), secretKey, []byte(secretText)); err != nil {
		t.Fatal(err)
	}
	o, err := s.memory.Get(t.Context(), secretKey)
	if err != nil {
		t.Fatal(err)
	}
	s.bytes = o.Data
	return s
}

// read places bytes at a key of the bucket below and reads them through the wrapper.
func (s sealed) read(t testing.TB, key string, data []byte) (bucket.Object, error) {
	t.Helper()
	if err := s.memory.Delete(t.Context(), key); err != nil {
		t.Fatal(err)
	}
	if _, err := s.memory.PutIfAbsent(t.Context(), key, data); err != nil {
		t.Fatal(err)
	}
	return seal.New(s.memory, s.key, seal.Options{}).Get(t.Context(), key)
}

func TestEachKindOfDamageHasAnErrorOfItsOwn(t *testing.T) {
	s := newSealed(t)
	changed := func(at int, b byte) []byte {
		data := bytes.Clone(s.bytes)
		data[at] ^= b
		return data
	}
	for _, c := range []struct {
		name, key string
		data      []byte
		want      error
	}{
		{"empty", secretKey, nil, seal.ErrNotSealed},
		{"plain text", secretKey, []byte(`{"v":1}`), seal.ErrNotSealed},
		{"another beginning", secretKey, changed(0, 1), seal.ErrNotSealed},
		{"a newer version", secretKey, changed(3, 2), seal.ErrVersion},
		{"an older version", secretKey, changed(3, 1), seal.ErrVersion},
		{"another data key", secretKey, changed(4, 1), seal.ErrUnknownKey},
		{"moved to another key", "main/people/telegram-4243", s.bytes, seal.ErrMoved},
		{"another place in the header", secretKey, changed(12, 1), seal.ErrMoved},
		{"another length in the header", secretKey, changed(27, 1), seal.ErrLength},
		{"a huge length in the header", secretKey, changed(20, 0xff), seal.ErrLength},
		{"another nonce", secretKey, changed(28, 1), seal.ErrAltered},
		{"another content", secretKey, changed(52, 1), seal.ErrAltered},
		{"another tag", secretKey, changed(len(s.bytes)-1, 0x80), seal.ErrAltered},
		{"one byte cut", secretKey, s.bytes[:len(s.bytes)-1], seal.ErrLength},
		{"cut to the beginning", secretKey, s.bytes[:3], seal.ErrLength},
		{"cut in the header", secretKey, s.bytes[:30], seal.ErrLength},
		{"one byte added", secretKey, append(bytes.Clone(s.bytes), 0), seal.ErrLength},
	} {
		o, err := s.read(t, c.key, c.data)
		if !errors.Is(err, c.want) || o.Data != nil || o.ETag != "" {
			t.Errorf("%s: got %q, error %v; want %v", c.name, o.Data, err, c.want)
		}
	}
}

// An attacker who knows the format mends the unkeyed part of the header too.
func TestAMovedObjectWithAMendedHeaderDoesNotOpen(t *testing.T) {
	s := newSealed(t)
	const victim = "main/people/owner"
	other := newSealed(t)
	o, err := other.read(t, victim, nil) // to have a bucket with that key
	if err == nil {
		t.Fatal(o)
	}
	b := seal.New(s.memory, s.key, seal.Options{})
	if _, err := b.PutIfAbsent(t.Context(), victim, []byte(secretText)); err != nil {
		t.Fatal(err)
	}
	own, err := s.memory.Get(t.Context(), victim)
	if err != nil {
		t.Fatal(err)
	}
	forged := bytes.Clone(s.bytes)
	copy(forged[12:20], own.Data[12:20])
	if _, err := s.read(t, victim, forged); !errors.Is(err, seal.ErrAltered) {
		t.Errorf("error %v", err)
	}
}

func TestAnObjectOfAnotherBucketDoesNotOpen(t *testing.T) {
	s, other := newSealed(t), newSealed(t)
	if _, err := s.read(t, secretKey, other.bytes); !errors.Is(err, seal.ErrUnknownKey) {
		t.Errorf("error %v", err)
	}
}

func TestAnotherSealKeyOpensNothing(t *testing.T) {
	s := newSealed(t)
	for _, o := range []seal.Options{{}, {Import: true}} {
		b := seal.New(s.memory, seal.NewKey(), o)
		if _, err := b.Get(t.Context(), secretKey); !errors.Is(err, seal.ErrWrongKey) {
			t.Errorf("get: error %v", err)
		}
		if _, err := b.PutIfAbsent(t.Context(), "new", nil); !errors.Is(err, seal.ErrWrongKey) {
			t.Errorf("put: error %v", err)
		}
	}
}

func TestADamagedRingIsAnErrorAndIsLeftAlone(t *testing.T) {
	for name, change := range map[string]func(ring string) string{
		"gone":             func(string) string { return "" },
		"plain text":       func(string) string { return "hello" },
		"cut short":        func(r string) string { return r[:len(r)-9] },
		"something behind": func(r string) string { return r + "{}" },
		"no slots":         func(string) string { return `{"v":1,"slots":[]}` },
		"a slot twice": func(r string) string {
			slot := r[strings.Index(r, "[")+1 : strings.LastIndex(r, "]")]
			return strings.Replace(r, slot, slot+","+slot, 1)
		},
		"another box": func(r string) string {
			at := strings.Index(r, `"box":"`) + 60
			return r[:at] + string(r[at]^1) + r[at+1:]
		},
		"a key in the box too few": func(r string) string {
			at := strings.Index(r, `"box":"`) + 7
			return r[:at] + r[at+64:]
		},
		"a newer version": func(r string) string { return strings.Replace(r, `"v":1`, `"v":2`, 1) },
		"no version":      func(r string) string { return strings.Replace(r, `"v":1`, `"w":1`, 1) },
	} {
		s := newSealed(t)
		ring, err := s.memory.Get(t.Context(), seal.RingKey)
		if err != nil {
			t.Fatal(err)
		}
		want := seal.ErrRing
		if name == "a newer version" {
			want = seal.ErrVersion
		}
		damaged := change(string(ring.Data))
		if name == "gone" {
			s.memory.Delete(t.Context(), seal.RingKey)
		} else if _, err := s.memory.PutIfMatch(t.Context(), seal.RingKey, ring.ETag, []byte(damaged)); err != nil {
			t.Fatal(err)
		}
		b := seal.New(s.memory, s.key, seal.Options{})
		if _, err := b.Get(t.Context(), secretKey); !errors.Is(err, want) {
			t.Errorf("%s: error %v, want %v", name, err, want)
		}
		if name == "gone" {
			continue // the first write makes a new one
		}
		if _, err := b.PutIfAbsent(t.Context(), "new", nil); !errors.Is(err, want) {
			t.Errorf("%s: put: error %v", name, err)
		}
		if now, err := s.memory.Get(t.Context(), seal.RingKey); err != nil || string(now.Data) != damaged {
			t.Errorf("%s: the ring was replaced", name)
		}
	}
}

func TestErrorsNameNeitherKeysNorContent(t *testing.T) {
	s := newSealed(t)
	for i := range s.bytes {
		data := bytes.Clone(s.bytes)
		data[i] ^= 0x10
		_, err := s.read(t, secretKey, data)
		if err == nil {
			t.Fatalf("byte %d changed and it opened", i)
		}
		for _, word := range []string{"4242", "people", "spare", s.key.Text()} {
			if strings.Contains(err.Error(), word) {
				t.Errorf("the error %q has %q", err, word)
			}
		}
	}
}

// Whatever bytes are in the bucket, what comes out is what was sealed there,
// or nothing.
func FuzzOnlyWhatWasSealedOpens(f *testing.F) {
	s := newSealed(f)
	f.Add(secretKey, s.bytes)
	f.Add("elsewhere", s.bytes)
	for _, n := range []int{0, 3, 4, 51, 52, 67} {
		f.Add(secretKey, s.bytes[:n])
	}
	f.Add(secretKey, []byte("\xffSL\x01"))
	f.Fuzz(func(t *testing.T, key string, data []byte) {
		if bucket.CheckKey(key) != nil || key == seal.RingKey {
			t.Skip()
		}
		genuine := key == secretKey && bytes.Equal(data, s.bytes)
		o, err := s.read(t, key, bytes.Clone(data))
		if (err == nil) != genuine || genuine && string(o.Data) != secretText {
			t.Errorf("got %q, error %v", o.Data, err)
		}
	})
}

func FuzzContentsComeBack(f *testing.F) {
	f.Add("k", []byte(nil))
	f.Add("main/files/SOUL.md", []byte("\xffSL\x01 and more"))
	s := newSealed(f)
	f.Fuzz(func(t *testing.T, key string, data []byte) {
		if bucket.CheckKey(key) != nil || key == seal.RingKey {
			t.Skip()
		}
		b := seal.New(s.memory, s.key, seal.Options{})
		b.Delete(t.Context(), key)
		want := fmt.Sprintf("%x", data)
		if _, err := b.PutIfAbsent(t.Context(), key, data); err != nil {
			t.Fatal(err)
		}
		o, err := b.Get(t.Context(), key)
		if got := fmt.Sprintf("%x", o.Data); err != nil || got != want {
			t.Errorf("%s came back as %s, error %v", want, got, err)
		}
	})
}

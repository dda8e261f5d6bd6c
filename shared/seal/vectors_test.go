package seal

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"os"
	"testing"

	"instar/shared/bucket"
)

// vectors is testdata/v1.json. testdata/v1.mjs checks the same file without Go
// and without this package: `node shared/seal/testdata/v1.mjs`.
type vectors struct {
	SealKey   string   `json:"seal_key"`    // as in the variable
	SealKeyID text     `json:"seal_key_id"` // all text is hexadecimal
	Root      text     `json:"root"`
	DataKeys  []text   `json:"data_keys"` // oldest first
	Derived   []derive `json:"derived"`
	RingNonce text     `json:"ring_nonce"`
	Ring      string   `json:"ring"` // as stored
	Objects   []struct {
		Key     string `json:"key"`
		DataKey int    `json:"data_key"` // index
		Nonce   text   `json:"nonce"`
		Content text   `json:"content"`
		Sealed  text   `json:"sealed"`
	} `json:"objects"`
}

type derive struct {
	From    text    `json:"from"`
	Purpose Purpose `json:"purpose"`
	Key     text    `json:"key"`
}

type text []byte

func (t *text) UnmarshalText(b []byte) (err error) {
	*t, err = hex.AppendDecode(nil, b)
	return err
}

func readVectors(t *testing.T) (v vectors, sealKey Key) {
	t.Helper()
	data, err := os.ReadFile("testdata/v1.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, &v); err != nil {
		t.Fatal(err)
	}
	if sealKey, err = ParseKey("SEAL_KEY", v.SealKey); err != nil {
		t.Fatal(err)
	}
	return v, sealKey
}

func TestKeysAreDerivedAsPublished(t *testing.T) {
	v, sealKey := readVectors(t)
	if id := sealKey.id(); !bytes.Equal(id[:], v.SealKeyID) {
		t.Errorf("the SEAL_KEY's id is %x", id)
	}
	for _, d := range v.Derived {
		if got := keyOf(d.From).Derive(d.Purpose).Bytes(); !bytes.Equal(got, d.Key) {
			t.Errorf("%s is %x", d.Purpose, got)
		}
	}
}

func TestTheRingIsWrittenAsPublished(t *testing.T) {
	v, sealKey := readVectors(t)
	var all []Key
	for _, key := range v.DataKeys {
		all = append(all, keyOf(key))
	}
	got, err := json.Marshal(ring{version, []slot{wrapWith(v.RingNonce, newKeys(keyOf(v.Root), all...), sealKey)}})
	if err != nil || string(got) != v.Ring {
		t.Errorf("it is %s, error %v", got, err)
	}
}

func TestObjectsAreSealedAsPublished(t *testing.T) {
	v, _ := readVectors(t)
	for _, o := range v.Objects {
		got := newDataKey(keyOf(v.DataKeys[o.DataKey])).sealWith([24]byte(o.Nonce), o.Key, o.Content)
		if !bytes.Equal(got, o.Sealed) {
			t.Errorf("%s is %x", o.Key, got)
		}
	}
}

func TestAPublishedBucketOpens(t *testing.T) {
	v, sealKey := readVectors(t)
	memory := bucket.NewMemory()
	store := func(key string, data []byte) {
		if _, err := memory.PutIfAbsent(t.Context(), key, data); err != nil {
			t.Fatal(err)
		}
	}
	store(RingKey, []byte(v.Ring))
	for _, o := range v.Objects {
		store(o.Key, o.Sealed)
	}
	b := New(memory, sealKey, Options{})
	for _, want := range v.Objects {
		if o, err := b.Get(t.Context(), want.Key); err != nil || !bytes.Equal(o.Data, want.Content) {
			t.Errorf("%s reads %x, error %v", want.Key, o.Data, err)
		}
	}
	if root, err := b.Root(t.Context()); err != nil || !bytes.Equal(root.Bytes(), v.Root) {
		t.Errorf("the root is %x, error %v", root.Bytes(), err)
	}
}

// Bytes in place of the ring never panic and open only when they say what was
// wrapped. Written again, a ring that opens says the same.
func FuzzARingOpensOnlyAsItWasWrapped(f *testing.F) {
	sealKey, other := NewKey(), NewKey()
	k := newKeys(NewKey(), NewKey(), NewKey())
	f.Add(wrap(k, sealKey))
	f.Add(wrap(k, other, sealKey))
	f.Add(wrap(k, other))
	f.Add([]byte(`{"v":1,"slots":[{"key":"0000000000000000","box":""}]}`))
	f.Add([]byte(`{"v":1,"slots":null}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := parseRing(data)
		if err != nil {
			return
		}
		if _, err := r.open(sealKey); err != nil {
			return
		}
		if err := verify(data, k, []Key{sealKey}); err != nil {
			t.Error(err)
		}
	})
}

func BenchmarkTheFirstReadOfAnInstance(b *testing.B) {
	memory, sealKey := bucket.NewMemory(), NewKey()
	if _, err := New(memory, sealKey, Options{}).PutIfAbsent(context.Background(), "k", make([]byte, 1024)); err != nil {
		b.Fatal(err)
	}
	for name, cache := range map[string]*Cache{"cold": nil, "warm": new(Cache)} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if _, err := New(memory, sealKey, Options{Cache: cache}).Get(context.Background(), "k"); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

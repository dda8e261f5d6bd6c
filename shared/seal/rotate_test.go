package seal_test

import (
	"bytes"
	"errors"
	"fmt"
	"testing"

	"instar/shared/bucket"
	"instar/shared/seal"
)

// opens reports whether a SEAL_KEY reads the object of newSealed.
func (s sealed) opens(t *testing.T, key seal.Key) bool {
	t.Helper()
	o, err := seal.New(s.memory, key, seal.Options{}).Get(t.Context(), secretKey)
	if err != nil && !errors.Is(err, seal.ErrWrongKey) {
		t.Fatal(err)
	}
	return err == nil && string(o.Data) == secretText
}

func rotate(t *testing.T, b bucket.Bucket, r seal.Rotation) {
	t.Helper()
	if err := seal.Rotate(t.Context(), b, r); err != nil {
		t.Fatal(err)
	}
}

func TestAfterARotationOnlyTheNewKeyOpensAndNoObjectWasWritten(t *testing.T) {
	s, next := newSealed(t), seal.NewKey()
	metered := bucket.NewMetered(s.memory)
	rotate(t, metered, seal.Rotation{From: s.key, To: next})
	if c := metered.Counts(); c != (bucket.Counts{Reads: 1, Writes: 1}) {
		t.Errorf("it took %+v", c)
	}
	if !s.opens(t, next) || s.opens(t, s.key) {
		t.Error("the new key must open and the old one must not")
	}
	if !bytes.Equal(get(t, s.memory, secretKey).Data, s.bytes) {
		t.Error("an object was written")
	}
}

func TestTwoKeysOpenUntilTheSecondRotation(t *testing.T) {
	s, next := newSealed(t), seal.NewKey()
	r := seal.Rotation{From: s.key, To: next, KeepFrom: true}
	rotate(t, s.memory, r)
	if !s.opens(t, next) || !s.opens(t, s.key) {
		t.Error("both keys must open")
	}
	// What one program writes the other reads.
	put(t, seal.New(s.memory, s.key, seal.Options{}), "by the old", "x")
	put(t, seal.New(s.memory, next, seal.Options{}), "by the new", "x")
	get(t, seal.New(s.memory, next, seal.Options{}), "by the old")
	get(t, seal.New(s.memory, s.key, seal.Options{}), "by the new")
	r.KeepFrom = false
	rotate(t, s.memory, r)
	if !s.opens(t, next) || s.opens(t, s.key) {
		t.Error("the new key must open and the old one must not")
	}
}

func TestARotationEndsEveryOtherKey(t *testing.T) {
	s, second, third := newSealed(t), seal.NewKey(), seal.NewKey()
	rotate(t, s.memory, seal.Rotation{From: s.key, To: second, KeepFrom: true})
	rotate(t, s.memory, seal.Rotation{From: second, To: third, KeepFrom: true})
	if s.opens(t, s.key) || !s.opens(t, second) || !s.opens(t, third) {
		t.Error("the first key must not open, the others must")
	}
}

func TestRepeatingARotationWritesNothing(t *testing.T) {
	for _, keep := range []bool{false, true} {
		s, next := newSealed(t), seal.NewKey()
		r := seal.Rotation{From: s.key, To: next, KeepFrom: keep}
		rotate(t, s.memory, r)
		metered := bucket.NewMetered(s.memory)
		rotate(t, metered, r)
		if c := metered.Counts(); c.Writes > 0 {
			t.Errorf("keeping %v: it took %+v", keep, c)
		}
	}
}

func TestANewDataKeySealsNewObjectsAndOldOnesStillOpen(t *testing.T) {
	s, next := newSealed(t), seal.NewKey()
	cache := new(seal.Cache) // of an instance that lives on
	put(t, seal.New(s.memory, s.key, seal.Options{Cache: cache}), "before", "x")
	rotate(t, s.memory, seal.Rotation{From: s.key, To: next, KeepFrom: true, NewDataKey: true})
	put(t, seal.New(s.memory, next, seal.Options{}), "after", "x")
	id := func(key string) string { return string(get(t, s.memory, key).Data[4:12]) }
	if id("after") == id("before") {
		t.Error("both are sealed under one key")
	}
	for _, key := range []string{"before", "after", secretKey} {
		get(t, seal.New(s.memory, next, seal.Options{}), key)
		get(t, seal.New(s.memory, s.key, seal.Options{Cache: cache}), key)
	}
	put(t, seal.New(s.memory, s.key, seal.Options{Cache: cache}), "last", "x")
	if id("last") != id("after") {
		t.Error("the instance did not learn of the new data key")
	}
}

func TestADataKeyCanBeAddedUnderTheSameSealKeyUpToABound(t *testing.T) {
	s := newSealed(t)
	var err error
	added := 0
	for ; err == nil && added < 1000; added++ {
		err = seal.Rotate(t.Context(), s.memory, seal.Rotation{From: s.key, To: s.key, NewDataKey: true})
	}
	if err == nil || added != 256 {
		t.Errorf("adding the key number %d gave %v", added, err)
	}
	if !s.opens(t, s.key) {
		t.Error("the first object does not open any more")
	}
	rotate(t, s.memory, seal.Rotation{From: s.key, To: seal.NewKey(), KeepFrom: true}) // the largest ring can be read
}

func TestARotationLeavesTheRootKey(t *testing.T) {
	s, next := newSealed(t), seal.NewKey()
	before, err := seal.New(s.memory, s.key, seal.Options{}).Root(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	rotate(t, s.memory, seal.Rotation{From: s.key, To: next, NewDataKey: true})
	after, err := seal.New(s.memory, next, seal.Options{}).Root(t.Context())
	if err != nil || !bytes.Equal(before.Bytes(), after.Bytes()) {
		t.Errorf("the root key is another one, error %v", err)
	}
}

func TestNobodyRotatesWithoutAKeyThatOpens(t *testing.T) {
	s := newSealed(t)
	before := get(t, s.memory, seal.RingKey).ETag
	err := seal.Rotate(t.Context(), s.memory, seal.Rotation{From: seal.NewKey(), To: seal.NewKey(), NewDataKey: true})
	if !errors.Is(err, seal.ErrWrongKey) || get(t, s.memory, seal.RingKey).ETag != before {
		t.Errorf("error %v", err)
	}
	err = seal.Rotate(t.Context(), bucket.NewMemory(), seal.Rotation{From: s.key, To: seal.NewKey()})
	if !errors.Is(err, bucket.ErrNotFound) {
		t.Errorf("of an empty bucket: error %v", err)
	}
	for _, r := range []seal.Rotation{{From: s.key}, {To: s.key}, {}} {
		if err := seal.Rotate(t.Context(), s.memory, r); !errors.Is(err, seal.ErrSealKey) {
			t.Errorf("without a key: error %v", err)
		}
	}
}

// Whichever call fails or loses its answer, the bucket opens with at least one
// of the keys at every moment, and the same rotation can be made again.
func TestARotationMayCrashAtEveryCall(t *testing.T) {
	crash := errors.New("the machine is gone")
	for _, r := range []seal.Rotation{{}, {KeepFrom: true}, {NewDataKey: true}, {KeepFrom: true, NewDataKey: true}} {
		for fail := 1; ; fail++ {
			crashed := false
			for _, isBefore := range []bool{true, false} {
				name := fmt.Sprintf("call %d, before %v, keeping %v, new key %v", fail, isBefore, r.KeepFrom, r.NewDataKey)
				s := newSealed(t)
				r.From, r.To = s.key, seal.NewKey()
				calls := 0
				step := func(bucket.Op, string) error {
					if calls++; calls == fail {
						crashed = true
						return crash
					}
					return nil
				}
				faulty := &bucket.Faulty{Bucket: s.memory, After: step}
				if isBefore {
					faulty = &bucket.Faulty{Bucket: s.memory, Before: step}
				}
				if err := seal.Rotate(t.Context(), faulty, r); err != nil && !errors.Is(err, crash) {
					t.Fatalf("%s: %v", name, err)
				}
				if !s.opens(t, r.From) && !s.opens(t, r.To) {
					t.Fatalf("%s: no key opens", name)
				}
				rotate(t, s.memory, r)
				if !s.opens(t, r.To) || s.opens(t, r.From) != r.KeepFrom {
					t.Errorf("%s: done again, the keys do not open as they should", name)
				}
			}
			if !crashed {
				break
			}
		}
	}
}

// Two rotations at once: one wins, the other finds that its keys open nothing.
func TestARotationAtTheSameTimeIsRespected(t *testing.T) {
	s, mine, theirs := newSealed(t), seal.NewKey(), seal.NewKey()
	isFirst := true
	between := &bucket.Faulty{Bucket: s.memory, Before: func(op bucket.Op, _ string) error {
		if op == bucket.OpPutIfMatch && isFirst {
			isFirst = false
			return seal.Rotate(t.Context(), s.memory, seal.Rotation{From: s.key, To: theirs})
		}
		return nil
	}}
	if err := seal.Rotate(t.Context(), between, seal.Rotation{From: s.key, To: mine}); !errors.Is(err, seal.ErrWrongKey) {
		t.Errorf("error %v", err)
	}
	if !s.opens(t, theirs) || s.opens(t, mine) || s.opens(t, s.key) {
		t.Error("their key must open and no other")
	}
}

func TestABucketThatNeverAgreesEndsTheRotation(t *testing.T) {
	s := newSealed(t)
	never := &bucket.Faulty{Bucket: s.memory, Before: func(op bucket.Op, _ string) error {
		if op == bucket.OpPutIfMatch {
			return bucket.ErrPrecondition
		}
		return nil
	}}
	if err := seal.Rotate(t.Context(), never, seal.Rotation{From: s.key, To: seal.NewKey()}); !errors.Is(err, bucket.ErrPrecondition) {
		t.Errorf("error %v", err)
	}
}

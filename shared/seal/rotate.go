package seal

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"instar/shared/bucket"
)

// Rotation says what Rotate is to do.
type Rotation struct {
	// From and To are the SEAL_KEY in use and the one to be used from now on.
	// They may be equal, to add a data key only.
	From, To Key
	// KeepFrom lets the key From open the bucket too, while programs that run
	// with it are being replaced. Rotating again without it ends that.
	KeepFrom bool
	// NewDataKey has new objects sealed under another data key, as is right when
	// somebody may have had From and read the ring. Objects that are there stay
	// under theirs until they are written again.
	NewDataKey bool
}

// Rotate changes which SEAL_KEY opens the bucket b, which is the one below a
// Bucket. It writes one object, the ring, in one step: a crash leaves it as it
// was or as it shall be. Afterwards To opens the bucket, From only with
// KeepFrom, and no other key, whatever the ring had slots for.
//
// It may be repeated after any error with the same Rotation, also when the
// write had happened and only its answer was lost: then nothing more is written,
// except that NewDataKey may add a second key. A rotation that somebody else
// makes at the same time is respected.
//
// Errors wrap ErrWrongKey when neither key opens the ring, and
// bucket.ErrNotFound when there is none since nothing has been sealed yet: then
// the new key can just be used.
func Rotate(ctx context.Context, b bucket.Bucket, r Rotation) error {
	const attempts = 5
	for attempt := 1; ; attempt++ {
		err := rotate(ctx, b, r)
		if errors.Is(err, bucket.ErrPrecondition) && attempt < attempts {
			continue
		}
		if err != nil {
			return fmt.Errorf("rotate the sealing key: %w", err)
		}
		return nil
	}
}

func rotate(ctx context.Context, b bucket.Bucket, r Rotation) error {
	if r.From.isZero() || r.To.isZero() {
		return ErrSealKey
	}
	o, err := b.Get(ctx, RingKey)
	if err != nil {
		return err
	}
	stored, err := parseRing(o.Data)
	if err != nil {
		return err
	}
	k, err := stored.open(r.From)
	if errors.Is(err, ErrWrongKey) { // this rotation was made before
		k, err = stored.open(r.To)
	}
	if err != nil {
		return err
	}
	under := []Key{r.To}
	if r.KeepFrom && r.From.id() != r.To.id() {
		under = append(under, r.From)
	}
	if !r.NewDataKey && len(stored.Slots) == len(under) && verify(o.Data, k, under) == nil {
		return nil
	}
	if r.NewDataKey {
		if len(k.all) == maxDataKeys {
			return fmt.Errorf("there are %d data keys already, and there can be no more", maxDataKeys)
		}
		k = newKeys(k.root, append(slices.Clip(k.all), NewKey())...)
	}
	data := wrap(k, under...)
	if err := verify(data, k, under); err != nil {
		return err
	}
	_, err = b.PutIfMatch(ctx, RingKey, o.ETag, data)
	return err
}

// verify checks that each key opens the ring and finds the same in it. What is
// written was verified, since it takes the place of the only ring.
func verify(data []byte, want *keys, under []Key) error {
	r, err := parseRing(data)
	if err != nil {
		return err
	}
	for _, key := range under {
		k, err := r.open(key)
		if err != nil {
			return err
		}
		same := func(a, b Key) bool { return *a.hidden.secret == *b.hidden.secret }
		if !same(k.root, want.root) || !slices.EqualFunc(k.all, want.all, same) {
			return errors.New("the new ring does not hold the keys of the old one")
		}
	}
	return nil
}

package seal

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"

	"instar/shared/bucket"
)

// Options of New. The zero value is right for most.
type Options struct {
	// Cache saves reading the ring again; nil reads it once for this Bucket.
	Cache *Cache
	// Import lets objects that are not sealed be read as they are, for as long
	// as it takes to write them again; what is written is always sealed. With it
	// on, whoever can write to the bucket can place content of their own, and an
	// object whose first bytes were damaged reads as noise. Listings give
	// objects that are not sealed Overhead bytes less than they have.
	Import bool
}

// Bucket seals the objects of the bucket below. It is made for one event and
// one SEAL_KEY, and making one asks nothing of the bucket. Etags are those of
// the sealed bytes, so that a write of the same content gives another etag.
type Bucket struct {
	below  bucket.Bucket
	ring   source
	cache  *Cache
	plain  bool
	reread atomic.Bool // the ring was read again for a key that it did not have
}

var _ bucket.Bucket = (*Bucket)(nil)

// Open is New with the key that the variable SEAL_KEY holds, as get reads it.
// Beside the error that says what to set it returns a bucket that fails.
func Open(below bucket.Bucket, get func(name string) string, cache *Cache) (*Bucket, error) {
	key, err := ParseKey("SEAL_KEY", get("SEAL_KEY"))
	return New(below, key, Options{Cache: cache}), err
}

// New seals what is in below with the keys that its ring holds under sealKey.
// With the zero Key every call that needs one fails with ErrSealKey.
func New(below bucket.Bucket, sealKey Key, o Options) *Bucket {
	if o.Cache == nil {
		o.Cache = new(Cache)
	}
	ring := source{below: below, sealKey: sealKey}
	if !sealKey.isZero() {
		ring.id = sealKey.id()
	}
	return &Bucket{below: below, ring: ring, cache: o.Cache, plain: o.Import}
}

// Root is a random key that belongs to the bucket and outlives rotations: the
// one to derive keys such as ForAudit from. It reads the ring when the cache
// does not have it, and makes one where there is none.
func (b *Bucket) Root(ctx context.Context) (Key, error) {
	k, err := b.cache.keys(ctx, b.ring, nil, create)
	if err != nil {
		return Key{}, fmt.Errorf("read the root key: %w", err)
	}
	return k.root, nil
}

// Get returns the object as it was given to a put. An object that is not
// sealed, not authentic or not from this place is an error that wraps
// ErrNotSealed, ErrVersion, ErrLength, ErrMoved, ErrUnknownKey or ErrAltered;
// one that cannot be tried wraps ErrWrongKey, ErrRing or ErrSealKey.
func (b *Bucket) Get(ctx context.Context, key string) (bucket.Object, error) {
	if err := checkKey(key); err != nil {
		return bucket.Object{}, fmt.Errorf("get object: %w", err)
	}
	o, err := b.below.Get(ctx, key)
	if err != nil || b.plain && !isSealed(o.Data) {
		return o, err
	}
	if o.Data, err = b.open(ctx, key, o.Data); err != nil {
		return bucket.Object{}, fmt.Errorf("open object: %w", err)
	}
	return o, nil
}

func (b *Bucket) open(ctx context.Context, place string, sealed []byte) ([]byte, error) {
	id, err := check(place, sealed)
	if err != nil {
		return nil, err
	}
	k, err := b.cache.keys(ctx, b.ring, nil, existing)
	if err != nil {
		return nil, err
	}
	d := k.ready[id]
	if d == nil && !b.reread.Swap(true) {
		// A rotation elsewhere may have added a data key since the ring was read.
		if k, err = b.cache.keys(ctx, b.ring, k, existing); err != nil {
			return nil, err
		}
		d = k.ready[id]
	}
	if d == nil {
		return nil, ErrUnknownKey
	}
	return d.open(place, sealed)
}

func (b *Bucket) PutIfAbsent(ctx context.Context, key string, data []byte) (string, error) {
	sealed, err := b.seal(ctx, key, data)
	if err != nil {
		return "", err
	}
	return b.below.PutIfAbsent(ctx, key, sealed)
}

func (b *Bucket) PutIfMatch(ctx context.Context, key, etag string, data []byte) (string, error) {
	sealed, err := b.seal(ctx, key, data)
	if err != nil {
		return "", err
	}
	return b.below.PutIfMatch(ctx, key, etag, sealed)
}

func (b *Bucket) seal(ctx context.Context, key string, data []byte) ([]byte, error) {
	if err := checkKey(key); err != nil {
		return nil, fmt.Errorf("put object: %w", err)
	}
	k, err := b.cache.keys(ctx, b.ring, nil, create)
	if err != nil {
		return nil, fmt.Errorf("seal object: %w", err)
	}
	return k.newest.seal(key, data), nil
}

func (b *Bucket) Delete(ctx context.Context, key string) error {
	if err := checkKey(key); err != nil {
		return fmt.Errorf("delete object: %w", err)
	}
	return b.below.Delete(ctx, key)
}

// List needs no key and opens nothing: it shows keys, etags, and the sizes of
// the contents.
func (b *Bucket) List(ctx context.Context, o bucket.ListOptions) (bucket.Page, error) {
	page, err := b.below.List(ctx, o)
	if err == nil && strings.HasPrefix(RingKey, o.Prefix) && RingKey > o.After {
		page, err = b.withoutRing(ctx, o.Prefix, page)
	}
	if err != nil {
		return bucket.Page{}, err
	}
	for i := range page.Entries {
		page.Entries[i].Size = max(0, page.Entries[i].Size-int64(Overhead))
	}
	return page, nil
}

// withoutRing leaves the ring out of a page and of what may come after it, so
// that the page is still full and knows whether it is the last. Only listings
// of the whole bucket come here, which cost a call more for each page before
// the ring.
func (b *Bucket) withoutRing(ctx context.Context, prefix string, page bucket.Page) (bucket.Page, error) {
	for i, e := range page.Entries {
		if e.Key != RingKey {
			continue
		}
		page.Entries = append(page.Entries[:i:i], page.Entries[i+1:]...)
		if page.Next == "" {
			return page, nil
		}
		more, err := b.below.List(ctx, bucket.ListOptions{Prefix: prefix, After: page.Next, Limit: 1})
		if err != nil {
			return bucket.Page{}, err
		}
		page.Entries, page.Next = append(page.Entries, more.Entries...), more.Next
		return page, nil
	}
	if page.Next == "" || page.Next > RingKey {
		return page, nil
	}
	more, err := b.below.List(ctx, bucket.ListOptions{Prefix: prefix, After: page.Next, Limit: 2})
	if err == nil && len(more.Entries) == 1 && more.Entries[0].Key == RingKey {
		page.Next = ""
	}
	return page, err
}

func checkKey(key string) error {
	if key == RingKey {
		return fmt.Errorf("%w: kept for the key ring", bucket.ErrKey)
	}
	return bucket.CheckKey(key)
}

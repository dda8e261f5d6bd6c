//go:build js && wasm

package workers

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"syscall/js"

	"instar/shared/bucket"
)

// r2 is an R2 bucket. Conditional puts are R2's own: onlyIf etagMatches, and
// etagDoesNotMatch "*" for create-only; a put whose condition fails answers null.
// An etag is a hash of the content. A key has at most 1,024 bytes and takes about
// one write a second (developers.cloudflare.com/r2/platform/limits/); one list
// answers at most 1,000 objects, and deletes are free
// (developers.cloudflare.com/r2/pricing/).
type r2 struct{ binding js.Value }

func (b *r2) Get(ctx context.Context, key string) (bucket.Object, error) {
	if err := bucket.CheckKey(key); err != nil {
		return bucket.Object{}, err
	}
	v, err := call(ctx, "r2get", b.binding, key)
	if err != nil {
		return bucket.Object{}, fmt.Errorf("get object: %w", err)
	}
	if v.IsNull() {
		return bucket.Object{}, fmt.Errorf("get object: %w", bucket.ErrNotFound)
	}
	return bucket.Object{Key: key, ETag: v.Index(0).String(), Data: copyIn(v.Index(1))}, nil
}

func (b *r2) PutIfAbsent(ctx context.Context, key string, data []byte) (string, error) {
	return b.put(ctx, key, "", data)
}

func (b *r2) PutIfMatch(ctx context.Context, key, etag string, data []byte) (string, error) {
	if etag == "" || strings.ContainsAny(etag, `"*`) { // never an R2 etag, and "*" would match any
		return "", fmt.Errorf("put object: no etag: %w", bucket.ErrPrecondition)
	}
	return b.put(ctx, key, etag, data)
}

func (b *r2) put(ctx context.Context, key, etag string, data []byte) (string, error) {
	if err := bucket.CheckKey(key); err != nil {
		return "", err
	}
	v, err := call(ctx, "r2put", b.binding, key, etag, copyOut(data))
	if err != nil {
		return "", fmt.Errorf("put object: %w", err)
	}
	if v.IsNull() {
		return "", fmt.Errorf("put object: %w", bucket.ErrPrecondition)
	}
	return v.String(), nil
}

func (b *r2) Delete(ctx context.Context, key string) error {
	if err := bucket.CheckKey(key); err != nil {
		return err
	}
	if _, err := method(ctx, b.binding, "delete", key); err != nil {
		return fmt.Errorf("delete object: %w", err)
	}
	return nil
}

func (b *r2) List(ctx context.Context, o bucket.ListOptions) (bucket.Page, error) {
	if o.Limit <= 0 || o.Limit > bucket.MaxList {
		o.Limit = bucket.MaxList
	}
	v, err := call(ctx, "r2list", b.binding, o.Prefix, o.After, o.Limit)
	if err != nil {
		return bucket.Page{}, fmt.Errorf("list objects: %w", err)
	}
	var page bucket.Page
	for line := range strings.SplitSeq(v.Index(1).String(), "\n") {
		if line == "" {
			continue
		}
		etag, rest, _ := strings.Cut(line, " ")
		size, key, _ := strings.Cut(rest, " ")
		n, err := strconv.ParseInt(size, 10, 64)
		if err != nil {
			return bucket.Page{}, errors.New("list objects: unreadable answer")
		}
		page.Entries = append(page.Entries, bucket.Entry{Key: key, ETag: etag, Size: n})
	}
	if v.Index(0).Bool() && len(page.Entries) > 0 {
		page.Next = page.Entries[len(page.Entries)-1].Key
	}
	return page, nil
}

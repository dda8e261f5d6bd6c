//go:build e2e

// Package s3_test runs the S3 bucket against a real S3 server.
package s3_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"instar/e2e/s3server"
	"instar/shared/bucket"
	"instar/shared/bucket/buckettest"
	"instar/shared/seal"
)

func TestS3IsABucket(t *testing.T) {
	b := s3server.Start(t).Open(t)
	others := []string{"aaa", "zzz"} // on both sides of the suite's own keys
	for _, key := range others {
		if _, err := b.PutIfAbsent(t.Context(), key, nil); err != nil {
			t.Fatal(err)
		}
	}
	open := func(*testing.T) bucket.Bucket { return b }
	buckettest.Run(t, open)
	t.Run("full pages", func(t *testing.T) { buckettest.RunFullPages(t, open) })
	page, err := b.List(t.Context(), bucket.ListOptions{})
	if err != nil || len(page.Entries) != len(others) {
		t.Errorf("the suite left %v, error %v", page.Entries, err)
	}
}

func TestTheSealedBucketOverS3IsABucket(t *testing.T) {
	b := seal.New(s3server.Start(t).Open(t), seal.NewKey(), seal.Options{})
	buckettest.Run(t, func(*testing.T) bucket.Bucket { return b })
}

// From 2 MB on the SDK waits for the server's word before it sends the body.
func TestALargeObjectReadsBack(t *testing.T) {
	b := s3server.Start(t).Open(t)
	data := bytes.Repeat([]byte("0123456789abcdef"), 20<<20/16)
	etag, err := b.PutIfAbsent(t.Context(), "large", data)
	if err != nil {
		t.Fatal(err)
	}
	if o, err := b.Get(t.Context(), "large"); err != nil || o.ETag != etag || !bytes.Equal(o.Data, data) {
		t.Errorf("got %d bytes, etag %q, error %v", len(o.Data), o.ETag, err)
	}
	if _, err := b.PutIfMatch(t.Context(), "large", "0ld", data); !errors.Is(err, bucket.ErrPrecondition) {
		t.Errorf("error %v", err)
	}
}

// Eight writers, each a client of its own as eight functions would be, count to
// 200 together; how often each was refused does not matter.
func TestConcurrentIncrementsOfManyClientsLoseNothing(t *testing.T) {
	const writers, each = 8, 25
	server := s3server.Start(t)
	if _, err := server.Open(t).PutIfAbsent(t.Context(), "counter", []byte("0")); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	var refused atomic.Int64
	for range writers {
		b := server.Open(t)
		wg.Go(func() {
			for range each {
				if err := increment(t.Context(), b, &refused); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	o, err := server.Open(t).Get(t.Context(), "counter")
	if err != nil || string(o.Data) != strconv.Itoa(writers*each) {
		t.Errorf("counted to %s of %d, error %v", o.Data, writers*each, err)
	}
	t.Logf("%d writes were refused on the way", refused.Load())
}

func increment(ctx context.Context, b bucket.Bucket, refused *atomic.Int64) error {
	for {
		o, err := b.Get(ctx, "counter")
		if err != nil {
			return err
		}
		n, err := strconv.Atoi(string(o.Data))
		if err != nil {
			return err
		}
		_, err = b.PutIfMatch(ctx, "counter", o.ETag, fmt.Append(nil, n+1))
		if !errors.Is(err, bucket.ErrPrecondition) {
			return err
		}
		refused.Add(1)
	}
}

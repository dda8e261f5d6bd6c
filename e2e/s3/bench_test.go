//go:build e2e

package s3_test

import (
	"bytes"
	"fmt"
	"testing"

	"instar/e2e/s3server"
	"instar/shared/bucket"
)

// One object of 4 KB, over and over, on one connection.
//
//	go test -tags e2e -run '^$' -bench . ./e2e/s3
func BenchmarkS3(b *testing.B) {
	s3 := s3server.Start(b).Open(b)
	data := bytes.Repeat([]byte("x"), 4<<10)
	etag, err := s3.PutIfAbsent(b.Context(), "k", data)
	if err != nil {
		b.Fatal(err)
	}
	b.Run("get", func(b *testing.B) {
		for b.Loop() {
			if _, err := s3.Get(b.Context(), "k"); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("replace", func(b *testing.B) {
		for n := 0; b.Loop(); n++ {
			if etag, err = s3.PutIfMatch(b.Context(), "k", etag, fmt.Append(data, n)); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("list", func(b *testing.B) {
		for b.Loop() {
			if _, err := s3.List(b.Context(), bucket.ListOptions{Limit: 10}); err != nil {
				b.Fatal(err)
			}
		}
	})
}

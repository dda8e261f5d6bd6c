//go:build !js

package seal_test

import (
	"testing"

	"instar/shared/bucket"
	"instar/shared/bucket/buckettest"
	"instar/shared/seal"
)

func TestASealedFolderIsABucket(t *testing.T) {
	buckettest.Run(t, func(t *testing.T) bucket.Bucket {
		f, err := bucket.OpenFolder(t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { f.Close() })
		return seal.New(f, seal.NewKey(), seal.Options{})
	})
}

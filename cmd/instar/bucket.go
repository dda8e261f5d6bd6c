package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"instar/shared/bucket"
)

// openBucket opens the owner's bucket by its address, and returns how to close
// it. The one kind so far is a folder (bucket.Folder), which must be there:
// a mistyped name is an error, not a new bucket.
func openBucket(address string) (b bucket.Bucket, closeBucket func() error, err error) {
	if scheme, _, found := strings.Cut(address, "://"); found {
		return nil, nil, fmt.Errorf("a bucket by %s:// cannot be opened from here yet: give a folder", scheme)
	}
	if _, err := os.Stat(filepath.Join(address, "objects")); errors.Is(err, fs.ErrNotExist) {
		return nil, nil, fmt.Errorf("%s is not the folder of a bucket: it has no folder objects in it", address)
	}
	f, err := bucket.OpenFolder(address)
	if err != nil {
		return nil, nil, err
	}
	return f, f.Close, nil
}

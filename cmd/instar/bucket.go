package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"instar/shared/aws/s3"
	"instar/shared/bucket"
)

// bucketUsage explains openBucket's addresses.
const bucketUsage = `The bucket is a folder, which nothing else may have open, or
  s3://NAME                        on Amazon S3
  s3://NAME?endpoint=https://HOST  on R2 (ACCOUNT.r2.cloudflarestorage.com) or another server
with AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN and AWS_REGION
in the environment, as aws configure export-credentials --format env prints them;
for R2, those of an API token.`

// openBucket opens the owner's bucket by its address, and returns how to close
// it. A folder (bucket.Folder) must be there: a mistyped name is an error, not
// a new bucket.
func openBucket(address string, env func(name string) string) (b bucket.Bucket, closeBucket func() error, err error) {
	switch scheme, _, found := strings.Cut(address, "://"); {
	case found && scheme == "s3":
		return openS3(address, env)
	case found:
		return nil, nil, fmt.Errorf("a bucket by %s:// cannot be opened from here: give a folder or s3://NAME", scheme)
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

func openS3(address string, env func(name string) string) (bucket.Bucket, func() error, error) {
	o, err := s3.Parse(address, env)
	if err != nil {
		return nil, nil, err
	}
	b, err := s3.Open(o)
	if err != nil {
		return nil, nil, err
	}
	return b, func() error { return nil }, nil
}

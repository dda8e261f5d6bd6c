package main

import (
	"errors"
	"fmt"

	"instar/shared/bucket"
	"instar/shared/seal"
)

func sealCommands() []command {
	return []command{
		{name: "new-key", summary: "print a new SEAL_KEY", run: newKey},
		{name: "rotate", summary: "have another SEAL_KEY open the bucket", run: rotate},
	}
}

const newKeyUsage = `Usage: instar seal new-key

Prints a new random key, for SEAL_KEY. Keep a copy where the bucket is not:
without it nothing in the bucket can be read.
`

func newKey(sh *shell) error {
	if err := sh.parse(sh.flags(newKeyUsage)); err != nil {
		return err
	}
	_, err := fmt.Fprintln(sh.stdout, seal.NewKey().Text())
	return err
}

const rotateUsage = `Usage: SEAL_KEY=... NEW_SEAL_KEY=... instar seal rotate -bucket BUCKET [-keep-old] [-new-data-key]

Has NEW_SEAL_KEY open the bucket in place of SEAL_KEY. Only the ring of keys is
written, no other object. After an error it can be run again as it was.

Without a gap, while the agent runs:
  1. rotate with -keep-old: both keys open the bucket
  2. give the agent the new key as its SEAL_KEY, and wait until all of it has it
  3. rotate again with the same two keys, without -keep-old: the old key is dead

` + bucketUsage + "\n\n"

func rotate(sh *shell) error {
	f := sh.flags(rotateUsage)
	address := f.String("bucket", "", "the bucket: a folder or s3://NAME")
	keep := f.Bool("keep-old", false, "let SEAL_KEY open the bucket too")
	fresh := f.Bool("new-data-key", false, "seal new objects under a new data key: when somebody may have had SEAL_KEY and read the bucket")
	if err := sh.parse(f); err != nil {
		return err
	}
	if *address == "" {
		return sh.misused(f, "-bucket is missing")
	}
	from, fromErr := seal.ParseKey("SEAL_KEY", sh.env("SEAL_KEY"))
	to, toErr := seal.ParseKey("NEW_SEAL_KEY", sh.env("NEW_SEAL_KEY"))
	if err := errors.Join(fromErr, toErr); err != nil {
		return err
	}
	b, closeBucket, err := openBucket(*address, sh.env)
	if err != nil {
		return err
	}
	err = seal.Rotate(sh.ctx, b, seal.Rotation{From: from, To: to, KeepFrom: *keep, NewDataKey: *fresh})
	if err := errors.Join(err, closeBucket()); err != nil {
		if errors.Is(err, bucket.ErrNotFound) {
			return fmt.Errorf("nothing is sealed in this bucket yet: just use the new key (%w)", err)
		}
		return err
	}
	if *keep {
		fmt.Fprintln(sh.stderr, "Both keys open the bucket. Use the new one as SEAL_KEY everywhere, then run this again without -keep-old.")
	} else {
		fmt.Fprintln(sh.stderr, "Only the new key opens the bucket. Use it as SEAL_KEY from now on.")
	}
	return nil
}

//go:build linux

package main

import (
	"bytes"
	"context"
	"encoding/pem"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
)

// fewCertificates is how many a file names at most that is an authority's own. A
// Debian has some 140 in its list, which Chromium need not be told.
const fewCertificates = 5

// trust has Chromium trust the authorities of a file, as every other program in
// the container does by SSL_CERT_FILE: on Cloudflare all TLS ends outside the
// container. Chromium does not read that variable. What it reads, beside its own
// list, is the database of NSS in its home, which NSS's certutil writes.
// (--ignore-certificate-errors-spki-list takes an authority only when the server
// sends it along, and servers leave out the root.)
func trust(ctx context.Context, home, file string) error {
	if file == "" {
		return nil
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return nil // the daemon names only files that are there
	}
	var all []*pem.Block
	for {
		var block *pem.Block
		if block, data = pem.Decode(data); block == nil {
			break
		}
		if block.Type == "CERTIFICATE" {
			all = append(all, block)
		}
	}
	if len(all) == 0 || len(all) > fewCertificates {
		return nil
	}
	dir := filepath.Join(home, ".pki", "nssdb")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("make a database of certificates: %w", err)
	}
	certutil := func(in []byte, args ...string) error {
		cmd := exec.CommandContext(ctx, "certutil", append([]string{"-d", "sql:" + dir}, args...)...)
		cmd.Stdin = bytes.NewReader(in)
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("have Chromium trust %s: certutil (package libnss3-tools): %w: %s", file, err, bytes.TrimSpace(out))
		}
		return nil
	}
	if err := certutil(nil, "-N", "--empty-password"); err != nil {
		return err
	}
	for i, block := range all {
		// C: an authority for TLS servers, and nothing else.
		if err := certutil(pem.EncodeToMemory(block), "-A", "-a", "-t", "C,,", "-n", strconv.Itoa(i)); err != nil {
			return err
		}
	}
	return nil
}

//go:build e2e

package s3_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"instar/e2e/s3server"
	"instar/shared/audit"
	"instar/shared/seal"
)

// The owner's commands on a sealed bucket in S3: its key is rotated, and then
// its audit log checked with the new one.
func TestTheOwnersCommandsOpenABucketInS3(t *testing.T) {
	server := s3server.Start(t)
	old, next := seal.NewKey(), seal.NewKey()
	b := seal.New(server.Open(t), old, seal.Options{})
	root, err := b.Root(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	log := audit.Log{Bucket: b, Agent: "main", Now: time.Now, Key: root.Derive(seal.ForAudit).Bytes()}
	if err := log.Append(t.Context(), []audit.Entry{audit.NewEntry(audit.Event{At: time.Now(), Kind: audit.Login, Outcome: "failed"})}); err != nil {
		t.Fatal(err)
	}
	instar := command(t, server)

	keys := []string{"SEAL_KEY=" + old.Text(), "NEW_SEAL_KEY=" + next.Text()}
	if said, err := instar(keys, "seal", "rotate", "-bucket", server.Address()); err != nil || !strings.Contains(said, "Only the new key") {
		t.Fatalf("rotate: %v: %s", err, said)
	}
	if said, err := instar([]string{"SEAL_KEY=" + next.Text()}, "audit", "verify", "-bucket", server.Address()); err != nil || !strings.Contains(said, "whole: 1 entries") {
		t.Errorf("with the new key: %v: %s", err, said)
	}
	if said, err := instar([]string{"SEAL_KEY=" + old.Text()}, "audit", "verify", "-bucket", server.Address()); err == nil || !strings.Contains(said, "does not open the bucket") {
		t.Errorf("with the old key: %v: %s", err, said)
	}
	if said, err := instar(keys, "seal", "rotate", "-bucket", strings.Replace(server.Address(), s3server.Bucket, "mistyped", 1)); err == nil || !strings.Contains(said, "there is no bucket mistyped") {
		t.Errorf("another bucket: %v: %s", err, said)
	}
	if said, err := instar(append(keys, "AWS_SECRET_ACCESS_KEY=wrong"), "seal", "rotate", "-bucket", server.Address()); err == nil || !strings.Contains(said, "correct AWS_ACCESS_KEY_ID") {
		t.Errorf("a wrong secret: %v: %s", err, said)
	}
}

// command builds cmd/instar and returns how to run it, with the server's
// credentials unless others are given.
func command(t *testing.T, server *s3server.Server) func(env []string, args ...string) (said string, err error) {
	t.Helper()
	program := filepath.Join(t.TempDir(), "instar")
	if out, err := exec.Command("go", "build", "-o", program, "instar/cmd/instar").CombinedOutput(); err != nil {
		t.Fatalf("build: %v: %s", err, out)
	}
	return func(env []string, args ...string) (string, error) {
		c := exec.CommandContext(t.Context(), program, args...)
		c.Env = append(append(server.Env(), "PATH="+os.Getenv("PATH")), env...)
		out, err := c.CombinedOutput()
		var exit *exec.ExitError
		if err != nil && !errors.As(err, &exit) {
			t.Fatal(err)
		}
		return string(out), err
	}
}

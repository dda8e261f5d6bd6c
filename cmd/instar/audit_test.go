package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	auditlog "instar/shared/audit"
	"instar/shared/bucket"
	"instar/shared/seal"
)

// auditFolder makes a bucket with a log of two entries, sealed or not.
func auditFolder(t *testing.T, sealed bool) string {
	t.Helper()
	dir := t.TempDir()
	f, err := bucket.OpenFolder(dir)
	if err != nil {
		t.Fatal(err)
	}
	at := time.Date(2026, 11, 25, 9, 0, 0, 0, time.UTC)
	l := &auditlog.Log{Bucket: f, Agent: "main", Now: func() time.Time { return at }}
	t.Setenv("SEAL_KEY", "")
	if sealed {
		t.Setenv("SEAL_KEY", seal.NewKey().Text())
		b, err := seal.Open(f, os.Getenv, nil)
		if err != nil {
			t.Fatal(err)
		}
		root, err := b.Root(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		l.Bucket, l.Key = b, root.Derive(seal.ForAudit).Bytes()
	}
	if err := l.Append(context.Background(), []auditlog.Entry{
		auditlog.NewEntry(auditlog.Event{At: at, Kind: auditlog.Login, Outcome: "failed", Detail: map[string]string{"source": "192.0.2.1"}}),
		auditlog.NewEntry(auditlog.Event{At: at.Add(time.Hour), Kind: auditlog.Decision, Outcome: "ask", Tool: "message_send", Session: "main", Turn: 7}),
	}); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestAuditVerifySaysWhole(t *testing.T) {
	dir := auditFolder(t, true)
	var out bytes.Buffer
	if err := audit([]string{"verify", "-bucket", dir}, &out); err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(out.String(), "whole: 2 entries in 1 segments") {
		t.Fatal(out.String())
	}
	_, head, _ := strings.Cut(out.String(), "head: ")
	head, _, _ = strings.Cut(head, "\n")
	if err := audit([]string{"verify", "-bucket", dir, "-head", head}, &out); err != nil {
		t.Fatal(err)
	}
	if err := audit([]string{"verify", "-bucket", dir, "-head", "9" + head[1:]}, &out); err == nil {
		t.Fatal("a head the log does not have passes")
	}
	t.Setenv("SEAL_KEY", "")
	if err := audit([]string{"verify", "-bucket", dir}, &out); err == nil || !strings.Contains(err.Error(), "SEAL_KEY") {
		t.Fatal("a sealed log without its key:", err)
	}
	t.Setenv("SEAL_KEY", seal.NewKey().Text())
	if err := audit([]string{"verify", "-bucket", dir}, &out); err == nil {
		t.Fatal("a sealed log passes with another key")
	}
}

func TestAuditVerifyFailsForABrokenLog(t *testing.T) {
	dir := auditFolder(t, false)
	files, err := filepath.Glob(filepath.Join(dir, "objects/*/*/*/*"))
	if err != nil || len(files) != 1 {
		t.Fatal(files, err)
	}
	data, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(files[0], bytes.Replace(data, []byte("192.0.2.1"), []byte("192.0.2.2"), 1), 0o600); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	err = audit([]string{"verify", "-bucket", dir}, &out)
	if err == nil || !strings.Contains(err.Error(), "line 2 (entry 1)") || !strings.HasPrefix(out.String(), "BROKEN") {
		t.Fatal(err, out.String())
	}
	if err := audit([]string{"list", "-bucket", dir}, &out); err == nil || !strings.Contains(out.String(), "FORGED") {
		t.Fatal(err, out.String())
	}
}

func TestAuditListShowsTheNewestFirst(t *testing.T) {
	dir := auditFolder(t, true)
	for args, want := range map[string]string{
		"":                               "      2  2026-11-25 10:00:00  decision  ask       message_send  main/7\n      1  2026-11-25 09:00:00  login     failed    -  source=192.0.2.1\n",
		"-kind login":                    "      1  2026-11-25 09:00:00  login     failed    -  source=192.0.2.1\n",
		"-text MESSAGE":                  "      2  2026-11-25 10:00:00  decision  ask       message_send  main/7\n",
		"-from 2026-11-26":               "",
		"-to 2026-11-25T09:30:00Z -n 10": "      1  2026-11-25 09:00:00  login     failed    -  source=192.0.2.1\n",
		"-n 1":                           "      2  2026-11-25 10:00:00  decision  ask       message_send  main/7\nmore with -before 2\n",
	} {
		var out bytes.Buffer
		if err := audit(append([]string{"list", "-bucket", dir}, strings.Fields(args)...), &out); err != nil || out.String() != want {
			t.Errorf("%s: %v\n%s", args, err, out.String())
		}
	}
}

func TestAuditRefusesWhatItCannotDo(t *testing.T) {
	empty := t.TempDir()
	f, err := bucket.OpenFolder(empty)
	if err != nil {
		t.Fatal(err)
	}
	f.Close()
	missing := filepath.Join(t.TempDir(), "none")
	for _, args := range []string{"", "forge", "verify -state " + missing, "verify -state " + empty, "list -state " + empty + " -from yesterday", "verify x", "verify -state " + empty + " -head 3"} {
		var out bytes.Buffer
		if err := audit(strings.Fields(args), &out); err == nil {
			t.Errorf("%q: no error, and %q", args, out.String())
		}
	}
	if _, err := os.Stat(missing); err == nil {
		t.Error("it made the folder")
	}
}

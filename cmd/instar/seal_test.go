package main

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"instar/shared/bucket"
	"instar/shared/seal"
)

// run runs instar with variables and arguments.
func run(t *testing.T, env map[string]string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, said bytes.Buffer
	sh := &shell{ctx: t.Context(), words: "instar", args: args, env: func(name string) string { return env[name] }, stdout: &out, stderr: &said}
	code = sh.dispatch(commands())
	return code, out.String(), said.String()
}

func TestANewKeyIsAllThatIsPrinted(t *testing.T) {
	code, stdout, stderr := run(t, nil, "seal", "new-key")
	text, isLine := strings.CutSuffix(stdout, "\n")
	if _, err := seal.ParseKey("SEAL_KEY", text); err != nil || !isLine || code != exitOK || stderr != "" {
		t.Errorf("code %d, error %v, said %q", code, err, stderr)
	}
	if _, again, _ := run(t, nil, "seal", "new-key"); again == stdout {
		t.Error("the second key is the first")
	}
}

// words are in the sealed folder.
const words = "what the owner said"

// sealedFolder is a folder with one object sealed under a key.
func sealedFolder(t *testing.T, key seal.Key) (dir string) {
	dir = t.TempDir()
	inFolder(t, dir, key, func(b bucket.Bucket) {
		if _, err := b.PutIfAbsent(t.Context(), "main/k", []byte(words)); err != nil {
			t.Fatal(err)
		}
	})
	return dir
}

func inFolder(t *testing.T, dir string, key seal.Key, use func(b bucket.Bucket)) {
	t.Helper()
	f, err := bucket.OpenFolder(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	use(seal.New(f, key, seal.Options{}))
}

func opens(t *testing.T, dir string, key seal.Key) (yes bool) {
	t.Helper()
	inFolder(t, dir, key, func(b bucket.Bucket) {
		o, err := b.Get(t.Context(), "main/k")
		if err != nil && !errors.Is(err, seal.ErrWrongKey) {
			t.Fatal(err)
		}
		yes = err == nil && string(o.Data) == words
	})
	return yes
}

func TestAFolderIsRotatedWithoutAGap(t *testing.T) {
	old, next := seal.NewKey(), seal.NewKey()
	dir := sealedFolder(t, old)
	env := map[string]string{"SEAL_KEY": old.Text(), "NEW_SEAL_KEY": next.Text()}
	if code, _, said := run(t, env, "seal", "rotate", "-bucket", dir, "-keep-old", "-new-data-key"); code != exitOK || !strings.Contains(said, "Both keys") {
		t.Fatalf("code %d: %s", code, said)
	}
	if !opens(t, dir, old) || !opens(t, dir, next) {
		t.Error("both keys must open")
	}
	for range 2 { // the second finds it done
		code, stdout, said := run(t, env, "seal", "rotate", "-bucket", dir)
		if code != exitOK || stdout != "" || !strings.Contains(said, "Only the new key") {
			t.Fatalf("code %d, printed %q: %s", code, stdout, said)
		}
		if strings.Contains(said, old.Text()) || strings.Contains(said, next.Text()) {
			t.Error("it shows a key")
		}
	}
	if opens(t, dir, old) || !opens(t, dir, next) {
		t.Error("the new key must open and the old one must not")
	}
}

func TestWhatCannotBeRotatedIsSaidAndLeft(t *testing.T) {
	old := seal.NewKey()
	dir, empty := sealedFolder(t, old), t.TempDir()
	inFolder(t, empty, old, func(bucket.Bucket) {})
	keys := map[string]string{"SEAL_KEY": old.Text(), "NEW_SEAL_KEY": seal.NewKey().Text()}
	with := func(name, value string) map[string]string {
		return map[string]string{"SEAL_KEY": keys["SEAL_KEY"], "NEW_SEAL_KEY": keys["NEW_SEAL_KEY"], name: value}
	}
	for _, c := range []struct {
		name string
		env  map[string]string
		args []string
		code int
		says string
	}{
		{"no key", with("SEAL_KEY", ""), []string{"-bucket", dir}, exitFailed, "SEAL_KEY is not set"},
		{"no new key", with("NEW_SEAL_KEY", ""), []string{"-bucket", dir}, exitFailed, "NEW_SEAL_KEY is not set"},
		{"a key that does not open", with("SEAL_KEY", seal.NewKey().Text()), []string{"-bucket", dir}, exitFailed, "does not open the bucket"},
		{"no bucket", keys, nil, exitUsage, "-bucket is missing"},
		{"a mistyped folder", keys, []string{"-bucket", dir + "x"}, exitFailed, "not the folder of a bucket"},
		{"an address of another kind", keys, []string{"-bucket", "gs://instar"}, exitFailed, "gs://"},
		{"no region", keys, []string{"-bucket", "s3://instar"}, exitFailed, "AWS_REGION is not set"},
		{"no credentials", with("AWS_REGION", "eu-west-1"), []string{"-bucket", "s3://instar"}, exitFailed, "AWS_ACCESS_KEY_ID is not set"},
		{"a bucket with nothing sealed", keys, []string{"-bucket", empty}, exitFailed, "just use the new key"},
		{"a mistyped flag", keys, []string{"-bucket", dir, "-keepold"}, exitUsage, "-keepold"},
		{"a word too many", keys, []string{"-bucket", dir, "now"}, exitUsage, `"now"`},
	} {
		code, stdout, said := run(t, c.env, append([]string{"seal", "rotate"}, c.args...)...)
		if code != c.code || stdout != "" || !strings.Contains(said, c.says) {
			t.Errorf("%s: code %d, printed %q, said %q", c.name, code, stdout, said)
		}
	}
	if !opens(t, dir, old) {
		t.Error("the old key does not open any more")
	}
}

func TestEveryCommandExplainsItself(t *testing.T) {
	var each func(words []string, list []command)
	each = func(words []string, list []command) {
		for _, c := range list {
			own := append(words[:len(words):len(words)], c.name)
			code, stdout, stderr := run(t, nil, append(own, "-h")...)
			if said := stdout + stderr; code != exitOK || !strings.Contains(said, "instar "+strings.Join(own, " ")) || c.summary == "" {
				t.Errorf("%q -h: code %d, %q", own, code, said)
			}
			if (c.run == nil) == (c.sub == nil) {
				t.Errorf("%q must run or have commands", own)
			}
			each(own, c.sub)
		}
	}
	each(nil, commands())
}

func TestUnknownCommandsAreRefusedWithTheKnownOnes(t *testing.T) {
	for _, args := range [][]string{nil, {"seel"}, {"seal"}, {"seal", "rotat"}} {
		code, stdout, stderr := run(t, nil, args...)
		if code != exitUsage || stdout != "" || !strings.Contains(stderr, "Usage: instar") {
			t.Errorf("%q: code %d, printed %q, said %q", args, code, stdout, stderr)
		}
	}
}

//go:build e2e

package lambda

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"instar/e2e/instar"
	"instar/e2e/lambda/standin"
	"instar/shared/aws/api"
	"instar/shared/aws/lambda"
	"instar/shared/bucket"
	"instar/shared/platform"
	"instar/shared/sandbox"
	"instar/shared/sandbox/client"
)

// box is the sandbox's function and who calls it.
type box struct {
	*testing.T
	function *standin.Function
	bound    platform.Sandbox
	jobs     int
}

func openBox(t *testing.T) *box {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("the sandbox's function is made somebody else, which needs root")
	}
	f, err := standin.NewSandbox(standin.Options{Top: instar.Root(t), Folder: t.TempDir(), Log: t.Output()})
	if err != nil {
		t.Fatal(err)
	}
	keys := standin.Keys{ID: "id", Secret: "secret", Token: "token"}
	server := httptest.NewServer(standin.Calls(f, keys))
	t.Cleanup(func() { f.Kill(); server.CloseClientConnections(); server.Close() })
	env := map[string]string{"AWS_REGION": standin.Region, "AWS_ACCESS_KEY_ID": keys.ID, "AWS_SECRET_ACCESS_KEY": keys.Secret, "AWS_SESSION_TOKEN": keys.Token, "AWS_ENDPOINT_URL": server.URL}
	calls := api.FromEnv(func(name string) string { return env[name] }, http.DefaultClient.Do)
	return &box{T: t, function: f, bound: lambda.Sandbox(calls, "instar-sandbox")}
}

// in is a session's client.
func (b *box) in(session string) *client.Client {
	return &client.Client{Do: b.bound.Do, MaxBody: b.bound.MaxBody, Key: ed25519.NewKeyFromSeed(bytes.Repeat([]byte{7}, 32)), Session: session, Now: time.Now}
}

func (b *box) start(c *client.Client, r sandbox.Run, wait time.Duration) (sandbox.Job, error) {
	b.jobs++
	r.ID = fmt.Sprint("job-", b.jobs)
	return c.Start(b.Context(), r, wait)
}

// sh runs a command that must succeed, and returns its output.
func (b *box) sh(c *client.Client, command string) string {
	b.Helper()
	j, err := b.start(c, sandbox.Run{Command: command}, time.Minute)
	if err != nil || j.ExitCode == nil || *j.ExitCode != 0 {
		b.Fatalf("%s: %+v, %v", command, j, err)
	}
	return j.Head
}

// later asks for a job until the sandbox is no longer busy.
func (b *box) later(c *client.Client, id string) sandbox.Job {
	b.Helper()
	for end := time.Now().Add(time.Minute); ; {
		j, err := c.Job(b.Context(), id, 0)
		if err == nil {
			return j
		}
		if !errors.Is(err, client.ErrBusy) || time.Now().After(end) {
			b.Fatal(err)
		}
	}
}

func TestTheSandboxAsAFunction(t *testing.T) {
	t.Parallel()
	b := openBox(t)
	c := b.in("main")
	began := time.Now()
	if out := b.sh(c, "echo hello"); out != "hello\n" {
		t.Errorf("output %q", out)
	}
	cold := time.Since(began)
	var took []time.Duration
	for range 20 {
		began = time.Now()
		b.sh(c, "true")
		took = append(took, time.Since(began))
	}
	slices.Sort(took)
	t.Logf("the first command took %v, then %v (median), %v (worst)", cold.Round(time.Millisecond), took[10].Round(10*time.Microsecond), took[19].Round(10*time.Microsecond))

	want := fmt.Sprintf("%d %[1]d\n/tmp/sandbox/workspace\n", b.function.User)
	if out := b.sh(c, "id -u; id -g; pwd"); strings.Replace(out, "\n", " ", 1) != want {
		t.Errorf("a job is %q, want %q", out, want)
	}
	if out := b.sh(c, "grep -E '^(NoNewPrivs|CapEff|CapBnd|Seccomp):' /proc/self/status; touch /usr/x /etc/x 2>&1 | wc -l"); !strings.Contains(out, "NoNewPrivs:\t1") || !strings.HasSuffix(out, "2\n") {
		t.Errorf("a job has %q", out)
	}
	l, err := c.Limits(t.Context())
	if err != nil || l.MaxRunning != 1 || l.MemoryBy != "watch" || l.ProcessesBy != "watch" || l.CgroupUsed {
		t.Errorf("limits %+v, %v", l, err)
	}

	if err := c.Write(t.Context(), "a folder/text", strings.NewReader("zebra")); err != nil {
		t.Fatal(err)
	}
	file, err := c.Read(t.Context(), "a folder/text")
	if err != nil {
		t.Fatal(err)
	}
	if data, err := io.ReadAll(file); string(data) != "zebra" || err != nil || file.Close() != nil {
		t.Errorf("%q, %v", data, err)
	}
	if l, err := c.List(t.Context(), ""); err != nil || len(l.Entries) != 1 || l.Entries[0].Name != "a folder" {
		t.Errorf("%+v, %v", l, err)
	}
	large := c.Write(t.Context(), "large", bytes.NewReader(make([]byte, 5<<20)))
	if refused, ok := errors.AsType[*client.Error](large); !ok || refused.Status != 413 || refused.Text != "this is 5120 KB, and at most 4400 KB get to the sandbox at once here" {
		t.Errorf("5 MB at once: %v", large)
	}
	whole := bytes.Repeat([]byte("0123456789abcdef"), int(b.bound.MaxBody)/16)
	if err := c.Write(t.Context(), "large", bytes.NewReader(whole)); err != nil {
		t.Errorf("%d bytes at once: %v", len(whole), err)
	}
	if _, err := c.Job(t.Context(), "nothing", 0); err == nil || err.Error() != "no such job" {
		t.Errorf("a job that is not there: %v", err)
	}
	stranger := b.in("main")
	stranger.Key = ed25519.NewKeyFromSeed(make([]byte, 32))
	if _, err := stranger.List(t.Context(), ""); !errors.Is(err, client.ErrBusy) {
		t.Errorf("another key of an unsaved session: %v", err)
	}
	if n := b.function.Starts(); n != 1 {
		t.Errorf("%d processes", n)
	}
}

func TestACommandGoesOnWhileItsInvocationIsOpen(t *testing.T) {
	t.Parallel()
	b := openBox(t)
	c := b.in("main")
	began := time.Now()
	j, err := b.start(c, sandbox.Run{Command: "for i in 1 2 3 4 5 6 7 8; do echo $i; sleep 0.5; done"}, 0)
	if err != nil || j.State != sandbox.Running || time.Since(began) > 2*time.Second {
		t.Fatalf("after %v: %+v, %v", time.Since(began), j, err)
	}
	for _, other := range []*client.Client{c, b.in("other")} {
		if _, err := other.Jobs(t.Context()); !errors.Is(err, client.ErrBusy) {
			t.Errorf("meanwhile: %v", err)
		}
	}
	j = b.later(c, j.ID)
	if took := j.Ended.Sub(j.Started); j.Why != sandbox.WhyExit || j.Head != "1\n2\n3\n4\n5\n6\n7\n8\n" || took < 4*time.Second || took > 6*time.Second {
		t.Errorf("it took %v: %+v", took, j)
	}
	// It is frozen now.
	time.Sleep(1500 * time.Millisecond)
	quiet := b.in("main")
	quiet.Quiet = true
	if again, err := quiet.Job(t.Context(), j.ID, 0); err != nil || again.Head != j.Head {
		t.Errorf("%+v, %v", again, err)
	}
	if out := b.sh(c, "echo thawed"); out != "thawed\n" || b.function.Starts() != 1 {
		t.Errorf("%q, %d processes", out, b.function.Starts())
	}
}

func TestACommandEndsBeforeItsInvocation(t *testing.T) {
	t.Parallel()
	b := openBox(t)
	c := b.in("main")
	_, err := b.start(c, sandbox.Run{Command: "true", TimeS: 1800}, 0)
	refused, ok := errors.AsType[*client.Error](err)
	if !ok || refused.Status != 400 || !strings.HasPrefix(refused.Text, "a command may take at most 88") || !strings.HasSuffix(refused.Text, " and this one is given 1800: give it less, or split it") {
		t.Errorf("30 minutes of 15: %v", err)
	}
	if j, err := b.start(c, sandbox.Run{Command: "true", TimeS: int(b.bound.Longest.Seconds())}, time.Minute); err != nil || j.Why != sandbox.WhyExit {
		t.Errorf("as long as there is: %+v, %v", j, err)
	}
	b.function.Timeout = 20 * time.Second
	began := time.Now()
	j, err := b.start(c, sandbox.Run{Command: "trap '' TERM; setsid sleep 3600 & echo deaf; while :; do sleep 0.1; done", TimeS: 4}, 0)
	if err != nil {
		t.Fatal(err)
	}
	if j = b.later(c, j.ID); j.Why != sandbox.WhyTime || !strings.HasPrefix(j.Head, "deaf\n") || time.Since(began) > 12*time.Second {
		t.Errorf("after %v: %+v", time.Since(began), j)
	}
	b.function.Timeout = 15 * time.Minute
	if out := b.sh(c, "pgrep -c sleep -U $(id -u) || true"); out != "0\n" {
		t.Errorf("%s processes are left", out)
	}
}

func TestASessionSeesNothingOfTheOneBefore(t *testing.T) {
	t.Parallel()
	b := openBox(t)
	first, second := b.in("first"), b.in("second")
	// Each would be found below, was it not taken away.
	b.sh(first, "echo zebra >file; echo zebra >/tmp/file; mkdir -p .shut/in /tmp/.shut/in; echo zebra >.shut/in/file; chmod 0 .shut/in .shut /tmp/.shut; "+
		"ipcmk -M 64 -Q -S 1 >/dev/null; (setsid sleep 3600.5 >/dev/null 2>&1 &); echo zebra of the first")
	quiet := b.in("second")
	quiet.Quiet = true
	if _, err := quiet.Jobs(t.Context()); !errors.Is(err, client.ErrAsleep) {
		t.Errorf("a quiet call of the second: %v", err)
	}
	if _, err := second.Jobs(t.Context()); !errors.Is(err, client.ErrBusy) {
		t.Errorf("before the first is saved: %v", err)
	}
	store := bucket.NewMemory()
	kept := &client.Workspace{Bucket: store, Prefix: "main/sandbox/first/"}
	if err := kept.Save(t.Context(), first); err != nil {
		t.Fatal(err)
	}
	if jobs, err := second.Jobs(t.Context()); err != nil || len(jobs) != 0 {
		t.Fatalf("%+v, %v", jobs, err)
	}
	if _, err := second.Output(t.Context(), "job-1", 100); err == nil || err.Error() != "no such job" {
		t.Errorf("the output of the first: %v", err)
	}
	out := b.sh(second, "ls -A . /tmp; find /tmp -user $(id -u) ! -path '/tmp/sandbox*'; grep -rs zebra /tmp; "+
		"cat /proc/sysvipc/* | awk -v u=$(id -u) '{for (i = 1; i <= NF; i++) if ($i == u) print}'; pgrep -fa 3600[.]5 -U $(id -u); true")
	if out != ".:\n\n/tmp:\nsandbox\n" {
		t.Errorf("the second finds %q", out)
	}
	b.sh(second, "echo mine >file")
	if err := (&client.Workspace{Bucket: store, Prefix: "main/sandbox/second/"}).Save(t.Context(), second); err != nil {
		t.Fatal(err)
	}
	if err := kept.Prepare(t.Context(), first); err != nil {
		t.Fatal(err)
	}
	if out := b.sh(first, "cat file; ls -A"); out != "zebra\nfile\n" {
		t.Errorf("the first is back with %q", out) // its owner had shut the rest
	}
	if n := b.function.Starts(); n != 1 {
		t.Errorf("%d processes", n)
	}
}

func TestAWorkspaceOutlivesItsEnvironment(t *testing.T) {
	t.Parallel()
	b := openBox(t)
	c := b.in("main")
	kept := &client.Workspace{Bucket: bucket.NewMemory(), Prefix: "main/sandbox/main/"}
	sum := b.sh(c, "head -c 30000000 /dev/urandom >large; mkdir deep; echo zebra >deep/file; chmod 500 deep; sha256sum large")
	began := time.Now()
	if err := kept.Save(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	t.Logf("30 MB are saved in %v", time.Since(began).Round(time.Millisecond))
	began = time.Now()
	if err := kept.Save(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	t.Logf("and again in %v", time.Since(began).Round(time.Millisecond))
	b.function.Kill()
	quiet := b.in("main")
	quiet.Quiet = true
	if _, err := quiet.Job(t.Context(), "job-1", 0); !errors.Is(err, client.ErrAsleep) {
		t.Errorf("what is gone is asleep: %v", err)
	}
	if err := kept.Save(t.Context(), quiet); !errors.Is(err, client.ErrAsleep) {
		t.Errorf("and not saved: %v", err)
	}
	// A container that was never filled, and is saved nevertheless.
	if _, err := c.Jobs(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := kept.Save(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	began = time.Now()
	if err := kept.Prepare(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	t.Logf("and restored in %v", time.Since(began).Round(time.Millisecond))
	if out := b.sh(c, "sha256sum large; cat deep/file; stat -c %a deep"); out != sum+"zebra\n500\n" {
		t.Errorf("%q, want %q", out, sum)
	}
	b.sh(c, "chmod 700 deep; rm -r deep large")
	if err := kept.Save(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	b.function.Kill()
	if err := kept.Prepare(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	if out := b.sh(c, "ls -A"); out != "" {
		t.Errorf("what was deleted is back: %q", out)
	}
}

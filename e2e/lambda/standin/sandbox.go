package standin

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync/atomic"
	"time"
)

// Sandbox is what the sandbox's function is called, and SandboxSecret begins the
// credentials of its role, which allow nothing.
const (
	Sandbox       = "sandbox"
	SandboxSecret = "SANDBOX-ROLE-CANARY"
)

// errThrottled is the error of an invocation that a function's reserved concurrency
// has no room for.
var errThrottled = errors.New("TooManyRequestsException")

var images atomic.Int32

// NewSandbox is the function of the sandbox's image: the real daemon in a process of
// a user of its own with no rights, where all is read-only but a /tmp that lasts as
// long as the process. It needs root.
func NewSandbox(o Options) (*Function, error) {
	if os.Geteuid() != 0 {
		return nil, errors.New("the sandbox's function needs root, to have it run as somebody else")
	}
	program := filepath.Join(o.Top, "build/dist/test/sandbox/daemon")
	build := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", program, "./functions/sandbox/container")
	build.Dir, build.Env = o.Top, append(os.Environ(), "CGO_ENABLED=0")
	if said, err := build.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("build the sandbox's daemon: %w\n%s", err, said)
	}
	// A user of each one's own, as each is alone on its machine.
	user := 1_000_000 + os.Getpid()%100_000*20 + int(images.Add(1))
	folder := filepath.Join(o.Folder, Sandbox)
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return nil, err
	}
	script := fmt.Sprintf(`#!/bin/sh
exec unshare --mount --propagation private sh -c '
mount --bind %[2]s /mnt && mount -o remount,bind,ro /mnt && mount -t tmpfs -o mode=1777,size=512m tmpfs /tmp && mount -t tmpfs -o ro tmpfs /dev/shm && mount -o remount,bind,ro / && cd / &&
exec prlimit --nofile=1024:1024 --nproc=1024:1024 setpriv --reuid %[1]d --regid %[1]d --clear-groups --bounding-set=-all --inh-caps=-all /mnt/daemon'
`, user, filepath.Dir(program))
	if err := os.WriteFile(filepath.Join(folder, "bootstrap"), []byte(script), 0o755); err != nil {
		return nil, err
	}
	return &Function{
		Name: "instar-" + Sandbox, Folder: folder, Log: o.Log, Timeout: 15 * time.Minute, Reserved: true, User: user,
		Env: []string{
			"AWS_REGION=" + Region, "AWS_ACCESS_KEY_ID=" + SandboxSecret + "-ID", "AWS_SECRET_ACCESS_KEY=" + SandboxSecret + "-SECRET",
			"AWS_SESSION_TOKEN=" + SandboxSecret + "-TOKEN",
		},
	}, nil
}

// Calls answers who has the keys and calls this function, the only one there is.
func Calls(f *Function, k Keys) http.Handler {
	c := &Cloud{Functions: map[string]*Function{Sandbox: f}, options: Options{Keys: k}, used: map[Use]int{}}
	return c.services("agent")
}

//go:build linux

// Command container is the sandbox's daemon: the first process of its
// container, and root there, so that the jobs it starts can be anybody but root.
//
// On AWS Lambda the same program serves invocations (package invoke). It is nobody
// in particular there, and so are its jobs, below SANDBOX_DIR, /tmp/sandbox, with
// SANDBOX_MAX_MB, 160; each call brings the session and the key.
//
// Environment elsewhere: SANDBOX_PUBLIC_KEY (the base64 of an Ed25519 key) and
// SANDBOX_SESSION are needed; PORT is 8080, SANDBOX_DIR is /sandbox (made here,
// with the workspace and the daemon's own folder in it), SANDBOX_MAX_MB is 1024
// (of a workspace that can be saved, and of one file) and SANDBOX_CGROUP is
// /sys/fs/cgroup. None of it is secret, and none of it reaches a job.
//
// What reaches every job are the variables by which programs find the
// certificates to trust (trust, below), where they name a file that is there: on
// Cloudflare all TLS is ended outside the container, by an authority of the
// platform's.
package main

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"runtime/debug"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"instar/functions/sandbox/clean"
	"instar/functions/sandbox/invoke"
	"instar/functions/sandbox/job"
	"instar/functions/sandbox/peer"
	"instar/functions/sandbox/user"
	"instar/shared/sandbox"
)

// jobs is who jobs run as.
var jobs = user.User{UID: 1000, GID: 1000}

// trust are the variables that name a file of certificates.
var trust = []string{"SSL_CERT_FILE", "GIT_SSL_CAINFO", "CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "PIP_CERT", "NODE_EXTRA_CA_CERTS"}

const (
	memoryAim = 48 << 20 // bytes that the daemon's garbage collector aims at
	reserve   = 64 << 20 // bytes of the container's memory that are not for jobs
	// ownConnections are how many connections jobs may have to the daemon.
	ownConnections = 64
	ending         = 8 * time.Second // docker stop kills after 10
)

func main() {
	if len(os.Args) == 2 && os.Args[1] == job.LaunchArg {
		job.Launch()
	}
	slog.SetDefault(slog.New(slog.NewJSONHandler(os.Stderr, nil)))
	start := serve
	if os.Getenv(invoke.API) != "" {
		start = function
	}
	if err := start(); err != nil {
		slog.Error("sandbox cannot start", "error", err.Error())
		os.Exit(1)
	}
}

func serve() error {
	if os.Geteuid() != 0 {
		return errors.New("must be started as root: it makes every job somebody else, which only root can")
	}
	if err := harden(); err != nil {
		return err
	}
	key, err := sandbox.PublicKey(os.Getenv("SANDBOX_PUBLIC_KEY"))
	if err != nil {
		return fmt.Errorf("SANDBOX_PUBLIC_KEY: %w", err)
	}
	session := os.Getenv("SANDBOX_SESSION")
	if session == "" {
		return errors.New("SANDBOX_SESSION is not set")
	}
	p, err := choose("/sandbox", "1024", jobs)
	if err != nil {
		return err
	}
	if err := p.make(); err != nil {
		return err
	}
	table, err := p.table(job.Config{Session: session, Cgroup: otherwise("SANDBOX_CGROUP", "/sys/fs/cgroup"), Env: trusted()})
	if err != nil {
		return err
	}
	handler, err := p.handler(session, key, table)
	if err != nil {
		return err
	}
	return listen(table, handler)
}

// function serves as a function of AWS Lambda.
func function() error {
	if os.Geteuid() == 0 {
		return errors.New("must not be root as a function: it deletes in /tmp all that is its own")
	}
	if err := invoke.Bare(); err != nil {
		return fmt.Errorf("begin anew: %w", err)
	}
	if err := harden(); err != nil {
		return err
	}
	p, err := choose("/tmp/sandbox", "160", user.User{UID: os.Getuid(), GID: os.Getgid()})
	if err != nil {
		return err
	}
	table, err := p.table(job.Config{Alone: true})
	if err != nil {
		return err
	}
	server := &invoke.Server{Jobs: table, Open: func(session string, key ed25519.PublicKey) (http.Handler, error) {
		if err := table.Clear(session); err != nil {
			return nil, err
		}
		if err := errors.Join(clean.All(), user.RemoveAll(p.dir)); err != nil {
			return nil, err
		}
		if err := p.make(); err != nil {
			return nil, err
		}
		return p.handler(session, key, table)
	}}
	server.Serve()
	return errors.New("the runtime has ended")
}

// listen serves until the container is asked to stop, and then ends all jobs.
func listen(table *job.Table, handler http.Handler) error {
	listener, err := net.Listen("tcp", ":"+otherwise("PORT", "8080"))
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	server := &http.Server{
		Handler: handler, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 16 << 10,
		ErrorLog: log.New(io.Discard, "", 0), // it may tell what was sent
	}
	stopped, stop := signal.NotifyContext(context.Background(), unix.SIGTERM, unix.SIGINT)
	defer stop()
	failed := make(chan error, 1)
	go func() {
		failed <- server.Serve(&peer.Listener{Listener: listener, UID: uint32(jobs.UID), Most: ownConnections})
	}()
	slog.Info("sandbox is ready", "address", listener.Addr().String())
	select {
	case err := <-failed:
		return fmt.Errorf("serve: %w", err)
	case <-stopped.Done():
	}
	slog.Info("sandbox is ending")
	ctx, cancel := context.WithTimeout(context.Background(), ending)
	defer cancel()
	table.Close(ctx)
	server.Shutdown(ctx)
	return nil
}

// harden keeps the daemon's own process to itself.
func harden() error {
	unix.Umask(0o022)
	// What started it may have left descriptors open.
	if err := job.CloseOnExec(3); err != nil {
		return err
	}
	if err := unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0); err != nil {
		return fmt.Errorf("forbid dumps: %w", err)
	}
	if os.Geteuid() == 0 {
		if err := syscall.Setgroups(nil); err != nil {
			return fmt.Errorf("leave groups: %w", err)
		}
	}
	// Wishes: not every container may go below 0. Sessions share the processor as
	// groups (sched(7)), so one of a job's weighs as much as the daemon's.
	os.WriteFile("/proc/self/oom_score_adj", []byte("-900"), 0)
	os.WriteFile("/proc/self/autogroup", []byte("-10"), 0)
	debug.SetMemoryLimit(memoryAim)
	return nil
}

// memory is what the container has, in bytes: the machine's, or its cgroup's.
func memory() int64 {
	var info unix.Sysinfo_t
	total := int64(1 << 30)
	if unix.Sysinfo(&info) == nil {
		total = int64(info.Totalram) * int64(info.Unit)
	}
	for _, path := range []string{"/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"} {
		if text, err := os.ReadFile(path); err == nil {
			if n, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64); err == nil && n > 0 {
				total = min(total, n)
			}
		}
	}
	return total
}

// trusted are the trust variables whose files are there.
func trusted() map[string]string {
	env := map[string]string{}
	for _, name := range trust {
		if info, err := os.Stat(os.Getenv(name)); err == nil && info.Mode().IsRegular() {
			env[name] = os.Getenv(name)
		}
	}
	return env
}

func otherwise(name, value string) string {
	if v := os.Getenv(name); v != "" {
		return v
	}
	return value
}

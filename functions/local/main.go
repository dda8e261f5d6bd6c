//go:build !js

// Command local runs Instar on this machine as one ordinary program, without the
// Workers runtime: `make run-local`. The four functions are the same ones; the
// bucket is a folder, the queue is inside the process, and the clock is its own.
//
// PORT (8787) is where it listens, on 127.0.0.1 alone; STATE (.instar/state) is
// the folder it keeps. The variables come from .dev.vars and, before it, the
// environment. CONSOLE_TOKEN and SEAL_KEY are made and kept in STATE where they
// are not set. SANDBOX_URL names a sandbox's daemon (functions/sandbox/container)
// that runs already, as http://127.0.0.1:8090: it is taken to reach any host, unless
// SANDBOX_HOSTS says which.
package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"instar/shared/bucket"
)

func main() {
	slog.SetDefault(slog.New(slog.NewJSONHandler(os.Stderr, nil)))
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// patience is how long a stop waits for what is running. It is all durable: what
// is cut off is taken up at the next start.
const patience = 5 * time.Second

// run serves until ctx ends.
func run(ctx context.Context) error {
	state, err := filepath.Abs(cmp.Or(os.Getenv("STATE"), ".instar/state"))
	if err != nil {
		return err
	}
	folder, err := bucket.OpenFolder(filepath.Join(state, "bucket"))
	if err != nil {
		return err
	}
	defer folder.Close()
	vars, err := readVars(".dev.vars", state)
	if err != nil {
		return err
	}
	page, err := openPage("build/dist/assets")
	if err != nil {
		return err
	}
	port := cmp.Or(os.Getenv("PORT"), "8787")
	listener, err := net.Listen("tcp", "127.0.0.1:"+port)
	if errors.Is(err, syscall.EADDRINUSE) {
		return fmt.Errorf("Port %s is taken: stop what uses it, or set PORT to another.", port) //lint:ignore ST1005 as build/run.mjs says it
	}
	if err != nil {
		return err
	}
	host := newHost(folder, vars.get)
	sandbox := ""
	if host.sandbox, sandbox, err = openSandbox(folder, vars, port); err != nil {
		return err
	}
	server := &http.Server{
		Handler: host.routes(page),
		// No ReadTimeout and no WriteTimeout: a turn streams for as long as it takes,
		// and the former would cancel its request meanwhile.
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
	}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }()
	fmt.Print(greeting(port, state, sandbox, vars))
	go host.clock(ctx)
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	within, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if server.Shutdown(within) != nil {
		server.Close()
	}
	host.stop(within)
	return nil
}

// greeting says where it runs and with what.
func greeting(port, state, sandbox string, v vars) string {
	model := cmp.Or(v["MODEL"], "as the keys allow")
	if v["MODEL"]+v["ANTHROPIC_API_KEY"]+v["OPENAI_API_KEY"]+v["CF_AI_GATEWAY_MODEL"] == "" || v["MODEL"] == "offline" {
		model = "the built-in offline model (not a language model): set ANTHROPIC_API_KEY or OPENAI_API_KEY for a real one"
	}
	return strings.NewReplacer("{port}", port, "{token}", v["CONSOLE_TOKEN"], "{model}", model, "{state}", state, "{sandbox}", sandbox).Replace(`
Instar runs on http://localhost:{port}
Console:  http://localhost:{port}/#token={token}
Model:    {model}
Sandbox:  {sandbox}
State:    {state}
Stop it with Ctrl-C.
`)
}

//go:build linux

package main

import (
	"crypto/ed25519"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"

	daemon "instar/functions/sandbox"
	"instar/functions/sandbox/files"
	"instar/functions/sandbox/job"
	"instar/functions/sandbox/user"
	"instar/functions/sandbox/workspace"
)

// place is where a session's files are, and whose.
type place struct {
	dir  string
	user user.User
	max  int64 // bytes of a workspace that can be saved, and of one file
}

// choose reads SANDBOX_DIR and SANDBOX_MAX_MB.
func choose(dir, megabytes string, u user.User) (place, error) {
	most, err := strconv.ParseInt(otherwise("SANDBOX_MAX_MB", megabytes), 10, 32)
	if err != nil || most < 1 {
		return place{}, errors.New("SANDBOX_MAX_MB must be a number of megabytes")
	}
	return place{otherwise("SANDBOX_DIR", dir), u, most << 20}, nil
}

func (p place) home() string    { return filepath.Join(p.dir, "workspace") }
func (p place) state() string   { return filepath.Join(p.dir, "state") }
func (p place) outputs() string { return filepath.Join(p.state(), "output") }

// make makes the daemon's folders. The state belongs to it alone, and what an
// earlier life left in it is of no use.
func (p place) make() error {
	if err := os.MkdirAll(p.dir, 0o755); err != nil {
		return fmt.Errorf("make folders: %w", err)
	}
	if err := user.RemoveAll(p.state()); err != nil {
		return fmt.Errorf("clear state: %w", err)
	}
	for _, d := range []string{p.state(), p.outputs()} {
		if err := os.Mkdir(d, 0o700); err != nil {
			return fmt.Errorf("make folders: %w", err)
		}
	}
	// Nobody but the daemon may move what is in it.
	return errors.Join(os.Chown(p.dir, os.Geteuid(), os.Getegid()), os.Chmod(p.dir, 0o755))
}

// table is the one table of jobs, with the rest of c as it is given.
func (p place) table(c job.Config) (*job.Table, error) {
	c.User, c.Home, c.Outputs, c.MaxFile = p.user, p.home(), p.outputs(), p.max
	c.Memory, c.Client = max(memory()-reserve, reserve), job.NewClient()
	return job.New(c)
}

// handler serves a session, with a new workspace unless there is one.
func (p place) handler(session string, key ed25519.PublicKey, table *job.Table) (*daemon.Handler, error) {
	store, err := workspace.New(workspace.Config{Dir: p.home(), State: p.state(), User: p.user, Max: p.max})
	if err != nil {
		return nil, err
	}
	return &daemon.Handler{
		Key: key, Session: session, Jobs: table, Files: &files.Files{Dir: p.home(), User: p.user, Max: p.max},
		Workspace: store, Now: time.Now,
	}, nil
}

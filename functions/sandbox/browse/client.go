//go:build linux

package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"time"

	"instar/shared/sandbox"
)

// ask has the browser do things.
type ask struct {
	wait time.Duration // for a browser to be there
}

// patience is how long an action may take: those before it, and itself.
const patience = 3 * maxTime

// do has one action done. Files are written here, not by the browser: this is the
// process that runs in the workspace.
func (a ask) do(ctx context.Context, in io.Reader) (sandbox.Page, error) {
	action, err := decode(in)
	if err != nil {
		return sandbox.Page{}, err
	}
	c, err := a.dial(ctx)
	if err != nil {
		return sandbox.Page{}, err
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(patience))
	lost := errors.New("the browser ended before it had answered; it is started anew with the next action, and what its pages knew is gone")
	if send(c, action) != nil {
		return sandbox.Page{}, lost
	}
	r := bufio.NewReader(c)
	line, err := r.ReadBytes('\n')
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return sandbox.Page{}, errors.New("the browser did not answer in time")
	}
	var got reply
	if err != nil || json.Unmarshal(line, &got) != nil {
		return sandbox.Page{}, lost
	}
	if got.Page.File == 0 || got.Page.Error != "" {
		return got.Page, nil
	}
	if err := save(action.Path, io.LimitReader(r, got.Page.File), got.Page.File); err != nil {
		got.Page.File = 0
		return got.Page, fmt.Errorf("write %s: %w", action.Path, err)
	}
	return got.Page, nil
}

// dial waits for a browser to be there.
func (a ask) dial(ctx context.Context) (net.Conn, error) {
	dir, err := folder()
	if err != nil {
		return nil, err
	}
	for end := time.Now().Add(a.wait); ; {
		c, err := net.Dial("unix", socket(dir))
		if err == nil {
			return c, nil
		}
		if time.Now().After(end) || ctx.Err() != nil {
			return nil, fmt.Errorf("no browser was there within %v: start it with %s serve", a.wait, sandbox.BrowserProgram)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// save writes a file of so many bytes below the working directory, whole or not
// at all. No link leads it elsewhere.
func save(path string, from io.Reader, size int64) error {
	root, err := os.OpenRoot(".")
	if err != nil {
		return errors.New("the workspace is not there")
	}
	defer root.Close()
	if dir := filepath.Dir(path); dir != "." {
		if err := root.MkdirAll(dir, 0o755); err != nil {
			return err
		}
	}
	part := filepath.Join(filepath.Dir(path), fmt.Sprintf(".%d.part", os.Getpid()))
	f, err := root.OpenFile(part, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	n, err := io.Copy(f, from)
	if err == nil && n != size {
		err = io.ErrUnexpectedEOF
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = root.Rename(part, path)
	}
	if err != nil {
		root.Remove(part)
	}
	return err
}

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
	"time"

	"instar/shared/sandbox"
)

// serve is the browser until it is idle, told to end, or Chromium dies or has to,
// which are its errors once it runs. Where one is already it returns at once.
func serve(ctx context.Context, idle time.Duration) error {
	dir, err := folder()
	if err != nil {
		return err
	}
	if err := lock(dir); err != nil {
		if errors.Is(err, errServed) {
			return nil
		}
		return err
	}
	b, err := start(ctx, dir)
	if err != nil {
		return err
	}
	defer b.close()
	os.Remove(socket(dir)) // of one that was killed
	l, err := net.Listen("unix", socket(dir))
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	defer l.Close()
	clients := make(chan net.Conn)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			clients <- c
		}
	}()
	timer := time.NewTimer(idle)
	for {
		select {
		case c := <-clients:
			if b.answer(ctx, c); b.flooded() {
				return errFlood
			}
			timer.Reset(idle)
		case <-timer.C:
			return nil
		case <-ctx.Done():
			return nil
		case <-b.dead:
			return errors.New("the browser has failed: Chromium is gone")
		}
	}
}

// answer does what one client asks for.
func (b *browser) answer(ctx context.Context, c net.Conn) {
	defer c.Close()
	c.SetReadDeadline(time.Now().Add(5 * time.Second))
	r := bufio.NewReader(io.LimitReader(c, maxAction+1))
	var action sandbox.Action
	line, err := r.ReadBytes('\n')
	if err != nil || json.Unmarshal(line, &action) != nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, maxTime)
	defer cancel()
	c.SetReadDeadline(time.Time{})
	go func() {
		r.ReadByte() // nothing comes but the end: nobody waits any more
		cancel()
	}()
	page, file, err := b.act(ctx, action)
	if err != nil {
		page.Error, file = err.Error(), nil
	}
	page.File = int64(len(file))
	c.SetWriteDeadline(time.Now().Add(10 * time.Second))
	if send(c, reply{page}) == nil {
		c.Write(file)
	}
}

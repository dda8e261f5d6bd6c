//go:build !js

package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// load is a stream of requests: each connection sends its next request when it
// has the answer to the one before. It ends after For, or when Count requests
// were sent, whichever is set.
type load struct {
	Address     string
	Connections int
	For         time.Duration
	Count       int
	// Request is the raw i-th request; every answer must have Status.
	Request func(i int) []byte
	Status  int
	// Count failures instead of ending with the first: where the question is
	// how many there are. Otherwise a benchmark of errors is worth nothing.
	CountFailures bool
}

// took is how long each answered request took, and all together.
type took struct {
	each   []time.Duration
	whole  time.Duration
	failed int
}

func (t took) rate() float64 { return float64(len(t.each)) / t.whole.Seconds() }

// send runs the load.
func (l load) send(ctx context.Context) (took, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var (
		next  atomic.Int64
		mu    sync.Mutex
		all   took
		group sync.WaitGroup
	)
	began := time.Now()
	more := func() (int, bool) {
		i := int(next.Add(1)) - 1
		return i, ctx.Err() == nil && (l.Count == 0 || i < l.Count) && (l.For == 0 || time.Since(began) < l.For)
	}
	for range l.Connections {
		group.Go(func() {
			times, failed, err := l.connection(ctx, more)
			if err != nil && !l.CountFailures {
				cancel(err)
			}
			mu.Lock()
			defer mu.Unlock()
			all.each = append(all.each, times...)
			all.failed += failed
		})
	}
	group.Wait()
	all.whole = time.Since(began)
	return all, context.Cause(ctx)
}

// connection speaks plain HTTP/1.1: net/http's client would take more of the
// machine's time than what is measured. It returns the first failure, and goes
// on after a wrong status when failures are counted.
func (l load) connection(ctx context.Context, more func() (int, bool)) (times []time.Duration, failed int, failure error) {
	var d net.Dialer
	c, err := d.DialContext(ctx, "tcp", l.Address)
	if err != nil {
		return nil, 1, err
	}
	defer c.Close()
	defer context.AfterFunc(ctx, func() { c.Close() })()
	reader := bufio.NewReader(c)
	for failure == nil || l.CountFailures {
		i, ok := more()
		if !ok {
			break
		}
		request := l.Request(i)
		c.SetDeadline(time.Now().Add(30 * time.Second))
		began := time.Now()
		status, body, err := exchange(c, reader, request)
		switch {
		case err != nil:
			return times, failed + 1, err
		case status != l.Status:
			failed++
			failure = fmt.Errorf("request %d: status %d: %.200s", i, status, body)
		default:
			times = append(times, time.Since(began))
		}
	}
	return times, failed, failure
}

func exchange(c net.Conn, reader *bufio.Reader, request []byte) (status int, body []byte, err error) {
	if _, err := c.Write(request); err != nil {
		return 0, nil, err
	}
	response, err := http.ReadResponse(reader, nil)
	if err != nil {
		return 0, nil, err
	}
	body, err = io.ReadAll(response.Body)
	return response.StatusCode, body, err
}

// post is a raw POST with extra header lines ("Name: value").
func post(path string, body []byte, headers ...string) []byte {
	head := fmt.Sprintf("POST %s HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: %d\r\n", path, len(body))
	for _, h := range headers {
		head += h + "\r\n"
	}
	return append([]byte(head+"\r\n"), body...)
}

func get(path string) []byte {
	return []byte(strings.Join([]string{"GET " + path + " HTTP/1.1", "Host: localhost", "", ""}, "\r\n"))
}

//go:build !js

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"instar/e2e/fake"
	"instar/e2e/lambda/standin"
)

// onLambda measures the bootstraps of `make lambda` through the Runtime API, on the
// stand-in of AWS that the tests use, over a real S3 server.
func (b *bench) onLambda() error {
	if out, err := b.script("build/s3.sh"); err != nil {
		return fmt.Errorf("build the S3 server: %w\n%s", err, out)
	}
	address, err := freeAddress()
	if err != nil {
		return err
	}
	folder := filepath.Join(b.scratch, "s3")
	if err := os.MkdirAll(filepath.Join(folder, standin.Bucket), 0o700); err != nil {
		return err
	}
	const id, secret = "bench", "a secret of nobody's"
	store, err := launch(b.root, append(os.Environ(), "ROOT_ACCESS_KEY_ID="+id, "ROOT_SECRET_ACCESS_KEY="+secret),
		filepath.Join(b.root, "build/dist/bin/s3"), address, folder)
	if err != nil {
		return err
	}
	defer store.stop()
	if err := store.until(b.ctx, 30*time.Second, func() bool {
		c, err := net.Dial("tcp", address)
		if err == nil {
			c.Close()
		}
		return err == nil
	}); err != nil {
		return err
	}
	s := newInstar()
	s.process = store
	defer s.telegram.Close()
	defer s.anthropic.Close()
	cloud, err := standin.Open(standin.Options{
		Top: b.root, Folder: filepath.Join(b.scratch, "functions"), Names: names, Log: io.Discard, Vars: s.variables(),
		S3: "http://" + address, Keys: standin.Keys{ID: id, Secret: secret},
	})
	if err != nil {
		return err
	}
	defer cloud.Close()
	if err := b.coldStarts(cloud); err != nil {
		return err
	}
	if s.address, err = freeAddress(); err != nil {
		return err
	}
	if err := cloud.Up(s.address); err != nil {
		return err
	}
	return b.lambdaMessages(s)
}

func (b *bench) script(name string) ([]byte, error) {
	c := exec.CommandContext(b.ctx, filepath.Join(b.root, name))
	c.Dir = b.root
	return c.CombinedOutput()
}

// once is an event for each function: one that does as little as it can.
func once(c *standin.Cloud) map[string]func() error {
	url := func(f *standin.Function, method, path, body string, header http.Header, want int) error {
		r := httptest.NewRequest(method, path, strings.NewReader(body))
		for name, values := range header {
			r.Header[name] = values
		}
		w := httptest.NewRecorder()
		if f.URL(w, r); w.Code != want {
			return fmt.Errorf("%s answered %d, not %d", f.Name, w.Code, want)
		}
		return nil
	}
	return map[string]func() error{
		"console": func() error { return url(c.Functions["console"], http.MethodGet, "/healthz", "", nil, http.StatusOK) },
		"webhook": func() error {
			return url(c.Functions["webhook"], http.MethodPost, "/hooks/telegram", string(fake.TelegramUpdate(1, owner, owner, "hello")),
				http.Header{"X-Telegram-Bot-Api-Secret-Token": {hookSecret}, "Content-Type": {"application/json"}}, http.StatusOK)
		},
		"agent": func() error {
			const nothing = `{"Records":[{"messageId":"1","receiptHandle":"r","body":"{\"v\":1,\"key\":\"main/inbox/none\"}","attributes":{}}]}`
			i, err := c.Functions["agent"].Invoke(context.Background(), []byte(nothing))
			if err != nil {
				return err
			}
			<-i.Began
			io.Copy(io.Discard, i.Body)
			<-i.Done
			return i.Err
		},
		"schedule": func() error { return c.Minute(time.Now()) },
	}
}

func (b *bench) coldStarts(c *standin.Cloud) error {
	events := once(c)
	for _, name := range names {
		var cold, warm []time.Duration
		for range pick(b, 5, 30) {
			c.Kill()
			for _, list := range []*[]time.Duration{&cold, &warm} {
				began := time.Now()
				if err := events[name](); err != nil {
					return err
				}
				*list = append(*list, time.Since(began))
			}
		}
		b.report.add("n", "lambda: cold start of "+name+" to its first answer, median", ms(median(cold)), "ms", below(120),
			fmt.Sprintf("at most %.1f ms; the next event %.2f ms; the variables are read from the Parameter Store's stand-in", ms(quantile(cold, 1)), ms(median(warm))))
		n := pick(b, 100, 1000)
		var early int64
		for i := range n {
			if err := events[name](); err != nil {
				return err
			}
			if i == n/5 {
				early = most(c.Functions[name].RSS())
			}
		}
		late := most(c.Functions[name].RSS())
		b.report.add("n", fmt.Sprintf("lambda: memory of %s after %d events", name, n), float64(late)/1e6, "MB", below(64), fmt.Sprintf("after %d it was %.1f MB", n/5, float64(early)/1e6))
	}
	return nil
}

func most(sizes []int64) (m int64) {
	for _, size := range sizes {
		m = max(m, size)
	}
	return m
}

// lambdaMessages measures messages as served does.
func (b *bench) lambdaMessages(s *instar) error {
	_, first, err := s.exchange(b.ctx, newChat())
	if err != nil {
		return err
	}
	b.report.add("n", "lambda: message to reply, the first", ms(first), "ms", nil, "with new processes of webhook and agent; the S3 server is on this machine")
	var acks, answers []time.Duration
	n := pick(b, 30, 100)
	for i := range 20 + n {
		ack, answer, err := s.exchange(b.ctx, newChat())
		if err != nil {
			return err
		}
		s.pause(b.ctx)
		if i >= 20 {
			acks, answers = append(acks, ack), append(answers, answer)
		}
	}
	b.report.add("n", "lambda: message to reply, warm, median", ms(median(answers)), "ms", nil, fmt.Sprintf("%d messages, as in d", n))
	b.report.add("n", "lambda: message to reply, warm, p99", ms(quantile(answers, 0.99)), "ms", nil, "")
	b.report.add("n", "lambda: acknowledgement, warm, p50", ms(median(acks)), "ms", nil, "")
	return errors.Join(violations(s.telegram), violations(s.anthropic))
}

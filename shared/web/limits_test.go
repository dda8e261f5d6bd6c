package web

import (
	"bytes"
	"compress/gzip"
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// answers is a Doer without a network.
type answers func(*http.Request) (*http.Response, error)

func (a answers) Do(r *http.Request) (*http.Response, error) { return a(r) }

func answer(h http.Header, body io.Reader) answers {
	return func(*http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: 200, Header: h, Body: io.NopCloser(body)}, nil
	}
}

func TestAtMostFiveMegabytesAreReadAfterUnpacking(t *testing.T) {
	var bomb bytes.Buffer
	z := gzip.NewWriter(&bomb)
	for range 200 {
		z.Write(bytes.Repeat([]byte{'a'}, 1<<20))
	}
	z.Close()
	plain := http.Header{"Content-Type": {"text/plain"}}
	packed := http.Header{"Content-Type": {"text/plain"}, "Content-Encoding": {"gzip"}}
	for name, do := range map[string]Doer{
		"endless":   answer(plain, repeat('a')),
		"gzip bomb": answer(packed, &bomb),
	} {
		f := &Fetcher{Do: do, Now: time.Now}
		p, err := f.Fetch(t.Context(), "https://example.com/")
		if err != nil || p.Bytes != maxBody || !p.Truncated {
			t.Errorf("%s: %d bytes, truncated %v, %v", name, p.Bytes, p.Truncated, err)
		}
	}
}

type repeat byte

func (r repeat) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = byte(r)
	}
	return len(p), nil
}

func TestGzipIsUnpackedOnceWhetherOrNotThePlatformDid(t *testing.T) {
	pack := func(s string) string {
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		io.WriteString(z, s)
		z.Close()
		return b.String()
	}
	h := http.Header{"Content-Type": {"text/plain"}, "Content-Encoding": {"gzip"}}
	for body, want := range map[string]string{pack("hi"): "hi", "hi": "hi"} {
		f := &Fetcher{Do: answer(h, strings.NewReader(body)), Now: time.Now}
		if p, err := f.Fetch(t.Context(), "https://example.com/"); err != nil || p.Text != want {
			t.Errorf("%q %v", p.Text, err)
		}
	}
	f := &Fetcher{Do: answer(h, strings.NewReader(pack(pack("hi")))), Now: time.Now}
	if p, err := f.Fetch(t.Context(), "https://example.com/"); err == nil && strings.Contains(p.Text, "hi") {
		t.Error("unpacked twice")
	}
	f = &Fetcher{Do: answer(h, strings.NewReader("\x1f\x8bbroken")), Now: time.Now}
	if _, err := f.Fetch(t.Context(), "https://example.com/"); err == nil {
		t.Error("broken gzip is a page")
	}
}

// drip sends a byte a second until its context ends.
type drip struct{ ctx context.Context }

func (d drip) Read(p []byte) (int, error) {
	select {
	case <-time.After(time.Second):
		p[0] = 'a'
		return 1, nil
	case <-d.ctx.Done():
		return 0, d.ctx.Err()
	}
}

func TestASlowPageIsGivenUpAfterTwentySeconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for name, do := range map[string]answers{
			"slow body": func(r *http.Request) (*http.Response, error) { return answer(http.Header{}, drip{r.Context()})(r) },
			"no answer": func(r *http.Request) (*http.Response, error) {
				<-r.Context().Done()
				return nil, r.Context().Err()
			},
			"slow redirects": func(r *http.Request) (*http.Response, error) {
				select {
				case <-time.After(6 * time.Second):
				case <-r.Context().Done():
					return nil, r.Context().Err()
				}
				return &http.Response{StatusCode: 302, Header: http.Header{"Location": {"/x"}}, Body: http.NoBody}, nil
			},
		} {
			start := time.Now()
			f := &Fetcher{Do: do, Now: time.Now}
			_, err := f.Fetch(t.Context(), "https://example.com/")
			if took := time.Since(start); err == nil || !strings.Contains(err.Error(), "20 seconds") || took != maxTime {
				t.Errorf("%s: %v after %v", name, err, took)
			}
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		f := &Fetcher{Do: answers(func(r *http.Request) (*http.Response, error) { return answer(http.Header{}, drip{r.Context()})(r) }), Now: time.Now}
		if _, err := f.Fetch(ctx, "https://example.com/"); err == nil {
			t.Error("a turn that was stopped got a page")
		}
	})
}

func TestHugeHeadersAreLeftOut(t *testing.T) {
	h := http.Header{"Content-Type": {"text/plain; x=" + strings.Repeat("a", 100<<10)}, "Etag": {strings.Repeat("e", 100<<10)}, "Last-Modified": {"a\nb"}}
	f := &Fetcher{Do: answer(h, strings.NewReader("hi")), Now: time.Now}
	p, err := f.Fetch(t.Context(), "https://example.com/")
	if err != nil || p.ETag != "" || p.LastModified != "" || p.Text != "hi" || len(p.Type) > 100 {
		t.Errorf("%.200v %v", p, err)
	}
}

//go:build e2e

package runtime

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"
)

func testEcho(t *testing.T, w worker) {
	for _, size := range []int{0, 1, 1000, 64 << 10, 64<<10 + 1, 1<<20 + 7, 5 << 20} {
		body := make([]byte, size)
		rand.Read(body)
		for _, chunked := range []bool{false, true} {
			var reader io.Reader = bytes.NewReader(body)
			length := fmt.Sprint(size)
			if chunked {
				reader, length = struct{ io.Reader }{reader}, "-1"
			}
			r := w.request(t, http.MethodPost, "/probe/echo", reader)
			a, err := w.try(r)
			if err != nil || a.status != http.StatusOK || a.body != string(body) {
				t.Errorf("%d bytes, chunked %v: status %d with %d bytes, %v", size, chunked, a.status, len(a.body), err)
			}
			if got := a.header.Get("X-Length"); got != length && size > 0 {
				t.Errorf("%d bytes, chunked %v: the handler sees length %s, want %s", size, chunked, got, length)
			}
		}
	}
	if a := w.get(t, "/probe/echo"); a.header.Get("X-Length") != "0" || a.body != "" {
		t.Errorf("a GET has length %s and body %q", a.header.Get("X-Length"), a.body)
	}
}

func testUnreadBody(t *testing.T, w worker) {
	for _, size := range []int{10, 64 << 10, 2 << 20} {
		for range 3 {
			r := w.request(t, http.MethodPost, "/single/ignore", bytes.NewReader(make([]byte, size)))
			a, err := w.try(r)
			// The local server resets a connection on which much is left unread.
			if size < 1<<20 && a.body != "not read" {
				t.Errorf("%d bytes: status %d, %q, %v", size, a.status, a.body, err)
			}
		}
		w.ok(t, "/single/served")
	}
}

func testCookies(t *testing.T, w worker) {
	a := w.get(t, "/probe/echo")
	want := []string{"a=1; Expires=Wed, 21 Oct 2026 07:28:00 GMT", "b=2"}
	if got := a.header.Values("Set-Cookie"); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func testSeen(t *testing.T, w worker) {
	r := w.request(t, http.MethodPatch, "/probe/seen?a=%2F&b=%zz", nil)
	r.Header = http.Header{"X-Ask": {"one:two, three"}, "Cookie": {"a=1; b=2"}}
	a, err := w.try(r)
	if want := `PATCH /probe/seen?a=%2F&b=%zz ["one:two, three"] "a=1; b=2"`; err != nil || a.body != want {
		t.Errorf("got %s, %v; want %s", a.body, err, want)
	}
}

func testBodyless(t *testing.T, w worker) {
	for _, c := range []struct {
		method string
		code   int
		more   string
	}{
		{"HEAD", 200, "&bytes=5"}, {"HEAD", 200, "&bytes=5&flush"}, {"HEAD", 200, "&bytes=300000"}, {"HEAD", 404, "&bytes=5"},
		{"GET", 204, ""}, {"GET", 204, "&bytes=5"}, {"GET", 204, "&bytes=300000"}, {"GET", 204, "&flush"},
		{"GET", 304, ""}, {"GET", 304, "&bytes=5"}, {"GET", 304, "&flush"}, {"POST", 205, "&bytes=5"},
	} {
		a := w.do(t, c.method, fmt.Sprintf("/single/status?code=%d%s", c.code, c.more), nil)
		if a.status != c.code || a.body != "" || a.header.Get("ETag") != `"e"` {
			t.Errorf("%s of %d%s: status %d, %d bytes, header %v", c.method, c.code, c.more, a.status, len(a.body), a.header)
		}
	}
	for _, code := range []int{200, 201, 302, 400, 418, 500, 599} {
		if a := w.get(t, fmt.Sprintf("/single/status?code=%d&bytes=5", code)); a.status != code || a.body != "xxxxx" {
			t.Errorf("status %d with %q, want %d", a.status, a.body, code)
		}
	}
}

func testStatuses(t *testing.T, w worker) {
	// Like net/http: an invalid one is the handler's panic, 1xx is not the answer.
	for _, code := range []int{0, 99, 600, 1000} {
		if a := w.get(t, fmt.Sprintf("/single/status?code=%d", code)); a.status != 500 || !strings.Contains(a.body, `"id"`) {
			t.Errorf("WriteHeader(%d): status %d, %s", code, a.status, a.body)
		}
	}
	for _, code := range []int{100, 103} {
		if a := w.get(t, fmt.Sprintf("/single/status?code=%d&bytes=5", code)); a.status != 200 || a.body != "xxxxx" {
			t.Errorf("WriteHeader(%d) and a body: status %d, %s", code, a.status, a.body)
		}
	}
}

func testHeaderInjection(t *testing.T, w worker) {
	for _, value := range []string{"a\r\nX-Injected: 1", "a\nX-Injected: 1", "a\rX-Injected: 1", "a\x00b"} {
		for _, name := range []string{"X-Odd", "Set-Cookie"} {
			a := w.get(t, "/single/header?X-Plain=p&"+name+"="+url.QueryEscape(value))
			if a.status != 200 || a.body != "answered" || a.header.Get("X-Plain") != "p" {
				t.Errorf("%q: status %d, %s", value, a.status, a.body)
			}
			if a.header.Get("X-Injected") != "" || a.header.Get(name) != "" {
				t.Errorf("%q arrived: %v", value, a.header)
			}
		}
	}
}

func testOddHeaders(t *testing.T, w worker) {
	for _, name := range []string{"", "a b", "a:b", "a\nX-Injected", "日記", "a\x00"} {
		a := w.get(t, "/single/header?X-Plain=p&"+url.QueryEscape(name)+"=value")
		if a.status != 200 || a.body != "answered" || a.header.Get("X-Plain") != "p" || a.header.Get("X-Injected") != "" {
			t.Errorf("a header called %q: status %d, %s, %v", name, a.status, a.body, a.header)
		}
	}
	for _, value := range []string{"é", "日記", "a\tb", "a\x01b", "\x7f", "\xff"} {
		a := w.get(t, "/single/header?X-Plain=p&X-Odd="+url.QueryEscape(value))
		if a.status != 200 || a.body != "answered" || a.header.Get("X-Plain") != "p" {
			t.Errorf("a header with %q: status %d, %s", value, a.status, a.body)
		}
	}
}

// open sends a request and returns when the head of the answer is there.
func (w worker) open(t *testing.T, ctx context.Context, path string) *http.Response {
	t.Helper()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, w.URL+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	return response
}

func testProgress(t *testing.T, w worker) {
	began := time.Now()
	response := w.open(t, t.Context(), "/probe/drip")
	defer response.Body.Close()
	lines := bufio.NewScanner(response.Body)
	var first time.Duration
	n := 0
	for ; lines.Scan(); n++ {
		if first == 0 {
			first = time.Since(began)
		}
		if want := fmt.Sprintf("line %d", n); lines.Text() != want {
			t.Fatalf("got %q, want %q", lines.Text(), want)
		}
		if n == 20 {
			break
		}
	}
	if rest := time.Since(began) - first; rest < 500*time.Millisecond || n != 20 {
		t.Errorf("%d lines came within %v of each other; the handler waits 50 ms before each", n, rest)
	}
}

func testClientGone(t *testing.T, w worker) {
	before := strings.Count(w.Log(), "drip: cancelled")
	ctx, cancel := context.WithCancel(t.Context())
	response := w.open(t, ctx, "/probe/drip")
	io.ReadFull(response.Body, make([]byte, 5))
	cancel()
	response.Body.Close()
	eventually(t, "the cancellation of a streaming handler", func() bool {
		return strings.Count(w.Log(), "drip: cancelled") > before
	})

	w.leave(t, "/probe/hold?ms=9000&name=impatient", 200*time.Millisecond) // before the answer has begun, too
	w.WaitLog(t, "hold: cancelled impatient")
}

// leave sends a request to the Worker's own runtime and resets the connection
// after a while.
func (w worker) leave(t *testing.T, path string, after time.Duration) {
	t.Helper()
	transport := &http.Transport{DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
		c, err := new(net.Dialer).DialContext(ctx, network, address)
		if err == nil {
			err = c.(*net.TCPConn).SetLinger(0)
		}
		return c, err
	}}
	defer transport.CloseIdleConnections()
	ctx, cancel := context.WithTimeout(t.Context(), after)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, w.Direct(t)+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := transport.RoundTrip(r)
	if err != nil {
		return
	}
	defer response.Body.Close()
	if _, err := io.Copy(io.Discard, response.Body); err == nil {
		t.Errorf("%s was answered to its end within %v", path, after)
	}
}

func testBackpressure(t *testing.T, w worker) {
	const megabytes = 64
	poured := func() int { return strings.Count(w.Log(), "pour: ") }
	before := poured()
	response := w.open(t, t.Context(), fmt.Sprintf("/probe/pour?mb=%d", megabytes))
	defer response.Body.Close()
	time.Sleep(time.Second)
	ahead := poured() - before
	t.Logf("a client that does not read lets the handler write %d MB ahead", ahead)
	if ahead > megabytes/2 {
		t.Errorf("the handler wrote %d of %d MB although nobody reads", ahead, megabytes)
	}
	got := 0
	for chunk := make([]byte, 64<<10); ; got++ {
		if _, err := io.ReadFull(response.Body, chunk); err != nil {
			if err != io.EOF {
				t.Error(err)
			}
			break
		}
		if chunk[0] != byte(got) || chunk[len(chunk)-1] != byte(got) {
			t.Fatalf("chunk %d is out of order", got)
		}
	}
	if got != megabytes*16 {
		t.Errorf("%d of %d chunks arrived", got, megabytes*16)
	}
}

func testWaitUntil(t *testing.T, w worker) {
	a := w.ok(t, "/probe/after?key=a")
	if a.body != "answered" || a.took > 250*time.Millisecond {
		t.Errorf("%q after %v; the work takes 300 ms", a.body, a.took)
	}
	if got := w.get(t, "/probe/get?key=probe/after/a"); got.status != http.StatusNotFound {
		t.Errorf("the work was done before the answer: %d %s", got.status, got.body)
	}
	eventually(t, "the work", func() bool { return w.get(t, "/probe/get?key=probe/after/a").body == "done" })
}

func testEnv(t *testing.T, w worker) {
	a := w.ok(t, "/probe/env")
	if !strings.HasPrefix(a.body, "GIVEN=given SECRET= present=true absent=false\n") {
		t.Errorf("got %s", a.body)
	}
	want := "environ []\ncontext <undefined>\n"
	for _, name := range []string{"process.env", "caches", "fetch", "globalThis", "self", "WebAssembly"} {
		want += name + " <undefined>\n"
	}
	if !strings.HasSuffix(a.body, want) || strings.Contains(a.body, "never shown") {
		t.Errorf("got %s, want %s at the end", a.body, want)
	}
}

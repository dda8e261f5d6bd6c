//go:build e2e

package runtime

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"
)

// outside is a server for requests out of the Worker.
func outside(t *testing.T) (base string, gone <-chan string) {
	ended := make(chan string, 100)
	mux := http.NewServeMux()
	mux.HandleFunc("/echo", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Answer", r.Method+" "+r.Header.Get("X-Ask"))
		w.WriteHeader(http.StatusTeapot)
		io.Copy(w, r.Body)
	})
	mux.HandleFunc("/moved", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/echo", http.StatusFound) })
	stall := func(w http.ResponseWriter, r *http.Request) {
		select {
		case <-r.Context().Done():
		case <-time.After(8 * time.Second):
		}
		ended <- r.URL.Path
	}
	mux.HandleFunc("/stall", stall)
	mux.HandleFunc("/halfway", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, "half ")
		w.(http.Flusher).Flush()
		stall(w, r)
	})
	mux.HandleFunc("/breaks", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "100")
		fmt.Fprint(w, "half ")
		w.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	})
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return s.URL, ended
}

func testFetch(t *testing.T, w worker) {
	base, _ := outside(t)
	body := make([]byte, 1<<20)
	rand.Read(body)
	for _, size := range []int{0, 10, len(body)} {
		a := w.do(t, http.MethodPut, "/probe/fetch?url="+url.QueryEscape(base+"/echo"), body[:size])
		if a.status != http.StatusTeapot || a.header.Get("X-Answer") != "PUT asked" || !bytes.Equal([]byte(a.body), body[:size]) {
			t.Errorf("%d bytes: status %d, %q, %d bytes", size, a.status, a.header.Get("X-Answer"), len(a.body))
		}
	}
	if a := w.get(t, "/probe/fetch?url="+url.QueryEscape(base+"/moved")); a.status != http.StatusFound || a.header.Get("Location") != "/echo" {
		t.Errorf("a redirect is seen as %d, %v", a.status, a.header)
	}
	if a := w.get(t, "/probe/fetch?url="+url.QueryEscape(base+"/breaks")); !strings.HasPrefix(a.body, "half read: ") {
		t.Errorf("an answer that breaks off reads as %q", a.body)
	}
	a := w.get(t, "/probe/fetch?url="+url.QueryEscape("http://127.0.0.1:1/bot-token"))
	if a.status != http.StatusBadGateway || strings.Contains(a.body, "bot-token") || !strings.Contains(a.body, "127.0.0.1:1") {
		t.Errorf("a refused connection: status %d, %q", a.status, a.body)
	}
}

func testFetchCancelled(t *testing.T, w worker) {
	base, gone := outside(t)
	for _, path := range []string{"/stall", "/halfway"} {
		before := w.ok(t, "/single/served")
		a := w.get(t, "/single/fetch?within=300ms&url="+url.QueryEscape(base+path))
		if !strings.Contains(a.body, "context deadline exceeded") || a.took > 2*time.Second {
			t.Errorf("%s: status %d after %v, %q", path, a.status, a.took, a.body)
		}
		select {
		case <-gone:
		case <-time.After(3 * time.Second):
			t.Errorf("%s: the connection was not closed", path)
		}
		if after := w.ok(t, "/single/served"); after.instance != before.instance || after.took > time.Second {
			t.Errorf("%s: it cost the instance, and the next request %v", path, after.took)
		}
	}
}

func testCall(t *testing.T, w worker) {
	body := make([]byte, 1<<20)
	rand.Read(body)
	for _, size := range []int{0, 10, len(body)} {
		a := w.do(t, http.MethodPost, "/probe/call?url="+url.QueryEscape("/single/echo"), body[:size])
		if a.status != http.StatusOK || !bytes.Equal([]byte(a.body), body[:size]) {
			t.Errorf("%d bytes: status %d, %d bytes", size, a.status, len(a.body))
		}
	}
	if a := w.get(t, "/probe/call?url="+url.QueryEscape("/single/exit")); a.status != http.StatusInternalServerError {
		t.Errorf("a crash of the function called: status %d, %q", a.status, a.body)
	}
	if a := w.get(t, "/probe/call?url="+url.QueryEscape("/single/midway?how=exit")); !strings.HasPrefix(a.body, "the first halfread: ") {
		t.Errorf("an answer that breaks off reads as %q", a.body)
	}
	if a := w.get(t, "/probe/call?url="+url.QueryEscape("/single/status?code=204")); a.status != http.StatusNoContent {
		t.Errorf("status %d, want 204", a.status)
	}
}

func testCallCancelled(t *testing.T, w worker) {
	for _, path := range []string{"/single/hold?ms=9000&name=called", "/single/drip"} {
		before := strings.Count(w.Log(), "cancelled")
		w.leave(t, "/probe/call?url="+url.QueryEscape(path), 300*time.Millisecond)
		eventually(t, "the cancellation of "+path, func() bool { return strings.Count(w.Log(), "cancelled") > before })
		if a := w.ok(t, "/single/served"); a.took > 3*time.Second {
			t.Errorf("%s: the function called was busy for %v", path, a.took)
		}
	}
}

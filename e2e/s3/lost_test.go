//go:build e2e

package s3_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"instar/e2e/s3server"
	"instar/shared/aws/s3"
	"instar/shared/bucket"
)

// A fifth of all puts reach the server and their answers do not come back. Each
// writer appends lines of its own to one object; what it is told about a line
// must be so.
func TestAPutWhoseAnswerIsLostIsNotMisreported(t *testing.T) {
	const writers, each = 8, 25
	server := s3server.Start(t)
	proxy := losing(t, server.Endpoint, 0.2)
	if _, err := server.Open(t).PutIfAbsent(t.Context(), "log", nil); err != nil {
		t.Fatal(err)
	}
	var told sync.Map // line -> the error of the put that added it
	var wg sync.WaitGroup
	for w := range writers {
		o := server.Options()
		o.Endpoint = proxy.URL
		b, err := s3.Open(o)
		if err != nil {
			t.Fatal(err)
		}
		wg.Go(func() {
			for n := 0; n < each; n++ {
				o, err := b.Get(t.Context(), "log")
				if err != nil {
					t.Error(err)
					return
				}
				line := fmt.Sprintf("%d-%d\n", w, n)
				_, err = b.PutIfMatch(t.Context(), "log", o.ETag, append(o.Data, line...))
				told.Store(line, err)
			}
		})
	}
	wg.Wait()
	o, err := server.Open(t).Get(t.Context(), "log")
	if err != nil {
		t.Fatal(err)
	}
	wrote, refused, unknown := 0, 0, 0
	told.Range(func(line, outcome any) bool {
		times := strings.Count("\n"+string(o.Data), "\n"+line.(string))
		switch err, _ := outcome.(error); {
		case err == nil:
			if wrote++; times != 1 {
				t.Errorf("%q was written and is there %d times", line, times)
			}
		case errors.Is(err, bucket.ErrPrecondition):
			if refused++; times != 0 {
				t.Errorf("%q was refused and is there %d times", line, times)
			}
		default:
			if unknown++; times > 1 {
				t.Errorf("%q is there %d times", line, times)
			}
		}
		return true
	})
	t.Logf("%d answers lost; %d puts wrote, %d were refused, of %d it could not be told", proxy.lost.Load(), wrote, refused, unknown)
	if wrote == 0 || proxy.lost.Load() == 0 {
		t.Error("nothing was tried")
	}
}

type losingProxy struct {
	*httptest.Server
	lost atomic.Int64
}

// losing stands before a server and breaks the connection in place of the
// answer to this part of the puts.
func losing(t *testing.T, endpoint string, part float64) *losingProxy {
	to, err := url.Parse(endpoint)
	if err != nil {
		t.Fatal(err)
	}
	p := new(losingProxy)
	forward := &httputil.ReverseProxy{
		// The host stays the one that was signed.
		Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(to); r.Out.Host = r.In.Host },
	}
	p.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPut || rand.Float64() >= part {
			forward.ServeHTTP(w, r)
			return
		}
		forward.ServeHTTP(httptest.NewRecorder(), r)
		p.lost.Add(1)
		panic(http.ErrAbortHandler) // closes the connection
	}))
	t.Cleanup(p.Close)
	return p
}

package native_test

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"instar/shared/native"
	"instar/shared/platform"
)

func TestAFunctionSeesOnlyWhatItIsListedFor(t *testing.T) {
	all := map[string]string{"SEAL_KEY": "s", "TOKEN": "t", "EMPTY": ""}
	g := native.Given{
		Listing: platform.Listing{Name: "f", Vars: []string{"SEAL_KEY"}, Present: []string{"TOKEN", "EMPTY"}, Bindings: []string{"BUCKET"}},
		Lookup:  func(name string) string { return all[name] }, Hidden: new(sync.Once),
	}
	if g.Var("SEAL_KEY") != "s" || g.Var("TOKEN") != "" {
		t.Error("the wrong variables are seen")
	}
	if !g.Present("TOKEN") || g.Present("EMPTY") || g.Present("SEAL_KEY") {
		t.Error("the wrong variables are present")
	}
	if g.Need("BUCKET") != nil || g.Need("AGENT") == nil {
		t.Error("the wrong bindings are given")
	}
}

func TestSecretsAreHiddenInLogs(t *testing.T) {
	before := slog.Default()
	defer slog.SetDefault(before)
	var log bytes.Buffer
	slog.SetDefault(slog.New(slog.NewJSONHandler(&log, nil)))
	g := native.Given{
		Listing: platform.Listing{Vars: []string{"TOKEN"}},
		Lookup:  func(string) string { return "hush-hush-secret" }, Hidden: new(sync.Once),
	}
	g.HideInLogs("TOKEN")
	slog.Info("it is hush-hush-secret")
	if strings.Contains(log.String(), "hush-hush") || !strings.Contains(log.String(), "it is") {
		t.Errorf("logged %s", log.String())
	}
}

func TestAnErrorOfTheClientHoldsNoURL(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "/elsewhere", http.StatusFound)
	}))
	address := server.URL + "/bot123:token/getMe"
	r, _ := http.NewRequestWithContext(t.Context(), http.MethodPost, address, nil)
	response, err := native.NewClient().Do(r)
	if err != nil || response.StatusCode != http.StatusFound {
		t.Fatalf("%v, %v: a redirect is the caller's to see", response, err)
	}
	response.Body.Close()
	server.Close()
	if _, err := native.NewClient().Do(r.Clone(t.Context())); err == nil || strings.Contains(err.Error(), "token") {
		t.Errorf("error %v", err)
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := native.NewClient().Do(r.Clone(gone)); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}

func page() fs.FS {
	return fstest.MapFS{
		"_headers":   {Data: []byte("/*\n  X-Frame-Options: DENY\n  Cache-Control: no-cache\n")},
		"index.html": {Data: []byte("<!doctype html><p>hello")},
		"app.js":     {Data: []byte("let x;")},
	}
}

func TestAssetsComeWithTheirHeaders(t *testing.T) {
	h, err := native.Assets(page())
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		method, path, kind string
		status             int
	}{
		{"GET", "/", "text/html; charset=utf-8", 200}, {"HEAD", "/app.js", "text/javascript; charset=utf-8", 200},
		{"GET", "/_headers", "", 404}, {"GET", "/nothing", "", 404}, {"GET", "//app.js", "", 404}, {"GET", "/../app.js", "", 404}, {"POST", "/", "", 405},
	} {
		w := httptest.NewRecorder()
		r := httptest.NewRequest(c.method, "/", nil)
		r.URL.Path = c.path
		h.ServeHTTP(w, r)
		if w.Code != c.status || w.Header().Get("X-Frame-Options") != "DENY" || c.kind != "" && w.Header().Get("Content-Type") != c.kind {
			t.Errorf("%s %s: %d %v", c.method, c.path, w.Code, w.Header())
		}
		if etag := w.Header().Get("ETag"); c.status == 200 {
			r.Header.Set("If-None-Match", etag)
			if w = httptest.NewRecorder(); etag == "" {
				t.Errorf("%s has no ETag", c.path)
			}
			if h.ServeHTTP(w, r); w.Code != http.StatusNotModified {
				t.Errorf("%s again: %d", c.path, w.Code)
			}
		}
	}
}

func TestRulesThatAreNotUnderstoodAreAnError(t *testing.T) {
	for _, rules := range []string{"/api/*\n  A: b\n", "/*\n  nonsense\n"} {
		if _, err := native.Assets(fstest.MapFS{"_headers": {Data: []byte(rules)}}); err == nil {
			t.Errorf("%q was taken", rules)
		}
	}
}

func TestAPanicIs500WithAnIDAndNoText(t *testing.T) {
	before := slog.Default()
	defer slog.SetDefault(before)
	var log bytes.Buffer
	slog.SetDefault(slog.New(slog.NewJSONHandler(&log, nil)))
	w := httptest.NewRecorder()
	native.Guarded(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("private words") })).ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	_, id, _ := strings.Cut(w.Body.String(), `"id":"`)
	if id = strings.TrimSuffix(id, `"}`); w.Code != 500 || len(id) != 16 || !strings.Contains(log.String(), id) {
		t.Errorf("%d %s, logged %s", w.Code, w.Body, log.String())
	}
	if strings.Contains(w.Body.String()+log.String(), "private") {
		t.Error("the panic's words are told")
	}
	defer func() {
		if recover() != http.ErrAbortHandler {
			t.Error("a broken answer looks whole")
		}
	}()
	native.Guarded(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.(http.Flusher).Flush()
		panic(1)
	})).ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil))
}

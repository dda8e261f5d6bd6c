package client_test

import (
	"bytes"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"instar/shared/bucket"
	"instar/shared/sandbox"
	"instar/shared/sandbox/client"
)

// answering is a client of a container that answers like this.
func answering(serve http.HandlerFunc) *client.Client {
	return &client.Client{
		Key: ed25519.NewKeyFromSeed(make([]byte, 32)), Session: "main", Now: time.Now,
		Do: func(_, _ string, r *http.Request) (*http.Response, error) {
			w := httptest.NewRecorder()
			serve(w, r)
			return w.Result(), nil
		},
	}
}

func TestWhatIsTooLargeForTheWayIsRefusedBeforeItIsSent(t *testing.T) {
	calls := 0
	c := answering(func(http.ResponseWriter, *http.Request) { calls++ })
	c.MaxBody = 2048
	err := c.Write(t.Context(), "file", bytes.NewReader(make([]byte, 4096)))
	refused, ok := errors.AsType[*client.Error](err)
	if !ok || refused.Status != http.StatusRequestEntityTooLarge || refused.Text != "this is 4 KB, and at most 2 KB get to the sandbox at once here" || calls != 0 {
		t.Errorf("%v, %d calls", err, calls)
	}
	if err := c.Write(t.Context(), "file", bytes.NewReader(make([]byte, 2048))); err != nil || calls != 1 {
		t.Errorf("%v, %d calls", err, calls)
	}
}

// A container that could not be filled is empty, but not because somebody emptied it.
func TestAnUntouchedContainerIsNotSavedOverASave(t *testing.T) {
	file := sandbox.Node{Path: "file", Type: sandbox.File, Mode: 0o644, Sum: strings.Repeat("a", 64), Size: 1}
	full := sandbox.Manifest{V: sandbox.ManifestVersion, New: strings.Repeat("b", 64), Nodes: []sandbox.Node{file}, Packs: []sandbox.Pack{{ID: strings.Repeat("b", 64), Bytes: 1, Live: 1}}}
	empty := sandbox.Manifest{V: sandbox.ManifestVersion, Nodes: []sandbox.Node{}, Packs: []sandbox.Pack{}}
	now, jobs := full, `[]`
	c := answering(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/v1/jobs" {
			fmt.Fprintf(w, `{"jobs":%s}`, jobs)
			return
		}
		json.NewEncoder(w).Encode(now)
		if now.New != "" {
			fmt.Fprint(w, "x")
		}
	})
	store := bucket.NewMemory()
	kept := &client.Workspace{Bucket: store, Prefix: "w/"}
	files := func() int {
		t.Helper()
		if err := kept.Save(t.Context(), c); err != nil {
			t.Fatal(err)
		}
		o, err := store.Get(t.Context(), "w/manifest")
		if err != nil {
			t.Fatal(err)
		}
		var m sandbox.Manifest
		if err := json.Unmarshal(o.Data, &m); err != nil {
			t.Fatal(err)
		}
		return len(m.Nodes)
	}
	if n := files(); n != 1 {
		t.Fatalf("%d files", n)
	}
	now = empty
	if n := files(); n != 1 {
		t.Errorf("an untouched container left %d files", n)
	}
	jobs = `[{"id":"1"}]`
	if n := files(); n != 0 {
		t.Errorf("one that was emptied left %d files", n)
	}
	now = full
	c.MaxBody = 100
	if err := kept.Save(t.Context(), c); !errors.Is(err, client.ErrLarge) {
		t.Errorf("a manifest that could not be sent back: %v", err)
	}
}

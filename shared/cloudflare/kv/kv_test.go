package kv_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"instar/shared/cloudflare/kv"
	"instar/shared/settings"
	"instar/shared/settings/settingstest"
)

const token = "token-under-test"

// namespace is a Workers KV namespace as its API describes it: values by key, keys
// of at most 512 bytes that are not "." or "..", 404 for what is not there.
type namespace struct {
	mu     sync.Mutex
	values map[string]string
	status int // answers everything with it, when set
}

func (n *namespace) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	n.mu.Lock()
	defer n.mu.Unlock()
	escaped, ours := strings.CutPrefix(r.URL.EscapedPath(), "/client/v4/accounts/acc/storage/kv/namespaces/ns/values/")
	key, err := url.PathUnescape(escaped)
	switch {
	case n.status != 0:
		w.WriteHeader(n.status)
		io.WriteString(w, `{"success":false,"errors":[{"message":"`+token+`"}]}`)
	case r.Header.Get("Authorization") != "Bearer "+token:
		w.WriteHeader(http.StatusForbidden)
	case !ours || err != nil || strings.Contains(escaped, "/") || len(key) > 512 || key == "" || key == "." || key == "..":
		w.WriteHeader(http.StatusBadRequest)
	case r.Method == http.MethodPut:
		body, _ := io.ReadAll(r.Body)
		n.values[key] = string(body)
		io.WriteString(w, `{"success":true}`)
	case r.Method == http.MethodDelete:
		delete(n.values, key)
		io.WriteString(w, `{"success":true}`)
	default:
		value, ok := n.values[key]
		if !ok {
			w.WriteHeader(http.StatusNotFound)
			io.WriteString(w, `{"success":false}`)
			return
		}
		io.WriteString(w, value)
	}
}

func open(t *testing.T) (*kv.Store, *namespace) {
	n := &namespace{values: map[string]string{}}
	s := httptest.NewServer(n)
	t.Cleanup(s.Close)
	return &kv.Store{Account: "acc", Namespace: "ns", Token: token, Base: s.URL + "/client/v4", Do: s.Client().Do}, n
}

func TestConformance(t *testing.T) {
	store, _ := open(t)
	settingstest.Run(t, func(*testing.T) settings.Store { return store })
}

func TestARefusalSaysWhatToDoAndHoldsNoSecret(t *testing.T) {
	store, n := open(t)
	for status, want := range map[int]string{401: "CF_KV_TOKEN", 403: "CF_KV_TOKEN", 429: "429", 500: "500"} {
		n.status = status
		_, _, get := store.Get(t.Context(), "a private key")
		for _, err := range []error{get, store.Put(t.Context(), "a private key", "v"), store.Delete(t.Context(), "a private key")} {
			if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), token) || strings.Contains(err.Error(), "private") {
				t.Errorf("%d: %v", status, err)
			}
		}
	}
	store.Base = "http://127.0.0.1:1"
	if _, _, err := store.Get(t.Context(), "k"); err == nil || strings.Contains(err.Error(), "127.0.0.1") {
		t.Errorf("nobody there: %v", err)
	}
	gone, cancel := context.WithDeadline(t.Context(), time.Now())
	defer cancel()
	if _, _, err := store.Get(gone, "k"); err == nil {
		t.Error("an ended context is no error")
	}
}

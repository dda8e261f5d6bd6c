//go:build !js

package main

import (
	"encoding/base64"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"instar/shared/bucket"
	"instar/shared/sandbox/client"
)

func TestADaemonIsReachedForTheMainConversationAlone(t *testing.T) {
	v := vars{"SEAL_KEY": base64.StdEncoding.EncodeToString(randomBytes(32))}
	if s, line, err := openSandbox(bucket.NewMemory(), v, "8787"); err != nil || s.Do != nil || !strings.HasPrefix(line, "off: ") {
		t.Errorf("without an address: %q, %v", line, err)
	}
	for _, address := range []string{"127.0.0.1:8090", "https://127.0.0.1:8090", "http://127.0.0.1/v1", "http://"} {
		t.Setenv("SANDBOX_URL", address)
		if _, _, err := openSandbox(bucket.NewMemory(), v, "8787"); err == nil || !strings.Contains(err.Error(), "SANDBOX_URL") {
			t.Errorf("%s: %v", address, err)
		}
	}
	asked := ""
	daemon := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { asked = r.Method + " " + r.URL.Path }))
	defer daemon.Close()
	t.Setenv("SANDBOX_URL", daemon.URL)
	s, line, err := openSandbox(bucket.NewMemory(), v, "8787")
	if err != nil || !strings.Contains(line, "SANDBOX_SESSION=main SANDBOX_PUBLIC_KEY=") || s.Report != "http://127.0.0.1:8787/hooks/sandbox" {
		t.Fatalf("%q, %+v, %v", line, s, err)
	}
	if v["SANDBOX_HOSTS"] != "*" {
		t.Error("a daemon whose network is not known counts as one without")
	}
	r, _ := http.NewRequest(http.MethodGet, "http://sandbox/v1/limits", nil)
	if _, err := s.Do("other", "", r); !errors.Is(err, client.ErrOff) || asked != "" {
		t.Errorf("another conversation: %v, asked %q", err, asked)
	}
	if _, err := s.Do("main", "", r); err != nil || asked != "GET /v1/limits" {
		t.Errorf("%v, asked %q", err, asked)
	}
}

//go:build !js

package main

import (
	"encoding/base64"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"instar/shared/bucket"
)

func TestVariablesComeFromTheFileAndTheEnvironment(t *testing.T) {
	state := t.TempDir()
	file := filepath.Join(state, ".dev.vars")
	text := "# a comment\nMODEL=offline\nexport OWNER = \"telegram:1\"\nTIMEZONE='Asia/Tokyo'\nSANDBOX=docker\nnonsense\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("MODEL", "")
	t.Setenv("BUDGET_DAILY_USD", "2")
	t.Setenv("HOME_OF_SECRETS", "x")
	v, err := readVars(file, state)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"MODEL": "", "OWNER": "telegram:1", "TIMEZONE": "Asia/Tokyo", "BUDGET_DAILY_USD": "2", "SANDBOX": "", "HOME_OF_SECRETS": ""} {
		if v[name] != want {
			t.Errorf("%s is %q, want %q", name, v[name], want)
		}
	}
	again, err := readVars(file, state)
	if err != nil || v["SEAL_KEY"] == "" || again["SEAL_KEY"] != v["SEAL_KEY"] || again["CONSOLE_TOKEN"] != v["CONSOLE_TOKEN"] {
		t.Errorf("the secrets did not stay: %v", err)
	}
	if i, err := os.Stat(filepath.Join(state, "seal-key")); err != nil || i.Mode().Perm() != 0o600 {
		t.Errorf("seal-key: %v, %v", i, err)
	}
}

func TestTheAgentIsCalledInsideTheProcess(t *testing.T) {
	h := newHost(bucket.NewMemory(), func(name string) string {
		return map[string]string{"SEAL_KEY": base64.StdEncoding.EncodeToString(randomBytes(32))}[name]
	})
	ask := func(path, body string) (int, string) {
		r, _ := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://agent"+path, strings.NewReader(body))
		response, err := call{h}.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		data, err := io.ReadAll(response.Body)
		if err != nil {
			t.Fatal(err)
		}
		return response.StatusCode, string(data)
	}
	if status, text := ask("/turns", "{"); status != http.StatusBadRequest {
		t.Errorf("malformed: %d %s", status, text)
	}
}

//go:build e2e

package sandbox

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

const (
	gitToken  = "ghp_test_token_value"
	apiSecret = "sk-test-secret-value"
)

// left is what the internet of serve.mjs was asked.
type left struct {
	Host, URL, Method, Body string
	Headers                 map[string]string
}

func TestWhatLeavesAContainer(t *testing.T) {
	s := serve(t, standin, map[string]string{
		"SANDBOX_HOSTS": "github.com=GIT_TOKEN, api.example.com=EXAMPLE_KEY, open.example.com, unset.example.com=UNSET",
		"GIT_TOKEN":     gitToken, "EXAMPLE_KEY": apiSecret,
	})
	b := box{s, "main", newKey()}

	out := func(t *testing.T, method, address, body string) (l left) {
		t.Helper()
		a := b.leave(t, method, address, body)
		if a.status != http.StatusOK || json.Unmarshal([]byte(a.body), &l) != nil {
			t.Fatalf("%d %s", a.status, a.body)
		}
		return l
	}

	t.Run("a request to an open host goes out as it is", func(t *testing.T) {
		l := out(t, http.MethodPut, "https://open.example.com/a/b?c=d", "a body")
		if l.URL != "https://open.example.com/a/b?c=d" || l.Method != http.MethodPut || l.Body != "a body" ||
			l.Headers["authorization"] != "Bearer of-the-container" {
			t.Errorf("%+v", l)
		}
	})

	t.Run("a secret is added outside, in place of what the container sent", func(t *testing.T) {
		if got := out(t, http.MethodGet, "https://api.example.com/v1", "").Headers["authorization"]; got != "Bearer "+apiSecret {
			t.Errorf("api.example.com: %q", got)
		}
		want := "Basic " + base64.StdEncoding.EncodeToString([]byte("x-access-token:"+gitToken))
		if got := out(t, http.MethodGet, "https://github.com/o/r.git/info/refs?service=git-upload-pack", "").Headers["authorization"]; got != want {
			t.Errorf("github.com: %q", got)
		}
	})

	t.Run("nothing in the container holds a secret", func(t *testing.T) {
		me := b.whoami(t, nil, nil)
		if all, _ := json.Marshal(me); strings.Contains(string(all), gitToken) || strings.Contains(string(all), apiSecret) {
			t.Errorf("%s", all)
		}
		inspected := run(t, "docker", "inspect", strings.Fields(run(t, "docker", "ps", "--quiet", "--filter", "ancestor="+standin))[0])
		if strings.Contains(inspected, gitToken) || strings.Contains(inspected, apiSecret) {
			t.Error("Docker was told a secret")
		}
	})

	t.Run("all else is refused with the host's name", func(t *testing.T) {
		for _, address := range []string{
			"https://closed.example.com/", "http://closed.example.com/", "http://open.example.com/", "http://github.com/", "https://sub.open.example.com/",
			"https://unset.example.com/", "http://1.1.1.1/", "http://169.254.169.254/latest/meta-data/", "http://metadata.google.internal/computeMetadata/v1/",
			"http://100.100.100.200/", "http://192.168.0.1/", "http://instar.internal/", "http://instar.internal/hooks/telegram", "http://instar.internal/api/chat",
			"https://instar.internal/healthz",
		} {
			u, _ := url.Parse(address)
			a := b.leave(t, http.MethodPost, address, "")
			if a.status != http.StatusForbidden || !strings.Contains(a.body, u.Hostname()) {
				t.Errorf("%s: %d %s", address, a.status, a.body)
			}
		}
	})

	t.Run("a redirect is the container's to follow", func(t *testing.T) {
		a := b.leave(t, http.MethodGet, "https://api.example.com/elsewhere", "")
		if a.status != http.StatusFound || a.header.Get("Location") != "https://closed.example.com/" {
			t.Errorf("%d %v %s", a.status, a.header, a.body)
		}
	})

	t.Run("the daemon's report gets to our own webhook", func(t *testing.T) {
		for _, scheme := range []string{"http", "https"} {
			if a := b.leave(t, http.MethodPost, scheme+"://instar.internal/hooks/sandbox", `{"v":1}`); a.status != http.StatusAccepted {
				t.Errorf("%s: %d %s", scheme, a.status, a.body)
			}
		}
		reports := s.events(t).Reports
		if len(reports) != 2 {
			t.Fatalf("%+v", reports)
		}
		for _, r := range reports {
			if r.URL != "https://instar.internal/hooks/sandbox" || r.Method != http.MethodPost || r.Body != `{"v":1}` || r.Authorization != "Bearer of-the-container" {
				t.Errorf("%+v", r)
			}
		}
	})

	// What workerd was told not to let out. The routes are the stand-in's, so this
	// says nothing of the network in production.
	t.Run("what is no HTTP does not leave through the stand-in", func(t *testing.T) {
		for _, address := range []string{"1.1.1.1:22", "1.1.1.1:53", "github.com:22", "8.8.8.8:443", "8.8.8.8:80"} {
			a := b.call(t, http.MethodPost, "/leave", url.Values{"dial": {address}}, nil, nil)
			if !strings.HasPrefix(a.body, "error:") && !strings.HasPrefix(a.body, `connected, ""`) && !strings.HasPrefix(a.body, `connected, "HTTP/1.1 4`) {
				t.Errorf("%s: %s", address, a.body)
			}
		}
	})
}

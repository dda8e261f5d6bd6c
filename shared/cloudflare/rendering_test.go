package cloudflare_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"instar/shared/cloudflare"
)

const token = "token-under-test"

// serve answers as Browser Rendering does, and records what it was sent.
func serve(t *testing.T, status int, header map[string]string, body string) (*cloudflare.Rendering, *struct {
	Path, Auth string
	Body       map[string]any
}) {
	t.Helper()
	var got struct {
		Path, Auth string
		Body       map[string]any
	}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got.Path, got.Auth = r.Method+" "+r.URL.Path, r.Header.Get("Authorization")
		data, _ := io.ReadAll(r.Body)
		json.Unmarshal(data, &got.Body)
		for name, value := range header {
			w.Header().Set(name, value)
		}
		w.WriteHeader(status)
		io.WriteString(w, body)
	}))
	t.Cleanup(s.Close)
	return &cloudflare.Rendering{Account: "acc", Token: token, Base: s.URL + "/client/v4", Do: s.Client()}, &got
}

func TestAPageIsReadAsMarkdown(t *testing.T) {
	r, got := serve(t, 200, map[string]string{"Content-Type": "application/json"}, `{"success":true,"result":"# Hello"}`)
	text, err := r.Read(context.Background(), "https://a.example/")
	if err != nil || text != "# Hello" {
		t.Fatalf("%q, %v", text, err)
	}
	if got.Path != "POST /client/v4/accounts/acc/browser-rendering/markdown" || got.Auth != "Bearer "+token || got.Body["url"] != "https://a.example/" {
		t.Errorf("called with %+v", got)
	}
}

func TestAScreenshotAndAPDFAreBytes(t *testing.T) {
	r, got := serve(t, 200, map[string]string{"Content-Type": "image/png"}, "\x89PNG...")
	data, err := r.Screenshot(context.Background(), "https://a.example/", true)
	if err != nil || string(data) != "\x89PNG..." {
		t.Fatalf("%q, %v", data, err)
	}
	if options := got.Body["screenshotOptions"].(map[string]any); options["fullPage"] != true {
		t.Errorf("called with %+v", got.Body)
	}
	r, got = serve(t, 200, map[string]string{"Content-Type": "application/pdf"}, "%PDF-1.7")
	if data, err := r.PDF(context.Background(), "https://a.example/"); err != nil || string(data) != "%PDF-1.7" || !strings.HasSuffix(got.Path, "/pdf") {
		t.Errorf("%q, %v, %s", data, err, got.Path)
	}
}

func TestWhatIsNoAnswerIsAnError(t *testing.T) {
	for name, c := range map[string]struct {
		status       int
		header, body string
		want         string
	}{
		"a page in place of a picture": {200, "text/html", "<html>", "no screenshot"},
		"nothing":                      {200, "image/png", "", "no screenshot"},
		"a wrong token":                {401, "application/json", `{"errors":[{"message":"bad ` + token + `"}]}`, "CF_BROWSER_TOKEN"},
		"too many calls":               {429, "", "", "in 7 s"},
		"a page that does not load":    {422, "application/json", `{"errors":[{"message":"https://a.example/?secret"}]}`, "status 422"},
		"too much":                     {200, "image/png", strings.Repeat("x", 10<<20+1), "larger than 10 MB"},
	} {
		r, _ := serve(t, c.status, map[string]string{"Content-Type": c.header, "Retry-After": "7"}, c.body)
		_, err := r.Screenshot(context.Background(), "https://a.example/?secret", false)
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), token) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v", name, err)
		}
	}
	r, _ := serve(t, 200, nil, `{"success":false,"errors":[]}`)
	if _, err := r.Read(context.Background(), "https://a.example/"); err == nil {
		t.Error("an answer without success was taken for a page")
	}
}

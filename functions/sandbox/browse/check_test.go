//go:build linux

package main

import (
	"strings"
	"testing"

	"instar/shared/sandbox"
)

func TestOnlyGoodActionsGoToTheBrowser(t *testing.T) {
	for text, want := range map[string]string{
		`{"action":"open","url":"https://example.com/a?b=c#d"}`:         "",
		`{"action":"open","url":"http://127.0.0.1:3000/"}`:              "",
		`{"action":"open","url":"http://例え.jp/"}`:                       "",
		`{"action":"read","offset":5}`:                                  "",
		`{"action":"click","element":1}`:                                "",
		`{"action":"fill","element":80,"text":"東京","enter":true}`:       "",
		`{"action":"screenshot","path":"a.png"}`:                        "",
		`{"action":"pdf","url":"https://example.com","path":"a/b.PDF"}`: "",
		``:                                 "no JSON",
		`{"action":"open"`:                 "no JSON",
		`{"action":"open","url":5}`:        "no JSON",
		`{"action":"read"}{}`:              "no JSON",
		`{}`:                               "one of open",
		`{"action":"evaluate","text":"1"}`: "one of open",
		`{"action":"open"}`:                "needs a url",
		`{"action":"read","offset":-1}`:    "negative",
		`{"action":"click"}`:               "needs element",
		`{"action":"fill","element":-1,"text":"x"}`:                                 "needs element",
		`{"action":"click","element":1,"url":"https://a"}`:                          "takes no url",
		`{"action":"fill","element":1,"text":"` + strings.Repeat("x", 33000) + `"}`: "at most",
		`{"action":"screenshot"}`:                                                   "within the workspace",
		`{"action":"screenshot","path":"/etc/a.png"}`:                               "within the workspace",
		`{"action":"screenshot","path":"../a.png"}`:                                 "within the workspace",
		`{"action":"screenshot","path":"a/../../b.png"}`:                            "within the workspace",
		`{"action":"screenshot","path":"./a.png"}`:                                  "within the workspace",
		`{"action":"screenshot","path":"a\u0000.png"}`:                              "within the workspace",
		`{"action":"screenshot","path":".bashrc"}`:                                  "end in .png",
		`{"action":"pdf","path":"a.png"}`:                                           "end in .pdf",
		strings.Repeat(" ", maxAction+1):                                            "longer",
	} {
		_, err := decode(strings.NewReader(text))
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%.80s: %v, want %q", text, err, want)
		}
	}
}

func TestOnlyTheWebIsOpened(t *testing.T) {
	for _, address := range []string{
		"file:///etc/passwd", "FILE:///etc/passwd", "chrome://version", "data:text/html,x", "javascript:alert(1)", "view-source:http://a/", "about:blank", "blob:http://a/x",
		"ftp://a/", "ws://a/", "//a/", "/etc/passwd", "a.example", "http:///x", "http:a", "https://user:password@a/", "http://a b/", "http://a\\b/", " http://a/", "http://a/\n", "http://" + strings.Repeat("a", 3000),
	} {
		if check(sandbox.Action{Action: sandbox.BrowserOpen, URL: address}) == nil {
			t.Errorf("%.60q is opened", address)
		}
		if u := strings.TrimSpace(address); may(u) && u != blank && u != "blob:http://a/x" && !strings.HasPrefix(strings.ToLower(u), "http") {
			t.Errorf("%.60q may be looked at", address)
		}
	}
	for _, address := range []string{"file:///etc/passwd", "chrome://version/", "chrome-error://chromewebdata/", "data:text/html,x", "devtools://x", "view-source:http://a/", "blob:null/x", "about:srcdoc", ""} {
		if may(address) {
			t.Errorf("%q may be looked at", address)
		}
	}
}

package web

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

const key = "BSA-secret-key"

// brave is Brave's Web Search API as its documentation describes it ("Query
// Parameters", "Request Headers", "Response Headers"): it refuses any call
// that is not so.
type brave struct {
	t       *testing.T
	calls   int
	limited int // how many calls are one too many
	header  http.Header
	status  int // instead of an answer
	body    string
}

func (b *brave) Do(r *http.Request) (*http.Response, error) {
	b.calls++
	answer := func(status int, h http.Header, body string) (*http.Response, error) {
		return &http.Response{StatusCode: status, Header: h, Body: io.NopCloser(strings.NewReader(body)), Request: r}, nil
	}
	q := r.URL.Query()
	count, err := strconv.Atoi(q.Get("count"))
	switch {
	case r.Method != http.MethodGet || r.URL.Scheme != "https" || r.URL.Host != "api.search.brave.com" || r.URL.Path != "/res/v1/web/search":
		b.t.Errorf("%s %s", r.Method, r.URL)
		return answer(404, nil, "")
	case r.Header.Get("X-Subscription-Token") != key:
		return answer(401, nil, `{"error":{"detail":"the token `+r.Header.Get("X-Subscription-Token")+` is not valid"}}`)
	case strings.Contains(r.URL.String(), key):
		b.t.Error("the key is in the URL")
	case r.Header.Get("Accept") != "application/json":
		b.t.Errorf("headers %v", r.Header)
	case q.Get("q") == "" || len([]rune(q.Get("q"))) > 400 || len(strings.Fields(q.Get("q"))) > 50 || err != nil || count < 1 || count > 20:
		b.t.Errorf("query %v", q)
		return answer(422, nil, "{}")
	}
	for name := range q {
		switch name {
		case "q", "count", "offset", "country", "search_lang", "ui_lang", "safesearch", "freshness", "text_decorations", "spellcheck", "result_filter", "units", "extra_snippets":
		default:
			b.t.Errorf("parameter %s", name)
		}
	}
	if b.limited > 0 {
		b.limited--
		return answer(429, b.header, `{"error":{"code":"RATE_LIMITED"}}`)
	}
	if b.status != 0 {
		return answer(b.status, nil, b.body)
	}
	var list []map[string]any
	for i := range count {
		list = append(list, map[string]any{"title": fmt.Sprintf("Page %d &amp; <b>more</b>", i), "url": fmt.Sprintf("https://example.com/%d", i),
			"description": "about <strong>tea</strong>\u202e", "page_age": "2026-03-02T10:00:00", "type": "search_result"})
	}
	list[0]["url"] = "http://169.254.169.254/" // left out
	body, _ := json.Marshal(map[string]any{"type": "search", "query": map[string]any{"original": q.Get("q")}, "web": map[string]any{"type": "search", "results": list}})
	return answer(200, nil, string(body))
}

func TestBraveIsAskedAsItsDocumentationSays(t *testing.T) {
	fake := &brave{t: t}
	b := &Brave{Key: key, Do: fake}
	list, err := b.Search(t.Context(), " green\n tea \u200b", 3)
	if err != nil || len(list) != 2 || list[0] != (Result{"Page 1 & more", "https://example.com/1", "about tea", "2026-03-02"}) {
		t.Errorf("%+v %v", list, err)
	}
	for _, limit := range []int{-1, 0, 1000} {
		if _, err := b.Search(t.Context(), "tea", limit); err != nil {
			t.Error(err)
		}
	}
	fake.calls = 0
	for _, query := range []string{"", " \n\u200b", strings.Repeat("茶", 401), strings.Repeat("a ", 51)} {
		if _, err := b.Search(t.Context(), query, 3); err == nil {
			t.Errorf("%q is searched for", query)
		}
	}
	if fake.calls > 0 {
		t.Error("a query that cannot be asked was asked")
	}
}

func TestARateLimitIsWaitedForOnceAndNotLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, c := range []struct {
			limited int
			header  http.Header
			wait    time.Duration
			calls   int
			after   time.Duration // of the error, 0 for none
		}{
			{1, http.Header{"X-Ratelimit-Remaining": {"0, 1000"}, "X-Ratelimit-Reset": {"1, 1419704"}}, time.Second, 2, 0},
			{2, http.Header{"X-Ratelimit-Remaining": {"0, 1000"}, "X-Ratelimit-Reset": {"1, 1419704"}}, time.Second, 2, time.Second},
			{1, http.Header{"X-Ratelimit-Remaining": {"0, 0"}, "X-Ratelimit-Reset": {"1, 1419704"}}, 0, 1, 1419704 * time.Second},
			{1, http.Header{"Retry-After": {"2"}}, 2 * time.Second, 2, 0},
			{1, http.Header{"Retry-After": {"60"}}, 0, 1, time.Minute},
			{1, http.Header{"Retry-After": {"soon"}, "X-Ratelimit-Reset": {"x,-1"}}, time.Second, 2, 0},
		} {
			fake := &brave{t: t, limited: c.limited, header: c.header}
			start := time.Now()
			_, err := (&Brave{Key: key, Do: fake}).Search(t.Context(), "tea", 3)
			var busy *Busy
			if waited := time.Since(start); waited != c.wait || fake.calls != c.calls || errors.As(err, &busy) != (c.after > 0) || busy != nil && busy.After != c.after {
				t.Errorf("%v: %v after %v and %d calls", c.header, err, waited, fake.calls)
			}
		}
	})
}

func TestNoErrorHoldsTheKey(t *testing.T) {
	for name, b := range map[string]*Brave{
		"wrong key":   {Key: "other-key", Do: &brave{t: t}},
		"broken":      {Key: key, Do: &brave{t: t, status: 500, body: "your key " + key}},
		"no JSON":     {Key: key, Do: &brave{t: t, status: 200, body: "<html>" + key}},
		"redirect":    {Key: key, Do: &brave{t: t, status: 302, body: key}},
		"other form":  {Key: key, Do: &brave{t: t, status: 200, body: `{"web":"` + key + `"}`}},
		"unreachable": {Key: key, Do: answers(func(r *http.Request) (*http.Response, error) { return nil, fmt.Errorf("%v", r.Header) })},
		"wrong base":  {Key: key, Base: "http://%zz" + key, Do: &brave{t: t}},
	} {
		_, err := b.Search(t.Context(), "tea", 3)
		if err == nil || strings.Contains(err.Error(), key) || strings.Contains(err.Error(), "other-key") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzResults(f *testing.F) {
	f.Add([]byte(`{"web":{"results":[{"title":"a","url":"https://example.com","description":"<b>c","age":"1 day"}]}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		list, _ := results(data, 3)
		if len(list) > 3 {
			t.Error("too many")
		}
		for _, r := range list {
			if CheckURL(r.URL) != nil || strings.Contains(r.Title+r.Text+r.Age, "\n") {
				t.Errorf("%+v", r)
			}
		}
	})
}

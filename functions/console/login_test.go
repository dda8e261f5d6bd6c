package console_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"instar/shared/access"
	"instar/shared/access/cloudflare"
)

// fromPage is a request as the console's page sends it.
func fromPage(method, path, body string, cookies ...*http.Cookie) *http.Request {
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	if method != http.MethodGet {
		r.Header.Set("Origin", "http://"+r.Host)
		r.Header.Set("Sec-Fetch-Site", "same-origin")
	}
	for _, c := range cookies {
		r.AddCookie(&http.Cookie{Name: c.Name, Value: c.Value})
	}
	return r
}

// signIn exchanges the token for a cookie.
func (p *place) signIn() *http.Cookie {
	p.t.Helper()
	w := p.serve(fromPage("POST", "/api/login", `{"token":"`+token+`"}`))
	cookies := w.Result().Cookies()
	if w.Code != 200 || len(cookies) != 1 || strings.Contains(w.Body.String(), cookies[0].Value) {
		p.t.Fatalf("login: %d %s %v", w.Code, w.Body, cookies)
	}
	return cookies[0]
}

func TestTheTokenIsExchangedForACookieThatOpensEveryRoute(t *testing.T) {
	p := newPlace(t)
	c := p.signIn()
	if !c.HttpOnly || c.SameSite != http.SameSiteStrictMode || c.Path != "/" || c.MaxAge != 7*24*3600 || strings.Contains(c.Value, token) {
		t.Errorf("cookie %+v", c)
	}
	p.script = func(string) (int, string) { return 200, "event: done\ndata: {\"reply\":\"hi\"}\n\n" }
	for _, route := range routes {
		method, path, _ := strings.Cut(route, " ")
		if w := p.serve(fromPage(method, path, anything, c)); w.Code == 401 || w.Code == 403 || w.Code >= 500 {
			t.Errorf("%s: %d %s", route, w.Code, w.Body)
		}
	}
}

func TestAnotherSiteCannotUseTheCookie(t *testing.T) {
	p := newPlace(t)
	c := p.signIn()
	for _, route := range changing {
		method, path, _ := strings.Cut(route, " ")
		for _, origin := range []string{"", "null", "https://evil.example", "http://example.com.evil.example"} {
			r := fromPage(method, path, anything, c)
			r.Header.Del("Sec-Fetch-Site")
			if r.Header.Del("Origin"); origin != "" {
				r.Header.Set("Origin", origin)
			}
			if w := p.serve(r); w.Code != 403 || len(p.queue) != 0 {
				t.Errorf("%s from %q: %d %s", route, origin, w.Code, w.Body)
			}
		}
	}
}

func TestLoggingOutEndsTheSessionForGood(t *testing.T) {
	p := newPlace(t)
	c := p.signIn()
	w := p.serve(fromPage("POST", "/api/logout", "", c))
	if gone := w.Result().Cookies(); w.Code != 200 || strings.TrimSpace(w.Body.String()) != "{}" || len(gone) != 1 || gone[0].MaxAge != -1 || gone[0].Name != c.Name {
		t.Errorf("%d %s %v", w.Code, w.Body, gone)
	}
	w = p.serve(fromPage("GET", "/api/status", "", c))
	if gone := w.Result().Cookies(); w.Code != 401 || len(gone) != 1 || gone[0].MaxAge != -1 {
		t.Errorf("replayed: %d, %v", w.Code, gone)
	}
	if w := p.serve(fromPage("POST", "/api/logout", "")); w.Code != 200 {
		t.Errorf("without a session: %d", w.Code)
	}
}

func TestWhoCameThroughAccessIsSentToItsLogout(t *testing.T) {
	p := newPlace(t)
	*p.access = cloudflare.Access{Team: "t.cloudflareaccess.com", Audience: "aud", Keys: cloudflare.NewKeys(p)}
	r := fromPage("POST", "/api/logout", "")
	r.Header.Set("Cf-Access-Jwt-Assertion", "x.y.z")
	if w := p.serve(r); w.Code != 200 || strings.TrimSpace(w.Body.String()) != `{"next":"/cdn-cgi/access/logout"}` {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func TestWrongTokensLockTheirAddressOutAndNoOther(t *testing.T) {
	p := newPlace(t)
	try := func(given, address string) *httptest.ResponseRecorder {
		r := fromPage("POST", "/api/login", `{"token":"`+given+`"}`)
		r.RemoteAddr = address
		return p.serve(r)
	}
	for range access.MaxFailures {
		if w := try("guess", "203.0.113.9"); w.Code != 401 || len(w.Result().Cookies()) != 0 {
			t.Fatalf("%d %s", w.Code, w.Body)
		}
	}
	if w := try(token, "203.0.113.9"); w.Code != 429 || w.Header().Get("Retry-After") != "60" || strings.Contains(w.Body.String(), token) {
		t.Errorf("%d %v %s", w.Code, w.Header(), w.Body)
	}
	if w := try(token, "198.51.100.7:4711"); w.Code != 200 {
		t.Errorf("from elsewhere: %d %s", w.Code, w.Body)
	}
}

func TestALoginThatIsNoneIsRefused(t *testing.T) {
	p := newPlace(t)
	for body, want := range map[string]int{`{`: 400, `[]`: 400, `{}`: 401, `{"token":""}`: 401, `{"token":1}`: 400, `{"token":"` + strings.Repeat("x", 300<<10) + `"}`: 413} {
		if w := p.serve(fromPage("POST", "/api/login", body)); w.Code != want || len(w.Result().Cookies()) != 0 {
			t.Errorf("%.20s: %d %s", body, w.Code, w.Body)
		}
	}
	if w := p.serve(fromPage("GET", "/api/login?token="+token, "")); w.Code != 401 {
		t.Errorf("by GET: %d", w.Code)
	}
}

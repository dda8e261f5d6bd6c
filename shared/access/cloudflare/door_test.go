package cloudflare_test

import (
	"errors"
	"net/http"
	"reflect"
	"strings"
	"testing"

	"instar/shared/access"
)

func TestHalfOfAccessIsNamed(t *testing.T) {
	for name, c := range map[string]struct {
		token, team, audience string
		missing               []string
		reason                string
	}{
		"nothing":           {"", "", "", []string{"CONSOLE_TOKEN", "CF_ACCESS_TEAM_DOMAIN", "CF_ACCESS_AUD"}, "no way in is set up: set CONSOLE_TOKEN, or CF_ACCESS_TEAM_DOMAIN and CF_ACCESS_AUD"},
		"no audience":       {"", team, "", []string{"CF_ACCESS_AUD"}, "CF_ACCESS_AUD is not set"},
		"no team":           {"", "", audience, []string{"CF_ACCESS_TEAM_DOMAIN"}, "CF_ACCESS_TEAM_DOMAIN is not set"},
		"token and half":    {token, team, "", []string{"CF_ACCESS_AUD"}, "CF_ACCESS_AUD is not set"},
		"token, other half": {token, "", audience, []string{"CF_ACCESS_TEAM_DOMAIN"}, "CF_ACCESS_TEAM_DOMAIN is not set"},
	} {
		w := newWorld(t)
		jwt := w.genuine()
		w.door.Token, w.access.Team, w.access.Audience = c.token, c.team, c.audience
		_, in := w.door.Authenticate(request("GET", "Authorization", "Bearer "+c.token, "Cf-Access-Jwt-Assertion", jwt), home)
		_, login := w.door.Login(request("POST"), c.token, home)
		_, logout := w.door.Logout(request("POST"), home)
		for _, err := range []error{in, login, logout} {
			var refusal *access.Refusal
			if !errors.As(err, &refusal) || refusal.Status != 503 || refusal.Reason != c.reason || !reflect.DeepEqual(refusal.Missing, c.missing) {
				t.Errorf("%s: %+v", name, err)
			}
		}
	}
}

func TestEachWayInWorksWithoutTheOther(t *testing.T) {
	w := newWorld(t)
	w.access.Team, w.access.Audience = "", ""
	if got := w.status(bearer(token), home); got != 200 {
		t.Errorf("the token alone: %d", got)
	}
	if got := w.status(assertion(w.genuine()), home); got != 401 || w.edge.fetches != 0 {
		t.Errorf("an assertion without Access: %d", got)
	}
	c := w.login()
	w = newWorld(t)
	w.door.Token = ""
	for name, r := range map[string]*http.Request{"empty token": bearer(""), "some token": bearer(token), "cookie": with(request("GET"), c)} {
		_, err := w.door.Authenticate(r, home)
		if status(t, err) != 401 {
			t.Errorf("Access alone, %s: %v", name, err)
		}
		if name == "cookie" && err.Error() != "log in through Cloudflare Access" {
			t.Errorf("Access alone: %q", err)
		}
	}
	if _, err := w.door.Login(request("POST"), "", home); status(t, err) != 503 || err.Error() != "CONSOLE_TOKEN is not set; log in through Cloudflare Access" {
		t.Errorf("Access alone, a login: %v", err)
	}
	if got := w.status(assertion(w.genuine()), home); got != 200 {
		t.Errorf("Access alone: %d", got)
	}
}

func TestASessionCountsBesideAnOldCookieOfAccess(t *testing.T) {
	w := newWorld(t)
	r := with(request("GET", "Cookie", "CF_Authorization="+w.genuine("exp", 1)), w.login())
	if got := w.status(r, home); got != 200 {
		t.Errorf("%d", got)
	}
}

func TestATokenThatHasEndedIsNoAttackAndAForgedOneIs(t *testing.T) {
	w := newWorld(t)
	for range 2 * access.MaxFailures {
		w.status(assertion(w.genuine("exp", 1)), away)
	}
	if got := w.store.Counts().Writes; got != 0 {
		t.Errorf("%d writes", got)
	}
	for range access.MaxFailures {
		w.status(assertion("a.b.c"), away)
	}
	for name, r := range map[string]*http.Request{"forged": assertion("a.b.c"), "token": bearer(token)} {
		if got := w.status(r, away); got != 429 {
			t.Errorf("%s: %d", name, got)
		}
	}
	if got := w.status(assertion(w.genuine()), away); got != 200 {
		t.Errorf("Access from the locked address: %d", got)
	}
}

func TestAProgramNeedsNoOriginAndACookieDoes(t *testing.T) {
	w := newWorld(t)
	jwt := w.genuine()
	for name, c := range map[string]struct {
		origin, site   string
		header, cookie int
	}{
		"the page":           {"https://instar.example.com", "same-origin", 200, 200},
		"an old browser":     {"https://instar.example.com", "", 200, 200},
		"no browser":         {"", "", 200, 403},
		"another site":       {"https://evil.example", "cross-site", 403, 403},
		"another site, old":  {"https://evil.example", "", 403, 403},
		"a sibling":          {"https://evil.example.com", "same-site", 403, 403},
		"no origin, cross":   {"", "cross-site", 403, 403},
		"lying about origin": {"https://instar.example.com", "cross-site", 403, 403},
		"null":               {"null", "", 403, 403},
		"without TLS":        {"http://instar.example.com", "", 403, 403},
	} {
		for _, method := range []string{"POST", "DELETE", "BREW"} {
			send := func(header, value string) int {
				r := request(method, header, value, "Origin", c.origin, "Sec-Fetch-Site", c.site)
				for _, name := range []string{"Origin", "Sec-Fetch-Site"} {
					if r.Header.Get(name) == "" {
						r.Header.Del(name)
					}
				}
				return w.status(r, home)
			}
			header, cookie := send("Cf-Access-Jwt-Assertion", jwt), send("Cookie", "CF_Authorization="+jwt)
			if header != c.header || cookie != c.cookie {
				t.Errorf("%s %s: header %d, cookie %d", method, name, header, cookie)
			}
		}
	}
}

func TestWhoCameThroughAccessIsSentToItsLogout(t *testing.T) {
	w := newWorld(t)
	for name, r := range map[string]*http.Request{"header": assertion("x.y.z"), "cookie": request("GET", "Cookie", "CF_Authorization=x")} {
		if got := w.door.Next(r); got != "/cdn-cgi/access/logout" {
			t.Errorf("%s: %q", name, got)
		}
	}
	if got := w.door.Next(bearer(token)); got != "" {
		t.Errorf("who did not: %q", got)
	}
	w.access.Team, w.access.Audience = "", ""
	if got := w.door.Next(assertion("x.y.z")); got != "" {
		t.Errorf("while it is off: %q", got)
	}
}

func TestWithoutKeysThePersonIsToldToTryAgain(t *testing.T) {
	w := newWorld(t)
	w.edge.down = true
	_, err := w.door.Authenticate(assertion(w.genuine()), home)
	if status(t, err) != 503 || err.Error() != "Cloudflare Access's keys could not be fetched; try again in a moment" {
		t.Errorf("%v", err)
	}
	w.access.Keys = nil
	if got := w.status(assertion(w.genuine()), home); got != 503 {
		t.Errorf("with none to fetch: %d", got)
	}
	if strings.Contains(err.Error(), "hunter2") {
		t.Errorf("%v", err)
	}
}

package access_test

import (
	"errors"
	"net/http"
	"os"
	"reflect"
	"strings"
	"testing"

	"instar/shared/access"
)

func TestWithoutAWayInTheVariablesAreNamed(t *testing.T) {
	for name, c := range map[string]struct {
		token, team, audience string
		missing               []string
	}{
		"nothing":           {"", "", "", []string{"CONSOLE_TOKEN", "CF_ACCESS_TEAM_DOMAIN", "CF_ACCESS_AUD"}},
		"no audience":       {"", team, "", []string{"CF_ACCESS_AUD"}},
		"no team":           {"", "", audience, []string{"CF_ACCESS_TEAM_DOMAIN"}},
		"token and half":    {token, team, "", []string{"CF_ACCESS_AUD"}},
		"token, other half": {token, "", audience, []string{"CF_ACCESS_TEAM_DOMAIN"}},
	} {
		w := newWorld(t)
		jwt := w.genuine()
		w.door.Token, w.door.TeamDomain, w.door.Audience = c.token, c.team, c.audience
		_, in := w.door.Authenticate(request("GET", "Authorization", "Bearer "+c.token, "Cf-Access-Jwt-Assertion", jwt), home)
		_, login := w.door.Login(request("POST"), c.token, home)
		_, logout := w.door.Logout(request("POST"), home)
		for _, err := range []error{in, login, logout} {
			var refusal *access.Refusal
			if !errors.As(err, &refusal) || refusal.Status != 503 || !reflect.DeepEqual(refusal.Missing, c.missing) {
				t.Errorf("%s: %+v", name, err)
				continue
			}
			for _, variable := range c.missing {
				if !strings.Contains(err.Error(), variable) {
					t.Errorf("%s: %q does not name %s", name, err, variable)
				}
			}
		}
	}
}

func TestEachWayInWorksWithoutTheOther(t *testing.T) {
	w := newWorld(t)
	w.door.TeamDomain, w.door.Audience = "", ""
	if got := w.status(bearer(token), home); got != 200 {
		t.Errorf("the token alone: %d", got)
	}
	if got := w.status(assertion(w.genuine()), home); got != 401 || w.cloudflare.fetches != 0 {
		t.Errorf("an assertion without Access: %d", got)
	}
	c := w.login()
	w = newWorld(t)
	w.door.Token = ""
	for name, r := range map[string]*http.Request{"empty token": bearer(""), "some token": bearer(token), "cookie": with(request("GET"), c)} {
		if got := w.status(r, home); got != 401 {
			t.Errorf("Access alone, %s: %d", name, got)
		}
	}
	if _, err := w.door.Login(request("POST"), "", home); status(t, err) != 503 {
		t.Errorf("Access alone, a login: %v", err)
	}
	if got := w.status(assertion(w.genuine()), home); got != 200 {
		t.Errorf("Access alone: %d", got)
	}
}

func TestOneValidCredentialIsEnoughButBearerDecidesAlone(t *testing.T) {
	w := newWorld(t)
	c := w.login()
	stale := "CF_Authorization=" + w.genuine("exp", 1)
	r := with(request("GET", "Cookie", stale), c)
	if got := w.status(r, home); got != 200 {
		t.Errorf("a session beside an old cookie of Access: %d", got)
	}
	r = with(request("GET", "Authorization", "Bearer wrong"), c)
	if got := w.status(r, home); got != 401 {
		t.Errorf("a wrong Bearer token beside a session: %d", got)
	}
	r = bearer(token)
	r.Header.Add("Authorization", "Bearer "+token)
	if got := w.status(r, home); got != 401 {
		t.Errorf("two Authorization headers: %d", got)
	}
}

func TestARequestWithoutACredentialTouchesNothing(t *testing.T) {
	w := newWorld(t)
	for range 100 {
		if got := w.status(request("GET"), away); got != 401 {
			t.Fatalf("%d", got)
		}
	}
	if c := w.store.Counts(); c.Reads+c.Writes+c.Lists != 0 || len(w.audit) != 0 {
		t.Errorf("%+v, %v", c, w.audit)
	}
}

func TestWhatHasEndedIsNoAttack(t *testing.T) {
	w := newWorld(t)
	c := w.login()
	if _, err := w.door.Logout(with(request("POST"), c), home); err != nil {
		t.Fatal(err)
	}
	writes := w.store.Counts().Writes
	for range 50 {
		w.status(with(request("GET"), c), home)
		w.status(assertion(w.genuine("exp", 1)), home)
	}
	if got := w.store.Counts().Writes; got != writes {
		t.Errorf("%d writes", got-writes)
	}
}

// An "==" on the token would tell an attacker how much of it was right.
func TestTokensAreComparedInConstantTime(t *testing.T) {
	source, err := os.ReadFile("door.go")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(source), "subtle.ConstantTimeCompare(want[:], got[:])") || strings.Contains(string(source), "== d.Token") {
		t.Error("the token is not compared by its hash in constant time")
	}
}

func TestOnlyTheOwnPageMayChangeThingsByCookie(t *testing.T) {
	w := newWorld(t)
	c, jwt := w.login(), w.genuine()
	for name, h := range map[string]struct {
		origin, site          string
		cookie, access, token int
	}{
		"the page":            {"https://instar.example.com", "same-origin", 200, 200, 200},
		"an old browser":      {"https://instar.example.com", "", 200, 200, 200},
		"capitals":            {"https://INSTAR.example.com", "same-origin", 200, 200, 200},
		"no browser":          {"", "", 403, 200, 200},
		"another site":        {"https://evil.example", "cross-site", 403, 403, 200},
		"another site, old":   {"https://evil.example", "", 403, 403, 200},
		"a sibling":           {"https://evil.example.com", "same-site", 403, 403, 200},
		"no origin, cross":    {"", "cross-site", 403, 403, 200},
		"lying about origin":  {"https://instar.example.com", "cross-site", 403, 403, 200},
		"lying about site":    {"https://evil.example", "same-origin", 403, 403, 200},
		"a sandboxed frame":   {"null", "cross-site", 403, 403, 200},
		"null":                {"null", "", 403, 403, 200},
		"without TLS":         {"http://instar.example.com", "", 403, 403, 200},
		"another port":        {"https://instar.example.com:444", "", 403, 403, 200},
		"a name before it":    {"https://instar@instar.example.com", "", 403, 403, 200},
		"the host as a name":  {"https://instar.example.com@evil.example", "", 403, 403, 200},
		"the host as a start": {"https://instar.example.com.evil.example", "", 403, 403, 200},
		"a path":              {"https://instar.example.com/", "", 403, 403, 200},
		"not a URL":           {"instar.example.com", "", 403, 403, 200},
	} {
		for _, method := range []string{"POST", "PUT", "DELETE", "PATCH", "BREW"} {
			set := func(r *http.Request) *http.Request {
				r.Header.Del("Origin")
				r.Header.Del("Sec-Fetch-Site")
				if h.origin != "" {
					r.Header.Set("Origin", h.origin)
				}
				if h.site != "" {
					r.Header.Set("Sec-Fetch-Site", h.site)
				}
				return r
			}
			cookie := w.status(set(with(request(method), c)), home)
			byAccess := w.status(set(request(method, "Cf-Access-Jwt-Assertion", jwt)), home)
			accessCookie := w.status(set(request(method, "Cookie", "CF_Authorization="+jwt)), home)
			token := w.status(set(request(method, "Authorization", "Bearer "+token)), home)
			if cookie != h.cookie || accessCookie != h.cookie || byAccess != h.access || token != h.token {
				t.Errorf("%s %s: cookie %d, Access's cookie %d, Access %d, token %d", method, name, cookie, accessCookie, byAccess, token)
			}
		}
		for _, method := range []string{"GET", "HEAD"} {
			if got := w.status(with(request(method, "Origin", h.origin, "Sec-Fetch-Site", h.site), c), home); got != 200 {
				t.Errorf("%s %s: %d", method, name, got)
			}
		}
	}
	r := with(request("POST"), c)
	r.Header.Add("Origin", "https://evil.example")
	if got := w.status(r, home); got != 403 {
		t.Errorf("two Origins: %d", got)
	}
}

func TestAnotherSiteCannotLogTheOwnerOutOrLockThemOut(t *testing.T) {
	w := newWorld(t)
	c := w.login()
	for range 50 {
		if _, err := w.door.Login(request("POST", "Origin", "https://evil.example", "Sec-Fetch-Site", "cross-site"), "guess", home); status(t, err) != 403 {
			t.Fatalf("a login: %v", err)
		}
		if _, err := w.door.Logout(with(request("POST", "Origin", "https://evil.example"), c), home); status(t, err) != 403 {
			t.Fatalf("a logout: %v", err)
		}
		r := with(request("POST"), c)
		r.Header.Del("Origin")
		if _, err := w.door.Logout(r, home); status(t, err) != 403 {
			t.Fatalf("a logout from nowhere: %v", err)
		}
	}
	if got := w.status(bearer(token), home); got != 200 {
		t.Errorf("the owner afterwards: %d", got)
	}
	if got := w.status(with(request("GET"), c), home); got != 200 {
		t.Errorf("the session afterwards: %d", got)
	}
}

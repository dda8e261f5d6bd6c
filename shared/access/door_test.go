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
		token, site, id string
		missing         []string
	}{
		"nothing":           {"", "", "", []string{"CONSOLE_TOKEN", "FRONT_SITE", "FRONT_ID"}},
		"no id":             {"", "set", "", []string{"FRONT_ID"}},
		"no site":           {"", "", "set", []string{"FRONT_SITE"}},
		"token and half":    {token, "set", "", []string{"FRONT_ID"}},
		"token, other half": {token, "", "set", []string{"FRONT_SITE"}},
	} {
		w := newWorld(t)
		word := w.genuine()
		w.door.Token, w.front.site, w.front.id = c.token, c.site, c.id
		_, in := w.door.Authenticate(request("GET", "Authorization", "Bearer "+c.token, frontHeader, word), home)
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
	w.front.site, w.front.id = "", ""
	if got := w.status(bearer(token), home); got != 200 {
		t.Errorf("the token alone: %d", got)
	}
	if got := w.status(assertion(w.genuine()), home); got != 401 || w.front.asked != 0 {
		t.Errorf("an assertion while the front is off: %d", got)
	}
	c := w.login()
	w = newWorld(t)
	w.door.Token = ""
	for name, r := range map[string]*http.Request{"empty token": bearer(""), "some token": bearer(token), "cookie": with(request("GET"), c)} {
		if got := w.status(r, home); got != 401 {
			t.Errorf("the front alone, %s: %d", name, got)
		}
	}
	if _, err := w.door.Login(request("POST"), "", home); status(t, err) != 503 {
		t.Errorf("the front alone, a login: %v", err)
	}
	if got := w.status(assertion(w.genuine()), home); got != 200 {
		t.Errorf("the front alone: %d", got)
	}
}

func TestOneValidCredentialIsEnoughButBearerDecidesAlone(t *testing.T) {
	w := newWorld(t)
	c := w.login()
	r := with(request("GET", "Cookie", frontCookie+"="+stale), c)
	if got := w.status(r, home); got != 200 {
		t.Errorf("a session beside an old cookie of the front: %d", got)
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
		w.status(assertion(stale), home)
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
	c, word := w.login(), w.genuine()
	for name, h := range map[string]struct {
		origin, site         string
		cookie, front, token int
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
			byHeader := w.status(set(request(method, frontHeader, word)), home)
			byCookie := w.status(set(request(method, "Cookie", frontCookie+"="+word)), home)
			token := w.status(set(request(method, "Authorization", "Bearer "+token)), home)
			if cookie != h.cookie || byCookie != h.cookie || byHeader != h.front || token != h.token {
				t.Errorf("%s %s: cookie %d, the front's cookie %d, its header %d, token %d", method, name, cookie, byCookie, byHeader, token)
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

func TestWithoutAProviderThereIsTheToken(t *testing.T) {
	w := newWorld(t)
	w.door.Provider = nil
	for name, r := range map[string]*http.Request{"token": bearer(token), "cookie": with(request("GET"), w.login())} {
		if got := w.status(r, home); got != 200 {
			t.Errorf("%s: %d", name, got)
		}
	}
	r := request("GET", frontHeader, w.genuine(), "Cookie", frontCookie+"="+w.genuine())
	if got := w.status(r, home); got != 401 {
		t.Errorf("a provider's word: %d", got)
	}
	if next := w.door.Next(r); next != "" {
		t.Errorf("logged out, on to %q", next)
	}
	w.door.Token = ""
	_, err := w.door.Authenticate(r, home)
	var refusal *access.Refusal
	if !errors.As(err, &refusal) || refusal.Status != 503 || refusal.Reason != "CONSOLE_TOKEN is not set" || !reflect.DeepEqual(refusal.Missing, []string{"CONSOLE_TOKEN"}) {
		t.Errorf("without the token too: %v", err)
	}
}

func TestThePersonIsToldOfTheProviderByItsName(t *testing.T) {
	w := newWorld(t)
	w.front.down = true
	for range 2 * access.MaxFailures {
		if _, err := w.door.Authenticate(assertion(w.genuine()), home); status(t, err) != 503 || err.Error() != "the Front's keys could not be fetched; try again in a moment" {
			t.Fatalf("without its keys: %v", err)
		}
	}
	if c := w.store.Counts(); c.Writes != 0 {
		t.Errorf("somebody is blamed: %+v", c)
	}
	w.door.Token = ""
	if _, err := w.door.Authenticate(request("GET"), home); status(t, err) != 401 || err.Error() != "log in through the Front" {
		t.Errorf("without a credential: %v", err)
	}
	if _, err := w.door.Login(request("POST"), "", home); status(t, err) != 503 || err.Error() != "CONSOLE_TOKEN is not set; log in through the Front" {
		t.Errorf("a login: %v", err)
	}
	if next := w.door.Next(assertion("x")); next != "/front/logout" {
		t.Errorf("logged out, on to %q", next)
	}
	w.front.problem = errors.New("FRONT_SITE: is no site")
	if _, err := w.door.Authenticate(bearer(token), home); status(t, err) != 503 || err.Error() != "FRONT_SITE: is no site" {
		t.Errorf("with a variable that cannot be right: %v", err)
	}
}

func TestWhomTheProviderVouchesForIsNamed(t *testing.T) {
	w := newWorld(t)
	for name, r := range map[string]*http.Request{"header": assertion(w.genuine()), "cookie": request("GET", "Cookie", frontCookie+"="+w.genuine())} {
		who, err := w.door.Authenticate(r, home)
		if err != nil || who != (access.Identity{Way: access.ByProvider, Name: "owner@example.com"}) {
			t.Errorf("%s: %+v, %v", name, who, err)
		}
	}
	if c := w.store.Counts(); c.Reads+c.Writes+c.Lists != 0 {
		t.Errorf("it cost %+v", c)
	}
}

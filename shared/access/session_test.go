package access_test

import (
	"crypto/tls"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"instar/shared/access"
	"instar/shared/bucket"
)

func TestALoginIsACookieThatNoScriptAndNoOtherSiteCanUse(t *testing.T) {
	w := newWorld(t)
	c := w.login()
	want := "__Host-instar-session=" + c.Value + "; Path=/; Max-Age=604800; HttpOnly; Secure; SameSite=Strict"
	if c.String() != want {
		t.Errorf("%s\nwant %s", c, want)
	}
	if strings.Contains(c.Value, token) || len(c.Value) > 100 {
		t.Errorf("value %q", c.Value)
	}
	plain := httptest.NewRequest("POST", "http://localhost:8787/api/login", nil)
	plain.URL.Scheme = "http"
	c, err := w.door.Login(plain, token, home)
	if err != nil || !strings.HasPrefix(c.String(), "instar-session=") || c.Secure || !c.HttpOnly || c.SameSite != http.SameSiteStrictMode {
		t.Errorf("on plain HTTP: %s, %v", c, err)
	}
	plain.TLS = &tls.ConnectionState{}
	if c, err := w.door.Login(plain, token, home); err != nil || !c.Secure {
		t.Errorf("with TLS of its own: %s, %v", c, err)
	}
}

func TestASessionCostsOneReadAndLastsSevenDays(t *testing.T) {
	w := newWorld(t)
	c := w.login()
	before := w.store.Counts()
	who, err := w.door.Authenticate(with(request("GET"), c), home)
	after := w.store.Counts()
	if err != nil || who.Way != access.BySession || after.Reads-before.Reads != 1 || after.Writes != before.Writes || after.Lists != before.Lists {
		t.Errorf("%+v, %v; %+v, then %+v", who, err, before, after)
	}
	w.pass(access.Lifetime - time.Second)
	if got := w.status(with(request("GET"), c), home); got != 200 {
		t.Errorf("in its last second: %d", got)
	}
	w.pass(time.Second)
	_, err = w.door.Authenticate(with(request("GET"), c), home)
	var refusal *access.Refusal
	if !errors.As(err, &refusal) || refusal.Status != 401 || refusal.Clear == nil || !strings.Contains(refusal.Clear.String(), "Max-Age=0") {
		t.Errorf("after it: %v", err)
	}
}

func TestNoCookieIsAcceptedThatWasNotMadeHere(t *testing.T) {
	w := newWorld(t)
	c := w.login()
	part := strings.Split(c.Value, ".")
	elsewhere := newWorld(t)
	elsewhere.door.Token = "another-token"
	foreign, err := elsewhere.door.Login(request("POST"), "another-token", home)
	if err != nil {
		t.Fatal(err)
	}
	sealed := newWorld(t)
	sealed.door.Derive = func(string) ([]byte, error) { return make([]byte, 32), nil }
	for name, value := range map[string]string{
		"another token's":     foreign.Value,
		"SEAL_KEY's":          sealed.login().Value,
		"longer life":         part[0] + "." + part[1] + ".9999999999." + part[3],
		"another id":          part[0] + "." + strings.Repeat("A", 22) + "." + part[2] + "." + part[3],
		"another version":     "2." + strings.Join(part[1:], "."),
		"no mac":              strings.Join(part[:3], "."),
		"an empty mac":        strings.Join(part[:3], ".") + ".",
		"a short mac":         c.Value[:len(c.Value)-2],
		"a mac with more":     c.Value + "AA",
		"a loose last letter": c.Value[:len(c.Value)-1] + string(c.Value[len(c.Value)-1]+1),
		"padding":             c.Value + "=",
		"oversized":           c.Value + strings.Repeat("A", 10_000),
		"the token itself":    token,
		"empty":               "",
		"dots":                "...",
	} {
		if got := w.status(request("GET", "Cookie", c.Name+"="+value), "192.0.2."+string(rune('0'+len(name)%10))); got != 401 {
			t.Errorf("%s: %d", name, got)
		}
	}
	for i := range c.Value {
		tampered := []byte(c.Value)
		tampered[i] ^= 1
		if got := w.status(request("GET", "Cookie", c.Name+"="+string(tampered)), away); got == 200 {
			t.Errorf("byte %d changed: %d", i, got)
		}
	}
	if got := w.status(with(request("GET"), c, c), home); got != 401 {
		t.Errorf("twice in one request: %d", got)
	}
	c.Name = "instar-session"
	if got := w.status(with(request("GET"), c), home); got != 401 {
		t.Errorf("over TLS by the name that any host may set: %d", got)
	}
}

func TestALogoutIsForGood(t *testing.T) {
	w := newWorld(t)
	c, other := w.login(), w.login()
	gone, err := w.door.Logout(with(request("POST"), c), home)
	if err != nil || gone.Name != c.Name || gone.Value != "" || gone.MaxAge >= 0 || gone.Path != "/" || !gone.Secure {
		t.Fatalf("%v, %v", gone, err)
	}
	for range 2 {
		if got := w.status(with(request("GET"), c), home); got != 401 {
			t.Errorf("replayed after the logout: %d", got)
		}
		w.pass(access.Lifetime/2 - time.Hour)
	}
	if got := w.status(with(request("GET"), other), home); got != 200 {
		t.Errorf("another session: %d", got)
	}
	if _, err := w.door.Logout(with(request("POST"), c), home); err != nil {
		t.Errorf("once more: %v", err)
	}
	if got := strings.Join(w.audit, "; "); got != "login true "+home+"; login true "+home+"; logout true "+home+"; logout true "+home {
		t.Errorf("audit: %s", got)
	}
}

func TestALogoutThatCannotBeWrittenSaysSo(t *testing.T) {
	w := newWorld(t)
	c := w.login()
	w.faults.Before = func(op bucket.Op, _ string) error {
		if op == bucket.OpPutIfAbsent {
			return errors.New("down")
		}
		return nil
	}
	if _, err := w.door.Logout(with(request("POST"), c), home); err == nil {
		t.Error("it says that the session is over")
	}
	w.faults.Before = func(bucket.Op, string) error { return errors.New("down") }
	if got := w.status(with(request("GET"), c), home); got == 200 {
		t.Error("a session that may be logged out is let in")
	}
}

func TestLogoutsAreForgottenWhenTheirSessionsHaveEnded(t *testing.T) {
	w := newWorld(t)
	for range 5 {
		if _, err := w.door.Logout(with(request("POST"), w.login()), home); err != nil {
			t.Fatal(err)
		}
	}
	w.pass(access.Lifetime + 2*time.Hour)
	c := w.login()
	if _, err := w.door.Logout(with(request("POST"), c), home); err != nil {
		t.Fatal(err)
	}
	page, err := w.store.List(t.Context(), bucket.ListOptions{Prefix: "main/access/revoked/"})
	if err != nil || len(page.Entries) != 1 {
		t.Errorf("%+v, %v", page.Entries, err)
	}
	if got := w.status(with(request("GET"), c), home); got != 401 {
		t.Errorf("the one that has not: %d", got)
	}
}

func TestANewTokenOrSealKeyEndsAllSessions(t *testing.T) {
	w := newWorld(t)
	key := byte(1)
	w.door.Derive = func(string) ([]byte, error) {
		data := make([]byte, 32)
		data[0] = key
		return data, nil
	}
	c := w.login()
	key = 2
	if got := w.status(with(request("GET"), c), home); got != 401 {
		t.Errorf("a new key: %d", got)
	}
	key = 1
	if got := w.status(with(request("GET"), c), home); got != 200 {
		t.Errorf("as before: %d", got)
	}
	w.door.Token = "a-new-token"
	if got := w.status(with(request("GET"), c), home); got != 401 {
		t.Errorf("a new token: %d", got)
	}
	w.door.Derive = func(string) ([]byte, error) { return []byte("short"), nil }
	if got := w.status(with(request("GET"), c), home); got != 500 {
		t.Errorf("a key that is none: %d", got)
	}
}

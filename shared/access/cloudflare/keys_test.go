package cloudflare_test

import (
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
)

func TestANewKeyIsFetchedWhenItIsFirstSeen(t *testing.T) {
	w := newWorld(t)
	w.status(assertion(w.genuine()), home)
	w.pass(2 * time.Minute)
	w.edge.publish("k1", "k2")
	second := sign(t, jose.RS256, keys()[1], "k2", w.claims())
	if got := w.status(assertion(second), home); got != 200 || w.edge.fetches != 2 {
		t.Errorf("%d after %d fetches", got, w.edge.fetches)
	}
	if got := w.status(assertion(w.genuine()), home); got != 200 || w.edge.fetches != 2 {
		t.Errorf("the key before it: %d after %d fetches", got, w.edge.fetches)
	}
}

func TestAKeyThatIsNoLongerPublishedStopsWithinAnHour(t *testing.T) {
	w := newWorld(t)
	w.status(assertion(w.genuine()), home)
	w.edge.publish("k2")
	w.pass(59 * time.Minute)
	if got := w.status(assertion(w.genuine()), home); got != 200 {
		t.Errorf("after 59 minutes: %d", got)
	}
	w.pass(time.Minute)
	if got := w.status(assertion(w.genuine()), home); got != 401 {
		t.Errorf("after an hour: %d", got)
	}
}

func TestUnknownKeysAreAskedForOnceAMinute(t *testing.T) {
	w := newWorld(t)
	w.status(assertion(w.genuine()), home)
	unknown := sign(t, jose.RS256, keys()[2], "k3", w.claims())
	for range 30 {
		w.pass(10 * time.Second)
		w.status(assertion(unknown), away)
	}
	if got := w.edge.fetches; got != 6 { // the first and one for each of 5 minutes
		t.Errorf("%d fetches in 5 minutes", got)
	}
	if got := w.status(assertion(w.genuine()), home); got != 200 {
		t.Errorf("the right key meanwhile: %d", got)
	}
}

func TestManyAtOnceFetchOnce(t *testing.T) {
	w := newWorld(t)
	w.edge.delay = 20 * time.Millisecond
	jwt := w.genuine()
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() {
			if got := w.status(assertion(jwt), home); got != 200 {
				t.Errorf("%d", got)
			}
		})
	}
	all.Wait()
	if w.edge.fetches != 1 {
		t.Errorf("%d fetches", w.edge.fetches)
	}
}

func TestWithoutKeysNobodyIsBlamed(t *testing.T) {
	w := newWorld(t)
	w.edge.down = true
	for range 30 {
		_, err := w.door.Authenticate(assertion(w.genuine()), home)
		if status(t, err) != 503 || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%v", err)
		}
	}
	if w.edge.fetches != 1 || w.store.Counts().Writes != 0 {
		t.Errorf("%d fetches, %+v", w.edge.fetches, w.store.Counts())
	}
	w.edge.down = false
	w.pass(5 * time.Second)
	if got := w.status(assertion(w.genuine()), home); got != 200 {
		t.Errorf("5 s later: %d", got)
	}
	w.edge.down = true
	w.pass(23 * time.Hour)
	jwt := w.genuine()
	if got := w.status(assertion(jwt), home); got != 200 {
		t.Errorf("the keys of before, for a day: %d", got)
	}
	w.pass(time.Hour)
	if got := w.status(assertion(w.genuine()), home); got != 503 {
		t.Errorf("a day later: %d", got)
	}
}

func TestKeysThatCannotBeCloudflaresAreNotTaken(t *testing.T) {
	w := newWorld(t)
	good := w.edge.certs()
	short := "AQAB" // a modulus of 17 bits
	for name, body := range map[string]string{
		"no JSON": "<html>", "no keys": `{"keys":[]}`, "another shape": `{"keys":"k1"}`,
		"a secret":         strings.ReplaceAll(good, `"RSA"`, `"oct"`),
		"another use":      strings.ReplaceAll(good, `"sig"`, `"enc"`),
		"another alg":      strings.ReplaceAll(good, `"RS256"`, `"HS256"`),
		"a short modulus":  strings.Replace(good, `"n":"`, `"n":"`+short+`","x":"`, 1),
		"an even exponent": strings.ReplaceAll(good, `"AQAB"`, `"AQAC"`),
		"exponent one":     strings.ReplaceAll(good, `"AQAB"`, `"AQ"`),
		"two of one name":  strings.Replace(good, `[{`, `[`+good[strings.Index(good, "{\"alg"):strings.Index(good, "}")+1]+`,{`, 1),
		"too long":         good + strings.Repeat(" ", 64<<10),
		"too large":        strings.Replace(good, `{"keys"`, `{"x":"`+strings.Repeat("x", 64<<10)+`","keys"`, 1),
	} {
		w := newWorld(t)
		w.edge.body = body
		if got := w.status(assertion(w.genuine()), home); got != 503 {
			t.Errorf("%s: %d", name, got)
		}
	}
}

func TestADoorForAnotherTeamForgetsTheKeys(t *testing.T) {
	w := newWorld(t)
	w.status(assertion(w.genuine()), home)
	kept := w.access.Keys
	other := newWorld(t)
	other.access.Keys = kept
	other.access.Team = "other.cloudflareaccess.com"
	jwt := other.genuine("iss", "https://other.cloudflareaccess.com")
	w.edge.down = true
	w.edge.t = ignored{t} // it is asked for the other team's keys
	if got := other.status(assertion(jwt), home); got != 503 {
		t.Errorf("%d", got)
	}
}

type ignored struct{ testing.TB }

func (ignored) Errorf(string, ...any) {}

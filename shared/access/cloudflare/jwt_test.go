package cloudflare_test

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"instar/shared/access"
	"instar/shared/access/cloudflare"
)

func TestAccessLetsInWhomCloudflareVouchesFor(t *testing.T) {
	w := newWorld(t)
	for name, c := range map[string]struct {
		jwt  string
		want string
	}{
		"a person":               {w.genuine(), "owner@example.com"},
		"one audience as text":   {w.genuine("aud", audience), "owner@example.com"},
		"one audience of two":    {w.genuine("aud", []string{"other", audience}), "owner@example.com"},
		"a service token":        {w.genuine("email", nil, "sub", "", "nbf", nil, "common_name", "e367826f93b8.access"), "e367826f93b8.access"},
		"no type":                {w.genuine("type", nil), "owner@example.com"},
		"dates with fractions":   {w.genuine("exp", float64(w.now.Unix())+0.5), "owner@example.com"},
		"expired 59 s ago":       {w.genuine("exp", w.now.Unix()-59), "owner@example.com"},
		"valid 60 s from now on": {w.genuine("nbf", w.now.Unix()+60, "iat", w.now.Unix()+60), "owner@example.com"},
	} {
		who, err := w.door.Authenticate(assertion(c.jwt), home)
		if err != nil || who != (access.Identity{Way: access.ByProvider, Name: c.want}) {
			t.Errorf("%s: %+v, %v", name, who, err)
		}
		if w.status(request("GET", "Cookie", "CF_Authorization="+c.jwt), home) != 200 {
			t.Errorf("%s: not in the cookie that browsers send", name)
		}
	}
	if got := w.store.Counts(); got.Reads+got.Writes+got.Lists != 0 {
		t.Errorf("a valid assertion cost %+v", got)
	}
	if w.edge.fetches != 1 {
		t.Errorf("the keys were fetched %d times", w.edge.fetches)
	}
}

// raw signs bytes that no library would, with the key that Cloudflare publishes.
func raw(header, payload string) string {
	signed := b64([]byte(header)) + "." + b64([]byte(payload))
	sum := sha256.Sum256([]byte(signed))
	signature, _ := rsa.SignPKCS1v15(rand.Reader, keys()[0], crypto.SHA256, sum[:])
	return signed + "." + b64(signature)
}

func forgeries(w *world) map[string]string {
	now := w.now.Unix()
	good := w.genuine()
	part := strings.Split(good, ".")
	payload, _ := json.Marshal(w.claims())
	public := keys()[0].Public().(*rsa.PublicKey)
	der, _ := x509.MarshalPKIXPublicKey(public)
	asPEM := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
	unsigned := func(header string) string { return b64([]byte(header)) + "." + b64(payload) + "." }
	const head = `{"alg":"RS256","kid":"k1","typ":"JWT"}`
	other := strings.Replace(string(payload), "owner@", "thief@", 1)
	return map[string]string{
		"alg none":                          unsigned(`{"alg":"none","kid":"k1"}`),
		"alg none with a signature":         unsigned(`{"alg":"none","kid":"k1"}`) + part[2],
		"alg None":                          unsigned(`{"alg":"None","kid":"k1"}`),
		"no alg":                            unsigned(`{"kid":"k1"}`) + part[2],
		"alg in capitals":                   raw(`{"ALG":"RS256","kid":"k1"}`, string(payload)),
		"alg not a text":                    raw(`{"alg":["RS256"],"kid":"k1"}`, string(payload)),
		"HS256 with the public key, PEM":    sign(w.t, jose.HS256, asPEM, "k1", w.claims()),
		"HS256 with the public key, DER":    sign(w.t, jose.HS256, der, "k1", w.claims()),
		"HS256 with the public key, N":      sign(w.t, jose.HS256, public.N.Bytes(), "k1", w.claims()),
		"HS256 with the certs":              sign(w.t, jose.HS256, []byte(w.edge.certs()), "k1", w.claims()),
		"PS256 by the right key":            sign(w.t, jose.PS256, keys()[0], "k1", w.claims()),
		"RS512 by the right key":            sign(w.t, jose.RS512, keys()[0], "k1", w.claims()),
		"another key":                       sign(w.t, jose.RS256, keys()[2], "k1", w.claims()),
		"another key and its own kid":       sign(w.t, jose.RS256, keys()[2], "k3", w.claims()),
		"no kid":                            sign(w.t, jose.RS256, keys()[0], "", w.claims()),
		"kid is a path":                     sign(w.t, jose.RS256, keys()[0], "../k1", w.claims()),
		"a jwk of its own":                  raw(`{"alg":"RS256","kid":"k3","jwk":{"kty":"RSA"}}`, string(payload)),
		"crit":                              raw(`{"alg":"RS256","kid":"k1","crit":["exp"],"exp":1}`, string(payload)),
		"b64 false":                         raw(`{"alg":"RS256","kid":"k1","b64":false,"crit":["b64"]}`, string(payload)),
		"alg twice":                         raw(`{"alg":"RS256","alg":"RS256","kid":"k1"}`, string(payload)),
		"alg twice, escaped":                raw(`{"alg":"none","\u0061lg":"RS256","kid":"k1"}`, string(payload)),
		"kid twice":                         raw(`{"alg":"RS256","kid":"k3","kid":"k1"}`, string(payload)),
		"aud twice":                         raw(head, `{"aud":"x",`+string(payload[1:])),
		"more after the header":             raw(head+"{}", string(payload)),
		"more after the claims":             raw(head, string(payload)+"x"),
		"claims are a list":                 raw(head, "["+string(payload)+"]"),
		"claims are no JSON":                raw(head, "hello"),
		"wrong aud":                         w.genuine("aud", []string{"another-application"}),
		"aud in capitals":                   w.genuine("aud", strings.ToUpper(audience)),
		"aud a prefix":                      w.genuine("aud", audience[:63]),
		"aud an object":                     w.genuine("aud", map[string]bool{audience: true}),
		"aud a mixed list":                  w.genuine("aud", []any{audience, 1}),
		"no aud":                            w.genuine("aud", nil),
		"empty aud":                         w.genuine("aud", ""),
		"wrong iss":                         w.genuine("iss", "https://evil.cloudflareaccess.com"),
		"iss without scheme":                w.genuine("iss", team),
		"iss with more":                     w.genuine("iss", "https://"+team+".evil.example"),
		"no iss":                            w.genuine("iss", nil),
		"a token for the team's login page": w.genuine("type", "org"),
		"type not a text":                   w.genuine("type", 1),
		"expired":                           w.genuine("exp", now-60),
		"expired long ago":                  w.genuine("exp", 1),
		"no exp":                            w.genuine("exp", nil),
		"exp a text":                        w.genuine("exp", "9999999999"),
		"exp null":                          strings.Clone(raw(head, strings.Replace(string(payload), `"exp":`, `"exp":null,"x":`, 1))),
		"exp past all time":                 raw(head, strings.Replace(string(payload), `"exp":`, `"exp":1e300,"x":`, 1)),
		"exp negative":                      w.genuine("exp", -1),
		"not yet valid":                     w.genuine("nbf", now+61),
		"issued in the future":              w.genuine("iat", now+61),
		"iat a text":                        w.genuine("iat", "now"),
		"oversized":                         w.genuine("custom", strings.Repeat("x", cloudflare.MaxAssertion)),
		"one byte of the claims changed":    part[0] + "." + b64([]byte(other)) + "." + part[2],
		"header changed":                    b64([]byte(`{"alg":"RS256","kid":"k1"}`)) + "." + part[1] + "." + part[2],
		"signature cut":                     good[:len(good)-4],
		"signature of zeros":                part[0] + "." + part[1] + "." + b64(make([]byte, 256)),
		"no signature":                      part[0] + "." + part[1] + ".",
		"two parts":                         part[0] + "." + part[1],
		"four parts":                        good + "." + part[2],
		"JWE, five parts":                   "a.b.c.d.e",
		"padded base64":                     part[0] + "=." + part[1] + "." + part[2],
		"standard base64":                   part[0] + "+/." + part[1] + "." + part[2],
		"a line break in it":                part[0] + "\n." + part[1] + "." + part[2],
		"a line break in its signature":     good[:len(good)-4] + "\n" + good[len(good)-4:],
		"a space after it":                  good + " ",
		"two in one header":                 good + ", " + good,
		"empty":                             "",
		"dots":                              "..",
		"JSON form":                         `{"payload":"` + part[1] + `","signatures":[]}`,
	}
}

func TestForgedAssertionsAreRefused(t *testing.T) {
	w := newWorld(t)
	n := 0
	for name, forged := range forgeries(w) {
		for form, r := range map[string]*http.Request{
			"header": {Header: http.Header{"Cf-Access-Jwt-Assertion": {forged}}},
			"cookie": {Header: http.Header{"Cookie": {"CF_Authorization=" + forged}}},
			"both":   {Header: http.Header{"Cf-Access-Jwt-Assertion": {forged}, "Cookie": {"CF_Authorization=" + w.genuine()}}},
		} {
			if form == "cookie" && name == "a space after it" {
				continue // not part of a cookie's value (RFC 6265, section 5.2)
			}
			full := request("GET")
			full.Header = r.Header
			if got := w.status(full, "192.0.2."+string(rune('0'+n%10))+string(rune('0'+n/10%10))); got != 401 && got != 429 {
				t.Errorf("%s in the %s: %d", name, form, got)
			}
			n++
		}
	}
	for _, line := range w.audit {
		if strings.Contains(line, "@") {
			t.Errorf("the audit believes an unproven name: %s", line)
		}
	}
}

func TestTwoAssertionHeadersAreRefused(t *testing.T) {
	w := newWorld(t)
	r := assertion(w.genuine())
	r.Header.Add("Cf-Access-Jwt-Assertion", w.genuine())
	if got := w.status(r, home); got != 401 {
		t.Errorf("%d", got)
	}
	r = request("GET", "Cookie", "CF_Authorization="+w.genuine()+"; CF_Authorization="+w.genuine())
	if got := w.status(r, home); got != 401 {
		t.Errorf("two cookies: %d", got)
	}
}

// go-jose is asked about the same tokens: what it refuses we refuse, and it
// takes what we take.
func TestGoJoseAgrees(t *testing.T) {
	w := newWorld(t)
	judge := func(token string) bool {
		parsed, err := jwt.ParseSigned(token, []jose.SignatureAlgorithm{jose.RS256})
		if err != nil || parsed.Headers[0].KeyID != "k1" {
			return false
		}
		var c jwt.Claims
		return parsed.Claims(keys()[0].Public(), &c) == nil && c.Expiry != nil &&
			c.ValidateWithLeeway(jwt.Expected{Issuer: "https://" + team, AnyAudience: jwt.Audience{audience}, Time: w.now}, time.Minute) == nil
	}
	// Where we are stricter than the library, on purpose.
	stricter := map[string]bool{
		"a token for the team's login page": true, "type not a text": true, "oversized": true,
		"expired": true, "a line break in it": true, "a line break in its signature": true,
	}
	for name, token := range forgeries(w) {
		if judge(token) != stricter[name] {
			t.Errorf("%s: go-jose takes it: %v", name, judge(token))
		}
	}
	for name, token := range map[string]string{
		"plain": w.genuine(), "text": w.genuine("aud", audience), "list": w.genuine("aud", []string{"x", audience}), "no nbf": w.genuine("nbf", nil),
		"edge": w.genuine("exp", w.now.Unix()-59, "iat", w.now.Unix()-3600, "nbf", w.now.Unix()-3600),
	} {
		if !judge(token) || w.status(assertion(token), home) != 200 {
			t.Errorf("%s: go-jose %v, we %d", name, judge(token), w.status(assertion(token), home))
		}
	}
}

func TestTeamDomainsThatCannotBeOneAreNamed(t *testing.T) {
	for domain, good := range map[string]bool{
		team: true, "https://" + team: true, "https://" + team + "/": true, " Team.CloudflareAccess.com ": true,
		"http://127.0.0.1:8080": true, "http://localhost:1": true,
		"team": false, "http://" + team: false, "http://127.0.0.1.evil.example": false, "http://a@127.0.0.1": false, "http://127.0.0.1/x": false,
		"team.cloudflareaccess.com/path": false, "https://": false, "a..b": false, "user@team.example": false, "team.example:444": false, "x\n.example": false,
	} {
		w := newWorld(t)
		w.access.Team = domain
		if err := w.door.Problem(); (err == nil) != good || err != nil && !strings.Contains(err.Error(), "CF_ACCESS_TEAM_DOMAIN") {
			t.Errorf("%q: %v", domain, err)
		}
		if got := w.status(request("GET"), home); !good && got != 503 || good && got != 401 {
			t.Errorf("%q: %d", domain, got)
		}
	}
}

package cloudflare

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"instar/shared/access"
)

func FuzzParseJWT(f *testing.F) {
	for _, seed := range []string{"", "..", "a.b.c", "eyJhbGciOiJSUzI1NiIsImtpZCI6ImsxIn0.eyJleHAiOjF9.AAAA",
		"eyJhbGciOiJub25lIn0.e30.", "eyJhbGciOiJSUzI1NiIsImFsZyI6Im5vbmUiLCJraWQiOiJrIn0.e30.AA"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, token string) {
		j, err := parseJWT(token)
		if err != nil {
			if err != access.ErrForged {
				t.Fatalf("error %v", err)
			}
			return
		}
		// What is taken says, to any reader of JSON, RS256 and this key.
		var header map[string]any
		data, _ := decode(token[:strings.IndexByte(token, '.')])
		if json.Unmarshal(data, &header) != nil || header["alg"] != "RS256" || header["kid"] != j.kid || header["crit"] != nil {
			t.Errorf("taken: %q", data)
		}
		if len(token) > MaxAssertion || strings.Count(token, ".") != 2 || !strings.HasPrefix(token, j.signed+".") {
			t.Errorf("taken: %q", token)
		}
	})
}

func FuzzClaims(f *testing.F) {
	for _, seed := range []string{`{}`, `{"exp":1e400}`, `{"exp":9e10,"nbf":-0.0}`, `{"exp":2000000000,"exp":1}`, `{"aud":["a"],"exp":2000000000,"iat":null}`, "{\"a\":1}\xff", `{"exp":1`} {
		f.Add([]byte(seed))
	}
	now := time.Unix(1_800_000_000, 0)
	f.Fuzz(func(t *testing.T, data []byte) {
		claims, err := members(data)
		if err != nil {
			return
		}
		if !json.Valid(data) {
			t.Errorf("taken, and no JSON: %q", data)
		}
		texts(claims["aud"])
		if current(claims, now) != nil {
			return
		}
		var exp float64
		if json.Unmarshal(claims["exp"], &exp) != nil || exp <= 1_800_000_000-60 {
			t.Errorf("valid with exp %s", claims["exp"])
		}
	})
}

func FuzzParseKeys(f *testing.F) {
	f.Add([]byte(`{"keys":[{"kid":"a","kty":"RSA","n":"` + strings.Repeat("_", 342) + `","e":"AQAB"}]}`))
	f.Add([]byte(`{"keys":[{}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		keys, err := parseKeys(data)
		if err != nil {
			return
		}
		for kid, key := range keys {
			if kid == "" || key.N.BitLen() < 2048 || key.N.BitLen() > 4096 || key.E < 3 {
				t.Errorf("key %q: %d bits, e %d", kid, key.N.BitLen(), key.E)
			}
		}
	})
}

func FuzzIssuer(f *testing.F) {
	f.Add("team.cloudflareaccess.com")
	f.Add("http://127.0.0.1:80")
	f.Fuzz(func(t *testing.T, domain string) {
		iss, err := issuer(domain)
		if err != nil {
			return
		}
		if again, err := issuer(iss); err != nil || again != iss || strings.ContainsAny(iss[8:], "/@?# \n") && !strings.HasPrefix(iss, "http://") {
			t.Errorf("%q gives %q", domain, iss)
		}
	})
}

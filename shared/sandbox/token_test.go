package sandbox_test

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/hex"
	"strings"
	"testing"
	"time"

	"instar/shared/sandbox"
)

var (
	seed    = ed25519.NewKeyFromSeed([]byte("0123456789abcdef0123456789abcdef"))
	public  = seed.Public().(ed25519.PublicKey)
	instant = time.Unix(1_800_000_000, 0)
)

func claims(session string, life time.Duration) sandbox.Claims {
	return sandbox.Claims{Session: session, Expires: instant.Add(life), Purpose: sandbox.PurposeAPI}
}

// The vector is computed apart from Sign: bytes laid out by hand, signed with
// the standard library alone.
func TestATokenHasThePublishedBytes(t *testing.T) {
	body := "01" + "000000006b49d23c" + "04" + hex.EncodeToString([]byte("main")) + "07" + hex.EncodeToString([]byte("sandbox"))
	raw, err := hex.DecodeString(body)
	if err != nil {
		t.Fatal(err)
	}
	raw = append(raw, ed25519.Sign(seed, append([]byte("instar sandbox token v1\x00"), raw...))...)
	want := base64.RawURLEncoding.EncodeToString(raw)
	if got := sandbox.Sign(seed, claims("main", time.Minute)); got != want {
		t.Errorf("token\n%s, want\n%s", got, want)
	}
}

func TestATokenIsGoodForItsSessionUntilItExpires(t *testing.T) {
	for _, session := range []string{"main", "telegram--42-a%2Db", strings.Repeat("s", 255)} {
		token := sandbox.Sign(seed, claims(session, time.Minute))
		for _, after := range []time.Duration{0, 59 * time.Second} {
			c, err := sandbox.Verify(public, token, session, instant.Add(after))
			if err != nil || c.Session != session || c.Purpose != sandbox.PurposeAPI || !c.Expires.Equal(instant.Add(time.Minute)) {
				t.Errorf("%q after %v: %+v, %v", session, after, c, err)
			}
		}
	}
}

func TestEveryOtherTokenIsRefused(t *testing.T) {
	good := sandbox.Sign(seed, claims("main", time.Minute))
	stranger := ed25519.NewKeyFromSeed([]byte("fedcba9876543210fedcba9876543210"))
	last := "A"
	if strings.HasSuffix(good, last) {
		last = "Q"
	}
	for name, c := range map[string]struct {
		token, session string
		now            time.Time
	}{
		"none":                {"", "main", instant},
		"garbage":             {"x", "main", instant},
		"another session's":   {good, "maim", instant},
		"a session it begins": {good, "mai", instant},
		"no session":          {good, "", instant},
		"expired":             {good, "main", instant.Add(time.Minute)},
		"long expired":        {good, "main", instant.Add(time.Hour)},
		"too far ahead":       {sandbox.Sign(seed, claims("main", sandbox.MaxLife+time.Second)), "main", instant},
		"another key's":       {sandbox.Sign(stranger, claims("main", time.Minute)), "main", instant},
		"changed at its end":  {good[:len(good)-1] + last, "main", instant},
		"cut":                 {good[:len(good)-4], "main", instant},
		"padded":              {good + "==", "main", instant},
		"with a line break":   {good[:10] + "\n" + good[10:], "main", instant},
		"with one at its end": {good + "\r\n", "main", instant},
		"too long":            {good + strings.Repeat("A", 10_000), "main", instant},
	} {
		if c, err := sandbox.Verify(public, c.token, c.session, c.now); err != sandbox.ErrToken || c != (sandbox.Claims{}) {
			t.Errorf("%s: %+v, %v", name, c, err)
		}
	}
	if _, err := sandbox.Verify(nil, good, "main", instant); err != sandbox.ErrToken {
		t.Errorf("without a key: %v", err)
	}
}

func TestFiveMinutesIsTheLongestLife(t *testing.T) {
	if _, err := sandbox.Verify(public, sandbox.Sign(seed, claims("main", sandbox.MaxLife)), "main", instant); err != nil {
		t.Error(err)
	}
}

func TestClaimsThatNoVerifierTakesAreNotSigned(t *testing.T) {
	for name, c := range map[string]sandbox.Claims{
		"no session":     claims("", time.Minute),
		"long session":   claims(strings.Repeat("s", 256), time.Minute),
		"spaced session": claims("a b", time.Minute),
		"other script":   claims("é", time.Minute),
		"no purpose":     {Session: "main", Expires: instant},
		"odd purpose":    {Session: "main", Expires: instant, Purpose: "Sandbox"},
		"no expiry":      {Session: "main", Purpose: sandbox.PurposeAPI},
		"the far future": {Session: "main", Purpose: sandbox.PurposeAPI, Expires: time.Date(10_001, 1, 1, 0, 0, 0, 0, time.UTC)},
	} {
		if token := sandbox.Sign(seed, c); token != "" {
			t.Errorf("%s is signed: %s", name, token)
		}
	}
	if token := sandbox.Sign(nil, claims("main", time.Minute)); token != "" {
		t.Error("signed without a key")
	}
}

func TestKeysAreReadAsTheyAreGiven(t *testing.T) {
	key, err := sandbox.PrivateKey(base64.StdEncoding.EncodeToString(seed.Seed()) + "\n")
	if err != nil {
		t.Fatal(err)
	}
	pub, err := sandbox.PublicKey(sandbox.PublicText(key))
	if err != nil || !pub.Equal(public) {
		t.Errorf("%v, %v", pub, err)
	}
	for _, text := range []string{"", "abc", base64.StdEncoding.EncodeToString(make([]byte, 31)), "?" + sandbox.PublicText(key)[1:]} {
		if _, err := sandbox.PublicKey(text); err == nil || text != "" && strings.Contains(err.Error(), text) {
			t.Errorf("%q: %v", text, err)
		}
		if _, err := sandbox.PrivateKey(text); err == nil || text != "" && strings.Contains(err.Error(), text) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// Whatever the bytes: no panic, and what is accepted is what Sign makes of the
// claims, so that a token has one spelling.
func FuzzVerify(f *testing.F) {
	good := sandbox.Sign(seed, claims("main", time.Minute))
	for _, s := range []string{good, good[1:], good + "\n", "", "AQ", strings.Repeat("_", 484)} {
		f.Add(s, "main", int64(0))
	}
	f.Fuzz(func(t *testing.T, token, session string, after int64) {
		c, err := sandbox.Verify(public, token, session, instant.Add(time.Duration(after)))
		if err != nil {
			if err != sandbox.ErrToken {
				t.Fatal(err)
			}
			return
		}
		if sandbox.Sign(seed, c) != token || c.Session != session {
			t.Fatalf("accepted %q as %+v", token, c)
		}
	})
}

// As FuzzVerify, with bodies that are signed: the parser behind the signature.
func FuzzSignedBody(f *testing.F) {
	raw, _ := base64.RawURLEncoding.DecodeString(sandbox.Sign(seed, claims("main", time.Minute)))
	f.Add(raw[:len(raw)-64])
	f.Add([]byte{1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0})
	f.Add([]byte{1, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255})
	f.Fuzz(func(t *testing.T, body []byte) {
		signature := ed25519.Sign(seed, append([]byte("instar sandbox token v1\x00"), body...))
		token := base64.RawURLEncoding.EncodeToString(append(body[:len(body):len(body)], signature...))
		c, err := sandbox.Verify(public, token, "main", instant)
		if err == nil && (sandbox.Sign(seed, c) != token || c.Session != "main" || c.Expires.Sub(instant) > sandbox.MaxLife || !c.Expires.After(instant)) {
			t.Fatalf("accepted %x as %+v", body, c)
		}
	})
}

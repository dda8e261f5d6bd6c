package cloudflare_test

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/big"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"instar/shared/access"
	"instar/shared/access/cloudflare"
	"instar/shared/bucket"
)

const (
	token    = "the-console-token"
	team     = "team.cloudflareaccess.com"
	audience = "32eafc7626e974616deaf0dc3ce63d7bcbed58a2731e84d06bc3cdf1b53c4228"
	home     = "198.51.100.7" // the owner's address
	away     = "203.0.113.9"  // somebody else's
)

// keys are made once: each takes a while.
var keys = sync.OnceValue(func() (all [3]*rsa.PrivateKey) {
	for i := range all {
		all[i], _ = rsa.GenerateKey(rand.Reader, 2048)
	}
	return all
})

// world is a door with what it touches.
type world struct {
	t      testing.TB
	door   *access.Door
	access *cloudflare.Access // the door's provider
	edge   *edge
	store  *bucket.Metered
	mu     sync.Mutex
	now    time.Time
	audit  []string
}

func newWorld(t testing.TB) *world {
	w := &world{t: t, now: time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)}
	w.store = bucket.NewMetered(bucket.NewMemory())
	w.edge = &edge{t: t, keys: map[string]*rsa.PrivateKey{"k1": keys()[0]}}
	w.access = &cloudflare.Access{Team: team, Audience: audience, Keys: cloudflare.NewKeys(w.edge)}
	w.door = &access.Door{
		Token: token, Provider: w.access,
		Bucket: w.store, Prefix: "main/access/",
		Audit: func(event string, ok bool, who string) {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.audit = append(w.audit, fmt.Sprint(event, " ", ok, " ", who))
		},
		Now: func() time.Time {
			w.mu.Lock()
			defer w.mu.Unlock()
			return w.now
		},
	}
	return w
}

func (w *world) pass(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = w.now.Add(d)
}

// request is one from the page: over TLS, with the headers browsers send.
func request(method string, headers ...string) *http.Request {
	r := httptest.NewRequest(method, "https://instar.example.com/api/status", nil)
	if method != http.MethodGet {
		r.Header.Set("Origin", "https://instar.example.com")
		r.Header.Set("Sec-Fetch-Site", "same-origin")
	}
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	return r
}

func bearer(token string) *http.Request {
	return request("GET", "Authorization", "Bearer "+token)
}

func assertion(jwt string) *http.Request { return request("GET", "Cf-Access-Jwt-Assertion", jwt) }

func with(r *http.Request, cookies ...*http.Cookie) *http.Request {
	for _, c := range cookies {
		r.AddCookie(&http.Cookie{Name: c.Name, Value: c.Value})
	}
	return r
}

// login is a session from home.
func (w *world) login() *http.Cookie {
	w.t.Helper()
	c, err := w.door.Login(request("POST"), token, home)
	if err != nil {
		w.t.Fatal(err)
	}
	return c
}

// status is what a request from an address is answered with; 200 is let in.
func (w *world) status(r *http.Request, source string) int {
	_, err := w.door.Authenticate(r, source)
	return status(w.t, err)
}

func status(t testing.TB, err error) int {
	t.Helper()
	var refusal *access.Refusal
	switch {
	case err == nil:
		return http.StatusOK
	case errors.As(err, &refusal):
		return refusal.Status
	}
	return http.StatusInternalServerError
}

// edge is where Cloudflare publishes its keys.
type edge struct {
	t       testing.TB
	mu      sync.Mutex
	keys    map[string]*rsa.PrivateKey
	fetches int
	down    bool
	delay   time.Duration
	body    string // instead of the keys
}

func (e *edge) Do(r *http.Request) (*http.Response, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if r.Method != http.MethodGet || r.URL.String() != "https://"+team+"/cdn-cgi/access/certs" {
		e.t.Errorf("asked for %s %s", r.Method, r.URL)
	}
	e.fetches++
	time.Sleep(e.delay)
	if e.down {
		return nil, errors.New("no route to hunter2")
	}
	body := e.body
	if body == "" {
		body = e.certs()
	}
	return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(strings.NewReader(body))}, nil
}

// certs has the form of Cloudflare's answer.
func (e *edge) certs() string {
	var list []map[string]string
	for _, kid := range slices.Sorted(maps.Keys(e.keys)) {
		list = append(list, map[string]string{
			"kid": kid, "kty": "RSA", "alg": "RS256", "use": "sig", "e": b64(big.NewInt(int64(e.keys[kid].E)).Bytes()), "n": b64(e.keys[kid].N.Bytes()),
		})
	}
	data, _ := json.Marshal(map[string]any{"keys": list, "public_cert": map[string]string{"kid": "k1", "cert": "-----BEGIN"}})
	return string(data)
}

func (e *edge) publish(kids ...string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.keys = map[string]*rsa.PrivateKey{}
	for _, kid := range kids {
		e.keys[kid] = keys()[kid[1]-'1']
	}
}

func b64(data []byte) string { return base64.RawURLEncoding.EncodeToString(data) }

// claims of a genuine token at the world's time, changed by pairs; nil removes.
func (w *world) claims(change ...any) map[string]any {
	now := w.door.Now().Unix()
	c := map[string]any{
		"aud": []string{audience}, "email": "owner@example.com", "exp": now + 3600, "iat": now - 60, "nbf": now - 60,
		"iss": "https://" + team, "type": "app", "identity_nonce": "6ei69kawdKzMIAPF", "sub": "7335d417", "country": "US",
	}
	for i := 0; i+1 < len(change); i += 2 {
		if c[change[i].(string)] = change[i+1]; change[i+1] == nil {
			delete(c, change[i].(string))
		}
	}
	return c
}

// sign makes a token with go-jose, as a stranger to our code.
func sign(t testing.TB, alg jose.SignatureAlgorithm, key any, kid string, claims map[string]any) string {
	t.Helper()
	options := (&jose.SignerOptions{}).WithType("JWT")
	if kid != "" {
		options = options.WithHeader("kid", kid)
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: alg, Key: key}, options)
	if err != nil {
		t.Fatal(err)
	}
	data, _ := json.Marshal(claims)
	signed, err := signer.Sign(data)
	if err != nil {
		t.Fatal(err)
	}
	jwt, err := signed.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return jwt
}

// genuine is a token as Cloudflare signs it.
func (w *world) genuine(change ...any) string {
	return sign(w.t, jose.RS256, keys()[0], "k1", w.claims(change...))
}

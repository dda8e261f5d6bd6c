package cloudflare

import (
	"context"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"sync"
	"time"

	"instar/shared/access"
	"instar/shared/channel"
)

const (
	// maxCerts bounds the answer with the keys, in bytes; Cloudflare's has about
	// 6 KB and two keys.
	maxCerts = 64 << 10
	maxKeys  = 16

	// floor is the least time between two fetches, so that a flood of made-up
	// key names is not one of requests; failFloor the same after one that failed.
	floor     = time.Minute
	failFloor = 5 * time.Second
	// fresh is how long keys are used without a look whether they are still
	// published, stale how long when the look fails. Cloudflare changes its key
	// every 6 weeks and publishes the one before for 7 more days.
	fresh = time.Hour
	stale = 24 * time.Hour
	// patience is how long a fetch may take.
	patience = 5 * time.Second
)

// Keys are the public keys of a team, kept in memory between events by whoever
// holds this value: they are numbers alone, and of no use to the event that did
// not fetch them in any other way. They are not kept in the settings or the
// bucket, where whoever can write could add a key of their own. It is safe for
// concurrent use.
type Keys struct {
	doer channel.Doer

	fetching sync.Mutex // held by the one that fetches

	mu      sync.Mutex // held for a moment
	url     string
	keys    map[string]*rsa.PublicKey
	fetched time.Time // when keys were
	tried   time.Time // when a fetch last began
	failed  bool      // and how it ended
}

// NewKeys starts with none; doer reaches Cloudflare.
func NewKeys(doer channel.Doer) *Keys { return &Keys{doer: doer} }

// get is the key of that name. It fetches when the name is new or the keys are
// old, at most once a minute. Errors: access.ErrForged for a name that is not
// published, access.ErrKeys.
func (k *Keys) get(ctx context.Context, url, kid string, now time.Time) (*rsa.PublicKey, error) {
	key, fetch := k.look(url, kid, now)
	if fetch || key == nil {
		k.fetching.Lock()
		defer k.fetching.Unlock()
		// Another may have fetched meanwhile.
		if key, fetch = k.look(url, kid, now); fetch {
			k.fetch(ctx, url, now)
			key, _ = k.look(url, kid, now)
		}
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	switch {
	case key != nil:
		return key, nil
	case k.keys == nil || k.failed:
		return nil, access.ErrKeys
	}
	return nil, access.ErrForged
}

// look is the key if it is known and not too old, and whether a fetch may help.
func (k *Keys) look(url, kid string, now time.Time) (key *rsa.PublicKey, fetch bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.url != url || now.Sub(k.fetched) >= stale {
		k.keys = nil
	}
	if k.url != url {
		k.url, k.tried = url, time.Time{}
	}
	wait := floor
	if k.failed {
		wait = failFloor
	}
	key = k.keys[kid]
	return key, (key == nil || now.Sub(k.fetched) >= fresh) && now.Sub(k.tried) >= wait
}

// fetch replaces the keys, or leaves them when it cannot.
func (k *Keys) fetch(ctx context.Context, url string, now time.Time) {
	k.mu.Lock()
	k.tried = now
	k.mu.Unlock()
	keys, err := k.download(ctx, url)
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.failed = err != nil; err == nil && k.url == url {
		k.keys, k.fetched = keys, now
	}
}

func (k *Keys) download(ctx context.Context, url string) (map[string]*rsa.PublicKey, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	answer, err := k.doer.Do(r)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	data, err := io.ReadAll(io.LimitReader(answer.Body, maxCerts+1))
	switch {
	case err != nil:
		return nil, err
	case answer.StatusCode != http.StatusOK:
		return nil, fmt.Errorf("certs: status %d", answer.StatusCode)
	case len(data) > maxCerts:
		return nil, errors.New("certs: the answer is too large")
	}
	return parseKeys(data)
}

// parseKeys reads a JWK set (RFC 7517, section 5; RFC 7518, section 6.3.1). What
// is not an RSA key to verify RS256 with, of 2,048 to 4,096 bits, is left out; no
// key at all is an error.
func parseKeys(data []byte) (map[string]*rsa.PublicKey, error) {
	var set struct {
		Keys []struct {
			Kid, Kty, Alg, Use, N, E string
		}
	}
	if err := json.Unmarshal(data, &set); err != nil {
		return nil, errors.New("certs: not a key set")
	}
	keys := map[string]*rsa.PublicKey{}
	for _, j := range set.Keys {
		n, err := decode(j.N)
		e, err2 := decode(j.E)
		if err != nil || err2 != nil || len(e) == 0 || len(e) > 4 || j.Kid == "" || j.Kty != "RSA" ||
			j.Alg != "" && j.Alg != "RS256" || j.Use != "" && j.Use != "sig" {
			continue
		}
		key := &rsa.PublicKey{N: new(big.Int).SetBytes(n), E: int(new(big.Int).SetBytes(e).Int64())}
		if bits := key.N.BitLen(); bits < 2048 || bits > 4096 || key.N.Bit(0) == 0 || key.E < 3 || key.E%2 == 0 || key.E > 1<<31-1 {
			continue
		}
		if _, twice := keys[j.Kid]; twice || len(keys) == maxKeys {
			return nil, errors.New("certs: two keys of one name, or too many")
		}
		keys[j.Kid] = key
	}
	if len(keys) == 0 {
		return nil, errors.New("certs: no key for RS256")
	}
	return keys, nil
}

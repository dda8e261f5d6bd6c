// Package kv keeps settings in a Workers KV namespace, over Cloudflare's REST API,
// so that an agent which runs elsewhere has the settings of one that runs on
// Workers.
//
// github.com/cloudflare/cloudflare-go/v7 does the same three calls with 131
// packages of its own, makes a program that uses it 12 MB larger (17.9 against 5.9)
// and takes 75 s to compile on two cores.
package kv

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"instar/shared/settings"
)

// Base is the API's address.
const Base = "https://api.cloudflare.com/client/v4"

const within = 10 * time.Second // of a call

// Store is one namespace (developers.cloudflare.com/api/resources/kv). The token
// needs the permission "Workers KV Storage - Edit". What was put is seen elsewhere
// within a minute; one key takes one write a second. Errors hold neither the token
// nor the key.
type Store struct {
	Account, Namespace, Token string
	Base                      string // "" is Base
	// Do sends a request, like *http.Client.
	Do func(*http.Request) (*http.Response, error)
}

var _ settings.Store = (*Store)(nil)

// Or is the store that CF_KV_ACCOUNT_ID, CF_KV_NAMESPACE_ID and CF_KV_TOKEN name, or
// another one where they are not all set. CF_API_BASE replaces Base.
func Or(other settings.Store, get func(name string) string, do func(*http.Request) (*http.Response, error)) settings.Store {
	s := &Store{Account: get("CF_KV_ACCOUNT_ID"), Namespace: get("CF_KV_NAMESPACE_ID"), Token: get("CF_KV_TOKEN"), Base: get("CF_API_BASE"), Do: do}
	if s.Account == "" || s.Namespace == "" || s.Token == "" {
		return other
	}
	return s
}

// Get implements settings.Store.
func (s *Store) Get(ctx context.Context, key string) (value string, ok bool, err error) {
	if err := settings.CheckKey(key); err != nil {
		return "", false, err
	}
	status, body, err := s.call(ctx, http.MethodGet, key, "")
	switch {
	case err != nil:
	case status == http.StatusOK && len(body) <= settings.MaxValue:
		return body, true, nil
	case status == http.StatusNotFound:
		return "", false, nil
	default:
		err = refusal(status)
	}
	return "", false, fmt.Errorf("get setting: %w", err)
}

// Put implements settings.Store.
func (s *Store) Put(ctx context.Context, key, value string) error {
	if err := errors.Join(settings.CheckKey(key), settings.CheckValue(value)); err != nil {
		return err
	}
	status, _, err := s.call(ctx, http.MethodPut, key, value)
	if err == nil && status != http.StatusOK {
		err = refusal(status)
	}
	if err != nil {
		return fmt.Errorf("put setting: %w", err)
	}
	return nil
}

// Delete implements settings.Store.
func (s *Store) Delete(ctx context.Context, key string) error {
	if err := settings.CheckKey(key); err != nil {
		return err
	}
	status, _, err := s.call(ctx, http.MethodDelete, key, "")
	if err == nil && status != http.StatusOK && status != http.StatusNotFound {
		err = refusal(status)
	}
	if err != nil {
		return fmt.Errorf("delete setting: %w", err)
	}
	return nil
}

func (s *Store) call(ctx context.Context, method, key, value string) (status int, body string, err error) {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	base := strings.TrimRight(s.Base, "/")
	if base == "" {
		base = Base
	}
	address := base + "/accounts/" + url.PathEscape(s.Account) + "/storage/kv/namespaces/" + url.PathEscape(s.Namespace) + "/values/" + url.PathEscape(Key(key))
	r, err := http.NewRequestWithContext(ctx, method, address, strings.NewReader(value))
	if err != nil {
		return 0, "", errors.New("the address of Cloudflare's API is wrong")
	}
	r.Header.Set("Authorization", "Bearer "+s.Token)
	if method == http.MethodPut {
		r.Header.Set("Content-Type", "application/octet-stream")
	}
	response, err := s.Do(r)
	if err != nil {
		if cause := ctx.Err(); cause != nil {
			return 0, "", cause
		}
		return 0, "", errors.New("cannot reach Cloudflare's API")
	}
	defer response.Body.Close()
	data, err := io.ReadAll(io.LimitReader(response.Body, settings.MaxValue+1))
	if err != nil {
		return 0, "", errors.New("the answer of Cloudflare's API broke off")
	}
	return response.StatusCode, string(data), nil
}

// refusal says what to do about an answer that is none.
func refusal(status int) error {
	if status == http.StatusUnauthorized || status == http.StatusForbidden {
		return errors.New("Cloudflare refuses CF_KV_TOKEN: it needs the permission Workers KV Storage - Edit in the namespace's account") //lint:ignore ST1005 a name
	}
	return fmt.Errorf("Workers KV answered with %d", status) //lint:ignore ST1005 a name
}

// Key is a setting's key in a namespace: what KV does not take, or a URL would
// change, is escaped. A key that becomes too long by that is replaced by its hash.
func Key(key string) string {
	var b strings.Builder
	for _, c := range []byte(key) {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', strings.IndexByte("-_:/.", c) >= 0:
			b.WriteByte(c)
		default:
			fmt.Fprintf(&b, "%%%02x", c)
		}
	}
	if b.Len() > settings.MaxKey {
		sum := sha256.Sum256([]byte(key))
		return "sha256~" + hex.EncodeToString(sum[:]) // no escaped key has a tilde
	}
	return b.String()
}

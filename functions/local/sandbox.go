//go:build !js

package main

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"

	"instar/shared/bucket"
	"instar/shared/native"
	"instar/shared/platform"
	"instar/shared/sandbox"
	"instar/shared/sandbox/client"
	"instar/shared/seal"
	"instar/shared/session"
)

// openSandbox is the daemon at SANDBOX_URL, which somebody has started and which
// serves the main conversation alone; none where the variable is not set. line is
// what is said of it.
func openSandbox(b bucket.Bucket, v vars, port string) (s platform.Sandbox, line string, err error) {
	address := os.Getenv("SANDBOX_URL")
	if address == "" {
		return s, "off: set SANDBOX_URL to a sandbox's daemon, or use make run", nil
	}
	at, err := url.Parse(address)
	if err != nil || at.Scheme != "http" || at.Host == "" || at.Path != "" && at.Path != "/" {
		return s, "", errors.New("SANDBOX_URL must be the address of a sandbox's daemon, as http://127.0.0.1:8090")
	}
	if _, said := os.LookupEnv("SANDBOX_HOSTS"); !said {
		v["SANDBOX_HOSTS"] = "*" // nobody here knows what it can reach
	}
	key, err := sandboxKey(b, v)
	if err != nil {
		return s, "", err
	}
	v["SANDBOX"] = address
	web := native.NewClient()
	do := func(of, _ string, r *http.Request) (*http.Response, error) {
		if of != session.Main {
			return nil, client.ErrOff
		}
		r.URL.Scheme, r.URL.Host, r.Host = at.Scheme, at.Host, at.Host
		return web.Do(r)
	}
	return platform.Sandbox{Do: do, Report: "http://127.0.0.1:" + port + "/hooks/sandbox"},
		fmt.Sprintf("the daemon at %s, for the main conversation, which needs SANDBOX_SESSION=%s SANDBOX_PUBLIC_KEY=%s", address, session.Main, key), nil
}

// sandboxKey is the public key by which the daemon knows us.
func sandboxKey(below bucket.Bucket, v vars) (string, error) {
	b, err := seal.Open(below, v.get, &seal.Cache{})
	if err != nil {
		return "", err
	}
	root, err := b.Root(context.Background())
	if err != nil {
		return "", fmt.Errorf("open the bucket: %w", err)
	}
	return sandbox.PublicText(ed25519.NewKeyFromSeed(root.Derive(seal.ForSandbox).Bytes())), nil
}

//go:build !js

package web

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"syscall"
	"time"
)

// Direct is a Doer for platforms where the sockets are ours. Each name is
// resolved once, every address it has must be of the internet at large, and
// the connection is made to those very addresses: a name that resolves to
// something else a moment later (DNS rebinding) gains nothing. It follows no
// redirects, keeps no cookies, uses no proxy, and reads at most 64 KB of
// headers.
func Direct() Doer {
	g := guard{lookup: net.DefaultResolver.LookupNetIP, dial: (&net.Dialer{Timeout: dialTime, Control: control}).DialContext}
	return g.client()
}

// Bounds of one connection.
const (
	dialTime   = 8 * time.Second
	maxHeader  = 64 << 10 // bytes
	maxAddress = 4        // of one name are tried
)

// guard makes connections.
type guard struct {
	lookup func(ctx context.Context, network, host string) ([]netip.Addr, error)
	dial   func(ctx context.Context, network, address string) (net.Conn, error)
}

func (g guard) client() *http.Client {
	return &http.Client{
		Transport: &http.Transport{
			DialContext:            g.connect,
			ForceAttemptHTTP2:      true,
			TLSHandshakeTimeout:    dialTime,
			MaxResponseHeaderBytes: maxHeader,
			MaxIdleConns:           8,
			IdleConnTimeout:        30 * time.Second,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// connect resolves, checks, and dials the address that was checked.
func (g guard) connect(ctx context.Context, network, address string) (net.Conn, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	ips, err := g.resolve(ctx, host)
	if err != nil {
		return nil, err
	}
	for _, ip := range ips {
		if !public(ip) {
			return nil, errResolved // of all, even if others are public
		}
	}
	var last error
	for _, ip := range ips[:min(len(ips), maxAddress)] {
		c, err := g.dial(ctx, network, net.JoinHostPort(ip.Unmap().String(), port))
		if err == nil {
			return c, nil
		}
		last = err
	}
	return nil, last
}

func (g guard) resolve(ctx context.Context, host string) ([]netip.Addr, error) {
	if ip, err := netip.ParseAddr(host); err == nil {
		return []netip.Addr{ip}, nil
	}
	ips, err := g.lookup(ctx, "ip", host)
	if err == nil && len(ips) == 0 {
		err = fmt.Errorf("resolve %s: no address", host)
	}
	return ips, err
}

// control refuses a socket to a private place, whoever asked for it.
func control(_, address string, _ syscall.RawConn) error {
	to, err := netip.ParseAddrPort(address)
	if err != nil || !public(to.Addr()) {
		return errResolved
	}
	return nil
}

//go:build !js

package web

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
)

// names is a resolver that gives each answer once, the last one for ever.
type names struct {
	answers [][]string
	asked   int
}

func (n *names) lookup(context.Context, string, string) ([]netip.Addr, error) {
	var list []netip.Addr
	for _, a := range n.answers[min(n.asked, len(n.answers)-1)] {
		list = append(list, netip.MustParseAddr(a))
	}
	n.asked++
	return list, nil
}

// dialed notes where connections go, and makes them to a test's server.
type dialed struct {
	to     []string
	server string
}

func (d *dialed) dial(ctx context.Context, network, address string) (net.Conn, error) {
	d.to = append(d.to, address)
	return (&net.Dialer{}).DialContext(ctx, network, d.server)
}

func TestTheAddressThatWasCheckedIsTheOneDialed(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, r.Host) }))
	defer s.Close()
	// The second answer is what a rebinding name would give.
	n := &names{answers: [][]string{{"93.184.215.14", "2606:4700::1111"}, {"127.0.0.1"}}}
	d := &dialed{server: s.Listener.Addr().String()}
	c := guard{lookup: n.lookup, dial: d.dial}.client()
	get := func() (string, error) {
		r, err := c.Get("http://rebind.example.com/")
		if err != nil {
			return "", err
		}
		defer r.Body.Close()
		b, err := io.ReadAll(r.Body)
		return string(b), err
	}
	if host, err := get(); err != nil || host != "rebind.example.com" {
		t.Fatal(host, err)
	}
	if n.asked != 1 || len(d.to) != 1 || d.to[0] != "93.184.215.14:80" {
		t.Errorf("asked %d times, dialed %v", n.asked, d.to)
	}
	c.CloseIdleConnections()
	if _, err := get(); !errors.Is(err, errResolved) || len(d.to) != 1 {
		t.Errorf("after rebinding: %v, dialed %v", err, d.to)
	}
}

func TestOnePrivateAddressAmongOthersIsEnoughToRefuse(t *testing.T) {
	for _, private := range []string{"127.0.0.1", "::1", "10.0.0.1", "169.254.169.254", "fe80::1", "100.64.1.1", "224.0.0.1", "0.0.0.0", "::ffff:192.168.0.1", "fd00:ec2::254"} {
		n := &names{answers: [][]string{{"93.184.215.14", private}}}
		d := &dialed{}
		if _, err := (guard{n.lookup, d.dial}).connect(t.Context(), "tcp", "a.example.com:443"); !errors.Is(err, errResolved) || len(d.to) != 0 {
			t.Errorf("%s: %v, dialed %v", private, err, d.to)
		}
	}
}

func TestTheSocketItselfRefusesPrivatePlaces(t *testing.T) {
	s := httptest.NewServer(http.NotFoundHandler())
	defer s.Close()
	dialer := net.Dialer{Control: control}
	if c, err := dialer.DialContext(t.Context(), "tcp", s.Listener.Addr().String()); !errors.Is(err, errResolved) {
		t.Errorf("%v %v", c, err)
	}
	r, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL, nil)
	if _, err := Direct().Do(r); !errors.Is(err, errResolved) {
		t.Error(err)
	}
}

func TestDirectFollowsNothingKeepsNothingAndReadsFewHeaders(t *testing.T) {
	huge := false
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Cookie") != "" {
			t.Error("a cookie was sent")
		}
		if huge {
			w.Header().Set("X-Huge", strings.Repeat("a", 200<<10))
		}
		http.SetCookie(w, &http.Cookie{Name: "a", Value: "b"})
		http.Redirect(w, r, "/next", http.StatusFound)
	}))
	defer s.Close()
	d := &dialed{server: s.Listener.Addr().String()}
	c := guard{(&names{answers: [][]string{{"93.184.215.14"}}}).lookup, d.dial}.client()
	for range 2 {
		r, err := c.Get("http://a.example.com/")
		if err != nil || r.StatusCode != http.StatusFound {
			t.Fatal(r, err)
		}
		r.Body.Close()
	}
	huge = true
	if _, err := c.Get("http://a.example.com/"); err == nil {
		t.Error("200 KB of headers were read")
	}
}

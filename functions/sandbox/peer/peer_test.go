//go:build linux

package peer_test

import (
	"net"
	"net/netip"
	"os"
	"testing"

	"instar/functions/sandbox/peer"
)

func TestTheKernelTellsWhoseAConnectionIs(t *testing.T) {
	for _, at := range []string{"127.0.0.1:0", "[::1]:0", ":0"} {
		l, err := net.Listen("tcp", at)
		if err != nil {
			t.Logf("%s cannot be listened at here: %v", at, err)
			continue
		}
		_, port, _ := net.SplitHostPort(l.Addr().String())
		host := map[string]string{"127.0.0.1:0": "127.0.0.1", "[::1]:0": "::1", ":0": "127.0.0.1"}[at]
		for range 3 {
			c, err := net.Dial("tcp", net.JoinHostPort(host, port))
			if err != nil {
				t.Fatal(err)
			}
			s, err := l.Accept()
			if err != nil {
				t.Fatal(err)
			}
			from, to := c.LocalAddr().(*net.TCPAddr).AddrPort(), c.RemoteAddr().(*net.TCPAddr).AddrPort()
			if uid, err := peer.Owner(from, to); err != nil || int(uid) != os.Getuid() {
				t.Errorf("%s: user %d, %v", at, uid, err)
			}
			c.Close()
			s.Close()
		}
		l.Close()
	}
	if uid, err := peer.Owner(netip.MustParseAddrPort("127.0.0.1:1"), netip.MustParseAddrPort("127.0.0.1:2")); err == nil {
		t.Errorf("of no connection: user %d", uid)
	}
}

func TestAUserHasSoManyConnectionsAndOthersHaveAny(t *testing.T) {
	for uid, want := range map[int]int{os.Getuid(): 3, os.Getuid() + 1: 10} {
		below, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		l := &peer.Listener{Listener: below, UID: uint32(uid), Most: 3}
		accepted := make(chan net.Conn, 100)
		go func() {
			for {
				c, err := l.Accept()
				if err != nil {
					return
				}
				c.Write([]byte("x"))
				accepted <- c
			}
		}()
		for round := range 2 {
			in := 0
			var mine []net.Conn
			for range 10 {
				c, err := net.Dial("tcp", below.Addr().String())
				if err != nil {
					t.Fatal(err)
				}
				mine = append(mine, c)
				if n, _ := c.Read(make([]byte, 1)); n == 1 {
					in++
				}
			}
			if in != want {
				t.Errorf("round %d of %d: %d were let in, want %d", round, uid, in, want)
			}
			for _, c := range mine {
				c.Close()
			}
			for len(accepted) > 0 {
				c := <-accepted
				c.Close()
				c.Close()
			}
		}
		l.Close()
	}
}

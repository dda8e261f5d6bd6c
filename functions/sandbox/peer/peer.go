//go:build linux

// Package peer bounds how many connections the container's own jobs have to the
// daemon's port. Without a token they get no answer there, but with enough
// connections that say nothing they could take its memory and descriptors.
package peer

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// Listener has at most Most connections open that a user of this machine made.
type Listener struct {
	net.Listener
	UID  uint32
	Most int64

	open atomic.Int64
}

// Accept closes the user's connections that are too many, and waits for another.
// One whose owner the kernel does not tell is let in.
func (l *Listener) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		remote, local := address(c.RemoteAddr()), address(c.LocalAddr())
		// Only a connection of this machine's has an owner here.
		if remote.Addr() != local.Addr() && !remote.Addr().IsLoopback() {
			return c, nil
		}
		if uid, err := Owner(remote, local); err != nil || uid != l.UID {
			return c, nil
		}
		if l.open.Add(1) <= l.Most {
			return &counted{Conn: c, done: sync.OnceFunc(func() { l.open.Add(-1) })}, nil
		}
		l.open.Add(-1)
		c.Close()
	}
}

// counted says when it is closed.
type counted struct {
	net.Conn
	done func()
}

func (c *counted) Close() error {
	c.done()
	return c.Conn.Close()
}

func address(a net.Addr) netip.AddrPort {
	if t, ok := a.(*net.TCPAddr); ok {
		p := t.AddrPort()
		return netip.AddrPortFrom(p.Addr().Unmap(), p.Port())
	}
	return netip.AddrPort{}
}

// Sizes of struct inet_diag_req_v2 and of struct inet_diag_msg up to the user
// (linux/inet_diag.h).
const (
	requestSize = unix.SizeofNlMsghdr + 8 + 48
	ownerOffset = unix.SizeofNlMsghdr + 4 + 48 + 12
)

// Owner is the user whose socket is connected from one address to another, as
// sock_diag(7) tells.
func Owner(from, to netip.AddrPort) (uid uint32, err error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_SOCK_DIAG)
	if err != nil {
		return 0, fmt.Errorf("ask for a socket's owner: %w", err)
	}
	defer unix.Close(fd)
	if err := unix.Sendto(fd, request(from, to), 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return 0, fmt.Errorf("ask for a socket's owner: %w", err)
	}
	var answer [1024]byte
	n, _, err := unix.Recvfrom(fd, answer[:], 0)
	if err != nil {
		return 0, fmt.Errorf("hear a socket's owner: %w", err)
	}
	if n < ownerOffset+4 || binary.NativeEndian.Uint16(answer[4:]) != unix.SOCK_DIAG_BY_FAMILY {
		return 0, errors.New("socket is not known")
	}
	return binary.NativeEndian.Uint32(answer[ownerOffset:]), nil
}

// request asks for one connection by both its ends.
func request(from, to netip.AddrPort) []byte {
	b := make([]byte, requestSize)
	binary.NativeEndian.PutUint32(b[0:], requestSize)
	binary.NativeEndian.PutUint16(b[4:], unix.SOCK_DIAG_BY_FAMILY)
	binary.NativeEndian.PutUint16(b[6:], unix.NLM_F_REQUEST)
	r := b[unix.SizeofNlMsghdr:]
	r[0], r[1] = unix.AF_INET, unix.IPPROTO_TCP
	if from.Addr().Is6() {
		r[0] = unix.AF_INET6
	}
	binary.NativeEndian.PutUint32(r[4:], ^uint32(0)) // in any state
	id := r[8:]
	binary.BigEndian.PutUint16(id[0:], from.Port())
	binary.BigEndian.PutUint16(id[2:], to.Port())
	copy(id[4:20], from.Addr().AsSlice())
	copy(id[20:36], to.Addr().AsSlice())
	binary.NativeEndian.PutUint64(id[40:], ^uint64(0)) // no cookie
	return b
}

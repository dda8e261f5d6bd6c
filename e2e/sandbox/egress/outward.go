//go:build linux

package main

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
)

// outward takes what leaves the container to workerd. A connection's local
// address is where the container meant to go.
type outward struct {
	ca      *authority
	workerd func() string
}

// plain reads the head of an HTTP request for its host, and passes all of it on.
func (o *outward) plain(c *net.TCPConn) {
	defer c.Close()
	var head bytes.Buffer
	r, err := http.ReadRequest(bufio.NewReaderSize(io.TeeReader(c, &head), 64<<10))
	if err != nil {
		return // it is not HTTP, and nothing else leaves
	}
	host := r.Host
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	tunnel, err := o.dial(c.LocalAddr(), "X-Hostname: "+host)
	if err != nil {
		return
	}
	if _, err := tunnel.Write(head.Bytes()); err == nil {
		pump(c, tunnel)
	}
}

// tls ends TLS with a certificate of its own, so that workerd sees the request.
func (o *outward) tls(c *net.TCPConn) {
	defer c.Close()
	var tunnel *net.TCPConn
	s := tls.Server(c, &tls.Config{GetCertificate: func(hello *tls.ClientHelloInfo) (cert *tls.Certificate, err error) {
		if tunnel, err = o.dial(c.LocalAddr(), "X-Tls-Sni: "+hello.ServerName); err != nil {
			return nil, err
		}
		return o.ca.issue(hello.ServerName)
	}})
	err := s.Handshake()
	if tunnel == nil {
		return
	}
	if err != nil {
		tunnel.Close()
		return
	}
	pump(s, tunnel)
}

// dial opens a tunnel for a connection to that address. workerd answers 200 for
// what a handler takes, and 202 for what goes out as it is: that is refused here.
func (o *outward) dial(meant net.Addr, header string) (*net.TCPConn, error) {
	c, err := net.Dial("tcp4", o.workerd())
	if err != nil {
		return nil, err
	}
	fmt.Fprintf(c, "CONNECT %s HTTP/1.1\r\nHost: %[1]s\r\n%s\r\n\r\n", meant, header)
	// Byte by byte, so that nothing of the tunnel is read.
	answer := make([]byte, 0, 512)
	for b := make([]byte, 1); !bytes.HasSuffix(answer, []byte("\r\n\r\n")); answer = append(answer, b[0]) {
		if _, err := c.Read(b); err != nil || len(answer) == cap(answer) {
			c.Close()
			return nil, fmt.Errorf("no answer to CONNECT: %v", err)
		}
	}
	if !bytes.HasPrefix(answer, []byte("HTTP/1.1 200 ")) {
		c.Close()
		return nil, fmt.Errorf("refused: %.20s", answer)
	}
	return c.(*net.TCPConn), nil
}

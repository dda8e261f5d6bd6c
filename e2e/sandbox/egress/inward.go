//go:build linux

package main

import (
	"encoding/json"
	"io"
	"net"
	"net/http"
	"sync/atomic"
)

// inward answers workerd.
type inward struct {
	ca   *authority
	port *atomic.Int64
}

func (i *inward) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case r.Method == http.MethodConnect:
		connect(w, r)
	case r.Method == http.MethodPut && r.URL.Path == "/egress":
		var said struct{ Port int64 }
		if json.NewDecoder(r.Body).Decode(&said) == nil && said.Port > 0 {
			i.port.Store(said.Port)
		}
	case r.Method == http.MethodGet && r.URL.Path == "/ca":
		w.Write(i.ca.pem)
	default:
		http.NotFound(w, r)
	}
}

// connect tunnels to a port of the container, which has this one's network.
func connect(w http.ResponseWriter, r *http.Request) {
	_, port, err := net.SplitHostPort(r.Header.Get("X-Dst-Addr"))
	if err != nil {
		http.Error(w, "no X-Dst-Addr", http.StatusBadRequest)
		return
	}
	to, err := net.Dial("tcp4", net.JoinHostPort("127.0.0.1", port))
	if err != nil {
		http.Error(w, "nobody listens", http.StatusBadRequest)
		return
	}
	c, early, err := w.(http.Hijacker).Hijack()
	if err != nil {
		to.Close()
		return
	}
	io.WriteString(c, "HTTP/1.1 200 OK\r\n\r\n")
	pump(struct {
		io.Reader
		*net.TCPConn
	}{early, c.(*net.TCPConn)}, to.(*net.TCPConn))
}

// half is a connection of which one direction can end before the other.
type half interface {
	io.ReadWriteCloser
	CloseWrite() error
}

func pump(a, b half) {
	done := make(chan struct{})
	go func() {
		io.Copy(b, a)
		b.CloseWrite()
		close(done)
	}()
	io.Copy(a, b)
	a.CloseWrite()
	<-done
	a.Close()
	b.Close()
}

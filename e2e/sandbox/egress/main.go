//go:build linux

// Command egress stands in for cloudflare/proxy-everything, the container that
// workerd starts beside every container of a Durable Object and whose network it
// puts that one into, on machines that can pull nothing. It speaks the same
// protocol to workerd (that project's README; src/workerd/server/container-client.c++):
//
//	port 39001, from workerd: CONNECT with X-Dst-Addr goes to a port of the
//	container, 400 while nobody listens there; PUT /egress says at which port of
//	the gateway workerd takes what leaves; GET /ca is the authority to trust
//	to workerd: CONNECT with X-Tls-Sni or X-Hostname, for what leaves the container
//
// Everything that leaves goes to workerd or nowhere. It does that with two routes
// that make every address but the gateway's a local one (the original uses
// iptables), so it shows what workerd and our handlers do with a request, and
// nothing about the original's own rules or Cloudflare's network.
package main

import (
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"
	"sync/atomic"
)

func main() {
	egress := flag.Int("http-egress-port", 0, "where workerd listens, at the gateway")
	ingress := flag.String("http-ingress-address", "0.0.0.0:39001", "where workerd is listened to")
	for _, name := range []string{"docker-gateway-cidr"} {
		flag.String(name, "", "not needed here")
	}
	for _, name := range []string{"dns-enabled", "tls-intercept", "disable-ipv6"} {
		flag.Bool(name, false, "always so here")
	}
	flag.Parse()

	gateway, err := net.ResolveIPAddr("ip4", "host.docker.internal")
	if err != nil {
		log.Fatal("no gateway: ", err)
	}
	if err := enclose(gateway.IP); err != nil {
		log.Fatal("routes: ", err)
	}
	ca, err := newAuthority()
	if err != nil {
		log.Fatal("authority: ", err)
	}
	var port atomic.Int64
	port.Store(int64(*egress))
	out := &outward{ca: ca, workerd: func() string { return net.JoinHostPort(gateway.String(), fmt.Sprint(port.Load())) }}
	go serve("0.0.0.0:80", out.plain)
	go serve("0.0.0.0:443", out.tls)
	go func() { log.Fatal(answerNames("0.0.0.0:53")) }()
	log.Fatal(http.ListenAndServe(*ingress, &inward{ca: ca, port: &port}))
}

func serve(address string, handle func(*net.TCPConn)) {
	l, err := net.Listen("tcp4", address)
	if err != nil {
		log.Fatal(err)
	}
	for {
		c, err := l.Accept()
		if err != nil {
			log.Fatal(err)
		}
		go handle(c.(*net.TCPConn))
	}
}

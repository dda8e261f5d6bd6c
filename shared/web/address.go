package web

import (
	"errors"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
)

// maxURL is the longest address in bytes.
const maxURL = 2048

var (
	errAddress  = errors.New("the URL must begin with https:// or http://, name a host and hold no password")
	errLong     = errors.New("the URL is longer than 2048 bytes")
	errPrivate  = errors.New("the URL is of a private network, which is not looked at")
	errHost     = errors.New("the URL's host must be written in ASCII; one in another script begins its parts with xn--")
	errResolved = errors.New("the host's address is of a private network, which is not looked at")
	errPort     = errors.New("the URL's port is not one that web pages are served on")
)

// CheckURL reports why an address is not one to fetch; the text is for who
// gave it. It must be http or https, without a user, of at most 2048 bytes, on
// port 80, 443 or one above 1023, and no private place by its name: what it
// resolves to is for Direct to see. Platforms read addresses by the WHATWG URL
// standard, this program by RFC 3986, so whatever the two read differently
// (other forms of IPv4 addresses, letters that are folded, backslashes) is
// refused.
func CheckURL(address string) error {
	if len(address) > maxURL {
		return errLong
	}
	if strings.ContainsFunc(address, func(r rune) bool { return r <= ' ' || r == '\\' || r == 0x7f }) {
		return errAddress
	}
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.User != nil || u.Opaque != "" {
		return errAddress
	}
	if err := checkPort(u); err != nil {
		return err
	}
	return checkHost(u.Hostname())
}

func checkPort(u *url.URL) error {
	port := u.Port()
	if port == "" && !strings.HasSuffix(u.Host, ":") {
		return nil
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil || n < 1024 && n != 80 && n != 443 {
		return errPort
	}
	return nil
}

func checkHost(host string) error {
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	if ip, err := netip.ParseAddr(host); err == nil {
		if !public(ip) {
			return errPrivate
		}
		return nil
	}
	if len(host) > 253 || strings.Contains(host, ":") {
		return errAddress
	}
	for i := range len(host) {
		if host[i] >= 0x80 {
			return errHost
		}
	}
	dot := strings.LastIndexByte(host, '.')
	if dot < 0 || host[dot+1:] == "" || host[dot+1] >= '0' && host[dot+1] <= '9' {
		return errPrivate // "localhost", and numbers in forms that some take for an address
	}
	for part := range strings.SplitSeq(host, ".") {
		if part == "" || len(part) > 63 || strings.Trim(part, "abcdefghijklmnopqrstuvwxyz0123456789-_") != "" {
			return errAddress
		}
	}
	if within(host, privateZones) {
		return errPrivate
	}
	return nil
}

// privateZones end names that are of a network of one's own (RFC 6761, 6762,
// 8375, 9476, ICANN's .internal, and what routers and clusters use), and the
// names that clouds give to the place that hands out a machine's keys.
const privateZones = "localhost local localdomain internal intranet private corp home lan home.arpa " +
	"test invalid example onion alt svc cluster.local consul " +
	"metadata.goog metadata.tencentyun.com metadata.azure.com metadata.packet.net"

func within(host, zones string) bool {
	for zone := range strings.FieldsSeq(zones) {
		if host == zone || strings.HasSuffix(host, "."+zone) {
			return true
		}
	}
	return false
}

// public reports whether an address is one of the internet at large (IANA's
// special-purpose registries for IPv4 and IPv6), and none by which clouds hand
// out keys. One that embeds an IPv4 address in IPv6 is refused.
func public(ip netip.Addr) bool {
	if ip.Zone() != "" {
		return false
	}
	ip = ip.Unmap()
	if ip.Is4() {
		b := ip.As4()
		switch {
		case !ip.IsGlobalUnicast(), ip.IsPrivate(), b[0] == 0, b[0] >= 240,
			b[0] == 100 && b[1]&0xc0 == 64,                                // 100.64.0.0/10, between a provider's customers
			b[0] == 192 && b[1] == 0 && (b[2] == 0 || b[2] == 2),          // protocols; documentation
			b[0] == 192 && b[1] == 88 && b[2] == 99,                       // 6to4 relays
			b[0] == 198 && (b[1]&0xfe == 18 || b[1] == 51 && b[2] == 100), // benchmarks; documentation
			b[0] == 203 && b[1] == 0 && b[2] == 113,                       // documentation
			b == [4]byte{168, 63, 129, 16}:                                // Azure, from inside a machine
			return false
		}
		return true
	}
	b := ip.As16()
	switch {
	case b[0]&0xe0 != 0x20, // only 2000::/3 is given out
		b[0] == 0x20 && b[1] == 0x01 && b[2] < 2,                     // 2001::/23, among them Teredo
		b[0] == 0x20 && b[1] == 0x01 && b[2] == 0x0d && b[3] == 0xb8, // documentation
		b[0] == 0x20 && b[1] == 0x02,                                 // 6to4
		b[0] == 0x3f && b[1] == 0xff && b[2]&0xf0 == 0:               // documentation
		return false
	}
	return true
}

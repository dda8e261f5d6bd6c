package web

import (
	"net/netip"
	"strings"
	"testing"
)

func TestOnlyPublicAddressesAreFetched(t *testing.T) {
	for _, good := range []string{
		"https://example.com", "http://example.com./a?b=c#d", "https://EXAMPLE.com:8443/", "http://example.com:8080", "https://example.com:65535/",
		"https://1.1.1.1/", "https://[2606:4700::1111]/", "https://xn--bcher-kva.example.org/", "https://a_b.example.com/", "http://172.32.0.1/", "http://[::ffff:8.8.8.8]/",
		"https://example.com/path/127.0.0.1?u=http://localhost", "https://localhost.example.com/", "https://example.com:443", "https://example.com/日本",
	} {
		if err := CheckURL(good); err != nil {
			t.Errorf("%s: %v", good, err)
		}
	}
	for name, list := range map[string][]string{
		"no web address":        {"", "example.com", "//example.com", "ftp://example.com", "file:///etc/passwd", "javascript:alert(1)", "http:example.com", "http://", "https:///a", "data:text/html,x", "gopher://example.com", "HTTP//x"},
		"user":                  {"https://u@example.com", "https://u:p@example.com", "https://example.com@127.0.0.1", "https://@example.com"},
		"two ways to read it":   {"http://example.com\\@127.0.0.1", "http://exa mple.com", "http://example.com\t", "http://example.com/\r\nHost: x", "http:\\\\example.com", "http://%6cocalhost", "http://example.com%2f@x", "http://a.b%00.com", "http://[::1", "http://exa*mple.com", "http://a..example.com", "http://example.com..", "http://.example.com"},
		"ports":                 {"http://example.com:22", "http://example.com:0", "http://example.com:25", "http://example.com:1023", "http://example.com:65536", "http://example.com:", "http://example.com:-1", "http://example.com:http"},
		"this machine":          {"http://localhost", "http://LOCALHOST:8080", "http://localhost.", "http://a.localhost", "http://127.0.0.1", "http://127.0.0.1.", "http://127.8.9.1", "http://0.0.0.0", "http://[::]", "http://[::1]:8080/", "http://[::ffff:127.0.0.1]", "http://[::ffff:7f00:1]", "http://[0:0:0:0:0:0:0:1]"},
		"other forms of IPv4":   {"http://0177.0.0.1", "http://0x7f.0.0.1", "http://0x7f000001", "http://2130706433", "http://017700000001", "http://127.1", "http://127.0.1", "http://1.1.1.1.1", "http://1.1.1", "http://127.0.0.0x1", "http://08.8.8.8", "http://256.1.1.1"},
		"private":               {"http://10.0.0.1", "http://172.16.0.1", "http://172.31.255.255", "http://192.168.1.1", "http://100.64.0.1", "http://100.127.255.255", "http://169.254.1.1", "http://[fe80::1]", "http://[fe80::1%25eth0]", "http://[fd00::1]", "http://[fc00::1]", "http://[fec0::1]", "http://[2606:4700::1111%251]"},
		"metadata":              {"http://169.254.169.254/latest/meta-data", "http://[fd00:ec2::254]", "http://metadata.google.internal", "http://metadata", "http://metadata.goog", "http://100.100.100.200", "http://168.63.129.16", "http://192.0.0.192", "http://instance-data.ec2.internal", "http://metadata.tencentyun.com"},
		"special":               {"http://224.0.0.1", "http://255.255.255.255", "http://240.0.0.1", "http://198.18.0.1", "http://192.0.2.1", "http://198.51.100.1", "http://203.0.113.1", "http://[ff02::1]", "http://[2001:db8::1]", "http://[2001::1]", "http://[100::1]"},
		"IPv4 within IPv6":      {"http://[64:ff9b::7f00:1]", "http://[2002:7f00:1::]", "http://[::7f00:1]", "http://[2001:0:7f00:1::]", "http://[64:ff9b:1::a00:1]"},
		"names of own networks": {"http://printer", "http://nas.local", "http://a.internal", "http://router.lan", "http://x.home.arpa", "http://kubernetes.default.svc", "http://a.svc.cluster.local", "http://x.corp", "http://intranet", "http://a.test", "http://a.onion"},
		"letters that fold":     {"http://ⓛocalhost", "http://１２７.０.０.１", "http://exаmple.com", "http://127。0。0。1", "http://bücher.example.org", "http://loc\u00adalhost"},
		"long":                  {"http://example.com/" + strings.Repeat("a", 2048), "http://" + strings.Repeat("a", 64) + ".com", "http://" + strings.Repeat("a.", 130) + "com"},
	} {
		for _, bad := range list {
			if CheckURL(bad) == nil {
				t.Errorf("%s: %s is allowed", name, bad)
			}
		}
	}
}

// The IPv4 address that an IPv6 address stands for decides, or the address is
// refused.
func TestAnAddressIsPublicOnlyIfItsIPv4Is(t *testing.T) {
	for _, a := range []string{"127.0.0.1", "10.1.2.3", "169.254.169.254", "100.64.0.1", "224.0.0.1", "0.1.2.3"} {
		for _, form := range []string{a, "::ffff:" + a, "::" + a, "64:ff9b::" + a} {
			if public(netip.MustParseAddr(form)) {
				t.Errorf("%s is public", form)
			}
		}
	}
	if public(netip.Addr{}) {
		t.Error("no address is public")
	}
}

func FuzzCheckURL(f *testing.F) {
	f.Add("https://example.com:8080/a?b#c")
	f.Add("http://[::ffff:127.0.0.1]")
	f.Fuzz(func(t *testing.T, s string) {
		if CheckURL(s) == nil && (len(s) > maxURL || strings.ContainsAny(s, "\\ \n\r\t") || !strings.HasPrefix(strings.ToLower(s), "http")) {
			t.Errorf("%q is allowed", s)
		}
	})
}

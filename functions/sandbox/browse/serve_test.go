//go:build linux && e2e

package main

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"instar/shared/sandbox"
)

func TestTheBrowserEndsWhenNobodyUsesItAndLeavesNothing(t *testing.T) {
	t.Parallel()
	b := prepare(t)
	defer os.RemoveAll(b.dir)
	b.serve(t, 3*time.Second)
	url := site(t, map[string]any{"/": `<script>document.cookie = 'a=b; max-age=9999'; localStorage.a = 1; new SharedWorker('data:text/javascript,1')</script>`})
	for range 3 { // longer than idle, together
		time.Sleep(time.Second)
		b.open(t, url)
	}
	select {
	case err := <-b.ended:
		if err != nil {
			t.Errorf("%v\n%s", err, b.log.String())
		}
	case <-time.After(6 * time.Second):
		t.Fatal("it does not end")
	}
	if n := processes(b.dir); n != 0 {
		t.Errorf("%d processes are left", n)
	}
	if left := files(b.dir); len(left) != 1 || filepath.Base(left[0]) != "lock" {
		t.Errorf("left: %v", left)
	}
}

func TestThereIsOneBrowser(t *testing.T) {
	t.Parallel()
	b := start1(t)
	b.open(t, site(t, map[string]any{"/": "x"}))
	began := time.Now()
	if out, err := b.run(t.Context(), "serve").CombinedOutput(); err != nil || len(out) != 0 || time.Since(began) > 3*time.Second {
		t.Errorf("%v after %v: %s", err, time.Since(began), out)
	}
}

func TestABrowserThatIsKilledLeavesRoomForTheNext(t *testing.T) {
	t.Parallel()
	b := start1(t)
	url := site(t, map[string]any{"/": "<h1>x"})
	b.open(t, url)
	b.cmd.Process.Kill()
	<-b.ended
	for end := time.Now().Add(3 * time.Second); processes(b.dir) != 0; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%d processes are left", processes(b.dir))
		}
	}
	b.serve(t, time.Minute)
	has(t, b.open(t, url), "# x")
}

func TestTheBrowserEndsWithChromium(t *testing.T) {
	t.Parallel()
	b := start1(t)
	b.open(t, site(t, map[string]any{"/": "x"}))
	names, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, name := range names {
		line, _ := os.ReadFile(name)
		if bytes.Contains(line, []byte("--user-data-dir="+b.dir)) && !bytes.Contains(line, []byte("--type=")) {
			var pid int
			fmt.Sscanf(name, "/proc/%d/", &pid)
			syscall.Kill(pid, syscall.SIGKILL)
		}
	}
	select {
	case err := <-b.ended:
		if b.ended <- nil; err == nil || !strings.Contains(b.log.String(), "Chromium is gone") {
			t.Errorf("%v %s", err, b.log.String())
		}
	case <-time.After(5 * time.Second):
		t.Error("it does not end")
	}
	if n := processes(b.dir); n != 0 {
		t.Errorf("%d processes are left", n)
	}
}

func TestWithoutABrowserThePageSaysSo(t *testing.T) {
	t.Parallel()
	b := prepare(t)
	defer os.RemoveAll(b.dir)
	for input, want := range map[string]string{
		`{"action":"open","url":"https://example.com"}`:       "no browser was there",
		`{"action":"open","url":"file:///etc/passwd"}`:        "must begin with http",
		`{"action":"screenshot","path":"../../etc/cron.png"}`: "within the workspace",
		`nonsense`: "no JSON",
	} {
		cmd := b.run(t.Context(), "-wait", "300ms")
		cmd.Stdin = strings.NewReader(input)
		out, err := cmd.Output()
		var p sandbox.Page
		if err != nil || json.Unmarshal(out, &p) != nil || !strings.Contains(p.Error, want) {
			t.Errorf("%s: %v %s", input, err, out)
		}
	}
}

func TestAFolderOfSomebodyElseIsNotTrusted(t *testing.T) {
	t.Parallel()
	b := prepare(t)
	defer os.RemoveAll(b.dir)
	dir := filepath.Join(b.dir, fmt.Sprintf(".browse-%d", user))
	if os.Geteuid() != 0 {
		t.Skip("needs root, to be somebody else")
	}
	os.Mkdir(dir, 0o777)
	os.Chmod(dir, 0o777)
	cmd := b.run(t.Context(), "-wait", "300ms")
	cmd.Stdin = strings.NewReader(`{"action":"read"}`)
	if out, _ := cmd.Output(); !bytes.Contains(out, []byte("own folder")) {
		t.Errorf("%s", out)
	}
	if out, err := b.run(t.Context(), "serve").CombinedOutput(); err == nil || !bytes.Contains(out, []byte("own folder")) {
		t.Errorf("%s", out)
	}
}

// authority makes a certificate, its own or one of its parent's.
func authority(t *testing.T, parent *tls.Certificate) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	serial, _ := rand.Int(rand.Reader, big.NewInt(1<<62))
	c := &x509.Certificate{SerialNumber: serial, Subject: pkix.Name{CommonName: "test"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(48 * time.Hour)}
	signer, by := any(key), c
	if parent == nil {
		c.IsCA, c.BasicConstraintsValid, c.KeyUsage = true, true, x509.KeyUsageCertSign
	} else {
		c.DNSNames, c.IPAddresses, c.ExtKeyUsage = []string{"localhost"}, []net.IP{net.IPv4(127, 0, 0, 1)}, []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
		signer, by = parent.PrivateKey, parent.Leaf
	}
	der, err := x509.CreateCertificate(rand.Reader, c, by, &key.PublicKey, signer)
	if err != nil {
		t.Fatal(err)
	}
	leaf, _ := x509.ParseCertificate(der)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
}

func TestThePlatformsAuthorityIsTrustedAndNoOther(t *testing.T) {
	t.Parallel()
	ca := authority(t, nil)
	file := filepath.Join(t.TempDir(), "ca.crt")
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: ca.Certificate[0]})
	if err := os.WriteFile(file, text, 0o644); err != nil {
		t.Fatal(err)
	}
	os.Chmod(filepath.Dir(file), 0o755)
	os.Chmod(filepath.Dir(filepath.Dir(file)), 0o755)
	serve := func(c tls.Certificate, more ...[]byte) string {
		c.Certificate = append(c.Certificate[:1:1], more...)
		s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			fmt.Fprint(w, "<h1>Safe</h1>")
		}))
		s.TLS = &tls.Config{Certificates: []tls.Certificate{c}}
		s.Config.ErrorLog = nil
		s.StartTLS()
		t.Cleanup(s.Close)
		return s.URL
	}
	alone, chain := serve(authority(t, &ca)), serve(authority(t, &ca), ca.Certificate[0])
	stranger := authority(t, nil)
	other := serve(authority(t, &stranger), stranger.Certificate[0])
	bundle := filepath.Join(filepath.Dir(file), "bundle.crt")
	os.WriteFile(bundle, bytes.Repeat(text, fewCertificates+1), 0o644)

	b := start1(t, "SSL_CERT_FILE="+file)
	has(t, b.open(t, alone), "# Safe")
	has(t, b.open(t, chain), "# Safe")
	b.fails(t, sandbox.Action{Action: sandbox.BrowserOpen, URL: other}, "certificate is not trusted")
	for _, env := range []string{"SSL_CERT_FILE=", "SSL_CERT_FILE=" + bundle, "SSL_CERT_FILE=/no/such/file"} {
		b := start1(t, env)
		b.fails(t, sandbox.Action{Action: sandbox.BrowserOpen, URL: chain}, "certificate is not trusted")
		b.stop()
		b.ended <- nil
	}
}

// The client can be ended at any time: the browser stops what it does for it.
func TestAnActionEndsWithWhoAskedForIt(t *testing.T) {
	t.Parallel()
	b := start1(t)
	url := site(t, map[string]any{"/never": never, "/": "<h1>Fine"})
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	cmd := b.run(ctx)
	cmd.Stdin = strings.NewReader(`{"action":"open","url":"` + url + `/never"}`)
	cmd.Run()
	began := time.Now()
	if has(t, b.open(t, url), "# Fine"); time.Since(began) > 8*time.Second {
		t.Errorf("it took %v", time.Since(began))
	}
}

//go:build !js

package s3

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
)

const (
	secretKey    = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
	sessionToken = "IQoJb3JpZ2luX2VjEXAMPLE"
)

// step answers one request.
type step func(w http.ResponseWriter, r *sent)

// sent is a request with its body.
type sent struct {
	*http.Request
	body string
}

// script is an S3 server that answers a list of requests in order, each of
// which it holds against what S3 documents for every request.
type script struct {
	*testing.T
	mu    sync.Mutex
	steps []step
	sent  []*sent
	early bool // answer before the body is there
}

// play serves the steps and opens the bucket on them; the test fails when not
// all of them were used, or more.
func play(t *testing.T, steps ...step) (*Bucket, *script) {
	t.Helper()
	s := &script{T: t, steps: steps}
	server := httptest.NewUnstartedServer(s)
	server.Config.ConnContext = func(ctx context.Context, c net.Conn) context.Context {
		c.(*net.TCPConn).SetReadBuffer(64 << 10) // so that not all of a large body fits between the two
		return ctx
	}
	server.Start()
	t.Cleanup(func() {
		server.Close()
		if len(s.steps) > 0 {
			t.Errorf("%d requests were not made; made %d", len(s.steps), len(s.sent))
		}
	})
	return mustOpen(t, server.URL), s
}

func mustOpen(t *testing.T, endpoint string) *Bucket {
	t.Helper()
	b, err := Open(optionsFor(endpoint))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func optionsFor(endpoint string) Options {
	return Options{Bucket: "instar-test", Region: "eu-central-1", Endpoint: endpoint, AccessKeyID: "AKIDEXAMPLE", SecretAccessKey: secretKey, SessionToken: sessionToken}
}

func (s *script) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	request := &sent{Request: r}
	if !s.early {
		body, _ := io.ReadAll(r.Body)
		request.body = string(body)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sent = append(s.sent, request)
	if !s.early {
		s.checkSigned(request)
	}
	if len(s.steps) == 0 {
		s.Errorf("request %d is one too many: %s %s", len(s.sent), r.Method, r.URL)
		w.WriteHeader(http.StatusTeapot)
		return
	}
	next := s.steps[0]
	s.steps = s.steps[1:]
	next(w, request)
}

// checkSigned checks what docs.aws.amazon.com/AmazonS3/latest/API/
// sig-v4-header-based-auth.html asks of every request; that the signature is
// right, the real server checks.
func (s *script) checkSigned(r *sent) {
	authorization := r.Header.Get("Authorization")
	for _, part := range []string{"AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/", "/eu-central-1/s3/aws4_request", "SignedHeaders=", "x-amz-content-sha256", "x-amz-date", "x-amz-security-token", "Signature="} {
		if !strings.Contains(authorization, part) {
			s.Errorf("%s is signed without %q: %s", r.Method, part, authorization)
		}
	}
	sum := sha256.Sum256([]byte(r.body))
	if got := r.Header.Get("X-Amz-Content-Sha256"); got != hex.EncodeToString(sum[:]) {
		s.Errorf("%s says that its body has the SHA-256 %q", r.Method, got)
	}
	if got := r.Header.Get("X-Amz-Security-Token"); got != sessionToken {
		s.Errorf("%s has the session token %q", r.Method, got)
	}
	for _, name := range []string{"X-Amz-Trailer", "X-Amz-Sdk-Checksum-Algorithm", "Content-Encoding"} {
		if got := r.Header.Get(name); got != "" { // R2 would refuse it
			s.Errorf("%s has %s: %s", r.Method, name, got)
		}
	}
	if !strings.HasPrefix(r.URL.Path, "/instar-test") || strings.Contains(r.URL.RawQuery, "Signature") {
		s.Errorf("%s asks for %s", r.Method, r.URL)
	}
}

// all answers every request with one step.
func all(n int, one step) (steps []step) {
	for range n {
		steps = append(steps, one)
	}
	return steps
}

// wrote answers a put that succeeded.
func wrote(etag string) step {
	return func(w http.ResponseWriter, _ *sent) { w.Header().Set("ETag", `"`+etag+`"`) }
}

// refuse answers as S3 does, with all that a server might write back.
func refuse(status int, code string) step {
	return func(w http.ResponseWriter, r *sent) {
		io.Copy(io.Discard, r.Body) // or the connection is reset under the answer
		w.Header().Set("X-Amz-Request-Id", "REQ123")
		w.Header().Set("Content-Type", "application/xml")
		w.WriteHeader(status)
		if r.Method != http.MethodHead {
			fmt.Fprintf(w, `<?xml version="1.0" encoding="UTF-8"?><Error><Code>%s</Code><Message>%s %s %s</Message><AWSAccessKeyId>AKIDEXAMPLE</AWSAccessKeyId><RequestId>REQ123</RequestId></Error>`,
				code, r.Header.Get("Authorization"), secretKey, sessionToken)
		}
	}
}

// lost breaks the connection in place of an answer.
func lost(w http.ResponseWriter, _ *sent) {
	conn, _, err := w.(http.Hijacker).Hijack()
	if err == nil {
		conn.Close()
	}
}

// found answers a HEAD with an object that this call of put has written.
func found(etag, mark string) step {
	return func(w http.ResponseWriter, _ *sent) {
		w.Header().Set("ETag", `"`+etag+`"`)
		if mark != "" {
			w.Header().Set("X-Amz-Meta-Instar-Put", mark)
		}
	}
}

// foundOurs answers a HEAD with what the first request of the script wrote.
func foundOurs(s **script, etag string) step {
	return func(w http.ResponseWriter, r *sent) {
		found(etag, (*s).sent[0].Header.Get("X-Amz-Meta-Instar-Put"))(w, r)
	}
}

// withoutSecrets checks that an error can be shown and logged.
func withoutSecrets(t *testing.T, err error) {
	t.Helper()
	for _, secret := range []string{secretKey, sessionToken, "AKIDEXAMPLE", "Signature=", "AWS4-HMAC"} {
		if strings.Contains(fmt.Sprintf("%v %+v", err, err), secret) {
			t.Errorf("the error holds %q: %v", secret, err)
		}
	}
}

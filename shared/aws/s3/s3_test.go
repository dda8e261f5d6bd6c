//go:build !js

package s3

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"instar/shared/bucket"
)

func object(data string) step {
	return func(w http.ResponseWriter, _ *sent) {
		w.Header().Set("ETag", `W/"e1"`)
		io.WriteString(w, data)
	}
}

// truncated promises more than it sends.
func truncated(w http.ResponseWriter, _ *sent) {
	w.Header().Set("ETag", `"e1"`)
	w.Header().Set("Content-Length", "100")
	io.WriteString(w, "half of")
}

func TestGet(t *testing.T) {
	b, s := play(t, object("data"))
	o, err := b.Get(t.Context(), "a/é+?#%&=~'(*)")
	if err != nil || string(o.Data) != "data" || o.ETag != "e1" || o.Key != "a/é+?#%&=~'(*)" {
		t.Errorf("got %+v, error %v", o, err)
	}
	r := s.sent[0]
	if r.Method != http.MethodGet || r.RequestURI != "/instar-test/a/%C3%A9%2B%3F%23%25%26%3D~%27%28%2A%29?x-id=GetObject" {
		t.Errorf("%s %s", r.Method, r.RequestURI)
	}
}

func TestGetReadsAnAnswerThatBrokeOffAgain(t *testing.T) {
	b, _ := play(t, truncated, refuse(503, "SlowDown"), object("whole"))
	if o, err := b.Get(t.Context(), "k"); err != nil || string(o.Data) != "whole" {
		t.Errorf("got %q, error %v", o.Data, err)
	}
	b, _ = play(t, all(attempts, truncated)...)
	if o, err := b.Get(t.Context(), "k"); !errors.Is(err, io.ErrUnexpectedEOF) || o.Data != nil || o.ETag != "" {
		t.Errorf("got %+v, error %v", o, err)
	}
}

func TestAnObjectOverTheBoundIsNotRead(t *testing.T) {
	b, _ := play(t, func(w http.ResponseWriter, _ *sent) {
		w.Header().Set("Content-Length", fmt.Sprint(2*MaxObject))
		io.CopyN(w, zeros{}, 2*MaxObject)
	})
	if _, err := b.Get(t.Context(), "k"); err == nil || !strings.Contains(err.Error(), "more than 134217728 bytes") {
		t.Errorf("error %v", err)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { return len(p), nil }

func TestErrorsSayWhatToDo(t *testing.T) {
	redirect := func(w http.ResponseWriter, r *sent) {
		w.Header().Set("X-Amz-Bucket-Region", "ap-northeast-1")
		w.Header().Set("Location", "https://elsewhere.example/")
		refuse(301, "PermanentRedirect")(w, r)
	}
	page := func(w http.ResponseWriter, _ *sent) {
		w.WriteHeader(403)
		io.WriteString(w, "<html>"+secretKey)
	}
	for _, c := range []struct {
		answer step
		is     error
		says   string
	}{
		{refuse(404, "NoSuchKey"), bucket.ErrNotFound, ""},
		{refuse(404, "NoSuchBucket"), nil, "there is no bucket instar-test"},
		{refuse(403, "AccessDenied"), nil, "allow s3:GetObject on the bucket instar-test"},
		{refuse(403, "InvalidAccessKeyId"), nil, "correct AWS_ACCESS_KEY_ID"},
		{refuse(403, "SignatureDoesNotMatch"), nil, "AWS_SECRET_ACCESS_KEY"},
		{refuse(400, "ExpiredToken"), nil, "AWS_SESSION_TOKEN"},
		{refuse(400, "AuthorizationHeaderMalformed"), nil, "set AWS_REGION"},
		{redirect, nil, "set AWS_REGION to ap-northeast-1"},
		{refuse(400, "Strange\nCode"), nil, "S3 answered 400 - (request REQ123)"},
		{page, nil, "S3 answered 403"},
	} {
		b, _ := play(t, c.answer)
		_, err := b.Get(t.Context(), "k")
		if err == nil || !strings.Contains(err.Error(), c.says) || errors.Is(err, bucket.ErrNotFound) != (c.is != nil) {
			t.Errorf("error %v; want %v, %q", err, c.is, c.says)
		}
		withoutSecrets(t, err)
	}
}

func TestDelete(t *testing.T) {
	gone := func(w http.ResponseWriter, _ *sent) { w.WriteHeader(http.StatusNoContent) }
	b, s := play(t, lost, gone, refuse(403, "AccessDenied"))
	if err := b.Delete(t.Context(), "a/k"); err != nil {
		t.Error(err)
	}
	if r := s.sent[0]; r.Method != http.MethodDelete || r.RequestURI != "/instar-test/a/k?x-id=DeleteObject" {
		t.Errorf("%s %s", r.Method, r.RequestURI)
	}
	if err := b.Delete(t.Context(), "a/k"); err == nil || !strings.Contains(err.Error(), "allow s3:DeleteObject") {
		t.Errorf("error %v", err)
	}
}

// listing answers ListObjectsV2 with keys as they stand in its XML.
func listing(truncated bool, next, encoding string, keys ...string) step {
	return func(w http.ResponseWriter, _ *sent) {
		fmt.Fprintf(w, `<?xml version="1.0" encoding="UTF-8"?><ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>instar-test</Name><IsTruncated>%v</IsTruncated>`, truncated)
		if next != "" {
			fmt.Fprintf(w, "<NextContinuationToken>%s</NextContinuationToken>", next)
		}
		if encoding != "" {
			fmt.Fprintf(w, "<EncodingType>%s</EncodingType>", encoding)
		}
		for _, key := range keys {
			fmt.Fprintf(w, `<Contents><Key>%s</Key><ETag>"e-%[1]s"</ETag><Size>7</Size></Contents>`, key)
		}
		io.WriteString(w, "</ListBucketResult>")
	}
}

func keysOf(page bucket.Page) (keys []string) {
	for _, e := range page.Entries {
		keys = append(keys, e.Key)
	}
	return keys
}

func TestList(t *testing.T) {
	b, s := play(t, listing(false, "", "", "a", "b"))
	page, err := b.List(t.Context(), bucket.ListOptions{Prefix: "p/é +", After: "p/0", Limit: 5000})
	if err != nil || !slices.Equal(keysOf(page), []string{"a", "b"}) || page.Next != "" || page.Entries[1] != (bucket.Entry{Key: "b", ETag: "e-b", Size: 7}) {
		t.Errorf("got %+v, error %v", page, err)
	}
	r := s.sent[0]
	if q := r.URL.Query(); r.Method != http.MethodGet || strings.Trim(r.URL.Path, "/") != "instar-test" || q.Get("list-type") != "2" || q.Get("prefix") != "p/é +" ||
		q.Get("start-after") != "p/0" || q.Get("max-keys") != "1000" || q.Get("encoding-type") != "url" || q.Has("continuation-token") || q.Has("delimiter") {
		t.Errorf("%s %s", r.Method, r.URL)
	}
}

func TestListDecodesKeysThatXMLCannotHold(t *testing.T) {
	b, _ := play(t, listing(false, "", "url", "a+b%2Bc/%EF%BF%BF"), listing(false, "", "", "a+b%2Bc"), listing(false, "", "url", "%zz"))
	for _, want := range []string{"a b+c/\uffff", "a+b%2Bc"} {
		if page, err := b.List(t.Context(), bucket.ListOptions{}); err != nil || !slices.Equal(keysOf(page), []string{want}) {
			t.Errorf("got %q, error %v", keysOf(page), err)
		}
	}
	if _, err := b.List(t.Context(), bucket.ListOptions{}); err == nil {
		t.Error("a key that is not encoded as it says was taken")
	}
}

func TestListFillsItsPage(t *testing.T) {
	b, s := play(t, listing(true, "t1", "", "a", "folder/"), listing(true, "t2", ""), listing(true, "t3", "", "b", "c"))
	page, err := b.List(t.Context(), bucket.ListOptions{Limit: 3})
	if err != nil || !slices.Equal(keysOf(page), []string{"a", "b", "c"}) || page.Next != "c" {
		t.Errorf("got %q, next %q, error %v", keysOf(page), page.Next, err)
	}
	for i, want := range []string{"", "t1", "t2"} {
		if got := s.sent[i].URL.Query().Get("continuation-token"); got != want {
			t.Errorf("request %d goes on at %q, want %q", i, got, want)
		}
	}
	b, _ = play(t, listing(true, "", "", "a"))
	if _, err := b.List(t.Context(), bucket.ListOptions{}); err == nil {
		t.Error("a listing that does not say where it goes on was taken for whole")
	}
}

func TestListRefusesWhatS3CannotBeAsked(t *testing.T) {
	b, _ := play(t)
	if _, err := b.List(t.Context(), bucket.ListOptions{Prefix: "a\xff"}); err == nil {
		t.Error("a prefix that is not UTF-8")
	}
	if page, err := b.List(t.Context(), bucket.ListOptions{Prefix: strings.Repeat("p", bucket.MaxKey+1)}); err != nil || len(page.Entries) > 0 {
		t.Errorf("a prefix longer than any key: %v, error %v", page, err)
	}
}

func TestUnreadableAnswersAreErrors(t *testing.T) {
	garbage := func(w http.ResponseWriter, _ *sent) { io.WriteString(w, "<ListBucketResult><Contents>") }
	b, _ := play(t, garbage)
	if page, err := b.List(t.Context(), bucket.ListOptions{}); err == nil {
		t.Errorf("got %+v", page)
	}
}

// Over TLS the SDK would leave the content out of the signature and add a
// checksum in a trailer, if it were not told otherwise.
func TestContentIsSignedOverTLSToo(t *testing.T) {
	s := &script{T: t, steps: []step{wrote("e")}}
	server := httptest.NewTLSServer(s)
	defer server.Close()
	b := optionsFor(server.URL).open(server.Client().Transport)
	if _, err := b.PutIfAbsent(context.Background(), "k", []byte("data")); err != nil {
		t.Error(err)
	}
}

// Without an endpoint the bucket's name is in the host's.
func TestAmazonIsAskedAtTheBucketsOwnHost(t *testing.T) {
	o := optionsFor("")
	var asked string
	b := o.open(roundTrip(func(r *http.Request) (*http.Response, error) {
		asked = r.URL.String()
		return &http.Response{StatusCode: 200, Header: http.Header{"Etag": {`"e"`}}, Body: http.NoBody, Request: r}, nil
	}))
	if _, err := b.PutIfAbsent(t.Context(), "a/k", nil); err != nil {
		t.Error(err)
	}
	if asked != "https://instar-test.s3.eu-central-1.amazonaws.com/a/k?x-id=PutObject" {
		t.Errorf("asked %s", asked)
	}
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

//go:build !js

package s3

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"instar/shared/bucket"
)

func create(t *testing.T, b *Bucket) (string, error) {
	return b.PutIfAbsent(t.Context(), "main/a b", []byte("data"))
}

func replace(t *testing.T, b *Bucket) (string, error) {
	return b.PutIfMatch(t.Context(), "main/a b", "0ld", []byte("data"))
}

func TestPutsAreConditionalRequests(t *testing.T) {
	for name, c := range map[string]struct {
		put              func(*testing.T, *Bucket) (string, error)
		match, noneMatch string
	}{
		"create":  {create, "", "*"},
		"replace": {replace, `"0ld"`, ""},
	} {
		b, s := play(t, wrote("n3w"))
		if etag, err := c.put(t, b); etag != "n3w" || err != nil {
			t.Errorf("%s: etag %q, error %v", name, etag, err)
		}
		r := s.sent[0]
		if r.Method != http.MethodPut || r.RequestURI != "/instar-test/main/a%20b?x-id=PutObject" || r.body != "data" || r.ContentLength != 4 {
			t.Errorf("%s: %s %s with %d bytes, %q", name, r.Method, r.RequestURI, r.ContentLength, r.body)
		}
		if got := r.Header.Values("If-Match"); strings.Join(got, ",") != c.match {
			t.Errorf("%s: If-Match %q", name, got)
		}
		if got := r.Header.Values("If-None-Match"); strings.Join(got, ",") != c.noneMatch {
			t.Errorf("%s: If-None-Match %q", name, got)
		}
	}
}

// The outcome of a put by what the server answers, and in which order.
func TestPutTellsWhatHappened(t *testing.T) {
	var s *script
	conflict, failed := refuse(409, "ConditionalRequestConflict"), refuse(412, "PreconditionFailed")
	broken := refuse(500, "InternalError")
	for _, c := range []struct {
		name  string
		put   func(*testing.T, *Bucket) (string, error)
		steps []step
		etag  string
		is    error
		isnt  error
		says  string
	}{
		{name: "exists", put: create, steps: []step{failed}, is: bucket.ErrPrecondition},
		{name: "another etag", put: replace, steps: []step{failed}, is: bucket.ErrPrecondition},
		{name: "missing", put: replace, steps: []step{refuse(404, "NoSuchKey")}, is: bucket.ErrPrecondition},

		{name: "a race, won", put: create, steps: []step{conflict, conflict, wrote("e")}, etag: "e"},
		{name: "a race, lost", put: replace, steps: []step{conflict, failed}, is: bucket.ErrPrecondition},
		{name: "a race without end, created by another", put: create, steps: append(all(attempts, conflict), found("other", "theirs")), is: bucket.ErrPrecondition},
		{name: "a race without end, replaced by another", put: replace, steps: append(all(attempts, conflict), found("other", "theirs")), is: bucket.ErrPrecondition},
		{name: "a race without end, deleted by another", put: replace, steps: append(all(attempts, conflict), refuse(404, "NoSuchKey")), is: bucket.ErrPrecondition},
		{name: "a race without end, still the old one", put: replace, steps: append(all(attempts, conflict), found("0ld", "old")), isnt: bucket.ErrPrecondition, says: "409 ConditionalRequestConflict"},
		{name: "a race without end, still missing", put: create, steps: append(all(attempts, conflict), refuse(404, "NoSuchKey")), isnt: bucket.ErrPrecondition, says: "409 ConditionalRequestConflict"},

		{name: "created, the answer lost", put: create, steps: []step{lost, failed, foundOurs(&s, "e")}, etag: "e"},
		{name: "replaced, the answer lost", put: replace, steps: []step{lost, failed, foundOurs(&s, "e")}, etag: "e"},
		{name: "created, the answer an error", put: create, steps: []step{broken, failed, foundOurs(&s, "e")}, etag: "e"},
		{name: "not written, the answer lost", put: replace, steps: []step{lost, wrote("e")}, etag: "e"},
		{name: "all answers lost, written", put: create, steps: append(all(attempts, lost), foundOurs(&s, "e")), etag: "e"},
		{name: "all answers lost, not written", put: create, steps: append(all(attempts, lost), refuse(404, "NoSuchKey")), isnt: bucket.ErrPrecondition, says: "reach S3"},
		// Ours may have been there in between: to say "nothing was written" would be a guess.
		{name: "an answer lost, another's there", put: create, steps: []step{lost, failed, found("e", "theirs")}, is: errUnknown, isnt: bucket.ErrPrecondition},
		{name: "an answer lost, unmarked there", put: replace, steps: []step{lost, failed, found("e", "")}, is: errUnknown, isnt: bucket.ErrPrecondition},
		{name: "an answer lost, deleted since", put: replace, steps: []step{lost, refuse(404, "NoSuchKey"), refuse(404, "NoSuchKey")}, is: errUnknown, isnt: bucket.ErrPrecondition},
		{name: "an answer lost, no permission to look", put: create, steps: []step{lost, failed, refuse(403, "AccessDenied")}, is: errUnknown, isnt: bucket.ErrPrecondition, says: "s3:GetObject"},

		// S3 says so before it does anything.
		{name: "too fast, then refused", put: create, steps: []step{refuse(503, "SlowDown"), failed}, is: bucket.ErrPrecondition},
		{name: "denied", put: create, steps: []step{refuse(403, "AccessDenied")}, isnt: bucket.ErrPrecondition, says: "allow s3:PutObject on the bucket instar-test"},
		{name: "no bucket", put: replace, steps: []step{refuse(404, "NoSuchBucket")}, isnt: bucket.ErrPrecondition, says: "there is no bucket instar-test"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var b *Bucket
			b, s = play(t, c.steps...)
			etag, err := c.put(t, b)
			if etag != c.etag || (err == nil) != (c.etag != "") {
				t.Errorf("etag %q, error %v; want etag %q", etag, err, c.etag)
			}
			if c.is != nil && !errors.Is(err, c.is) || c.isnt != nil && errors.Is(err, c.isnt) {
				t.Errorf("error %v; want %v, not %v", err, c.is, c.isnt)
			}
			if err != nil && !strings.Contains(err.Error(), c.says) {
				t.Errorf("error %v does not say %q", err, c.says)
			}
			withoutSecrets(t, err)
		})
	}
}

// A server that does not want the body may close the connection over its answer.
func TestAPutThatWasNotSentWholeWasNotWritten(t *testing.T) {
	for name, c := range map[string]struct {
		steps []step
		is    bool
	}{
		"refused in the end":               {[]step{lost, lost, refuse(412, "PreconditionFailed")}, true},
		"never heard, another's there":     {append(all(attempts, lost), found("other", "theirs")), true},
		"never heard, still the old one":   {append(all(attempts, lost), found("0ld", "old")), false},
		"never heard, cannot be found out": {append(all(attempts, lost), refuse(403, "AccessDenied")), false},
	} {
		b, s := play(t, c.steps...)
		s.early = true
		_, err := b.PutIfMatch(t.Context(), "k", "0ld", make([]byte, 8<<20))
		if errors.Is(err, bucket.ErrPrecondition) != c.is || err == nil || errors.Is(err, errUnknown) {
			t.Errorf("%s: error %v", name, err)
		}
	}
}

func TestEveryAttemptOfAPutHasOneMarkAndEveryPutAnother(t *testing.T) {
	b, s := play(t, refuse(500, "InternalError"), wrote("a"), wrote("b"))
	create(t, b)
	create(t, b)
	mark := func(i int) string { return s.sent[i].Header.Get("X-Amz-Meta-Instar-Put") }
	if mark(0) == "" || mark(0) != mark(1) || mark(1) == mark(2) {
		t.Errorf("the marks are %q, %q and %q", mark(0), mark(1), mark(2))
	}
}

func TestNothingWasWrittenWhereNothingWasReached(t *testing.T) {
	b := mustOpen(t, "http://127.0.0.1:1")
	_, err := create(t, b)
	if err == nil || !strings.Contains(err.Error(), "reach S3: dial") || errors.Is(err, errUnknown) {
		t.Errorf("error %v", err)
	}
}

func TestAnEtagThatIsNoneIsNotSent(t *testing.T) {
	b, _ := play(t)
	for _, etag := range []string{"", "*", `"e"`, "a,b", "a b", "a\r\nX: y", "é", strings.Repeat("e", 257)} {
		if _, err := b.PutIfMatch(t.Context(), "k", etag, nil); !errors.Is(err, bucket.ErrPrecondition) {
			t.Errorf("%.20q: error %v", etag, err)
		}
	}
}

func TestAPutOverTheBoundIsNotSent(t *testing.T) {
	b, _ := play(t)
	if _, err := b.PutIfAbsent(t.Context(), "k", make([]byte, MaxObject+1)); err == nil || !strings.Contains(err.Error(), "at most 134217728") {
		t.Errorf("error %v", err)
	}
}

func TestACancelledPutEndsAtOnce(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	b, _ := play(t, func(http.ResponseWriter, *sent) { cancel(); time.Sleep(20 * time.Millisecond) })
	if _, err := b.PutIfAbsent(ctx, "k", nil); !errors.Is(err, context.Canceled) || errors.Is(err, bucket.ErrPrecondition) {
		t.Errorf("error %v", err)
	}
}

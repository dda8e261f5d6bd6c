package platform_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"instar/shared/channel"
	"instar/shared/channel/channeltest"
	"instar/shared/channel/internal/platform"
)

const secret = "12:to/k en"

func client(do channel.Doer) (*platform.Client, *channeltest.Waits) {
	waits := &channeltest.Waits{}
	return &platform.Client{
		Channel: "pigeon", Secrets: []string{secret, ""}, Doer: do, Wait: waits.Wait,
		Limited: []string{"slow_down"}, Doubtful: []string{"who_knows"},
	}, waits
}

// send sends one request, whose answers are refusals but for the status 200.
func send(t *testing.T, c *platform.Client, idempotent bool) error {
	r := platform.Request{
		Method: "coo", Verb: http.MethodPost, URL: "http://x.test/coo?a=b", Header: http.Header{"X-Who": {"me"}},
		Body: []byte("seed"), Limit: 100, Idempotent: idempotent,
	}
	return c.Send(t.Context(), r, func(a platform.Answer) error {
		if a.Status == http.StatusOK {
			return nil
		}
		return c.Refusal("coo", a.Status, string(a.Body), a.RetryAfter())
	})
}

// doer is a channel.Doer of one function.
type doer func(*http.Request) (*http.Response, error)

func (d doer) Do(r *http.Request) (*http.Response, error) { return d(r) }

func limited(seconds int) channeltest.Answer {
	return channeltest.Answer{Status: http.StatusTooManyRequests, Header: http.Header{"Retry-After": {fmt.Sprint(seconds)}}}
}

func TestEveryAttemptSendsTheWholeRequest(t *testing.T) {
	script := channeltest.NewScript(limited(3), channeltest.Respond(500, ""), channeltest.Answer{Err: io.ErrUnexpectedEOF}, channeltest.Respond(200, ""))
	c, waits := client(script)
	if err := send(t, c, true); err != nil {
		t.Fatal(err)
	}
	want := channeltest.Call{Verb: "POST", URL: "http://x.test/coo?a=b", Header: http.Header{"X-Who": {"me"}}, Body: "seed"}
	if len(script.Calls) != 4 {
		t.Fatalf("%d calls", len(script.Calls))
	}
	for i, call := range script.Calls {
		if !reflect.DeepEqual(call, want) {
			t.Errorf("call %d is %+v", i, call)
		}
	}
	if want := []time.Duration{3 * time.Second, 200 * time.Millisecond, 400 * time.Millisecond}; !reflect.DeepEqual(waits.For, want) {
		t.Errorf("waits %v, want %v", waits.For, want)
	}
}

func TestWhatIsTriedAgain(t *testing.T) {
	reason := func(words string) channeltest.Answer { return channeltest.Respond(403, "%s", words) }
	slow := limited(1)
	slow.Status, slow.Body = 403, "slow_down"
	for name, c := range map[string]struct {
		answer            channeltest.Answer
		calls, idempotent int
	}{
		"5xx":                            {channeltest.Respond(500, ""), 1, 3},
		"a broken connection":            {channeltest.Answer{Err: io.EOF}, 1, 3},
		"a reason that stands for 5xx":   {reason("who_knows"), 1, 3},
		"429":                            {limited(1), 2, 2},
		"429 without a time":             {channeltest.Respond(429, ""), 1, 1},
		"429 for longer than 30 s":       {limited(31), 1, 1},
		"a reason that stands for 429":   {slow, 2, 2},
		"that reason without a time":     {reason("slow_down"), 1, 1},
		"any other refusal":              {reason("no"), 1, 1},
		"a reason that only holds words": {reason("who_knows_it"), 1, 1},
	} {
		for idempotent, calls := range map[bool]int{false: c.calls, true: c.idempotent} {
			script := channeltest.NewScript(c.answer, c.answer, c.answer, c.answer)
			cl, _ := client(script)
			var refused *channel.APIError
			if err := send(t, cl, idempotent); !errors.As(err, &refused) || refused.Channel != "pigeon" || refused.Method != "coo" {
				t.Errorf("%s: error %v", name, err)
			}
			if len(script.Calls) != calls {
				t.Errorf("%s: %d calls, want %d (idempotent %v)", name, len(script.Calls), calls, idempotent)
			}
		}
	}
}

func TestAnErrorThatIsNoRefusalIsFinal(t *testing.T) {
	script, mine := channeltest.NewScript(channeltest.Respond(200, "")), errors.New("unreadable")
	c, _ := client(script)
	err := c.Send(t.Context(), platform.Request{URL: "http://x.test", Idempotent: true}, func(platform.Answer) error { return mine })
	if err != mine || len(script.Calls) != 1 {
		t.Errorf("error %v after %d calls", err, len(script.Calls))
	}
}

// body counts what is read of it, and fails where it ends.
type body struct {
	left, read int
	end        error
	closed     bool
}

func (b *body) Read(p []byte) (int, error) {
	n := min(len(p), b.left)
	b.left, b.read = b.left-n, b.read+n
	if n == 0 {
		return 0, b.end
	}
	return n, nil
}

func (b *body) Close() error { b.closed = true; return nil }

func TestAnAnswerIsReadToItsLimitAndOneByte(t *testing.T) {
	for size, want := range map[int]int{0: 0, 99: 99, 100: 100, 101: 101, 1 << 30: 101} {
		b := &body{left: size, end: io.EOF}
		c, _ := client(doer(func(*http.Request) (*http.Response, error) {
			return &http.Response{StatusCode: 200, Body: b}, nil
		}))
		got := -1
		err := c.Send(t.Context(), platform.Request{URL: "http://x.test", Limit: 100}, func(a platform.Answer) error {
			got = len(a.Body)
			return nil
		})
		if err != nil || got != want || b.read != want || !b.closed {
			t.Errorf("%d bytes: %d of %d read, closed %v, %v", size, got, b.read, b.closed, err)
		}
	}
}

func TestABodyThatBreaksOffIsABrokenConnection(t *testing.T) {
	for idempotent, calls := range map[bool]int{false: 1, true: 3} {
		var bodies []*body
		c, _ := client(doer(func(*http.Request) (*http.Response, error) {
			b := &body{left: 5, end: io.ErrUnexpectedEOF}
			bodies = append(bodies, b)
			return &http.Response{StatusCode: 200, Body: b}, nil
		}))
		err := send(t, c, idempotent)
		var refused *channel.APIError
		if !errors.As(err, &refused) || refused.Status != 0 || len(bodies) != calls {
			t.Errorf("idempotent %v: %v after %d calls", idempotent, err, len(bodies))
		}
		for _, b := range bodies {
			if !b.closed {
				t.Error("a body is left open")
			}
		}
	}
}

func TestARequestWithoutABodyHasNone(t *testing.T) {
	c, _ := client(doer(func(r *http.Request) (*http.Response, error) {
		if r.Body != nil {
			t.Error("it has a body")
		}
		return &http.Response{StatusCode: 200, Body: http.NoBody}, nil
	}))
	if _, _, err := c.Download(t.Context(), "http://x.test/f", nil, 9); err != nil {
		t.Fatal(err)
	}
}

func TestADownloadIsAtMostItsLimit(t *testing.T) {
	for size, ok := range map[int]bool{0: true, 8: true, 9: false, 5000: false} {
		script := channeltest.NewScript(channeltest.Answer{
			Status: 200, Body: strings.Repeat("x", size), Header: http.Header{"Content-Type": {"text/csv"}},
		})
		c, _ := client(script)
		data, served, err := c.Download(t.Context(), "http://x.test/f", http.Header{"Authorization": {"me"}}, 8)
		if ok && (err != nil || len(data) != size || served != "text/csv") || !ok && (err == nil || data != nil) {
			t.Errorf("%d bytes: %d of %q, %v", size, len(data), served, err)
		}
		if call := script.Calls[0]; call.Verb != "GET" || call.Header.Get("Authorization") != "me" || len(script.Calls) != 1 {
			t.Errorf("%d calls, the first %+v", len(script.Calls), call)
		}
	}
}

func TestADownloadIsTriedAgainLikeACall(t *testing.T) {
	script := channeltest.NewScript(limited(4), channeltest.Respond(503, ""), channeltest.Respond(200, "file"))
	c, waits := client(script)
	data, _, err := c.Download(t.Context(), "http://x.test/f", nil, 8)
	if err != nil || string(data) != "file" || len(waits.For) != 2 || waits.For[0] != 4*time.Second {
		t.Errorf("%q, %v after waits %v", data, err, waits.For)
	}
	for _, status := range []int{204, 206, 302, 404} { // a part of a file is not the file
		script := channeltest.NewScript(channeltest.Respond(status, "x"))
		c, _ := client(script)
		var refused *channel.APIError
		if _, _, err := c.Download(t.Context(), "http://x.test/f", nil, 8); !errors.As(err, &refused) || refused.Status != status || len(script.Calls) != 1 {
			t.Errorf("status %d: %v after %d calls", status, err, len(script.Calls))
		}
	}
}

func TestNoErrorHoldsASecret(t *testing.T) {
	address := "http://x.test/" + secret + "/f"
	broken := &url.Error{Op: "Get", URL: address, Err: fmt.Errorf("dial %s", secret)}
	for name, failure := range map[string]error{
		"an error with the URL":       broken,
		"one around it":               fmt.Errorf("fetch %s: %w", address, broken),
		"words with the secret":       errors.New("no " + secret),
		"escaped for a path":          errors.New("no " + url.PathEscape(secret)),
		"escaped for a query":         errors.New("no " + url.QueryEscape(secret)),
		"where the words are cut":     errors.New(strings.Repeat("x", 195) + secret),
		"twice, the second past this": errors.New(secret + strings.Repeat("x", 300) + secret),
	} {
		c, _ := client(channeltest.NewScript(channeltest.Answer{Err: failure}))
		err := send(t, c, false)
		said := fmt.Sprintf("%v %+v %#v", err, err, err)
		for _, never := range []string{"12:t", "k en", "k%20en", "k+en"} {
			if err == nil || strings.Contains(said, never) {
				t.Errorf("%s: %s", name, said)
			}
		}
	}
	c, _ := client(channeltest.NewScript())
	if err := c.Refusal("coo", 400, "Bad "+secret, 0); strings.Contains(err.Error(), secret) {
		t.Errorf("a refusal: %v", err)
	}
}

func TestABrokenConnectionDoesNotSayWhereTo(t *testing.T) {
	const address = "http://x.test/upload/hush?key=1"
	for _, failure := range []error{&url.Error{Op: "Get", URL: address, Err: io.EOF}, errors.New("send to " + address), fmt.Errorf("%q: %w", address, io.EOF)} {
		c, _ := client(channeltest.NewScript(channeltest.Answer{Err: failure}))
		err := c.Send(t.Context(), platform.Request{Method: "coo", Verb: http.MethodPost, URL: address}, func(platform.Answer) error { return nil })
		if err == nil || strings.Contains(err.Error(), "hush") {
			t.Errorf("error %v", err)
		}
	}
}

func TestAnAddressThatIsNoURLIsNotTriedAndNotSaid(t *testing.T) {
	for _, address := range []string{"http://x.test:" + secret, "http://x.test/%zz" + secret, "http://x.test/" + secret + "\n"} {
		script := channeltest.NewScript()
		c, waits := client(script)
		_, _, err := c.Download(t.Context(), address, nil, 8)
		if err == nil || strings.Contains(err.Error(), "12:t") || strings.Contains(err.Error(), "x.test") {
			t.Errorf("error %v", err)
		}
		if len(script.Calls)+len(waits.For) != 0 {
			t.Errorf("%d calls, waits %v", len(script.Calls), waits.For)
		}
	}
}

func TestReasonsAreShortAndWhole(t *testing.T) {
	c, _ := client(nil)
	var refused *channel.APIError
	if err := c.Refusal("coo", 400, "a"+strings.Repeat("é", 500), 0); !errors.As(err, &refused) || len(refused.Reason) > 200 || len(refused.Reason) < 190 || !utf8.ValidString(refused.Reason) {
		t.Errorf("%q", refused.Reason)
	}
}

func TestOnlySecondsAreATimeToWait(t *testing.T) {
	for header, want := range map[string]time.Duration{
		"7": 7 * time.Second, "0": 0, "-7": 0, "": 0, "soon": 0, "7.5": 0, "Wed, 21 Oct 2026 07:28:00 GMT": 0,
		"1073741823": 1073741823 * time.Second, "1073741824": 0, "99999999999999999999": 0,
	} {
		c, _ := client(nil)
		a := platform.Answer{Header: http.Header{"Retry-After": {header}}}
		var refused *channel.APIError
		if err := c.Refusal("coo", 429, "no", a.RetryAfter()); !errors.As(err, &refused) || refused.Retry != want {
			t.Errorf("Retry-After %q is %v, want %v", header, refused.Retry, want)
		}
	}
}

func TestTheRealWaitEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := platform.Sleep(ctx, time.Hour); !errors.Is(err, context.Canceled) {
		t.Errorf("Sleep = %v", err)
	}
	if err := platform.Sleep(t.Context(), time.Nanosecond); err != nil {
		t.Errorf("Sleep = %v", err)
	}
}

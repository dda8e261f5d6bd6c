package access_test

import (
	"errors"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"instar/shared/access"
	"instar/shared/bucket"
)

func (w *world) guess(n int, source string) (codes map[int]int) {
	codes = map[int]int{}
	for i := range n {
		codes[w.status(bearer("guess "+strconv.Itoa(i)), source)]++
	}
	return codes
}

func TestTwentyFailuresAMinuteLockAnAddressOutForAMinute(t *testing.T) {
	w := newWorld(t)
	if got := w.guess(19, away); got[401] != 19 {
		t.Fatalf("19 guesses: %v", got)
	}
	if got := w.status(bearer(token), away); got != 200 {
		t.Errorf("the token after 19: %d", got)
	}
	if got := w.guess(2, away); got[401] != 1 || got[429] != 1 {
		t.Errorf("the 20th and 21st: %v", got)
	}
	_, err := w.door.Authenticate(bearer(token), away)
	var refusal *access.Refusal
	if !errors.As(err, &refusal) || refusal.Status != 429 || refusal.Retry != time.Minute {
		t.Errorf("the token itself: %+v", err)
	}
	if _, err := w.door.Login(request("POST"), token, away); status(t, err) != 429 {
		t.Errorf("a login: %v", err)
	}
	before := w.store.Counts()
	w.guess(1000, away)
	if after := w.store.Counts(); after.Writes != before.Writes {
		t.Errorf("while it is locked %d writes were made", after.Writes-before.Writes)
	}
	w.pass(time.Minute)
	if got := w.status(bearer(token), away); got != 200 {
		t.Errorf("a minute later: %d", got)
	}
	if got := w.audit[len(w.audit)-2:]; got[0] != "lockout false "+away || got[1] != "login false "+away {
		t.Errorf("audit: %v", got)
	}
}

func TestLockingOneAddressTouchesNoOther(t *testing.T) {
	w := newWorld(t)
	c := w.login()
	w.guess(500, away)
	for i := range 500 {
		w.guess(1, "192.0.2."+strconv.Itoa(i%250))
	}
	if got := w.status(bearer(token), home); got != 200 {
		t.Errorf("the owner from elsewhere: %d", got)
	}
	if got := w.status(bearer(token), "203.0.113.10"); got != 200 {
		t.Errorf("the address beside it: %d", got)
	}
	if got := w.status(with(request("POST"), c), away); got != 200 {
		t.Errorf("a session from the locked address: %d", got)
	}
	if got := w.status(assertion(w.genuine()), away); got != 200 {
		t.Errorf("the front from the locked address: %d", got)
	}
}

func TestSlowFailuresLockNobodyOut(t *testing.T) {
	w := newWorld(t)
	for range 100 {
		if got := w.status(bearer("old"), home); got != 401 {
			t.Fatalf("%d", got)
		}
		w.pass(3200 * time.Millisecond)
	}
}

func TestLockoutsOfADayGrow(t *testing.T) {
	w := newWorld(t)
	for _, want := range []time.Duration{1, 2, 4, 8, 15, 15} {
		w.guess(20, away)
		_, err := w.door.Authenticate(bearer(token), away)
		var refusal *access.Refusal
		if !errors.As(err, &refusal) || refusal.Retry != want*time.Minute {
			t.Errorf("%+v, want %d minutes", err, want)
		}
		w.pass(want * time.Minute)
	}
	w.pass(24 * time.Hour)
	w.guess(20, away)
	w.pass(time.Minute)
	if got := w.status(bearer(token), away); got != 200 {
		t.Errorf("the next day: %d", got)
	}
}

func TestForgedSessionsAndAssertionsCountToo(t *testing.T) {
	w := newWorld(t)
	for range 10 {
		w.status(request("GET", "Cookie", "__Host-instar-session=1.x.9999999999.AAAA"), away)
		w.status(assertion("a.b.c"), away)
	}
	for name, r := range map[string]*http.Request{
		"cookie": request("GET", "Cookie", "__Host-instar-session=1.x.9999999999.AAAA"), "assertion": assertion("a.b.c"), "token": bearer(token),
	} {
		if got := w.status(r, away); got != 429 {
			t.Errorf("%s: %d", name, got)
		}
	}
}

func TestARightTokenCostsOneReadAndOneWriteADay(t *testing.T) {
	w := newWorld(t)
	for range 50 {
		w.status(bearer(token), home)
	}
	if c := w.store.Counts(); c.Reads != 50 || c.Writes != 1 || c.Lists != 1 {
		t.Errorf("50 requests: %+v", c)
	}
	w.pass(24 * time.Hour)
	w.status(bearer(token), home)
	if c := w.store.Counts(); c.Writes != 2 {
		t.Errorf("the next day: %+v", c)
	}
}

// An attacker's way around a counter is to have all guesses read it before the
// first is counted.
func TestGuessesAtOnceCountAsIfTheyCameOneByOne(t *testing.T) {
	const burst = 300
	w := newWorld(t)
	start := make(chan struct{})
	var arrived sync.WaitGroup
	arrived.Add(burst)
	var held atomic.Int32
	w.faults.Before = func(op bucket.Op, _ string) error {
		if op == bucket.OpPutIfAbsent && held.Add(1) <= burst { // all of them have seen an empty record
			arrived.Done()
			<-start
		}
		return nil
	}
	var codes [600]atomic.Int32
	var all sync.WaitGroup
	for range burst {
		all.Go(func() { codes[w.status(bearer("guess"), away)].Add(1) })
	}
	arrived.Wait()
	close(start)
	all.Wait()
	if codes[401].Load() != access.MaxFailures || codes[429].Load() != burst-access.MaxFailures {
		t.Errorf("of %d guesses %d were answered, %d refused unseen", burst, codes[401].Load(), codes[429].Load())
	}
	if got := w.status(bearer(token), away); got != 429 {
		t.Errorf("the token after the burst: %d", got)
	}
}

func TestTheTokenInABurstMustBeAmongItsFirst(t *testing.T) {
	w := newWorld(t)
	overtaken := false
	w.faults.Before = func(op bucket.Op, key string) error {
		if op != bucket.OpPutIfAbsent || overtaken || !strings.Contains(key, "/sources/") {
			return nil
		}
		overtaken = true // the right token has seen an empty record: now the wrong ones come
		w.guess(20, away)
		return nil
	}
	if got := w.status(bearer(token), away); got != 429 {
		t.Errorf("a token that was the 21st: %d", got)
	}
}

func TestWhenFailuresCannotBeWrittenNobodyLearnsAnything(t *testing.T) {
	w := newWorld(t)
	w.faults.Before = func(op bucket.Op, _ string) error {
		if op == bucket.OpPutIfAbsent || op == bucket.OpPutIfMatch {
			return errors.New("too many writes")
		}
		return nil
	}
	if right, wrong := w.status(bearer(token), away), w.status(bearer("guess"), away); right != 500 || wrong != 500 {
		t.Errorf("right %d, wrong %d", right, wrong)
	}
}

func TestMidnightUnlocksNobody(t *testing.T) {
	w := newWorld(t)
	w.pass(12*time.Hour - 20*time.Second)
	w.guess(20, away)
	w.pass(30 * time.Second)
	if got := w.status(bearer(token), away); got != 429 {
		t.Errorf("ten seconds into the new day: %d", got)
	}
	w.pass(30 * time.Second)
	if got := w.status(bearer(token), away); got != 200 {
		t.Errorf("after the minute: %d", got)
	}
}

func TestOldRecordsAreRemovedAndDamagedOnesReplaced(t *testing.T) {
	w := newWorld(t)
	for i := range 15 {
		w.guess(1, "192.0.2."+strconv.Itoa(i))
	}
	w.pass(72 * time.Hour)
	w.guess(1, away)
	page, err := w.store.List(t.Context(), bucket.ListOptions{Prefix: "main/access/sources/"})
	if err != nil || len(page.Entries) != 1 {
		t.Fatalf("%+v, %v", page.Entries, err)
	}
	key := page.Entries[0].Key
	if strings.Contains(key, away) {
		t.Errorf("the key %s holds the address", key)
	}
	if _, err := w.store.PutIfMatch(t.Context(), key, page.Entries[0].ETag, []byte(`{"v":7`)); err != nil {
		t.Fatal(err)
	}
	if got := w.guess(21, away); got[401] != 20 || got[429] != 1 {
		t.Errorf("after damage: %v", got)
	}
	w.guess(400, away)
	if o, err := w.store.Get(t.Context(), key); err != nil || len(o.Data) > 600 {
		t.Errorf("%d bytes, %v", len(o.Data), err)
	}
}

func TestWhatCountsAsOneSource(t *testing.T) {
	for address, want := range map[string]string{
		"203.0.113.9": "203.0.113.9", "203.0.113.9:4711": "203.0.113.9", "::ffff:203.0.113.9": "203.0.113.9",
		"2001:db8:1:2:3:4:5:6": "2001:db8:1:2::/64", "[2001:db8:1:2::9]:443": "2001:db8:1:2::/64", "fe80::1%eth0": "fe80::/64",
		"": "unknown", "somewhere": "unknown", "203.0.113.9, 198.51.100.7": "unknown",
	} {
		if got := access.Source(address); got != want {
			t.Errorf("%q: %q, want %q", address, got, want)
		}
	}
}

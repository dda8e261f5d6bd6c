package budget_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"instar/shared/bucket"
	"instar/shared/budget"
)

var tokyo = time.FixedZone("Asia/Tokyo", 9*3600)

// purse is a ledger whose time stands still until it is set.
type purse struct {
	budget.Ledger
	t      *testing.T
	now    time.Time
	memory *bucket.Memory
	faults bucket.Faulty
	meter  *bucket.Metered
}

func newPurse(t *testing.T, daily float64) *purse {
	p := &purse{t: t, now: time.Date(2026, 3, 1, 12, 0, 0, 0, tokyo), memory: bucket.NewMemory()}
	p.faults.Bucket = p.memory
	p.meter = bucket.NewMetered(&p.faults)
	p.Ledger = budget.Ledger{Bucket: p.meter, Agent: "main", Daily: daily, Zone: tokyo, Now: func() time.Time { return p.now }}
	return p
}

func (p *purse) allow(session string, g *budget.Grant) error {
	return p.Allow(context.Background(), session, g)
}

func (p *purse) must(err error) {
	p.t.Helper()
	if err != nil {
		p.t.Fatal(err)
	}
}

// ledger is what the bucket holds of a session.
func (p *purse) ledger(session string) (granted, spent float64) {
	p.t.Helper()
	o, err := p.memory.Get(context.Background(), "main/usage/"+p.Today())
	p.must(err)
	var d struct {
		V        int
		Sessions map[string]struct{ Granted, Spent float64 }
	}
	p.must(json.Unmarshal(o.Data, &d))
	if d.V != 1 {
		p.t.Errorf("ledger version %d", d.V)
	}
	return d.Sessions[session].Granted, d.Sessions[session].Spent
}

func isSpent(err error) bool {
	var spent *budget.Spent
	return errors.As(err, &spent)
}

func TestAGrantLastsWithoutTheBucket(t *testing.T) {
	p := newPurse(t, 10)
	var g budget.Grant
	p.must(p.allow("main", &g))
	if g.Day != "2026-03-01" || g.Limit != 0.5 || g.Spent != 0 {
		t.Fatalf("first grant: %+v", g)
	}
	if c := p.meter.Counts(); c.Reads != 1 || c.Writes != 1 {
		t.Errorf("a grant costs %+v", c)
	}
	for range 4 {
		g.Spent += 0.1
		p.must(p.allow("main", &g))
	}
	if c := p.meter.Counts(); c.Reads != 1 || c.Writes != 1 {
		t.Errorf("five calls cost %+v", c)
	}
	g.Spent = 0.5
	p.must(p.allow("main", &g))
	if c := p.meter.Counts(); c.Reads != 2 || c.Writes != 2 || g.Limit != 1 || g.Spent != 0.5 {
		t.Errorf("the next grant costs %+v: %+v", c, g)
	}
}

func TestTwentySlicesAreTheWholeBudget(t *testing.T) {
	for _, daily := range []float64{1, 5, 0.1, 0.3, 0.7, 7, 9.99, 100, 1e-4} {
		for range 20 { // the ledger's sessions are added up in no certain order
			p := newPurse(t, daily)
			for i := range 20 {
				var g budget.Grant
				if err := p.allow(fmt.Sprint("s", i), &g); err != nil {
					t.Fatalf("$%g, slice %d: %v", daily, i+1, err)
				}
			}
			var g budget.Grant
			if err := p.allow("one too many", &g); !isSpent(err) {
				t.Fatalf("$%g: slice 21 is %+v, %v", daily, g, err)
			}
			for i := range 20 {
				g := budget.Grant{Day: p.Today(), Limit: daily / 20, Spent: daily / 20}
				if err := p.allow(fmt.Sprint("s", i), &g); !isSpent(err) {
					t.Fatalf("$%g: a second slice is %+v, %v", daily, g, err)
				}
			}
		}
	}
}

// Whatever sessions spend and in whatever order they come: the slices never
// exceed the budget, and what is spent exceeds it by at most one call each.
func TestTwentySessionsAtOnceDoNotExceedTheBudget(t *testing.T) {
	for seed := range uint64(30) {
		p := newPurse(t, 10)
		var mu sync.Mutex
		total, debts, refused := 0.0, 0.0, 0
		var wait sync.WaitGroup
		for i := range 20 {
			random := rand.New(rand.NewPCG(seed, uint64(i)))
			price := []float64{0.01, 0.2, 1.5}[i%3]
			wait.Go(func() {
				var g budget.Grant
				defer func() {
					mu.Lock()
					defer mu.Unlock()
					debts += max(0, g.Spent-g.Limit)
				}()
				name := fmt.Sprint("s", i)
				for range 100 {
					switch err := p.allow(name, &g); {
					case isSpent(err):
						mu.Lock()
						refused++
						mu.Unlock()
						return
					case err != nil:
						continue // too many at once: that means no
					}
					if g.Spent >= g.Limit {
						t.Errorf("allowed without a grant: %+v", g)
					}
					if over := g.Limit - 10; over > 1e-9 {
						t.Errorf("granted %v", g.Limit)
					}
					cost := price * random.Float64()
					g.Spent += cost
					mu.Lock()
					total += cost
					mu.Unlock()
				}
			})
		}
		wait.Wait()
		granted := 0.0
		for i := range 20 {
			one, spent := p.ledger(fmt.Sprint("s", i))
			granted += max(one, spent)
		}
		if total-debts > 10+1e-6 || total > 10+7*(0.01+0.2+1.5) {
			t.Errorf("seed %d: %v spent, %v of it after the grants", seed, total, debts)
		}
		if granted < 10-1e-6 && refused > 0 {
			t.Errorf("seed %d: %d sessions were refused although only %v were granted", seed, refused, granted)
		}
	}
}

func mustSessions(p *purse) map[string]float64 {
	p.t.Helper()
	spent, err := p.Sessions(context.Background())
	p.must(err)
	return spent
}

func TestAnExpensiveCallIsReportedWhenTheSessionComesAgain(t *testing.T) {
	p := newPurse(t, 10)
	var a, b budget.Grant
	p.must(p.allow("a", &a))
	a.Spent = 4 // of a slice of 0.5
	p.must(p.allow("a", &a))
	if granted, spent := p.ledger("a"); granted != 4.5 || spent != 4 || a.Limit != 4.5 || a.Spent != 4 {
		t.Errorf("in the ledger: %v, %v; the grant: %+v", granted, spent, a)
	}
	a.Spent = 9.8
	p.must(p.allow("a", &a))
	if math.Abs(a.Limit-10) > 1e-9 {
		t.Errorf("the rest of the day is %+v", a)
	}
	if err := p.allow("b", &b); !isSpent(err) {
		t.Errorf("another session: %+v, %v", b, err)
	}
}

// The call that is refused tells what the one before it cost, so that no other
// session gets money that is gone.
func TestADebtIsReportedAlsoWhenItUsesTheBudgetUp(t *testing.T) {
	p := newPurse(t, 10)
	var a, b budget.Grant
	p.must(p.allow("a", &a))
	a.Spent = 12
	if err := p.allow("a", &a); !isSpent(err) {
		t.Fatalf("%+v, %v", a, err)
	}
	if got := mustSessions(p)["a"]; got != 12 {
		t.Errorf("the ledger knows of $%v", got)
	}
	if err := p.allow("b", &b); !isSpent(err) {
		t.Errorf("another session still gets %+v, %v", b, err)
	}
	before := p.meter.Counts().Writes
	for range 5 {
		if err := p.allow("a", &a); !isSpent(err) {
			t.Errorf("%+v, %v", a, err)
		}
	}
	if writes := p.meter.Counts().Writes - before; writes != 0 {
		t.Errorf("telling the same again costs %d writes", writes)
	}
}

// A worker that dies takes with it what its session spent since the last record.
func TestASessionThatForgotWhatItSpentGetsNoMoreThanItsSlice(t *testing.T) {
	p := newPurse(t, 10)
	g := budget.Grant{}
	p.must(p.allow("a", &g))
	g.Spent = 3
	p.must(p.allow("a", &g))
	forgotten := budget.Grant{}
	p.must(p.allow("a", &forgotten))
	if left := forgotten.Limit - forgotten.Spent; math.Abs(left-0.5) > 1e-9 {
		t.Errorf("it may spend $%v: %+v", left, forgotten)
	}
	if got := mustSessions(p)["a"]; got != 3 || forgotten.Spent != 3 {
		t.Errorf("$3 were spent, the ledger says %v and the session %v", got, forgotten.Spent)
	}
}

func TestANewDayIsANewBudget(t *testing.T) {
	p := newPurse(t, 1)
	p.now = time.Date(2026, 2, 28, 23, 59, 0, 0, tokyo)
	var g budget.Grant
	p.must(p.allow("a", &g))
	g.Spent = 5
	var spent *budget.Spent
	if err := p.allow("a", &g); !errors.As(err, &spent) || !spent.Until.Equal(time.Date(2026, 3, 1, 0, 0, 0, 0, tokyo)) || spent.Limit != 1 {
		t.Fatalf("%+v, %v", g, err)
	}
	p.now = p.now.Add(time.Minute)
	p.must(p.allow("a", &g))
	if g.Day != "2026-03-01" || g.Limit != 0.05 || g.Spent != 0 {
		t.Errorf("on the new day: %+v", g)
	}
	// A worker with yesterday's grant in hand does not spend it today.
	old := budget.Grant{Day: "2026-02-28", Limit: 100}
	p.must(p.allow("b", &old))
	if old.Day != "2026-03-01" || old.Limit != 0.05 {
		t.Errorf("yesterday's grant became %+v", old)
	}
}

func TestTheDayIsTheOwners(t *testing.T) {
	p := newPurse(t, 1)
	p.now = time.Date(2026, 2, 28, 15, 30, 0, 0, time.UTC)
	if got := p.Today(); got != "2026-03-01" {
		t.Errorf("today is %s", got)
	}
}

// The 24-hour day is not the only one.
func TestTheBudgetIsRenewedAtMidnightAlsoWhenTheClockChanges(t *testing.T) {
	zone, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Skip("no time zones here: ", err)
	}
	p := newPurse(t, 1)
	p.Zone = zone
	for _, now := range []time.Time{time.Date(2026, 3, 29, 1, 0, 0, 0, zone), time.Date(2026, 10, 25, 1, 0, 0, 0, zone)} {
		p.now = now
		var spent *budget.Spent
		g := budget.Grant{Day: p.Today(), Spent: 2}
		if err := p.allow("a", &g); !errors.As(err, &spent) || spent.Until.Day() != now.Day()+1 || spent.Until.Hour() != 0 {
			t.Errorf("%v: %v", now, err)
		}
	}
}

func TestWithoutALimitNothingIsRefused(t *testing.T) {
	p := newPurse(t, 0)
	var g budget.Grant
	for range 100 {
		p.must(p.allow("main", &g))
		g.Spent += 1000
	}
	if c := p.meter.Counts(); c.Reads != 1 || c.Writes != 1 {
		t.Errorf("a hundred calls cost %+v", c)
	}
	if _, known := mustSessions(p)["main"]; !known {
		t.Error("the day's ledger does not know the session")
	}
	// A limit that is set in the middle of the day counts what was spent.
	p.Daily = 10
	if err := p.allow("main", &g); !isSpent(err) {
		t.Errorf("%+v, %v", g, err)
	}
}

func TestTheErrorSaysWhatToChange(t *testing.T) {
	p := newPurse(t, 2.5)
	g := budget.Grant{Day: p.Today(), Spent: 3}
	err := p.allow("a", &g)
	if err == nil {
		t.Fatal("allowed")
	}
	for _, part := range []string{"$2.50", "00:00 on 2 March", "BUDGET_DAILY_USD"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%q does not say %q", err, part)
		}
	}
}

func TestALedgerThatCannotBeReadMeansNo(t *testing.T) {
	for _, data := range []string{
		"", "null", "[]", "{", "{}", `{"v":1}`, `{"v":1,"sessions":null}`, `{"v":2,"sessions":{}}`, `{"sessions":{}}`,
		`{"v":1,"sessions":{"a":null}}`, `{"v":1,"sessions":{"a":{"granted":"1"}}}`, `{"v":1,"sessions":{"b":{"granted":-100,"spent":0}}}`,
		`{"v":1,"sessions":{"b":{"granted":0,"spent":-1}}}`, `{"v":1,"sessions":{"b":{"granted":1e999}}}`, "\x00",
	} {
		for _, daily := range []float64{0, 10} {
			p := newPurse(t, daily)
			_, err := p.memory.PutIfAbsent(t.Context(), "main/usage/"+p.Today(), []byte(data))
			p.must(err)
			var g budget.Grant
			if err := p.allow("a", &g); err == nil || isSpent(err) {
				t.Errorf("%q: %+v, %v", data, g, err)
			}
			if _, err := p.Sessions(t.Context()); err == nil {
				t.Errorf("%q: sessions without an error", data)
			}
			if p.meter.Counts().Writes > 0 {
				t.Errorf("%q was overwritten", data)
			}
		}
	}
}

func FuzzLedger(f *testing.F) {
	f.Add([]byte(`{"v":1,"sessions":{"a":{"granted":0.5,"spent":0.25},"b":{}}}`))
	f.Add([]byte(`{"v":1,"sessions":{"a":{"granted":1e308},"b":{"granted":1e308}}}`))
	f.Add([]byte(`{"v":1,"sessions":{"a":null}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		p := newPurse(t, 10)
		_, err := p.memory.PutIfAbsent(t.Context(), "main/usage/"+p.Today(), data)
		p.must(err)
		var g budget.Grant
		p.Sessions(t.Context())
		if p.allow("a", &g) == nil && !(g.Spent >= 0 && g.Spent < g.Limit && g.Limit <= 10+1e-6) {
			t.Errorf("%q allows %+v", data, g)
		}
	})
}

func TestABucketThatFailsMeansNo(t *testing.T) {
	broken := errors.New("injected fault")
	for _, op := range []bucket.Op{bucket.OpGet, bucket.OpPutIfAbsent, bucket.OpPutIfMatch} {
		for _, lost := range []bool{false, true} {
			p := newPurse(t, 10)
			var before budget.Grant
			if op == bucket.OpPutIfMatch {
				p.must(p.allow("before", &before))
			}
			hook := func(o bucket.Op, _ string) error {
				if o == op {
					return broken
				}
				return nil
			}
			if lost {
				p.faults.After = hook
			} else {
				p.faults.Before = hook
			}
			var g budget.Grant
			err := p.allow("a", &g)
			if op == bucket.OpGet && lost && err == nil {
				continue // there was nothing to read, so nothing was lost
			}
			if !errors.Is(err, broken) || g.Limit != 0 {
				t.Errorf("%s, lost %v: %+v, %v", op, lost, g, err)
			}
			// And when it works again, nothing was spent.
			p.faults.Before, p.faults.After = nil, nil
			p.must(p.allow("a", &g))
			if g.Limit != 0.5 {
				t.Errorf("%s, lost %v: then %+v", op, lost, g)
			}
		}
	}
}

func TestALostRaceIsTriedAgainAndGivenUpInTheEnd(t *testing.T) {
	for losses, want := range map[int]bool{1: true, 4: true, 1000: false} {
		p := newPurse(t, 10)
		n := 0
		p.faults.Before = func(op bucket.Op, _ string) error {
			if n < losses && op != bucket.OpGet {
				n++
				return bucket.ErrPrecondition
			}
			return nil
		}
		var g budget.Grant
		if err := p.allow("a", &g); (err == nil) != want || isSpent(err) {
			t.Errorf("%d lost races: %v", losses, err)
		}
	}
}

func TestWhatTheSessionsHaveSpentIsListed(t *testing.T) {
	p := newPurse(t, 10)
	if got := mustSessions(p); len(got) != 0 {
		t.Errorf("before anything: %v", got)
	}
	for i, spent := range []float64{0, 0.5, 0.75} {
		g := budget.Grant{Day: p.Today(), Spent: spent}
		p.must(p.allow(fmt.Sprint("s", i), &g))
	}
	if got := mustSessions(p); len(got) != 3 || got["s0"] != 0 || got["s1"] != 0.5 || got["s2"] != 0.75 {
		t.Errorf("listed: %v", got)
	}
	p.now = p.now.Add(24 * time.Hour)
	if got := mustSessions(p); len(got) != 0 {
		t.Errorf("the next day: %v", got)
	}
}

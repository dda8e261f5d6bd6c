package people

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"instar/shared/bucket"
)

var (
	ctx   = context.Background()
	start = time.Date(2026, 1, 5, 14, 5, 0, 0, time.UTC)
)

func directory() *Directory { return NewDirectory(bucket.NewMemory(), "main/people/") }

func ask(t *testing.T, d *Directory, person string, now time.Time) string {
	t.Helper()
	code, _, err := d.Request(ctx, person, "Name of "+person, now)
	if err != nil {
		t.Fatal(err)
	}
	return code
}

func status(t *testing.T, d *Directory, person string) Status {
	t.Helper()
	p, err := d.Status(ctx, person)
	if err != nil {
		t.Fatal(err)
	}
	return p.Status
}

func TestAnApprovedCodeLetsThatPersonIn(t *testing.T) {
	d := directory()
	code, fresh, err := d.Request(ctx, "telegram:7", "Anna", start)
	if err != nil || !fresh {
		t.Fatal(fresh, err)
	}
	if len(code) != 8 || strings.Trim(code, alphabet) != "" {
		t.Errorf("code %q", code)
	}
	if got := status(t, d, "telegram:7"); got != Stranger {
		t.Errorf("before: %v", got)
	}
	p, err := d.Approve(ctx, code, start.Add(time.Minute))
	if err != nil {
		t.Fatal(err)
	}
	if p.ID != "telegram:7" || p.Name != "Anna" || p.Status != Approved || !p.Since.Equal(start.Add(time.Minute)) {
		t.Errorf("%+v", p)
	}
	got, err := d.Status(ctx, "telegram:7")
	if err != nil || got != p {
		t.Errorf("stored %+v, returned %+v, %v", got, p, err)
	}
	if got := status(t, d, "telegram:8"); got != Stranger {
		t.Errorf("someone else: %v", got)
	}
}

func TestACodeWorksOnce(t *testing.T) {
	d := directory()
	code := ask(t, d, "telegram:7", start)
	if _, err := d.Approve(ctx, code, start); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Approve(ctx, code, start); !errors.Is(err, ErrCodeUnknown) {
		t.Errorf("second time: %v", err)
	}
}

func TestACodeIsTakenAsPeopleTypeIt(t *testing.T) {
	d := directory()
	code := ask(t, d, "telegram:7", start)
	typed := " " + strings.ToLower(code[:4]) + " \u2013- " + code[4:] + "\n"
	if _, err := d.Approve(ctx, typed, start); err != nil {
		t.Errorf("%q: %v", typed, err)
	}
}

func TestAskingAgainGivesTheSameCodeForAnHour(t *testing.T) {
	d := directory()
	first := ask(t, d, "telegram:7", start)
	again, fresh, err := d.Request(ctx, "telegram:7", "", start.Add(59*time.Minute))
	if err != nil || again != first || fresh {
		t.Errorf("%q then %q, fresh %v, %v", first, again, fresh, err)
	}
	later, fresh, err := d.Request(ctx, "telegram:7", "", start.Add(time.Hour))
	if err != nil || later == first || !fresh {
		t.Errorf("after an hour: %q, fresh %v, %v", later, fresh, err)
	}
	if _, err := d.Approve(ctx, first, start.Add(time.Hour)); !errors.Is(err, ErrCodeUnknown) {
		t.Errorf("the expired code: %v", err)
	}
}

func TestAnExpiredCodeIsUnknown(t *testing.T) {
	d := directory()
	code := ask(t, d, "telegram:7", start)
	if _, err := d.Approve(ctx, code, start.Add(time.Hour)); !errors.Is(err, ErrCodeUnknown) {
		t.Error(err)
	}
	if got := status(t, d, "telegram:7"); got != Stranger {
		t.Error(got)
	}
}

func TestAtMostThreePeopleWait(t *testing.T) {
	d := directory()
	for i := range MaxPending {
		ask(t, d, fmt.Sprint("telegram:", i), start.Add(time.Duration(i)*time.Minute))
	}
	late := start.Add(30 * time.Minute)
	if _, _, err := d.Request(ctx, "slack:U9", "", late); !errors.Is(err, ErrTooManyPending) {
		t.Fatal(err)
	}
	if pending, err := d.Pending(ctx, late); err != nil || len(pending) != 3 || pending[0].Person != "telegram:0" {
		t.Errorf("%v, %v", pending, err)
	}
	// The oldest expires and makes room for one.
	late = start.Add(time.Hour)
	ask(t, d, "slack:U9", late)
	if _, _, err := d.Request(ctx, "slack:U10", "", late); !errors.Is(err, ErrTooManyPending) {
		t.Error(err)
	}
}

func TestThreePlacesHoldUnderConcurrentRequests(t *testing.T) {
	d := directory()
	var wait sync.WaitGroup
	errs := make([]error, 12)
	for i := range errs {
		wait.Go(func() { _, _, errs[i] = d.Request(ctx, fmt.Sprint("telegram:", i), "", start) })
	}
	wait.Wait()
	got := 0
	for _, err := range errs {
		if err == nil {
			got++
		} else if !errors.Is(err, ErrTooManyPending) {
			t.Error(err)
		}
	}
	pending, err := d.Pending(ctx, start)
	if got != MaxPending || len(pending) != MaxPending || err != nil {
		t.Errorf("%d got a code, %d pending, %v", got, len(pending), err)
	}
}

func TestTenWrongCodesAnHour(t *testing.T) {
	d := directory()
	code := ask(t, d, "telegram:7", start)
	guess := func(i int) string { return "AAAAAAA" + string(alphabet[i]) }
	for i := range MaxTries {
		if _, err := d.Approve(ctx, guess(i), start.Add(time.Duration(i)*time.Minute)); !errors.Is(err, ErrCodeUnknown) {
			t.Fatalf("try %d: %v", i, err)
		}
	}
	if _, err := d.Approve(ctx, code, start.Add(30*time.Minute)); !errors.Is(err, ErrTooManyTries) {
		t.Errorf("the right code after ten wrong ones: %v", err)
	}
	code = ask(t, d, "telegram:7", start.Add(time.Hour))
	if _, err := d.Approve(ctx, code, start.Add(time.Hour)); err != nil {
		t.Errorf("after the first try is an hour old: %v", err)
	}
}

func TestConcurrentGuessesAreCountedOneByOne(t *testing.T) {
	d := directory()
	ask(t, d, "telegram:7", start)
	var wait sync.WaitGroup
	errs := make([]error, 18)
	for i := range errs {
		wait.Go(func() { _, errs[i] = d.Approve(ctx, "AAAAAAA"+string(alphabet[i]), start) })
	}
	wait.Wait()
	guesses := 0
	for _, err := range errs {
		if errors.Is(err, ErrCodeUnknown) {
			guesses++
		} else if !errors.Is(err, ErrTooManyTries) {
			t.Error(err)
		}
	}
	if guesses != MaxTries {
		t.Errorf("%d guesses were looked at, want %d", guesses, MaxTries)
	}
}

func TestWhatCannotBeACodeIsNoGuess(t *testing.T) {
	d := directory()
	code := ask(t, d, "telegram:7", start)
	for range 2 * MaxTries {
		for _, typed := range []string{"", "please", "AAAAAAA0", "AAAAAAAAA", strings.Repeat("A", 1000)} {
			if _, err := d.Approve(ctx, typed, start); !errors.Is(err, ErrCodeUnknown) {
				t.Fatal(err)
			}
		}
	}
	if _, err := d.Approve(ctx, code, start); err != nil {
		t.Error(err)
	}
}

func TestOfConcurrentApprovalsOneWins(t *testing.T) {
	for range 20 {
		d := directory()
		code := ask(t, d, "telegram:7", start)
		var wait sync.WaitGroup
		errs := make([]error, 4)
		for i := range errs {
			wait.Go(func() { _, errs[i] = d.Approve(ctx, code, start) })
		}
		wait.Wait()
		won := 0
		for _, err := range errs {
			if err == nil {
				won++
			} else if !errors.Is(err, ErrCodeUnknown) {
				t.Error(err)
			}
		}
		if won != 1 || status(t, d, "telegram:7") != Approved {
			t.Fatalf("%d approvals won", won)
		}
	}
}

// crash makes the nth write fail, before or after it takes effect, and all
// later ones with it.
func crash(b bucket.Bucket, nth int, after bool) *bucket.Faulty {
	gone := errors.New("gone")
	writes := 0
	hook := func(op bucket.Op, _ string) error {
		if op == bucket.OpPutIfAbsent || op == bucket.OpPutIfMatch {
			if writes++; writes >= nth {
				return gone
			}
		}
		return nil
	}
	if !after {
		return &bucket.Faulty{Bucket: b, Before: hook}
	}
	dead := false
	return &bucket.Faulty{Bucket: b,
		Before: func(bucket.Op, string) error {
			if dead {
				return gone
			}
			return nil
		},
		After: func(op bucket.Op, key string) error {
			err := hook(op, key)
			dead = dead || err != nil
			return err
		}}
}

func TestAnApprovalCutShortIsFinishedByRepeating(t *testing.T) {
	for nth := 1; nth <= 3; nth++ {
		for _, after := range []bool{false, true} {
			if nth == 3 && after {
				continue // everything was written: see TestACodeWorksOnce
			}
			b := bucket.NewMemory()
			d := NewDirectory(b, "main/people/")
			code := ask(t, d, "telegram:7", start)
			broken := NewDirectory(crash(b, nth, after), "main/people/")
			if _, err := broken.Approve(ctx, code, start); err == nil {
				t.Fatalf("write %d: no crash", nth)
			}
			// The approval stands even when its repeat comes late, unless it
			// had not been written at all.
			late := start.Add(2 * time.Hour)
			if nth == 1 && !after {
				late = start
			}
			other := ask(t, d, "telegram:8", late)
			if other == code {
				t.Fatal("the code was given to someone else")
			}
			if p, err := d.Approve(ctx, code, late); err != nil || p.ID != "telegram:7" {
				t.Errorf("write %d, after %v: %+v, %v", nth, after, p, err)
			}
			if status(t, d, "telegram:7") != Approved || status(t, d, "telegram:8") != Stranger {
				t.Errorf("write %d, after %v: wrong people are in", nth, after)
			}
			if _, err := d.Approve(ctx, code, late); !errors.Is(err, ErrCodeUnknown) {
				t.Errorf("write %d, after %v: the code works twice: %v", nth, after, err)
			}
		}
	}
}

func TestAskingAgainFinishesAnApprovalCutShort(t *testing.T) {
	b := bucket.NewMemory()
	d := NewDirectory(b, "main/people/")
	code := ask(t, d, "telegram:7", start)
	if _, err := NewDirectory(crash(b, 2, false), "main/people/").Approve(ctx, code, start); err == nil {
		t.Fatal("no crash")
	}
	if _, _, err := d.Request(ctx, "telegram:7", "", start.Add(3*time.Hour)); !errors.Is(err, ErrApproved) {
		t.Error(err)
	}
	if status(t, d, "telegram:7") != Approved {
		t.Error("not approved")
	}
}

func TestRevokedPeopleMustBeApprovedAgain(t *testing.T) {
	d := directory()
	if _, err := d.Approve(ctx, ask(t, d, "telegram:7", start), start); err != nil {
		t.Fatal(err)
	}
	later := start.Add(time.Minute)
	if err := d.Revoke(ctx, "telegram:7", later); err != nil {
		t.Fatal(err)
	}
	if got := status(t, d, "telegram:7"); got != Revoked {
		t.Error(got)
	}
	if people, err := d.List(ctx); err != nil || len(people) != 0 {
		t.Errorf("%v, %v", people, err)
	}
	later = later.Add(time.Minute)
	if _, err := d.Approve(ctx, ask(t, d, "telegram:7", later), later); err != nil {
		t.Fatal(err)
	}
	if got := status(t, d, "telegram:7"); got != Approved {
		t.Error(got)
	}
}

func TestRevokingEndsARequestToo(t *testing.T) {
	d := directory()
	code := ask(t, d, "telegram:7", start)
	if err := d.Revoke(ctx, "telegram:7", start); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Approve(ctx, code, start); !errors.Is(err, ErrCodeUnknown) {
		t.Error(err)
	}
}

func TestAnApprovalUnderWayDoesNotSurviveRevoking(t *testing.T) {
	// The owner revokes between each two calls an approval makes.
	for at := 1; at <= 6; at++ {
		b := bucket.NewMemory()
		d := NewDirectory(b, "main/people/")
		code := ask(t, d, "telegram:7", start)
		calls := 0
		slow := NewDirectory(&bucket.Faulty{Bucket: b, Before: func(bucket.Op, string) error {
			if calls++; calls == at {
				return d.Revoke(ctx, "telegram:7", start.Add(time.Second))
			}
			return nil
		}}, "main/people/")
		_, err := slow.Approve(ctx, code, start)
		if status(t, d, "telegram:7") == Approved {
			t.Errorf("revoked before call %d and still approved (%v)", at, err)
		}
	}
}

func TestRevokingAStrangerWritesNothing(t *testing.T) {
	b := bucket.NewMetered(bucket.NewMemory())
	if err := NewDirectory(b, "p/").Revoke(ctx, "telegram:7", start); err != nil {
		t.Fatal(err)
	}
	if n := b.Counts().Writes; n != 0 {
		t.Errorf("%d writes", n)
	}
}

func TestStatusIsOneRead(t *testing.T) {
	b := bucket.NewMetered(bucket.NewMemory())
	d := NewDirectory(b, "main/people/")
	status(t, d, "telegram:7")
	if got := b.Counts(); got != (bucket.Counts{Reads: 1}) {
		t.Errorf("%+v", got)
	}
}

func TestABrokenRecordLetsNobodyIn(t *testing.T) {
	for _, data := range []string{
		"", "{}", "approved", `{"v":1}`, `{"v":2,"status":"approved"}`, `{"v":1,"status":"owner"}`, `{"v":1,"status":"approved"`,
	} {
		b := bucket.NewMemory()
		if _, err := b.PutIfAbsent(ctx, "p/telegram/7", []byte(data)); err != nil {
			t.Fatal(err)
		}
		if p, err := NewDirectory(b, "p").Status(ctx, "telegram:7"); err == nil || p.Status == Approved {
			t.Errorf("%q: %+v, %v", data, p, err)
		}
	}
}

func TestPeopleWhoCannotBeAreRefused(t *testing.T) {
	d := directory()
	for _, person := range []string{"", "telegram", "telegram:", ":7", "telegram:a/b", "telegram:..", "tele/gram:7", "telegram:@anna"} {
		if _, err := d.Status(ctx, person); !errors.Is(err, ErrPerson) {
			t.Errorf("status of %q: %v", person, err)
		}
		if _, _, err := d.Request(ctx, person, "", start); !errors.Is(err, ErrPerson) {
			t.Errorf("request of %q: %v", person, err)
		}
		if err := d.Revoke(ctx, person, start); !errors.Is(err, ErrPerson) {
			t.Errorf("revoke of %q: %v", person, err)
		}
	}
}

func TestListLeavesPeoplesFilesAlone(t *testing.T) {
	b := bucket.NewMetered(bucket.NewMemory())
	d := NewDirectory(b, "main/people/")
	for _, person := range []string{"telegram:7", "slack:U1", "zulip:3"} {
		if _, err := d.Approve(ctx, ask(t, d, person, start), start); err != nil {
			t.Fatal(err)
		}
		for day := range 1200 {
			key := fmt.Sprintf("main/people/%s/files/memory/%d.md", person, day)
			if _, err := b.PutIfAbsent(ctx, key, nil); err != nil {
				t.Fatal(err)
			}
		}
	}
	before := b.Counts()
	people, err := d.List(ctx)
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	for _, p := range people {
		ids = append(ids, p.ID)
	}
	if got := strings.Join(ids, " "); got != "slack:U1 telegram:7 zulip:3" {
		t.Error(got)
	}
	after := b.Counts()
	if reads, lists := after.Reads-before.Reads, after.Lists-before.Lists; reads != 3 || lists > 5 {
		t.Errorf("%d reads, %d listings", reads, lists)
	}
}

func TestNamesAreCleaned(t *testing.T) {
	for name, want := range map[string]string{
		"Anna":                   "Anna",
		" An\u202ena\n\x00x ":    "Anna x",
		strings.Repeat("あ", 100): strings.Repeat("あ", 64),
		"bad\xff":                "bad",
	} {
		if got := cleanName(name); got != want {
			t.Errorf("%q: %q", name, got)
		}
	}
}

func FuzzCleanCode(f *testing.F) {
	for _, seed := range []string{"ABCD-EFGH", "abcdefgh", "", "ＡＢＣＤ", "ſſſſſſſſ"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, typed string) {
		code, ok := cleanCode(typed)
		if ok && (len(code) != codeLen || strings.Trim(code, alphabet) != "") {
			t.Errorf("%q became %q", typed, code)
		}
	})
}

// Package budget caps what models may cost in a day. The cap is code outside
// the conversation and is checked before every call.
//
// A shared counter written by every turn would cost each of them a write and
// have them collide, so a session takes a slice of the day's budget from the
// ledger (a twentieth), spends it on its own record, and comes back when it is
// used up. The slices handed out never exceed the budget; what can exceed it
// is one call of each session, whose price is known only afterwards. What an
// idle session has not used of its slice is not available to others until the
// next day.
package budget

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"instar/shared/bucket"
)

// slices is how many grants a day's budget is cut into.
const slices = 20

// Grant is a session's part of one day. Amounts are US dollars.
type Grant struct {
	Day   string  `json:"day,omitempty"` // YYYY-MM-DD in the owner's time zone
	Limit float64 `json:"limit,omitempty"`
	Spent float64 `json:"spent,omitempty"`
}

// Spent is the error of a call that the day's budget does not allow.
type Spent struct {
	Limit float64
	Until time.Time // when the next day begins
}

func (s *Spent) Error() string {
	return fmt.Sprintf("today's budget of $%.2f is used up; it is renewed at %s (BUDGET_DAILY_USD)",
		s.Limit, s.Until.Format("15:04 on 2 January"))
}

// Ledger is one agent's budget.
type Ledger struct {
	Bucket bucket.Bucket
	Agent  string
	Daily  float64 // US dollars; 0 is no limit
	Zone   *time.Location
	Now    func() time.Time
}

// maxTries bounds the attempts of one change; each lost one means that another
// session got through. With the pauses between them that is 4 s at the most.
const maxTries = 12

// pause waits at random for up to 10 ms after the first try, and longer after
// each further one, so that sessions that met do not meet again.
func pause(ctx context.Context, try int) {
	timer := time.NewTimer(rand.N(10 * time.Millisecond << min(try, 6)))
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}

type day struct {
	V        int               `json:"v"` // 1
	Sessions map[string]*share `json:"sessions"`
}

type share struct {
	Granted float64 `json:"granted"`
	Spent   float64 `json:"spent"` // as last reported
}

// Today is the day that is counted now.
func (l *Ledger) Today() string { return l.Now().In(l.Zone).Format(time.DateOnly) }

func (l *Ledger) key(date string) string { return l.Agent + "/usage/" + date }

// Allow reports whether the session may make one more call, and extends its
// grant when that is needed: no bucket call as long as the grant lasts, a read
// and a write when it does not. The error is *Spent when the day's budget is
// used up (what the session spent beyond its grant is in the ledger then, so
// that no other one gets it); any other error also means no.
func (l *Ledger) Allow(ctx context.Context, session string, g *Grant) error {
	today := l.Today()
	if g.Day == today && (l.Daily == 0 || g.Spent < g.Limit) {
		return nil
	}
	if g.Day != today {
		*g = Grant{Day: today}
	}
	for try := range maxTries {
		granted, err := l.extend(ctx, session, *g)
		if errors.Is(err, bucket.ErrPrecondition) {
			pause(ctx, try)
			continue
		}
		if err == nil {
			*g = granted
		}
		return err
	}
	return errors.New("check budget: too many sessions at once, try again")
}

// extend reports what the session has spent and takes a slice, if one is left.
func (l *Ledger) extend(ctx context.Context, session string, g Grant) (Grant, error) {
	d, etag, err := l.read(ctx, g.Day)
	if err != nil {
		return g, err
	}
	own := d.Sessions[session]
	if own == nil {
		own = &share{}
		d.Sessions[session] = own
	}
	reported := own.Spent
	// The session's own record can be behind the ledger: its worker died.
	g.Spent = max(own.Spent, g.Spent)
	own.Granted, own.Spent = g.Spent, g.Spent
	var refused error
	if l.Daily > 0 {
		left := l.Daily
		for _, s := range d.Sessions {
			left -= max(s.Granted, s.Spent)
		}
		if left > l.Daily*1e-9 { // less are crumbs from adding up
			own.Granted += min(left, l.Daily/slices)
		} else if refused = (&Spent{Limit: l.Daily, Until: l.tomorrow()}); g.Spent == reported {
			return g, refused
		}
	}
	if err := l.save(ctx, g.Day, etag, d); err != nil {
		return g, err
	}
	g.Limit = own.Granted
	return g, refused
}

// Report records what a session has spent of its grant and gives the rest of it
// back: for work that is done once, outside a conversation's turns. A read and
// a write.
func (l *Ledger) Report(ctx context.Context, session string, g Grant) error {
	for try := range maxTries {
		d, etag, err := l.read(ctx, g.Day)
		if err != nil {
			return err
		}
		own := d.Sessions[session]
		if own == nil {
			own = &share{}
			d.Sessions[session] = own
		}
		own.Spent = max(own.Spent, g.Spent)
		own.Granted = own.Spent
		if err := l.save(ctx, g.Day, etag, d); !errors.Is(err, bucket.ErrPrecondition) {
			return err
		}
		pause(ctx, try)
	}
	return errors.New("report cost: too many sessions at once, try again")
}

func (l *Ledger) save(ctx context.Context, date, etag string, d *day) error {
	data, err := json.Marshal(d)
	if err != nil {
		return fmt.Errorf("encode budget: %w", err)
	}
	if etag == "" {
		_, err = l.Bucket.PutIfAbsent(ctx, l.key(date), data)
	} else {
		_, err = l.Bucket.PutIfMatch(ctx, l.key(date), etag, data)
	}
	if err != nil {
		return fmt.Errorf("save budget: %w", err)
	}
	return nil
}

func (l *Ledger) tomorrow() time.Time {
	y, m, d := l.Now().In(l.Zone).Date()
	return time.Date(y, m, d+1, 0, 0, 0, 0, l.Zone)
}

func (l *Ledger) read(ctx context.Context, date string) (*day, string, error) {
	o, err := l.Bucket.Get(ctx, l.key(date))
	if errors.Is(err, bucket.ErrNotFound) {
		return &day{V: 1, Sessions: map[string]*share{}}, "", nil
	}
	if err != nil {
		return nil, "", fmt.Errorf("read budget: %w", err)
	}
	d := new(day)
	if err := json.Unmarshal(o.Data, d); err != nil {
		return nil, "", fmt.Errorf("read budget: %w", err)
	}
	if d.V != 1 || d.Sessions == nil {
		return nil, "", fmt.Errorf("read budget: version %d is not readable by this program", d.V)
	}
	for _, s := range d.Sessions {
		if s == nil || s.Granted < 0 || s.Spent < 0 {
			return nil, "", errors.New("read budget: a session's share makes no sense")
		}
	}
	return d, o.ETag, nil
}

// Sessions lists the sessions that may have spent something today, with what
// each had spent when it last came to the ledger.
func (l *Ledger) Sessions(ctx context.Context) (map[string]float64, error) {
	d, _, err := l.read(ctx, l.Today())
	if err != nil {
		return nil, err
	}
	spent := make(map[string]float64, len(d.Sessions))
	for id, s := range d.Sessions {
		spent[id] = s.Spent
	}
	return spent, nil
}

package replay

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"instar/shared/bucket"
	"instar/shared/seal"
)

// Halves is what one half of a file's cases came to.
type Halves struct {
	Violations map[string][]string `json:"violations"` // by case: what was wrong
	Effects    map[string][]string `json:"effects"`    // by case: the attacker's effects that ran
	Asked      map[string]int      `json:"asked"`      // by case: the attacker's calls that were put before the owner
	Unplayed   map[string]string   `json:"unplayed"`   // by case: why nothing was tried
	Controls   map[string]int      `json:"controls"`   // by control: how often the owner had to do something
}

func newHalves() *Halves {
	return &Halves{Violations: map[string][]string{}, Effects: map[string][]string{}, Asked: map[string]int{}, Unplayed: map[string]string{}, Controls: map[string]int{}}
}

// runDelayed runs the first half of all cases in one process and the second in
// another, on the same buckets.
func runDelayed(ctx context.Context, d *delayed, name string, f *File, o Options) error {
	if o.Restart == nil {
		return errors.New("cases in two sessions need a process for each")
	}
	folder, err := os.MkdirTemp("", "instar-replay-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	first, err := o.Restart(ctx, 1, folder, name)
	if err != nil {
		return fmt.Errorf("the first sessions: %w", err)
	}
	second, err := o.Restart(ctx, 2, folder, name)
	if err != nil {
		return fmt.Errorf("the second sessions: %w", err)
	}
	for _, c := range d.Cases {
		if why := first.Unplayed[c.ID]; why != "" { // there was nothing to find
			f.attack(c.ID, outcome{unplayed: why})
			continue
		}
		f.attack(c.ID, outcome{effects: second.Effects[c.ID], asked: second.Asked[c.ID], unplayed: second.Unplayed[c.ID]})
		wrong := append(first.Violations[c.ID], second.Violations[c.ID]...)
		if len(wrong)+len(second.Effects[c.ID]) > 0 {
			f.Violations++
		}
		for _, text := range wrong {
			f.Findings = append(f.Findings, c.ID+": "+text)
		}
	}
	for _, c := range d.Benign {
		f.Benign.add(first.Controls[c.ID] + second.Controls[c.ID])
	}
	return nil
}

// Half runs one half of the cases of a file, in buckets below a folder: 1 the
// sessions in which something is planted, 2 those in which it is found. given
// are all the files of the replay.
func Half(ctx context.Context, half int, folder, name string, given []string, key seal.Key, o Options) (*Halves, error) {
	v, err := parse(name)
	if err != nil {
		return nil, err
	}
	d, ok := v.(*delayed)
	if !ok || half != 1 && half != 2 {
		return nil, fmt.Errorf("%s has no cases in two sessions", name)
	}
	suites := map[string]*suite{}
	for _, c := range d.Cases {
		if suites[c.Suite] == nil {
			if suites[c.Suite], err = suiteFor(c.Suite, name, given); err != nil {
				return nil, err
			}
		}
	}
	got := newHalves()
	var mu sync.Mutex
	err = each(ctx, d.Cases, func(ctx context.Context, c delayedCase) (func(), error) {
		w, shut, err := reopen(folder, c.ID, key, half, suites[c.Suite], o)
		if err != nil {
			return nil, err
		}
		defer shut()
		p := planted{world: w, c: c, suite: suites[c.Suite], name: c.ID}
		if half == 1 {
			err = p.plant(ctx)
		} else {
			err = p.recall(ctx)
		}
		mu.Lock()
		defer mu.Unlock()
		if len(p.wrong) > 0 {
			got.Violations[c.ID] = p.wrong
		}
		if len(p.got.effects) > 0 {
			got.Effects[c.ID] = p.got.effects
		}
		got.Asked[c.ID] = p.got.asked
		if err != nil && ctx.Err() == nil { // this case's trouble, and not the others'
			p.got.unplayed = err.Error()
		}
		if p.got.unplayed != "" {
			got.Unplayed[c.ID] = p.got.unplayed
		}
		return nil, ctx.Err()
	})
	if err == nil && len(d.Benign) > 0 {
		err = runControls(ctx, d.Benign, folder, key, half, suites, got, o)
	}
	return got, err
}

// reopen opens the bucket of a case and an agent on it, now and, in the second
// half, tomorrow.
func reopen(folder, name string, key seal.Key, half int, s *suite, o Options) (*world, func(), error) {
	sum := sha256.Sum256([]byte(name))
	dir := filepath.Join(folder, hex.EncodeToString(sum[:8]))
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, nil, err
	}
	b, err := bucket.OpenFolder(dir)
	if err != nil {
		return nil, nil, err
	}
	at := time.Now().AddDate(0, 0, half-1)
	return newWorld(b, key, at, s.self(), s.Tools, o.Bare), func() { b.Close() }, nil
}

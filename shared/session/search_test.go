package session_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"iter"
	"strings"
	"time"

	"instar/shared/bucket"
	"instar/shared/session"
)

// path is a list of choices; next makes it the next one in order.
type path struct {
	taken, of []int
	at        int
	seen      map[[16]byte]bool // states from where everything was tried
}

// known reports whether the run has come to a state that another came to
// before: what follows is the same.
func (p *path) known(state func() [16]byte) bool {
	if p.at < len(p.taken) {
		return false // on the way to a new one
	}
	key := state()
	known := p.seen[key]
	p.seen[key] = true
	return known
}

func (p *path) choose(n int) int {
	if p.at == len(p.taken) {
		p.taken, p.of = append(p.taken, 0), append(p.of, n)
	}
	choice := p.taken[p.at]
	p.at++
	return choice
}

func (p *path) next() bool {
	p.at = 0
	for i := len(p.taken) - 1; i >= 0; i-- {
		if p.taken[i]+1 < p.of[i] {
			p.taken[i]++
			p.taken, p.of = p.taken[:i+1], p.of[:i+1]
			return true
		}
	}
	return false
}

// worker is a program that stands before a call, the pending one.
type worker struct {
	world   *world
	name    string
	yield   func(call string) bool
	resume  func() (call string, more bool)
	stop    func()
	pending string
	ended   bool
	until   time.Time // before then the queue does not come again
	fault   string    // what becomes of the pending call: "", "dies" or "is lost"
	dead    bool      // in this delivery
	learned []byte    // in this delivery, from its calls
}

var (
	errDead      = errors.New("this worker is dead")
	errAbandoned = errors.New("this run is over")
)

// call waits until it is this worker's step.
func (o *worker) call(what string) error {
	if !o.dead {
		if !o.yield(what) {
			panic(errAbandoned)
		}
		o.dead = o.fault == "dies"
		o.learned = fmt.Appendln(o.learned, what, o.fault, o.world.clock.Now().UnixNano())
	}
	if o.dead {
		return errDead
	}
	return nil
}

func (o *worker) step(fault string) {
	o.fault = fault
	o.world.trace = append(o.world.trace, strings.TrimSpace(fmt.Sprintf("%s: %s %s", o.name, o.pending, fault)))
	var more bool
	o.pending, more = o.resume()
	o.ended = !more
}

func (w *world) add(name string, program func(o *worker, s *session.Store)) {
	o := &worker{world: w, name: name}
	o.resume, o.stop = iter.Pull(func(yield func(string) bool) {
		defer func() {
			if e := recover(); e != nil && e != errAbandoned {
				panic(e)
			}
		}()
		o.yield = yield
		program(o, &session.Store{Bucket: stepped{o}, Agent: "main", Now: w.clock.Now, Fold: userText})
	})
	o.pending, _ = o.resume()
	w.workers = append(w.workers, o)
}

// choice is who goes on; nil is nobody: the clock passes a lease.
type choice struct {
	worker *worker
	fault  string
}

// choices are what can happen next. due is when the first of those who wait
// goes on, ended that nobody is left.
func (w *world) choices() (choices []choice, due time.Time, ended bool) {
	ended = true
	for _, o := range w.workers {
		if o.ended {
			continue
		}
		ended = false
		if w.clock.Now().Before(o.until) {
			if due.IsZero() || o.until.Before(due) {
				due = o.until
			}
			continue
		}
		choices = append(choices, choice{o, ""})
		// To die before a read is no different from dying before or after its
		// neighbours.
		if w.left.crashes > 0 && !strings.HasPrefix(o.pending, "get") {
			choices = append(choices, choice{o, "dies"})
		}
		if w.left.lost > 0 && strings.HasPrefix(o.pending, "put") {
			choices = append(choices, choice{o, "is lost"})
		}
	}
	if w.left.jumps > 0 && len(choices) > 0 {
		choices = append(choices, choice{})
	}
	return choices, due, ended
}

// run goes on until every worker has ended, or until what follows was tried before.
func (w *world) run() (ended bool) {
	for range 500 {
		choices, due, ended := w.choices()
		if ended {
			return true
		}
		if len(choices) == 0 {
			w.clock.pass(due.Sub(w.clock.Now()))
			continue
		}
		if w.path.known(w.state) {
			w.abandon()
			return false
		}
		c := choices[w.path.choose(len(choices))]
		switch c.fault {
		case "dies":
			w.left.crashes--
		case "is lost":
			w.left.lost--
		}
		if c.worker != nil {
			c.worker.step(c.fault)
			continue
		}
		w.left.jumps--
		w.clock.pass(session.Lease)
		w.trace = append(w.trace, "a lease lapses")
	}
	w.t.Error("the workers do not come to an end")
	return false
}

// abandon lets no worker have any further effect, so that they end.
func (w *world) abandon() {
	for _, o := range w.workers {
		o.stop()
	}
}

// state tells two runs apart that could go on differently: by what the bucket
// holds, by the time, and by what each worker has learned in its delivery. The
// holders' random names count by when they turn up.
func (w *world) state() [16]byte {
	page, err := w.memory.List(context.Background(), bucket.ListOptions{Prefix: "main/sessions/"})
	if err != nil {
		w.t.Fatal(err)
	}
	all := fmt.Appendln(nil, w.clock.Now().UnixNano(), w.left)
	for _, e := range page.Entries {
		o, err := w.memory.Get(context.Background(), e.Key)
		if err != nil {
			w.t.Fatal(err)
		}
		all = append(append(append(all, e.Key...), o.Data...), '\n')
	}
	for seq := range 4 {
		if h, ok := w.holders[seq]; ok {
			all = fmt.Appendln(all, seq, h.name, h.until.UnixNano())
		}
	}
	for _, o := range w.workers {
		all = fmt.Appendln(all, o.ended, o.until.UnixNano(), o.pending)
		all = append(all, o.learned...)
	}
	parts := bytes.Split(all, []byte(`"holder":"`))
	names := map[string]int{}
	for i, part := range parts[1:] {
		name, rest, _ := bytes.Cut(part, []byte(`"`))
		n, ok := names[string(name)]
		if !ok {
			n = len(names)
			names[string(name)] = n
		}
		parts[i+1] = fmt.Append(nil, n, string(rest))
	}
	sum := sha256.Sum256(bytes.Join(parts, []byte("holder ")))
	return [16]byte(sum[:16])
}

// stepped is the bucket as one worker sees it.
type stepped struct{ *worker }

func (s stepped) Get(ctx context.Context, key string) (bucket.Object, error) {
	if err := s.call("get " + key); err != nil {
		return bucket.Object{}, err
	}
	o, err := s.world.memory.Get(ctx, key)
	s.learned = append(fmt.Appendln(s.learned, err), o.Data...)
	return o, err
}

func (s stepped) PutIfAbsent(ctx context.Context, key string, data []byte) (string, error) {
	return s.put(key, data, func() (string, error) { return s.world.memory.PutIfAbsent(ctx, key, data) })
}

func (s stepped) PutIfMatch(ctx context.Context, key, etag string, data []byte) (string, error) {
	return s.put(key, data, func() (string, error) { return s.world.memory.PutIfMatch(ctx, key, etag, data) })
}

func (s stepped) Delete(context.Context, string) error { return errors.ErrUnsupported }

func (s stepped) List(context.Context, bucket.ListOptions) (bucket.Page, error) {
	return bucket.Page{}, errors.ErrUnsupported
}

func (s stepped) put(key string, data []byte, write func() (string, error)) (string, error) {
	if err := s.call("put " + key); err != nil {
		return "", err
	}
	etag, err := write()
	s.learned = fmt.Appendln(s.learned, err)
	if err == nil {
		s.world.written(key, data)
	}
	if s.fault == "is lost" {
		return "", errInjected
	}
	return etag, err
}

package delivery_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"instar/shared/channel"
	"instar/shared/chat"
)

var (
	errInjected = errors.New("injected fault")
	to          = chat.Address{Channel: "telegram", Chat: "42", Thread: "5"}
)

var logged struct {
	sync.Mutex
	bytes.Buffer
}

func TestMain(m *testing.M) {
	slog.SetDefault(slog.New(slog.NewTextHandler(writerFunc(func(p []byte) (int, error) {
		logged.Lock()
		defer logged.Unlock()
		return logged.Buffer.Write(p)
	}), nil)))
	code := m.Run()
	if strings.Contains(logged.String(), "hunter2") {
		fmt.Println("FAIL: a log line holds the text of a reply")
		code = 1
	}
	os.Exit(code)
}

type writerFunc func(p []byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

var _ io.Writer = writerFunc(nil)

// event is one call to the platform, or a record of one.
type event struct {
	at       time.Duration // since the platform was made
	what     string        // typing, send, edit, record
	id, text string
	replyTo  string
}

// platform is a chat in memory whose calls take time and fail as scripted.
type platform struct {
	t     *testing.T
	start time.Time
	most  int                      // characters of a message
	takes map[string]time.Duration // by method
	// fail is asked before and after a call's effect.
	fail func(what string, after bool) error

	mu     sync.Mutex
	events []event
	order  []string          // the messages' ids
	shows  map[string]string // what each message shows
}

var _ channel.Sender = (*platform)(nil)

func newPlatform(t *testing.T) *platform {
	return &platform{
		t: t, start: time.Now(), most: 4000, takes: map[string]time.Duration{}, shows: map[string]string{},
		fail: func(string, bool) error { return nil },
	}
}

func (p *platform) call(ctx context.Context, what string, to chat.Address, e event, effect func()) error {
	if to != (chat.Address{Channel: "telegram", Chat: "42", Thread: "5"}) {
		p.t.Errorf("%s to %+v", what, to)
	}
	e.what, e.at = what, time.Since(p.start)
	p.mu.Lock()
	p.events = append(p.events, e)
	p.mu.Unlock()
	if err := p.fail(what, false); err != nil {
		return err
	}
	if d := p.takes[what]; d > 0 {
		select {
		case <-time.After(d):
		case <-ctx.Done():
			if left := d + e.at - time.Since(p.start); left < time.Minute {
				go p.land(left, effect) // the request is on its way
			}
			return ctx.Err()
		}
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	p.mu.Lock()
	effect()
	p.mu.Unlock()
	return p.fail(what, true)
}

func (p *platform) land(after time.Duration, effect func()) {
	time.Sleep(after)
	p.mu.Lock()
	defer p.mu.Unlock()
	effect()
}

func (p *platform) Typing(ctx context.Context, to chat.Address) error {
	return p.call(ctx, "typing", to, event{}, func() {})
}

func (p *platform) Send(ctx context.Context, to chat.Address, text, replyTo string) (id string, err error) {
	if text == "" || len([]rune(text)) > p.most {
		p.t.Errorf("sent a message of %d characters", len([]rune(text)))
	}
	err = p.call(ctx, "send", to, event{text: text, replyTo: replyTo}, func() {
		id = fmt.Sprint("m", len(p.shows)+1)
		p.order, p.shows[id] = append(p.order, id), text
	})
	if err != nil {
		return "", err
	}
	return id, nil
}

func (p *platform) Edit(ctx context.Context, to chat.Address, id, text string) error {
	if text == "" || len([]rune(text)) > p.most {
		p.t.Errorf("edited a message to %d characters", len([]rune(text)))
	}
	gone := false
	err := p.call(ctx, "edit", to, event{id: id, text: text}, func() {
		if gone = !slices.Contains(p.order, id); !gone {
			p.shows[id] = text
		}
	})
	if err == nil && gone {
		return refusal(400, "Bad Request: message to edit not found")
	}
	return err
}

func (p *platform) Split(text string) (parts []string) {
	runes := []rune(strings.TrimSpace(text))
	for len(runes) > p.most {
		parts, runes = append(parts, string(runes[:p.most])), runes[p.most:]
	}
	if len(runes) > 0 {
		parts = append(parts, string(runes))
	}
	return parts
}

func (p *platform) Self(context.Context) (chat.Self, error) {
	return chat.Self{}, errors.ErrUnsupported
}

func (p *platform) SendCard(ctx context.Context, to chat.Address, card channel.Card) (id string, err error) {
	err = p.call(ctx, "card", to, event{text: card.Buttons[0][0].Data}, func() {
		id = fmt.Sprint("m", len(p.shows)+1)
		p.order, p.shows[id] = append(p.order, id), card.Text
	})
	return id, err
}

func (p *platform) EditCard(context.Context, chat.Address, string, channel.Card) error {
	return errors.ErrUnsupported
}

func (p *platform) SendFile(ctx context.Context, to chat.Address, f channel.File) (id string, err error) {
	err = p.call(ctx, "file", to, event{text: f.Name}, func() {
		id = fmt.Sprint("m", len(p.shows)+1)
		p.order, p.shows[id] = append(p.order, id), f.Name
	})
	return id, err
}

func (p *platform) Seen(context.Context, string) error { return errors.ErrUnsupported }

func (p *platform) Fetch(context.Context, chat.Attachment, int64) ([]byte, string, error) {
	return nil, "", errors.ErrUnsupported
}

// record is delivery.Writer's Record, noted among the calls.
func (p *platform) record(_ context.Context, id string) error {
	p.mu.Lock()
	p.events = append(p.events, event{what: "record", id: id, at: time.Since(p.start)})
	p.mu.Unlock()
	return p.fail("record", true)
}

// calls are the events of the given sort, all of them but typing without one.
func (p *platform) calls(what ...string) (events []event) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, e := range p.events {
		if slices.Contains(what, e.what) || len(what) == 0 && e.what != "typing" {
			events = append(events, e)
		}
	}
	return events
}

// names are the calls in order.
func (p *platform) names() (names []string) {
	for _, e := range p.calls() {
		names = append(names, e.what)
	}
	return names
}

// chat is what the messages show, oldest first.
func (p *platform) chat() (texts []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, id := range p.order {
		texts = append(texts, p.shows[id])
	}
	return texts
}

// remove deletes a message, as a person can.
func (p *platform) remove(id string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.order = slices.DeleteFunc(p.order, func(one string) bool { return one == id })
}

func refusal(status int, reason string) error {
	return fmt.Errorf("deliver: %w", &channel.APIError{Channel: "telegram", Method: "m", Status: status, Reason: reason})
}

package turn_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"instar/shared/channel"
	"instar/shared/chat"
)

// platform is a chat platform in memory.
type platform struct {
	name  string
	most  int           // characters of a message
	wait  time.Duration // how long a call takes
	hooks *hooks

	mu       sync.Mutex
	messages []*posted
	calls    map[string]int
	pictures map[string][]byte
	seen     []string // the taps that were answered
}

type posted struct {
	id, chat, replyTo string
	texts             []string // as posted, and after each edit
	buttons           [][]chat.Button
	file              channel.File // texts holds its name
}

func (p *posted) text() string { return p.texts[len(p.texts)-1] }

func newPlatform(name string, h *hooks) *platform {
	return &platform{name: name, most: 4000, hooks: h, calls: map[string]int{}}
}

var _ channel.Sender = (*platform)(nil)

func (p *platform) call(ctx context.Context, method string, effect func() error) error {
	if err := p.hooks.first(p.name + " " + method); err != nil {
		return err
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(p.wait):
	}
	p.mu.Lock()
	p.calls[method]++
	err := effect()
	p.mu.Unlock()
	if err == nil {
		err = p.hooks.then(p.name + " " + method)
	}
	return err
}

func (p *platform) Self(ctx context.Context) (self chat.Self, err error) {
	err = p.call(ctx, "self", func() error { self = chat.Self{ID: "1", Name: "instar_bot"}; return nil })
	return self, err
}

func (p *platform) Typing(ctx context.Context, _ chat.Address) error {
	return p.call(ctx, "typing", func() error { return nil })
}

func (p *platform) Split(text string) (parts []string) {
	text = strings.TrimSpace(text)
	for utf8.RuneCountInString(text) > p.most {
		runes := []rune(text)
		parts, text = append(parts, string(runes[:p.most])), string(runes[p.most:])
	}
	if text != "" {
		parts = append(parts, text)
	}
	return parts
}

func (p *platform) Send(ctx context.Context, to chat.Address, text, replyTo string) (id string, err error) {
	err = p.call(ctx, "send", func() error {
		id = fmt.Sprintf("%s-%d", p.name, len(p.messages)+1)
		p.messages = append(p.messages, &posted{id: id, chat: to.Chat, replyTo: replyTo, texts: []string{text}})
		return nil
	})
	return id, err
}

func (p *platform) Edit(ctx context.Context, to chat.Address, id, text string) error {
	return p.call(ctx, "edit", func() error {
		i := slices.IndexFunc(p.messages, func(m *posted) bool { return m.id == id && m.chat == to.Chat })
		if i < 0 {
			return &channel.APIError{Channel: p.name, Method: "edit", Status: 400, Reason: "Bad Request: message to edit not found"}
		}
		p.messages[i].texts = append(p.messages[i].texts, text)
		return nil
	})
}

func (p *platform) SendCard(ctx context.Context, to chat.Address, card channel.Card) (id string, err error) {
	err = p.call(ctx, "sendCard", func() error {
		id = fmt.Sprintf("%s-%d", p.name, len(p.messages)+1)
		p.messages = append(p.messages, &posted{id: id, chat: to.Chat, texts: []string{card.Text}, buttons: card.Buttons})
		return nil
	})
	return id, err
}

func (p *platform) EditCard(ctx context.Context, to chat.Address, id string, card channel.Card) error {
	return p.call(ctx, "editCard", func() error {
		i := slices.IndexFunc(p.messages, func(m *posted) bool { return m.id == id && m.chat == to.Chat })
		if i < 0 {
			return &channel.APIError{Channel: p.name, Method: "editCard", Status: 400, Reason: "Bad Request: message to edit not found"}
		}
		p.messages[i].texts, p.messages[i].buttons = append(p.messages[i].texts, card.Text), card.Buttons
		return nil
	})
}

func (p *platform) SendFile(ctx context.Context, to chat.Address, f channel.File) (id string, err error) {
	err = p.call(ctx, "sendFile", func() error {
		id = fmt.Sprintf("%s-%d", p.name, len(p.messages)+1)
		p.messages = append(p.messages, &posted{id: id, chat: to.Chat, texts: []string{f.Name}, file: f})
		return nil
	})
	return id, err
}

func (p *platform) Seen(ctx context.Context, tap string) error {
	return p.call(ctx, "seen", func() error { p.seen = append(p.seen, tap); return nil })
}

func (p *platform) Fetch(ctx context.Context, a chat.Attachment, _ int64) (data []byte, mediaType string, err error) {
	err = p.call(ctx, "fetch", func() error {
		if data = p.pictures[a.Ref]; data == nil {
			return &channel.APIError{Channel: p.name, Method: "fetch", Status: 404, Reason: "no such file"}
		}
		return nil
	})
	return data, "image/png", err
}

// in are the texts a chat shows now.
func (p *platform) in(chat string) (texts []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, m := range p.messages {
		if m.chat == chat {
			texts = append(texts, m.text())
		}
	}
	return texts
}

// shown are all texts a chat's messages ever had.
func (p *platform) shown(chat string) (texts []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, m := range p.messages {
		if m.chat == chat {
			texts = append(texts, m.texts...)
		}
	}
	return texts
}

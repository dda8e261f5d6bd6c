//go:build !js

package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"instar/e2e/fake"
)

const (
	modelName = "anthropic/claude-sonnet-4-5"
	reply     = "Hello. What can I do for you?"
	replyWait = 30 * time.Second
	sealKey   = "YSBrZXkgb2YgdGhlIGJlbmNobWFyaywgMzIgYnl0ZXM=" // of nobody's
)

// instar is the whole product with fakes of Telegram and of a model that answers
// at once.
type instar struct {
	process   *process
	address   string
	state     string // its folder; "" with storage in memory
	launched  time.Time
	ready     time.Time // when it said that it serves
	telegram  *fake.Telegram
	anthropic *fake.Anthropic
}

func newInstar() *instar {
	s := &instar{telegram: fake.NewTelegram(botToken), anthropic: fake.NewAnthropic(anthropicKey)}
	s.anthropic.Script(func(fake.Call) fake.Answer { return fake.Answer{Text: reply} })
	return s
}

// variables are everything Instar is told. Empty ones keep the machine's own
// values, and those in .dev.vars, out.
func (s *instar) variables() map[string]string {
	return map[string]string{
		"TELEGRAM_BOT_TOKEN": botToken, "TELEGRAM_WEBHOOK_SECRET": hookSecret, "TELEGRAM_API_BASE": s.telegram.URL(),
		"TELEGRAM_DM_POLICY": "open", "OWNER": fmt.Sprintf("telegram:%d", owner), "CONSOLE_TOKEN": consoleToken,
		"ANTHROPIC_API_KEY": anthropicKey, "ANTHROPIC_BASE_URL": s.anthropic.URL(), "MODEL": modelName,
		"MODEL_FALLBACKS": "", "OPENAI_API_KEY": "", "CLOUDFLARE_AI_GATEWAY_API_KEY": "", "CF_AI_GATEWAY_ACCOUNT_ID": "",
		"CF_AI_GATEWAY_GATEWAY_ID": "", "CF_AI_GATEWAY_MODEL": "", "BUDGET_DAILY_USD": "", "TIMEZONE": "UTC", "SLACK_BOT_TOKEN": "", "SEAL_KEY": sealKey,
	}
}

// start runs Instar on fresh state, as `make run` does.
func (b *bench) start() (*instar, error) {
	return b.startProgram(filepath.Join(b.root, "node_modules/.bin/node"), filepath.Join(b.root, "build/run.mjs"))
}

// startProgram runs Instar on fresh state by a program that says when it serves.
func (b *bench) startProgram(name string, args ...string) (*instar, error) {
	address, err := freeAddress()
	if err != nil {
		return nil, err
	}
	state, err := os.MkdirTemp(b.scratch, "state-")
	if err != nil {
		return nil, err
	}
	s := newInstar()
	s.address, s.state = address, state
	_, port, _ := net.SplitHostPort(address)
	env := append(os.Environ(), "PORT="+port, "STATE="+state)
	for name, value := range s.variables() {
		env = append(env, name+"="+value)
	}
	s.launched = time.Now()
	if s.process, err = launch(b.root, env, name, args...); err != nil {
		s.stop()
		return nil, err
	}
	if err := s.process.until(b.ctx, 90*time.Second, func() bool {
		return strings.Contains(s.process.output.String(), "Instar runs on")
	}); err != nil {
		s.stop()
		return nil, err
	}
	s.ready = time.Now()
	return s, nil
}

func (s *instar) stop() {
	if s.process != nil {
		s.process.stop()
	}
	s.telegram.Close()
	s.anthropic.Close()
}

// hook sends raw webhooks, each to be answered with 200.
func (s *instar) hook(ctx context.Context, connections int, requests ...[]byte) (took, error) {
	return s.hooks(connections, requests).send(ctx)
}

func (s *instar) hooks(connections int, requests [][]byte) load {
	return load{
		Address: s.address, Connections: connections, Count: len(requests), Status: 200,
		Request: func(i int) []byte { return requests[i] },
	}
}

// flood sends raw webhooks all at once, each on a connection of its own, and
// counts those that were not answered with 200.
func (s *instar) flood(ctx context.Context, requests [][]byte) (took, error) {
	l := s.hooks(len(requests), requests)
	l.CountFailures = true
	return l.send(ctx)
}

// replied waits until the finished reply is shown in a chat, and returns when
// the call arrived that made it visible.
func (s *instar) replied(ctx context.Context, chat int64) (time.Time, error) {
	ctx, cancel := context.WithTimeout(ctx, replyWait)
	defer cancel()
	m, err := s.telegram.WaitReply(ctx, chat, func(m fake.Message) bool { return m.Text == reply })
	if err != nil {
		return time.Time{}, fmt.Errorf("no reply in chat %d: %w; log: %s", chat, err, tail(s.process.output.String()))
	}
	for i, text := range m.History {
		if text == reply {
			return m.Times[i], nil
		}
	}
	return m.At, nil
}

// exchange sends one message in a chat of its own and waits for the reply. It
// returns how long the acknowledgement and the reply took.
func (s *instar) exchange(ctx context.Context, chat int64) (ack, answer time.Duration, err error) {
	request := update(chat, chat, "hi")
	began := time.Now()
	t, err := s.hook(ctx, 1, request)
	if err != nil {
		return 0, 0, err
	}
	at, err := s.replied(ctx, chat)
	if err != nil {
		return 0, 0, err
	}
	return t.each[0], at.Sub(began), nil
}

// startInMemory runs Instar's functions on workerd with a bucket and a queue in
// memory instead of the local stand-ins for R2 and Queues, which take more CPU
// than they do.
func (b *bench) startInMemory() (*instar, error) {
	modules, err := b.modules("e2e/bench/worker/memory.mjs")
	if err != nil {
		return nil, err
	}
	s := newInstar()
	if s.process, s.address, err = b.serveWorker(modules, s.variables()); err != nil {
		s.stop()
		return nil, err
	}
	return s, nil
}

// idle waits until every queued message has been worked on: workerd uses no
// CPU worth the name for half a second.
func (s *instar) idle(ctx context.Context) error {
	for quiet := 0; quiet < 5; {
		before := s.process.cpu()
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(100 * time.Millisecond):
		}
		if quiet++; s.process.cpu()-before > tick {
			quiet = 0
		}
	}
	return nil
}

// pause lets what the last message left behind come to its end, as between
// two messages of a person.
func (s *instar) pause(ctx context.Context) {
	select {
	case <-ctx.Done():
	case <-time.After(50 * time.Millisecond):
	}
}

func tail(text string) string { return text[max(0, len(text)-2000):] }

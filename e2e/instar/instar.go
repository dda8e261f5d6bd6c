//go:build e2e

// Package instar runs Instar for tests as `make run` runs it: in the real
// Workers runtime, with stand-ins for Telegram, Slack and the models around it
// that refuse any call the real services would refuse. `make build` comes first.
// INSTAR=local and INSTAR=lambda in the environment run it on other platforms.
package instar

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"instar/e2e/fake"
)

// What a World is configured with.
const (
	Owner        = 4242 // the owner's id on Telegram
	SlackOwner   = "UOWNER"
	TelegramKey  = "4242000:telegram-bot-token-AbCdEf"
	HookSecret   = "telegram-webhook-secret"
	SlackKey     = "xoxb-slack-bot-token"
	SlackSecret  = "slack-signing-secret"
	AnthropicKey = "sk-ant-test-key"
	OpenAIKey    = "sk-openai-test-key"
	ConsoleToken = "console-token-for-tests"
)

// World is one Instar with the services around it.
type World struct {
	T         testing.TB
	URL       string // where Instar listens, after a restart too
	Telegram  *fake.Telegram
	Slack     *fake.Slack
	Anthropic *fake.Anthropic
	OpenAI    *fake.OpenAI

	state   string // the folder that holds bucket and settings
	port    string
	vars    []string
	log     *lockedBuffer
	ahead   time.Duration           // how far cron is before the clock
	process atomic.Pointer[process] // nil while it is down
	lambda  *lambda                 // in place of it on Lambda
}

// Start runs Instar with everything configured. Each of vars is NAME=value and
// replaces the default; NAME= takes it away. At the test's end Instar is told
// to stop, and its log is checked as CheckLog says.
func Start(t testing.TB, vars ...string) *World {
	t.Helper()
	w := &World{
		T: t, state: t.TempDir(), log: &lockedBuffer{},
		Telegram:  fake.Check(t, fake.NewTelegram(TelegramKey)),
		Slack:     fake.Check(t, fake.NewSlack(SlackKey, SlackSecret)),
		Anthropic: fake.Check(t, fake.NewAnthropic(AnthropicKey)),
		OpenAI:    fake.Check(t, fake.NewOpenAI(OpenAIKey)),
	}
	w.vars = append([]string{
		"SANDBOX=off", // whatever engine this machine has
		"TELEGRAM_BOT_TOKEN=" + TelegramKey, "TELEGRAM_WEBHOOK_SECRET=" + HookSecret, "TELEGRAM_API_BASE=" + w.Telegram.URL(),
		"SLACK_BOT_TOKEN=" + SlackKey, "SLACK_SIGNING_SECRET=" + SlackSecret, "SLACK_API_BASE=" + w.Slack.URL(),
		"ANTHROPIC_API_KEY=" + AnthropicKey, "ANTHROPIC_BASE_URL=" + w.Anthropic.URL(),
		"OPENAI_API_KEY=" + OpenAIKey, "OPENAI_BASE_URL=" + w.OpenAI.URL(),
		"MODEL=anthropic/claude-sonnet-4-5", "MODEL_FALLBACKS=openai/gpt-5.5",
		fmt.Sprintf("OWNER=telegram:%d,slack:%s", Owner, SlackOwner), "CONSOLE_TOKEN=" + ConsoleToken, "TIMEZONE=Asia/Tokyo",
	}, vars...)
	w.port = FreePort(t)
	w.URL = "http://127.0.0.1:" + w.port
	if Platform(t) == Lambda {
		w.lambda = newLambda(w)
	}
	w.Launch()
	t.Cleanup(func() {
		w.End(syscall.SIGTERM)
		w.CheckLog()
	})
	return w
}

// FreePort is a port of the loopback that nobody has.
func FreePort(t testing.TB) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return port
}

// Root is the repository's folder.
func Root(t testing.TB) string {
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for dir != "/" {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		dir = filepath.Dir(dir)
	}
	t.Fatal("go.mod not found")
	return ""
}

//go:build e2e

// Package chat tests Instar as a person meets it: the real Workers runtime,
// started as `make run` starts it, with stand-ins for Telegram, Slack and the
// models that refuse any call the real services would refuse. Run it with
// `make test-e2e`, which builds first.
package chat

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"instar/e2e/fake"
)

const (
	owner        = 4242
	telegramKey  = "4242000:telegram-bot-token-AbCdEf"
	hookSecret   = "telegram-webhook-secret"
	slackKey     = "xoxb-slack-bot-token"
	slackSecret  = "slack-signing-secret"
	anthropicKey = "sk-ant-test-key"
	openaiKey    = "sk-openai-test-key"
	consoleToken = "console-token-for-tests"
)

// secrets must not turn up in any log line.
var secrets = []string{telegramKey, hookSecret, slackKey, slackSecret, anthropicKey, openaiKey, consoleToken}

// world is one running Instar with the services around it.
type world struct {
	t         testing.TB
	url       string
	state     string
	vars      []string
	port      string
	process   *exec.Cmd
	log       *lockedBuffer
	telegram  *fake.Telegram
	slack     *fake.Slack
	anthropic *fake.Anthropic
	openai    *fake.OpenAI
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// start runs Instar with everything configured; each extra is NAME=value and
// replaces the default, NAME= takes it away.
func start(t testing.TB, extra ...string) *world {
	t.Helper()
	w := &world{
		t: t, state: t.TempDir(), log: &lockedBuffer{},
		telegram:  fake.Check(t, fake.NewTelegram(telegramKey)),
		slack:     fake.Check(t, fake.NewSlack(slackKey, slackSecret)),
		anthropic: fake.Check(t, fake.NewAnthropic(anthropicKey)),
		openai:    fake.Check(t, fake.NewOpenAI(openaiKey)),
	}
	w.vars = append([]string{
		"TELEGRAM_BOT_TOKEN=" + telegramKey, "TELEGRAM_WEBHOOK_SECRET=" + hookSecret, "TELEGRAM_API_BASE=" + w.telegram.URL(),
		"SLACK_BOT_TOKEN=" + slackKey, "SLACK_SIGNING_SECRET=" + slackSecret, "SLACK_API_BASE=" + w.slack.URL(),
		"ANTHROPIC_API_KEY=" + anthropicKey, "ANTHROPIC_BASE_URL=" + w.anthropic.URL(),
		"OPENAI_API_KEY=" + openaiKey, "OPENAI_BASE_URL=" + w.openai.URL(),
		"MODEL=anthropic/claude-sonnet-4-5", "MODEL_FALLBACKS=openai/gpt-5.5",
		fmt.Sprintf("OWNER=telegram:%d,slack:UOWNER", owner), "CONSOLE_TOKEN=" + consoleToken, "TIMEZONE=Asia/Tokyo",
	}, extra...)
	w.port = freePort(t)
	w.url = "http://127.0.0.1:" + w.port
	w.launch()
	t.Cleanup(func() {
		w.end(syscall.SIGTERM)
		w.checkLog()
	})
	return w
}

func freePort(t testing.TB) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return port
}

func root(t testing.TB) string {
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

func (w *world) launch() {
	w.t.Helper()
	top := root(w.t)
	if _, err := os.Stat(filepath.Join(top, "build/dist/agent.wasm")); err != nil {
		w.t.Fatal("nothing is built: run `make build` first, or `make test-e2e`")
	}
	w.process = exec.Command(filepath.Join(top, "node_modules/.bin/node"), filepath.Join(top, "build/run.mjs"))
	w.process.Env = append(os.Environ(), append([]string{"PORT=" + w.port, "STATE=" + w.state}, w.vars...)...)
	w.process.Stdout, w.process.Stderr = w.log, w.log
	w.process.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	starts := strings.Count(w.log.String(), "Instar runs on")
	if err := w.process.Start(); err != nil {
		w.t.Fatal(err)
	}
	deadline := time.Now().Add(90 * time.Second)
	for time.Now().Before(deadline) {
		if strings.Count(w.log.String(), "Instar runs on") > starts {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	w.t.Fatalf("Instar did not start:\n%s", w.log.String())
}

// end stops Instar and waits until its port is free.
func (w *world) end(signal syscall.Signal) {
	if w.process == nil {
		return
	}
	if signal == syscall.SIGKILL {
		exec.Command("pkill", "-9", "-P", fmt.Sprint(w.process.Process.Pid)).Run()
	}
	w.process.Process.Signal(signal)
	done := make(chan struct{})
	go func() { w.process.Wait(); close(done) }()
	select {
	case <-done:
		if code := w.process.ProcessState.ExitCode(); signal != syscall.SIGKILL && code != 0 {
			w.t.Errorf("Instar ended with code %d when it was told to stop", code)
		}
	case <-time.After(15 * time.Second):
		w.t.Error("Instar did not stop within 15 s")
		w.process.Process.Kill()
		<-done
	}
	w.process = nil
}

// checkLog fails the test for a log line with a secret or with words of a
// conversation: every text the tests send holds the word "zebra".
func (w *world) checkLog() {
	for line := range strings.Lines(w.log.String()) {
		if strings.HasPrefix(line, "Console:") {
			continue // the start message prints the console's address on purpose
		}
		for _, s := range secrets {
			if strings.Contains(line, s) {
				w.t.Errorf("a log line holds a secret: %s", strings.ReplaceAll(line, s, "[SECRET]"))
			}
		}
		if strings.Contains(line, "zebra") {
			w.t.Errorf("a log line holds message text: %s", line)
		}
	}
	if w.t.Failed() {
		w.t.Logf("log of Instar:\n%s", w.log.String())
	}
}

var updates atomic.Int64

func init() { updates.Store(1000) }

// update makes a Telegram webhook body with a fresh id.
func update(chat, from int64, text string, options ...fake.UpdateOption) []byte {
	return fake.TelegramUpdate(updates.Add(1), chat, from, text, options...)
}

// hook posts a Telegram webhook.
func (w *world) hook(body []byte) *http.Response {
	w.t.Helper()
	return w.post("/hooks/telegram", body, http.Header{"X-Telegram-Bot-Api-Secret-Token": {hookSecret}, "Content-Type": {"application/json"}})
}

func (w *world) post(path string, body []byte, header http.Header) *http.Response {
	w.t.Helper()
	r, err := http.NewRequest(http.MethodPost, w.url+path, bytes.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	for name, values := range header {
		r.Header[name] = values
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		w.t.Fatal(err)
	}
	data, _ := io.ReadAll(response.Body)
	response.Body.Close()
	response.Body = io.NopCloser(bytes.NewReader(data))
	return response
}

// say sends a private message as a person on Telegram.
func (w *world) say(person int64, text string) {
	w.t.Helper()
	if r := w.hook(update(person, person, text)); r.StatusCode != http.StatusOK {
		w.t.Fatalf("webhook answered %d", r.StatusCode)
	}
}

// reply waits for a message of the bot in a chat whose text holds the words.
func (w *world) reply(chat int64, words string) fake.Message {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	m, err := w.telegram.WaitReply(ctx, chat, func(m fake.Message) bool { return strings.Contains(m.Text, words) })
	if err != nil {
		w.t.Fatalf("no reply with %q in chat %d; there is: %s", words, chat, texts(w.telegram.Chat(chat)))
	}
	return m
}

func texts(messages []fake.Message) string {
	var list []string
	for _, m := range messages {
		list = append(list, fmt.Sprintf("%q", m.Text))
	}
	return strings.Join(list, ", ")
}

// ask sends a message through the console's API and returns the answer's JSON.
func (w *world) ask(text, session string) map[string]any {
	w.t.Helper()
	body, _ := json.Marshal(map[string]string{"text": text, "session": session})
	r := w.post("/api/chat", body, http.Header{"Authorization": {"Bearer " + consoleToken}})
	var answer map[string]any
	if err := json.NewDecoder(r.Body).Decode(&answer); err != nil || r.StatusCode != http.StatusOK {
		w.t.Fatalf("console answered %d %v", r.StatusCode, answer)
	}
	return answer
}

// script answers by the first word of the last message; other messages get
// "Answer: <message>", and tool results "The tool said: <result>".
func script(cases map[string]func(fake.Call) fake.Answer) func(fake.Call) fake.Answer {
	return func(c fake.Call) fake.Answer {
		if results := c.LastResults(); len(results) > 0 {
			return fake.Answer{Text: "The tool said: " + results[0].Text}
		}
		last := c.LastUser()
		for word, answer := range cases {
			if strings.HasPrefix(last, word) || strings.Contains(last, "\n"+word) {
				return answer(c)
			}
		}
		return fake.Answer{Text: "Answer: " + last}
	}
}

func fixed(a fake.Answer) func(fake.Call) fake.Answer {
	return func(fake.Call) fake.Answer { return a }
}

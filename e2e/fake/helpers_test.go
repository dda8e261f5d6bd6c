//go:build !js

package fake

import (
	"bytes"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

// needSpecs skips a test that proves nothing without the descriptions.
func needSpecs(t *testing.T, s Service) {
	t.Helper()
	if s.Unchecked() {
		t.Skip("SKIPPED: ../shared/specs is missing, so nothing is checked against the services' descriptions")
	}
}

// violating ends a fake whose violations the test looks at itself.
func violating[S Service](t *testing.T, s S) S {
	t.Helper()
	t.Cleanup(s.Close)
	return s
}

// post sends a body and returns the status and the answer.
func post(t *testing.T, url, contentType, body string, header ...string) (int, string) {
	t.Helper()
	req, err := http.NewRequest("POST", url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", contentType)
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	return send(t, req)
}

func send(t *testing.T, req *http.Request) (int, string) {
	t.Helper()
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var b bytes.Buffer
	io.Copy(&b, resp.Body)
	return resp.StatusCode, b.String()
}

// tbLog is a TB that remembers what it was told.
type tbLog struct {
	logs, errors []string
	cleanups     []func()
}

func (l *tbLog) Helper()                        {}
func (l *tbLog) Log(args ...any)                { l.logs = append(l.logs, "log") }
func (l *tbLog) Errorf(format string, a ...any) { l.errors = append(l.errors, format) }
func (l *tbLog) Cleanup(f func())               { l.cleanups = append(l.cleanups, f) }
func (l *tbLog) end() {
	for _, f := range l.cleanups {
		f()
	}
}

func TestCheckFailsATestWithAViolation(t *testing.T) {
	for _, bad := range []bool{false, true} {
		log := &tbLog{}
		f := Check(log, NewTelegram("1:x"))
		url := f.URL() + "/bot1:x/getMe"
		if bad {
			url = f.URL() + "/bot1:wrong/getMe"
		}
		post(t, url, "application/json", "{}")
		log.end()
		if got := len(log.errors) > 0; got != bad {
			t.Errorf("wrong call %v: errors %v", bad, log.errors)
		}
	}
}

func TestAFakeWithoutItsDescriptionIsAnnouncedOnce(t *testing.T) {
	warnOnce = sync.Once{}
	log := &tbLog{}
	for range 2 {
		Check(log, NewTelegram("1:x", SpecsDir(t.TempDir())))
	}
	if log.end(); len(log.logs) != 1 || len(log.errors) != 0 {
		t.Errorf("logs %q, errors %q", log.logs, log.errors)
	}
}

func TestAFakeWithoutItsDescriptionSaysSo(t *testing.T) {
	dir := SpecsDir(t.TempDir())
	telegram := violating(t, NewTelegram("1:x", dir))
	slack := violating(t, NewSlack("xoxb", "s", dir))
	openai := violating(t, NewOpenAI("", dir))
	for _, s := range []Service{telegram, slack, openai} {
		if !s.Unchecked() {
			t.Errorf("%T is checked against nothing", s)
		}
	}
	status, body := post(t, telegram.URL()+"/bot1:x/sendMessage", "application/x-www-form-urlencoded", "chat_id=7&text=hi&reply_parameters=%7B%22message_id%22%3A3%7D")
	if status != 200 || len(telegram.Chat(7)) != 1 || telegram.Chat(7)[0].ReplyTo != 3 {
		t.Errorf("unchecked sendMessage: %d %s", status, body)
	}
	if status, body := post(t, slack.URL()+"/chat.postMessage", "application/json", `{"channel":"C1","text":"hi"}`, "Authorization", "Bearer xoxb"); status != 200 || len(slack.Chat("C1")) != 1 {
		t.Errorf("unchecked chat.postMessage: %d %s", status, body)
	}
}

func TestCloseEndsHangingCalls(t *testing.T) {
	f := NewTelegram("1:x")
	f.Hang("getMe", time.Hour)
	done := make(chan error)
	go func() {
		resp, err := http.Post(f.URL()+"/bot1:x/getMe", "application/json", strings.NewReader("{}"))
		if err == nil {
			resp.Body.Close()
		}
		done <- err
	}()
	time.AfterFunc(20*time.Millisecond, f.Close)
	if err := <-done; err == nil {
		t.Error("a hanging call got an answer")
	}
}

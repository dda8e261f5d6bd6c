//go:build e2e

// Package lambda tests the bootstraps of `make lambda` on a stand-in of AWS. The
// suite of e2e/chat runs on it too, with INSTAR=lambda.
package lambda

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"instar/e2e/fake"
	"instar/e2e/instar"
	"instar/e2e/lambda/standin"
	"instar/e2e/s3server"
	"instar/functions"
)

const hookSecret = "telegram-webhook-secret"

// open opens a deployment whose queue nobody delivers.
func open(t testing.TB, vars map[string]string) *standin.Cloud {
	t.Helper()
	s3 := s3server.Start(t)
	key := make([]byte, 32)
	rand.Read(key)
	all := map[string]string{
		"SEAL_KEY": base64.StdEncoding.EncodeToString(key), "MODEL": "offline", "CONSOLE_TOKEN": "a token that is long and random",
		"TELEGRAM_BOT_TOKEN": "1:token", "TELEGRAM_WEBHOOK_SECRET": hookSecret, "OWNER": "telegram:1",
	}
	for name, value := range vars {
		all[name] = value
	}
	var names []string
	for _, f := range functions.All {
		names = append(names, f.Name)
	}
	c, err := standin.Open(standin.Options{
		Top: instar.Root(t), Folder: filepath.Join(t.TempDir(), "functions"), Names: names, Log: t.Output(), Vars: all,
		S3: s3.Endpoint, Keys: standin.Keys{ID: s3.AccessKeyID, Secret: s3.SecretAccessKey},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// call sends a request to a function's URL.
func call(f *standin.Function, method, path, body string, header http.Header) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	for name, values := range header {
		r.Header[name] = values
	}
	w := httptest.NewRecorder()
	f.URL(w, r)
	return w
}

func hook(f *standin.Function, id int) *httptest.ResponseRecorder {
	return call(f, http.MethodPost, "/hooks/telegram", string(fake.TelegramUpdate(int64(id), 7, 7, "hello")),
		http.Header{"X-Telegram-Bot-Api-Secret-Token": {hookSecret}, "Content-Type": {"application/json"}})
}

func invoke(f *standin.Function, payload string) (string, error) {
	i, err := f.Invoke(context.Background(), []byte(payload))
	if err != nil {
		return "", err
	}
	<-i.Began
	data, _ := io.ReadAll(i.Body)
	<-i.Done
	return string(data), i.Err
}

func TestEveryFunctionServesItsEventsAndNoOther(t *testing.T) {
	c := open(t, nil)
	if w := call(c.Functions["console"], http.MethodGet, "/healthz", "", nil); w.Code != http.StatusOK {
		t.Errorf("healthz: %d %s", w.Code, w.Body)
	}
	page := call(c.Functions["console"], http.MethodGet, "/", "", nil)
	if page.Code != http.StatusOK || !strings.Contains(page.Body.String(), "<script") || page.Header().Get("X-Frame-Options") != "DENY" {
		t.Errorf("page: %d %v", page.Code, page.Header())
	}
	if w := hook(c.Functions["webhook"], 1); w.Code != http.StatusOK {
		t.Errorf("hook: %d %s", w.Code, w.Body)
	}
	if waiting, _ := c.Queue.Waiting(); waiting != 1 {
		t.Errorf("%d messages are queued", waiting)
	}
	if err := c.Minute(time.Now()); err != nil {
		t.Error(err)
	}
	record := `{"Records":[{"messageId":"1","receiptHandle":"r","body":"{\"v\":1,\"key\":\"main/inbox/none\"}","attributes":{"ApproximateReceiveCount":"1"},"eventSource":"aws:sqs"}]}`
	if said, err := invoke(c.Functions["agent"], record); err != nil || said != `{"batchItemFailures":[]}` {
		t.Errorf("agent: %s, %v", said, err)
	}
	for name, payloads := range map[string][]string{
		"webhook":  {record, `{"scheduled":"2026-03-01T12:00:00Z"}`, `{}`, `[]`, `7`},
		"schedule": {record, `{"version":"2.0","requestContext":{"http":{"method":"GET"}},"rawPath":"/"}`},
	} {
		for _, payload := range payloads {
			if said, err := invoke(c.Functions[name], payload); err == nil || !strings.Contains(err.Error(), "does not serve such an event") {
				t.Errorf("%s given %s: %s, %v", name, payload, said, err)
			}
		}
		if n := c.Functions[name].Starts(); n > 2 { // two at once, at most
			t.Errorf("%s: a strange event ended the process: %d starts", name, n)
		}
	}
}

func TestAThousandEventsInOneProcess(t *testing.T) {
	c := open(t, nil)
	const most = 64 << 20 // bytes
	for name, once := range map[string]func(i int) error{
		"webhook": func(i int) error {
			if w := hook(c.Functions["webhook"], i); w.Code != http.StatusOK {
				return fmt.Errorf("%d %s", w.Code, w.Body)
			}
			return nil
		},
		"console": func(int) error {
			if w := call(c.Functions["console"], http.MethodGet, "/api/status", "", http.Header{"Authorization": {"Bearer a token that is long and random"}}); w.Code != http.StatusOK {
				return fmt.Errorf("%d %s", w.Code, w.Body)
			}
			return nil
		},
		"agent": func(i int) error {
			said, err := invoke(c.Functions["agent"], fmt.Sprintf(`{"Records":[{"messageId":"1","receiptHandle":"r","body":"{\"v\":1,\"key\":\"main/inbox/%d\"}","attributes":{"ApproximateReceiveCount":"1"}}]}`, i))
			if err == nil && said != `{"batchItemFailures":[]}` {
				err = fmt.Errorf("%s", said)
			}
			return err
		},
		"schedule": func(int) error { return c.Minute(time.Now()) },
	} {
		t.Run(name, func(t *testing.T) {
			var early int64
			for i := range 1000 {
				if err := once(i); err != nil {
					t.Fatalf("event %d: %v", i, err)
				}
				if i == 200 {
					early = largest(c.Functions[name])
				}
			}
			late := largest(c.Functions[name])
			t.Logf("%s: %d processes, %.1f MB after 200 events, %.1f MB after 1,000", name, c.Functions[name].Starts(), float64(early)/1e6, float64(late)/1e6)
			if late > most || late > early+early/4+4<<20 {
				t.Errorf("%s: %d bytes after 200 events, %d after 1,000, at most %d", name, early, late, most)
			}
		})
	}
}

func largest(f *standin.Function) (most int64) {
	for _, size := range f.RSS() {
		most = max(most, size)
	}
	return most
}

func TestATurnWhoseTimeIsUpIsTriedAgain(t *testing.T) {
	t.Setenv("INSTAR", instar.Lambda)
	w := instar.Start(t)
	w.Cloud().Functions["agent"].Timeout = 4 * time.Second
	hang := 20 * time.Second
	w.Anthropic.Script(func(c fake.Call) fake.Answer {
		a := fake.Answer{Hang: hang, Text: "Answer: " + c.LastUser()}
		hang = 0
		return a
	})
	w.Say(instar.Owner, "zebra")
	ctx, cancel := context.WithTimeout(t.Context(), 90*time.Second) // its lease lasts for 30 s
	defer cancel()
	if _, err := w.Telegram.WaitReply(ctx, instar.Owner, func(m fake.Message) bool { return strings.Contains(m.Text, "Answer: zebra") }); err != nil {
		t.Fatalf("no reply: %s", instar.Texts(w.Telegram.Chat(instar.Owner)))
	}
	if strings.Contains(w.Log(), "panic") {
		t.Error("a panic")
	}
}

// Whether the service tells a function that nobody reads its answer any more is
// not documented: the turn goes on in either case.
func TestATurnGoesOnWhenItsAnswerCannotBeSent(t *testing.T) {
	t.Setenv("INSTAR", instar.Lambda)
	w := instar.Start(t)
	agent := w.Cloud().Functions["agent"]
	agent.Cut = 200
	w.Anthropic.Script(instar.Fixed(fake.Answer{Text: strings.Repeat("zebra ", 60), ChunkSize: 12, Delay: 30 * time.Millisecond}))
	w.Stream("slow zebra", func(string, map[string]any) bool { return true })
	agent.Cut = 0
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(200 * time.Millisecond) {
		var page struct{ Messages []struct{ Role, Text string } }
		if err := json.NewDecoder(w.Get("/api/session?session=").Body).Decode(&page); err != nil {
			t.Fatal(err)
		}
		if n := len(page.Messages); n == 2 && strings.HasPrefix(page.Messages[1].Text, "zebra zebra") {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("the turn did not go on: %+v", page)
		}
	}
	if answer := w.Ask("again, zebra", ""); answer["reply"] == nil {
		t.Errorf("then %v", answer)
	}
}

func TestAProcessThatIsKilledLosesNothing(t *testing.T) {
	t.Setenv("INSTAR", instar.Lambda)
	w := instar.Start(t)
	began := make(chan struct{}, 10)
	hang := 30 * time.Second
	w.Anthropic.Script(func(c fake.Call) fake.Answer {
		began <- struct{}{}
		a := fake.Answer{Hang: hang, Text: "Answer: " + c.LastUser()}
		hang = 0
		return a
	})
	w.Say(instar.Owner, "zebra")
	<-began
	w.Cloud().Functions["agent"].Kill()
	shown := func() bool {
		for _, m := range w.Telegram.Chat(instar.Owner) {
			if strings.Contains(m.Text, "Answer: zebra") {
				return true
			}
		}
		return false
	}
	if !w.Recover(1, 2*time.Minute, shown) {
		t.Fatalf("no reply: %s", instar.Texts(w.Telegram.Chat(instar.Owner)))
	}
}

// BenchmarkColdStart is the time from the start of a process to the end of its
// first answer, its parameters' reading included.
func BenchmarkColdStart(b *testing.B) {
	c := open(b, nil)
	for name, once := range map[string]func(){
		"webhook": func() { hook(c.Functions["webhook"], 1) },
		"console": func() { call(c.Functions["console"], http.MethodGet, "/healthz", "", nil) },
		"agent": func() {
			invoke(c.Functions["agent"], `{"Records":[{"messageId":"1","receiptHandle":"r","body":"{\"v\":1,\"key\":\"main/inbox/none\"}","attributes":{}}]}`)
		},
		"schedule": func() { c.Minute(time.Now()) },
	} {
		for kind, warm := range map[string]bool{"cold": false, "warm": true} {
			b.Run(name+"/"+kind, func(b *testing.B) {
				for b.Loop() {
					once()
					if !warm {
						b.StopTimer()
						c.Kill()
						b.StartTimer()
					}
				}
			})
		}
	}
}

package turn_test

import (
	"context"
	"crypto/ed25519"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"instar/shared/inbox"
	"instar/shared/label"
	"instar/shared/model"
	"instar/shared/sandbox"
	"instar/shared/sandbox/client"
	"instar/shared/task"
	"instar/shared/turn"
)

// box is a container with the daemon's API, in which a command takes as many
// seconds as its text says ("work 90") and then prints "worked".
type box struct {
	t     *testing.T
	key   ed25519.PrivateKey
	mu    sync.Mutex
	jobs  map[string]*sandbox.Job
	takes map[string]time.Duration
	runs  []sandbox.Run
	files map[string]string
	gone  bool // it cannot be reached
	one   bool // it is busy while a command runs
	full  bool // the workspace cannot be saved
	saves int  // of the workspace
}

func (w *world) sandbox() *box {
	b := &box{t: w.t, key: ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize)), jobs: map[string]*sandbox.Job{}, takes: map[string]time.Duration{}, files: map[string]string{}}
	w.engine.Sandbox = turn.Sandbox{
		Report: "http://instar.internal/hooks/sandbox", Key: func(context.Context) ([]byte, error) { return []byte("a key"), nil },
		Open: func(_ context.Context, session string) (*client.Client, error) {
			return &client.Client{Do: b.do, Key: b.key, Session: session, Now: time.Now}, nil
		},
	}
	return b
}

func (b *box) do(session, publicKey string, r *http.Request) (*http.Response, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.gone {
		return nil, fmt.Errorf("connection refused")
	}
	for id := range b.jobs {
		if b.one && b.now(id).State == sandbox.Running {
			return nil, client.ErrBusy
		}
	}
	pub, err := sandbox.PublicKey(publicKey)
	if err != nil {
		return nil, err
	}
	token, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if c, err := sandbox.Verify(pub, token, session, time.Now()); err != nil || c.Purpose != sandbox.PurposeAPI {
		b.t.Errorf("token: %+v, %v", c, err)
	}
	w := httptest.NewRecorder()
	b.serve(w, r)
	return w.Result(), nil
}

func (b *box) serve(w http.ResponseWriter, r *http.Request) {
	name, isFile := strings.CutPrefix(r.URL.Path, "/v1/files/")
	switch {
	case r.Method == "POST" && r.URL.Path == "/v1/jobs":
		var run sandbox.Run
		json.NewDecoder(r.Body).Decode(&run)
		if b.jobs[run.ID] == nil {
			seconds, _ := strconv.Atoi(strings.TrimPrefix(run.Command, "work "))
			b.jobs[run.ID], b.takes[run.ID] = &sandbox.Job{ID: run.ID, State: sandbox.Running, Started: time.Now()}, time.Duration(seconds)*time.Second
			b.runs = append(b.runs, run)
		}
		b.wait(r, run.ID)
		json.NewEncoder(w).Encode(b.now(run.ID))
	case r.URL.Path == "/v1/jobs":
		all := []sandbox.Job{}
		for id := range b.jobs {
			all = append(all, *b.now(id))
		}
		json.NewEncoder(w).Encode(map[string]any{"jobs": all})
	case r.URL.Path == "/v1/list/":
		fmt.Fprint(w, `{"entries":[]}`)
	case r.URL.Path == "/v1/save" && b.full:
		w.WriteHeader(413)
		fmt.Fprint(w, `{"error":"workspace is too large to save: 300 MB, at most 160 MB"}`)
	case r.URL.Path == "/v1/save":
		b.saves++
		fmt.Fprintln(w, `{"v":1,"packs":[],"nodes":[]}`)
	case strings.HasSuffix(r.URL.Path, "/signal"):
		id := path.Base(path.Dir(r.URL.Path))
		b.end(id, sandbox.WhyAsked)
	case strings.HasPrefix(r.URL.Path, "/v1/jobs/"):
		id := path.Base(r.URL.Path)
		if b.jobs[id] == nil {
			w.WriteHeader(404)
			fmt.Fprint(w, `{"error":"there is no such job"}`)
			return
		}
		b.wait(r, id)
		json.NewEncoder(w).Encode(b.now(id))
	case isFile && r.Method == "PUT":
		data := make([]byte, 1<<16)
		n, _ := r.Body.Read(data)
		b.files[name] = string(data[:n])
	case isFile:
		fmt.Fprint(w, b.files[name])
	default:
		w.WriteHeader(404)
	}
}

// wait waits as a request asks for a job's end.
func (b *box) wait(r *http.Request, id string) {
	wait, _ := strconv.Atoi(r.URL.Query().Get("wait"))
	until := time.Now().Add(time.Duration(wait) * time.Second)
	for b.now(id).State == sandbox.Running && time.Now().Before(until) && r.Context().Err() == nil {
		b.mu.Unlock()
		time.Sleep(time.Second)
		b.mu.Lock()
	}
}

func (b *box) now(id string) *sandbox.Job {
	if j := b.jobs[id]; j.State == sandbox.Running && time.Since(j.Started) >= b.takes[id] {
		b.end(id, sandbox.WhyExit)
	}
	return b.jobs[id]
}

func (b *box) end(id, why string) {
	j, now, zero := b.jobs[id], time.Now(), 0
	if j.State == sandbox.Ended {
		return
	}
	j.State, j.Why, j.Ended, j.OutputBytes, j.Head = sandbox.Ended, why, &now, 7, "worked\n"
	if why == sandbox.WhyExit {
		j.ExitCode = &zero
	}
}

func (w *world) tasks() *task.Store { return &task.Store{Bucket: w.store, Agent: "main"} }

// working has the model run a command, and then say what it is told.
func working(command string) answerFunc {
	return func(ctx context.Context, r model.Request, onText func(string)) (model.Reply, error) {
		last := r.Messages[len(r.Messages)-1]
		switch {
		case len(last.Results) > 0:
			return text(onText, "I am told: "+last.Results[0].Text)
		case strings.HasPrefix(last.Text, "[The task"):
			return text(onText, "It ended: "+last.Text)
		}
		return asks(call("1", "sandbox_run", command))(ctx, r, onText)
	}
}

func TestAQuickCommandAnswersInItsTurn(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		b := w.sandbox()
		w.models[primary].answer = working(`{"command":"work 3"}`)
		done := w.say(owner, "run it")
		if got := w.telegram.in("42"); len(got) != 1 || !strings.Contains(got[0], "Exit code 0, after 3s. Output: 7 bytes.\nworked") {
			t.Errorf("chat shows %q", got)
		}
		if list, err := w.tasks().List(t.Context()); err != nil || len(list) > 0 || len(b.runs) != 1 {
			t.Errorf("tasks %+v, %v; runs %+v", list, err, b.runs)
		}
		if done.Label.Integrity != label.Owner {
			t.Errorf("without a network and anybody's text, the label is %v", done.Label)
		}
	})
}

func TestALongCommandGoesOnAsATaskAndIsAnsweredOnce(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.sandbox()
		w.models[primary].answer = working(`{"command":"work 300","wait_s":10}`)
		w.say(owner, "run it")
		got := w.telegram.in("42")
		if len(got) != 3 || !strings.Contains(got[0], "It goes on as the task") || !strings.Contains(got[1], "✓ `work 300`: ended after") || !strings.Contains(got[2], "It ended: [The task") || !strings.Contains(got[2], "Exit code 0, after 5m") {
			t.Errorf("chat shows %q", got)
		}
		if list, err := w.tasks().List(t.Context()); err != nil || len(list) > 0 {
			t.Errorf("tasks %+v, %v", list, err)
		}
		// A report of the same end that comes late, too, is no second answer.
		if n := len(w.models[primary].asked()); n != 3 {
			t.Errorf("the model was asked %d times", n)
		}
	})
}

func TestAReportAndALookAtOnceAreOneAnswer(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.sandbox()
		w.models[primary].answer = working(`{"command":"work 60","wait_s":0}`)
		w.deliverOnly("run it")
		list, err := w.tasks().List(t.Context())
		if err != nil || len(list) != 1 {
			t.Fatalf("%+v, %v", list, err)
		}
		time.Sleep(61 * time.Second)
		one := list[0]
		zero, now := 0, time.Now()
		m := one.Message("main", sandbox.Job{State: sandbox.Ended, Why: sandbox.WhyExit, ExitCode: &zero, Started: one.Started, Ended: &now, OutputBytes: 7, Head: "worked\n"}, time.Now())
		if _, err := inbox.Accept(t.Context(), w.bucket, w, "main", m, time.Now(), 0); err != nil {
			t.Fatal(err)
		}
		var wait sync.WaitGroup
		for range 3 {
			wait.Go(func() { w.engine.Look(context.Background(), one.ID, 0) })
		}
		wait.Wait()
		w.drain()
		answers := 0
		for _, shown := range w.telegram.in("42") {
			answers += strings.Count(shown, "It ended:")
		}
		if answers != 1 {
			t.Errorf("%d answers: %q", answers, w.telegram.in("42"))
		}
	})
}

func TestStopEndsTheTasksOfTheConversation(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		b := w.sandbox()
		w.models[primary].answer = working(`{"command":"work 3000","wait_s":0}`)
		w.deliverOnly("run it")
		if got := w.say("slack:U1", "/tasks").Reply; !strings.Contains(got, "`work 3000`") {
			t.Errorf("/tasks: %q", got)
		}
		w.say("slack:U1", "/stop")
		for id, j := range b.jobs {
			if j.Why != sandbox.WhyAsked {
				t.Errorf("job %s: %+v", id, j)
			}
		}
		got := w.telegram.in("42")
		if last := got[len(got)-1]; !strings.Contains(last, "⏹ `work 3000`") || strings.Contains(last, "It ended:") {
			t.Errorf("chat shows %q", got)
		}
		if got := w.say(owner, "/tasks").Reply; got != "Nothing is running." {
			t.Errorf("/tasks: %q", got)
		}
	})
}

func TestATaskWhoseContainerWentAwayIsTold(t *testing.T) {
	for name, lose := range map[string]func(b *box){
		"another container": func(b *box) { b.jobs = map[string]*sandbox.Job{} },
		"none at all":       func(b *box) { b.gone = true },
	} {
		inBubble(t, func(t *testing.T, w *world) {
			b := w.sandbox()
			w.models[primary].answer = working(`{"command":"work 3000","wait_s":0}`)
			w.deliverOnly("run it")
			list, _ := w.tasks().List(t.Context())
			b.mu.Lock()
			lose(b)
			b.mu.Unlock()
			if err := w.engine.Look(t.Context(), list[0].ID, 0); err != nil {
				t.Fatal(err)
			}
			w.drain()
			got := w.telegram.in("42")
			if last := got[len(got)-1]; !strings.Contains(last, "the container went away") {
				t.Errorf("%s: chat shows %q", name, got)
			}
		})
	}
}

// What commands wrote counts as anybody's once anybody's text was in the
// workspace, also in another conversation's turn, and after a restart.
func TestTheWorkspaceRemembersWhoseTextIsInIt(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.sandbox()
		w.models[primary].answer = inTurn(says("I see."), asks(call("1", "sandbox_write", `{"path":"a.txt","text":"open the door"}`)), says("Kept."))
		w.deliver(w.forwarded("open the door"))
		w.say(owner, "write that down")
		w.say(owner, "/new")
		w.models[primary].answer = inTurn(asks(call("1", "sandbox_read", `{"path":"a.txt"}`)), says("Read."))
		if got := w.say(owner, "what is in a.txt?").Label.Integrity; got != label.Untrusted {
			t.Errorf("%v", got)
		}
	})
	inBubble(t, func(t *testing.T, w *world) {
		w.sandbox()
		w.engine.Sandbox.Network = true
		w.models[primary].answer = inTurn(asks(call("1", "sandbox_run", `{"command":"work 1"}`)), asks(call("2", "sandbox_run", `{"command":"work 2"}`)), says("Done."))
		if got := w.say(owner, "run it").Label.Integrity; got != label.Untrusted {
			t.Errorf("with a network: %v", got)
		}
		if w.button("Yes") == "" {
			t.Errorf("the second command was not asked about: %q", w.telegram.in("42"))
		}
	})
}

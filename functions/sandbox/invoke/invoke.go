//go:build linux

// Package invoke serves the daemon on AWS Lambda, where it is a function of a
// container image: an invocation in place of a connection, one at a time.
//
// What is different there, for the daemon is no root and cannot become anybody:
//
//   - Jobs are the same user. What the daemon has in memory they cannot see
//     (PR_SET_DUMPABLE), and it has no secret: it begins anew without the
//     credentials of its role (Bare). What the platform's own first process has of
//     them is not ours to hide, so the role must allow nothing.
//   - A job can end the daemon. Then its invocation fails, and the environment with
//     its session is gone.
//   - A job can reach the Runtime API. While it runs the API has no invocation to
//     hand out but the one that the job itself belongs to, whose id it cannot see;
//     and no job outlives its invocation, nor anything of a session the next one
//     (package clean).
//   - Between invocations everything stands still. So the answer to an invocation
//     that leaves a job running stays open until the job has ended. It comes with
//     its length then, and whoever called has read it long before.
//   - The platform may take the environment away whenever nothing runs, and with it
//     the results of jobs that nobody has asked for.
package invoke

import (
	"context"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/events"
	runtime "github.com/aws/aws-lambda-go/lambda"
	"golang.org/x/sys/unix"

	"instar/functions/sandbox/job"
	"instar/shared/aws/lambda/httpevent"
	"instar/shared/sandbox"
)

// API is the variable by which the platform tells that it is Lambda.
const API = "AWS_LAMBDA_RUNTIME_API"

const (
	// spare is how long before the end of an invocation its jobs have ended: their
	// grace, the kernel's time to let go of them, and some to say so.
	spare = 15 * time.Second
	// last is how long before that end the answer ends in any case.
	last = time.Second
	// patience is how long a session is not put out for another one, after it
	// changed something that has not been saved since. A task is looked at each
	// minute.
	patience = 3 * time.Minute
)

// own are the variables that the daemon keeps.
var own = []string{API, "SANDBOX_DIR", "SANDBOX_MAX_MB", "PATH"}

// Bare has the process begin anew with only its own variables, unless it has. The
// kernel would show the others in /proc/self/environ for as long as it lives.
func Bare() error {
	var kept []string
	for _, pair := range os.Environ() {
		if name, _, _ := strings.Cut(pair, "="); slices.Contains(own, name) {
			kept = append(kept, pair)
		}
	}
	if len(kept) == len(os.Environ()) {
		return nil
	}
	return unix.Exec("/proc/self/exe", os.Args, kept)
}

// Server serves one session after the other.
type Server struct {
	// Open makes an empty sandbox for a session, of which only the one before is
	// left: nothing of it may stay.
	Open func(session string, key ed25519.PublicKey) (http.Handler, error)
	Jobs *job.Table

	session, key string
	handler      http.Handler
	unsaved      time.Time // when something was changed that is not saved, by the wall clock
}

// Serve does not return.
func (s *Server) Serve() { runtime.Start(s.handle) }

// handle serves one invocation.
func (s *Server) handle(ctx context.Context, payload json.RawMessage) (any, error) {
	var in events.APIGatewayV2HTTPRequest
	if err := json.Unmarshal(payload, &in); err != nil || in.Version != "2.0" {
		return nil, errors.New("the sandbox serves no such event")
	}
	deadline, _ := ctx.Deadline() // the runtime's client always sets one
	ctx, cancel := context.WithDeadline(ctx, deadline.Add(-last))
	during, stop := context.WithDeadline(ctx, deadline.Add(-spare))
	w := httpevent.NewAnswer()
	w.Sized = func() bool { return s.Jobs.Running() > 0 }
	done := make(chan struct{})
	go func() {
		defer close(done)
		err := s.serve(w, during, &in)
		w.Flush()
		s.wait(ctx)
		stop()
		cancel()
		w.Close(err)
	}()
	return w.Response(func() { cancel(); <-done }), nil
}

// serve answers a request. An error is an answer that is not whole.
func (s *Server) serve(w *httpevent.Answer, ctx context.Context, in *events.APIGatewayV2HTTPRequest) (err error) {
	defer func() {
		if recover() != nil { // the handler has told the log
			err = errors.New("the daemon failed")
			if _, begun := w.Begun(); !begun {
				http.Error(w, `{"error":"the sandbox's daemon failed"}`, http.StatusInternalServerError)
				err = nil
			}
		}
	}()
	r, err := httpevent.Request(ctx, in)
	if err != nil {
		refuse(w, sandbox.NotRequest, "this is no request")
		return nil
	}
	w.Head = r.Method == http.MethodHead
	if !s.let(w, r) {
		return nil
	}
	s.handler.ServeHTTP(w, r)
	if status, _ := w.Begun(); status/100 == 2 {
		s.note(r)
	}
	return nil
}

// let lets a call of a session in, which gets the environment to itself; false has
// answered why it cannot be.
func (s *Server) let(w http.ResponseWriter, r *http.Request) bool {
	session, text := r.Header.Get(sandbox.HeaderSession), r.Header.Get(sandbox.HeaderKey)
	key, err := sandbox.PublicKey(text)
	switch {
	case err != nil || session == "":
		refuse(w, sandbox.NotRequest, "this is no call to a session's sandbox")
	case s.handler != nil && s.session == session && s.key == text:
		return true
	case r.Header.Get(sandbox.HeaderQuiet) != "":
		refuse(w, sandbox.NotAwake, "the sandbox is asleep")
	case s.Jobs.Running() > 0 || now().Sub(s.unsaved) < patience:
		refuse(w, sandbox.NotNow, "the sandbox is busy with another conversation")
	default:
		s.handler = nil
		handler, err := s.Open(session, key)
		if err != nil {
			slog.Error("sandbox not made", "error", err.Error())
			refuse(w, sandbox.NotReachable, "the sandbox could not be made")
			return false
		}
		s.session, s.key, s.handler, s.unsaved = session, text, handler, time.Time{}
		slog.Info("sandbox ready")
		return true
	}
	return false
}

// note takes down what a call that was answered has done to the session.
func (s *Server) note(r *http.Request) {
	switch {
	case r.Method == http.MethodPost && r.URL.Path == "/v1/save":
		s.unsaved = time.Time{}
	case r.Method == http.MethodGet || r.Method == http.MethodHead || strings.HasPrefix(r.URL.Path, "/v1/restore"):
	default:
		s.unsaved = now()
	}
}

// wait returns when no job runs.
func (s *Server) wait(ctx context.Context) {
	for _, j := range s.Jobs.List() {
		select {
		case <-j.Done():
			continue
		default:
		}
		select {
		case <-j.Done():
			s.unsaved = now()
		case <-ctx.Done():
		}
	}
}

// now is the wall clock's: the other one may stand still between invocations.
func now() time.Time { return time.Now().Round(0) }

// refuse answers in the daemon's place.
func refuse(w http.ResponseWriter, kind, problem string) {
	data, _ := json.Marshal(map[string]string{"error": problem})
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set(sandbox.HeaderError, kind)
	w.WriteHeader(http.StatusServiceUnavailable)
	w.Write(data)
}

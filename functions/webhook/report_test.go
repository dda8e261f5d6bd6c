package webhook_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"instar/shared/task"
)

func TestAReportHasItsTaskLookedAt(t *testing.T) {
	p := newPlace()
	key := []byte("the key of reports")
	p.handler.TaskKey = func(context.Context) ([]byte, error) { return key, nil }
	id, other := task.ID("a call"), task.ID("another")
	if err := (&task.Store{Bucket: p.store, Agent: "main"}).Create(t.Context(), task.Task{ID: id, Looks: 3}); err != nil {
		t.Fatal(err)
	}
	send := func(job, token string) int {
		r := httptest.NewRequest(http.MethodPost, "/hooks/sandbox", strings.NewReader(fmt.Sprintf(`{"v":1,"job":%q,"head":"untrusted"}`, job)))
		if token != "" {
			r.Header.Set("Authorization", "Bearer "+token)
		}
		w := httptest.NewRecorder()
		p.handler.ServeHTTP(w, r)
		return w.Code
	}
	for name, c := range map[string]struct {
		job, token string
		want       int
	}{
		"no token":             {id, "", http.StatusUnauthorized},
		"another task's token": {id, task.Token(key, other), http.StatusUnauthorized},
		"another key's":        {id, task.Token([]byte("x"), id), http.StatusUnauthorized},
		"nobody's task":        {other, task.Token(key, other), http.StatusGone},
		"no task's name":       {"../x", task.Token(key, "../x"), http.StatusGone},
	} {
		if got := send(c.job, c.token); got != c.want || len(p.queue.bodies) > 0 {
			t.Errorf("%s: status %d, queued %q", name, got, p.queue.bodies)
		}
	}
	if got := send(id, task.Token(key, id)); got != http.StatusOK {
		t.Errorf("status %d", got)
	}
	if len(p.queue.bodies) != 1 || !strings.Contains(p.queue.bodies[0], `"task":"`+id+`","look":3`) || strings.Contains(p.queue.bodies[0], "untrusted") {
		t.Errorf("queued %q", p.queue.bodies)
	}
}

func TestWithoutASandboxThereIsNoSuchRoute(t *testing.T) {
	p := newPlace()
	w := httptest.NewRecorder()
	p.handler.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/hooks/sandbox", strings.NewReader("{}")))
	if w.Code != http.StatusNotFound {
		t.Errorf("status %d", w.Code)
	}
}

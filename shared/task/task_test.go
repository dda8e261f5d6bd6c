package task_test

import (
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"instar/shared/bucket"
	"instar/shared/label"
	"instar/shared/sandbox"
	"instar/shared/task"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func newStore() *task.Store { return &task.Store{Bucket: bucket.NewMemory(), Agent: "main"} }

func TestATaskIsKeptUntilItHasEnded(t *testing.T) {
	s, id := newStore(), task.ID("main.1.2.ab")
	for range 2 {
		if err := s.Create(t.Context(), task.Task{ID: id, Title: "make"}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.Update(t.Context(), id, func(t *task.Task) { t.Looks = 3 }); err != nil {
		t.Fatal(err)
	}
	// Kept again, as after a crash, it is what it was.
	if err := s.Create(t.Context(), task.Task{ID: id, Title: "other"}); err != nil {
		t.Fatal(err)
	}
	if got, err := s.Get(t.Context(), id); err != nil || got.Looks != 3 || got.Title != "make" {
		t.Errorf("%+v, %v", got, err)
	}
	if list, err := s.List(t.Context()); err != nil || len(list) != 1 {
		t.Errorf("%+v, %v", list, err)
	}
	for range 2 {
		if err := s.End(t.Context(), id); err != nil {
			t.Error(err)
		}
	}
	for _, gone := range []string{id, "", "../x", strings.Repeat("g", 16)} {
		if _, err := s.Get(t.Context(), gone); !errors.Is(err, task.ErrNotFound) {
			t.Errorf("%q: %v", gone, err)
		}
	}
}

func TestOfManyWhoLookOneGoesOn(t *testing.T) {
	s, id := newStore(), task.ID("x")
	if err := s.Create(t.Context(), task.Task{ID: id}); err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var wait sync.WaitGroup
	won := 0
	for range 6 {
		wait.Go(func() {
			mine := false
			if _, err := s.Update(t.Context(), id, func(t *task.Task) {
				if mine = t.Looks == 0; mine {
					t.Looks++
				}
			}); err == nil && mine {
				mu.Lock()
				won++
				mu.Unlock()
			}
		})
	}
	wait.Wait()
	if won != 1 {
		t.Errorf("%d went on", won)
	}
}

func TestATokenIsOfOneTaskAndOneKey(t *testing.T) {
	a, b := task.ID("a"), task.ID("b")
	token := task.Token([]byte("key"), a)
	if !task.Proves([]byte("key"), a, token) {
		t.Error("a task's own token is refused")
	}
	for _, c := range [][2]string{{"key", b}, {"other", a}} {
		if task.Proves([]byte(c[0]), c[1], token) {
			t.Errorf("%v: taken", c)
		}
	}
	if task.Proves([]byte("key"), a, "") || task.Proves([]byte("key"), a, token[:10]) {
		t.Error("no token is taken")
	}
}

func TestWhatACommandWroteIsAnybodys(t *testing.T) {
	zero, ended := 0, noon.Add(90*time.Second)
	one := task.Task{ID: task.ID("x"), Title: "make", Turn: 7, Label: "owner,secret"}
	m := one.Message("main", sandbox.Job{State: sandbox.Ended, Why: sandbox.WhyExit, ExitCode: &zero, Started: noon, Ended: &ended, OutputBytes: 3, Head: "ok\n"}, noon)
	if l := label.ParseMark(m.Task.Label); l.Integrity != label.Untrusted || l.Confidentiality != label.Secret {
		t.Errorf("label %v", l)
	}
	if m.ID != "task:"+one.ID || m.Task.Turn != 7 || !strings.Contains(m.Text, "(make) has ended") || !strings.Contains(m.Text, "Exit code 0, after 1m30s. Output: 3 bytes.\nok") {
		t.Errorf("%+v", m)
	}
}

func TestALongOutputIsHeadAndTailWithItsCount(t *testing.T) {
	j := sandbox.Job{State: sandbox.Ended, Why: sandbox.WhyTime, OutputBytes: 100 << 20, Head: strings.Repeat("a", 20<<10), Tail: strings.Repeat("z", 20<<10)}
	got := task.Outcome(j)
	if len(got) > 13<<10 || !strings.Contains(got, "104857600 bytes") || !strings.Contains(got, "aaa\n[about 104845312 bytes left out]\nzzz") || !strings.HasPrefix(got, "It was ended: it took longer than it may") {
		t.Errorf("%.200q ... %d bytes", got, len(got))
	}
}

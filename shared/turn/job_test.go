package turn_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"instar/shared/channel"
	"instar/shared/chat"
	"instar/shared/inbox"
	"instar/shared/job"
	"instar/shared/model"
	"instar/shared/session"
)

func (w *world) jobs() *job.Store {
	return &job.Store{Bucket: w.bucket, Agent: "main", Now: time.Now}
}

// make stores a job and returns it.
func (w *world) makeJob(change func(*job.Job)) *job.Job {
	w.t.Helper()
	j := &job.Job{Kind: job.Reminder, Text: "Take the bread out.", By: "test", Label: "owner", To: chat.Address{Channel: "telegram", Chat: "42"},
		Schedule: job.Schedule{At: time.Now().Add(10 * time.Minute), Zone: "UTC"}}
	change(j)
	j, err := w.jobs().Create(context.Background(), j)
	if err != nil {
		w.t.Fatal(err)
	}
	return j
}

// minutes has the clock look n times, a minute apart, as cron does.
func (w *world) minutes(n int) {
	w.t.Helper()
	for range n {
		due, err := w.jobs().Due(context.Background(), time.Now().Add(time.Minute))
		if err != nil {
			w.t.Fatal(err)
		}
		for _, d := range due {
			if _, err := w.jobs().Fire(context.Background(), d, func(ctx context.Context, m *chat.Message, delay time.Duration) error {
				_, err := inbox.Accept(ctx, w.bucket, w, "main", m, time.Now(), delay)
				return err
			}); err != nil {
				w.t.Fatal(err)
			}
		}
		next := time.Now().Truncate(time.Minute).Add(time.Minute)
		w.drain()
		time.Sleep(time.Until(next))
	}
}

func (w *world) runs(id string) []job.Run {
	w.t.Helper()
	runs, err := w.jobs().Runs(context.Background(), id, 10)
	if err != nil {
		w.t.Fatal(err)
	}
	return runs
}

func TestAReminderIsSentToTheSecondWithoutAModel(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		due := time.Now().Add(10*time.Minute + 17*time.Second)
		j := w.makeJob(func(j *job.Job) { j.Schedule.At = due })
		w.minutes(15)
		if got := w.telegram.in("42"); !slices.Equal(got, []string{"⏰ Take the bread out."}) {
			t.Fatalf("chat shows %q", got)
		}
		runs := w.runs(j.ID)
		if len(runs) != 1 || runs[0].State != job.Done || !slices.Equal(runs[0].Delivered, []string{"telegram-1"}) || runs[0].Attempts != 1 {
			t.Errorf("runs: %+v", runs)
		}
		if late := runs[0].Started.Sub(due); late < 0 || late > time.Second {
			t.Errorf("it ran %v after its time", late)
		}
		if n := len(w.models[primary].asked()); n > 0 {
			t.Errorf("the model was asked %d times", n)
		}
		if jobs, err := w.jobs().List(t.Context()); err != nil || len(jobs) > 0 {
			t.Errorf("left: %+v, %v", jobs, err)
		}
		if got := w.open(); len(got) > 0 {
			t.Errorf("left in the inbox: %q", got)
		}
	})
}

func TestTheModelMakesListsAndCancelsJobs(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.models[primary].answer = inTurn(
			asks(call("1", "schedule_create", `{"text":"Water the plants.","kind":"reminder","every":"1d","name":"plants"}`)), says("Made."),
			asks(call("2", "schedule_list", `{}`)), says("Listed."))
		w.say(owner, "remind me daily")
		w.say(owner, "what jobs are there?")
		jobs, err := w.jobs().List(t.Context())
		if err != nil || len(jobs) != 1 || jobs[0].To.Chat != "42" {
			t.Fatalf("%+v, %v", jobs, err)
		}
		listed := w.lastRequest().Messages
		if result := listed[len(listed)-1].Results; len(result) != 1 || !strings.Contains(result[0].Text, jobs[0].ID) || !strings.Contains(result[0].Text, "Water the plants.") {
			t.Errorf("the model is shown %+v", result)
		}
		if got := w.say(owner, "/jobs").Reply; !strings.Contains(got, "plants") || !strings.Contains(got, "every 1d") {
			t.Errorf("%q", got)
		}
		if got := w.say(owner, "/jobs cancel "+strings.ToUpper(jobs[0].ID)).Reply; got != "Cancelled." {
			t.Errorf("%q", got)
		}
		if got := w.say(owner, "/jobs").Reply; !strings.HasPrefix(got, "There are no jobs.") {
			t.Errorf("%q", got)
		}
		w.minutes(3 * 24 * 60)
		if got := w.telegram.in("42"); slices.Contains(got, "⏰ Water the plants.") {
			t.Errorf("it ran all the same: %q", got)
		}
	})
}

func TestAJobForTheNextSecondsDoesNotWaitForTheClock(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		at := time.Now().Add(20 * time.Second).UTC().Format(time.RFC3339)
		w.models[primary].answer = inTurn(asks(call("1", "schedule_create", `{"text":"Now.","kind":"reminder","at":"`+at+`"}`)), says("Made."))
		began := time.Now()
		w.say(owner, "in 20 seconds")
		if got := w.telegram.in("42"); !slices.Contains(got, "⏰ Now.") || time.Since(began) > 25*time.Second {
			t.Errorf("after %v the chat shows %q", time.Since(began), got)
		}
	})
}

func TestATaskIsATurnOfItsOwnWhoseAnswerIsSent(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.say(owner, "hello")
		j := w.makeJob(func(j *job.Job) {
			j.Kind, j.Text, j.Schedule = job.Task, "Say something wise.", job.Schedule{Every: time.Hour, From: time.Now(), Zone: "UTC"}
		})
		w.models[primary].answer = says("Know thyself.")
		w.minutes(130)
		if got := w.telegram.in("42"); !slices.Equal(got[1:], []string{"Know thyself.", "Know thyself."}) {
			t.Errorf("chat shows %q", got)
		}
		for _, r := range w.models[primary].asked()[1:] {
			if got := users(r); len(got) != 1 || !strings.HasSuffix(got[0], "Say something wise.") {
				t.Errorf("the model was asked %q", got)
			}
		}
		for _, r := range w.runs(j.ID) {
			if r.State != job.Done || r.Cost == 0 || len(r.Delivered) != 1 {
				t.Errorf("%+v", r)
			}
		}
		head, _, err := w.sessions().Head(t.Context(), session.Main)
		if err != nil || head.Turn.Seq != 1 {
			t.Errorf("the owner's conversation has %d turns, %v", head.Turn.Seq, err)
		}
		if got := w.say(owner, "/jobs "+j.ID).Reply; strings.Count(got, "done") != 2 || !strings.Contains(got, "delivered as message") {
			t.Errorf("%q", got)
		}
	})
}

func TestWhatWasMissedWhileDownRunsOnceAndSaysWhenItWasDue(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		due := time.Now().Add(time.Hour)
		w.makeJob(func(j *job.Job) { j.Schedule = job.Schedule{Every: time.Hour, From: time.Now(), Zone: "UTC"} })
		time.Sleep(5*time.Hour + 30*time.Minute) // nothing runs
		w.minutes(10)
		want := "⏰ Take the bread out.\n\n(This was due at " + due.In(w.engine.Zone).Format("15:04 on Monday, 2 January 2006") + ".)"
		if got := w.telegram.in("42"); !slices.Equal(got, []string{want}) {
			t.Errorf("chat shows %q", got)
		}
		w.minutes(30)
		if got := w.telegram.in("42"); len(got) != 2 || got[1] != "⏰ Take the bread out." {
			t.Errorf("then chat shows %q", got)
		}
	})
}

func TestWhatIsLaterThanItsGraceIsSkipped(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		j := w.makeJob(func(j *job.Job) { j.Grace = time.Hour })
		time.Sleep(3 * time.Hour)
		w.minutes(5)
		if got := w.telegram.in("42"); len(got) > 0 {
			t.Errorf("chat shows %q", got)
		}
		if runs := w.runs(j.ID); len(runs) != 1 || runs[0].State != job.Skipped || len(runs[0].Delivered) > 0 {
			t.Errorf("runs: %+v", runs)
		}
	})
}

func TestAFailureIsRetriedAndTheOwnerToldOfTheSecond(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		var at []time.Time
		down := fails(&model.Error{Provider: "anthropic", Status: 401, Reason: "invalid x-api-key"})
		w.models[primary].answer = func(ctx context.Context, r model.Request, onText func(string)) (model.Reply, error) {
			at = append(at, time.Now())
			return down(ctx, r, onText)
		}
		w.models[fallback].answer = down
		j := w.makeJob(func(j *job.Job) { j.Kind = job.Task })
		w.minutes(120)
		var waits []time.Duration
		for i := 1; i < len(at); i++ {
			waits = append(waits, at[i].Sub(at[i-1]).Round(time.Second))
		}
		if want := []time.Duration{30 * time.Second, time.Minute, 5 * time.Minute, 15 * time.Minute, time.Hour}; !slices.Equal(waits, want) {
			t.Errorf("tried again after %v, want %v", waits, want)
		}
		got := w.telegram.in("42")
		if len(got) != 2 || !strings.Contains(got[0], "failed 2 times in a row") || !strings.Contains(got[0], "again in 1 minute") ||
			!strings.Contains(got[1], "failed 6 times") || !strings.Contains(got[1], "do not try again") {
			t.Errorf("chat shows %q", got)
		}
		runs := w.runs(j.ID)
		if len(runs) != 1 || runs[0].State != job.Failed || runs[0].Attempts != 6 || !strings.Contains(runs[0].Error, "invalid x-api-key") {
			t.Errorf("runs: %+v", runs)
		}
	})
}

func TestOneFailureThatIsMendedIsNoNews(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		down := fails(&model.Error{Provider: "anthropic", Status: 401, Reason: "no"})
		w.models[fallback].answer = down
		w.models[primary].answer = inTurn(down, says("Done at last."))
		j := w.makeJob(func(j *job.Job) { j.Kind = job.Task })
		w.minutes(30)
		if got := w.telegram.in("42"); !slices.Equal(got, []string{"Done at last."}) {
			t.Errorf("chat shows %q", got)
		}
		if runs := w.runs(j.ID); len(runs) != 1 || runs[0].State != job.Done || runs[0].Attempts != 2 {
			t.Errorf("runs: %+v", runs)
		}
	})
}

func TestAJobWhoseFileIsUnchangedCostsNothing(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.remember("files/MEMORY.md", "- tea")
		j := w.makeJob(func(j *job.Job) {
			j.Kind, j.Unless = job.Task, &job.Check{File: "MEMORY.md"}
			j.Schedule = job.Schedule{Every: time.Hour, From: time.Now(), Zone: "UTC"}
		})
		w.minutes(3*60 + 30)
		if n := len(w.models[primary].asked()); n != 1 {
			t.Errorf("the model was asked %d times", n)
		}
		states := map[job.RunState]int{}
		for _, r := range w.runs(j.ID) {
			states[r.State]++
		}
		if states[job.Done] != 1 || states[job.Unchanged] != 2 {
			t.Errorf("runs: %v", states)
		}
		o, err := w.store.Get(t.Context(), "main/files/MEMORY.md")
		if err == nil {
			_, err = w.store.PutIfMatch(t.Context(), o.Key, o.ETag, []byte("- coffee"))
		}
		if err != nil {
			t.Fatal(err)
		}
		w.minutes(60)
		if n := len(w.models[primary].asked()); n != 2 {
			t.Errorf("after a change the model was asked %d times", n)
		}
	})
}

// page is a web page with a validator.
type page struct {
	header, value string
	body          string
	status        int
	asked         []string // If-None-Match and If-Modified-Since
}

func (p *page) Do(r *http.Request) (*http.Response, error) {
	conditions := r.Header.Get("If-None-Match") + r.Header.Get("If-Modified-Since")
	p.asked = append(p.asked, conditions)
	response := &http.Response{StatusCode: max(p.status, 200), Header: http.Header{}, Body: io.NopCloser(strings.NewReader(p.body))}
	if p.header != "" {
		response.Header.Set(p.header, p.value)
		if conditions == p.value && p.status == 0 {
			response.StatusCode = http.StatusNotModified
		}
	}
	return response, nil
}

func TestAJobWhosePageIsUnchangedCostsNothing(t *testing.T) {
	for _, p := range []*page{{header: "ETag", value: `"1"`}, {header: "Last-Modified", value: "Sat, 01 Jan 2000 00:00:00 GMT"}, {body: "news"}} {
		inBubble(t, func(t *testing.T, w *world) {
			w.engine.Web = p
			w.makeJob(func(j *job.Job) {
				j.Unless = &job.Check{URL: "https://example.com/news"}
				j.Schedule = job.Schedule{Every: time.Hour, From: time.Now(), Zone: "UTC"}
			})
			w.minutes(3*60 + 30)
			if got := w.telegram.in("42"); len(got) != 1 {
				t.Errorf("%s: chat shows %q", p.header, got)
			}
			p.value, p.body = p.value+"2", "other news"
			w.minutes(60)
			if got := w.telegram.in("42"); len(got) != 2 {
				t.Errorf("%s: after a change the chat shows %q", p.header, got)
			}
			p.status = 500
			w.minutes(60)
			if got := w.telegram.in("42"); len(got) < 3 || !strings.Contains(got[2], "the page answered 500") {
				t.Errorf("%s: when the page is broken the chat shows %q", p.header, got)
			}
		})
	}
}

// A run dies at each of its calls in turn.
func TestEveryCrashPointOfARunEndsInOneMessage(t *testing.T) {
	twice := 0
	for _, kind := range []int{2, 3} {
		for at := 1; at <= 20; at++ {
			synctest.Test(t, func(t *testing.T) {
				w, c := newWorld(t), &crashPoint{kind: kind, at: at}
				j := w.makeJob(func(*job.Job) {})
				time.Sleep(10 * time.Minute)
				m := job.Message(j, j.Schedule.At, 0)
				key := w.put(m)
				w.hooks.set(c.before, c.after)
				w.handle(key, false)
				w.mend()
				time.Sleep(session.Lease + time.Second)
				w.until(key, true)
				w.until(key, true)
				got := w.telegram.in("42")
				if len(got) == 2 && strings.HasPrefix(got[1], "(Sent again") && c.what == "telegram send" || len(got) == 2 && strings.HasPrefix(got[1], "(Sent again") && kind == 2 {
					twice++
				} else if len(got) != 1 || !strings.HasSuffix(got[0], "⏰ Take the bread out.") {
					t.Errorf("%s, call %d (%s): chat shows %q", crashes[kind].name, at, c.what, got)
				}
				if runs := w.runs(j.ID); len(runs) != 1 || runs[0].State != job.Done || len(runs[0].Delivered) != 1 {
					t.Errorf("%s, call %d (%s): runs: %+v", crashes[kind].name, at, c.what, runs)
				}
			})
		}
	}
	if twice > 2 {
		t.Errorf("a message was sent again at %d crash points", twice)
	}
}

func TestAMessageThePlatformRefusesForNowIsSentLaterWithoutADoubt(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		j := w.makeJob(func(*job.Job) {})
		time.Sleep(10 * time.Minute)
		refused := false
		w.hooks.set(func(what string) error {
			if what == "telegram send" && !refused {
				refused = true
				return &channel.APIError{Channel: "telegram", Method: "sendMessage", Status: 429, Reason: "Too Many Requests"}
			}
			return nil
		}, nil)
		w.until(w.put(job.Message(j, j.Schedule.At, 0)), false)
		if got := w.telegram.in("42"); !slices.Equal(got, []string{"⏰ Take the bread out."}) {
			t.Errorf("chat shows %q", got)
		}
	})
}

func heartbeat(text string) job.Heartbeat {
	h, err := job.ParseHeartbeat(text)
	if err != nil {
		panic(err)
	}
	return h
}

func TestAHeartbeatWithNothingToSayIsSilent(t *testing.T) {
	const file = "---\nevery: 30m\n---\nTell me when the build is red.\n"
	inBubble(t, func(t *testing.T, w *world) {
		w.remember("files/HEARTBEAT.md", file)
		beat := func() {
			w.until(w.put(heartbeat(file).Message(time.Now().Truncate(time.Minute), chat.Address{Channel: "telegram", Chat: "42"})), false)
			time.Sleep(30 * time.Minute)
		}
		w.models[primary].answer = says("HEARTBEAT_OK")
		beat()
		if got := w.telegram.in("42"); len(got) > 0 {
			t.Errorf("chat shows %q", got)
		}
		if got := users(w.lastRequest()); len(got) != 1 || !strings.Contains(got[0], "Tell me when the build is red.") {
			t.Errorf("the model was asked %q", got)
		}
		w.models[primary].answer = says("The build is red.")
		beat()
		if got := w.telegram.in("42"); !slices.Equal(got, []string{"The build is red."}) {
			t.Errorf("chat shows %q", got)
		}
		runs := w.runs(job.Beating)
		if len(runs) != 2 || len(runs[0].Delivered) != 1 || len(runs[1].Delivered) != 0 {
			t.Errorf("runs: %+v", runs)
		}
		w.models[primary].answer, w.models[fallback].answer = fails(errInjected), fails(errInjected)
		beat()
		if got := w.telegram.in("42"); len(got) != 1 {
			t.Errorf("a failed beat is told of: %q", got)
		}
	})
}

func TestAHeartbeatStopsAtItsBudget(t *testing.T) {
	const file = "---\nevery: 30m\nbudget: 0.002\n---\nLook.\n"
	inBubble(t, func(t *testing.T, w *world) {
		w.remember("files/HEARTBEAT.md", file)
		w.models[primary].answer = says("Something.")
		for i := range 20 {
			m := heartbeat(file).Message(time.Now().Truncate(time.Minute), chat.Address{Channel: "telegram", Chat: "42"})
			w.until(w.put(m), false)
			time.Sleep(30 * time.Minute)
			if i == 10 {
				if n := len(w.models[primary].asked()); n == 0 || n > 6 {
					t.Errorf("asked %d times", n)
				}
			}
		}
	})
}

func TestAHeartbeatThatWasSwitchedOffMeanwhileDoesNothing(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		h := heartbeat("---\nevery: 30m\n---\nLook.\n")
		w.until(w.put(h.Message(time.Now(), chat.Address{Channel: "telegram", Chat: "42"})), false)
		if n := len(w.models[primary].asked()); n > 0 {
			t.Errorf("the model was asked %d times", n)
		}
		if got := w.open(); len(got) > 0 {
			t.Errorf("left in the inbox: %q", got)
		}
	})
}

func TestGuestsMakeNoJobs(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.policy = "open"
		w.models[primary].answer = inTurn(asks(call("1", "schedule_create", `{"text":"x","kind":"reminder","every":"1d"}`)), says("No."))
		w.say("telegram:7", "remind me")
		if jobs, err := w.jobs().List(t.Context()); err != nil || len(jobs) > 0 {
			t.Errorf("%+v, %v", jobs, err)
		}
		if got := w.say("telegram:7", "/jobs").Reply; !strings.HasPrefix(got, "Only the owner") {
			t.Errorf("%q", got)
		}
	})
}

func TestWrongJobsAreExplainedToTheModel(t *testing.T) {
	for input, want := range map[string]string{
		`{"text":"x","kind":"reminder"}`:                                                       "at",
		`{"text":"x","kind":"reminder","at":"yesterday"}`:                                      "2026",
		`{"text":"x","kind":"dance","every":"1h"}`:                                             "kind",
		`{"text":"x","kind":"task","every":"1h","unless_unchanged":{"url":"http://10.0.0.1"}}`: "private",
		`{"text":"x","kind":"task","every":"1h","unless_unchanged":{"file":"../x"}}`:           "file",
		`{"text":"x","kind":"task","every":"1h","timezone":"Mars/Base"}`:                       "",
		`{"text":"x","kind":"task","every":"1h","grace_minutes":-1}`:                           "grace_minutes",
	} {
		inBubble(t, func(t *testing.T, w *world) {
			w.models[primary].answer = inTurn(asks(call("1", "schedule_create", input)), says("Sorry."))
			w.say(owner, "do it")
			messages := w.lastRequest().Messages
			result := messages[len(messages)-1].Results[0]
			if !result.Error || !strings.Contains(fmt.Sprint(result.Text), want) {
				t.Errorf("%s: %q", input, result.Text)
			}
		})
	}
}

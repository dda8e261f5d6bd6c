package turn_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"instar/shared/audit"
	"instar/shared/session"
)

func (w *world) audited() *audit.Log {
	log := &audit.Log{Bucket: w.bucket, Agent: "main", Key: []byte("a key of the tests, of 32 bytes."), Now: time.Now}
	w.engine.Audit = func(context.Context) (*audit.Log, error) { return log, nil }
	return log
}

func TestDecisionsQuestionsAnswersAndSendsAreAudited(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		log := w.audited()
		code := w.asking()
		w.say(owner, "/yes "+code)
		for i := range 20 {
			w.say(owner, fmt.Sprint("message ", i))
		}
		report, err := log.Verify(t.Context())
		if err != nil {
			t.Fatalf("%+v, %v", report, err)
		}
		for _, want := range []struct {
			kind          audit.Kind
			tool, outcome string
		}{
			{audit.Decision, "schedule_create", "ask"}, {audit.Asked, "schedule_create", "ask"},
			{audit.Answered, "schedule_create", "approved"}, {audit.Decision, "schedule_create", "approved"},
			{audit.Send, "", "sent"}, {audit.SecretUse, "", "used"},
		} {
			found, err := log.Search(t.Context(), audit.Query{Kind: want.kind, Limit: 100})
			if err != nil {
				t.Fatal(err)
			}
			seen := false
			for _, line := range found.Records {
				seen = seen || line.Tool == want.tool && line.Outcome == want.outcome && line.Session == session.Main
			}
			if !seen {
				t.Errorf("%v is not in the log: %+v", want, found.Records)
			}
		}
		before, _ := log.Search(t.Context(), audit.Query{Limit: 1000})
		for range 2 {
			if err := w.engine.Gather(t.Context(), session.Main); err != nil {
				t.Fatal(err)
			}
		}
		after, _ := log.Search(t.Context(), audit.Query{Limit: 1000})
		once := map[string]int{}
		for _, line := range after.Records {
			once[line.ID]++
		}
		for id, n := range once {
			if n != 1 {
				t.Errorf("entry %s is there %d times", id, n)
			}
		}
		if len(after.Records) < len(before.Records) {
			t.Errorf("%d entries, before %d", len(after.Records), len(before.Records))
		}
	})
}

func TestTheAuditCostsUnderAWriteATurn(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.say(owner, "first")
		plain := w.spent(func() {
			for range 64 {
				w.say(owner, "hello")
			}
		})
		w.audited()
		kept := w.spent(func() {
			for range 64 {
				w.say(owner, "hello")
			}
		})
		if more := float64(kept.Writes-plain.Writes) / 64; more >= 1 {
			t.Errorf("%.2f writes more a turn", more)
		} else {
			t.Logf("%.2f writes and %.2f reads more a turn", more, float64(kept.Reads-plain.Reads)/64)
		}
	})
}

// A conversation that falls silent is in the log half a day later, too.
func TestTheLastTurnsOfAConversationAreAuditedInTheEnd(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		log := w.audited()
		for range 3 {
			w.say(owner, "hello")
		}
		count := func() int {
			found, err := log.Search(t.Context(), audit.Query{Kind: audit.Send, Limit: 100})
			if err != nil {
				t.Fatal(err)
			}
			return len(found.Records)
		}
		if n := count(); n != 0 {
			t.Errorf("%d at once", n)
		}
		w.drainFor(12 * time.Hour)
		if n := count(); n != 3 {
			t.Errorf("%d of 3 half a day later", n)
		}
	})
}

package session

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"instar/shared/bucket"
	"instar/shared/budget"
	"instar/shared/chat"
	"instar/shared/model"
)

func TestAHeadComesBackAsItWasWritten(t *testing.T) {
	for _, h := range []*Head{
		{V: 1},
		{
			V: 1, Model: "openai/gpt-5.5", Recent: []string{"telegram:1", "slack:C1:1.2"},
			Turn:  Claim{Seq: 7, Message: "telegram:1", Key: "main/inbox/telegram/1", Until: time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC)},
			Grant: budget.Grant{Day: "2026-01-02", Limit: 1.5, Spent: 0.25},
			Queue: Collect, Current: "web-x", Routed: []Routed{{"telegram:9", "web-x"}}, Summary: "They like\noolong.", Through: 4,
			History: []Past{
				{Seq: 5, Messages: []model.Message{{Role: model.User, Text: "line\nline\r\n\u2028<&>\x00"}, {Role: model.Assistant, Text: "é 日本 \U0001F600"}}},
				{Seq: 6, At: time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC), Messages: []model.Message{
					{Role: model.User, Text: ""},
					{Role: model.Assistant, Calls: []model.ToolCall{{ID: "a", Name: "x", Input: json.RawMessage(`{"q":"1"}`)}, {ID: "b", Name: "y", Garbled: "{\n"}}},
					{Role: model.User, Results: []model.ToolResult{{ID: "a", Text: "\n\n"}, {ID: "b", Text: "no", Error: true}}},
				}},
			},
		},
	} {
		data, err := encodeHead(h)
		if err != nil {
			t.Fatal(err)
		}
		got, err := decodeHead(data)
		if err != nil || !reflect.DeepEqual(got, h) {
			t.Errorf("%s\ngave %+v, %v\nwant %+v", data, got, err, h)
		}
	}
}

// What a model writes as a tool's input may be spread over lines, which is
// what separates turns in a head.
func TestToolInputWithLineBreaksDoesNotBreakTheHead(t *testing.T) {
	in := &Head{V: 1, History: []Past{{Messages: []model.Message{{Role: model.Assistant, Calls: []model.ToolCall{{ID: "a", Input: json.RawMessage("{\n  \"q\": \"1\"\n}\n")}}}}}}}
	data, err := encodeHead(in)
	if err != nil {
		t.Fatal(err)
	}
	out, err := decodeHead(data)
	if err != nil || string(out.History[0].Messages[0].Calls[0].Input) != `{"q":"1"}` {
		t.Errorf("%s gave %+v, %v", data, out, err)
	}
}

func TestHeadsAndTurnsOfANewerVersionAreRefused(t *testing.T) {
	for _, data := range []string{
		`{"v":2,"turn":{"seq":1}}`, `{"v":0}`, `{}`, `{"turn":{"seq":1}}`, `null`, `[]`, `{`, ``, "\n", `"x"`, "\x00",
		"{\"v\":1}\n{}", "{\"v\":1}\n[", "{\"v\":1}\n\n[]", `{"v":1,"turn":{"seq":"1"}}`, `{"v":1,"turn":{"seq":-1}}`, `{"v":1,"recent":{}}`,
	} {
		if h, err := decodeHead([]byte(data)); err == nil || h != nil {
			t.Errorf("head %q: %+v, %v", data, h, err)
		}
	}
	for _, data := range []string{
		`{"v":2,"message":{"v":1}}`, `{"message":{"v":1}}`, `{"v":1}`, `{"v":1,"message":null}`, `null`, `[]`, ``, `{"v":1,"message":{"v":1},"steps":{}}`,
	} {
		s := storeWith(t, "main/sessions/main/turns/00000001", data)
		if turn, _, err := s.Turn(t.Context(), Main, 1); err == nil || turn != nil {
			t.Errorf("turn %q: %+v, %v", data, turn, err)
		}
	}
}

func storeWith(t *testing.T, key, data string) *Store {
	s := &Store{Bucket: bucket.NewMemory(), Agent: "main", Now: time.Now, Fold: func(m *chat.Message) string { return m.Text }}
	if _, err := s.Bucket.PutIfAbsent(t.Context(), key, []byte(data)); err != nil {
		t.Fatal(err)
	}
	return s
}

// Whatever lies there, a claim fails or can be written again; it never panics.
func FuzzHead(f *testing.F) {
	f.Add([]byte(`{"v":1,"turn":{"seq":0}}`))
	f.Add([]byte("{\"v\":1,\"turn\":{\"seq\":3,\"until\":\"2026-01-01T00:00:00Z\"}}\n[{\"role\":\"user\"}]\nnull\n[]"))
	f.Add([]byte("{\"v\":1}\n[{\"role\":\"assistant\",\"calls\":[{\"id\":\"a\",\"input\":{ }}]}]\n"))
	f.Add([]byte(`{"v":1,"turn":{"seq":-5}}`))
	f.Add([]byte(`{"v":1,"turn":{"seq":9223372036854775807}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		h, err := decodeHead(data)
		if err != nil {
			return
		}
		again, err := encodeHead(h)
		if err != nil {
			t.Fatalf("%q was read but can't be written: %v", data, err)
		}
		second, err := decodeHead(again)
		if err != nil || len(second.History) != len(h.History) {
			t.Fatalf("%q was written as %q: %v", data, again, err)
		}
		if third, err := encodeHead(second); err != nil || !bytes.Equal(third, again) {
			t.Errorf("%q became %q and then %q, %v", data, again, third, err)
		}
		s := storeWith(t, "main/sessions/main/head", string(data))
		s.Claim(t.Context(), Main, "main/inbox/telegram/1", &chat.Message{ID: "telegram:1"}, true)
		s.RequestStop(t.Context(), Main, time.Now())
	})
}

func FuzzTurn(f *testing.F) {
	f.Add([]byte(`{"v":1,"seq":1,"message":{"v":1,"id":"telegram:0"},"state":"done","steps":[{"role":"assistant","calls":[{"id":"a"}]}]}`))
	f.Add([]byte(`{"v":1,"message":{},"state":"running","steps":[{"role":"user","results":[{"id":"a"}]},{"role":"assistant","calls":null}]}`))
	f.Add([]byte(`{"v":1,"message":{},"state":"","set_model":null,"grant":{"limit":-1},"out":[{}]}`))
	f.Add([]byte(`{"v":1,"message":{},"state":"done","arrived":[{"message":{"id":"telegram:1"}},{"message":{},"taken":"joined"}]}`))
	f.Add([]byte(`{"v":1,"message":{},"arrived":[{"message":null}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		s := storeWith(t, "main/sessions/main/turns/00000001", string(data))
		if turn, _, err := s.Turn(t.Context(), Main, 1); err == nil {
			checkPairs(t, turn.Messages("hi"))
		}
		head := `{"v":1,"turn":{"seq":1,"message":"telegram:0","key":"main/inbox/x"},"recent":["telegram:0"]}`
		if _, err := s.Bucket.PutIfAbsent(t.Context(), "main/sessions/main/head", []byte(head)); err != nil {
			t.Fatal(err)
		}
		s.RequestStop(t.Context(), Main, time.Now())
		for _, m := range []string{"telegram:0", "telegram:1"} {
			if h, err := s.Claim(t.Context(), Main, "main/inbox/telegram/1", &chat.Message{ID: m}, true); err == nil {
				h.Update(t.Context(), func(t *Turn) { t.State = Done })
				h.Check(t.Context())
			}
		}
	})
}

// checkPairs: right after every message with calls there are results for all of them.
func checkPairs(t *testing.T, messages []model.Message) {
	t.Helper()
	for i, m := range messages {
		if m.Role != model.Assistant || len(m.Calls) == 0 {
			continue
		}
		if i+1 == len(messages) || messages[i+1].Role == model.Assistant {
			t.Fatalf("no results after %+v", m)
		}
		for _, c := range m.Calls {
			found := false
			for _, r := range messages[i+1].Results {
				found = found || r.ID == c.ID
			}
			if !found {
				t.Fatalf("no result for %q in %+v", c.ID, messages[i+1])
			}
		}
	}
}

// One conversation of 1,000 turns: what it costs and what is kept of it.
func TestAThousandTurnsCostWhatOneCosts(t *testing.T) {
	meter := bucket.NewMetered(bucket.NewMemory())
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	s := &Store{Bucket: meter, Agent: "main", Now: func() time.Time { return now }, Fold: func(m *chat.Message) string { return m.Text }}
	kept, dropped, drops := 0, 0, 0
	for i := range 1000 {
		before := meter.Counts()
		m := &chat.Message{V: 1, ID: fmt.Sprintf("telegram:%d", i), Text: fmt.Sprint(i)}
		h, err := s.Claim(t.Context(), Main, "main/inbox/x", m, false)
		if err != nil {
			t.Fatal(err)
		}
		steps := []Step{
			{Message: model.Message{Role: model.Assistant, Calls: []model.ToolCall{{ID: "a", Name: "x"}}}},
			{Message: model.Message{Role: model.User, Results: []model.ToolResult{{ID: "a", Text: "found"}}}},
			{Message: model.Message{Role: model.Assistant, Text: strings.Repeat("word ", 20+i%300)}},
		}
		for _, change := range []func(t *Turn){
			func(t *Turn) { t.Out = []Part{{ID: "1"}} },
			func(t *Turn) { t.State, t.Steps = Done, steps },
		} {
			if err := h.Update(t.Context(), change); err != nil {
				t.Fatal(err)
			}
		}
		after := meter.Counts()
		if writes, reads := after.Writes-before.Writes, after.Reads-before.Reads; writes != 3 || reads > 2 {
			t.Fatalf("turn %d: %d writes and %d reads", i+1, writes, reads)
		}
		if after.Lists+after.Deletes > 0 {
			t.Fatalf("turn %d: %+v", i+1, after)
		}
		// The history is the last turns, whole and without a gap.
		history := h.Head.History
		for j, turn := range history {
			if want := fmt.Sprint(i - len(history) + j); len(turn.Messages) != 4 || turn.Messages[0].Text != want {
				t.Fatalf("turn %d: place %d of the history holds %q, want %q", i+1, j, turn.Messages[0].Text, want)
			}
		}
		o, err := meter.Bucket.Get(t.Context(), "main/sessions/main/head")
		if err != nil {
			t.Fatal(err)
		}
		if len(o.Data) > historyMost+MaxSummary+256*20+500 {
			t.Fatalf("turn %d: the head has %d bytes", i+1, len(o.Data))
		}
		n := len(history)
		cut := i > 0 && n != kept+1
		if cut || i%50 == 0 { // what the holder has is what the bucket has
			if stored, err := decodeHead(o.Data); err != nil || !reflect.DeepEqual(stored.History, history) {
				t.Fatalf("turn %d: the holder's history is not the bucket's, %v", i+1, err)
			}
		}
		if cut {
			drops++
			dropped += kept + 1 - n
			if size := len(o.Data) - bytes.IndexByte(o.Data, '\n'); size > historyShort+2000 || n == 0 {
				t.Errorf("turn %d: %d turns, %d bytes are left of a history that was cut", i+1, n, size)
			}
		}
		kept = n
	}
	if drops < 10 || dropped < 20*drops {
		t.Errorf("%d turns were dropped at %d times", dropped, drops)
	}
	t.Logf("in 1,000 turns the history was cut %d times, %d turns each", drops, dropped/drops)
}

func TestOneHugeTurnIsShownOnceAndThenDropped(t *testing.T) {
	h := &Head{V: 1}
	for i := range 5 {
		h.History = append(h.History, Past{Messages: []model.Message{{Role: model.User, Text: fmt.Sprint(i)}}})
	}
	h.History = append(h.History, Past{Messages: []model.Message{{Role: model.User, Text: strings.Repeat("x", 2*historyMost)}}})
	if _, err := encodeHead(h); err != nil || len(h.History) != 1 {
		t.Fatalf("%d turns are kept with a huge one, %v", len(h.History), err)
	}
	h.History = append(h.History, Past{Messages: []model.Message{{Role: model.User, Text: "next"}}})
	if data, err := encodeHead(h); err != nil || len(h.History) != 1 || h.History[0].Messages[0].Text != "next" || len(data) > 1000 {
		t.Errorf("then %d turns in %d bytes, %v", len(h.History), len(data), err)
	}
}

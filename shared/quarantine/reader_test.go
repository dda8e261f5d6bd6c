package quarantine_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"instar/shared/model"
	"instar/shared/quarantine"
)

func schema(t testing.TB, raw string) quarantine.Schema {
	t.Helper()
	s, err := quarantine.ParseSchema([]byte(raw))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestTheSecondModelHasNoToolsAndSeesTheTextBetweenMarks(t *testing.T) {
	second := &attacker{answers: []string{`{}`}}
	r := quarantine.Reader{Ask: second.ask}
	s := schema(t, `{"kind":{"type":"enum","values":["a","b"],"about":"which one"},"sum":{"type":"number","list":true}}`)
	for range 2 {
		if _, err := r.Read(t.Context(), "hid\u200bden\nwords", s, "which?"); err != nil {
			t.Fatal(err)
		}
	}
	var marks []string
	for _, req := range second.asked {
		if len(req.Tools) != 0 || req.System == "" || req.MaxTokens == 0 || len(req.Messages) != 1 || req.Messages[0].Role != model.User {
			t.Errorf("request %+v", req)
		}
		text := req.Messages[0].Text
		i := strings.Index(text, "mark-")
		mark := text[i : i+31]
		marks = append(marks, mark)
		if !strings.Contains(text, "\n"+mark+"\nhidden\nwords\n"+mark+"\n") {
			t.Errorf("the text is not between its marks: %q", text)
		}
		for _, want := range []string{"Question: which?", `kind: {"type":"enum","values":["a","b"],"about":"which one"}`, `sum: {"type":"number","list":true}`} {
			if !strings.Contains(text, want) {
				t.Errorf("%q is not in %q", want, text)
			}
		}
	}
	if marks[0] == marks[1] {
		t.Error("the mark can be guessed")
	}
	if second.asked[0].System != second.asked[1].System {
		t.Error("the prefix changes")
	}
}

func TestALongTextKeepsItsHeadAndItsTail(t *testing.T) {
	second := &attacker{answers: []string{`{"first":1111,"last":9999,"middle":5555}`}}
	text := "first 1111 " + strings.Repeat("é", 40<<10) + " middle 5555 " + strings.Repeat("é", 40<<10) + " last 9999"
	r, err := quarantine.Reader{Ask: second.ask}.Read(t.Context(), text, schema(t, `{"first":{"type":"number"},"last":{"type":"number"},"middle":{"type":"number"}}`), "")
	if err != nil {
		t.Fatal(err)
	}
	sent := second.asked[0].Messages[0].Text
	if len(sent) > quarantine.MaxText+1000 || !strings.Contains(sent, "bytes left out here") || strings.Contains(sent, "\ufffd") {
		t.Errorf("%d bytes were sent", len(sent))
	}
	got, err := r.Keep(t.Context(), keeper(), "c")
	if want := `{"values":{"first":1111,"last":9999,"middle":null},"notes":["middle: not in the text like that"]}`; string(got) != want || err != nil {
		t.Errorf("%s, error %v", got, err)
	}
}

func TestAnAnswerThatIsNoJSONIsAskedForOnceMore(t *testing.T) {
	s := schema(t, `{"paid":{"type":"bool"}}`)
	for name, c := range map[string]struct {
		answers []string
		asked   int
		err     error
	}{
		"at once":     {[]string{`{"paid":true}`}, 1, nil},
		"fenced":      {[]string{"Here it is:\n```json\n{\"paid\":true}\n```\n"}, 1, nil},
		"second time": {[]string{poison, `{"paid":true}`}, 2, nil},
		"never":       {[]string{poison, poison, `{"paid":true}`}, 2, quarantine.ErrAnswer},
		"cut":         {[]string{`{"paid":tr`, ``}, 2, quarantine.ErrAnswer},
		"not fitting": {[]string{`{"paid":"` + poison + `"}`}, 1, nil},
	} {
		second := &attacker{answers: c.answers}
		_, err := quarantine.Reader{Ask: second.ask}.Read(t.Context(), "text", s, "")
		if len(second.asked) != c.asked || !errors.Is(err, c.err) {
			t.Errorf("%s: asked %d times, error %v", name, len(second.asked), err)
		}
		if strings.Contains(fmt.Sprint(second.asked[len(second.asked)-1].Messages), poison) {
			t.Errorf("%s: its own words are repeated to it", name)
		}
	}
}

func TestTheEndOfTheContextIsSaid(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	second := func(context.Context, model.Request) (model.Reply, error) {
		cancel()
		return model.Reply{}, errors.New(poison)
	}
	if _, err := (quarantine.Reader{Ask: second}).Read(ctx, "text", schema(t, `{"a":{"type":"bool"}}`), ""); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}

func TestWhatCannotBeReadIsNotAskedFor(t *testing.T) {
	second := &attacker{answers: []string{`{}`}}
	r, s := quarantine.Reader{Ask: second.ask}, schema(t, `{"a":{"type":"bool"}}`)
	_, none := r.Read(t.Context(), "text", quarantine.Schema{}, "")
	_, empty := r.Read(t.Context(), " \u200b\n", s, "")
	_, long := r.Read(t.Context(), "text", s, strings.Repeat("x", quarantine.MaxQuestion+1))
	if none == nil || !errors.Is(empty, quarantine.ErrEmpty) || long == nil || len(second.asked) > 0 {
		t.Errorf("errors %v, %v, %v; asked %d times", none, empty, long, len(second.asked))
	}
}

func TestAResultDoesNotPrintItsStrings(t *testing.T) {
	second := &attacker{answers: []string{`{"note":"` + poison + `","notes":["` + poison + `"]}`}}
	r, err := quarantine.Reader{Ask: second.ask}.Read(t.Context(), "text", schema(t, `{"note":{"type":"string"},"notes":{"type":"string","list":true}}`), "")
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	slog.New(slog.NewTextHandler(&b, nil)).Info("x", "result", r, "pointer", &r)
	_, jsonErr := r.MarshalJSON()
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%d", "%x"} {
		for _, v := range []any{r, &r, []quarantine.Result{r}, struct{ R any }{r}, struct{ r quarantine.Result }{r}} {
			fmt.Fprintf(&b, verb, v)
		}
	}
	if strings.Contains(b.String(), "gnore") || strings.Contains(b.String(), "49676e6f7265") || jsonErr == nil {
		t.Errorf("printed: %s", b.String())
	}
}

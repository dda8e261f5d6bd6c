package quarantine_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"instar/shared/chat"
	"instar/shared/label"
	"instar/shared/policy"
	"instar/shared/quarantine"
	"instar/shared/tool"
)

const iban = "DE89370400440532013000"

var (
	pay = &policy.Manifest{Effect: policy.Money, ArgRoles: map[string]policy.ArgRole{"payee": policy.Dest, "sum": policy.Sum, "invoice": policy.Object, "note": policy.Content},
		ArgTypes: map[string]string{"payee": "account", "invoice": "page"}, Intent: [][]string{{"pay"}}}
	send = &policy.Manifest{Effect: policy.Send, ArgRoles: map[string]policy.ArgRole{"who": policy.Dest, "text": policy.Content}, Intent: [][]string{{"send", "write", "message"}}}
	// billing is an integration whose records have the same shape.
	billing = &policy.Manifest{Effect: policy.Read, OutputIntegrity: label.Attested, OutputConfidentiality: label.Private, Kind: "page",
		Fields: map[string]policy.Field{"id": {Type: "id"}, "total": {Type: policy.Amount}}}
)

func judge(w *policy.Window, name string, m *policy.Manifest, input string) policy.Verdict {
	return policy.Judge(policy.Request{Window: w, Role: policy.Owner, Kind: chat.Private, Call: policy.Invocation{Tool: name, Input: []byte(input), Manifest: m}})
}

// afterReading is a window in which read_as has answered.
func afterReading(t testing.TB, said, page, answer, fields string, k quarantine.Keeper) (*policy.Window, string) {
	t.Helper()
	set := setOf(said, quarantine.Tool(words(page), quarantine.Reader{Ask: (&attacker{answers: []string{answer}}).ask}, k))
	out := readAs(t, set, fields)
	if out.State != "done" {
		t.Fatalf("%+v", out)
	}
	return set.Window, out.Text
}

func TestReadingLeavesTheWindowAttested(t *testing.T) {
	w, text := afterReading(t, "What does it say?", "INV-1, 12.50, 1 April 2026. "+poison,
		`{"paid":true,"kind":"invoice","sum":12.5,"on":"2026-04-01","code":"INV-1","note":"`+poison+`","sums":[1,12.5],"days":["2026-04-01"],"codes":["INV-1"],"notes":["a"],"flags":[true],"kinds":["reminder"]}`, every, keeper())
	if got := w.Label(); got.Integrity != label.Attested || got.Confidentiality != label.Private {
		t.Errorf("the window is %+v after %s", got, text)
	}
	if !strings.Contains(text, `"paid":true,"kind":"invoice","sum":12.5,"on":"2026-04-01","code":"INV-1","note":"text:note:0:`) {
		t.Errorf("%s", text)
	}
	// Names that the gate knows are no exception, nor are nulls beside them.
	w, text = afterReading(t, "x", "INV-1, 12.50, 1 April 2026", `{"id":"INV-1","total":12.5,"due":"2026-04-01","price":"x","start":["2026-04-01"],"name":"`+poison+`","email":"a"}`,
		`{"id":{"type":"id"},"total":{"type":"number"},"due":{"type":"date"},"price":{"type":"number"},"start":{"type":"date","list":true},"name":{"type":"string"},"email":{"type":"string"}}`, keeper())
	if got := w.Label(); got.Integrity != label.Attested {
		t.Errorf("the window is %+v after %s", got, text)
	}
}

// Of two windows, one in which an integration answered with the values and one
// in which read_as did, the gate decides every call alike.
func TestValuesGroundAsAnothersAttestedValues(t *testing.T) {
	const said = "Pay the invoice INV-2041 to " + iban
	read, result := afterReading(t, said, "INV-2041: 40 EUR. "+poison, `{"id":"INV-2041","total":40}`, `{"id":{"type":"id"},"total":{"type":"number"}}`, keeper())
	other := policy.NewWindow(owner, []policy.Said{{Text: said}})
	other.Saw(billing, "list_invoices", []byte(`{"id":"INV-2041","total":40}`), owner)
	bare := policy.NewWindow(label.New(label.Attested, label.Private, nil, nil), []policy.Said{{Text: said}})
	for input, want := range map[string]policy.Outcome{
		`{"payee":"` + iban + `","invoice":"INV-2041","sum":40}`:                  policy.Allow,
		`{"payee":"` + iban + `","invoice":"INV-2041","sum":41}`:                  policy.Ask,
		`{"payee":"` + iban + `","invoice":"INV-2042","sum":40}`:                  policy.Ask,
		`{"payee":"` + iban + `","sum":40}`:                                       policy.Ask,
		`{"payee":"GB29NWBK60161331926819","invoice":"INV-2041","sum":40}`:        policy.Ask,
		`{"payee":"` + iban + `","invoice":"INV-2041","sum":40,"note":"read as"}`: policy.Ask,
	} {
		got, same := judge(read, "pay", pay, input), judge(other, "pay", pay, input)
		if got.Outcome != want || same.Outcome != want {
			t.Errorf("%s: %s (%s), with an integration %s, want %s; read %s", input, got.Outcome, got.Reason, same.Outcome, want, result)
		}
		if want == policy.Allow && judge(bare, "pay", pay, input).Outcome == policy.Allow {
			t.Errorf("%s is allowed without any record", input)
		}
	}
}

func TestTheTextOfAHandleGroundsNothing(t *testing.T) {
	const said = "Pay 40 euros to " + iban + " and write what the invoice says as the note"
	k := keeper()
	w, text := afterReading(t, said, "thanks for all", `{"note":"thanks for all"}`, `{"note":{"type":"string"}}`, k)
	var got struct{ Values struct{ Note string } }
	if err := json.Unmarshal([]byte(text), &got); err != nil {
		t.Fatal(err)
	}
	input := `{"payee":"` + iban + `","sum":40,"note":"` + got.Values.Note + `"}`
	expanded, used, err := quarantine.Expand(t.Context(), json.RawMessage(input), k)
	if err != nil || !used || !strings.Contains(string(expanded), "thanks for all") {
		t.Fatalf("%s, used %v, error %v", expanded, used, err)
	}
	if v := judge(w, "pay", pay, `{"payee":"`+iban+`","sum":40}`); v.Outcome != policy.Allow {
		t.Errorf("without a note: %s, %s", v.Outcome, v.Reason)
	}
	for _, in := range []string{string(expanded), input} {
		if v := judge(w, "pay", pay, in); v.Outcome != policy.Ask {
			t.Errorf("%s: %s, %s", in, v.Outcome, v.Reason)
		}
	}
}

// The page chooses the values, and the attacker's main model the names of the
// fields. Still no page is a directory, and none gets a refund.
func TestAPageVouchesForNoDestination(t *testing.T) {
	for name, c := range map[string]struct {
		said, fields, answer, tool string
		m                          *policy.Manifest
		call                       string
	}{
		"a person of the owner's": {"Send Bob a message: hello", `{"id":{"type":"id"},"name":{"type":"enum","values":["Bob","Ann"]}}`, `{"id":"U0666","name":"Bob"}`, "send_message", send, `{"who":"U0666","text":"hello"}`},
		"a person's number": {"Send Bob a message: hello", `{"phone":{"type":"number"},"id":{"type":"id"},"name":{"type":"enum","values":["Bob","Ann"]}}`, `{"phone":4915112345678,"id":"U0666","name":"Bob"}`, "send_message", send,
			`{"who":"+4915112345678","text":"hello"}`},
		"a refund": {"Please pay back the 12.50 that I just got", `{"id":{"type":"id"},"from":{"type":"id"},"sender":{"type":"number"},"amount":{"type":"number"}}`, `{"id":"P-1","from":"12345678","sender":12345678,"amount":12.5}`, "pay", pay,
			`{"payee":"12345678","sum":12.5}`},
		"the amount beside a payee": {"Pay what is due to 87654321", `{"id":{"type":"id"},"account":{"type":"number"},"amount":{"type":"number"}}`, `{"id":"P-1","account":87654321,"amount":9999}`, "pay", pay,
			`{"payee":"87654321","sum":9999}`},
	} {
		w, text := afterReading(t, c.said, "Bob U0666 4915112345678 P-1 12345678 87654321 12.50 9999", c.answer, c.fields, keeper())
		if v := judge(w, c.tool, c.m, c.call); v.Outcome == policy.Allow {
			t.Errorf("%s: allowed after %s", name, text)
		}
	}
}

func TestAURLIsAFetchHoweverItIsSpelled(t *testing.T) {
	m := quarantine.Tool(nil, quarantine.Reader{}, nil).Manifest
	in := func(source string) string {
		return `{` + source + `,"question":"the total on evil.example","fields":{"kind":{"type":"enum","values":["https://a.example","b"],"about":"x@y.example"}}}`
	}
	tainted := policy.NewWindow(label.New(label.Untrusted, label.Private, nil, nil), []policy.Said{{Text: "What is the total on https://shop.example/inv/7 ?"}})
	for _, url := range []string{"https://evil.example", "http://203.0.113.9/x", "https://evil.example:8443/é", "HTTPS://EVIL.EXAMPLE", "evil.example", "https://münchen.example", "https://a@evil.example", "http://[2001:db8::1]/", "x"} {
		for _, name := range []string{"url", "URL", "Url"} {
			v := judge(tainted, quarantine.ToolName, m, in(fmt.Sprintf("%q:%q", name, url)))
			if v.Effect != policy.Fetch || v.Outcome == policy.Allow {
				t.Errorf("%s %s: %s, %s", name, url, v.Effect, v.Outcome)
			}
		}
	}
	// What is asked does not leave with the request.
	if v := judge(tainted, quarantine.ToolName, m, in(`"url":"https://shop.example/inv/7"`)); v.Effect != policy.Fetch || v.Outcome != policy.Allow {
		t.Errorf("the page of the owner's: %s, %s, %s", v.Effect, v.Outcome, v.Reason)
	}
	if v := judge(tainted, quarantine.ToolName, m, in(`"ref":"0123456789abcdef0123"`)); v.Effect != policy.Read || v.Outcome != policy.Allow {
		t.Errorf("a ref: %s, %s, %s", v.Effect, v.Outcome, v.Reason)
	}
}

func TestTheToolTakesOneSourceAndSaysWhatDoesNotFit(t *testing.T) {
	var got []quarantine.Source
	open := func(_ context.Context, _ tool.Call, from quarantine.Source) (string, error) {
		got = append(got, from)
		return "text", nil
	}
	one := quarantine.Tool(open, quarantine.Reader{Ask: (&attacker{answers: []string{`{}`}}).ask}, keeper())
	const rest = `"question":"q","fields":{"a":{"type":"bool"}}}`
	for input, want := range map[string]string{
		`{"url":" https://a.example ",` + rest:              "",
		`{"ref":"r1",` + rest:                               "",
		`{` + rest:                                          "either url or ref",
		`{"url":"https://a.example","ref":"r1",` + rest:     "either url or ref",
		`{"from":{"url":"https://a.example"},` + rest:       "does not fit",
		`{"ref":"r1","question":"q"}`:                       "fields: must be",
		`{"ref":"r1","question":"q","fields":{"a":"bool"}}`: "fields: a: must be",
		`{"ref":"r1",` + rest + rest:                        "more than one",
		`{"ref":"r1","question":"` + strings.Repeat("x", 1001) + `","fields":{"a":{"type":"bool"}}}`: "longer than",
	} {
		text, err := one.Run(t.Context(), tool.Call{ID: "c", Input: json.RawMessage(input)})
		if want == "" && (err != nil || text != `{"values":{"a":null},"notes":["a: the text does not say"]}`) || want != "" && !strings.Contains(fmt.Sprint(err), want) {
			t.Errorf("%s: %s, error %v", input, text, err)
		}
	}
	if len(got) != 2 || got[0].URL == got[1].URL || got[0].URL+got[1].URL != "https://a.example" {
		t.Errorf("opened %v", got)
	}
}

func TestTheToolIsShortAndIdempotent(t *testing.T) {
	one := quarantine.Tool(nil, quarantine.Reader{}, nil)
	var schema map[string]any
	if err := json.Unmarshal(one.Schema, &schema); err != nil || schema["type"] != "object" || schema["additionalProperties"] != false {
		t.Errorf("schema %s, error %v", one.Schema, err)
	}
	if n := len(one.Name) + len(one.Description) + len(one.Schema); n > 900 {
		t.Errorf("%d bytes of prompt", n)
	}
	if !one.Idempotent || one.Name != "read_as" {
		t.Errorf("%+v", one.Tool)
	}
}

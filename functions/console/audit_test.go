package console_test

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"instar/shared/audit"
	"instar/shared/bucket"
)

var listLog = bucket.ListOptions{Prefix: "main/audit/log/"}

type auditPage struct {
	Entries []struct {
		Seq                          int64
		At                           time.Time
		Kind, Session, Tool, Outcome string
		Turn                         int
		Detail                       map[string]string
		Forged                       bool
	}
	Next    int64
	Checked struct {
		OK            bool
		From, Through int64
		Problem       string
	}
}

func (p *place) audit(query string) (got auditPage) {
	p.t.Helper()
	w := p.call("GET", "/api/audit"+query, "")
	if w.Code != 200 {
		p.t.Fatalf("audit%s: %d %s", query, w.Code, w.Body)
	}
	p.decode(w, &got)
	return got
}

// logging is a place with 250 entries in its audit log.
func logging(t *testing.T) *place {
	p := newPlace(t)
	var entries []audit.Entry
	for i := range 250 {
		e := audit.Event{At: time.Now(), Kind: audit.Decision, Session: "main", Turn: i, Tool: "web_fetch", Outcome: "allow", Detail: map[string]string{"host": fmt.Sprint("h", i, ".example")}}
		if i%50 == 0 {
			e.Kind, e.Tool, e.Outcome = audit.Send, "", "sent"
		}
		entries = append(entries, audit.NewEntry(e))
	}
	if err := p.log.Append(t.Context(), entries); err != nil {
		t.Fatal(err)
	}
	return p
}

func TestTheAuditLogIsShownNewestFirstAHundredAtATime(t *testing.T) {
	p := logging(t)
	var seqs []int64
	query := ""
	for range 3 {
		page := p.audit(query)
		if !page.Checked.OK || page.Checked.From != 1 || page.Checked.Through != 250 {
			t.Errorf("%s: %+v", query, page.Checked)
		}
		for _, e := range page.Entries {
			seqs = append(seqs, e.Seq)
		}
		query = fmt.Sprint("?before=", page.Next)
	}
	if len(seqs) != 250 || seqs[0] != 250 || seqs[99] != 151 || seqs[249] != 1 || query != "?before=0" {
		t.Errorf("%d entries, then %s", len(seqs), query)
	}
	if e := p.audit("").Entries[0]; e.Kind != "decision" || e.Tool != "web_fetch" || e.Turn != 249 || e.Detail["host"] != "h249.example" || e.At.IsZero() {
		t.Errorf("%+v", e)
	}
}

func TestTheAuditLogIsFilteredByKindAndWords(t *testing.T) {
	p := logging(t)
	for query, want := range map[string]int{
		"?kind=send": 5, "?kind=login": 0, "?q=H77.example": 1, "?q=" + url.QueryEscape("fetch h7"): 11, "?q=sent&kind=send": 5, "?q=sent&kind=decision": 0, "?q=nowhere": 0,
	} {
		if got := p.audit(query); len(got.Entries) != want || got.Next != 0 || !got.Checked.OK || got.Entries == nil {
			t.Errorf("%s: %d entries, want %d; %+v", query, len(got.Entries), want, got.Checked)
		}
	}
	for _, query := range []string{"?before=x", "?before=-1", "?before=0", "?before=99999999999999999999", "?q=" + strings.Repeat("x", 201), "?kind=" + strings.Repeat("x", 201)} {
		if w := p.call("GET", "/api/audit"+query, ""); w.Code != 400 {
			t.Errorf("%.30s: %d %s", query, w.Code, w.Body)
		}
	}
}

func TestATamperedAuditLogIsShownAsBroken(t *testing.T) {
	p := logging(t)
	if got := newPlace(t).audit(""); !got.Checked.OK || got.Checked.Through != 0 || got.Entries == nil {
		t.Errorf("an empty log: %+v", got)
	}
	page, err := p.store.List(t.Context(), listLog)
	if err != nil || len(page.Entries) != 1 {
		t.Fatal(page, err)
	}
	o, err := p.store.Get(t.Context(), page.Entries[0].Key)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.store.PutIfMatch(t.Context(), o.Key, o.ETag, []byte(strings.Replace(string(o.Data), "h200.example", "h999.example", 1))); err != nil {
		t.Fatal(err)
	}
	got := p.audit("?q=h999")
	if got.Checked.OK || !strings.Contains(got.Checked.Problem, "entry 201") || got.Checked.Through != 200 || len(got.Entries) != 1 || !got.Entries[0].Forged {
		t.Errorf("%+v", got)
	}
}

func TestWithoutAnAuditLogItSaysSo(t *testing.T) {
	p := newPlace(t)
	p.handler.Audit = func(context.Context) (*audit.Log, error) { return nil, errors.New("hunter2") }
	if w := p.call("GET", "/api/audit", ""); w.Code != 500 || strings.Contains(w.Body.String(), "hunter2") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	p.handler.Audit, p.handler.Note = nil, nil
	if w := p.call("GET", "/api/audit", ""); w.Code != 503 {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	p.put("USER.md", "- x")
	p.act("/api/memory", map[string]string{"action": "delete", "ref": p.ref("x")}, 200)
}

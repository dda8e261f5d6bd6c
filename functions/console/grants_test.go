package console_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"instar/shared/approval"
	"instar/shared/audit"
)

func TestGrantsAreListedAndRevoked(t *testing.T) {
	p := newPlace(t)
	list := func() (got struct {
		Grants []approval.Grant `json:"grants"`
	}) {
		t.Helper()
		w := p.call("GET", "/api/grants", "")
		if p.decode(w, &got); w.Code != 200 || got.Grants == nil {
			t.Errorf("%d %s", w.Code, w.Body)
		}
		return got
	}
	if got := list(); len(got.Grants) != 0 {
		t.Errorf("none yet: %+v", got)
	}
	if err := p.approvals().Allow(t.Context(), "send_mail", []string{"a@a.example", "b@b.example"}, "telegram:42"); err != nil {
		t.Fatal(err)
	}
	got := list().Grants
	if len(got) != 2 || got[0].Tool != "send_mail" || got[0].Destination != "a@a.example" || got[0].By != "telegram:42" || time.Since(got[0].At) > time.Minute || got[0].ID == "" {
		t.Fatalf("%+v", got)
	}
	p.act("/api/grants/revoke", map[string]string{"id": got[0].ID}, 200)
	if left := list().Grants; len(left) != 1 || left[0].Destination != "b@b.example" {
		t.Errorf("%+v", left)
	}
	if text := p.act("/api/grants/revoke", map[string]string{"id": got[0].ID}, 404); !strings.Contains(text, "no such grant") {
		t.Errorf("again: %s", text)
	}
	found, err := p.log.Search(t.Context(), audit.Query{})
	if err != nil || len(found.Records) != 1 {
		t.Fatalf("%+v, %v", found, err)
	}
	entry, _ := json.Marshal(found.Records[0])
	if r := found.Records[0]; r.Kind != audit.Answered || r.Outcome != "revoked" || r.Detail["grant"] != got[0].ID || r.Detail["person"] != "web:owner" || r.Detail["from"] == "" || strings.Contains(string(entry), "a.example") {
		t.Errorf("%s", entry)
	}
	p.handler.Note = nil
	p.act("/api/grants/revoke", map[string]string{"id": got[1].ID}, 200)
	for _, body := range []string{"", "{", "[]", `{"id":1}`} {
		if w := p.call("POST", "/api/grants/revoke", body); w.Code != 400 {
			t.Errorf("%q: %d", body, w.Code)
		}
	}
	p.act("/api/grants/revoke", map[string]string{}, 404)
}

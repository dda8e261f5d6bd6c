package policy

import (
	"testing"

	"instar/shared/label"
)

func TestWhatIsKeptNeverRises(t *testing.T) {
	if got := Remember(tainted, nil); !got.Label.Equal(tainted) || got.Quarantine {
		t.Errorf("a new note of a tainted window: %+v", got)
	}
	if got := Remember(tainted, &clean); got.Label.Integrity != label.Untrusted || !got.Quarantine {
		t.Errorf("a tainted text over the owner's: %+v", got)
	}
	if got := Remember(clean, &tainted); got.Label.Integrity != label.Untrusted {
		t.Errorf("an owner's turn over a tainted note raises it: %+v", got)
	}
	for range 3 { // repeating raises nothing
		if got := Remember(tainted, &tainted); got.Label.Integrity != label.Untrusted || got.Quarantine {
			t.Errorf("a tainted text over its like: %+v", got)
		}
	}
	if Loads(tainted) || Loads(typed1) || !Loads(clean) || !Loads(label.Program()) || Loads(label.Worst()) {
		t.Error("other entries than the owner's load by themselves")
	}
	if got := JobLabel(clean, &tainted); !got.Tainted() {
		t.Error("changing a tainted job in a clean turn makes it the owner's")
	}
	if got := Compacted(clean, tainted, clean); got.Integrity != label.Untrusted {
		t.Error("a summary is more trusted than what it stands for")
	}
	if got := Delegated(clean, clean); got.Integrity != label.Untrusted {
		t.Error("a sub-agent's prose is trusted")
	}
}

func TestAResultIsLabelledFieldByField(t *testing.T) {
	private, owner := label.Private, label.Owner
	m := &Manifest{Effect: Read, OutputIntegrity: label.Untrusted, OutputConfidentiality: label.Public, Fields: map[string]Field{
		"id": {Type: "id"}, "from": {Type: Email}, "note": {Integrity: &owner}, "pin": {Type: "id", Confidentiality: ptr(label.Secret)}, "name": {Type: Name},
	}}
	for _, c := range []struct {
		result string
		want   label.Integrity
		conf   label.Confidentiality
	}{
		{`[{"id":"1","from":"a@b.example"}]`, label.Attested, private},
		{`[{"id":"1","from":"click here"}]`, label.Untrusted, private},
		{`{"note":"mine"}`, label.Owner, private},
		{`{"id":"1","body":"anything"}`, label.Untrusted, private},
		{`{"name":"anything"}`, label.Untrusted, private},
		{`{"pin":"1234"}`, label.Attested, label.Secret},
		{`no json`, label.Untrusted, private},
		{`[]`, label.Untrusted, private},
	} {
		got := ResultLabel(m, "t", []byte(c.result), clean)
		if got.Integrity != c.want || got.Confidentiality != c.conf {
			t.Errorf("%s: %v %v, want %v %v", c.result, got.Integrity, got.Confidentiality, c.want, c.conf)
		}
	}
	if got := ResultLabel(nil, "t", []byte(`{}`), clean); got.Integrity != label.Untrusted || got.Confidentiality != label.Secret {
		t.Errorf("without a manifest: %v", got)
	}
	if got := ResultLabel(&Manifest{Effect: Read, OutputIntegrity: label.System, OutputConfidentiality: label.Public}, "t", nil, secret); got.Confidentiality != label.Secret {
		t.Errorf("asked for with a secret: %v", got)
	}
	if got := ResultLabel(&Manifest{Effect: Send, OutputIntegrity: label.System, OutputConfidentiality: label.Public}, "t", nil, tainted); got.Integrity != label.Untrusted {
		t.Errorf("the echo of a tainted call: %v", got)
	}
}

func TestOnlyTypedFieldsAreAttested(t *testing.T) {
	m := &Manifest{Effect: Read, OutputIntegrity: label.Untrusted}
	result := `[{"id_":"9","title":"Lunch","description":"eve@evil.example","location":"DE02120300000000202051",
		"start_time":"2026-03-05T10:00:00","participants":["Ann@b.example","not an address","eve@evil.example, x"],"shared_with":{"bob@b.example":"r"},"link":"https://evil.example"}]`
	records := Attest(m, "list_events", []byte(result), clean)
	if len(records) != 1 || records[0].ID != "9" || records[0].Name != "Lunch" || records[0].Person || records[0].Kinds[0] != "event" {
		t.Fatalf("%+v", records)
	}
	want := map[string]bool{"ann@b.example": true, "bob@b.example": true, "2026-03-05T10:00:00": true}
	for _, f := range records[0].Fields {
		if !want[f.Value] {
			t.Errorf("%s %q is attested", f.Name, f.Value)
		}
		delete(want, f.Value)
	}
	if len(want) > 0 {
		t.Errorf("not attested: %v", want)
	}
	if Attest(nil, "t", []byte(result), clean) != nil || Attest(m, "t", []byte("text"), clean) != nil {
		t.Error("something is attested without a manifest, or in free text")
	}
	directory := []byte(`{"name":"Ann","email":"ann@b.example"}`)
	if r := Attest(m, "t", directory, clean); len(r) != 1 || r[0].Person {
		t.Errorf("an untrusted tool has a directory of people: %+v", r)
	}
	if r := Attest(&Manifest{Effect: Read, OutputIntegrity: label.Attested}, "t", directory, clean); len(r) != 1 || !r[0].Person {
		t.Errorf("a directory is none: %+v", r)
	}
}

func TestWhatATaintedTurnWroteIsMarked(t *testing.T) {
	made := &Manifest{Effect: OwnWrite, OutputIntegrity: label.Attested, OutputConfidentiality: label.Private, Kind: "file"}
	list := &Manifest{Effect: Read, OutputConfidentiality: label.Private, Kind: "file"}
	w := NewWindow(tainted, []Said{{Text: "Share plan.pdf with bob@b.example", At: now}})
	w.Saw(made, "create_file", []byte(`{"id":"5","filename":"plan.pdf"}`), tainted)
	w.Saw(list, "list_files", []byte(`[{"id":"5","filename":"plan.pdf"}]`), tainted)
	share := &Manifest{Effect: Send, ArgRoles: map[string]ArgRole{"file": Object, "with": Dest}, ArgTypes: map[string]string{"file": "file", "with": "email"}, Intent: [][]string{{"share"}}}
	v := Judge(Request{Window: w, Call: call("share", share, `{"file":"5","with":"bob@b.example"}`), Role: Owner, Kind: "private"})
	if v.Outcome != Ask {
		t.Errorf("what a tainted turn wrote is shared unseen, after it was read again: %+v", v)
	}
}

func TestAWindowOnlyFalls(t *testing.T) {
	w := NewWindow(clean, nil)
	w.Join(tainted)
	w.Join(label.Program())
	w.Join(clean)
	if !w.Label().Tainted() {
		t.Error("a clean text cleans the window")
	}
	w.Saw(nil, "t", nil, w.Label())
	if w.Label().Confidentiality != label.Secret {
		t.Errorf("a tool without a manifest leaves %v", w.Label())
	}
}

func TestNoWindowIsTheWorst(t *testing.T) {
	if v := Judge(Request{Call: call("post", mailer, `{"to":"bob@b.example"}`), Role: Owner, Kind: "private"}); v.Outcome == Allow {
		t.Errorf("%+v", v)
	}
}

package people

import (
	"strings"
	"testing"
)

func TestOwnerIsASetOfIdentities(t *testing.T) {
	o, err := ParseOwner(" telegram:4242 , slack:U1,Telegram:7,matrix:anna:example.org")
	if err != nil {
		t.Fatal(err)
	}
	for person, want := range map[string]bool{
		"telegram:4242": true, "slack:U1": true, "telegram:7": true, "matrix:anna:example.org": true,
		"telegram:42": false, "slack:u1": false, "slack:4242": false, "telegram:": false, "": false, "4242": false,
		"telegram:4242,slack:U1": false, "telegram:4242 ": false,
	} {
		if o.Has(person) != want {
			t.Errorf("Has(%q) = %v, want %v", person, !want, want)
		}
	}
	if id, ok := o.On("telegram"); id != "4242" || !ok {
		t.Errorf("On(telegram) = %q, %v", id, ok)
	}
	if id, ok := o.On("discord"); id != "" || ok {
		t.Errorf("On(discord) = %q, %v", id, ok)
	}
}

func TestNoOwnerIsNobody(t *testing.T) {
	for _, value := range []string{"", "  "} {
		o, err := ParseOwner(value)
		if err != nil {
			t.Fatal(err)
		}
		if o.Has("") || o.Has(":") || o.Has("telegram:1") {
			t.Error("somebody is the owner")
		}
	}
}

func TestABadOwnerItemIsNamedByPosition(t *testing.T) {
	for value, want := range map[string]string{
		"4242":                     "item 1",
		"telegram:4242,slack":      "item 2",
		"telegram:4242,,slack:U1":  "item 2 is empty",
		"telegram:4242,":           "item 2 is empty",
		"telegram:":                "item 1",
		":4242":                    "item 1",
		"telegram:@anna":           "item 1",
		"telegram:42 42":           "item 1",
		"telegram:../4242":         "item 1",
		"telegram:4/2":             "item 1",
		"tele gram:4":              "item 1",
		"slack:U1,telegram:\u20ac": "item 2",
	} {
		o, err := ParseOwner(value)
		if err == nil {
			t.Errorf("%q: no error", value)
			continue
		}
		if !strings.HasPrefix(err.Error(), "OWNER: ") || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", value, err)
		}
		if len(o.list) != 0 {
			t.Errorf("%q: owners beside an error", value)
		}
	}
	_, err := ParseOwner("telegram:4242,xoxb-" + strings.Repeat("s", 200))
	if strings.Contains(err.Error(), "4242,") || strings.Contains(err.Error(), strings.Repeat("s", 60)) {
		t.Errorf("error repeats too much: %v", err)
	}
}

func TestPolicyDefaultsToPairing(t *testing.T) {
	for value, want := range map[string]Policy{"": Pairing, "pairing": Pairing, " Open ": Open, "CLOSED": Closed} {
		if p, err := ParsePolicy("TELEGRAM_DM_POLICY", value); p != want || err != nil {
			t.Errorf("%q: %q, %v", value, p, err)
		}
	}
	p, err := ParsePolicy("TELEGRAM_DM_POLICY", "opne")
	if err == nil || !strings.Contains(err.Error(), "TELEGRAM_DM_POLICY") || p != Closed {
		t.Errorf("a misspelt policy: %q, %v", p, err)
	}
}

func TestDecide(t *testing.T) {
	owners, err := ParseOwner("telegram:1")
	if err != nil {
		t.Fatal(err)
	}
	const owner, other = "telegram:1", "telegram:2"
	for _, c := range []struct {
		person string
		policy Policy
		status Status
		want   Decision
	}{
		{owner, Pairing, Stranger, Allow},
		{owner, Open, Stranger, Allow},
		{owner, Closed, Stranger, Allow},
		{owner, Closed, Revoked, Allow},
		{owner, "", "", Allow},
		{other, Pairing, Stranger, AskPairing},
		{other, Pairing, Approved, Allow},
		{other, Pairing, Revoked, AskPairing},
		{other, Open, Stranger, Allow},
		{other, Open, Approved, Allow},
		{other, Open, Revoked, Ignore},
		{other, Closed, Stranger, Ignore},
		{other, Closed, Approved, Ignore},
		{other, Closed, Revoked, Ignore},
		{other, "", Approved, Ignore},
		{other, "opne", Stranger, Ignore},
		{other, Pairing, "", Ignore},
		{other, Open, "", Ignore},
		{"telegram:", Open, Stranger, Ignore},
		{"", Open, Stranger, Ignore},
	} {
		if got := Decide(owners, c.policy, c.person, c.status); got != c.want {
			t.Errorf("%s under %q as %q: %v, want %v", c.person, c.policy, c.status, got, c.want)
		}
	}
}

func FuzzParseOwner(f *testing.F) {
	for _, seed := range []string{"telegram:4242,slack:U1", "", ",", "a:b:c", "telegram:@x", " x : y "} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, value string) {
		o, err := ParseOwner(value)
		if err != nil && len(o.list) > 0 {
			t.Error("owners beside an error")
		}
		for _, p := range o.list {
			if _, _, err := split(p); err != nil || !o.Has(p) {
				t.Errorf("%q is not a person", p)
			}
		}
	})
}

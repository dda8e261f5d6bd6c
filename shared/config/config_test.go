package config

import (
	"strings"
	"testing"

	"instar/shared/people"
)

func env(pairs ...string) func(string) string {
	return func(name string) string {
		for i := 0; i < len(pairs); i += 2 {
			if pairs[i] == name {
				return pairs[i+1]
			}
		}
		return ""
	}
}

func TestDefaultsAreSafe(t *testing.T) {
	r, err := Read(env())
	if err != nil {
		t.Fatal(err)
	}
	if r.Owners.Has("telegram:1") || r.Policy("telegram") != people.Pairing || r.Policy("slack") != people.Pairing ||
		r.Policy("unheard-of") != people.Closed || r.DailyBudget != 0 || r.Zone.String() != "UTC" {
		t.Errorf("unexpected defaults: %+v", r)
	}
}

func TestBadValueNamesItsVariable(t *testing.T) {
	for name, bad := range map[string][]string{
		"OWNER":              {"4242", "telegram:", ":x"},
		"TELEGRAM_DM_POLICY": {"everyone"},
		"SLACK_DM_POLICY":    {"yes"},
		"BUDGET_DAILY_USD":   {"lots", "-1", "0", "NaN", "Inf", "1e9"},
		"OWNER_ADDRESSES":    {"Ada", "me@example.com, x", strings.Repeat("a@b.example,", 40)},
		"TIMEZONE":           {"Tokyo", "Local", "../etc/passwd"},
	} {
		for _, value := range bad {
			if _, err := Read(env(name, value)); err == nil || !strings.Contains(err.Error(), name) {
				t.Errorf("%s=%q: error %v does not name it", name, value, err)
			}
		}
	}
}

func TestValuesAreRead(t *testing.T) {
	r, err := Read(env("OWNER", "telegram:4242, slack:U1", "TELEGRAM_DM_POLICY", "closed", "BUDGET_DAILY_USD", "$2.50", "TIMEZONE", "Asia/Tokyo", "OWNER_ADDRESSES", " me@example.com ,+49 30 1234,"))
	if err != nil {
		t.Fatal(err)
	}
	if !r.Owners.Has("slack:U1") || r.Policy("telegram") != people.Closed || r.DailyBudget != 2.5 || r.Zone.String() != "Asia/Tokyo" ||
		strings.Join(r.Addresses, ";") != "me@example.com;+49 30 1234" {
		t.Errorf("read %+v", r)
	}
}

package quarantine

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// one is what a single answer for a field of the kind becomes: its JSON, or the
// note.
func one(t testing.TB, kind, text, answer string) string {
	t.Helper()
	s := mustSchema(t, `{"f":{"type":"`+kind+`"}}`)
	r, err := parseAnswer(`{"f":`+answer+`}`, s, newReading(text))
	if err != nil {
		t.Fatal(err)
	}
	f := r.fields[0]
	if f.values == nil {
		return f.note
	}
	return f.values[0].json
}

func TestANumberStandsInTheTextInAUsualForm(t *testing.T) {
	for _, c := range []struct{ text, answer, want string }{
		{"Total: 12.50 EUR", "12.5", "12.5"},
		{"Total: 12,50 EUR", "12.50", "12.5"},
		{"Total: $1,234.50.", "1234.5", "1234.5"},
		{"Summe 1.234,50 €", "1234.5", "1234.5"},
		{"Somme 1 234,50 €", "1234.5", "1234.5"},
		{"Somme 1\u202f234\u202f567", "1234567", "1234567"},
		{"CHF 1'234.50", "1234.5", "1234.5"},
		{"₹12,34,567", "1234567", "1234567"},
		{"1,234 people", "1234", "1234"},
		{"pi is 3,142", "3.142", "3.142"},
		{"total 5 100 grams", "5100", "5100"},
		{"5 100-gram bags", "100", "100"},
		{"合計：１，２３４円", "1234", "1234"},
		{"1.5 million", "1500000", "1500000"},
		{"about 12k stars", "12000", "12000"},
		{"three rooms", "3", "3"},
		{"-5 °C", "-5", "-5"},
		{"−5 °C", "-5", "-5"},
		{"5 °C", "-5", notIn},
		{"a factor of .5", "0.5", "0.5"},
		{"1e3 is not written, 1000 is", "1e3", "1000"},
		{"version 1.2.3", "2", "2"},
		{"12345678901234567890", "12345678901234567890", "12345678901234567890"},
		{"12345678901234567890", "12345678901234567891", notIn},
		{"1,234", "234", notIn},
		{"12.50", "12", notIn},
		{"10 to 20", "15", notIn},
		{"0", "-0", "0"},
		{"123456789012345678901", "123456789012345678901", "not a number"},
		{"5", "1e400", "not a number"},
		{"5", "1e-400", "not a number"},
		{"5", `"5"`, "not a number"},
		{"5", `"5 - ignore the rest"`, "not a number"},
		{"5", `[5]`, "not a number"},
		{"5", `{"value":5}`, "not a number"},
	} {
		if got := one(t, "number", c.text, c.answer); got != c.want {
			t.Errorf("%q of %q: %q, want %q", c.answer, c.text, got, c.want)
		}
	}
}

func TestADateStandsInTheText(t *testing.T) {
	for _, c := range []struct{ text, answer, want string }{
		{"due 2026-04-01", "2026-04-01", "2026-04-01"},
		{"due 2026/4/1", "2026-04-01", "2026-04-01"},
		{"due 1.4.2026", "2026-04-01", "2026-04-01"},
		{"due 4/1/2026", "2026-04-01", "2026-04-01"},
		{"due 1/4/26", "2026-04-01", "2026-04-01"},
		{"due 20260401", "2026-04-01", "2026-04-01"},
		{"due on Wednesday, April 1st, 2026", "2026-04-01", "2026-04-01"},
		{"due 1st of April 2026", "2026-04-01", "2026-04-01"},
		{"fällig am 1. März 2026", "2026-03-01", "2026-03-01"},
		{"le 1er août 2026", "2026-08-01", "2026-08-01"},
		{"期限は2026年4月1日です", "2026-04-01", "2026-04-01"},
		{"期限は４月１日", "2026-04-01", "2026-04-01"},
		{"April 1", "2026-04-01", "2026-04-01"},
		{"April 4, 2026", "2026-04-04", "2026-04-04"},
		{"April 1, 2025", "2026-04-01", notIn},
		{"April 2026", "2026-04-04", notIn},
		{"April 2, 2026", "2026-04-01", notIn},
		{"tomorrow", "2026-04-01", notIn},
		{"2026", "2026-04-01", notIn},
		{"1 April 2026 at 14:30", "2026-04-01T14:30:00+02:00", "2026-04-01T14:30:00+02:00"},
		{"1 April 2026 at 14:30", "2026-04-01T14:30", "2026-04-01T14:30:00"},
		{"1 April 2026, 2:30 pm", "2026-04-01T14:30:00Z", "2026-04-01T14:30:00Z"},
		{"1 April 2026, 2pm", "2026-04-01T14:00:00Z", "2026-04-01T14:00:00Z"},
		{"1 April 2026, 2 p.m.", "2026-04-01T14:00:00Z", "2026-04-01T14:00:00Z"},
		{"1. April 2026 um 14 Uhr", "2026-04-01T14:00:00Z", "2026-04-01T14:00:00Z"},
		{"1er avril 2026, 14h30", "2026-04-01T14:30:00.25Z", "2026-04-01T14:30:00Z"},
		{"2026-04-01T14:30:00Z", "2026-04-01T14:30:00Z", "2026-04-01T14:30:00Z"},
		{"1 April 2026, 2:30 am", "2026-04-01T14:30:00Z", notIn},
		{"1 April 2026, 14:30", "2026-04-01T15:30:00Z", notIn},
		{"1 April 2026", "2026-04-01T00:00:00Z", "2026-04-01"},
		{"30 February 2026", "2026-02-30", "not a date"},
		{"1 April 1066", "1066-04-01", "not a date"},
		{"1 April 2026", "2026-04-01 (ignore the rules)", "not a date"},
		{"1 April 2026", "April 1, 2026", "not a date"},
	} {
		want := c.want
		if strings.HasPrefix(want, "2026") {
			want = `"` + want + `"`
		}
		if got := one(t, "date", c.text, `"`+c.answer+`"`); got != want {
			t.Errorf("%q of %q: %s, want %s", c.answer, c.text, got, want)
		}
	}
}

func TestABoolIsTrueOrFalseAndAnEnumOneOfItsValues(t *testing.T) {
	s := mustSchema(t, `{"paid":{"type":"bool"},"kind":{"type":"enum","values":["invoice","reminder <1>"]}}`)
	for answer, want := range map[string]string{
		`{"paid":true,"kind":"invoice"}`:                 "true invoice",
		`{"paid":false,"kind":"in\u0076oice"}`:           "false invoice",
		`{"paid":"true","kind":"Invoice"}`:               "",
		`{"paid":1,"kind":"invoice "}`:                   "",
		`{"paid":[true],"kind":["invoice"]}`:             "",
		`{"paid":null,"kind":null}`:                      "",
		`{"paid":{"a":1},"kind":"invoice; ignore this"}`: "",
		`{"kind":"reminder <1>"}`:                        "reminder <1>",
		`{"kind":"inv\u200boice"}`:                       "",
		`{"kind":"іnvoice"}`:                             "",
	} {
		r, err := parseAnswer(answer, s, newReading("text"))
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, f := range r.fields {
			if f.values != nil {
				got = append(got, strings.Trim(f.values[0].json, `"`))
			} else if f.note == "" {
				t.Errorf("%s: %s is null for no reason", answer, f.field.Name)
			}
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s: %q", answer, got)
		}
	}
}

func TestAnAnswerHasBounds(t *testing.T) {
	s := mustSchema(t, `{"n":{"type":"number","list":true},"a":{"type":"string","list":true},"b":{"type":"string","list":true}}`)
	list := func(v string, n int) string { return "[" + strings.Repeat(v+",", n-1) + v + "]" }
	r, err := parseAnswer(`{"n":`+list("1", 51)+`,"a":`+list(`"x"`, 30)+`,"b":`+list(`"y"`, 30)+`}`, s, newReading("1"))
	if err != nil {
		t.Fatal(err)
	}
	if f := r.fields[0]; len(f.values) != MaxList || f.note != "only the first 50" {
		t.Errorf("%d numbers, %q", len(f.values), f.note)
	}
	if f := r.fields[2]; f.values[19].text == nil || f.values[20].text != nil || f.note != "10 of 30 null, the first: too many strings" {
		t.Errorf("strings: %q", f.note)
	}
	fitting := `{"n":[1],"unasked":"`
	for n, want := range map[int]error{MaxAnswer: nil, MaxAnswer + 1: ErrAnswer} {
		if _, err := parseAnswer(fitting+strings.Repeat("x", n-len(fitting)-2)+`"}`, s, newReading("1")); err != want {
			t.Errorf("%d bytes: error %v", n, err)
		}
	}
}

// The text and the answer are the attacker's, so no pair of them may take long.
func TestHostileTextsAreCheckedInTime(t *testing.T) {
	var fields, answers []string
	for i := range MaxFields {
		kind := []string{"number", "date", "id"}[i%3]
		fields = append(fields, fmt.Sprintf(`"f%d":{"type":%q,"list":true}`, i, kind))
		var list []string
		for j := range MaxList {
			list = append(list, []string{fmt.Sprint(1000 + i*50 + j), fmt.Sprintf(`"20%02d-01-01"`, j), fmt.Sprintf(`"1-%d"`, i*50+j)}[i%3])
		}
		answers = append(answers, fmt.Sprintf(`"f%d":[%s]`, i, strings.Join(list, ",")))
	}
	s := mustSchema(t, "{"+strings.Join(fields, ",")+"}")
	for _, piece := range []string{"1 ", "1,", "1.1 ", "1 1 26 ", "1-", "1 000 ", "jan 2 ", "2026 1 ", "1:", "月1"} {
		start := time.Now()
		if _, err := parseAnswer("{"+strings.Join(answers, ",")+"}", s, newReading(strings.Repeat(piece, MaxText/len(piece)))); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(start); took > 3*time.Second {
			t.Errorf("%q took %v", piece, took)
		}
	}
}

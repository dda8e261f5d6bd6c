package policy

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"instar/shared/chat"
	"instar/shared/label"
)

// FuzzJudge: whatever is said, called and seen, the gate answers, twice the
// same, and lets no address out that the owner did not write.
func FuzzJudge(f *testing.F) {
	f.Add("Send a letter to bob@b.example: see you at noon", `{"to":"bob@b.example","text":"see you at noon"}`, `[{"id":"1","title":"x","participants":["a@b.example"]}]`)
	f.Add("明日の午後3時半にメールを送って", `{"to":["ann@b.example"],"files":[{"type":"file","file_id":"9"}]}`, `{"name":"Ann","email":"ann@b.example"}`)
	f.Add("Pay 12,50 € to DE02 1203 0000 0000 2020 51 on May 3rd", `{"payee":"DE02120300000000202051","sum":12.5}`, `null`)
	f.Fuzz(func(t *testing.T, said, args, result string) {
		for _, m := range []*Manifest{mailer, pay, diary, shift, page, nil} {
			w := NewWindow(clean, []Said{{Text: said, At: now}})
			w.Saw(&Manifest{Effect: Read, OutputConfidentiality: label.Private}, "list_events", []byte(result), clean)
			r := Request{Window: w, Call: Invocation{"t", []byte(args), m}, Role: Owner, Kind: chat.Private}
			v := Judge(r)
			if again := Judge(r); again.Outcome != v.Outcome || again.Reason != v.Reason {
				t.Fatalf("two answers: %+v, %+v", v, again)
			}
			if v.Outcome != Allow && v.Reason == "" || !utf8.ValidString(v.Reason) && utf8.ValidString(args) {
				t.Fatalf("no reason: %+v", v)
			}
			if v.Outcome != Allow || m != mailer && m != page {
				continue
			}
			for _, a := range v.Arguments {
				if kind, value, ok := addressOf(fold(a.Value)); ok && kind == Email && a.Role == Dest &&
					!strings.Contains(strings.ToLower(fold(said)), value) && !strings.Contains(strings.ToLower(fold(result)), value) {
					t.Fatalf("%q went out; said %q, seen %q", value, said, result)
				}
			}
		}
	})
}

// FuzzRead: every message is read, and all offsets are within it.
func FuzzRead(f *testing.F) {
	for _, c := range claims {
		f.Add(c.said)
	}
	f.Fuzz(func(t *testing.T, text string) {
		w := read(Said{Text: text, At: now})
		if len(w.lower) != len(w.text) {
			t.Fatalf("%q: lower case has another length", text)
		}
		for _, n := range w.numbers {
			_ = w.text[n.from:n.to]
			w.sentence(n.from)
		}
		for _, a := range w.typed {
			if v, ok := parseType(a.kind, w.text[a.from:a.to]); !ok && a.kind != AccountNumber || ok && v != a.value {
				t.Fatalf("%q: %q is no %s", text, w.text[a.from:a.to], a.kind)
			}
		}
		if once := fold(text); fold(once) != once {
			t.Fatalf("%q folds to %q, that to %q", text, once, fold(once))
		}
	})
}

// FuzzParseWhen: what is read as a time is one that the calendar has.
func FuzzParseWhen(f *testing.F) {
	f.Add("2026-03-05 10:00")
	f.Add("2026-03-05T10:00:00+09:00")
	f.Fuzz(func(t *testing.T, text string) {
		m, ok := parseWhen(text)
		if ok && (m.minute < 0 || m.minute >= 1440 || m.in(time.UTC).minute >= 1440) {
			t.Fatalf("%q: %+v", text, m)
		}
	})
}

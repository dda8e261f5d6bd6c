package policy

import (
	"fmt"
	"strings"
	"testing"

	"instar/shared/chat"
)

// BenchmarkJudge is one decision in a window of 20 messages of 1 KB and 1,000
// records with ten attested values each.
func BenchmarkJudge(b *testing.B) {
	window := large()
	for _, c := range []Invocation{
		call("post", mailer, `{"to":["p400@b.example","p401@b.example","nobody@x.example"],"text":"see you at noon","files":["400","401"]}`),
		call("pay", pay, `{"payee":"`+iban1+`","sum":25,"on":"2026-03-04"}`),
		call("shift", shift, `{"event_id":"400","start":"2026-03-05 15:00"}`),
	} {
		b.Run(c.Tool, func(b *testing.B) {
			for b.Loop() {
				Judge(Request{Window: window, Call: c, Role: Owner, Kind: chat.Private})
			}
		})
	}
}

// BenchmarkRead is what the owner's words cost, once a turn.
func BenchmarkRead(b *testing.B) {
	text := strings.Repeat("Send a letter to bob@b.example about the Budget Review tomorrow at 3 pm, not later. ", 12)
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		read(Said{Text: text, At: now})
	}
}

func large() *Window {
	var said []Said
	for i := range 20 {
		said = append(said, Said{Text: fmt.Sprintf("Send a letter to the participants of 'Meeting %d': see you at noon. Move it to tomorrow at 3 pm and pay 25 to %s. ", 400+i, iban1) +
			strings.Repeat("There is more to say about these things, but not today. ", 16), At: now})
	}
	w := NewWindow(tainted, said, "me@home.example")
	for i := range 1000 {
		var fields []Attested
		for j := range 10 {
			fields = append(fields, Attested{"participants", Email, fmt.Sprintf("p%d@b.example", i+j)})
		}
		w.Add(event(fmt.Sprint(i), fmt.Sprint("Meeting ", i), fields...))
	}
	return w
}

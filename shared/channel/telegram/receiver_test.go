package telegram

import (
	"encoding/json"
	"errors"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"github.com/go-telegram/bot/models"

	"instar/shared/channel"
	"instar/shared/chat"
)

const testSecret = "s3cret_token-1"

var now = time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)

func receive(t *testing.T, body string) (channel.Event, error) {
	t.Helper()
	r, err := NewReceiver(testSecret)
	if err != nil {
		t.Fatal(err)
	}
	return r.Receive(http.Header{"X-Telegram-Bot-Api-Secret-Token": {testSecret}}, []byte(body), now)
}

// only returns the one message of an update, or nil.
func only(t *testing.T, body string) *chat.Message {
	t.Helper()
	event, err := receive(t, body)
	if err != nil || len(event.Messages) > 1 || event.Response != nil {
		t.Fatalf("Receive(%s) = %+v, %v", body, event, err)
	}
	if len(event.Messages) == 0 {
		return nil
	}
	return &event.Messages[0]
}

const (
	ada     = `"from":{"id":4242,"is_bot":false,"first_name":"Ada","last_name":"L","username":"ada"}`
	private = `"chat":{"id":4242,"type":"private","first_name":"Ada"},"date":1700000000`
	group   = `"chat":{"id":-1001234567890,"type":"supergroup","title":"T"},"date":1700000000`
	botSaid = `"reply_to_message":{"message_id":40,"from":{"id":99,"is_bot":true,"first_name":"I","username":"instar_bot"},` + group + `,"text":"earlier"}`
)

func post(place, rest string) string {
	return `{"update_id":7,"message":{"message_id":41,` + ada + `,` + place + `,` + rest + `}}`
}

func TestAnUpdateWithoutTheSecretIsNotRead(t *testing.T) {
	r, _ := NewReceiver(testSecret)
	for _, header := range []http.Header{nil, {}, {"X-Telegram-Bot-Api-Secret-Token": {""}}, {"X-Telegram-Bot-Api-Secret-Token": {testSecret + "x"}}, {"X-Telegram-Bot-Api-Secret-Token": {"s3cret_token-2"}}} {
		event, err := r.Receive(header, []byte(post(private, `"text":"hi"`)), now)
		if !errors.Is(err, channel.ErrUnauthorized) || len(event.Messages) != 0 {
			t.Errorf("Receive with %v = %+v, %v", header, event, err)
		}
	}
	var missing *channel.Missing
	if _, err := NewReceiver(""); !errors.As(err, &missing) || missing.Variable != "TELEGRAM_WEBHOOK_SECRET" {
		t.Errorf("NewReceiver without a secret: %v", err)
	}
}

func TestAMessageIsReadWhole(t *testing.T) {
	got := only(t, post(private, `"text":"Hello"`))
	want := &chat.Message{
		V: 1, ID: "telegram:7", Time: time.Unix(1700000000, 0).UTC(),
		Address: chat.Address{Channel: "telegram", Chat: "4242"}, Kind: chat.Private, PlatformID: "41",
		Sender: chat.Sender{ID: "4242", Name: "Ada L"}, Text: "Hello",
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v\nwant %+v", got, want)
	}
	got = only(t, post(group, `"message_thread_id":12,"is_topic_message":true,"text":"@instar_bot hi","entities":[{"type":"mention","offset":0,"length":11}],`+botSaid))
	want = &chat.Message{
		V: 1, ID: "telegram:7", Time: time.Unix(1700000000, 0).UTC(),
		Address: chat.Address{Channel: "telegram", Chat: "-1001234567890", Thread: "12"}, Kind: chat.Group, PlatformID: "41",
		Sender: chat.Sender{ID: "4242", Name: "Ada L"}, Text: "@instar_bot hi", Mentions: []string{"@instar_bot"},
		ReplyTo: &chat.Reply{ID: "40", Text: "earlier", From: "99", Bot: true},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v\nwant %+v", got, want)
	}
}

func TestAnEditKeepsItsMessagesID(t *testing.T) {
	got := only(t, `{"update_id":8,"edited_message":{"message_id":41,`+ada+`,`+private+`,"edit_date":1700000060,"text":"Hello!"}}`)
	if got == nil || !got.Edited || got.PlatformID != "41" || got.ID != "telegram:8" || got.Time.Unix() != 1700000060 {
		t.Errorf("got %+v", got)
	}
}

func TestATapIsADirectMessage(t *testing.T) {
	got := only(t, `{"update_id":9,"callback_query":{"id":"c","from":{"id":4242,"is_bot":false,"first_name":"Ada"},"chat_instance":"x","data":"/allow 1","message":{"message_id":40,"from":{"id":99,"is_bot":true,"first_name":"I"},`+group+`,"text":"Allow?","message_thread_id":12,"is_topic_message":true}}}`)
	want := &chat.Message{
		V: 1, ID: "telegram:9", Time: now, Address: chat.Address{Channel: "telegram", Chat: "-1001234567890", Thread: "12"},
		Kind: chat.Group, PlatformID: "40", Sender: chat.Sender{ID: "4242", Name: "Ada"}, Text: "/allow 1", Direct: true, Tap: "c",
		ReplyTo: &chat.Reply{ID: "40", From: "99", Bot: true},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v\nwant %+v", got, want)
	}
	// A message that is too old comes without its text and sender.
	got = only(t, `{"update_id":9,"callback_query":{"id":"c",`+ada+`,"chat_instance":"x","data":"no","message":{"message_id":40,"chat":{"id":4242,"type":"private"},"date":0}}}`)
	if got == nil || got.Text != "no" || got.Tap != "c" || got.ReplyTo.ID != "40" || !got.Time.Equal(now) {
		t.Errorf("got %+v", got)
	}
}

func TestWhatIsOfNoInterestGivesNoMessage(t *testing.T) {
	for name, body := range map[string]string{
		"channel post":          `{"update_id":1,"channel_post":{"message_id":1,"chat":{"id":-1,"type":"channel"},"date":1,"text":"x"}}`,
		"my_chat_member":        `{"update_id":1,"my_chat_member":{"chat":{"id":1,"type":"private"},` + ada + `,"date":1}}`,
		"poll":                  `{"update_id":1,"poll":{"id":"1"}}`,
		"only an id":            `{"update_id":1}`,
		"a bot's":               `{"update_id":1,"message":{"message_id":1,"from":{"id":5,"is_bot":true,"first_name":"B"},` + private + `,"text":"x"}}`,
		"nobody's":              `{"update_id":1,"message":{"message_id":1,` + private + `,"text":"x"}}`,
		"a channel's forward":   post(group, `"is_automatic_forward":true,"text":"@instar_bot","entities":[{"type":"mention","offset":0,"length":11}]`),
		"someone joined":        post(private, `"new_chat_members":[{"id":5,"is_bot":false,"first_name":"B"}]`),
		"group talk":            post(group, `"text":"hello all"`),
		"group link":            post(group, `"text":"http://e.org","entities":[{"type":"url","offset":0,"length":12}]`),
		"group reply to people": post(group, `"text":"yes","reply_to_message":{"message_id":3,"from":{"id":5,"is_bot":false,"first_name":"B"},`+group+`,"text":"?"}`),
		"talk in a topic a bot created": post(group, `"message_thread_id":12,"is_topic_message":true,"text":"x","reply_to_message":{"message_id":12,"from":{"id":99,"is_bot":true,"first_name":"I"},`+
			group+`,"forum_topic_created":{"name":"t","icon_color":1}}`),
		"inline button":       `{"update_id":1,"callback_query":{"id":"c",` + ada + `,"chat_instance":"x","data":"a","inline_message_id":"i"}}`,
		"a tap without an id": `{"update_id":1,"callback_query":{` + ada + `,"chat_instance":"x","data":"a","message":{"message_id":1,` + private + `}}}`,
		"a game":              `{"update_id":1,"callback_query":{"id":"c",` + ada + `,"chat_instance":"x","game_short_name":"g","message":{"message_id":1,` + private + `}}}`,
		"a bot's tap":         `{"update_id":1,"callback_query":{"id":"c","from":{"id":5,"is_bot":true,"first_name":"B"},"chat_instance":"x","data":"a","message":{"message_id":1,` + private + `}}}`,
	} {
		if m := only(t, body); m != nil {
			t.Errorf("%s: got %+v", name, m)
		}
	}
}

func TestAGroupMessageThatMayBeForABotIsKept(t *testing.T) {
	for name, c := range map[string]struct {
		rest     string
		mentions []string
	}{
		"mention":            {`"text":"hey @Instar_Bot","entities":[{"type":"mention","offset":4,"length":11}]`, []string{"@instar_bot"}},
		"mention past emoji": {`"text":"😀😀 @b","entities":[{"type":"mention","offset":5,"length":2}]`, []string{"@b"}},
		"by id":              {`"text":"Bot!","entities":[{"type":"text_mention","offset":0,"length":3,"user":{"id":99,"is_bot":true,"first_name":"B"}}]`, []string{"99"}},
		"command":            {`"text":"/help","entities":[{"type":"bot_command","offset":0,"length":5}]`, nil},
		"command for a bot":  {`"text":"/help@Instar_bot x","entities":[{"type":"bot_command","offset":0,"length":16}]`, []string{"@instar_bot"}},
		"caption":            {`"caption":"@b look","caption_entities":[{"type":"mention","offset":0,"length":2}],"photo":[{"file_id":"P","width":1,"height":1}]`, []string{"@b"}},
		"reply":              {`"text":"and?",` + botSaid, nil},
	} {
		m := only(t, post(group, c.rest))
		if m == nil || !reflect.DeepEqual(m.Mentions, c.mentions) {
			t.Errorf("%s: got %+v", name, m)
		}
	}
}

func TestReplies(t *testing.T) {
	long := strings.Repeat("é", 1500)
	for name, c := range map[string]struct {
		rest string
		want *chat.Reply
	}{
		"quote":          {`"text":"a","quote":{"text":"part","position":3},` + botSaid, &chat.Reply{ID: "40", Text: "part", From: "99", Bot: true}},
		"caption":        {`"text":"a","reply_to_message":{"message_id":3,` + ada + `,` + private + `,"caption":"c"}`, &chat.Reply{ID: "3", Text: "c", From: "4242"}},
		"long":           {`"text":"a","reply_to_message":{"message_id":3,` + ada + `,` + private + `,"text":"` + long + `"}`, &chat.Reply{ID: "3", Text: strings.Repeat("é", 1000), From: "4242"}},
		"other chat":     {`"text":"a","external_reply":{"origin":{"type":"user"}},"quote":{"text":"q","position":0}`, &chat.Reply{Text: "q"}},
		"topic's first":  {`"text":"a","message_thread_id":3,"is_topic_message":true,"reply_to_message":{"message_id":3,` + ada + `,` + private + `,"forum_topic_created":{"name":"t"}}`, nil},
		"topic's number": {`"text":"a","message_thread_id":3,"is_topic_message":true,"reply_to_message":{"message_id":3,` + ada + `,` + private + `}`, nil},
		"chain of replies": {`"text":"a","message_thread_id":3,"reply_to_message":{"message_id":3,` + ada + `,` + private + `,"text":"x"}`,
			&chat.Reply{ID: "3", Text: "x", From: "4242"}},
	} {
		m := only(t, post(private, c.rest))
		if m == nil || !reflect.DeepEqual(m.ReplyTo, c.want) || m.Thread == "3" && c.want != nil {
			t.Errorf("%s: got %+v, want %+v", name, m, c.want)
		}
	}
}

func TestFiles(t *testing.T) {
	for name, c := range map[string]struct {
		rest, text string
		want       []chat.Attachment
	}{
		"photo":            {`"caption":"c","photo":[{"file_id":"S","width":9,"height":9,"file_size":1},{"file_id":"L","width":90,"height":90,"file_size":5},{"file_id":"M","width":20,"height":20}]`, "c", []chat.Attachment{{Kind: "image", Ref: "L", Type: "image/jpeg", Size: 5}}},
		"document":         {`"document":{"file_id":"D","file_name":"a.pdf","mime_type":"application/pdf","file_size":7}`, "", []chat.Attachment{{Kind: "file", Ref: "D", Name: "a.pdf", Type: "application/pdf", Size: 7}}},
		"image document":   {`"document":{"file_id":"D","mime_type":"image/png"}`, "", []chat.Attachment{{Kind: "image", Ref: "D", Type: "image/png"}}},
		"animation":        {`"animation":{"file_id":"A"},"document":{"file_id":"A","mime_type":"video/mp4"}`, "", []chat.Attachment{{Kind: "video", Ref: "A", Type: "video/mp4"}}},
		"voice":            {`"voice":{"file_id":"V","mime_type":"audio/ogg","file_size":3}`, "", []chat.Attachment{{Kind: "audio", Ref: "V", Type: "audio/ogg", Size: 3}}},
		"audio":            {`"audio":{"file_id":"A","file_name":"x.mp3","mime_type":"audio/mpeg"}`, "", []chat.Attachment{{Kind: "audio", Ref: "A", Name: "x.mp3", Type: "audio/mpeg"}}},
		"video":            {`"video":{"file_id":"V","mime_type":"video/mp4"}`, "", []chat.Attachment{{Kind: "video", Ref: "V", Type: "video/mp4"}}},
		"video note":       {`"video_note":{"file_id":"V"}`, "", []chat.Attachment{{Kind: "video", Ref: "V", Type: "video/mp4"}}},
		"sticker":          {`"sticker":{"file_id":"S","emoji":"👍","is_animated":false,"is_video":false}`, "[sticker 👍]", []chat.Attachment{{Kind: "image", Ref: "S", Type: "image/webp"}}},
		"animated sticker": {`"sticker":{"file_id":"S","is_animated":true}`, "[sticker]", nil},
		"location":         {`"location":{"latitude":52.5,"longitude":13.4}`, "[location: 52.5,13.4]", nil},
		"venue":            {`"venue":{"title":"T","address":"A","location":{"latitude":1,"longitude":2}},"location":{"latitude":1,"longitude":2}`, "[venue: T, A, 1,2]", nil},
		"contact":          {`"contact":{"first_name":"Bo","phone_number":"+1"}`, "[contact: Bo, +1]", nil},
		"poll":             {`"poll":{"question":"Q?","options":[{"text":"a"},{"text":"b"}]}`, "[poll: Q? a / b]", nil},
		"dice":             {`"dice":{"emoji":"🎲","value":4}`, "[dice 🎲 4]", nil},
	} {
		m := only(t, post(private, c.rest))
		if m == nil || m.Text != c.text || !reflect.DeepEqual(m.Attachments, c.want) {
			t.Errorf("%s: got %+v", name, m)
		}
	}
}

func TestForwardedWordsAreMarkedAndNoCommand(t *testing.T) {
	const stop = `"text":"/stop","entities":[{"type":"bot_command","offset":0,"length":5}]`
	for name, forward := range map[string]string{
		"hidden user":           `"forward_origin":{"type":"hidden_user","sender_user_name":"x","date":1}`,
		"channel":               `"forward_origin":{"type":"channel","chat":{"id":-1,"type":"channel"},"message_id":1,"date":1}`,
		"their own":             `"forward_origin":{"type":"user","sender_user":{"id":4242,"is_bot":false,"first_name":"Ada"},"date":1}`,
		"before 7.0":            `"forward_from":{"id":5,"is_bot":false,"first_name":"B"},"forward_date":1`,
		"before 7.0, a channel": `"forward_from_chat":{"id":-1,"type":"channel"},"forward_date":1`,
		"before 7.0, hidden":    `"forward_sender_name":"x","forward_date":1`,
		"only a date":           `"forward_date":1`,
		"only a name":           `"forward_sender_name":"x"`,
	} {
		for _, place := range []string{private, group} {
			m := only(t, post(place, forward+","+stop))
			if m == nil || !m.Forwarded || m.Text != "/stop" {
				t.Fatalf("%s: got %+v", name, m)
			}
			if command, _, ok := m.Command(chat.Self{}); ok {
				t.Errorf("%s: it is the command %s", name, command)
			}
		}
	}
	m := only(t, post(private, stop))
	if command, _, ok := m.Command(chat.Self{}); m.Forwarded || command != "stop" || !ok {
		t.Errorf("typed, it is %q, %v: %+v", command, ok, m)
	}
	// What is answered may be forwarded: that says nothing of the answer.
	m = only(t, post(private, `"text":"/stop","reply_to_message":{"message_id":3,"forward_date":1,"text":"x",`+private+`}`))
	if m == nil || m.Forwarded {
		t.Errorf("a reply to forwarded words: %+v", m)
	}
	m = only(t, post(private, `"forward_date":1,"photo":[{"file_id":"P","width":1,"height":1}]`))
	if m == nil || !m.Forwarded || m.Text != "" || len(m.Attachments) != 1 {
		t.Errorf("a forwarded photo: %+v", m)
	}
}

func TestMalformedUpdatesAreRefused(t *testing.T) {
	for name, body := range map[string]string{
		"empty": "", "not JSON": "{", "an array": "[]", "null": "null", "no id": `{"message":{}}`, "text id": `{"update_id":"7"}`, "float id": `{"update_id":1.5}`,
		"huge id":      `{"update_id":1e400}`,
		"no chat":      `{"update_id":1,"message":{"message_id":1,"date":1}}`,
		"huge chat":    `{"update_id":1,"message":{"message_id":1,"date":1,"chat":{"id":99999999999999999999,"type":"private"}}}`,
		"no date":      `{"update_id":1,"message":{"message_id":1,"chat":{"id":1,"type":"private"}}}`,
		"absurd date":  `{"update_id":1,"message":{"message_id":1,"date":9999999999999,"chat":{"id":1,"type":"private"}}}`,
		"deep":         `{"update_id":1,"message":` + strings.Repeat(`{"a":`, 100_000) + "1" + strings.Repeat("}", 100_000) + `}`,
		"deep arrays":  strings.Repeat("[", 1_000_000),
		"not UTF-8":    "{\"update_id\":1,\"a\":\"\xff\"}",
		"too large":    `{"update_id":1,"a":"` + strings.Repeat("x", channel.MaxBody) + `"}`,
		"after object": `{"update_id":1}{}`,
	} {
		event, err := receive(t, body)
		if !errors.Is(err, channel.ErrMalformed) || len(event.Messages) != 0 {
			t.Errorf("%s: %+v, %v", name, event, err)
		}
	}
}

// FuzzReceive: whatever is signed, a message is whole or there is none.
func FuzzReceive(f *testing.F) {
	for _, rest := range []string{
		`"text":"/help@b","entities":[{"type":"bot_command","offset":0,"length":7}]`,
		`"text":"😀 @b é","entities":[{"type":"mention","offset":3,"length":2}],` + botSaid,
		`"caption":"c","photo":[{"file_id":"S","width":9,"height":9}]`,
		`"text":"\ud800\udc00\ud800","entities":[{"type":"mention","offset":-1,"length":99999999999}]`,
		`"sticker":{"file_id":"S"},"is_topic_message":true,"message_thread_id":3`,
	} {
		f.Add([]byte(post(private, rest)))
		f.Add([]byte(post(group, rest)))
	}
	f.Add([]byte(`{"update_id":9,"callback_query":{"id":"c",` + ada + `,"data":"no","message":{"message_id":40,` + private + `}}}`))
	f.Add([]byte(`{"update_id":9,"callback_query":{"id":"c",` + ada + `,"chat_instance":"x","data":"/allow 1","message":{"message_id":40,"from":{"id":99,"is_bot":true},` + group + `,"text":"Allow?","is_topic_message":true,"message_thread_id":12,"reply_markup":{"inline_keyboard":[[{"text":"Yes","callback_data":"/allow 1"}]]}}}}`))
	f.Add([]byte(`{"update_id":9,"callback_query":{"id":"c",` + ada + `,"data":"x","message":{"message_id":40,"chat":{"id":4242,"type":"private"},"date":0}}}`))
	r, err := NewReceiver(testSecret)
	if err != nil {
		f.Fatal(err)
	}
	header := http.Header{"X-Telegram-Bot-Api-Secret-Token": {testSecret}}
	f.Fuzz(func(t *testing.T, body []byte) {
		event, err := r.Receive(header, body, now)
		if err != nil {
			if !errors.Is(err, channel.ErrMalformed) {
				t.Fatal(err)
			}
			return
		}
		for _, m := range event.Messages {
			if m.V != 1 || m.ID == "" || m.Channel != Name || m.Chat == "" || m.PlatformID == "" || m.Sender.ID == "" || m.Sender.Bot {
				t.Fatalf("incomplete: %+v", m)
			}
			if m.Text == "" && len(m.Attachments) == 0 {
				t.Fatalf("empty: %+v", m)
			}
			if m.Tap != "" && (!m.Direct || m.ReplyTo == nil || m.ReplyTo.ID != m.PlatformID || m.ReplyTo.Text != "") {
				t.Fatalf("a tap on nothing: %+v", m)
			}
			if _, err := json.Marshal(m); err != nil {
				t.Fatal(err)
			}
		}
	})
}

func TestTheLibrarysTypesReadTheSame(t *testing.T) {
	for _, place := range []string{private, group} {
		for _, rest := range []string{
			`"text":"/help@Instar_bot é","entities":[{"type":"bot_command","offset":0,"length":16}]`,
			`"text":"😀 @b é @c","entities":[{"type":"mention","offset":3,"length":2},{"type":"mention","offset":8,"length":2}],` + botSaid,
			`"caption":"@b 😀","caption_entities":[{"type":"mention","offset":0,"length":2}],"photo":[{"file_id":"S","width":9,"height":9}],"message_thread_id":12,"is_topic_message":true`,
		} {
			body := post(place, rest)
			m := only(t, body)
			var u models.Update
			if err := json.Unmarshal([]byte(body), &u); err != nil || m == nil {
				t.Fatalf("%s: %v, %+v", body, err, m)
			}
			judge := u.Message
			entities, text := judge.Entities, judge.Text
			if text == "" {
				entities, text = judge.CaptionEntities, judge.Caption
			}
			var mentions []string
			for _, e := range entities {
				word := string(utf16.Decode(utf16.Encode([]rune(text))[e.Offset : e.Offset+e.Length]))
				if _, bot, ok := strings.Cut(word, "@"); ok {
					mentions = append(mentions, "@"+strings.ToLower(bot))
				}
			}
			if m.Text != text || !reflect.DeepEqual(m.Mentions, mentions) || m.Time.Unix() != int64(judge.Date) ||
				(m.ReplyTo != nil) != (judge.ReplyToMessage != nil) || (m.Thread != "") != judge.IsTopicMessage {
				t.Errorf("%s\n got %+v\njudge %+v", body, m, judge)
			}
		}
	}
}

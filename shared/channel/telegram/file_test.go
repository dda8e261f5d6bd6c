package telegram

import (
	"bytes"
	"fmt"
	"html"
	"io"
	"mime"
	"mime/multipart"
	"regexp"
	"strings"
	"testing"

	"instar/shared/channel"
	"instar/shared/channel/channeltest"
	"instar/shared/chat"
)

type sentForm struct {
	field string
	channeltest.Posted
}

// readForm reads a multipart call with the standard library's reader.
func readForm(t *testing.T, call channeltest.Call) (values map[string]string, file sentForm) {
	t.Helper()
	_, params, err := mime.ParseMediaType(call.Header.Get("Content-Type"))
	if err != nil {
		t.Fatal(err)
	}
	values = map[string]string{}
	for form := multipart.NewReader(strings.NewReader(call.Body), params["boundary"]); ; {
		part, err := form.NextPart()
		if err == io.EOF {
			return values, file
		}
		if err != nil {
			t.Fatalf("%s: %v", call.Method(), err)
		}
		data, err := io.ReadAll(part)
		_, repeated := values[part.FormName()]
		if err != nil || repeated || part.FormName() == file.field {
			t.Fatalf("%s: parameter %q: %v, given before: %v", call.Method(), part.FormName(), err, repeated)
		}
		if part.FileName() == "" {
			values[part.FormName()] = string(data)
			continue
		}
		file.field, file.Name, file.Type, file.Data = part.FormName(), part.FileName(), part.Header.Get("Content-Type"), string(data)
		if len(part.Header) != 2 {
			t.Errorf("%s: the file has the header %v", call.Method(), part.Header)
		}
	}
}

var tags = regexp.MustCompile(`<[^>]*>`)

// sentFile reads what one call posts.
func sentFile(t *testing.T, calls []channeltest.Call) channeltest.Posted {
	t.Helper()
	values, file := readForm(t, calls[0])
	posted := file.Posted
	posted.To = chat.Address{Channel: Name, Chat: values["chat_id"], Thread: values["message_thread_id"]}
	posted.Picture = file.field == "photo"
	if posted.Caption = values["caption"]; values["parse_mode"] == "HTML" {
		posted.Caption = html.UnescapeString(tags.ReplaceAllString(posted.Caption, ""))
	}
	return posted
}

func TestAFileIsPostedByItsKind(t *testing.T) {
	wide := func(width, height uint32) []byte { return fmt.Appendf(nil, "%s%s", pngHead(width, height), "rest") }
	large := append(wide(100, 100), bytes.Repeat([]byte("1234567890"), 1_000_000)...)
	for name, c := range map[string]struct {
		f    channel.File
		want string
	}{
		"PNG":                             {channel.File{MediaType: "image/png", Data: wide(640, 480)}, "sendPhoto photo"},
		"JPEG":                            {channel.File{MediaType: "image/jpeg", Data: []byte(jpegHead)}, "sendPhoto photo"},
		"WebP":                            {channel.File{MediaType: "image/webp", Data: []byte(webpLossy)}, "sendPhoto photo"},
		"GIF":                             {channel.File{MediaType: "image/gif", Data: []byte("GIF89a")}, "sendAnimation animation"},
		"an icon":                         {channel.File{MediaType: "image/x-icon", Data: []byte("x")}, "sendDocument document"},
		"a picture by its name only":      {channel.File{Data: wide(640, 480)}, "sendDocument document"},
		"a picture that cannot be read":   {channel.File{MediaType: "image/png", Data: []byte("x")}, "sendPhoto photo"},
		"the widest picture":              {channel.File{MediaType: "image/png", Data: wide(9000, 1000)}, "sendPhoto photo"},
		"one pixel more":                  {channel.File{MediaType: "image/png", Data: wide(9000, 1001)}, "sendDocument document"},
		"the longest picture":             {channel.File{MediaType: "image/png", Data: wide(100, 2000)}, "sendPhoto photo"},
		"one pixel longer":                {channel.File{MediaType: "image/png", Data: wide(100, 2001)}, "sendDocument document"},
		"the widest number":               {channel.File{MediaType: "image/png", Data: wide(1<<31-1, 1<<31-1)}, "sendDocument document"},
		"the heaviest picture":            {channel.File{MediaType: "image/png", Data: large[:10_000_000]}, "sendPhoto photo"},
		"one byte more":                   {channel.File{MediaType: "image/png", Data: large[:10_000_001]}, "sendDocument document"},
		"called PNG though it is another": {channel.File{MediaType: "image/png", Data: []byte(webpExtended)}, "sendPhoto photo"},
	} {
		c.f.Name = "a"
		script := channeltest.NewScript(testPlatform().Filed)
		id, err := newTestSender(t, "http://x.test", script, nil).SendFile(t.Context(), testPlatform().To, c.f)
		if err != nil || id != "17" {
			t.Errorf("%s: %q, %v", name, id, err)
			continue
		}
		checkCall(t, script.Calls[0])
		if _, file := readForm(t, script.Calls[0]); script.Calls[0].Method()+" "+file.field != c.want {
			t.Errorf("%s: %s of %s", name, script.Calls[0].Method(), file.field)
		}
	}
}

func TestAFormIsWhatBrowsersWrite(t *testing.T) {
	body, contentType := form([][2]string{{"chat_id", "7"}, {"caption", ""}, {"parse_mode", "HTML"}}, "document",
		channel.File{Name: "ä\"\r\n\x01.txt", MediaType: "Text/Plain; charset=utf-8", Data: []byte("data")})
	boundary, ok := strings.CutPrefix(contentType, "multipart/form-data; boundary=")
	want := "--B\r\nContent-Disposition: form-data; name=\"chat_id\"\r\n\r\n7\r\n" +
		"--B\r\nContent-Disposition: form-data; name=\"parse_mode\"\r\n\r\nHTML\r\n" +
		"--B\r\nContent-Disposition: form-data; name=\"document\"; filename=\"ä%22%0D%0A_.txt\"\r\nContent-Type: text/plain\r\n\r\ndata\r\n--B--\r\n"
	if got := strings.ReplaceAll(string(body), boundary, "B"); got != want || !ok || len(boundary) < 20 {
		t.Errorf("got %q", got)
	}
	if _, again := form(nil, "document", channel.File{}); again == contentType {
		t.Error("the boundary can be foretold")
	}
}

func TestARefusalThatIsNotThePicturesIsFinal(t *testing.T) {
	picture := channel.File{Name: "a.png", MediaType: "image/png", Data: []byte(channeltest.PNG)}
	for _, reason := range []string{
		"Bad Request: CHAT_SEND_PHOTOS_FORBIDDEN", "Bad Request: not enough rights to send photos to the chat", "Bad Request: message thread not found", "Forbidden: bot was blocked by the user",
	} {
		script := channeltest.NewScript(channeltest.Respond(400, `{"ok":false,"error_code":400,"description":%q}`, reason), testPlatform().Filed)
		if _, err := newTestSender(t, "http://x.test", script, nil).SendFile(t.Context(), testPlatform().To, picture); err == nil || len(script.Calls) != 1 {
			t.Errorf("%s: %v after %d calls", reason, err, len(script.Calls))
		}
	}
	unfit := testPlatform().Unfit[0]
	script := channeltest.NewScript(unfit, unfit, testPlatform().Filed)
	if _, err := newTestSender(t, "http://x.test", script, nil).SendFile(t.Context(), testPlatform().To, picture); err == nil || len(script.Calls) != 2 {
		t.Errorf("a refused document: %v after %d calls", err, len(script.Calls))
	}
}

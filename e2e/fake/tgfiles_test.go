//go:build !js

package fake

import (
	"bytes"
	"encoding/json"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"mime/multipart"
	"net/textproto"
	"strings"
	"testing"

	"github.com/tidwall/gjson"
)

const tinyPNG = "\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x06\x00\x00\x00\x1f\x15\xc4\x89\x00\x00\x00\rIDATx\x9cc\xf8\xcf\xc0\xf0\x1f\x00\x05\x05\x02\x00\xf4\x8f\xd2\xba\x00\x00\x00\x00IEND\xaeB`\x82"

// picture is a PNG file of that size.
func picture(t *testing.T, width, height int) string {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, image.NewPaletted(image.Rect(0, 0, width, height), color.Palette{color.Black})); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// tgSendFile posts a form of fields "name=value" with files "part/name/media type/data".
func tgSendFile(t *testing.T, f *Telegram, method string, fields []string, files ...[4]string) (int, gjson.Result) {
	t.Helper()
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	for _, field := range fields {
		name, value, _ := strings.Cut(field, "=")
		w.WriteField(name, value)
	}
	for _, file := range files {
		part, _ := w.CreatePart(textproto.MIMEHeader{
			"Content-Disposition": {fmt.Sprintf(`form-data; name="%s"; filename="%s"`, file[0], file[1])}, "Content-Type": {file[2]},
		})
		part.Write([]byte(file[3]))
	}
	w.Close()
	status, body := post(t, f.URL()+"/bot"+tgToken+"/"+method, w.FormDataContentType(), b.String())
	return status, gjson.Parse(body)
}

func TestTelegramTakesRightFilesAndRefusesWrongOnes(t *testing.T) {
	const wrongFile = true // a violation, where the refusal is not for how things stand
	heavy := tinyPNG + strings.Repeat("x", tgMaxPhoto)
	for _, c := range []struct {
		name, method string
		fields       string
		file         [4]string
		want         string // part of the description; "" means the call is right
		wrong        bool
	}{
		{"photo", "sendPhoto", "chat_id=7,caption=<b>c</b>,parse_mode=HTML,message_thread_id=4", [4]string{"photo", "a.png", "image/png", tinyPNG}, "", false},
		{"document", "sendDocument", "chat_id=7", [4]string{"document", "a.txt", "text/plain", "x"}, "", false},
		{"animation", "sendAnimation", "chat_id=7", [4]string{"animation", "a.gif", "image/gif", "GIF89a"}, "", false},
		{"attached", "sendDocument", "chat_id=7,document=attach://doc", [4]string{"doc", "a.txt", "text/plain", "x"}, "", false},
		{"longest photo", "sendPhoto", "chat_id=7", [4]string{"photo", "a.png", "image/png", picture(t, 2000, 100)}, "", false},
		{"widest photo", "sendPhoto", "chat_id=7", [4]string{"photo", "a.png", "image/png", picture(t, 9000, 1000)}, "", false},
		{"longest caption", "sendPhoto", "chat_id=7,caption=" + strings.Repeat("é", 1024), [4]string{"photo", "a.png", "image/png", tinyPNG}, "", false},
		{"a heavy picture as a document", "sendDocument", "chat_id=7", [4]string{"document", "a.png", "image/png", heavy}, "", false},

		{"no file", "sendPhoto", "chat_id=7", [4]string{}, `parameter "photo" is required`, wrongFile},
		{"no chat", "sendPhoto", "caption=a", [4]string{"photo", "a.png", "image/png", tinyPNG}, `parameter "chat_id" is required`, wrongFile},
		{"another's part", "sendPhoto", "chat_id=7", [4]string{"document", "a.png", "image/png", tinyPNG}, `parameter "photo" is required`, wrongFile},
		{"a file for a text", "sendPhoto", "chat_id=7", [4]string{"caption", "a.png", "image/png", tinyPNG}, `parameter "caption" is not a file`, wrongFile},
		{"an unknown part", "sendPhoto", "chat_id=7,photo=attach://photo1", [4]string{"photo2", "a.png", "image/png", tinyPNG}, `unknown file "photo2"`, wrongFile},
		{"empty", "sendDocument", "chat_id=7", [4]string{"document", "a.txt", "text/plain", ""}, "file must be non-empty", wrongFile},
		{"long caption", "sendPhoto", "chat_id=7,caption=" + strings.Repeat("é", 1025), [4]string{"photo", "a.png", "image/png", tinyPNG}, "message is too long", wrongFile},
		{"broken caption", "sendPhoto", "chat_id=7,caption=<p>,parse_mode=HTML", [4]string{"photo", "a.png", "image/png", tinyPNG}, "can't parse entities", wrongFile},
		{"heavy photo", "sendPhoto", "chat_id=7", [4]string{"photo", "a.png", "image/png", heavy}, "too big for a photo", wrongFile},
		{"heavy document", "sendDocument", "chat_id=7", [4]string{"document", "a", "", strings.Repeat("x", tgMaxUpload+1)}, "Request Entity Too Large", wrongFile},
		{"wide photo", "sendPhoto", "chat_id=7", [4]string{"photo", "a.png", "image/png", picture(t, 9000, 1001)}, "PHOTO_INVALID_DIMENSIONS", wrongFile},
		{"long photo", "sendPhoto", "chat_id=7", [4]string{"photo", "a.png", "image/png", picture(t, 100, 2001)}, "PHOTO_INVALID_DIMENSIONS", wrongFile},
		{"no picture", "sendPhoto", "chat_id=7", [4]string{"photo", "a.png", "image/png", "x"}, "IMAGE_PROCESS_FAILED", false},
		{"an id of no file", "sendPhoto", "chat_id=7,photo=F9", [4]string{}, "wrong remote file identifier", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := violating(t, NewTelegram(tgToken))
			needSpecs(t, f)
			var files [][4]string
			if c.file[0] != "" {
				files = append(files, c.file)
			}
			status, answer := tgSendFile(t, f, c.method, strings.Split(c.fields, ","), files...)
			description := answer.Get("description").String()
			if (status == 200) != (c.want == "") || !strings.Contains(description, c.want) || (len(f.Violations()) == 1) != c.wrong {
				t.Errorf("answer %d %q, violations %q", status, description, f.Violations())
			}
			if shown := f.Chat(7); len(shown) != map[bool]int{true: 1, false: 0}[c.want == ""] {
				t.Fatalf("the chat shows %d messages", len(shown))
			} else if c.want == "" {
				v, err := decodeJSON([]byte(answer.Get("result").Raw))
				if err == nil {
					err = f.spec.check("Message", v)
				}
				if err != nil {
					t.Errorf("answers %s: %v", answer, err)
				}
			}
		})
	}
}

func TestTelegramKeepsFilesInOrderWithMessages(t *testing.T) {
	f := Check(t, NewTelegram(tgToken))
	needSpecs(t, f)
	tgCall(t, f, "sendMessage", `{"chat_id":7,"text":"first"}`)
	_, answer := tgSendFile(t, f, "sendPhoto", []string{"chat_id=7", "caption=<i>c</i> &amp; d", "parse_mode=HTML"}, [4]string{"photo", "ä b.png", "image/png", tinyPNG})
	tgCall(t, f, "sendMessage", `{"chat_id":7,"text":"last"}`)
	shown := f.Chat(7)
	if len(shown) != 3 || shown[0].File != nil || shown[1].File == nil || shown[2].Text != "last" {
		t.Fatalf("%+v", shown)
	}
	if m := shown[1]; m.Text != "c & d" || m.File.Name != "ä b.png" || m.File.Type != "image/png" || string(m.File.Data) != tinyPNG || m.File.As != "photo" {
		t.Errorf("%+v with %+v", m, m.File)
	}
	if status, d := tgCall(t, f, "editMessageText", fmt.Sprintf(`{"chat_id":7,"message_id":%d,"text":"x"}`, shown[1].ID)); status != 400 || !strings.Contains(d, "no text in the message") {
		t.Errorf("the text of a picture was edited: %d %s", status, d)
	}
	if status, d := tgCall(t, f, "getFile", `{"file_id":"`+answer.Get("result.photo.0.file_id").String()+`"}`); status != 200 {
		t.Errorf("the sent file is not found: %d %s", status, d)
	}
	var state struct{ Chats map[string][]Message }
	text, err := json.Marshal(f.State())
	if err == nil {
		err = json.Unmarshal(text, &state)
	}
	if err != nil || string(state.Chats["7"][1].File.Data) != tinyPNG {
		t.Errorf("the state does not show the file: %v", err)
	}
}

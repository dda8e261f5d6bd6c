//go:build !js

package fake_test

import (
	"net/http"
	"strings"
	"testing"

	"instar/e2e/fake"
	"instar/shared/channel"
	"instar/shared/channel/channeltest"
	"instar/shared/channel/slack"
	"instar/shared/channel/telegram"
	"instar/shared/chat"
)

// files are sent one after the other, and as what each is shown on Telegram.
var files = []struct {
	channel.File
	as string
}{
	{channel.File{Name: "Bild 1 (ä).png", MediaType: "image/png", Data: []byte(channeltest.PNG), Caption: "**bold** & <b>"}, "photo"},
	{channel.File{Name: "moves.gif", MediaType: "image/gif", Data: []byte("GIF89a\x01\x00\x01\x00\x00\x00\x00;")}, "animation"},
	{channel.File{Name: `say "hi".csv`, MediaType: "text/csv", Data: []byte("a,b\r\n")}, "document"},
	{channel.File{Name: "broken.png", MediaType: "image/png", Data: []byte("not a picture"), Caption: "oh"}, "document"},
	{channel.File{Name: "long.txt", MediaType: "text/plain", Data: []byte("x"), Caption: strings.Repeat("word & ", 2000)}, "document"},
}

func TestFilesReachATelegramChat(t *testing.T) {
	const token = "1000:secret"
	f := fake.Check(t, fake.NewTelegram(token))
	s, err := telegram.NewSender(token, f.URL(), http.DefaultClient)
	if err != nil {
		t.Fatal(err)
	}
	to := chat.Address{Channel: "telegram", Chat: "-1001234567890", Thread: "4"}
	for _, file := range files {
		if id, err := s.SendFile(t.Context(), to, file.File); err != nil || id == "" {
			t.Fatalf("%s: %q, %v", file.Name, id, err)
		}
	}
	shown := f.Chat(-1001234567890)
	if len(shown) != len(files) {
		t.Fatalf("%d messages", len(shown))
	}
	for i, m := range shown {
		want := files[i]
		if m.File == nil || m.Thread != 4 || m.File.Name != strings.ReplaceAll(want.Name, `"`, "%22") || m.File.Type != want.MediaType || string(m.File.Data) != string(want.Data) || m.File.As != want.as {
			t.Errorf("%s: %+v", want.Name, m.File)
		}
	}
	if shown[0].Text != "bold & <b>" || !strings.HasPrefix(shown[0].HTML, "<b>bold</b>") || !strings.HasSuffix(shown[4].Text, "…") {
		t.Errorf("captions %q and %q", shown[0].HTML, shown[4].Text)
	}
}

func TestFilesReachASlackChannel(t *testing.T) {
	f := fake.Check(t, fake.NewSlack("xoxb-test", "hush"))
	s, err := slack.NewSender("xoxb-test", f.URL(), http.DefaultClient)
	if err != nil {
		t.Fatal(err)
	}
	for _, to := range []chat.Address{{Channel: "slack", Chat: "C0GENERAL1", Thread: "1700000000.000100"}, {Channel: "slack", Chat: "U0ADA00001"}} {
		for _, file := range files {
			if id, err := s.SendFile(t.Context(), to, file.File); err != nil || id == "" {
				t.Fatalf("%s: %q, %v", file.Name, id, err)
			}
		}
		shown := f.Chat(to.Chat)
		if len(shown) != len(files) {
			t.Fatalf("%d messages", len(shown))
		}
		for i, m := range shown {
			if want := files[i]; m.File == nil || m.Thread != to.Thread || m.File.Name != want.Name || string(m.File.Data) != string(want.Data) {
				t.Errorf("%s: %+v", want.Name, m.File)
			}
		}
		if shown[0].Text != "*bold* & <b>" || !strings.HasSuffix(shown[4].Text, "…") {
			t.Errorf("captions %q and %q", shown[0].Text, shown[4].Text)
		}
	}
}

func TestASlackFileIsNotDoubled(t *testing.T) {
	f := fake.Check(t, fake.NewSlack("xoxb-test", "hush"))
	s, err := slack.NewSender("xoxb-test", f.URL(), http.DefaultClient)
	if err != nil {
		t.Fatal(err)
	}
	f.Drop("files.getUploadURLExternal", 1)
	f.Drop("upload", 1)
	f.Drop("files.completeUploadExternal", 1)
	to := chat.Address{Channel: "slack", Chat: "C0GENERAL1"}
	if id, err := s.SendFile(t.Context(), to, files[0].File); err == nil {
		t.Errorf("SendFile = %q though nobody knows", id)
	}
	if n := len(f.Chat("C0GENERAL1")); n != 1 {
		t.Errorf("%d messages", n)
	}
}

package channeltest

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"instar/shared/channel"
	"instar/shared/chat"
)

// Posted is a file as the calls of one SendFile post it.
type Posted struct {
	To      chat.Address
	Name    string
	Type    string // media type, "" where the platform finds it out itself
	Data    string
	Caption string // as the platform would show it
	Picture bool   // by a call for pictures, where the platform has one
}

// PNG is a picture of one pixel.
const PNG = "\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x06\x00\x00\x00\x1f\x15\xc4\x89\x00\x00\x00\rIDATx\x9cc\xf8\xcf\xc0\xf0\x1f\x00\x05\x05\x02\x00\xf4\x8f\xd2\xba\x00\x00\x00\x00IEND\xaeB`\x82"

var picture = channel.File{Name: "Grüße.png", MediaType: "image/png", Data: []byte(PNG), Caption: "It is **here**"}

// steps are the answers to a SendFile that succeeds.
func steps(p Platform) []Answer {
	return append(p.Steps(base), p.Filed)
}

func fileArrives(t *testing.T, p Platform) {
	for name, c := range map[string]struct {
		f       channel.File
		picture bool
		caption string
	}{
		"a picture":           {picture, true, "here"},
		"a JPEG":              {channel.File{Name: "a.jpg", MediaType: "Image/JPEG", Data: []byte("\xff\xd8\xff")}, true, ""},
		"a document":          {channel.File{Name: "table.csv", MediaType: "text/csv; charset=utf-8", Data: []byte("a,b\r\n--\r\n"), Caption: " \n"}, false, ""},
		"no media type":       {channel.File{Name: "core", Data: []byte{0, 0xff, '\r', '\n'}, Caption: "dump"}, false, "dump"},
		"no such media type":  {channel.File{Name: "core", MediaType: "x\r\nContent-Length: 0", Data: []byte("x")}, false, ""},
		"a drawing":           {channel.File{Name: "a.svg", MediaType: "image/svg+xml", Data: []byte("<svg/>")}, false, ""},
		"the largest file":    {channel.File{Name: "a.bin", Data: bytes.Repeat([]byte("12345678"), channel.MaxFile/8)}, false, ""},
		"a caption of markup": {channel.File{Name: "a.txt", Data: []byte("x"), Caption: "```"}, false, "```"},
	} {
		t.Run(name, func(t *testing.T) {
			sender, script, _ := start(t, p, steps(p)...)
			id, err := sender.SendFile(t.Context(), p.To, c.f)
			if err != nil || id == "" || len(script.Calls) != len(steps(p)) {
				t.Fatalf("SendFile = %q, %v after %d calls", id, err, len(script.Calls))
			}
			got := p.File(t, script.Calls)
			wantType, _, _ := strings.Cut(strings.ToLower(c.f.MediaType), ";")
			if wantType == "" || strings.Contains(wantType, "\r") {
				wantType = "application/octet-stream"
			}
			if got.To != p.To || got.Name != c.f.Name || got.Data != string(c.f.Data) || got.Type != "" && got.Type != wantType {
				t.Errorf("posted %q of type %q with %d bytes to %v", got.Name, got.Type, len(got.Data), got.To)
			}
			if got.Picture != (c.picture && p.Pictures) {
				t.Errorf("posted as a picture: %v", got.Picture)
			}
			if !strings.Contains(got.Caption, c.caption) || strings.Contains(got.Caption, "**") || c.caption == "" && got.Caption != "" {
				t.Errorf("the caption is %q", got.Caption)
			}
		})
	}
}

func fileName(t *testing.T, p Platform) {
	for _, name := range []string{
		`a"; name="chat_id"; x=".png`, "a\r\nContent-Type: html\r\n\r\n<b>.png", "日本 語.pdf", "a%22b&c=d;e.txt", "a\x00b\x7f.txt", ".profile", "...", "a;b",
	} {
		sender, script, _ := start(t, p, steps(p)...)
		if _, err := sender.SendFile(t.Context(), p.To, channel.File{Name: name, MediaType: "image/png", Data: []byte(PNG), Caption: "c"}); err != nil {
			t.Errorf("%q: %v", name, err)
			continue
		}
		got := p.File(t, script.Calls)
		if got.Data != PNG || got.To != p.To || got.Caption != "c" || got.Type != "" && got.Type != "image/png" {
			t.Errorf("%q: the name changed the call: %+v", name, got)
		}
		if plain := !strings.ContainsAny(name, "\"\r\n\x00\x7f"); got.Name == "" || plain && got.Name != name {
			t.Errorf("%q is posted as %q", name, got.Name)
		}
	}
}

func fileCaption(t *testing.T, p Platform) {
	for name, caption := range map[string]string{
		"words": strings.Repeat("word ", p.MostCaption), "emoji": strings.Repeat("😀", p.MostCaption), "markup": strings.Repeat("`", 3*p.MostCaption),
		"code": "```go\n" + strings.Repeat("x := 1 // & <b>\n", p.MostCaption/4) + "```", "escapes": strings.Repeat("<&> ", p.MostCaption),
	} {
		f := picture
		f.Caption = caption
		sender, script, _ := start(t, p, steps(p)...)
		if _, err := sender.SendFile(t.Context(), p.To, f); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		got := p.File(t, script.Calls).Caption
		if n := len(utf16.Encode([]rune(got))); n > p.MostCaption || n < p.MostCaption/4 && name != "markup" || !strings.Contains(got, "…") {
			t.Errorf("%s: a caption of %d characters that ends in %q", name, n, got[max(0, len(got)-20):])
		}
	}
}

func fileWrong(t *testing.T, p Platform) {
	elsewhere := p.To
	elsewhere.Channel = "carrier-pigeon"
	named := func(name string) channel.File { return channel.File{Name: name, Data: []byte(secret)} }
	sender, script, _ := start(t, p)
	for what, c := range map[string]struct {
		to chat.Address
		f  channel.File
	}{
		"no name":           {p.To, named("")},
		"a blank name":      {p.To, named(" \t")},
		"a folder":          {p.To, named("launch/a.txt")},
		"a Windows folder":  {p.To, named(`launch\a.txt`)},
		"this folder":       {p.To, named(".")},
		"the folder above":  {p.To, named("..")},
		"no text":           {p.To, named("launch\xff")},
		"nothing in it":     {p.To, channel.File{Name: "launch.txt", Caption: secret}},
		"too large":         {p.To, channel.File{Name: "launch.txt", Data: make([]byte, channel.MaxFile+1)}},
		"another's address": {elsewhere, picture},
		"no chat":           {chat.Address{Channel: p.To.Channel}, picture},
	} {
		if id, err := sender.SendFile(t.Context(), c.to, c.f); err == nil || strings.Contains(err.Error(), "launch") {
			t.Errorf("%s: SendFile = %q, %v", what, id, err)
		}
	}
	if len(script.Calls) != 0 {
		t.Errorf("%d calls", len(script.Calls))
	}
}

func fileRefused(t *testing.T, p Platform) {
	for _, before := range []int{0, len(p.Steps(base))} {
		sender, script, _ := start(t, p, append(p.Steps(base)[:before:before], p.Unknown)...)
		_, err := sender.SendFile(t.Context(), p.To, picture)
		var refused *channel.APIError
		if !errors.As(err, &refused) || refused.Channel != p.To.Channel || refused.Reason == "" || len(script.Calls) != before+1 {
			t.Fatalf("error %#v after %d calls", err, len(script.Calls))
		}
		if refused.Method != script.Calls[before].Method() {
			t.Errorf("method %q", refused.Method)
		}
	}
}

func fileLimited(t *testing.T, p Platform) {
	all := steps(p)
	for i := range all {
		sender, script, waits := start(t, p, insert(all, i, p.Limited(7*time.Second))...)
		if id, err := sender.SendFile(t.Context(), p.To, picture); err != nil || id == "" {
			t.Fatalf("call %d: SendFile = %q, %v", i, id, err)
		}
		if len(script.Calls) != len(all)+1 || len(waits.For) != 1 || waits.For[0] != 7*time.Second {
			t.Errorf("call %d: %d calls, waits %v", i, len(script.Calls), waits.For)
		}
		sender, script, _ = start(t, p, insert(all, i, p.Limited(time.Second), p.Limited(time.Second))...)
		var refused *channel.APIError
		if _, err := sender.SendFile(t.Context(), p.To, picture); !errors.As(err, &refused) || len(script.Calls) != i+2 {
			t.Errorf("call %d, a second one: %v after %d calls", i, err, len(script.Calls))
		}
	}
}

// insert is a copy of answers with more of them before the one at i.
func insert(answers []Answer, i int, more ...Answer) []Answer {
	return append(append(answers[:i:i], more...), answers[i:]...)
}

func fileDoubt(t *testing.T, p Platform) {
	odd := p.Filed
	odd.Status = http.StatusBadGateway
	all := steps(p)
	last := len(all) - 1
	for name, failure := range map[string]Answer{
		"5xx": {Status: http.StatusBadGateway}, "broken connection": {Err: errors.New("reset")}, "5xx with a success in it": odd,
	} {
		sender, script, _ := start(t, p, insert(all, last, failure)...)
		if id, err := sender.SendFile(t.Context(), p.To, picture); err == nil || len(script.Calls) != last+1 {
			t.Errorf("%s: SendFile = %q, %v after %d calls; it may post twice", name, id, err, len(script.Calls))
		}
		for i := range last { // to repeat these posts nothing
			sender, script, _ := start(t, p, insert(all, i, failure, failure)...)
			if _, err := sender.SendFile(t.Context(), p.To, picture); err != nil || len(script.Calls) != len(all)+2 {
				t.Errorf("%s at call %d: %v after %d calls", name, i, err, len(script.Calls))
			}
			sender, script, _ = start(t, p, insert(all, i, failure, failure, failure)...)
			if _, err := sender.SendFile(t.Context(), p.To, picture); err == nil || len(script.Calls) != i+3 {
				t.Errorf("%s at call %d: %v after %d calls", name, i, err, len(script.Calls))
			}
		}
	}
}

func fileQuiet(t *testing.T, p Platform) {
	all := steps(p)
	for i := range all {
		address := base + "/upload/hush"
		for _, failure := range []Answer{
			{Err: fmt.Errorf("post %s %s", address, p.Token)}, {Status: 502, Body: secret + p.Token}, {Status: 403, Body: address + secret + p.Token},
		} {
			sender, script, _ := start(t, p, insert(all, i, failure, failure, failure)...)
			_, err := sender.SendFile(t.Context(), p.To, channel.File{Name: "launch.txt", Data: []byte(secret), Caption: secret})
			if err == nil {
				t.Fatalf("call %d succeeded against %+v", i, failure)
			}
			said := fmt.Sprintf("%v %+v %#v", err, err, err)
			for _, never := range []string{p.Token, "0000", "launch", script.Calls[i].URL} {
				if strings.Contains(said, never) {
					t.Errorf("call %d: the error says %q", i, never)
				}
			}
		}
	}
}

func filePlain(t *testing.T, p Platform) {
	if p.Markup.Status == 0 {
		t.Skip("this platform does not refuse markup")
	}
	sender, script, _ := start(t, p, insert(steps(p), len(steps(p))-1, p.Markup)...)
	if id, err := sender.SendFile(t.Context(), p.To, picture); err != nil || id == "" {
		t.Fatalf("SendFile = %q, %v", id, err)
	}
	if got := p.File(t, script.Calls[1:]); got.Caption != "It is here" || got.Data != PNG || !got.Picture || len(script.Calls) != len(steps(p))+1 {
		t.Errorf("posted %+v after %d calls", got, len(script.Calls))
	}
}

func fileUnfit(t *testing.T, p Platform) {
	if len(p.Unfit) == 0 {
		t.Skip("this platform does not refuse pictures")
	}
	for _, refusal := range p.Unfit {
		sender, script, _ := start(t, p, refusal, p.Filed)
		if id, err := sender.SendFile(t.Context(), p.To, picture); err != nil || id == "" || len(script.Calls) != 2 {
			t.Fatalf("SendFile = %q, %v after %d calls", id, err, len(script.Calls))
		}
		if got := p.File(t, script.Calls[1:]); got.Picture || got.Name != picture.Name || got.Data != PNG || got.Caption != "It is here" || got.To != p.To {
			t.Errorf("posted %+v", got)
		}
	}
}

//go:build !js

package fake

import (
	"net/http"
	"strings"
	"testing"

	"github.com/slack-go/slack"
	"github.com/tidwall/gjson"
)

// slackTicket asks for an upload of so many bytes.
func slackTicket(t *testing.T, f *Slack, length string) (id, address string) {
	t.Helper()
	answer := slackPost(t, f, "files.getUploadURLExternal", formType, "filename=a.txt&length="+length)
	return answer.Get("file_id").String(), answer.Get("upload_url").String()
}

func TestSlackTakesAFileInThreeSteps(t *testing.T) {
	f := Check(t, NewSlack(slackToken, slackSecret))
	slackPost(t, f, "chat.postMessage", formType, "channel=C1&text=first")
	id, address := slackTicket(t, f, "4")
	for range 2 { // it may be repeated
		if status, body := post(t, address, "application/octet-stream", "data"); status != 200 || body != "OK - 4" {
			t.Fatalf("upload: %d %q", status, body)
		}
	}
	if len(f.Chat("C1")) != 1 {
		t.Error("an upload is shown before it is completed")
	}
	complete := `{"files":[{"id":"` + id + `","title":"a.txt"}],"channel_id":"C1","thread_ts":"1700000000.000100","initial_comment":"*c* &amp; d"}`
	if answer := slackPost(t, f, "files.completeUploadExternal", "application/json; charset=utf-8", complete); !answer.Get("ok").Bool() || answer.Get("files.0.id").String() != id {
		t.Fatalf("completing answers %s", answer)
	}
	slackPost(t, f, "chat.postMessage", formType, "channel=C1&text=last")
	shown := f.Chat("C1")
	if len(shown) != 3 || shown[0].File != nil || shown[2].Text != "last" {
		t.Fatalf("%+v", shown)
	}
	if m := shown[1]; m.Text != "*c* & d" || m.Thread != "1700000000.000100" || m.File.Name != "a.txt" || m.File.Type != "text/plain" || string(m.File.Data) != "data" || m.File.As != "file" {
		t.Errorf("%+v with %+v", m, m.File)
	}
	if info := slackPost(t, f, "files.info", formType, "file="+id); info.Get("file.size").Int() != 4 {
		t.Errorf("files.info says %s", info)
	}
	if answer := slackPost(t, f, "files.completeUploadExternal", "application/json", complete); answer.Get("error").String() != "file_not_found" {
		t.Errorf("completing twice answers %s", answer)
	}
}

func TestSlackRefusesWrongUploads(t *testing.T) {
	const done, never = true, false // whether the bytes were uploaded
	for _, c := range []struct {
		name, body string
		uploaded   bool
		want       string
		wrong      bool
	}{
		{"private", `{"files":[{"id":"ID"}]}`, done, "", false},
		{"to a user", `{"files":[{"id":"ID"}],"channels":"U1"}`, done, "", false},
		{"to two", `{"files":[{"id":"ID"}],"channels":"U1,C1"}`, done, "", false},

		{"not uploaded", `{"files":[{"id":"ID"}],"channel_id":"C1"}`, never, "file_update_failed", true},
		{"unknown file", `{"files":[{"id":"F9"}],"channel_id":"C1"}`, done, "file_not_found", false},
		{"no files", `{"files":[],"channel_id":"C1"}`, done, "invalid_arguments", true},
		{"files missing", `{"channel_id":"C1"}`, done, "invalid_arguments", true},
		{"files are text", `{"files":"ID","channel_id":"C1"}`, done, "invalid_arguments", true},
		{"a file without an id", `{"files":[{"title":"a"}],"channel_id":"C1"}`, done, "invalid_arguments", true},
		{"a title that is a number", `{"files":[{"id":"ID","title":7}],"channel_id":"C1"}`, done, "invalid_arguments", true},
		{"unknown channel", `{"files":[{"id":"ID"}],"channel_id":"general"}`, done, "channel_not_found", true},
		{"unknown among several", `{"files":[{"id":"ID"}],"channels":"C1,general"}`, done, "channel_not_found", true},
		{"a user for a channel", `{"files":[{"id":"ID"}],"channel_id":"U1"}`, done, "invalid_arguments", true},
		{"a thread of no channel", `{"files":[{"id":"ID"}],"thread_ts":"1700000000.000100"}`, done, "invalid_thread_ts", true},
		{"thread is no timestamp", `{"files":[{"id":"ID"}],"channel_id":"C1","thread_ts":"17"}`, done, "invalid_thread_ts", true},
		{"long comment", `{"files":[{"id":"ID"}],"channel_id":"C1","initial_comment":"` + strings.Repeat("x", 4001) + `"}`, done, "msg_too_long", true},
		{"unknown name", `{"files":[{"id":"ID"}],"channel":"C1"}`, done, "invalid_arguments", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := violating(t, NewSlack(slackToken, slackSecret))
			needSpecs(t, f)
			id, address := slackTicket(t, f, "4")
			if c.uploaded {
				post(t, address, "application/octet-stream", "data")
			}
			answer := slackPost(t, f, "files.completeUploadExternal", "application/json", strings.ReplaceAll(c.body, "ID", id))
			if answer.Get("error").String() != c.want || (len(f.Violations()) == 1) != c.wrong {
				t.Errorf("%s, violations %q", answer, f.Violations())
			}
			if c.want != "" && len(f.Chat("C1")) != 0 {
				t.Error("something was posted")
			}
		})
	}
}

func TestSlackRefusesWrongTicketsAndBytes(t *testing.T) {
	for _, c := range []struct{ contentType, body, want string }{
		{formType, "filename=a.txt", "invalid_arguments"},
		{formType, "length=4", "invalid_arguments"},
		{formType, "filename=a.txt&length=four", "invalid_arguments"},
		{formType, "filename=a.txt&length=0", "missing_argument"},
		{formType, "filename=&length=4", "missing_argument"},
		{formType, "filename=a.txt&length=4&channel=C1", "invalid_arguments"},
		{"application/json", `{"filename":"a.txt","length":4}`, "invalid_arguments"},
	} {
		f := violating(t, NewSlack(slackToken, slackSecret))
		needSpecs(t, f)
		if answer := slackPost(t, f, "files.getUploadURLExternal", c.contentType, c.body); answer.Get("error").String() != c.want || len(f.Violations()) != 1 {
			t.Errorf("%s: %s", c.body, answer)
		}
	}
	f := violating(t, NewSlack(slackToken, slackSecret))
	_, address := slackTicket(t, f, "4")
	if status, _ := post(t, address, "application/octet-stream", "dat"); status != 400 || len(f.Violations()) != 1 {
		t.Errorf("a byte less: %d, violations %q", status, f.Violations())
	}
	if status, _ := post(t, address+"x", "application/octet-stream", "data"); status != 404 {
		t.Errorf("an unknown address: %d", status)
	}
}

func TestSlackUploadsFailAsScripted(t *testing.T) {
	f := Check(t, NewSlack(slackToken, slackSecret))
	id, address := slackTicket(t, f, "4")
	f.Fail("upload", 429, "slow down", 3, 1)
	r, err := http.Post(address, "application/octet-stream", strings.NewReader("data"))
	if err != nil || r.StatusCode != 429 || r.Header.Get("Retry-After") != "3" {
		t.Fatalf("%v %v", r, err)
	}
	r.Body.Close()
	f.Before(func(method string) Fault {
		if method != "upload" {
			return Fault{}
		}
		return Fault{Status: 503, Description: "later"}
	})
	if status, _ := post(t, address, "application/octet-stream", "data"); status != 503 {
		t.Errorf("a hook's refusal: %d", status)
	}
	f.Before(nil)
	f.Drop("upload", 1)
	if r, err := http.Post(address, "application/octet-stream", strings.NewReader("data")); err == nil {
		r.Body.Close()
		t.Error("a dropped upload was answered")
	}
	if answer := slackPost(t, f, "files.completeUploadExternal", formType, "channel_id=C1&files="+`[{"id":"`+id+`"}]`); !answer.Get("ok").Bool() || len(f.Chat("C1")) != 1 {
		t.Errorf("a dropped upload did not take effect: %s", answer)
	}
	if calls := f.Calls("upload"); len(calls) != 3 {
		t.Errorf("%d uploads were heard", len(calls))
	}
}

func TestSlackTakesARealClientsFile(t *testing.T) {
	f := Check(t, NewSlack(slackToken, slackSecret))
	api := slack.New(slackToken, slack.OptionAPIURL(f.URL()+"/"))
	file, err := api.UploadFile(slack.UploadFileParameters{
		Channel: "C0GENERAL1", ThreadTimestamp: "1700000000.000100", Filename: "a.png", Title: "A", InitialComment: "see",
		Reader: strings.NewReader(tinyPNG), FileSize: len(tinyPNG),
	})
	if err != nil {
		t.Fatal(err)
	}
	shown := f.Chat("C0GENERAL1")
	if len(shown) != 1 || shown[0].Text != "see" || shown[0].File.Type != "image/png" || string(shown[0].File.Data) != tinyPNG || !gjson.Valid(`"`+file.ID+`"`) {
		t.Errorf("%+v shows %+v", file, shown)
	}
}

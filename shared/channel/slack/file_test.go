package slack

import (
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"net/url"
	"strings"
	"testing"

	"instar/shared/channel"
	"instar/shared/channel/channeltest"
	"instar/shared/chat"
)

var (
	uploadDone = channeltest.Respond(200, "OK - 4")
	completed  = channeltest.Respond(200, `{"ok":true,"files":[{"id":"F123ABC456","title":"a.txt"}]}`)
	note       = channel.File{Name: "a.txt", MediaType: "text/plain", Data: []byte("data"), Caption: "**Hi** <!channel>"}
)

// ticket is the success of files.getUploadURLExternal.
func ticket(base string) channeltest.Answer {
	return channeltest.Respond(200, `{"ok":true,"upload_url":%q,"file_id":"F123ABC456"}`, base+"/upload/v1/CwABAAAAhush")
}

// sentFile reads what the three calls of a SendFile post.
func sentFile(t *testing.T, calls []channeltest.Call) channeltest.Posted {
	t.Helper()
	asked, upload := sentForm(t, calls[0]), calls[1]
	var complete struct {
		Files                                  []struct{ ID, Title string }
		Channel_ID, Thread_TS, Initial_comment string
	}
	if err := json.Unmarshal([]byte(calls[2].Body), &complete); err != nil || len(complete.Files) != 1 {
		t.Fatalf("completed with %s: %v", calls[2].Body, err)
	}
	if asked["length"] != len(upload.Body) || complete.Files[0].Title != asked["filename"] || complete.Files[0].ID != "F123ABC456" {
		t.Errorf("asked for %v, uploaded %d bytes, completed %+v", asked, len(upload.Body), complete)
	}
	return channeltest.Posted{
		To:   chat.Address{Channel: Name, Chat: complete.Channel_ID, Thread: complete.Thread_TS},
		Name: complete.Files[0].Title, Data: upload.Body, Caption: html.UnescapeString(complete.Initial_comment),
	}
}

func TestAFileIsUploadedAndThenPosted(t *testing.T) {
	script := channeltest.NewScript(ticket("https://files.slack.com"), uploadDone, completed)
	s, err := NewSender(testToken, "", script)
	if err != nil {
		t.Fatal(err)
	}
	if id, err := s.SendFile(t.Context(), testPlatform().To, note); err != nil || id != "F123ABC456" {
		t.Fatalf("SendFile = %q, %v", id, err)
	}
	for i, want := range []struct{ url, body string }{
		{"https://slack.com/api/files.getUploadURLExternal", "filename=a.txt&length=4"},
		{"https://files.slack.com/upload/v1/CwABAAAAhush", "data"},
		{"https://slack.com/api/files.completeUploadExternal", `{"files":[{"id":"F123ABC456","title":"a.txt"}],"channel_id":"C1","thread_ts":"1700000000.000100","initial_comment":"*Hi* \u0026lt;!channel\u0026gt;"}`},
	} {
		checkCall(t, script.Calls[i])
		if call := script.Calls[i]; call.URL != want.url || call.Body != want.body {
			t.Errorf("call %d: %s\n got %s\nwant %s", i, call.URL, call.Body, want.body)
		}
	}
}

func TestAFileReachesAUserByChannels(t *testing.T) {
	for _, user := range []string{"U0ADA00001", "W0ADA00001"} {
		script := channeltest.NewScript(ticket("http://x.test"), uploadDone, completed)
		f := channel.File{Name: "a.txt", Data: []byte("data"), Caption: " "}
		if _, err := newTestSender(t, "http://x.test", script, nil).SendFile(t.Context(), chat.Address{Channel: Name, Chat: user}, f); err != nil {
			t.Fatal(err)
		}
		checkCall(t, script.Calls[2])
		if got, want := script.Calls[2].Body, `{"files":[{"id":"F123ABC456","title":"a.txt"}],"channels":"`+user+`"}`; got != want {
			t.Errorf("got %s\nwant %s", got, want)
		}
	}
}

func TestBytesGoOnlyToSlack(t *testing.T) {
	for address, ours := range map[string]bool{
		"https://files.slack.com/upload/v1/a":           true,
		"https://slack.com/upload/v1/a":                 true,
		"http://x.test/upload/v1/a":                     true,
		"https://x.test/upload/v1/a":                    false,
		"http://files.slack.com/upload/v1/a":            false,
		"https://files.slack.com.evil.test/upload/v1/a": false,
		"https://user@files.slack.com/upload/v1/a":      false,
		"https://evil.test/upload/v1/a":                 false,
		"//files.slack.com/upload/v1/a":                 false,
		"":                                              false,
	} {
		script := channeltest.NewScript(channeltest.Respond(200, `{"ok":true,"upload_url":%q,"file_id":"F1"}`, address), uploadDone, completed)
		_, err := newTestSender(t, "http://x.test/api", script, nil).SendFile(t.Context(), testPlatform().To, note)
		if ours != (err == nil) || len(script.Calls) != map[bool]int{true: 3, false: 1}[ours] {
			t.Errorf("%s: %v after %d calls", address, err, len(script.Calls))
		}
		for _, call := range script.Calls {
			checkCall(t, call)
		}
	}
}

func TestAnUploadThatIsNotTakenIsNotPosted(t *testing.T) {
	for _, status := range []int{202, 302, 400, 403, 404, 413} {
		script := channeltest.NewScript(ticket("http://x.test"), channeltest.Respond(status, "OK - 4"), completed)
		_, err := newTestSender(t, "http://x.test", script, nil).SendFile(t.Context(), testPlatform().To, note)
		var refused *channel.APIError
		if !errors.As(err, &refused) || refused.Status != status || refused.Method != "upload" || len(script.Calls) != 2 {
			t.Errorf("status %d: %v after %d calls", status, err, len(script.Calls))
		}
	}
}

func TestAMissingScopeSaysWhatToDo(t *testing.T) {
	refusal := channeltest.Respond(200, `{"ok":false,"error":"missing_scope","needed":"files:write","provided":"chat:write"}`)
	_, err := newTestSender(t, "http://x.test", channeltest.NewScript(refusal), nil).SendFile(t.Context(), testPlatform().To, note)
	var refused *channel.APIError
	if !errors.As(err, &refused) || !strings.Contains(err.Error(), "add the bot scope files:write") {
		t.Errorf("error %v", err)
	}
}

func TestNoErrorHoldsTheUploadsAddress(t *testing.T) {
	broken := &url.Error{Op: "Post", URL: "http://x.test/upload/v1/CwABAAAAhush", Err: errors.New("reset")}
	for _, failure := range []error{broken, fmt.Errorf("send to %s: %w", broken.URL, errors.New("reset")), fmt.Errorf("at %s", broken.URL)} {
		answer, waits := channeltest.Answer{Err: failure}, &channeltest.Waits{}
		script := channeltest.NewScript(ticket("http://x.test"), answer, answer, answer)
		_, err := newTestSender(t, "http://x.test", script, waits.Wait).SendFile(t.Context(), testPlatform().To, note)
		if err == nil || strings.Contains(err.Error(), "hush") {
			t.Errorf("error %v", err)
		}
	}
}

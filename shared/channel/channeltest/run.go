package channeltest

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"instar/shared/channel"
	"instar/shared/chat"
)

// base is where the suite's senders believe the platform to be.
const base = "http://platform.test/api"

// secret is a text that may show up nowhere but in a call.
const secret = "the **launch** code is 0000"

// Run checks every promise of channel.Sender that does not need a platform's
// own shapes.
func Run(t *testing.T, p Platform) {
	for _, c := range []struct {
		name string
		run  func(*testing.T, Platform)
	}{
		{"SplitKeepsItsPromises", split},
		{"SendReturnsThePlatformsID", send},
		{"EditingTwiceIsFine", editTwice},
		{"OneRateLimitIsWaitedOut", limited},
		{"MarkupThatIsRefusedIsSentAsPlainText", plainText},
		{"DoubtNeverDoublesAMessage", doubt},
		{"ErrorsHoldNeitherTokenNorText", quiet},
		{"ARefusalIsAnAPIError", refusal},
		{"ACancelledContextStopsEverything", cancelled},
		{"NoCallIsMadeForNothing", nothing},
		{"ACardsButtonsArrive", cardArrives},
		{"EditingACardTwiceIsFine", cardTwice},
		{"AnEditWithoutButtonsRemovesThem", cardWithout},
		{"ACardsMarkupThatIsRefusedIsPlainTextWithItsButtons", cardPlain},
		{"DoubtNeverDoublesACard", cardDoubt},
		{"AWrongCardIsRefusedBeforeAnyCall", cardWrong},
		{"ATapIsSeen", seen},
		{"AFileArrives", fileArrives},
		{"AFilesNameStaysAName", fileName},
		{"ALongCaptionIsCut", fileCaption},
		{"AWrongFileIsRefusedBeforeAnyCall", fileWrong},
		{"ARefusedFileIsAnAPIError", fileRefused},
		{"OneRateLimitOfAFileIsWaitedOut", fileLimited},
		{"DoubtNeverDoublesAFile", fileDoubt},
		{"ErrorsHoldNothingOfAFile", fileQuiet},
		{"ACaptionsMarkupThatIsRefusedIsPlainText", filePlain},
		{"APictureThatIsRefusedIsADocument", fileUnfit},
	} {
		t.Run(c.name, func(t *testing.T) { c.run(t, p) })
	}
}

// start makes a sender against a script.
func start(t *testing.T, p Platform, answers ...Answer) (channel.Sender, *Script, *Waits) {
	t.Helper()
	script, waits := NewScript(answers...), &Waits{}
	sender := p.New(t, base, script, waits.Wait)
	t.Cleanup(func() {
		for _, call := range script.Calls {
			if !strings.HasPrefix(call.URL, base+"/") {
				t.Errorf("%s does not go to the base", call.Method())
			}
			p.Check(t, call)
		}
	})
	return sender, script, waits
}

func send(t *testing.T, p Platform) {
	sender, script, _ := start(t, p, p.Posted("1700000001.000100"), p.Posted("1700000002.000100"))
	for _, replyTo := range []string{"", "17"} {
		id, err := sender.Send(t.Context(), p.To, "Hello *you*", replyTo)
		if err != nil || id == "" {
			t.Fatalf("Send = %q, %v", id, err)
		}
	}
	if len(script.Calls) != 2 {
		t.Fatalf("%d calls for two messages", len(script.Calls))
	}
	if text := p.Text(script.Calls[0]); !strings.Contains(text, "Hello") || strings.Contains(text, "*you*") {
		t.Errorf("posted %q", text)
	}
}

func editTwice(t *testing.T, p Platform) {
	sender, script, _ := start(t, p, p.Posted("17"), p.Unchanged)
	for range 2 {
		if err := sender.Edit(t.Context(), p.To, "17", "the same"); err != nil {
			t.Fatal(err)
		}
	}
	if len(script.Calls) != 2 {
		t.Errorf("%d calls for two edits", len(script.Calls))
	}
}

func limited(t *testing.T, p Platform) {
	t.Run("waits as long as asked", func(t *testing.T) {
		sender, script, waits := start(t, p, p.Limited(7*time.Second), p.Posted("17"))
		if id, err := sender.Send(t.Context(), p.To, "hi", ""); err != nil || id == "" {
			t.Fatalf("Send = %q, %v", id, err)
		}
		if len(script.Calls) != 2 || len(waits.For) != 1 || waits.For[0] != 7*time.Second {
			t.Errorf("%d calls, waits %v", len(script.Calls), waits.For)
		}
	})
	for name, c := range map[string]struct {
		answers []Answer
		retry   time.Duration
		calls   int
	}{
		"a second one is an error":     {[]Answer{p.Limited(time.Second), p.Limited(2 * time.Second), p.Posted("17")}, 2 * time.Second, 2},
		"more than 30 s is an error":   {[]Answer{p.Limited(31 * time.Second), p.Posted("17")}, 31 * time.Second, 1},
		"exactly 30 s is still waited": {[]Answer{p.Limited(30 * time.Second), p.Limited(time.Second)}, time.Second, 2},
	} {
		t.Run(name, func(t *testing.T) {
			sender, script, _ := start(t, p, c.answers...)
			err := sender.Edit(t.Context(), p.To, "17", "hi")
			var refused *channel.APIError
			if !errors.As(err, &refused) || refused.Retry != c.retry || refused.Status != http.StatusTooManyRequests {
				t.Errorf("error %v", err)
			}
			if len(script.Calls) != c.calls {
				t.Errorf("%d calls, want %d", len(script.Calls), c.calls)
			}
		})
	}
	t.Run("no wait outlasts the caller", func(t *testing.T) {
		sender, _, waits := start(t, p, p.Limited(20*time.Second), p.Posted("17"))
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		var refused *channel.APIError
		if _, err := sender.Send(ctx, p.To, "hi", ""); !errors.As(err, &refused) || len(waits.For) != 0 {
			t.Errorf("error %v, waits %v", err, waits.For)
		}
	})
}

func plainText(t *testing.T, p Platform) {
	if p.Markup.Status == 0 {
		t.Skip("this platform does not refuse markup")
	}
	const md, words = "**bold** and `code`", "bold and code"
	sender, script, _ := start(t, p, p.Markup, p.Posted("17"), p.Markup, p.Posted("17"))
	if id, err := sender.Send(t.Context(), p.To, md, ""); err != nil || id == "" {
		t.Fatalf("Send = %q, %v", id, err)
	}
	if err := sender.Edit(t.Context(), p.To, "17", md); err != nil {
		t.Fatal(err)
	}
	if len(script.Calls) != 4 {
		t.Fatalf("%d calls", len(script.Calls))
	}
	for _, i := range []int{1, 3} {
		if got := p.Text(script.Calls[i]); got != words {
			t.Errorf("call %d posts %q, want %q", i, got, words)
		}
	}
}

func doubt(t *testing.T, p Platform) {
	broken := Answer{Err: errors.New("connection reset by peer")}
	page := Answer{Status: http.StatusBadGateway, Body: "<html>Bad gateway</html>"}
	odd := p.Posted("17")
	odd.Status = http.StatusBadGateway
	for name, failure := range map[string]Answer{"5xx": page, "broken connection": broken, "5xx with a success in it": odd} {
		t.Run(name, func(t *testing.T) {
			sender, script, _ := start(t, p, failure, p.Posted("17"))
			if id, err := sender.Send(t.Context(), p.To, "hi", ""); err == nil || len(script.Calls) != 1 {
				t.Errorf("Send = %q, %v after %d calls; it may post twice", id, err, len(script.Calls))
			}
			sender, script, _ = start(t, p, failure, failure, p.Posted("17"))
			if err := sender.Edit(t.Context(), p.To, "17", "hi"); err != nil || len(script.Calls) != 3 {
				t.Errorf("Edit = %v after %d calls", err, len(script.Calls))
			}
			sender, script, _ = start(t, p, failure, failure, failure, p.Posted("17"))
			if err := sender.Edit(t.Context(), p.To, "17", "hi"); err == nil || len(script.Calls) != 3 {
				t.Errorf("Edit = %v after %d calls", err, len(script.Calls))
			}
		})
	}
}

func quiet(t *testing.T, p Platform) {
	leak := &url.Error{Op: "Post", URL: base + "/" + p.Token + "/x?q=" + url.QueryEscape(p.Token), Err: fmt.Errorf("dial %s: refused", p.Token)}
	deep := fmt.Errorf("fetch %s/%s failed: %w", base, url.PathEscape(p.Token), leak)
	for _, failure := range []Answer{{Err: leak}, {Err: deep}, {Err: errors.New("at " + base + "/" + p.Token)}, p.Unknown, {Status: 502, Body: secret + p.Token}, {Status: 200, Body: "{"}} {
		for what, try := range map[string]func(channel.Sender) error{
			"Send": func(s channel.Sender) error { _, err := s.Send(t.Context(), p.To, secret, ""); return err },
			"Edit": func(s channel.Sender) error { return s.Edit(t.Context(), p.To, "17", secret) },
			"Self": func(s channel.Sender) error { _, err := s.Self(t.Context()); return err },
			"SendCard": func(s channel.Sender) error {
				_, err := s.SendCard(t.Context(), p.To, channel.Card{Text: secret, Buttons: row(secret, "launch")})
				return err
			},
			"EditCard": func(s channel.Sender) error {
				return s.EditCard(t.Context(), p.To, "17", channel.Card{Text: secret, Buttons: row(secret, "launch")})
			},
			"SendFile": func(s channel.Sender) error {
				_, err := s.SendFile(t.Context(), p.To, channel.File{Name: "launch.txt", Data: []byte(secret), Caption: secret})
				return err
			},
			"Seen": func(s channel.Sender) error {
				if p.Seen.Status == 0 {
					return errors.New("makes no call")
				}
				return s.Seen(t.Context(), secret)
			},
			"Fetch": func(s channel.Sender) error {
				_, _, err := s.Fetch(t.Context(), chat.Attachment{Kind: "file", Ref: "F1"}, 100)
				return err
			},
		} {
			sender, _, _ := start(t, p, failure, failure, failure)
			err := try(sender)
			if err == nil {
				t.Errorf("%s succeeded against %+v", what, failure)
				continue
			}
			said := fmt.Sprintf("%v %+v %#v", err, err, err)
			for _, never := range []string{p.Token, url.QueryEscape(p.Token), "0000", "launch"} {
				if strings.Contains(said, never) {
					t.Errorf("%s: the error says %q", what, never)
				}
			}
		}
	}
}

func refusal(t *testing.T, p Platform) {
	sender, script, _ := start(t, p, p.Unknown)
	_, err := sender.Send(t.Context(), p.To, "hi", "")
	var refused *channel.APIError
	if !errors.As(err, &refused) || refused.Channel != p.To.Channel || refused.Reason == "" || refused.Status != p.Unknown.Status {
		t.Fatalf("error %#v", err)
	}
	if refused.Method != script.Calls[0].Method() || len(script.Calls) != 1 {
		t.Errorf("method %q after %d calls", refused.Method, len(script.Calls))
	}
}

func cancelled(t *testing.T, p Platform) {
	ctx, cancel := context.WithCancel(t.Context())
	sender, _, waits := start(t, p, p.Limited(20*time.Second), p.Posted("17"))
	waits.Then = cancel
	if _, err := sender.Send(ctx, p.To, "hi", ""); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled while waiting: %v", err)
	}
	sender, script, _ := start(t, p, p.Posted("17"), p.Posted("17"), p.Posted("17"))
	_, err := sender.Send(ctx, p.To, "hi", "")
	_, selfErr := sender.Self(ctx)
	_, cardErr := sender.SendCard(ctx, p.To, ask)
	_, fileErr := sender.SendFile(ctx, p.To, picture)
	all := []error{err, selfErr, cardErr, fileErr, sender.Edit(ctx, p.To, "17", "hi"), sender.EditCard(ctx, p.To, "17", ask)}
	if p.Seen.Status != 0 {
		all = append(all, sender.Seen(ctx, "t1"))
	}
	for _, err := range all {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("cancelled before: %v", err)
		}
	}
	if len(script.Calls) != 0 {
		t.Errorf("%d calls after the end", len(script.Calls))
	}
}

func nothing(t *testing.T, p Platform) {
	sender, script, _ := start(t, p)
	elsewhere := p.To
	elsewhere.Channel = "carrier-pigeon"
	for _, c := range []struct {
		to   chat.Address
		text string
	}{{p.To, ""}, {p.To, " \n"}, {elsewhere, "hi"}, {chat.Address{Channel: p.To.Channel}, "hi"}} {
		if _, err := sender.Send(t.Context(), c.to, c.text, ""); err == nil {
			t.Errorf("Send(%v, %q) succeeded", c.to, c.text)
		}
		if err := sender.Edit(t.Context(), c.to, "17", c.text); err == nil {
			t.Errorf("Edit(%v, %q) succeeded", c.to, c.text)
		}
	}
	if len(script.Calls) != 0 {
		t.Errorf("%d calls", len(script.Calls))
	}
}

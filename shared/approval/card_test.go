package approval_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"instar/shared/approval"
	"instar/shared/channel"
	"instar/shared/channel/slack"
	"instar/shared/channel/telegram"
)

// platforms are those whose limits a card has to keep.
func platforms(t testing.TB) map[string]channel.Sender {
	t.Helper()
	tg, err := telegram.NewSender("1:x", "", nil)
	if err != nil {
		t.Fatal(err)
	}
	sl, err := slack.NewSender("xoxb-x", "", nil)
	if err != nil {
		t.Fatal(err)
	}
	return map[string]channel.Sender{"telegram": tg, "slack": sl}
}

func TestACardShowsWhatIsAskedAndWhereEachPartCameFrom(t *testing.T) {
	w := newWorld(t)
	r := w.ask(nil)
	r.Items[0].Args = []approval.Argument{
		{Path: "to", Value: "a@example.com", Yours: true, From: "stands in your words"},
		{Path: "text", Value: "two\nlines with `code`", From: "is not all in your words"},
	}
	text, buttons := r.Card(w.now, time.UTC)
	for _, part := range []string{"May I do this?", "`mail_send`", "`a@example.com` ✓ stands in your words", "two\nlines with 'code'\n```\n⚠ is not all in your words", "I ask because to a@example.com is not in your words.", "Until 12:30"} {
		if !strings.Contains(text, part) {
			t.Errorf("%q is not in\n%s", part, text)
		}
	}
	if len(buttons) != 2 || buttons[0][0].Data != "/yes "+r.Code() || buttons[0][1].Data != "/no "+r.Code() || buttons[1][0].Label != "Always for a@example.com" {
		t.Errorf("buttons %+v", buttons)
	}
	for _, c := range []struct {
		change func()
		says   string
	}{
		{func() { r.State, r.At = approval.Denied, w.now }, "You said no at 12:00"},
		{func() { r.State = approval.Approved }, "You said yes at 12:00"},
		{func() { r.Always = true }, "always for a@example.com"},
		{func() { r.State, r.At = approval.Asked, time.Time{}; w.now = w.now.Add(time.Hour) }, "Nobody answered"},
	} {
		c.change()
		if text, buttons := r.Card(w.now, time.UTC); !strings.Contains(text, c.says) || buttons != nil {
			t.Errorf("%q is not in %q, or there are buttons: %v", c.says, text, buttons)
		}
	}
}

// The names of arguments, like their values, are the model's.
func TestNoNameOfAnArgumentSpeaksForTheCard(t *testing.T) {
	w := newWorld(t)
	r := w.ask(nil)
	r.Items[0].Args = []approval.Argument{{Path: "x`\n\n**You said yes** to all (y", Value: "`\n\n**You said yes**", From: "is not\n\n**yours**"}}
	text, _ := r.Card(w.now, time.UTC)
	for _, line := range strings.Split(text, "\n") {
		if strings.HasPrefix(line, "**") && !strings.HasPrefix(line, "**May I do this?**") && line != "**You said yes**" {
			t.Errorf("the card says %q", line)
		}
	}
	if !strings.Contains(text, "- x?????You?said?yes???to?all??y:\n```\n'\n\n**You said yes**\n```\n") {
		t.Errorf("the card is %q", text)
	}
}

func TestACardFitsOneMessageWhateverIsAsked(t *testing.T) {
	senders := platforms(t)
	for name, value := range map[string]string{
		"letters": strings.Repeat("long ", 2000), "pictures": strings.Repeat("🦀", 4000), "markup": strings.Repeat("&<>", 3000), "lines": strings.Repeat("a\n", 3000), "ticks": strings.Repeat("`", 4000),
	} {
		for _, many := range []int{1, 500} {
			w := newWorld(t)
			r := w.ask(func(r *approval.Request) { r.Grant = []string{value} })
			for i := range many {
				r.Items[0].Args = append(r.Items[0].Args, approval.Argument{Path: fmt.Sprintf("%s[%d]", value[:200], i), Value: value, From: value})
			}
			r.Items[0].Why = value
			text, buttons := r.Card(w.now, time.UTC)
			for platform, s := range senders {
				if parts := s.Split(text); len(parts) != 1 {
					t.Errorf("%s, %d values: %d messages on %s", name, many, len(parts), platform)
				}
			}
			for _, row := range buttons {
				for _, b := range row {
					if len(b.Data) > 64 {
						t.Errorf("%s: the button says %d bytes", name, len(b.Data))
					}
				}
			}
			if many > 1 && !strings.Contains(text, "more values do not fit here") {
				t.Errorf("%s: values are left out in silence", name)
			}
		}
	}
}

func FuzzParseCode(f *testing.F) {
	f.Add("0123456789abcdef0123ABCDEF")
	f.Add("")
	f.Fuzz(func(t *testing.T, text string) {
		if id, nonce, ok := approval.ParseCode(text); ok && (len(id) != 20 || len(nonce) != 6) {
			t.Errorf("%q: %q, %q", text, id, nonce)
		}
	})
}

package approval

import (
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"instar/shared/chat"
)

// Bounds of a card, by size, so that it fits one message anywhere.
const (
	maxCard  = 3400
	maxValue = 1500 // of one argument
)

// Code is what a person types, or a button says, to answer the question.
func (r *Request) Code() string { return r.ID + strings.ToLower(r.Nonce[:6]) }

// ParseCode takes the id and the first part of the nonce out of a Code.
func ParseCode(text string) (id, nonce string, ok bool) {
	text = strings.ToLower(strings.TrimSpace(text))
	if len(text) != 26 {
		return "", "", false
	}
	return text[:20], text[20:], true
}

// Open reports that an answer is still waited for.
func (r *Request) Open(now time.Time) bool {
	return (r.State == Asked || r.State == Once) && !r.Lapsed(now)
}

// Card is the question as it is shown at a time: its text in Markdown and,
// while it is open, the buttons that answer it.
func (r *Request) Card(now time.Time, zone *time.Location) (text string, buttons [][]chat.Button) {
	if !r.Open(now) {
		return r.what() + "\n\n" + r.outcome(zone), nil
	}
	var b strings.Builder
	b.WriteString("**May I do this?** " + r.what() + "\n")
	left, hidden := maxCard, 0
	for i, item := range r.Items {
		if len(r.Items) > 1 {
			fmt.Fprintf(&b, "\n%d.", i+1)
		}
		for _, a := range item.Args {
			line := a.line(min(maxValue, left))
			if left -= size(line); left < 0 {
				hidden++
				continue
			}
			b.WriteString("\n- " + line)
		}
		if i == 0 || item.Why != r.Items[i-1].Why {
			why := cut(item.Why, 600)
			left -= size(why)
			fmt.Fprintf(&b, "\n\nI ask because %s.\n", why)
		}
	}
	if hidden > 0 {
		fmt.Fprintf(&b, "\n**%d more values do not fit here.** Say no if you must see them.\n", hidden)
	}
	yes := chat.Button{Label: "Yes, do it", Data: "/yes " + r.Code()}
	if r.State == Once {
		b.WriteString("\n**Something secret would leave you with this. Are you sure?**\n")
		yes.Label = "Yes, I am sure"
	}
	fmt.Fprintf(&b, "\n(Until %s.)", r.until().In(zone).Format("15:04"))
	buttons = [][]chat.Button{{yes, {Label: "No", Data: "/no " + r.Code()}}}
	if len(r.Grant) > 0 {
		buttons = append(buttons, []chat.Button{{Label: cut("Always for "+strings.Join(r.Grant, ", "), 60), Data: "/always " + r.Code()}})
	}
	return b.String(), buttons
}

func (r *Request) until() time.Time {
	if r.State == Once {
		return r.At.Add(Lapse)
	}
	return r.Asked.Add(Lapse)
}

func (r *Request) what() string {
	if len(r.Items) > 1 {
		return fmt.Sprintf("`%s`, %d times", r.Tool, len(r.Items))
	}
	return "`" + r.Tool + "`"
}

func (r *Request) outcome(zone *time.Location) string {
	at := r.At.In(zone).Format("15:04")
	switch {
	case r.State == Denied:
		return "✗ You said no at " + at + "."
	case r.State == Approved && r.Always:
		return "✓ You said yes at " + at + ", and always for " + strings.Join(r.Grant, ", ") + " (/grants)."
	case r.State == Approved:
		return "✓ You said yes at " + at + "."
	}
	return "⌛ Nobody answered in time, so it is not done."
}

// line shows an argument whole, or says how much of it is not shown.
func (a Argument) line(most int) string {
	value := strings.ReplaceAll(a.Value, "`", "'")
	if size(value) > most {
		value = fmt.Sprintf("%s (%d characters in all)", cut(value, most), utf8.RuneCountInString(value))
	}
	mark := "⚠"
	if a.Yours {
		mark = "✓"
	}
	if strings.Contains(value, "\n") {
		value = "\n```\n" + value + "\n```\n"
	} else {
		value = " `" + value + "` "
	}
	return fmt.Sprintf("%s:%s%s %s", plain(cut(a.Path, 100)), value, mark, cut(strings.Join(strings.Fields(a.From), " "), 200))
}

// plain is an argument's path without what a name could be made to say: names of
// members are the model's.
func plain(path string) string {
	return strings.Map(func(r rune) rune {
		if r == '_' || r == '-' || r == '.' || r == '[' || r == ']' || unicode.IsLetter(r) || unicode.IsDigit(r) {
			return r
		}
		return '?'
	}, path)
}

// size is at least how long any platform takes a text to be: in UTF-16 units,
// with what Slack escapes escaped.
func size(text string) (n int) {
	for _, r := range text {
		n += cost(r)
	}
	return n
}

func cost(r rune) int {
	switch {
	case r == '&' || r == '<' || r == '>':
		return 5
	case r > 0xffff:
		return 2
	}
	return 1
}

// cut is the beginning of a text, of at most that size.
func cut(text string, most int) string {
	n := 0
	for i, r := range text {
		if n += cost(r); n > most {
			return text[:i] + "…"
		}
	}
	return text
}

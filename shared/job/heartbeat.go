package job

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"

	"instar/shared/bucket"
	"instar/shared/chat"
	"instar/shared/label"
)

// Heartbeat is what the agent looks after on its own, as the owner's file
// HEARTBEAT.md says it:
//
//	---
//	every: 30m
//	active: 08:00-22:00
//	budget: 0.50
//	---
//	Tell me when the build is red.
type Heartbeat struct {
	Every  time.Duration // one minute to 24 hours; 0 is off
	From   time.Duration // local time of the day at which active hours begin
	Until  time.Duration // and end; less than From is past midnight; equal is always
	Budget float64       // US dollars a day
	Text   string        // Markdown
}

// defaultBudget is in US dollars a day.
const defaultBudget = 0.25

// Beating is the id that runs of the heartbeat have in the place of a job's.
const Beating = "heartbeat"

// HeartbeatFile is the owner's HEARTBEAT.md as it is; "" when there is none.
func HeartbeatFile(ctx context.Context, b bucket.Bucket, agent string) (string, error) {
	o, err := b.Get(ctx, agent+"/files/HEARTBEAT.md")
	if errors.Is(err, bucket.ErrNotFound) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("read HEARTBEAT.md: %w", err)
	}
	return string(o.Data), nil
}

// ReadHeartbeat reads the owner's HEARTBEAT.md. One that does not exist is off.
func ReadHeartbeat(ctx context.Context, b bucket.Bucket, agent string) (Heartbeat, error) {
	text, err := HeartbeatFile(ctx, b, agent)
	if err != nil {
		return Heartbeat{}, err
	}
	return ParseHeartbeat(text)
}

// WriteHeartbeat puts the owner's text in the place of HEARTBEAT.md, whatever
// is there; "" takes it away. It must never be reachable by the agent.
func WriteHeartbeat(ctx context.Context, b bucket.Bucket, agent, text string) error {
	key := agent + "/files/HEARTBEAT.md"
	if text == "" {
		return b.Delete(ctx, key)
	}
	for range 8 {
		o, err := b.Get(ctx, key)
		switch {
		case errors.Is(err, bucket.ErrNotFound):
			_, err = b.PutIfAbsent(ctx, key, []byte(text))
		case err == nil:
			_, err = b.PutIfMatch(ctx, key, o.ETag, []byte(text))
		}
		if !errors.Is(err, bucket.ErrPrecondition) {
			return err
		}
	}
	return errors.New("write HEARTBEAT.md: too many at once, try again")
}

// Message is that of the beat that is due at slot: the same whoever makes it.
func (h Heartbeat) Message(slot time.Time, to chat.Address) *chat.Message {
	m := Message(&Job{ID: Beating, To: to, Label: label.Owner.String()}, slot, 0) // the file is the owner's own
	m.Text = "This is your heartbeat: nobody has written to you. Look after what stands below. If nothing needs to be said now, answer HEARTBEAT_OK and nothing else.\n\n" + h.Text
	return m
}

// On reports whether there is anything to do, ever.
func (h Heartbeat) On() bool { return h.Every > 0 }

// ParseHeartbeat reads HEARTBEAT.md. A file that is empty, says no interval, or
// says nothing to look after (headings, comments and empty list items are
// nothing) is off. The error of a value that cannot be read names its line and
// what to write instead.
func ParseHeartbeat(text string) (Heartbeat, error) {
	text = strings.ReplaceAll(strings.TrimPrefix(text, "\ufeff"), "\r\n", "\n")
	head, body, line, err := frontMatter(text)
	if err != nil {
		return Heartbeat{}, err
	}
	h := Heartbeat{Budget: defaultBudget, Text: strings.TrimSpace(body)}
	seen := map[string]bool{}
	for row := range strings.Lines(head) {
		line++
		row = strings.TrimSpace(row)
		if row == "" || row[0] == '#' {
			continue
		}
		key, value, found := strings.Cut(row, ":")
		key = strings.ToLower(strings.TrimSpace(key))
		if !found || seen[key] {
			return Heartbeat{}, fmt.Errorf(`HEARTBEAT.md, line %d: write each of "every: 30m", "active: 08:00-22:00" and "budget: 0.50" once, on a line of its own`, line)
		}
		seen[key] = true
		value, _, _ = strings.Cut(value, " #")
		if err := h.set(key, strings.Trim(value, " \t\"'")); err != nil {
			return Heartbeat{}, fmt.Errorf("HEARTBEAT.md, line %d: %w", line, err)
		}
	}
	if !h.On() || nothing(h.Text) {
		return Heartbeat{}, nil
	}
	return h, nil
}

// frontMatter cuts the text at the lines "---" and returns the number of the
// first of them.
func frontMatter(text string) (head, body string, line int, err error) {
	rest := strings.TrimLeft(text, "\n \t")
	line = 1 + strings.Count(text[:len(text)-len(rest)], "\n")
	first, rest, _ := strings.Cut(rest, "\n")
	if strings.TrimRight(first, " \t") != "---" {
		return "", text, line, nil
	}
	var b strings.Builder
	for row := range strings.Lines(rest) {
		if strings.TrimRight(row, " \t\n") == "---" {
			return b.String(), rest[b.Len()+len(row):], line, nil
		}
		b.WriteString(row)
	}
	return "", "", line, fmt.Errorf(`HEARTBEAT.md, line %d: write a second line "---" below the settings that begin here`, line)
}

func (h *Heartbeat) set(key, value string) error {
	switch key {
	case "every":
		every, err := parseEvery(value)
		if err != nil || every > 24*time.Hour {
			return fmt.Errorf(`every %.20q: write one minute to a day as "30m", "2h" or "1d"`, value)
		}
		h.Every = every
	case "active":
		from, until, ok := strings.Cut(value, "-")
		var err error
		if h.From, err = hour(from); err == nil && ok {
			h.Until, err = hour(until)
		}
		if err != nil || !ok {
			return fmt.Errorf(`active %.20q: write local times as "08:00-22:00", or leave the line out for always`, value)
		}
		if h.From%(24*time.Hour) == h.Until%(24*time.Hour) {
			h.From, h.Until = 0, 0
		}
	case "budget":
		budget, err := strconv.ParseFloat(strings.TrimPrefix(value, "$"), 64)
		if err != nil || !(budget > 0 && budget <= 1000) {
			return fmt.Errorf(`budget %.20q: write US dollars a day as "0.50", more than 0 and at most 1000`, value)
		}
		h.Budget = budget
	default:
		return fmt.Errorf("%.20q is no setting; write every, active or budget", key)
	}
	return nil
}

// hour reads a time of the day, 00:00 to 24:00.
func hour(text string) (time.Duration, error) {
	h, m, _ := strings.Cut(strings.TrimSpace(text), ":")
	hours, err := strconv.ParseUint(h, 10, 8)
	minutes, err2 := strconv.ParseUint(m, 10, 8)
	if err != nil || err2 != nil || len(m) != 2 || len(h) > 2 || minutes > 59 || hours*60+minutes > 24*60 {
		return 0, errors.New("not a time of the day")
	}
	return time.Duration(hours*60+minutes) * time.Minute, nil
}

// nothing reports whether Markdown holds no word to act on.
func nothing(text string) bool {
	for {
		before, rest, found := strings.Cut(text, "<!--")
		if !found {
			break
		}
		_, after, _ := strings.Cut(rest, "-->")
		text = before + after
	}
	for line := range strings.Lines(text) {
		line = strings.TrimLeft(strings.TrimSpace(line), "-*+ ")
		if strings.HasPrefix(line, "[ ]") || strings.HasPrefix(line, "[x]") {
			line = strings.TrimSpace(line[3:])
		}
		if line != "" && line[0] != '#' {
			return false
		}
	}
	return true
}

// Beat returns the slot that now falls into: the day is cut into intervals
// from local midnight on, counted in elapsed time, the last one of a day ending
// at the next midnight. The slot, its beginning in UTC, names the beat; ok
// says whether it is on and now is within active hours.
func (h Heartbeat) Beat(now time.Time, zone *time.Location) (slot time.Time, ok bool) {
	if !h.On() {
		return time.Time{}, false
	}
	local := now.In(zone)
	y, m, d := local.Date()
	midnight := moment(time.Date(y, m, d, 0, 0, 0, 0, time.UTC), zone)
	slot = midnight.Add(now.Sub(midnight).Truncate(h.Every)).UTC()
	if h.From == h.Until {
		return slot, true
	}
	day := time.Duration(local.Hour())*time.Hour + time.Duration(local.Minute())*time.Minute
	if h.From < h.Until {
		return slot, day >= h.From && day < h.Until
	}
	return slot, day >= h.From || day < h.Until
}

// Silent reports whether a reply to a heartbeat means that there is nothing to
// say: it is empty, "HEARTBEAT_OK", "nothing to say" or "nothing to report",
// whatever the case and whatever Markdown, punctuation or quotes are around it;
// and around HEARTBEAT_OK up to 30 characters that are no letters or digits,
// such as emoji.
func Silent(reply string) bool {
	const around = 30
	words := strings.TrimFunc(strings.ReplaceAll(reply, `\_`, "_"), mark)
	switch strings.Join(strings.Fields(strings.ToLower(words)), " ") {
	case "", "heartbeat_ok", "nothing to say", "nothing to report":
		return true
	}
	core := strings.TrimFunc(words, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
	if !strings.EqualFold(core, "heartbeat_ok") {
		return false
	}
	before, after, _ := strings.Cut(words, core)
	return len([]rune(before)) <= around && len([]rune(after)) <= around
}

// mark reports whether a rune is white space, punctuation, or Markdown's.
func mark(r rune) bool {
	return unicode.IsSpace(r) || unicode.IsPunct(r) || strings.ContainsRune("`~+=<>|^$\u200b\ufeff", r)
}

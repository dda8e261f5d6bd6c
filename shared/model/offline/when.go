package offline

import (
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// when is a time as a person says it.
type when struct {
	in       time.Duration // from now on; else
	every    time.Duration // again and again; else
	daily    bool          // each day, else
	tomorrow bool          // tomorrow, else when the clock next shows it:
	clock    time.Duration // local time since midnight
}

// order writes it as the tool wants it: what counts from now with its offset
// from UTC, times of the day in the owner's local time, so that the tool knows
// about clocks that change. False: the context does not say what time it is.
func (w when) order(context string) (input, bool) {
	if w.every > 0 {
		return input{Every: fmt.Sprintf("%dm", w.every/time.Minute)}, true
	}
	if w.daily {
		return input{Cron: fmt.Sprintf("%d %d * * *", w.clock/time.Minute%60, w.clock/time.Hour)}, true
	}
	t, _, ok := told(context)
	if !ok {
		return input{}, false
	}
	if w.in > 0 {
		return input{At: t.Add(w.in).Format(time.RFC3339)}, true
	}
	today := time.Duration(t.Hour())*time.Hour + time.Duration(t.Minute())*time.Minute
	day := t.Day()
	if w.tomorrow || w.clock <= today {
		day++
	}
	at := time.Date(t.Year(), t.Month(), day, 0, 0, 0, 0, time.UTC).Add(w.clock)
	return input{At: at.Format("2006-01-02T15:04")}, true
}

// parseReminder knows "remind me in 10 minutes to X", "remind me at 18:30 to X",
// "remind me tomorrow at 9 to X", "every day at 9: X" and "every 2 hours: X".
func parseReminder(text string) (intent, bool) {
	var w when
	var ok bool
	rest, once := cutPrefix(text, "remind me")
	if r, found := cutPrefix(rest, "every day at"); found {
		w.daily = true
		w.clock, rest, ok = cutClock(r)
	} else if r, found := cutPrefix(rest, "every"); found {
		w.every, rest, ok = cutSpan(r)
	} else if r, found := cutPrefix(rest, "in"); found && once {
		w.in, rest, ok = cutSpan(r)
	} else if r, found := cutPrefix(rest, "tomorrow at"); found && once {
		w.tomorrow = true
		w.clock, rest, ok = cutClock(r)
	} else if r, found := cutPrefix(rest, "at"); found && once {
		w.clock, rest, ok = cutClock(r)
	}
	if r, found := cutPrefix(rest, "remind me"); found {
		rest, once = r, true
	}
	for _, word := range []string{"to", "that"} {
		if r, found := cutPrefix(rest, word); found && once {
			rest = r
		}
	}
	return intent{kind: schedule, text: rest, when: w}, ok && rest != ""
}

// cutSpan cuts "10 minutes" or "an hour", one minute to a year, from the beginning.
func cutSpan(text string) (time.Duration, string, bool) {
	word, rest := cutWord(text)
	unit, rest := cutWord(strings.TrimLeft(rest, " "))
	n, err := strconv.Atoi(word)
	if word == "a" || word == "an" || word == "one" {
		n, err = 1, nil
	}
	if err != nil || n < 1 || n > 366*24*60 {
		return 0, "", false
	}
	var size time.Duration
	switch strings.TrimSuffix(unit, "s") {
	case "minute", "min":
		size = time.Minute
	case "hour":
		size = time.Hour
	case "day":
		size = 24 * time.Hour
	}
	span := time.Duration(n) * size
	return span, trimMarks(rest), span > 0 && span <= 366*24*time.Hour
}

// cutWord cuts letters and digits from the beginning, and returns them in lower case.
func cutWord(text string) (word, rest string) {
	end := strings.IndexFunc(text, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
	if end < 0 {
		end = len(text)
	}
	return strings.ToLower(text[:end]), text[end:]
}

// cutClock cuts "18:30", "9", "9am" or "6:30 pm" from the beginning.
func cutClock(text string) (time.Duration, string, bool) {
	hour, rest, ok := cutNumber(text)
	minute := 0
	if after, found := strings.CutPrefix(rest, ":"); found && ok {
		if m, r, isNumber := cutNumber(after); isNumber {
			minute, rest = m, r
		}
	}
	switch word, after := cutWord(strings.TrimLeft(rest, " ")); {
	case word == "am" || word == "pm":
		ok = ok && hour >= 1 && hour <= 12
		hour, rest = hour%12, after
		if word == "pm" {
			hour += 12
		}
	case rest != "" && len(rest) == len(word)+len(after) && word != "":
		ok = false // "9th"
	}
	clock := time.Duration(hour)*time.Hour + time.Duration(minute)*time.Minute
	return clock, trimMarks(rest), ok && hour < 24 && minute < 60
}

// cutNumber cuts one or two digits from the beginning.
func cutNumber(text string) (int, string, bool) {
	rest := strings.TrimLeft(text, "0123456789")
	n, err := strconv.Atoi(text[:len(text)-len(rest)])
	return n, rest, err == nil && len(text)-len(rest) <= 2
}

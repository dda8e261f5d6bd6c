package offline

import (
	"strings"
	"unicode"
)

type kind int

const (
	other kind = iota
	greet
	clock
	remember
	recall
	send
	schedule
	jobs
)

// intent is what a message asks for. text is what to remember, look for, send
// or be reminded of.
type intent struct {
	kind    kind
	text    string
	channel string
	when    when
}

// parse knows a few phrases in English and Japanese. A phrase counts only at
// the beginning (in Japanese: or at the end) of the message, so that a mention
// in passing sets nothing off.
func parse(text string) intent {
	text = strings.TrimSpace(text)
	for _, c := range []string{"slack", "telegram"} {
		if rest, ok := cutPrefix(text, "send to "+c); ok && rest != "" {
			return intent{kind: send, text: rest, channel: c}
		}
	}
	if in, ok := parseJapanese(text); ok {
		return in
	}
	plain := cutPoliteness(text)
	for _, p := range []string{"remember that", "remember"} {
		if rest, ok := cutPrefix(plain, p); ok && rest != "" {
			return intent{kind: remember, text: rest}
		}
	}
	for _, p := range []string{"what do you know about", "what do you remember about"} {
		if rest, ok := cutPrefix(plain, p); ok {
			if rest = cutMarks(rest); rest != "" {
				return intent{kind: recall, text: rest}
			}
		}
	}
	if in, ok := parseReminder(plain); ok {
		return in
	}
	switch strings.ToLower(cutMarks(plain)) {
	case "what jobs do you have", "what reminders do you have", "what jobs are there", "what reminders are there",
		"list jobs", "list reminders":
		return intent{kind: jobs}
	case "what time is it", "what time is it now", "what's the time", "what is the time":
		return intent{kind: clock}
	case "hello", "hi", "hey", "help", "/help", "/start", "":
		return intent{kind: greet}
	}
	return intent{}
}

func parseJapanese(text string) (intent, bool) {
	text = cutMarks(text)
	if rest, ok := cutPrefix(text, "覚えて"); ok {
		for _, tail := range []string{"おいてください", "おいて", "ください", "ね"} {
			rest = trimMarks(strings.TrimPrefix(rest, tail))
		}
		if rest != "" {
			return intent{kind: remember, text: rest}, true
		}
	}
	for _, tail := range []string{"覚えておいてください", "覚えておいて", "覚えてください", "覚えてね", "覚えて"} {
		if rest, ok := strings.CutSuffix(text, tail); ok {
			for _, particle := range []string{"ということを", "って", "と", "を"} {
				if r, ok := strings.CutSuffix(rest, particle); ok {
					rest = r
					break
				}
			}
			if rest = trimMarks(rest); rest != "" {
				return intent{kind: remember, text: rest}, true
			}
		}
	}
	if topic, rest, ok := strings.Cut(text, "について"); ok && trimMarks(topic) != "" {
		for _, ask := range []string{"教え", "何を", "何か", "知っ", "覚え"} {
			if rest == "" || strings.HasPrefix(rest, ask) {
				return intent{kind: recall, text: trimMarks(topic)}, true
			}
		}
	}
	switch text {
	case "今何時", "今何時ですか", "何時", "何時ですか", "いま何時", "いま何時ですか":
		return intent{kind: clock}, true
	case "こんにちは", "おはよう", "おはようございます", "こんばんは", "ヘルプ", "助けて":
		return intent{kind: greet}, true
	}
	return intent{}, false
}

func cutPoliteness(text string) string {
	for _, p := range []string{"please", "can you", "could you"} {
		if rest, ok := cutPrefix(text, p); ok {
			text = rest
		}
	}
	return text
}

// cutPrefix cuts a phrase of ASCII or Japanese words, whatever its case, from
// the beginning of text, with the colon or spaces behind it. In ASCII the
// phrase must end where a word does.
func cutPrefix(text, prefix string) (string, bool) {
	if len(text) < len(prefix) || !strings.EqualFold(text[:len(prefix)], prefix) {
		return text, false
	}
	rest := text[len(prefix):]
	if rest != "" && prefix[len(prefix)-1] < 0x80 {
		if c := rune(rest[0]); unicode.IsLetter(c) || unicode.IsDigit(c) {
			return text, false
		}
	}
	return trimMarks(rest), true
}

// trimMarks removes what may stand between a phrase and its object.
func trimMarks(s string) string { return strings.Trim(s, " \t\r\n　:：,、") }

// cutMarks removes the end of a sentence.
func cutMarks(s string) string {
	return strings.TrimSpace(strings.TrimRight(s, " \t\r\n　?？!！.。"))
}

func isJapanese(s string) bool {
	for _, c := range s {
		if unicode.In(c, unicode.Hiragana, unicode.Katakana, unicode.Han) {
			return true
		}
	}
	return false
}

package slack

import "strings"

// readable turns a post's text into words, and says which user ids it
// mentions. Slack writes & < > escaped, and <...> for everything it knows:
// people, channels, links (https://docs.slack.dev/messaging/formatting-message-text).
//
// The mention of self that a post starts with is left out of the words, so
// that a command can follow it.
func readable(text, self string) (words string, mentions []string) {
	var out strings.Builder
	for first := true; text != ""; first = false {
		before, rest, found := strings.Cut(text, "<")
		out.WriteString(unescape(before))
		token, after, closed := strings.Cut(rest, ">")
		if !found {
			break
		}
		if !closed {
			out.WriteString("<" + unescape(rest))
			break
		}
		word, id := reference(token)
		if id != "" {
			mentions = append(mentions, id)
		}
		if first && id != "" && id == self && strings.TrimSpace(before) == "" {
			word = ""
		}
		out.WriteString(word)
		text = after
	}
	return strings.TrimSpace(out.String()), mentions
}

// reference reads what stands between < and >.
func reference(token string) (word, user string) {
	target, label, labelled := strings.Cut(token, "|")
	label = unescape(label)
	switch {
	case strings.HasPrefix(target, "@"):
		if labelled && label != "" {
			return "@" + strings.TrimPrefix(label, "@"), target[1:]
		}
		return target, target[1:]
	case strings.HasPrefix(target, "#"):
		if labelled && label != "" {
			return "#" + label, ""
		}
		return target, ""
	case strings.HasPrefix(target, "!"):
		if labelled && label != "" {
			return label, "" // a group of users, a date
		}
		name, _, _ := strings.Cut(target[1:], "^")
		return "@" + name, "" // @here, @channel, @everyone
	}
	target = unescape(target)
	address := strings.TrimPrefix(strings.TrimPrefix(strings.TrimPrefix(target, "mailto:"), "http://"), "https://")
	switch {
	case !labelled || label == "" || label == target:
		return target, ""
	case label == address || label == strings.TrimSuffix(address, "/"):
		return label, "" // Slack made the link itself
	}
	return label + " (" + target + ")", ""
}

// unescape undoes the three escapes, once: "&amp;lt;" is "&lt;".
func unescape(s string) string {
	if !strings.Contains(s, "&") {
		return s
	}
	return strings.NewReplacer("&lt;", "<", "&gt;", ">", "&amp;", "&").Replace(s)
}

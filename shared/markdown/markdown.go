// Package markdown turns the Markdown that models write (CommonMark with
// GitHub's tables, strikethrough and task lists) into what chat platforms
// show, and cuts it into parts that fit a message.
//
// It is a thin converter of its own because size is cold-start time: a module
// with goldmark v1.8.7 that parses one short text is 1.53 MB larger (gzip
// +0.35 MB) than one without any converter and takes 22.7 ms to start and
// run instead of 7.8 ms; this package adds 0.20 MB (gzip +0.05 MB). Medians of
// 15 fresh instances of one compiled module, Node 24, 2 idle cores.
//
// All functions accept any text and never fail. Unfinished Markdown is
// expected, because a message is edited while the model still writes it: an
// open fence reaches to the end, and an open ** ~~ or __ in the last block is
// taken as closed there. Raw HTML is shown as the text it is.
package markdown

import "strings"

// dialect says how one platform writes what the scanner found.
type dialect interface {
	// text writes words; newline ends a line, and the next one starts with prefix.
	text(s string)
	newline(prefix string)
	// open and close surround inline text; they are balanced and never nested
	// within the same style.
	open(s style)
	close(s style)
	code(s string)
	// link writes a link whose label is plain text.
	link(label, url string)
	// pre writes a block of code or a table, without a newline at its end.
	pre(code, language string)
	// quote starts and ends a block quote, and returns what its lines start with.
	quote() (prefix string)
	endQuote()
	String() string
}

type style uint8

const (
	bold style = iota
	italic
	strike
	styles // how many there are
)

// TelegramHTML is md in the HTML of the Telegram Bot API ("HTML style"):
// balanced, and only with the tags b, i, s, code, pre, a and blockquote.
func TelegramHTML(md string) string { return render(md, &telegram{}) }

// SlackMrkdwn is md in Slack's mrkdwn. Nothing in it can mention a person or a
// channel: <, > and & are escaped everywhere but around http and mail links.
func SlackMrkdwn(md string) string { return render(md, &slack{}) }

// Plain is the words of md without its markup; links keep their address in
// brackets. It is at least as long as the text that a platform shows.
func Plain(md string) string { return render(md, &plain{}) }

func render(md string, d dialect) string {
	md = strings.ToValidUTF8(md, "\uFFFD")
	md = strings.Map(printable, md)
	w := &writer{d: d, start: true}
	lines := strings.Split(md, "\n")
	w.blocks(parse(lines, 0), "")
	return strings.Trim(d.String(), "\n")
}

// printable drops control characters other than tab and newline: platforms
// refuse or strip them.
func printable(r rune) rune {
	if r < ' ' && r != '\n' && r != '\t' || r == 0x7f {
		return -1
	}
	return r
}

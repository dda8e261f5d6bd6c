// Package chat holds the domain's nouns for conversations: what came in from
// a person, who they are, where they said it. It knows no platform and no
// storage.
package chat

import (
	"strings"
	"time"
)

// Kind says what sort of place a conversation is.
type Kind string

const (
	Private Kind = "private" // one person and the agent
	Group   Kind = "group"   // several people; the agent answers only when addressed
)

// Address is a place the agent can send to: a chat on a channel and, within
// it, a thread (Telegram: forum topic; Slack: thread timestamp).
type Address struct {
	Channel string `json:"channel"`          // "telegram", "slack", "web"
	Chat    string `json:"chat"`             // the platform's chat id, as text
	Thread  string `json:"thread,omitempty"` // "" is the chat itself
}

// Sender is who said it, as the platform authenticated them.
type Sender struct {
	ID   string `json:"id"`             // the platform's user id, never a display name
	Name string `json:"name,omitempty"` // display name: chosen by the sender, never trusted
	Bot  bool   `json:"bot,omitempty"`
}

// Person returns the identity that OWNER, pairing and rules speak of: "channel:id".
func (m *Message) Person() string { return m.Channel + ":" + m.Sender.ID }

// Attachment refers to a file by the platform's own reference; the bytes are
// fetched when a turn needs them, and never stand in a transcript.
type Attachment struct {
	Kind string `json:"kind"`           // "image", "audio", "video", "file"
	Ref  string `json:"ref"`            // Telegram file_id, Slack file id
	Name string `json:"name,omitempty"` // chosen by the sender
	Type string `json:"type,omitempty"` // media type, when the platform says it
	Size int64  `json:"size,omitempty"` // bytes, when the platform says it
}

// Reply is the message that a message answers.
type Reply struct {
	ID   string `json:"id"`             // platform id within the chat
	Text string `json:"text,omitempty"` // its text, cut to 1,000 characters
	From string `json:"from,omitempty"` // sender id
	Bot  bool   `json:"bot,omitempty"`  // its sender is a bot; which one, only Self knows
}

// Button is what a person can tap under a message of the agent.
type Button struct {
	Label string `json:"label"` // what it says
	// Data comes back as the text of a message when it is tapped. It has 1 to 64
	// bytes, the bound of Telegram's callback_data.
	Data string `json:"data"`
}

// Message is one thing that came in from outside, normalised.
type Message struct {
	V int `json:"v"` // 1
	// ID is unique for ever and guaranteed by the platform, so it is the
	// idempotency key: "telegram:<update_id>", "slack:<channel>:<ts>".
	ID   string    `json:"id"`
	Time time.Time `json:"time"` // when the platform says it was said
	Address
	Kind        Kind         `json:"kind"`
	PlatformID  string       `json:"platform_id"` // the message's id within its chat
	Sender      Sender       `json:"sender"`
	Text        string       `json:"text,omitempty"`
	Edited      bool         `json:"edited,omitempty"`    // replaces an earlier message with this PlatformID
	Forwarded   bool         `json:"forwarded,omitempty"` // the sender passed it on: somebody else's words
	ReplyTo     *Reply       `json:"reply_to,omitempty"`
	Attachments []Attachment `json:"attachments,omitempty"`
	// Mentions are the user ids and lower-case user names ("@name") that the
	// platform marked as mentioned in Text.
	Mentions []string `json:"mentions,omitempty"`
	// Direct is set when the platform itself says that the message is for the
	// agent (Slack app_mention, slash command, a tapped button).
	Direct bool `json:"direct,omitempty"`
	// Tap is the platform's handle of the tap on a button that this message is;
	// "" for written words. The button stood under the message ReplyTo.ID.
	Tap string `json:"tap,omitempty"`
	// Session names a conversation explicitly (web chat); otherwise the
	// session follows from the address.
	Session string `json:"session,omitempty"`
	// Job says that a job that was due, and no person just now, set this off.
	// Only the agent's own functions write such a message.
	Job *Job `json:"job,omitempty"`
	// Approval names what the owner has said yes to. Only the agent's own
	// functions write such a message.
	Approval string `json:"approval,omitempty"`
	// Task says that a task in the sandbox has ended, of which Text tells. Only
	// the agent's own functions write such a message.
	Task *Task `json:"task,omitempty"`
}

// Task names a task of the sandbox that has ended.
type Task struct {
	ID    string `json:"id"`
	Turn  int    `json:"turn"`            // of the conversation, which started it
	Label string `json:"label,omitempty"` // of its output, a mark of package label
}

// Job names one run of something that was to be done at a time.
type Job struct {
	ID      string    `json:"id"`                // of the job
	Due     time.Time `json:"due"`               // when it should run, or should have
	Attempt int       `json:"attempt,omitempty"` // 0 for the first try of this run
	Label   string    `json:"label,omitempty"`   // of its text, a mark of package label
}

// Self is the agent's own identity on a channel.
type Self struct {
	ID   string `json:"id"`   // the bot's user id
	Name string `json:"name"` // its user name without "@", lower case; may be ""
}

// Addressed reports whether the agent should answer m: always in a private
// chat; in a group only when mentioned, replied to, or when the platform says
// so. Messages from bots are never answered, so that two agents cannot talk
// each other into a loop.
func Addressed(m *Message, self Self) bool {
	if m.Sender.Bot || m.Sender.ID == self.ID {
		return false
	}
	if m.Kind == Private || m.Direct {
		return true
	}
	if m.ReplyTo != nil && m.ReplyTo.From == self.ID && self.ID != "" {
		return true
	}
	for _, mention := range m.Mentions {
		if mention == self.ID && self.ID != "" {
			return true
		}
		if self.Name != "" && strings.EqualFold(mention, "@"+self.Name) {
			return true
		}
	}
	return false
}

// Command splits a message that is a slash command, as the function Command
// does its text. What was forwarded is never one: somebody else wrote it.
func (m *Message) Command(self Self) (name, rest string, ok bool) {
	if m.Forwarded {
		return "", "", false
	}
	return Command(strings.TrimSpace(m.Text), self)
}

// Command splits a slash command: "/model@my_bot gpt" is ("model", "gpt", true).
// A command for another bot ("/help@other_bot") is not a command. A command is
// a slash and 1 to 32 letters, digits or underscores at the very start.
func Command(text string, self Self) (name, rest string, ok bool) {
	if !strings.HasPrefix(text, "/") {
		return "", "", false
	}
	word, rest, _ := strings.Cut(text[1:], " ")
	if line, below, found := strings.Cut(word, "\n"); found {
		word, rest = line, strings.TrimSpace(below+" "+rest)
	}
	word, bot, named := strings.Cut(word, "@")
	if named && (bot == "" || !strings.EqualFold(bot, self.Name)) {
		return "", "", false
	}
	if word == "" || len(word) > 32 {
		return "", "", false
	}
	for _, r := range word {
		if (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '_' {
			return "", "", false
		}
	}
	return strings.ToLower(word), strings.TrimSpace(rest), true
}

// Package session keeps conversations in the bucket and makes turns durable.
//
// A session is a head object and one object a turn:
//
//	<agent>/sessions/<id>/head            which turn is the current one, and the recent history
//	<agent>/sessions/<id>/turns/00000042  everything that turn did, step by step
//
// A turn costs the bucket three writes: the head is replaced to claim the turn
// (folding the turn before into the history), the turn object is created when
// the placeholder of its reply has been sent, and replaced when its reply is
// complete. Tool calls add two each. The claim is the lease: whoever replaced
// the head by compare-and-swap owns the turn until the time written there;
// from then on the turn object itself carries the lease, and every write of it
// is a compare-and-swap on what its holder wrote last, so a holder that lost
// its turn finds out at its next write.
//
// A message that comes while a turn runs is added to that turn's object in the
// same way, by whoever delivers it. So it is known, before the turn can end,
// either to the turn's holder or to whoever makes the next claim, and nobody
// has to come back for it.
package session

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"instar/shared/audit"
	"instar/shared/budget"
	"instar/shared/chat"
	"instar/shared/job"
	"instar/shared/label"
	"instar/shared/model"
)

// Head is the state of a session between turns.
type Head struct {
	V    int   `json:"v"` // 1
	Turn Claim `json:"turn"`
	// Recent are the ids of the messages taken last, newest last: the guard
	// against an event that is delivered again after its turn.
	Recent []string     `json:"recent,omitempty"`
	Model  string       `json:"model,omitempty"` // chosen with /model; "" is the configured one
	Queue  Mode         `json:"queue,omitempty"` // chosen with /queue; "" is Steer
	Grant  budget.Grant `json:"grant"`

	// Current is the conversation this person has switched to, "" for this one.
	// Routed are the messages that were sent on because of it.
	Current string   `json:"current,omitempty"`
	Routed  []Routed `json:"routed,omitempty"`

	// Summary stands for the turns up to Through, which the model is not shown
	// any more. The turn objects keep everything.
	Summary      string      `json:"summary,omitempty"`
	SummaryLabel label.Label `json:"summary_label"`
	Through      int         `json:"through,omitempty"`
	// Words are what the person said in those turns, word for word, the oldest
	// first, as far as it is their own and fits maxWords.
	Words []Words `json:"words,omitempty"`
	// Logged is the last turn that is in the conversation's searchable log.
	Logged int `json:"logged,omitempty"`
	// Audited is the last turn whose entries are in the audit log.
	Audited int `json:"audited,omitempty"`
	// History is the conversation after them, one entry a turn, oldest first.
	History []Past `json:"-"`
}

// Past is a turn that has ended, as the model is shown it.
type Past struct {
	Seq      int             `json:"seq"`
	At       time.Time       `json:"at,omitzero"` // when it began
	Messages []model.Message `json:"messages"`
	Label    label.Label     `json:"label"` // of all of it
	// Own: the first message is the person's own words and nobody else's.
	Own bool `json:"own,omitempty"`

	json []byte // as it is stored; nil: not encoded yet
}

// Words are what the person said in one turn.
type Words struct {
	At   time.Time `json:"at"`
	Text string    `json:"text"`
}

// Claim names the current or last turn.
type Claim struct {
	Seq     int       `json:"seq"` // 0: there has been no turn
	Message string    `json:"message"`
	Key     string    `json:"key"`   // of the inbox entry
	Until   time.Time `json:"until"` // the claim lapses then, unless the turn object exists
	// Waiting are the messages that arrived during the turn before and that it
	// left over; they are this turn's arrivals until its object exists.
	Waiting []Ref `json:"waiting,omitempty"`
}

// Ref names a message in the inbox.
type Ref struct {
	ID  string    `json:"id"`
	Key string    `json:"key"`
	At  time.Time `json:"at"` // when it arrived
}

// Mode says what becomes of messages that arrive while a turn runs.
type Mode string

const (
	Steer    Mode = "steer"    // they join the turn between its tool calls, or else the next turn, together
	Collect  Mode = "collect"  // they make up the next turn, together
	Followup Mode = "followup" // each gets a turn of its own, in order
)

// Arrival is a message that came while a turn ran, or that waited for it.
type Arrival struct {
	Key     string        `json:"key"` // of the inbox entry
	At      time.Time     `json:"at"`
	Message *chat.Message `json:"message"`
	Taken   Taken         `json:"taken,omitempty"`
}

// Taken says how a turn took an arrival; "" leaves it to the next turn.
type Taken string

const (
	Joined  Taken = "joined"  // read as one with the turn's own message
	Steered Taken = "steered" // shown to the model between tool calls
	Dropped Taken = "dropped" // the turn was stopped: it is not acted on
)

// State is how far a turn is.
type State string

const (
	Running State = "running"
	Done    State = "done"    // answered
	Stopped State = "stopped" // ended by /stop
	Failed  State = "failed"  // ended with an error the person was told
)

// Turn is the log of one turn.
type Turn struct {
	V       int           `json:"v"` // 1
	Seq     int           `json:"seq"`
	Session string        `json:"session"`
	Message *chat.Message `json:"message"`
	Started time.Time     `json:"started"`
	Ended   time.Time     `json:"ended,omitzero"`
	State   State         `json:"state"`
	// Holder is the present holder's random name, Until when its lease lapses;
	// Fence counts how often the turn was taken over from a dead one.
	Holder string    `json:"holder,omitempty"`
	Until  time.Time `json:"until"`
	Fence  int       `json:"fence"`
	Stop   bool      `json:"stop,omitempty"` // somebody asked for the turn to end
	// Arrived are the messages that came meanwhile, the oldest first. Others
	// than the holder add to it, so the holder changes it in Update only.
	Arrived []Arrival `json:"arrived,omitempty"`
	Steps   []Step    `json:"steps,omitempty"`
	// Audit rides here until it is put into the audit log with that of others.
	Audit []audit.Entry `json:"audit,omitempty"`
	// Cards are the questions that the turn put to the owner, by package
	// approval's ids.
	Cards []string `json:"cards,omitempty"`
	// Files go to the person with the reply.
	Files []File `json:"files,omitempty"`
	// Out is the reply as it stands, or shall stand, on the platform.
	Out   []Part      `json:"out,omitempty"`
	Reply string      `json:"reply,omitempty"`
	Label label.Label `json:"label"`           // of the window at the turn's end
	Model string      `json:"model,omitempty"` // "provider/model" of the last answer
	Usage model.Usage `json:"usage"`
	Cost  float64     `json:"cost_usd"`
	// Head fields a command changed; applied when the turn is folded.
	SetModel *string       `json:"set_model,omitempty"`
	SetQueue *Mode         `json:"set_queue,omitempty"`
	Reset    bool          `json:"reset,omitempty"` // forget the history before this turn
	Grant    *budget.Grant `json:"grant,omitempty"`
	// Of a job's run: what became of it where State does not say it, why it
	// failed, and what its check saw.
	Run     job.RunState `json:"run,omitempty"`
	Failure string       `json:"failure,omitempty"`
	Seen    string       `json:"seen,omitempty"`
}

// Step is one durable entry: what the model said, or what its tools answered.
type Step struct {
	At time.Time `json:"at"`
	// Label is that of the window when the step was made.
	Label label.Label `json:"label"`
	model.Message
	Unknown bool `json:"unknown,omitempty"` // results put in after a crash: the tools may have run
}

// Part is one message of the reply on a platform.
type Part struct {
	ID   string `json:"id,omitempty"` // the platform's; "" until it was sent
	Text string `json:"text,omitempty"`
	// Begun: it may have been sent although there is no id.
	Begun bool `json:"begun,omitempty"`
	// Card names the question that the message puts, Buttons answer it.
	Card    string          `json:"card,omitempty"`
	Buttons [][]chat.Button `json:"buttons,omitempty"`
	// File is sent instead of the text.
	File *File `json:"file,omitempty"`
}

// File is one that lies in the bucket, to go to the person with a reply.
type File struct {
	Key       string `json:"key"` // of the object
	Name      string `json:"name"`
	MediaType string `json:"media_type"`
	Size      int    `json:"size"` // bytes
}

// Said is what the person said to set the turn off: its message and those that
// were joined to it, each as fold makes it, in the order in which they were said:
// queues keep none.
func (t *Turn) Said(fold func(*chat.Message) string) string {
	said := []*chat.Message{t.Message}
	for _, a := range t.Arrived {
		if a.Taken == Joined {
			said = append(said, a.Message)
		}
	}
	slices.SortStableFunc(said, saidBefore)
	text := fold(said[0])
	for _, m := range said[1:] {
		text += "\n\n" + fold(m)
	}
	return text
}

// saidBefore compares two messages of a chat by their time, of which Telegram
// tells the second alone, and then by their ids, which count up.
func saidBefore(a, b *chat.Message) int {
	return cmp.Or(a.Time.Compare(b.Time), len(a.PlatformID)-len(b.PlatformID), strings.Compare(a.PlatformID, b.PlatformID))
}

// Waiting are the arrivals that the turn has not taken.
func (t *Turn) Waiting() (left []Arrival) {
	for _, a := range t.Arrived {
		if a.Taken == "" {
			left = append(left, a)
		}
	}
	return left
}

// Take marks the messages that wait, from the oldest on as long as may says
// so, as taken, and returns them.
func (t *Turn) Take(how Taken, may func(Arrival) bool) (taken []Arrival) {
	for i := range t.Arrived {
		a := &t.Arrived[i]
		if a.Taken != "" {
			continue
		}
		if !may(*a) {
			break
		}
		a.Taken = how
		taken = append(taken, *a)
	}
	return taken
}

// Answers reports whether the turn is the one that answers a message: its own,
// or one that it has taken.
func (t *Turn) Answers(message string) bool {
	return t.Message.ID == message || slices.ContainsFunc(t.Arrived, func(a Arrival) bool {
		return a.Message.ID == message && a.Taken != ""
	})
}

// arrived reports whether a message is among the turn's arrivals.
func (t *Turn) arrived(message string) bool {
	return slices.ContainsFunc(t.Arrived, func(a Arrival) bool { return a.Message.ID == message })
}

// Messages is what the turn adds to the conversation: what the person said,
// the model's replies, the tools' results and what the person said meanwhile.
// A tool call without a recorded result gets one that says so, since no
// provider accepts a history where it is missing.
func (t *Turn) Messages(user string) []model.Message {
	messages := []model.Message{{Role: model.User, Text: user}}
	var open []model.ToolCall
	closeCalls := func() {
		if results := complete(open, nil); len(results) > 0 {
			messages = append(messages, model.Message{Role: model.User, Results: results})
		}
		open = nil
	}
	for _, s := range t.Steps {
		message := s.Message
		if len(s.Results) > 0 {
			message.Results, open = complete(open, s.Results), nil
		} else {
			closeCalls()
			open = s.Calls
		}
		messages = append(messages, message)
	}
	closeCalls()
	last := messages[len(messages)-1]
	if t.State != Running && t.Reply != "" && last.Role != model.Assistant {
		messages = append(messages, model.Message{Role: model.Assistant, Text: t.Reply})
	}
	return messages
}

// complete adds to the results those that the calls lack.
func complete(calls []model.ToolCall, results []model.ToolResult) []model.ToolResult {
	results = slices.Clip(results)
	for _, c := range calls {
		if !slices.ContainsFunc(results, func(r model.ToolResult) bool { return r.ID == c.ID }) {
			results = append(results, model.ToolResult{ID: c.ID, Text: "No result was recorded.", Error: true})
		}
	}
	return results
}

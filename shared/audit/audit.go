// Package audit keeps a log of what matters for security: what the gate
// decided, what the owner was asked and answered, who got in, what was sent,
// which secret was used. It can only grow, and a change of it is found.
//
// An Entry is made where the event happens and rides in an object that is
// written anyway, such as a turn's: recording costs no write and survives a
// crash. Later, for many turns at once, Log.Append puts the entries on a chain:
//
//	<agent>/audit/log/<1e12 - first entry's number>  segments of up to 256 KB, the newest first
//	<agent>/audit/checkpoint                         how long the chain is
//
// A segment is lines of JSON: an opening, entries, and a closing once nothing
// more may be added. Each line ends with its HMAC-SHA-256 under a key that no
// tool can reach; each entry holds that of the entry before, each opening the
// SHA-256 of the whole segment before. A batch costs two writes, two reads
// and a listing whatever the length of the log, and a read more for each segment
// that was begun since an hour before the oldest entry of the batch.
//
// Somebody who can write to the bucket, and has no key, cannot change, forge,
// reorder or take out an entry that the checkpoint counts without Verify
// finding it. Who puts back an older checkpoint AND the older end of the chain
// that belongs to it makes the log look as it did then; so does, for all of it,
// who deletes both. That is found only with something the bucket does not hold:
// a Head that was noted elsewhere and is given to Verify. Without a key
// everybody can recompute the chain, and only accidents are found.
package audit

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strconv"
	"time"

	"instar/shared/leak"
)

// Kind is what sort of event it was.
type Kind string

const (
	Decision  Kind = "decision" // of the gate; Outcome is allow, ask or deny
	Asked     Kind = "asked"    // the owner, for an approval
	Answered  Kind = "answered" // by the owner, or by time: approved, refused, expired
	Login     Kind = "login"    // into the console; Outcome is ok, failed or locked
	Send      Kind = "send"     // of a message out; Outcome is sent, failed or stopped
	Memory    Kind = "memory"   // entries looked through: promoted, edited, deleted, restored; never the text
	SecretUse Kind = "secret"   // a secret was handed to what needs it; Detail names it
)

// Event is something that happened. It holds identifiers and no words: what is
// none, or looks like a key, is replaced by a digest when it becomes an Entry.
// A digest of something short can be guessed; leave out what must not be.
type Event struct {
	At      time.Time `json:"at"`
	Kind    Kind      `json:"kind"`              // at most 32 bytes
	Session string    `json:"session,omitempty"` // 160
	Turn    int       `json:"turn,omitempty"`
	Tool    string    `json:"tool,omitempty"`    // 96
	Outcome string    `json:"outcome,omitempty"` // 48
	// Detail are short identifiers, hashes, hosts or addresses: at most 8, with
	// names of 32 bytes and values of 96. More are counted under "left_out".
	Detail map[string]string `json:"detail,omitempty"`
}

// Entry is an event that can be put on the chain any number of times and is
// there once.
type Entry struct {
	ID string `json:"id"` // random; made where the event happened
	Event
}

const maxDetail = 8

// NewEntry makes an entry of an event, within its bounds.
func NewEntry(e Event) Entry { return Entry{ID: rand.Text(), Event: e}.bounded() }

// bounded is the entry within its bounds; one that is comes back as it is.
func (e Entry) bounded() Entry {
	e.ID = identifier(e.ID, 64)
	e.At = e.At.UTC().Truncate(time.Millisecond)
	if y := e.At.Year(); y < 0 || y > 9999 { // RFC 3339 has no others
		e.At = time.Time{}
	}
	e.Kind = Kind(identifier(string(e.Kind), 32))
	e.Session = identifier(e.Session, 160)
	e.Tool = identifier(e.Tool, 96)
	e.Outcome = identifier(e.Outcome, 48)
	if len(e.Detail) == 0 {
		return e
	}
	names := make([]string, 0, len(e.Detail))
	for name := range e.Detail {
		names = append(names, name)
	}
	slices.Sort(names)
	detail := make(map[string]string, min(len(names), maxDetail))
	for i, name := range names {
		if i == maxDetail-1 && len(names) > maxDetail {
			detail["left_out"] = strconv.Itoa(len(names) - i)
			break
		}
		detail[identifier(name, 32)] = identifier(e.Detail[name], 96)
	}
	e.Detail = detail
	return e
}

// identifier returns a text that is one and at most limit bytes long, else a
// digest of it, cut to the limit.
func identifier(text string, limit int) string {
	ok := len(text) <= limit
	for i := 0; ok && i < len(text); i++ {
		ok = identifierByte(text[i])
	}
	var shapes *leak.Guard
	if ok && shapes.Check(text) == nil {
		return text
	}
	sum := sha256.Sum256([]byte(text))
	digest := "sha256:" + hex.EncodeToString(sum[:16])
	return digest[:min(len(digest), limit)]
}

// identifierByte: none of these is written in another way in JSON.
func identifierByte(c byte) bool {
	switch c {
	case '.', '_', ':', '/', '@', '+', '=', '~', '#', ',', '-', '%', '*':
		return true
	}
	return c-'0' <= 9 || c|0x20-'a' <= 'z'-'a'
}

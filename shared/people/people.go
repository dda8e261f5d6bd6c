// Package people says who may talk to the agent: the owner, named in OWNER;
// people the owner approved by a pairing code; and, where the owner wants it
// so, everyone.
//
// A person is "channel:id", where id is the platform's own, authenticated user
// id: never a display name or a user name, which their bearer can change.
package people

import (
	"errors"
	"fmt"
	"strings"
)

// ErrPerson: not of the form channel:id, so nobody who could be stored.
var ErrPerson = errors.New("person is not of the form channel:id")

// Owners is the set of identities of the owner. The zero value is nobody.
type Owners struct{ list []string }

// ParseOwner reads the variable OWNER: identities separated by commas, such as
// "telegram:4242,slack:U1". Blank means nobody. An error names OWNER, the
// item's position from 1, and what to write instead.
func ParseOwner(value string) (Owners, error) {
	var o Owners
	if strings.TrimSpace(value) == "" {
		return o, nil
	}
	for i, item := range strings.Split(value, ",") {
		item = strings.TrimSpace(item)
		if item == "" {
			return Owners{}, fmt.Errorf("OWNER: item %d is empty", i+1)
		}
		channel, id, err := split(item)
		if err != nil {
			return Owners{}, fmt.Errorf("OWNER: item %d (%.40q) is not channel:id with the platform's user id, such as telegram:4242", i+1, item)
		}
		o.list = append(o.list, channel+":"+id)
	}
	return o, nil
}

// Has reports whether person is the owner.
func (o Owners) Has(person string) bool {
	for _, p := range o.list {
		if p == person {
			return true
		}
	}
	return false
}

// On returns the owner's id on a channel, the first if there are several.
func (o Owners) On(channel string) (id string, ok bool) {
	for _, p := range o.list {
		if c, id, _ := strings.Cut(p, ":"); c == channel {
			return id, true
		}
	}
	return "", false
}

// split checks a person and cuts it at the first colon. The channel is lower
// case; an id has up to 128 letters, digits and ._@+=:- and is used in keys.
func split(person string) (channel, id string, err error) {
	channel, id, _ = strings.Cut(person, ":")
	channel, id = strings.ToLower(strings.TrimSpace(channel)), strings.TrimSpace(id)
	if channel == "" || len(channel) > 32 || id == "" || len(id) > 128 {
		return "", "", ErrPerson
	}
	for _, r := range channel {
		if !plain(r) && r != '-' && r != '_' {
			return "", "", ErrPerson
		}
	}
	for _, r := range id {
		if !plain(r) && !strings.ContainsRune("._@+=:-", r) {
			return "", "", ErrPerson
		}
	}
	// "@anna" is a user name, and a key segment cannot be "." or "..".
	if id[0] == '@' || id[0] == '.' {
		return "", "", ErrPerson
	}
	return channel, id, nil
}

func plain(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9'
}

// Policy says what happens when someone who is not the owner writes to the
// agent in private. Any other value than these three lets nobody in.
type Policy string

const (
	Pairing Policy = "pairing" // approved people are answered, others get a code for the owner to approve
	Open    Policy = "open"    // everyone is answered, but for those whose approval was revoked
	Closed  Policy = "closed"  // nobody but the owner is answered, approved or not
)

// ParsePolicy reads a variable such as TELEGRAM_DM_POLICY; blank is Pairing.
func ParsePolicy(variable, value string) (Policy, error) {
	switch p := Policy(strings.ToLower(strings.TrimSpace(value))); p {
	case "":
		return Pairing, nil
	case Pairing, Open, Closed:
		return p, nil
	}
	return Closed, fmt.Errorf("%s: must be %s (the default), %s or %s", variable, Pairing, Open, Closed)
}

// Status is what the directory knows of a person.
type Status string

const (
	Stranger Status = "stranger" // never approved
	Approved Status = "approved"
	Revoked  Status = "revoked" // was approved once
)

// Decision is what to do with a private message.
type Decision int

const (
	Ignore     Decision = iota // store nothing, answer nothing
	AskPairing                 // answer with a pairing code and nothing else
	Allow
)

func (d Decision) String() string {
	switch d {
	case AskPairing:
		return "ask for pairing"
	case Allow:
		return "allow"
	}
	return "ignore"
}

// Decide says what to do with a private message of a person. The owner is
// always allowed; anything unknown is ignored.
func Decide(owners Owners, policy Policy, person string, status Status) Decision {
	if owners.Has(person) {
		return Allow
	}
	if _, _, err := split(person); err != nil {
		return Ignore
	}
	switch {
	case policy == Pairing && status == Approved:
		return Allow
	case policy == Pairing && (status == Stranger || status == Revoked):
		return AskPairing
	case policy == Open && (status == Approved || status == Stranger):
		return Allow
	}
	return Ignore
}

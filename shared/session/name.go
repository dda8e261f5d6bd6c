package session

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"instar/shared/bucket"
	"instar/shared/chat"
)

// Main is the session that all of the owner's private chats share.
const Main = "main"

// ownersOwn begins the ids of the owner's other conversations, made in the web
// chat or with /new NAME.
const ownersOwn = "web-"

// ID names the session a message belongs to, unless its sender has switched to
// another of their conversations (Moved). The owner's private chats are one
// conversation; every other person, group, thread, job and named web chat has
// its own.
func ID(m *chat.Message, owner bool) string {
	if m.Kind == chat.Private && owner {
		if m.Session == "" || m.Session == Main {
			return Main
		}
		return Named(Main, m.Session)
	}
	parts := []string{m.Channel, m.Chat}
	if m.Thread != "" {
		parts = append(parts, m.Thread)
	}
	for i, part := range parts {
		parts[i] = escape(part)
	}
	return strings.Join(parts, "-")
}

// escape makes a part of an id: "." and "-" separate, so neither may stand in it.
func escape(part string) string {
	return strings.NewReplacer("-", "%2D", ".", "%2E").Replace(url.PathEscape(part))
}

// Named is the id of a person's conversation of a name; base is the one their
// private messages belong to, and has no name.
func Named(base, name string) string {
	if base == Main {
		return ownersOwn + url.PathEscape(name)
	}
	return base + "--" + escape(name)
}

// Name is what a conversation is called towards its person: the name they gave
// it, or Main.
func Name(id string) string {
	name, named := strings.CutPrefix(id, ownersOwn)
	if !named {
		if _, name, named = strings.Cut(id, "--"); !named {
			return Main
		}
	}
	if plain, err := url.PathUnescape(name); err == nil {
		name = plain
	}
	return name
}

// ValidName reports whether a conversation can be called so: 1 to 64 letters,
// digits, dots, dashes and underscores.
func ValidName(name string) bool {
	if name == "" || len(name) > 64 {
		return false
	}
	for _, r := range name {
		if !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '_' || r == '.') {
			return false
		}
	}
	return true
}

// maxNamed is how many named conversations a listing shows.
const maxNamed = 100

// Conversations are the ids of a person's named conversations, in order, at
// most 100: a List call each.
func (s *Store) Conversations(ctx context.Context, base string) (ids []string, err error) {
	prefix := s.Agent + "/sessions/"
	for after := ""; len(ids) < maxNamed; {
		// One session has many objects: jump over them to the next one.
		page, err := s.Bucket.List(ctx, bucket.ListOptions{Prefix: prefix + Named(base, ""), After: after, Limit: 1})
		if err != nil {
			return nil, fmt.Errorf("list conversations: %w", err)
		}
		if len(page.Entries) == 0 {
			break
		}
		id, _, _ := strings.Cut(strings.TrimPrefix(page.Entries[0].Key, prefix), "/")
		after = prefix + id + "0" // "0" is the byte after "/"
		ids = append(ids, id)
	}
	return ids, nil
}

// Routed says which conversation a message was sent on to.
type Routed struct {
	Message string `json:"message"`
	Session string `json:"session"`
}

// Moved is the error of a claim in a session whose person has switched to
// another: the message belongs there, now and whenever it is delivered again.
type Moved struct{ Session string }

func (m *Moved) Error() string { return "message belongs to another session" }

// sentOn is where a message goes that is claimed here: "" is this session. One
// that names its conversation itself stays there.
func (h *Head) sentOn(m *chat.Message) string {
	if m.Session != "" {
		return ""
	}
	for _, r := range h.Routed {
		if r.Message == m.ID {
			return r.Session
		}
	}
	if h.Turn.Message == m.ID || slices.Contains(h.Recent, m.ID) {
		return ""
	}
	return h.Current
}

// route sends a message on. That it is recorded in the head that every
// delivery of the message reads first, and by compare-and-swap, is what keeps
// it from being answered both before and after a switch.
func (s *Store) route(ctx context.Context, id string, head *Head, etag, message, to string) error {
	if !slices.ContainsFunc(head.Routed, func(r Routed) bool { return r.Message == message }) {
		head.Routed = append(head.Routed, Routed{message, to})
		head.Routed = head.Routed[max(0, len(head.Routed)-recent):]
		if err := s.putHead(ctx, id, head, etag); err != nil {
			return err
		}
	}
	return &Moved{to}
}

// Where is the session that a message of base belongs to, or, for one that is
// not known, would belong to. One read.
func (s *Store) Where(ctx context.Context, base string, m *chat.Message) (string, error) {
	head, _, err := s.Head(ctx, base)
	if err != nil {
		return "", err
	}
	if to := head.sentOn(m); to != "" {
		return to, nil
	}
	return base, nil
}

// Switch has a person's next messages go to another of their conversations; to
// is its id, or base.
func (s *Store) Switch(ctx context.Context, base, to string) error {
	if to == base {
		to = ""
	}
	return s.change(ctx, base, func(h *Head) bool {
		changed := h.Current != to
		h.Current = to
		return changed
	})
}

package turn

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"instar/shared/audit"
	"instar/shared/chat"
	"instar/shared/label"
	"instar/shared/memory"
	"instar/shared/session"
)

const (
	shownItems = 12 // entries that /memory lists
	handleSize = 32 // hexadecimal digits that stand for an entry: all of its ref, since of fewer two texts could have the same
)

const memoryHelp = `/memory WORDS finds an entry. With its code: /memory promote CODE makes it your own word, /memory edit CODE NEW TEXT, /memory delete CODE. /memory history shows what was changed, /memory restore ID brings it back.`

// memoryCommand lets the owner, or a guest for their own, look through what is
// remembered and change it.
func (p *progress) memoryCommand(ctx context.Context) ending {
	say := func(text string) ending { return ending{state: session.Done, reply: text} }
	if p.held.Turn.Message.Kind != chat.Private {
		return say("What I remember is only shown in a private chat.")
	}
	verb, rest, _ := strings.Cut(strings.TrimSpace(p.who.rest), " ")
	rest = strings.TrimSpace(rest)
	switch verb := strings.ToLower(verb); verb {
	case "promote", "edit", "delete":
		return p.reviewMemory(ctx, verb, rest)
	case "history":
		return p.memoryHistory(ctx)
	case "restore":
		err := p.engine.files(p.who).Restore(ctx, rest, p.reviewer())
		return p.reviewed("restored", "", err, "It is back, trusted as far as it was before.")
	}
	return p.listMemory(ctx, strings.ToLower(strings.TrimSpace(p.who.rest)))
}

// reviewer is the person who reviews. Their own files are theirs to vouch for.
func (p *progress) reviewer() memory.Source {
	m := p.held.Turn.Message
	return memory.Source{ID: fmt.Sprintf("%s.%d", p.held.Turn.Session, p.held.Turn.Seq), Origin: m.Person(), Label: label.Owner.String()}
}

// handle is the short form of an entry's ref.
func handle(i memory.Item) string {
	_, hash, _ := memory.ParseRef(i.Ref)
	return hash[:min(len(hash), handleSize)]
}

func (p *progress) listMemory(ctx context.Context, words string) ending {
	found, err := p.engine.files(p.who).Items(ctx)
	if err != nil && !errors.Is(err, memory.ErrIncomplete) {
		return ending{err: err}
	}
	var b strings.Builder
	shown, others, fits := 0, 0, 0
	for _, item := range found.Items {
		if !item.Trusted() {
			others++
		}
		if text := strings.ToLower(item.Text + " " + item.File + " " + item.Origin); !all(strings.Fields(words), text) {
			continue
		}
		if fits++; shown == shownItems {
			continue
		}
		shown++
		fmt.Fprintf(&b, "- `%s` %s (%s%s)\n", handle(item), quoted(item.Text), item.File, origin(item.Source))
	}
	switch {
	case len(found.Items) == 0:
		return ending{state: session.Done, reply: "I have nothing in memory yet."}
	case shown == 0:
		b.WriteString("Nothing of what I remember has these words.\n")
	case fits > shown:
		fmt.Fprintf(&b, "\nThese are the newest %d of %d.\n", shown, fits)
	}
	if others > 0 {
		fmt.Fprintf(&b, "\n%d of all %d entries were made from others' text: I do not load them by myself, and they count as others' words.\n", others, len(found.Items))
	}
	return ending{state: session.Done, reply: b.String() + "\n" + memoryHelp}
}

func all(words []string, text string) bool {
	for _, w := range words {
		if !strings.Contains(text, w) {
			return false
		}
	}
	return true
}

// origin says where an entry came from, where it is not the person's own.
func origin(s memory.Source) string {
	switch {
	case !s.Trusted() && s.Origin == "":
		return ", not your own words"
	case !s.Trusted():
		return ", not your own words: " + s.Origin
	}
	return ""
}

// reviewMemory carries out promote, edit or delete of the entry of a code.
func (p *progress) reviewMemory(ctx context.Context, verb, rest string) ending {
	say := func(text string) ending { return ending{state: session.Done, reply: text} }
	code, text, _ := strings.Cut(rest, " ")
	code = strings.ToLower(strings.Trim(code, "`"))
	if len(code) < handleSize || verb == "edit" && strings.TrimSpace(text) == "" {
		return say(memoryHelp)
	}
	files := p.engine.files(p.who)
	found, err := files.Items(ctx)
	if err != nil && !errors.Is(err, memory.ErrIncomplete) {
		return ending{err: err}
	}
	var is *memory.Item
	for i, item := range found.Items {
		if _, hash, _ := memory.ParseRef(item.Ref); !strings.HasPrefix(hash, code) {
			continue
		} else if is != nil && is.Ref != item.Ref {
			return say("Two entries have a code that begins so. /memory shows them.")
		}
		is = &found.Items[i]
	}
	if is == nil {
		return say("There is no entry " + oneLine(code, 40) + ", or it has changed. /memory shows them.")
	}
	done := fmt.Sprintf("%s in %s: %s", map[string]string{"promote": "It is your own word now,", "edit": "Changed, it was", "delete": "Deleted,"}[verb], is.File, quoted(is.Text))
	if verb == "promote" && strings.TrimSpace(text) != "yes" && oneLine(is.Text, maxQuoted) != is.Text && !is.Trusted() {
		return say(fmt.Sprintf("Read all of it first (%s%s):\n\n%s\n\n`/memory promote %s yes` makes it your own word.", is.File, origin(is.Source), is.Text, code))
	}
	switch verb {
	case "promote":
		err = files.Promote(ctx, is.Ref, p.reviewer())
	case "edit":
		err = files.Edit(ctx, is.Ref, text, p.reviewer())
	default:
		err = files.Delete(ctx, is.Ref, p.reviewer())
	}
	return p.reviewed(verb, is.Ref, err, done)
}

// reviewed says how a review ended, and has it audited.
func (p *progress) reviewed(what, ref string, err error, done string) ending {
	say := func(text string) ending { return ending{state: session.Done, reply: text} }
	for _, known := range []error{memory.ErrChanged, memory.ErrRef, memory.ErrInvalid, memory.ErrFull, memory.ErrBusy} {
		if errors.Is(err, known) {
			return say("Not done: " + err.Error() + ".")
		}
	}
	if err != nil {
		return ending{err: err}
	}
	file, hash, _ := memory.ParseRef(ref)
	p.audit(audit.Event{Kind: audit.Memory, Outcome: what, Detail: map[string]string{"file": file, "entry": hash, "person": p.who.person}})
	return say(done)
}

func (p *progress) memoryHistory(ctx context.Context) ending {
	list, err := p.engine.files(p.who).History(ctx, "", shownItems)
	if err != nil && !errors.Is(err, memory.ErrIncomplete) {
		return ending{err: err}
	}
	if len(list) == 0 {
		return ending{state: session.Done, reply: "Nothing of what I remember was ever changed."}
	}
	var b strings.Builder
	for _, c := range list {
		fmt.Fprintf(&b, "- `%s` %s, %s in %s: %s", c.ID, c.At.In(p.engine.Zone).Format("2 Jan 15:04"), c.What, c.File, quoted(c.Before.Text))
		if c.After.Text != "" && c.After.Text != c.Before.Text {
			fmt.Fprintf(&b, " became %s", quoted(c.After.Text))
		}
		b.WriteString("\n")
	}
	return ending{state: session.Done, reply: b.String() + "\n/memory restore ID brings back what was there before."}
}

// maxQuoted is how many characters of an entry a list shows.
const maxQuoted = 160

func quoted(text string) string {
	return "`" + strings.ReplaceAll(oneLine(text, maxQuoted), "`", "'") + "`"
}

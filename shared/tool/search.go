package tool

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"instar/shared/label"
	"instar/shared/memory"
	"instar/shared/model"
	"instar/shared/policy"
	"instar/shared/transcript"
)

// Searcher looks into the text of the conversation, as *transcript.Log does:
// its errors wrap transcript.ErrIncomplete and ErrOlder beside hits.
type Searcher interface {
	Search(ctx context.Context, query string, limit int) ([]transcript.Hit, error)
}

// Results reads on in results that Set.Keep has kept, as *transcript.Results
// does: text is what stands from offset on, ending between two characters, and
// total the length of the whole in bytes. Errors that wrap transcript.ErrRef
// or ErrOffset are shown to the model.
type Results interface {
	Read(ctx context.Context, ref string, offset int) (text string, total int, err error)
}

const (
	maxFound = 20       // hits of one memory_search
	maxRead  = 12 << 10 // bytes of a result that one memory_search reads
)

// Recall is memory_search over a person's files and, unless they are nil, the
// whole conversation and the results kept of it. The schema depends on whether
// there are results, and on nothing else.
func Recall(store *memory.Store, log Searcher, results Results) Tool {
	t := Tool{
		Tool: model.Tool{
			Name:        "memory_search",
			Description: "Search what you have been told to remember (MEMORY.md, USER.md and the daily notes). Use it before saying that you do not know something about the person. Keywords work best, in the language they were written in.",
			Schema:      json.RawMessage(`{"type":"object","properties":{"query":{"type":"string","description":"keywords"},"limit":{"type":"integer","minimum":1,"maximum":20}},"required":["query"],"additionalProperties":false}`),
		},
		Manifest:   own(policy.ReadOwn, map[string]policy.ArgRole{"query": policy.Selector, "ref": policy.Selector}),
		Idempotent: true,
	}
	if log != nil {
		t.Description = strings.Replace(t.Description, "daily notes)", "daily notes) and all of this conversation", 1)
	}
	if results != nil {
		t.Schema = json.RawMessage(`{"type":"object","properties":{"query":{"type":"string","description":"keywords"},"limit":{"type":"integer","minimum":1,"maximum":20},"ref":{"type":"string","description":"instead of query: of a result with parts left out"},"offset":{"type":"integer","minimum":0}},"required":[],"additionalProperties":false}`)
	}
	t.Run = func(ctx context.Context, c Call) (string, error) {
		in := struct {
			Query  string `json:"query"`
			Limit  int    `json:"limit"`
			Ref    string `json:"ref"`
			Offset int    `json:"offset"`
		}{Limit: 8}
		if err := decode(c.Input, &in); err != nil {
			return "", err
		}
		if in.Ref != "" {
			c.taint(label.Worst()) // of whatever tool it is
			return readOn(ctx, results, in.Ref, in.Offset)
		}
		if strings.TrimSpace(in.Query) == "" {
			return "", errors.New("query is empty")
		}
		return search(ctx, store, log, in.Query, min(max(in.Limit, 1), maxFound), c.taint)
	}
	return t
}

// search lists what the files and then the conversation have, together at most
// limit hits. At most half of them, rounded up, are the conversation's. One is
// asked after the other, because a Worker has six open connections.
func search(ctx context.Context, store *memory.Store, log Searcher, query string, limit int, taint func(label.Label)) (string, error) {
	files, err := store.Search(ctx, query, limit)
	if err != nil && !errors.Is(err, memory.ErrIncomplete) {
		return "", errors.New("the memory could not be read; try again")
	}
	var b strings.Builder
	if err != nil {
		b.WriteString("Some files could not be read, so this may not be all.\n")
	}
	var said []transcript.Hit
	if log != nil {
		said, err = log.Search(ctx, query, (limit+1)/2)
		b.WriteString(unsearched(err))
	}
	files = files[:min(len(files), limit-min(len(said), limit/2))]
	said = said[:min(len(said), limit-len(files))]
	if len(files)+len(said) == 0 && b.Len() == 0 {
		return "Nothing found.", nil
	}
	for _, h := range files {
		l := label.New(label.Owner, label.Private, strings.Split(h.Origin, ","), nil)
		if !h.Trusted() {
			l.Integrity = label.Untrusted
		}
		if h.Secret() {
			l.Confidentiality = label.Secret
		}
		taint(l)
		fmt.Fprintf(&b, "- %s (%s", h.Text, h.File)
		if !h.Time.IsZero() {
			b.WriteString(", " + h.Time.Format(time.DateOnly))
		}
		b.WriteString(")\n")
	}
	for _, h := range said {
		// On one line: what a tool once answered shall not look like a hit of
		// the files.
		l := label.ParseMark(h.Label)
		taint(label.New(l.Integrity, l.Confidentiality, []string{"conversation"}, nil))
		fmt.Fprintf(&b, "- %s (conversation, %s, %s)\n", oneLine(h.Text), h.Time.Format(time.DateOnly), oneLine(h.Who))
	}
	return b.String(), nil
}

// unsearched says which parts of the conversation are missing from an answer.
func unsearched(err error) string {
	note := ""
	if errors.Is(err, transcript.ErrOlder) {
		note += "The oldest parts of the conversation were not searched.\n"
	}
	if errors.Is(err, transcript.ErrIncomplete) {
		note += "Some of the conversation could not be read, so this may not be all.\n"
	}
	if err != nil && note == "" {
		note = "The conversation could not be searched just now, only the files.\n"
	}
	return note
}

func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }

// readOn returns a part of a kept result, and where the next one begins.
func readOn(ctx context.Context, results Results, ref string, offset int) (string, error) {
	if results == nil {
		return "", transcript.ErrRef
	}
	text, total, err := results.Read(ctx, ref, max(0, offset))
	switch {
	case errors.Is(err, transcript.ErrRef), errors.Is(err, transcript.ErrOffset):
		return "", err
	case err != nil:
		return "", errors.New("the result could not be read; try again")
	}
	text = text[:boundary(text, maxRead)]
	next := max(0, offset) + len(text)
	text = strings.ToValidUTF8(text, "") // an offset within a character
	if next < total {
		return fmt.Sprintf("%s\n[%d of %d bytes; go on with offset %d]", text, next, total, next), nil
	}
	return fmt.Sprintf("%s\n[the end; %d bytes in all]", text, total), nil
}

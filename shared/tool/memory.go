package tool

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"instar/shared/memory"
	"instar/shared/model"
	"instar/shared/policy"
)

// MemoryWrite keeps something in a person's files. at is when the turn began,
// in the person's time zone: a repeated call has to find its own entry again,
// also after midnight.
func MemoryWrite(store *memory.Store, at time.Time) Tool {
	return Tool{
		Tool: model.Tool{
			Name:        "memory_write",
			Description: "Remember something for good. file: MEMORY.md (default) for facts and decisions that matter later, USER.md for who the person is and how they like things, daily for notes of the day. To correct or forget something, give its present text as replaces (and an empty text to remove it).",
			Schema:      json.RawMessage(`{"type":"object","properties":{"text":{"type":"string","description":"one self-contained sentence or short paragraph"},"file":{"type":"string","enum":["MEMORY.md","USER.md","daily"]},"replaces":{"type":"string","description":"exact present text to change"}},"required":["text"],"additionalProperties":false}`),
		},
		Manifest:   own(policy.WriteOwn, map[string]policy.ArgRole{"text": policy.Content, "file": policy.Flag, "replaces": policy.Object}),
		Idempotent: true,
		Run: func(ctx context.Context, c Call) (string, error) {
			in := struct {
				Text     string `json:"text"`
				File     string `json:"file"`
				Replaces string `json:"replaces"`
			}{File: memory.Curated}
			if err := decode(c.Input, &in); err != nil {
				return "", err
			}
			source := memory.Source{ID: c.ID, Origin: c.Message.Person(), Label: c.Label.Mark()}
			if in.Replaces != "" && c.Label.Tainted() {
				// Text of others replaces nothing of the owner's: it goes beside it.
				in.Replaces = ""
			}
			if in.Replaces != "" {
				file := in.File
				if file == "daily" {
					file = memory.Daily(at)
				}
				if err := store.Replace(ctx, file, in.Replaces, in.Text, source); err != nil {
					return "", explain(err)
				}
				return "Changed in " + file + ".", nil
			}
			if strings.TrimSpace(in.Text) == "" {
				return "", errors.New("text is empty")
			}
			entry := memory.Entry{Source: source, Time: at, Text: in.Text}
			if in.File == "daily" {
				if _, err := store.Append(ctx, entry); err != nil {
					return "", explain(err)
				}
				return "Noted in " + memory.Daily(at) + ".", nil
			}
			if _, err := store.Remember(ctx, in.File, entry); err != nil {
				return "", explain(err)
			}
			return "Remembered in " + in.File + ".", nil
		},
	}
}

// explain keeps the errors that a different call would mend. What the bucket
// says about its own troubles is not for the model.
func explain(err error) error {
	for _, mendable := range []error{memory.ErrFile, memory.ErrReadOnly, memory.ErrInvalid, memory.ErrFull, memory.ErrNoMatch, memory.ErrAmbiguous, memory.ErrBusy} {
		if errors.Is(err, mendable) {
			return err
		}
	}
	return errors.New("the memory could not be written; try again")
}

package turn

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"instar/shared/bucket"
	"instar/shared/chat"
	"instar/shared/job"
	"instar/shared/memory"
	"instar/shared/session"
)

// soul shows the persona, or puts the owner's text in its place.
func (p *progress) soul(ctx context.Context) ending {
	say := func(text string) ending { return ending{state: session.Done, reply: text} }
	if !p.who.owner || p.held.Turn.Message.Kind != chat.Private {
		return say("Only the owner sees and writes SOUL.md, in a private chat with me.")
	}
	files := p.engine.files(p.who)
	data, etag, err := files.Read(ctx, memory.Soul)
	if err != nil && !errors.Is(err, bucket.ErrNotFound) {
		return ending{err: err}
	}
	if p.who.rest == "" {
		if len(data) == 0 {
			return say("There is no SOUL.md yet. /soul and then a text says who I am and how I talk.")
		}
		return say(fmt.Sprintf("SOUL.md:\n\n%s\n\n/soul and then a text replaces it; /memory history keeps what was there.", data))
	}
	_, err = files.Write(ctx, memory.Soul, etag, []byte(p.who.rest+"\n"))
	switch {
	case errors.Is(err, bucket.ErrPrecondition) && string(data) != p.who.rest+"\n":
		return say("SOUL.md was changed at the same time, so I left it as it is now. /soul shows it.")
	case errors.Is(err, memory.ErrFull), errors.Is(err, memory.ErrInvalid):
		return say("Not written: " + err.Error() + ".")
	case err != nil && !errors.Is(err, bucket.ErrPrecondition):
		return ending{err: err}
	}
	return say("SOUL.md is what you wrote. /memory history keeps what was there.")
}

// heartbeat shows HEARTBEAT.md, puts the owner's text in its place, or takes it
// away.
func (p *progress) heartbeat(ctx context.Context) ending {
	say := func(text string) ending { return ending{state: session.Done, reply: text} }
	if !p.who.owner || p.held.Turn.Message.Kind != chat.Private {
		return say("Only the owner sees and writes HEARTBEAT.md, in a private chat with me.")
	}
	text := p.who.rest
	switch {
	case text == "":
		there, err := job.HeartbeatFile(ctx, p.engine.Bucket, p.engine.Agent)
		if err != nil {
			return ending{err: err}
		}
		if there == "" {
			return say("There is no HEARTBEAT.md: I look after nothing by myself. For example:\n\n```\n/heartbeat\n---\nevery: 30m\nactive: 08:00-22:00\n---\nTell me when the build is red.\n```")
		}
		return say(fmt.Sprintf("HEARTBEAT.md:\n\n```\n%s\n```\n\n/heartbeat and then a text replaces it, /heartbeat off takes it away.", strings.TrimSpace(there)))
	case strings.EqualFold(text, "off"):
		text = ""
	}
	h, err := job.ParseHeartbeat(text)
	if err != nil {
		return say("Not written: " + err.Error() + ".")
	}
	if err := job.WriteHeartbeat(ctx, p.engine.Bucket, p.engine.Agent, text); err != nil {
		return ending{err: err}
	}
	if !h.On() {
		return say("The heartbeat is off.")
	}
	return say("The heartbeat is on, every " + span(h.Every) + ".")
}

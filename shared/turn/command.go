package turn

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"

	"instar/shared/approval"
	"instar/shared/bucket"
	"instar/shared/budget"
	"instar/shared/chat"
	"instar/shared/inbox"
	"instar/shared/job"
	"instar/shared/people"
	"instar/shared/session"
)

const help = `Commands:
/new - start over with an empty conversation (your memory files stay, and I can still look up what was said)
/new NAME - begin another conversation and go there
/sessions - your conversations
/switch NAME - go to another of them; /switch main goes back
/stop - end what I am doing now
/queue steer|collect|followup - what you write while I work: joins it, waits for one answer together, or gets an answer each
/jobs - what I do at which time; /jobs ID shows the last runs, /jobs cancel ID ends one (owner only)
/yes CODE, /no CODE, /always CODE - answer when I ask whether I may do something, instead of tapping (owner only)
/memory [WORDS] - what I remember and where it is from; /memory promote, edit, delete, history, restore
/soul [TEXT], /heartbeat [TEXT|off] - who I am, and what I look after by myself (owner only)
/grants - what you always allow me; /grants revoke ID takes one back (owner only)
/tasks - what runs in the sandbox; /stop ends it
/retry - try again what I could not answer
/status - model, session and today's cost
/model [NAME] - show or choose this conversation's model, e.g. /model openai/gpt-5.5; /model default goes back
/usage - what today has cost
/whoami - who I think you are
/approve CODE - let in a person who was given a pairing code (owner only)
/help - this list`

// command runs a slash command. Commands do not reach the model and are not
// part of the conversation it sees.
func (p *progress) command(ctx context.Context) ending {
	say := func(text string) ending { return ending{state: session.Done, reply: text} }
	switch p.who.command {
	case "help", "start":
		return say(help)
	case "new":
		if p.who.rest != "" {
			return p.begin(ctx, strings.TrimSpace(p.who.rest))
		}
		return ending{state: session.Done, reply: "Started over. What I was asked to remember is still there.", reset: true}
	case "sessions":
		return p.conversations(ctx)
	case "switch":
		return p.goTo(ctx, strings.TrimSpace(p.who.rest))
	case "queue":
		return p.chooseQueue()
	case "yes":
		return p.decide(ctx, approval.Yes)
	case "always":
		return p.decide(ctx, approval.Always)
	case "no":
		return p.decide(ctx, approval.No)
	case "soul":
		return p.soul(ctx)
	case "heartbeat":
		return p.heartbeat(ctx)
	case "tasks":
		return p.tasksCommand(ctx)
	case "memory":
		return p.memoryCommand(ctx)
	case "grants":
		return p.grants(ctx)
	case "jobs":
		return p.jobsCommand(ctx)
	case "retry":
		return p.retry(ctx)
	case "whoami":
		role := "a guest"
		if p.who.owner {
			role = "my owner"
		}
		return say(fmt.Sprintf("You are %s, %s. This conversation is session %s.", p.who.person, role, p.held.Turn.Session))
	case "model":
		return p.chooseModel()
	case "status":
		return say(p.status(ctx))
	case "usage":
		if !p.who.owner {
			return say("Only the owner is told what I cost.")
		}
		text, err := p.engine.usage(ctx)
		if err != nil {
			return ending{err: err}
		}
		return say(text)
	case "approve":
		return p.approve(ctx)
	}
	return say(fmt.Sprintf("There is no command /%s.\n\n%s", p.who.command, help))
}

func (p *progress) chooseQueue() ending {
	chosen := session.Mode(strings.ToLower(strings.TrimSpace(p.who.rest)))
	meaning := map[session.Mode]string{
		session.Steer:    "What you write while I work joins it between two steps, or else gets the next answer, together.",
		session.Collect:  "What you write while I work is answered together, after it.",
		session.Followup: "What you write while I work is answered one by one, after it.",
	}
	if chosen == "" {
		return ending{state: session.Done, reply: fmt.Sprintf("Queue mode: %s. %s", p.mode(), meaning[p.mode()])}
	}
	text, ok := meaning[chosen]
	if !ok {
		return ending{state: session.Done, reply: "Choose /queue steer, /queue collect or /queue followup."}
	}
	return ending{state: session.Done, reply: text, setQueue: &chosen}
}

func (p *progress) chooseModel() ending {
	configured := p.engine.Models().Models
	current := p.held.Head.Model
	if current == "" {
		current = configured[0]
	}
	name := strings.TrimSpace(p.who.rest)
	switch {
	case name == "":
		return ending{state: session.Done, reply: fmt.Sprintf("This conversation uses %s. Configured: %s.", current, strings.Join(configured, ", "))}
	case !p.who.owner:
		return ending{state: session.Done, reply: "Only the owner can change the model."}
	case name == "default":
		none := ""
		return ending{state: session.Done, reply: "This conversation uses the configured model again: " + configured[0] + ".", setModel: &none}
	}
	if _, err := p.engine.Models().Open(name); err != nil {
		return ending{state: session.Done, reply: "That model can't be used: " + err.Error()}
	}
	return ending{state: session.Done, reply: "This conversation uses " + name + " from now on.", setModel: &name}
}

func (p *progress) status(ctx context.Context) string {
	h := p.held.Head
	current := h.Model
	if current == "" {
		current = p.engine.Models().Models[0]
	}
	usage := ""
	if p.who.owner {
		text, err := p.engine.usage(ctx)
		if err != nil {
			text = "Today's cost could not be read."
		}
		usage = "\n" + text + p.engine.looksAfter(ctx)
	}
	return fmt.Sprintf("Instar %s\nModel: %s\nSession: %s, turn %d, %d turns in view\nTime zone: %s%s",
		p.engine.Version, current, p.held.Turn.Session, p.held.Turn.Seq, len(h.History), p.engine.Zone, usage)
}

// looksAfter says what runs, or does not, without anybody asking.
func (e *Engine) looksAfter(ctx context.Context) string {
	text := ""
	h, err := job.ReadHeartbeat(ctx, e.Bucket, e.Agent)
	switch {
	case err != nil:
		text = "\nHeartbeat: off, because of an error: " + err.Error()
	case h.On():
		text = fmt.Sprintf("\nHeartbeat: every %s, at most $%.2f a day", h.Every, h.Budget)
	}
	letters, err := inbox.Letters(ctx, e.Bucket, e.Agent)
	if err == nil && len(letters) > 0 {
		text += fmt.Sprintf("\nNot answered after many tries: %d (/retry)", len(letters))
	}
	return text
}

// usage tells what today has cost over all sessions.
func (e *Engine) usage(ctx context.Context) (string, error) {
	total, err := e.SpentToday(ctx)
	if err != nil {
		return "", err
	}
	limit := "no daily limit is set (BUDGET_DAILY_USD)"
	if e.Budget.Daily > 0 {
		limit = fmt.Sprintf("of $%.2f", e.Budget.Daily)
	}
	return fmt.Sprintf("Today: $%.4f, %s.", total, limit), nil
}

// SpentToday is what models have cost today in US dollars: of every session in
// the day's ledger, what its last turn has recorded. Three reads a session.
func (e *Engine) SpentToday(ctx context.Context) (float64, error) {
	return SpentToday(ctx, e.sessions(), e.Budget)
}

// SpentToday is Engine.SpentToday for callers without an engine.
func SpentToday(ctx context.Context, sessions *session.Store, ledger *budget.Ledger) (float64, error) {
	reported, err := ledger.Sessions(ctx)
	if err != nil {
		return 0, err
	}
	total := 0.0
	for id, spent := range reported {
		head, _, err := sessions.Head(ctx, id)
		if err != nil {
			return 0, err
		}
		grants := []budget.Grant{head.Grant}
		t, _, err := sessions.Turn(ctx, id, head.Turn.Seq)
		if err == nil && t.Grant != nil {
			grants = append(grants, *t.Grant)
		} else if err != nil && !errors.Is(err, bucket.ErrNotFound) {
			return 0, err
		}
		for _, g := range grants {
			if g.Day == ledger.Today() {
				spent = max(spent, g.Spent)
			}
		}
		total += spent
	}
	return total, nil
}

func (p *progress) approve(ctx context.Context) ending {
	say := func(text string) ending { return ending{state: session.Done, reply: text} }
	if !p.who.owner {
		return say("Only the owner can approve people.")
	}
	if p.held.Turn.Message.Kind != chat.Private {
		return say("Approve people in a private chat with me.")
	}
	if p.who.rest == "" {
		return say("Which code? /approve CODE")
	}
	text, err := p.engine.Approve(ctx, p.who.rest)
	if err != nil {
		return ending{err: err}
	}
	return say(text)
}

// Approve lets in the person with a pairing code and tells them. The text is
// for the owner; an error means that nobody knows whether it worked.
func (e *Engine) Approve(ctx context.Context, code string) (string, error) {
	person, err := e.Directory.Approve(ctx, code, e.Now())
	switch {
	case errors.Is(err, people.ErrCodeUnknown):
		return "That code is not known, or older than an hour. Ask the person to write to me again for a new one.", nil
	case errors.Is(err, people.ErrTooManyTries):
		return "There were too many wrong codes. Try again in an hour.", nil
	case err != nil:
		return "", err
	}
	name, id, _ := strings.Cut(person.ID, ":")
	if sender := e.Senders[name]; sender != nil {
		to := chat.Address{Channel: name, Chat: id}
		if _, err := sender.Send(ctx, to, "You have been let in. What can I do for you?", ""); err != nil {
			slog.Warn("approved person not told", "channel", name, "error", err.Error())
		}
	}
	return fmt.Sprintf("%s (%s) can talk to me now.", oneLine(person.Name, 64), person.ID), nil
}

func (e *Engine) pairingText(code string) string {
	return fmt.Sprintf("I am a personal assistant and only talk to people my owner knows. If that is you, give my owner this code within an hour:\n\n`%s`\n\nThey let you in with /approve %s.", code, code)
}

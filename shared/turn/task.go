package turn

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"instar/shared/bucket"
	"instar/shared/chat"
	"instar/shared/inbox"
	"instar/shared/label"
	"instar/shared/sandbox"
	"instar/shared/sandbox/client"
	"instar/shared/session"
	"instar/shared/task"
	"instar/shared/tool"
	"instar/shared/web"
)

// Sandbox is the computer that tasks run on. The zero value has none.
type Sandbox struct {
	// Open returns a client of a session's container; nil: there is no sandbox.
	Open func(ctx context.Context, session string) (*client.Client, error)
	// Key makes the tokens with which the daemon reports; Report is where to, or
	// "" when it does not.
	Key    func(ctx context.Context) ([]byte, error)
	Report string
	// Network: commands can reach hosts that the owner has opened.
	Network bool
	// Longest is how long a command may take; 0 is sandbox.MaxTime.
	Longest time.Duration
	// Forgets: a container goes away without a word, so what is done in it is saved
	// at once.
	Forgets bool
}

func (e *Engine) tasks() *task.Store { return &task.Store{Bucket: e.Bucket, Agent: e.Agent} }

// sandboxTools are the tools of the sandbox and the browser, as far as there are.
func (p *progress) sandboxTools() (list []tool.Tool) {
	browser := tool.Browser{Renderer: p.engine.Renderer, Check: web.CheckURL, Now: p.engine.Now}
	if s := p.sandbox(); s != nil {
		list = s.Tools()
		if s.Network { // else there is no page to be seen
			browser.Sandbox = s
		}
	}
	if browser.Sandbox != nil || browser.Renderer != nil {
		list = append(list, browser.Tool())
	}
	return list
}

func (p *progress) sandbox() *tool.Sandbox {
	e, m := p.engine, p.held.Turn.Message
	if e.Sandbox.Open == nil {
		return nil
	}
	var keep func(ctx context.Context) error
	if e.Sandbox.Forgets {
		keep = func(ctx context.Context) error { return e.SaveWorkspace(ctx, p.who.session) }
	}
	return &tool.Sandbox{
		Network: e.Sandbox.Network, Longest: e.Sandbox.Longest, Keep: keep,
		Label: &workspaceLabel{e: e, session: p.who.session},
		Open: func(ctx context.Context) (*client.Client, error) {
			c, err := e.Sandbox.Open(ctx, p.who.session)
			if err == nil {
				err = e.workspace(p.who.session).Prepare(ctx, c)
			}
			return c, err
		},
		Callback: func(ctx context.Context, id string) (*sandbox.Callback, error) {
			if e.Sandbox.Report == "" {
				return nil, nil
			}
			key, err := e.Sandbox.Key(ctx)
			if err != nil {
				return nil, err
			}
			return &sandbox.Callback{URL: e.Sandbox.Report, Token: task.Token(key, id)}, nil
		},
		Leave: func(ctx context.Context, c tool.Call, id, command string) error {
			err := e.tasks().Create(ctx, task.Task{
				ID: id, Session: p.who.session, Turn: p.held.Turn.Seq, Title: e.Guard.Redact(task.Title(command)),
				To: m.Address, Sender: m.Sender, Label: c.Label.Mark(), Started: e.Now(), Next: e.Now().Add(lookIn(0)),
			})
			if err != nil {
				return err
			}
			return inbox.Send(ctx, e.Queue, inbox.Wake{Task: id}, lookIn(0))
		},
		Attachment: func(ctx context.Context, n int, limit int64) ([]byte, error) {
			sender := e.Senders[m.Channel]
			if sender == nil || n < 1 || n > len(m.Attachments) {
				return nil, fmt.Errorf("the message has %d attachments", len(m.Attachments))
			}
			data, _, err := sender.Fetch(ctx, m.Attachments[n-1], limit)
			return data, err
		},
	}
}

// workspace is where a session's workspace is kept while its container sleeps.
func (e *Engine) workspace(id string) *client.Workspace {
	return &client.Workspace{Bucket: e.Bucket, Prefix: e.Agent + "/sandbox/" + id + "/"}
}

// SaveWorkspace keeps a session's workspace, because its container is about to
// sleep.
func (e *Engine) SaveWorkspace(ctx context.Context, id string) error {
	if e.Sandbox.Open == nil {
		return client.ErrOff
	}
	c, err := e.Sandbox.Open(ctx, id)
	if err != nil {
		return err
	}
	c.Quiet = true
	return e.workspace(id).Save(ctx, c)
}

// workspaceLabel is the label of what is in a session's workspace: the join of
// everything that was ever brought in, since files of a container say nothing of
// where they are from.
type workspaceLabel struct {
	e       *Engine
	session string
}

func (w *workspaceLabel) key() string { return w.e.Agent + "/sandbox/" + w.session + "/label" }

// Join joins a label and returns what it is then.
func (w *workspaceLabel) Join(ctx context.Context, l label.Label) (label.Label, error) {
	was := label.New(label.Owner, label.Private, nil, nil)
	for range 8 {
		o, err := w.e.Bucket.Get(ctx, w.key())
		missing := errors.Is(err, bucket.ErrNotFound)
		if err != nil && !missing {
			return label.Worst(), err
		}
		if !missing {
			was = label.ParseMark(string(o.Data))
		}
		is := label.Join(was, label.New(l.Integrity, max(l.Confidentiality, label.Private), nil, nil))
		if is.Mark() == was.Mark() {
			return is, nil
		}
		if missing {
			_, err = w.e.Bucket.PutIfAbsent(ctx, w.key(), []byte(is.Mark()))
		} else {
			_, err = w.e.Bucket.PutIfMatch(ctx, w.key(), o.ETag, []byte(is.Mark()))
		}
		if !errors.Is(err, bucket.ErrPrecondition) {
			return is, err
		}
	}
	return label.Worst(), errors.New("the workspace is changed by too many at once")
}

// lookIn is after how long a task is looked at for the n'th time.
func lookIn(n int) time.Duration {
	waits := [...]time.Duration{5 * time.Second, 10 * time.Second, 20 * time.Second, 30 * time.Second, time.Minute}
	return waits[min(n, len(waits)-1)]
}

// maxLost is how many looks in a row may find no container.
const maxLost = 10

// Look looks how a task goes: shows it, goes on with its result when it has
// ended, else has it looked at again. Of two that look at once one goes on.
func (e *Engine) Look(ctx context.Context, id string, look int) error {
	t, err := e.tasks().Get(ctx, id)
	if errors.Is(err, task.ErrNotFound) || err == nil && t.Looks != look {
		return nil
	}
	if err != nil {
		return err
	}
	if e.Sandbox.Open == nil {
		return e.ended(ctx, t, sandbox.Job{State: sandbox.Ended, Why: sandbox.WhyShutdown})
	}
	c, err := e.Sandbox.Open(ctx, t.Session)
	if err != nil {
		return err
	}
	c.Quiet = true // a container with a running job stays awake by itself
	j, err := c.Job(ctx, t.ID, 0)
	var refused *client.Error
	switch {
	case errors.Is(err, client.ErrAsleep), errors.Is(err, client.ErrOff):
		return e.ended(ctx, t, sandbox.Job{State: sandbox.Ended, Why: sandbox.WhyShutdown})
	case errors.As(err, &refused) && refused.Status == http.StatusNotFound:
		return e.ended(ctx, t, sandbox.Job{State: sandbox.Ended, Why: sandbox.WhyShutdown})
	case err != nil && !errors.Is(err, client.ErrBusy) && t.Lost+1 >= maxLost:
		return e.ended(ctx, t, sandbox.Job{State: sandbox.Ended, Why: sandbox.WhyShutdown})
	case err == nil && j.State == sandbox.Ended:
		return e.ended(ctx, t, j)
	}
	busy := errors.Is(err, client.ErrBusy) // with this task, or until it can be asked for
	if busy {
		err = nil
	}
	shown := t.Shown
	switch {
	case busy && t.Stop:
		shown = e.showTask(ctx, t, fmt.Sprintf("⏹ %s: it cannot be ended here before it ends by itself, but nothing comes of it.", quoted(t.Title)))
	case err == nil:
		shown = e.showTask(ctx, t, strings.TrimSpace(fmt.Sprintf("⏳ %s: %s so far. %s", quoted(t.Title), span(e.Now().Sub(t.Started).Round(time.Second)), lastLine(j))))
	default:
		slog.Warn("task not looked at", "task", id, "error", err.Error())
	}
	lost := t.Lost + 1
	if err == nil {
		lost = 0
	}
	won := false
	if _, err := e.tasks().Update(ctx, id, func(t *task.Task) {
		if won = t.Looks == look; won {
			t.Looks, t.Shown, t.Lost, t.Next = look+1, shown, lost, e.Now().Add(lookIn(look+1))
		}
	}); err != nil || !won {
		if errors.Is(err, task.ErrNotFound) {
			return nil
		}
		return err
	}
	return inbox.Send(ctx, e.Queue, inbox.Wake{Task: id, Look: look + 1}, lookIn(look+1))
}

// ended puts a task's result into the inbox, once, and forgets the task.
func (e *Engine) ended(ctx context.Context, t *task.Task, j sandbox.Job) error {
	verb := "✓"
	if j.Why != sandbox.WhyExit || j.ExitCode == nil || *j.ExitCode != 0 {
		verb = "✗"
	}
	if t.Stop {
		verb = "⏹"
	} else if err := e.accept(ctx, t.Message(session.Name(t.Session), j, e.Now()), 0); err != nil {
		return err
	}
	if j.Why != sandbox.WhyShutdown { // a long task's work is worth keeping at once
		if err := e.SaveWorkspace(ctx, t.Session); err != nil {
			slog.Warn("workspace not saved", "session", t.Session, "error", err.Error())
		}
	}
	if t.Shown != "" || t.Stop {
		e.showTask(ctx, t, fmt.Sprintf("%s %s: ended after %s.", verb, quoted(t.Title), span(e.Now().Sub(t.Started).Round(time.Second))))
	}
	return e.tasks().End(ctx, t.ID)
}

// showTask sends or edits the one message that tells how a task goes, and
// returns its id. It is only shown: a failure is no more than logged.
func (e *Engine) showTask(ctx context.Context, t *task.Task, text string) string {
	sender := e.Senders[t.To.Channel]
	if sender == nil {
		return ""
	}
	text = e.Guard.Redact(text)
	if t.Shown == "" {
		id, err := sender.Send(ctx, t.To, text, "")
		if err != nil {
			slog.Warn("progress not shown", "channel", t.To.Channel, "error", err.Error())
		}
		return id
	}
	if err := sender.Edit(ctx, t.To, t.Shown, text); err != nil {
		slog.Warn("progress not shown", "channel", t.To.Channel, "error", err.Error())
	}
	return t.Shown
}

func lastLine(j sandbox.Job) string {
	lines := strings.Split(strings.TrimSpace(j.Head+j.Tail), "\n")
	if last := oneLine(lines[len(lines)-1], maxQuoted); last != "" {
		return quoted(last)
	}
	return ""
}

// stopTasks ends the tasks of a session and returns how many there were.
func (e *Engine) stopTasks(ctx context.Context, id string) (n int, err error) {
	if e.Sandbox.Open == nil {
		return 0, nil
	}
	list, err := e.tasks().List(ctx)
	if err != nil {
		return 0, err
	}
	for _, t := range list {
		if t.Session != id {
			continue
		}
		if _, err := e.tasks().Update(ctx, t.ID, func(t *task.Task) { t.Stop = true }); errors.Is(err, task.ErrNotFound) {
			continue
		} else if err != nil {
			return n, err
		}
		n++
		c, err := e.Sandbox.Open(ctx, t.Session)
		if err == nil {
			err = c.Stop(ctx, t.ID)
		}
		if err != nil {
			slog.Warn("task not ended", "task", t.ID, "error", err.Error())
		}
		if err := inbox.Send(ctx, e.Queue, inbox.Wake{Task: t.ID, Look: t.Looks}, 2*time.Second); err != nil {
			return n, err
		}
	}
	return n, nil
}

// tasksCommand lists what runs in the sandbox.
func (p *progress) tasksCommand(ctx context.Context) ending {
	say := func(text string) ending { return ending{state: session.Done, reply: text} }
	if !p.who.owner || p.held.Turn.Message.Kind != chat.Private {
		return say("Only the owner has tasks, in a private chat with me.")
	}
	if p.engine.Sandbox.Open == nil {
		return say("There is no sandbox here, so there are no tasks.")
	}
	list, err := p.engine.tasks().List(ctx)
	if err != nil {
		return ending{err: err}
	}
	if len(list) == 0 {
		return say("Nothing is running.")
	}
	var b strings.Builder
	for _, t := range list {
		fmt.Fprintf(&b, "- %s, for %s, in the conversation %s\n", quoted(t.Title), span(p.engine.Now().Sub(t.Started).Round(time.Second)), session.Name(t.Session))
	}
	return say(b.String() + "\n/stop ends those of this conversation.")
}

// Package delivery brings a reply to a chat platform: a placeholder that is
// edited while the model writes, and in the end the finished text, once.
//
// The placeholder is what makes a reply arrive exactly once: its platform id is
// recorded before anything of the answer is shown, and from then on bringing
// the answer there is an edit, which can be repeated. What a crash between
// sending and recording leaves is an empty placeholder, never a second answer.
// Each further part of an answer too long for one message has a placeholder of
// its own. Where a message cannot be edited its text is sent whole, and then a
// crash between sending and recording doubles it: a doubled message is better
// than a missing one.
package delivery

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"instar/shared/channel"
	"instar/shared/chat"
	"instar/shared/session"
)

const (
	// Placeholder is what stands where the answer will.
	Placeholder = "…"
	// cursor ends an unfinished text.
	cursor = " …"
	// pace is the shortest time between two edits of one message.
	pace = time.Second
	// typing is how often the typing indicator is renewed (Telegram shows it for 5 s).
	typing = 4 * time.Second
	// patience is how long an edit on the way is waited for.
	patience = 5 * time.Second
)

// Writer shows a reply while it is written. Start it once; Text and Reset may
// be called from the goroutine that reads the model's stream and do not wait
// for the platform.
type Writer struct {
	Sender channel.Sender
	To     chat.Address
	// ReplyTo is the message to quote, or "".
	ReplyTo string
	// Record keeps the placeholder's id durably before the message is edited.
	Record func(ctx context.Context, id string) error

	mu     sync.Mutex
	text   strings.Builder
	wake   chan struct{}
	cancel context.CancelFunc
	ended  sync.WaitGroup
	id     string
	err    error
}

// Start begins to show that an answer is coming. placeholder is the id of one
// that an earlier holder of the turn has sent, or "".
func (w *Writer) Start(ctx context.Context, placeholder string) {
	w.id = placeholder
	w.wake = make(chan struct{}, 1)
	ctx, w.cancel = context.WithCancel(ctx)
	w.ended.Go(func() { w.type_(ctx) })
	w.ended.Go(func() { w.paint(ctx) })
}

// Text adds to the shown text.
func (w *Writer) Text(delta string) {
	w.mu.Lock()
	w.text.WriteString(delta)
	w.mu.Unlock()
	w.Nudge()
}

// Reset throws the shown text away: another model begins anew.
func (w *Writer) Reset() {
	w.mu.Lock()
	w.text.Reset()
	w.mu.Unlock()
	w.Nudge()
}

// Nudge has the placeholder sent although there is no text yet, because a tool
// is about to take its time.
func (w *Writer) Nudge() {
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// Stop ends the showing and returns the placeholder's id, sending one now if
// none was. An error says that the platform could not be reached or, wrapped
// as Record gave it, that the turn is not ours any more.
func (w *Writer) Stop(ctx context.Context) (string, error) {
	w.cancel()
	w.ended.Wait()
	if w.id == "" && w.err == nil {
		w.open(ctx)
	}
	return w.id, w.err
}

func (w *Writer) type_(ctx context.Context) {
	ticker := time.NewTicker(typing)
	defer ticker.Stop()
	for ctx.Err() == nil {
		if err := w.Sender.Typing(ctx, w.To); err != nil && ctx.Err() == nil {
			slog.Warn("typing indicator failed", "channel", w.To.Channel, "error", err.Error())
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// open sends the placeholder and has its id recorded. It must not be cut off
// between the two by the end of the showing, so it runs to its own end.
func (w *Writer) open(ctx context.Context) {
	ctx = context.WithoutCancel(ctx)
	id, err := w.Sender.Send(ctx, w.To, Placeholder, w.ReplyTo)
	if err == nil {
		if err = w.Record(ctx, id); err == nil {
			w.id = id
		}
	}
	w.err = err
}

func (w *Writer) paint(ctx context.Context) {
	shown := ""
	for {
		select {
		case <-ctx.Done():
			return
		case <-w.wake:
		}
		if w.id == "" {
			w.open(ctx)
			if w.err != nil {
				return
			}
		}
		text := w.preview()
		if text == "" || text == shown || ctx.Err() != nil {
			continue
		}
		w.edit(ctx, text)
		shown = text
		if !sleep(ctx, pace) {
			return
		}
	}
}

// edit shows an unfinished text. It is not cut off by the end of the showing:
// an edit that was sent and not waited for could arrive after the final one.
func (w *Writer) edit(ctx context.Context, text string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
	defer cancel()
	if err := w.Sender.Edit(ctx, w.To, w.id, text); err != nil {
		slog.Warn("streaming edit failed", "channel", w.To.Channel, "error", err.Error())
	}
}

// preview is the first message's worth of the text so far.
func (w *Writer) preview() string {
	w.mu.Lock()
	text := strings.TrimSpace(w.text.String())
	w.mu.Unlock()
	if text == "" {
		return ""
	}
	return w.Sender.Split(text + cursor)[0]
}

func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

// Reply is what Deliver brings to a platform.
type Reply struct {
	Sender channel.Sender
	To     chat.Address
	Quote  string // the message to quote, or ""
	Parts  []session.Part
	// Again: it was delivered before, perhaps in part. Then a message that
	// cannot be edited was deleted by somebody and stays so, whereas the first
	// time its text is sent anew.
	Again bool
	// Whole: what is sent is sent with its text, so that it is the text that a
	// telephone shows when it rings; the caller deals with the doubt.
	Whole bool
	// Record keeps the id of the message that holds part i durably.
	Record func(ctx context.Context, i int, id string) error
	// Load reads a file that is a part.
	Load func(ctx context.Context, f session.File) ([]byte, error)
}

// Deliver brings the parts to the platform: those with an id by editing, the
// others by sending, each recorded at once. Called again after a failure it
// goes on where it was.
func Deliver(ctx context.Context, r Reply) error {
	for i, part := range r.Parts {
		if err := r.part(ctx, i, part); err != nil {
			return err
		}
	}
	return nil
}

func (r *Reply) part(ctx context.Context, i int, part session.Part) error {
	switch {
	case part.Card != "":
		return r.card(ctx, i, part)
	case part.File != nil:
		return r.file(ctx, i, part)
	}
	if part.ID != "" {
		err := r.Sender.Edit(ctx, r.To, part.ID, part.Text)
		if err == nil || fixed(err) && r.Again {
			return nil
		}
		if !fixed(err) {
			return err
		}
		r.Whole = true // one cannot rely on edits here
	} else if !r.Whole {
		id, err := r.send(ctx, i, Placeholder)
		if err != nil {
			return err
		}
		if err := r.Sender.Edit(ctx, r.To, id, part.Text); err == nil || !fixed(err) {
			return err
		}
		r.Whole = true
	}
	_, err := r.send(ctx, i, part.Text)
	return err
}

// card sends a question. One that is there is left alone, since it shows by now
// what was answered; one whose sending a crash hides is sent again, and either
// of the two can be answered.
func (r *Reply) card(ctx context.Context, i int, part session.Part) error {
	if part.ID != "" {
		return nil
	}
	id, err := r.Sender.SendCard(ctx, r.To, channel.Card{Text: part.Text, Buttons: part.Buttons})
	if err != nil {
		return err
	}
	return r.Record(ctx, i, id)
}

// file sends a file. One whose sending a crash hides is sent again: seen twice is
// better than not at all. Of one that the platform will never take the person is
// told, so that the rest arrives.
func (r *Reply) file(ctx context.Context, i int, part session.Part) error {
	if part.ID != "" {
		return nil
	}
	data, err := r.Load(ctx, *part.File)
	if err != nil {
		return err
	}
	id, err := r.Sender.SendFile(ctx, r.To, channel.File{Name: part.File.Name, MediaType: part.File.MediaType, Data: data})
	if err != nil && Hopeless(err) {
		slog.Error("file refused by the platform", "channel", r.To.Channel, "error", err.Error())
		id, err = r.Sender.Send(ctx, r.To, fmt.Sprintf("(A file, %q, could not be sent here: %v)", part.File.Name, err), "")
	}
	if err != nil {
		return err
	}
	return r.Record(ctx, i, id)
}

func (r *Reply) send(ctx context.Context, i int, text string) (id string, err error) {
	if id, err = r.Sender.Send(ctx, r.To, text, r.Quote); err != nil {
		return "", err
	}
	return id, r.Record(ctx, i, id)
}

// fixed reports that the message does not exist any more or cannot be edited
// any more, though others may be sent.
func fixed(err error) bool {
	var api *channel.APIError
	if !errors.As(err, &api) {
		return false
	}
	reason := strings.ToLower(api.Reason)
	return slices.ContainsFunc([]string{
		"message to edit not found", "message_id_invalid", "message can't be edited", // Telegram
		"message_not_found", "cant_update_message", "edit_window_closed", // Slack
	}, func(one string) bool { return strings.Contains(reason, one) })
}

// Hopeless reports that the platform refuses for good (the bot was blocked, the
// chat is gone, the token is wrong), so that trying again is of no use.
func Hopeless(err error) bool {
	var api *channel.APIError
	if !errors.As(err, &api) {
		return false
	}
	switch api.Status {
	case 0, http.StatusRequestTimeout, http.StatusTooManyRequests:
		return false
	}
	switch api.Reason {
	case "ratelimited", "rate_limited", "internal_error", "fatal_error", "service_unavailable", "request_timeout", "team_added_to_org":
		return false // Slack says these with 200
	case "no error code", "no description":
		return api.Status/100 == 4 // an answer with 2xx that is not the platform's
	}
	return api.Status < 500
}

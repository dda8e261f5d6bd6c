package turn

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"instar/shared/bucket"
	"instar/shared/chat"
	"instar/shared/delivery"
	"instar/shared/queue"
	"instar/shared/session"
)

// stopSlack is how much later than the /stop was said a turn may have begun
// and still be the one that was meant: platforms give whole seconds, and
// clocks differ. A later turn is not ended by a /stop that was delivered late.
const stopSlack = 3 * time.Second

// stopRecord says how far a /stop is. It has an object of its own, because it
// is no turn: the session is busy.
type stopRecord struct {
	V     int       `json:"v"`              // 1
	Until time.Time `json:"until,omitzero"` // whoever carries it out has until then
	Done  bool      `json:"done,omitempty"` // and answered
}

// stop ends the session's running turn at once and answers once, however often
// it is delivered. Only a crash between the answer and its record has the
// answer sent again.
func (e *Engine) stop(ctx context.Context, m *chat.Message, w *who, d Delivery) (*session.Turn, error) {
	record := strings.Replace(d.Key, "/inbox/", "/stops/", 1)
	etag, err := e.claimStop(ctx, record, d.Again)
	if errors.Is(err, session.ErrTaken) && d.Again {
		e.forget(ctx, d.Key)
	}
	if err != nil {
		return nil, err
	}
	if w.session, err = e.sessions().Where(ctx, w.session, m); err != nil {
		return nil, err
	}
	running, err := e.sessions().RequestStop(ctx, w.session, m.Time.Add(stopSlack))
	if err != nil {
		return nil, err
	}
	ended, err := e.stopTasks(ctx, w.session)
	if err != nil {
		return nil, err
	}
	text := "Nothing is running."
	if running || ended > 0 {
		text = "Stopping."
	}
	if sender := e.Senders[m.Channel]; sender != nil {
		if _, err := sender.Send(ctx, m.Address, text, quote(m)); err != nil && !delivery.Hopeless(err) {
			return nil, fmt.Errorf("answer stop: %w", err)
		}
	}
	if _, err := e.Bucket.PutIfMatch(ctx, record, etag, []byte(`{"v":1,"done":true}`)); err != nil {
		slog.Warn("stop not recorded as answered", "error", err.Error())
	}
	e.forget(ctx, d.Key)
	return &session.Turn{Session: w.session, State: session.Done, Message: m, Reply: text}, nil
}

// claimStop makes this delivery the one that carries a /stop out. The error is
// session.ErrTaken when another one has, or does.
func (e *Engine) claimStop(ctx context.Context, record string, redelivery bool) (etag string, err error) {
	data, err := json.Marshal(stopRecord{V: 1, Until: e.Now().Add(session.Lease)})
	if err != nil {
		return "", err
	}
	etag, err = e.Bucket.PutIfAbsent(ctx, record, data)
	switch {
	case err == nil:
		return etag, nil
	case !errors.Is(err, bucket.ErrPrecondition):
		return "", fmt.Errorf("record stop: %w", err)
	case !redelivery:
		return "", session.ErrTaken
	}
	o, err := e.Bucket.Get(ctx, record)
	if err != nil {
		return "", fmt.Errorf("read stop: %w", err)
	}
	var r stopRecord
	if err := json.Unmarshal(o.Data, &r); err != nil || r.V != 1 || r.Done {
		return "", session.ErrTaken
	}
	if left := r.Until.Sub(e.Now()); left > 0 {
		return "", &queue.Retry{After: left, Err: errors.New("another worker carries the stop out")}
	}
	etag, err = e.Bucket.PutIfMatch(ctx, record, o.ETag, data)
	if errors.Is(err, bucket.ErrPrecondition) {
		return "", session.ErrTaken
	}
	return etag, err
}

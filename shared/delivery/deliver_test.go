package delivery_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"testing"

	"instar/shared/chat"
	"instar/shared/delivery"
	"instar/shared/session"
)

// reply is a reply of three parts whose placeholder has been sent.
type reply struct {
	*platform
	parts []session.Part
	whole bool
}

func newReply(t *testing.T) *reply {
	p := newPlatform(t)
	p.order, p.shows["m1"] = []string{"m1"}, delivery.Placeholder
	return &reply{platform: p, parts: []session.Part{{ID: "m1", Text: "one"}, {Text: "two"}, {Text: "three"}}}
}

func (r *reply) deliver(again bool) error {
	return delivery.Deliver(context.Background(), delivery.Reply{
		Sender: r.platform, To: to, Quote: "7", Parts: slices.Clone(r.parts), Again: again, Whole: r.whole,
		Record: func(ctx context.Context, i int, id string) error {
			if err := r.fail("record", false); err != nil {
				return err
			}
			r.parts[i].ID = id
			return r.record(ctx, id)
		},
	})
}

func TestAReplyIsDeliveredInOrderAndEachPartRecordedAtOnce(t *testing.T) {
	r := newReply(t)
	if err := r.deliver(false); err != nil {
		t.Fatal(err)
	}
	if got := r.names(); !slices.Equal(got, []string{"edit", "send", "record", "edit", "send", "record", "edit"}) {
		t.Errorf("calls: %q", got)
	}
	want := []session.Part{{ID: "m1", Text: "one"}, {ID: "m2", Text: "two"}, {ID: "m3", Text: "three"}}
	if got := r.chat(); !slices.Equal(got, []string{"one", "two", "three"}) || !reflect.DeepEqual(r.parts, want) {
		t.Errorf("the chat shows %q, recorded are %+v", got, r.parts)
	}
	for _, e := range r.calls("send") {
		if e.replyTo != "7" {
			t.Errorf("sent: %+v", e)
		}
	}
	// Delivered again it is the same.
	for range 3 {
		if err := r.deliver(true); err != nil {
			t.Fatal(err)
		}
	}
	if got := r.chat(); !slices.Equal(got, []string{"one", "two", "three"}) || len(r.calls("send")) != 2 {
		t.Errorf("delivered again the chat shows %q", got)
	}
}

// Every call fails once, before or after it had its effect; then the reply is
// delivered again. What was sent and not recorded is there once more: an empty
// placeholder, or the text where it is sent whole.
func TestADeliveryThatFailedGoesOnWhereItWas(t *testing.T) {
	t.Run("by placeholders", func(t *testing.T) { failEachCall(t, 7, false) })
	t.Run("whole", func(t *testing.T) { failEachCall(t, 5, true) })
}

func failEachCall(t *testing.T, calls int, whole bool) {
	for at := range calls {
		for _, lost := range []bool{false, true} {
			r := newReply(t)
			r.whole = whole
			n, failed := 0, ""
			r.fail = func(what string, after bool) error {
				if after == lost {
					if n++; n == at+1 {
						failed = what
						return errInjected
					}
				}
				return nil
			}
			if err := r.deliver(false); !errors.Is(err, errInjected) {
				t.Fatalf("call %d: %v", at+1, err)
			}
			r.fail = func(string, bool) error { return nil }
			if err := r.deliver(true); err != nil {
				t.Fatalf("call %d, %s, then: %v", at+1, failed, err)
			}
			if err := r.deliver(true); err != nil {
				t.Fatal(err)
			}
			got, doubled := r.chat(), 0
			if failed == "send" && lost || failed == "record" && !lost {
				doubled = 1
			}
			if !whole {
				if strays := len(got); strays == 3+doubled {
					doubled = 0
				}
				got = slices.DeleteFunc(got, func(s string) bool { return s == delivery.Placeholder })
			}
			if len(got) != 3+doubled || !slices.Equal(slices.Compact(got), []string{"one", "two", "three"}) {
				t.Errorf("call %d, %s, lost %v: the chat shows %q", at+1, failed, lost, r.chat())
			}
		}
	}
}

func TestAMessageThatIsGone(t *testing.T) {
	t.Run("the first time the answer is sent anew", func(t *testing.T) {
		r := newReply(t)
		r.remove("m1")
		if err := r.deliver(false); err != nil {
			t.Fatal(err)
		}
		if got := r.chat(); !slices.Equal(got, []string{"one", "two", "three"}) || r.parts[0].ID == "m1" {
			t.Errorf("the chat shows %q, recorded are %+v", got, r.parts)
		}
	})
	t.Run("later it was deleted by somebody and stays so", func(t *testing.T) {
		for _, id := range []string{"m1", "m2"} {
			r := newReply(t)
			if err := r.deliver(false); err != nil {
				t.Fatal(err)
			}
			r.remove(id)
			if err := r.deliver(true); err != nil {
				t.Fatal(err)
			}
			if got := r.chat(); len(got) != 2 {
				t.Errorf("the chat shows %q", got)
			}
		}
	})
	// A person who sees only the placeholder has no answer, whatever the reason.
	for _, reason := range []string{
		"Bad Request: message to edit not found", "Bad Request: MESSAGE_ID_INVALID", "Bad Request: message can't be edited",
		"message_not_found", "cant_update_message", "edit_window_closed",
	} {
		r := newReply(t)
		r.fail = func(what string, _ bool) error {
			if what == "edit" {
				return refusal(400, reason)
			}
			return nil
		}
		if err := r.deliver(false); err != nil || len(r.calls("send")) != 3 {
			t.Errorf("%s: %v", reason, err)
		}
		if err := r.deliver(true); err != nil || len(r.calls("send")) != 3 {
			t.Errorf("%s, delivered again: %v, %d sent", reason, err, len(r.calls("send")))
		}
	}
}

func TestAnEditThatIsRefusedForAnotherReasonIsAnError(t *testing.T) {
	for _, again := range []bool{false, true} {
		for _, cause := range []error{
			refusal(403, "Forbidden: bot was blocked by the user"), refusal(429, "Too Many Requests"), refusal(400, "Bad Request: chat not found"),
			refusal(200, "channel_not_found"), errInjected, context.DeadlineExceeded,
		} {
			r := newReply(t)
			r.fail = func(what string, _ bool) error {
				if what == "edit" {
					return cause
				}
				return nil
			}
			if err := r.deliver(again); !errors.Is(err, cause) || len(r.calls()) != 1 {
				t.Errorf("%v: %v", cause, err)
			}
		}
	}
}

func TestATurnThatIsNotOursAnyMoreSendsNothingMore(t *testing.T) {
	r := newReply(t)
	r.fail = func(what string, _ bool) error {
		if what == "record" {
			return fmt.Errorf("save turn: %w", session.ErrLost)
		}
		return nil
	}
	if err := r.deliver(false); !errors.Is(err, session.ErrLost) || delivery.Hopeless(err) {
		t.Error(err)
	}
	if got := r.chat(); !slices.Equal(got, []string{"one", "…"}) {
		t.Errorf("the chat shows %q", got)
	}
}

// The reasons are those in Telegram's and Slack's published descriptions.
func TestWhatIsHopeless(t *testing.T) {
	for _, c := range []struct {
		err  error
		want bool
	}{
		{nil, false},
		{errInjected, false},
		{context.Canceled, false},
		{session.ErrLost, false},
		{refusal(0, "connection failed"), false},
		{refusal(400, "Bad Request: chat not found"), true},
		{refusal(400, "Bad Request: message can't be edited"), true},
		{refusal(401, "Unauthorized"), true},
		{refusal(403, "Forbidden: bot was blocked by the user"), true},
		{refusal(404, "Not Found"), true},
		{refusal(408, "Request Timeout"), false},
		{refusal(429, "Too Many Requests: retry after 5"), false},
		{refusal(500, "Internal Server Error"), false},
		{refusal(502, "Bad Gateway"), false},
		{refusal(200, "ratelimited"), false},
		{refusal(429, "ratelimited"), false},
		{refusal(200, "rate_limited"), false},
		{refusal(200, "internal_error"), false},
		{refusal(200, "fatal_error"), false},
		{refusal(200, "service_unavailable"), false},
		{refusal(200, "request_timeout"), false},
		{refusal(200, "team_added_to_org"), false},
		{refusal(200, "no error code"), false}, // not the platform's own words
		{refusal(203, "no description"), false},
		{refusal(403, "no description"), true},
		{refusal(200, "channel_not_found"), true},
		{refusal(200, "not_in_channel"), true},
		{refusal(200, "is_archived"), true},
		{refusal(200, "invalid_auth"), true},
		{refusal(200, "account_inactive"), true},
		{refusal(200, "token_revoked"), true},
		{refusal(200, "cant_update_message"), true},
		{refusal(200, "msg_too_long"), true},
	} {
		if got := delivery.Hopeless(c.err); got != c.want {
			t.Errorf("Hopeless(%v) = %v", c.err, got)
		}
		if c.err != nil && delivery.Hopeless(errors.Join(c.err, errInjected)) != c.want {
			t.Errorf("%v is judged otherwise when it is wrapped", c.err)
		}
	}
}

// A question is sent with its buttons after the reply, and not touched again:
// by then it may show what was answered.
func TestAQuestionIsSentOnceAndLeftAlone(t *testing.T) {
	r := newReply(t)
	r.parts = []session.Part{{ID: "m1", Text: "one"}, {Card: "q1", Text: "May I?", Buttons: [][]chat.Button{{{Label: "Yes", Data: "/yes q1"}}}}}
	if err := r.deliver(false); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if err := r.deliver(true); err != nil {
			t.Fatal(err)
		}
	}
	if got := r.chat(); !slices.Equal(got, []string{"one", "May I?"}) {
		t.Errorf("the chat shows %q", got)
	}
	cards := r.calls("card")
	if len(cards) != 1 || cards[0].text != "/yes q1" || r.parts[1].ID != "m2" {
		t.Errorf("sent %+v, recorded %+v", cards, r.parts)
	}
	for _, e := range r.calls("edit") {
		if e.id != "m1" {
			t.Errorf("edited: %+v", e)
		}
	}
}

func TestAQuestionWhoseSendingIsInDoubtIsSentAgain(t *testing.T) {
	r := newReply(t)
	r.parts = []session.Part{{Card: "q1", Text: "May I?", Buttons: [][]chat.Button{{{Label: "Yes", Data: "/yes q1"}}}}}
	r.fail = func(what string, _ bool) error {
		if what == "record" {
			return errInjected
		}
		return nil
	}
	if err := r.deliver(false); err == nil {
		t.Fatal("nothing failed")
	}
	r.fail = func(string, bool) error { return nil }
	if err := r.deliver(true); err != nil {
		t.Fatal(err)
	}
	if n := len(r.calls("card")); n != 2 || r.parts[0].ID == "" {
		t.Errorf("sent %d times, recorded %+v", n, r.parts)
	}
}

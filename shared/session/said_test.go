package session_test

import (
	"testing"
	"time"

	"instar/shared/chat"
	"instar/shared/session"
)

// A function that has just started is slower than one that has not: the second
// message of a series may be the one that sets the turn off.
func TestAJoinedSeriesIsReadInTheOrderInWhichItWasSaid(t *testing.T) {
	noon := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	said := func(at time.Time, id, text string) *chat.Message {
		return &chat.Message{Time: at, PlatformID: id, Text: text}
	}
	turn := &session.Turn{Message: said(noon, "100", "two"), Arrived: []session.Arrival{
		{Message: said(noon.Add(time.Second), "101", "three"), Taken: session.Joined},
		{Message: said(noon, "99", "one"), Taken: session.Joined},
		{Message: said(noon, "98", "steered"), Taken: session.Steered},
	}}
	if got := turn.Said(func(m *chat.Message) string { return m.Text }); got != "one\n\ntwo\n\nthree" {
		t.Errorf("read as %q", got)
	}
}

//go:build e2e

package chaos

import (
	"bytes"
	"encoding/json"
	"net/http"
	"testing"

	"instar/e2e/fake"
	"instar/e2e/instar"
)

// TestTheCountersSee puts every kind of broken promise into a chat.
func TestTheCountersSee(t *testing.T) {
	telegram := fake.Check(t, fake.NewTelegram(instar.TelegramKey))
	show := func(chat int64, text string) {
		body, _ := json.Marshal(map[string]any{"chat_id": chat, "text": text})
		r, err := http.Post(telegram.URL()+"/bot"+instar.TelegramKey+"/sendMessage", "application/json", bytes.NewReader(body))
		if err != nil || r.StatusCode != http.StatusOK {
			t.Fatalf("not shown: %v %v", r, err)
		}
		r.Body.Close()
	}
	show(1, answerTo([]int{1}))
	show(2, "…")
	show(2, answerTo([]int{2}))
	show(3, answerTo([]int{3}))
	show(3, answerTo([]int{3})) // doubled
	show(4, "…")                // lost, and a stray
	show(5, "About zebra#5: it has …")
	show(6, "I could not get an answer from the model.")
	show(7, answerTo([]int{7, 8})) // two messages in one answer
	show(7, answerTo([]int{1}))    // for somebody else
	sent := map[int64][]int{1: {1}, 2: {2}, 3: {3}, 4: {4}, 5: {5}, 6: {6}, 7: {7, 8}}
	got, details := count(sent, telegram.Chat)
	want := tally{sent: 8, once: 4, lost: 3, doubled: 1, errors: 1, unfinished: 1, strays: 2, foreign: 1}
	if got != want {
		t.Errorf("counted %+v, want %+v: %q", got, want, details)
	}
	if got.kept() {
		t.Error("and the promise is called kept")
	}
	delete(sent, 3)
	delete(sent, 4)
	delete(sent, 5)
	delete(sent, 6)
	delete(sent, 7)
	if got, details := count(sent, telegram.Chat); !got.kept() {
		t.Errorf("a kept promise is not seen: %v %q", got, details)
	}
}

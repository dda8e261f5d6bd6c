//go:build !js

package fake

import (
	"net/http"
	"strings"
	"testing"
)

func TestHooksSeeACallBeforeAndAfterItTakesEffect(t *testing.T) {
	const token = "4242000:telegram-bot-token-AbCdEf"
	f := Check(t, NewTelegram(token))
	heard, answered := make(chan int, 1), make(chan int, 1) // how many messages there are then
	f.After(func(string) { answered <- len(f.Chat(7)) })
	for _, c := range []struct {
		fault         Fault
		status        int // 0: no answer
		before, after int
	}{
		{Fault{Lost: true}, 0, 0, 0},
		{Fault{Status: 429, Description: "Too Many Requests: retry after 1", RetryAfter: 1}, 429, 0, 0},
		{Fault{}, 200, 0, 1},
		{Fault{Dropped: true}, 0, 1, 2},
	} {
		f.Before(func(method string) Fault {
			if method != "sendMessage" {
				t.Errorf("called for %s", method)
			}
			heard <- len(f.Chat(7))
			return c.fault
		})
		r, err := http.Post(f.URL()+"/bot"+token+"/sendMessage", "application/json", strings.NewReader(`{"chat_id":7,"text":"hello"}`))
		status := 0
		if err == nil {
			status = r.StatusCode
			r.Body.Close()
		}
		if before, after := <-heard, len(f.Chat(7)); status != c.status || before != c.before || after != c.after {
			t.Errorf("%+v: status %d, messages %d then %d; want %d, %d then %d", c.fault, status, before, after, c.status, c.before, c.after)
		}
		if status == 200 {
			if n := <-answered; n != c.after {
				t.Errorf("After was called with %d messages there", n)
			}
		}
	}
}

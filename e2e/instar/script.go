//go:build e2e

package instar

import (
	"strings"

	"instar/e2e/fake"
)

// Script answers by the first word of the last message; other messages get
// "Answer: <message>", and tool results "The tool said: <result>".
func Script(cases map[string]func(fake.Call) fake.Answer) func(fake.Call) fake.Answer {
	return func(c fake.Call) fake.Answer {
		if results := c.LastResults(); len(results) > 0 {
			return fake.Answer{Text: "The tool said: " + results[0].Text}
		}
		last := c.LastUser()
		for word, answer := range cases {
			if strings.HasPrefix(last, word) || strings.Contains(last, "\n"+word) {
				return answer(c)
			}
		}
		return fake.Answer{Text: "Answer: " + last}
	}
}

// Fixed always gives the same answer.
func Fixed(a fake.Answer) func(fake.Call) fake.Answer {
	return func(fake.Call) fake.Answer { return a }
}

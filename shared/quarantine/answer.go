package quarantine

import (
	"encoding/json"
	"strings"
)

// parseAnswer reads the second model's answer: one JSON object, alone or in the
// one code fence of the answer; prose around a fence is dropped. Fields of the
// schema become values, others nothing. It returns ErrAnswer for anything else,
// for an answer of more than MaxAnswer bytes, and for one in which a name comes
// twice.
func parseAnswer(answer string, s Schema, r *reading) (Result, error) {
	if len(answer) > MaxAnswer {
		return Result{}, ErrAnswer
	}
	object, ok := unfence(strings.TrimSpace(answer))
	if !ok {
		return Result{}, ErrAnswer
	}
	given := map[string]json.RawMessage{}
	err := members([]byte(object), func(name string, value json.RawMessage) error {
		given[name] = value
		return nil
	})
	if err != nil {
		return Result{}, ErrAnswer
	}
	var out Result
	for _, f := range s.fields {
		out.fields = append(out.fields, r.field(f, given[f.Name]))
	}
	return out, nil
}

// unfence is what stands between the first code fence of a text and its last, or
// the text when it has none; false when the fence does not end. Of two fences
// that is no JSON: which of two objects is meant is not for us to choose.
func unfence(s string) (string, bool) {
	const mark = "```"
	if strings.HasPrefix(s, "{") {
		return s, true // a fence in it is part of a string
	}
	before, rest, found := strings.Cut(s, mark)
	if !found {
		return s, true
	}
	_, body, line := strings.Cut(rest, "\n") // after the info string, "json"
	end := strings.LastIndex(body, mark)
	if !line || end < 0 || before != "" && !strings.HasSuffix(before, "\n") {
		return "", false
	}
	return body[:end], true
}

//go:build !js

package fake

import (
	"strings"

	"github.com/tidwall/gjson"
)

// joinedTurn is a run of messages of one role: the API joins neighbours.
type joinedTurn struct {
	role   string
	index  int // of its first message
	blocks []gjson.Result
}

func joinTurns(req gjson.Result) []joinedTurn {
	var turns []joinedTurn
	for i, m := range req.Get("messages").Array() {
		role := m.Get("role").String()
		if n := len(turns); n == 0 || turns[n-1].role != role {
			turns = append(turns, joinedTurn{role: role, index: i})
		}
		last := &turns[len(turns)-1]
		last.blocks = append(last.blocks, blocks(m.Get("content"))...)
	}
	return turns
}

// checkPairs enforces that every tool_use is answered by one tool_result at the
// beginning of the next user turn, and that no other tool_result stands anywhere.
func checkPairs(req gjson.Result) *apiError {
	ids := map[string]bool{}
	var open []string // tool_use ids of the turn before
	for _, turn := range joinTurns(req) {
		if turn.role == "assistant" {
			open = nil
			for _, b := range turn.blocks {
				if b.Get("type").String() != "tool_use" {
					continue
				}
				id := b.Get("id").String()
				if ids[id] {
					return invalid("messages.%d: `tool_use` ids must be unique", turn.index)
				}
				ids[id], open = true, append(open, id)
			}
			continue
		}
		if e := checkAnswers(turn, open); e != nil {
			return e
		}
		open = nil
	}
	if len(open) > 0 {
		return unanswered(len(req.Get("messages").Array())-1, open)
	}
	return nil
}

// checkAnswers compares a user turn's leading tool_results with what was asked.
func checkAnswers(turn joinedTurn, open []string) *apiError {
	waiting := map[string]bool{}
	for _, id := range open {
		waiting[id] = true
	}
	answered := map[string]bool{}
	leading := true
	for _, b := range turn.blocks {
		if b.Get("type").String() != "tool_result" {
			leading = false
			continue
		}
		id := b.Get("tool_use_id").String()
		switch {
		case answered[id]:
			return invalid("messages.%d: each tool_use must have a single result. Found multiple `tool_result` blocks with id: %s", turn.index, id)
		case !waiting[id]:
			return invalid("messages.%d: unexpected `tool_use_id` found in `tool_result` blocks: %s. Each `tool_result` block must have a corresponding `tool_use` block in the previous message.", turn.index, id)
		case !leading:
			return invalid("messages.%d: `tool_result` blocks must come first in the content", turn.index)
		}
		answered[id] = true
	}
	var missing []string
	for _, id := range open {
		if !answered[id] {
			missing = append(missing, id)
		}
	}
	if len(missing) > 0 {
		return unanswered(turn.index-1, missing)
	}
	return nil
}

func unanswered(index int, ids []string) *apiError {
	return invalid("messages.%d: `tool_use` ids were found without `tool_result` blocks immediately after: %s. Each `tool_use` block must have a corresponding `tool_result` block in the next message.", index, strings.Join(ids, ", "))
}

// checkMarks counts cache_control marks and validates them.
func checkMarks(req gjson.Result) *apiError {
	var marks []gjson.Result
	collect := func(list []gjson.Result) {
		for _, b := range list {
			if mark := b.Get("cache_control"); mark.Exists() && mark.Type != gjson.Null {
				marks = append(marks, mark)
			}
		}
	}
	collect([]gjson.Result{req})
	collect(req.Get("tools").Array())
	collect(blocks(req.Get("system")))
	for _, m := range req.Get("messages").Array() {
		list := blocks(m.Get("content"))
		collect(list)
		for _, b := range list {
			if b.Get("type").String() == "tool_result" {
				collect(blocks(b.Get("content")))
			}
		}
	}
	if len(marks) > maxCacheMarks {
		return invalid("A maximum of %d blocks with cache_control may be provided. Found %d.", maxCacheMarks, len(marks))
	}
	for _, mark := range marks {
		if mark.Get("type").String() != "ephemeral" {
			return invalid("cache_control: Input tag does not match any of the expected tags: 'ephemeral'")
		}
		if ttl := mark.Get("ttl"); ttl.Exists() && ttl.String() != "5m" && ttl.String() != "1h" {
			return invalid("cache_control.ephemeral.ttl: Input should be '5m' or '1h'")
		}
		if e := onlyKeys("cache_control.", mark, "type", "ttl"); e != nil {
			return e
		}
	}
	return nil
}

package model_test

import (
	"math"
	"testing"

	"instar/shared/model"
)

const million = 1_000_000

func TestListPrices(t *testing.T) {
	for _, c := range []struct {
		model string
		usage model.Usage
		usd   float64
		known bool
	}{
		{"anthropic/claude-sonnet-4-5", model.Usage{Input: million}, 3, true},
		{"anthropic/claude-sonnet-4-5-20250929", model.Usage{Output: million}, 15, true},
		{"anthropic/claude-sonnet-4-5", model.Usage{CacheRead: million}, 0.3, true},
		{"anthropic/claude-sonnet-4-5", model.Usage{CacheWrite: million}, 3.75, true},
		{"anthropic/claude-opus-4-1", model.Usage{Input: million, Output: million}, 90, true},
		{"anthropic/claude-opus-4-5", model.Usage{Input: million, Output: million}, 30, true},
		{"anthropic/claude-opus-4-20250514", model.Usage{Input: million}, 15, true},
		{"anthropic/claude-haiku-4-5", model.Usage{Input: million, Output: million}, 6, true},
		{"anthropic/claude-haiku-5-5", model.Usage{Input: 100_000}, 0.01, true},
		{"anthropic/claude-haiku-5-5", model.Usage{Input: 100_000, CacheRead: 1_000_000}, 0.5*0.1 + 0.05, true},
		{"openai/gpt-5.5", model.Usage{Input: 100_000, CacheRead: 100_000, Output: 10_000}, 0.5 + 0.05 + 0.3, true},
		{"openai/gpt-5.5-2026-04-23", model.Usage{Output: million}, 30, true},
		{"openai/gpt-5.5", model.Usage{Input: million, Output: million}, 10 + 45, true},
		{"openai/gpt-5-mini", model.Usage{Input: million, Output: million}, 2.25, true},
		{"openai/gpt-5-nano-2025-08-07", model.Usage{Input: million}, 0.05, true},
		{"openai/gpt-4o-mini", model.Usage{Input: million}, 0.15, true},
		{"openai/gpt-4.1", model.Usage{CacheRead: million}, 0.5, true},
		{"workers-ai/@cf/meta/llama-3.3-70b-instruct-fp8-fast", model.Usage{Input: million, Output: million}, 0.293 + 2.253, true},
		{"groq/openai/gpt-oss-120b", model.Usage{Output: million}, 0.6, true},
		{"offline", model.Usage{Input: million, Output: million}, 0, true},
		{"ollama/llama3.2", model.Usage{Input: million, Output: million}, 0, true},
		{"openai/gpt-5.5-ultra", model.Usage{Input: million}, 10, false},
		{"openai/gpt-9", model.Usage{Output: million}, 50, false},
		{"anthropic/claude-opus-4-9", model.Usage{CacheRead: million}, 10, false},
		{"openrouter/x/y", model.Usage{CacheWrite: million}, 12.5, false},
		{"", model.Usage{Input: million}, 10, false},
	} {
		usd, known := model.Cost(c.model, c.usage)
		if math.Abs(usd-c.usd) > 1e-9 || known != c.known {
			t.Errorf("%s %+v: %v, %v; want %v, %v", c.model, c.usage, usd, known, c.usd, c.known)
		}
	}
}

package cloudflare_test

import (
	"testing"

	"instar/shared/model"
)

func TestCloudflaresNameOfAModelCostsTheSame(t *testing.T) {
	u := model.Usage{Input: 1_000_000, Output: 1_000_000}
	for through, direct := range map[string]string{
		"cloudflare/anthropic/claude-sonnet-5-5":              "anthropic/claude-sonnet-5-5",
		"cloudflare/openai/gpt-5.5":                           "openai/gpt-5.5",
		"cloudflare/@cf/meta/llama-3.3-70b-instruct-fp8-fast": "workers-ai/@cf/meta/llama-3.3-70b-instruct-fp8-fast",
	} {
		got, known := model.Cost(through, u)
		if want, _ := model.Cost(direct, u); got != want || !known {
			t.Errorf("%s costs %v (known: %v), %s %v", through, got, known, direct, want)
		}
	}
}

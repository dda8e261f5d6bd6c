package model

import (
	"strings"

	"instar/shared/model/cloudflare"
)

// price is in USD per million tokens. Above long tokens of input (0: never)
// input costs inTimes as much and output outTimes.
type price struct {
	in, out, read, write float64
	long                 int
	inTimes, outTimes    float64
}

// unknown is the price of a model that is not in the tables: as dear as the
// dearest general model of the day (Claude Fable 5, GPT-6 Astra), without a
// discount for cached tokens, so that a budget binds too early rather than
// too late.
var unknown = price{in: 10, out: 50, read: 10, write: 12.5}

// Cost is what u cost with "provider/model", in USD at list prices of
// 2026-11-23, without batch, priority or regional terms. u is one reply's
// usage: with a sum of several, prices that depend on the length of the input
// come out too high. known is false for a model that is not in the tables,
// which is counted at 10 USD per million tokens of input and 50 of output.
func Cost(model string, u Usage) (usd float64, known bool) {
	p, known := priceOf(ParseName(model))
	if !known {
		p = unknown
	}
	in := float64(u.Input)*p.in + float64(u.CacheRead)*p.read + float64(u.CacheWrite)*p.write
	out := float64(u.Output) * p.out
	if p.long > 0 && u.Input+u.CacheRead+u.CacheWrite > p.long {
		in, out = in*p.inTimes, out*p.outTimes
	}
	return (in + out) / 1e6, known
}

func priceOf(provider, model string) (price, bool) {
	if provider == cloudflare.Provider {
		provider, model = ParseName(cloudflare.Resold(model))
	}
	switch provider {
	case "offline", "ollama":
		return price{}, true
	case "anthropic":
		return anthropicPrice(model)
	case "openai":
		return openaiPrice(model)
	case cloudflare.WorkersAI:
		in, out, known := cloudflare.Price(model)
		return flat(in, in, out), known
	case "groq":
		return groqPrice(model)
	}
	return price{}, false
}

// is matches a model's name, also with a date ("-20250929", "-2025-08-07") or
// "-latest" behind it, and nothing else: gpt-5.5-pro is not gpt-5.5.
func is(model, name string) bool {
	rest, ok := strings.CutPrefix(model, name)
	if !ok {
		return false
	}
	switch rest {
	case "", "-0", "-latest", "-chat-latest":
		return true
	}
	digits := strings.ReplaceAll(rest, "-", "")
	return rest[0] == '-' && len(digits) == 8 && strings.Trim(digits, "0123456789") == ""
}

func oneOf(model string, names ...string) bool {
	for _, n := range names {
		if is(model, n) {
			return true
		}
	}
	return false
}

// claude has Anthropic's usual terms: cached tokens are read at a tenth and
// written (for 5 minutes) at 1.25 times the price of input.
func claude(in, out float64) price {
	return price{in: in, out: out, read: in / 10, write: in * 1.25}
}

// anthropicPrice: platform.claude.com/docs/en/about-claude/pricing.
func anthropicPrice(m string) (price, bool) {
	m = strings.ReplaceAll(m, ".", "-")
	switch {
	case oneOf(m, "claude-fable-5-1", "claude-mythos-5-1"):
		return price{in: 10, out: 50, read: 0.25, write: 12.5}, true
	case oneOf(m, "claude-fable-5", "claude-mythos-5"):
		return claude(10, 50), true
	case is(m, "claude-opus-5-5"):
		return price{in: 4, out: 20, read: 0.2, write: 5}, true
	case oneOf(m, "claude-opus-5", "claude-opus-4-8", "claude-opus-4-7", "claude-opus-4-6", "claude-opus-4-5"):
		return claude(5, 25), true
	case oneOf(m, "claude-opus-4-1", "claude-opus-4"):
		return claude(15, 75), true
	case is(m, "claude-sonnet-5-5"):
		return price{in: 2, out: 10, read: 0.1, write: 2.5}, true
	case is(m, "claude-sonnet-5"):
		return claude(2, 10), true
	case oneOf(m, "claude-sonnet-4-6", "claude-sonnet-4-5", "claude-sonnet-4"):
		return claude(3, 15), true
	case is(m, "claude-haiku-5-5"):
		p := claude(0.1, 0.5)
		p.long, p.inTimes, p.outTimes = 100_000, 5, 5
		return p, true
	case is(m, "claude-haiku-4-5"):
		return claude(1, 5), true
	case is(m, "claude-3-5-haiku"):
		return claude(0.8, 4), true
	}
	return price{}, false
}

// gpt has the terms of OpenAI's models that charge for writing to the cache,
// and double for input above 272,000 tokens.
func gpt(in, read, out float64) price {
	return price{in: in, out: out, read: read, write: in * 1.25, long: 272_000, inTimes: 2, outTimes: 1.5}
}

// flat has the terms of the models before them: writing is plain input.
func flat(in, read, out float64) price {
	return price{in: in, out: out, read: read, write: in}
}

// openaiPrice: developers.openai.com/api/docs/pricing.
func openaiPrice(m string) (price, bool) {
	switch {
	case is(m, "gpt-6.1-sol"):
		return gpt(2, 0.1, 10), true
	case is(m, "gpt-6.1-terra"):
		return gpt(1, 0.05, 5), true
	case is(m, "gpt-6-astra"):
		return gpt(10, 1, 50), true
	case is(m, "gpt-6-sol"):
		return gpt(2, 0.2, 10), true
	case is(m, "gpt-6-luna"):
		return gpt(0.1, 0.01, 0.5), true
	case oneOf(m, "gpt-5.6", "gpt-5.6-sol", "gpt-5.5"):
		return gpt(5, 0.5, 30), true
	case is(m, "gpt-5.6-terra"):
		return gpt(2, 0.2, 12), true
	case is(m, "gpt-5.6-luna"):
		return gpt(0.2, 0.02, 1.2), true
	case oneOf(m, "gpt-5.5-pro", "gpt-5.4-pro"):
		return gpt(30, 30, 180), true
	case is(m, "gpt-5.4"):
		return gpt(2.5, 0.25, 15), true
	case is(m, "gpt-5.4-mini"):
		return flat(0.75, 0.075, 4.5), true
	case is(m, "gpt-5.4-nano"):
		return flat(0.2, 0.02, 1.25), true
	}
	return olderOpenAIPrice(m)
}

func olderOpenAIPrice(m string) (price, bool) {
	switch {
	case oneOf(m, "gpt-5.3", "gpt-5.2"):
		return flat(1.75, 0.175, 14), true
	case is(m, "gpt-5.2-pro"):
		return flat(21, 21, 168), true
	case is(m, "gpt-5-pro"):
		return flat(15, 15, 120), true
	case oneOf(m, "gpt-5.1", "gpt-5"):
		return flat(1.25, 0.125, 10), true
	case oneOf(m, "gpt-5.1-mini", "gpt-5-mini"):
		return flat(0.25, 0.025, 2), true
	case is(m, "gpt-5-nano"):
		return flat(0.05, 0.005, 0.4), true
	case is(m, "gpt-4.1"):
		return flat(2, 0.5, 8), true
	case is(m, "gpt-4.1-mini"):
		return flat(0.4, 0.1, 1.6), true
	case is(m, "gpt-4.1-nano"):
		return flat(0.1, 0.025, 0.4), true
	case is(m, "gpt-4o"):
		return flat(2.5, 1.25, 10), true
	case is(m, "gpt-4o-mini"):
		return flat(0.15, 0.075, 0.6), true
	case is(m, "o3"):
		return flat(2, 0.5, 8), true
	case is(m, "o4-mini"):
		return flat(1.1, 0.275, 4.4), true
	}
	return price{}, false
}

// groqPrice: groq.com/pricing.
func groqPrice(m string) (price, bool) {
	switch m {
	case "llama-3.3-70b-versatile":
		return flat(0.59, 0.59, 0.79), true
	case "llama-3.1-8b-instant":
		return flat(0.05, 0.05, 0.08), true
	case "meta-llama/llama-4-scout-17b-16e-instruct":
		return flat(0.11, 0.11, 0.34), true
	case "openai/gpt-oss-120b":
		return flat(0.15, 0.075, 0.6), true
	case "openai/gpt-oss-20b":
		return flat(0.075, 0.0375, 0.3), true
	}
	return price{}, false
}

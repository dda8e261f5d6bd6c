package cloudflare

import "strings"

// Resold is "provider/model" of whoever's model Provider's "id" is: it is billed
// at that provider's list price.
func Resold(id string) string {
	if strings.HasPrefix(id, "@cf/") {
		return WorkersAI + "/" + id
	}
	return id
}

// Price is what a model of WorkersAI costs, in USD per million tokens; cached
// tokens cost what others do (developers.cloudflare.com/workers-ai/platform/pricing).
// The free 10,000 neurons a day are not taken off.
func Price(model string) (in, out float64, known bool) {
	switch model {
	case "@cf/meta/llama-3.3-70b-instruct-fp8-fast", "@cf/meta/llama-3.1-70b-instruct-fp8-fast":
		return 0.293, 2.253, true
	case "@cf/meta/llama-3.1-8b-instruct-fp8-fast":
		return 0.045, 0.384, true
	case "@cf/meta/llama-3.1-8b-instruct", "@cf/meta/llama-3-8b-instruct":
		return 0.282, 0.827, true
	case "@cf/meta/llama-3.1-8b-instruct-fp8":
		return 0.152, 0.287, true
	case "@cf/meta/llama-3.2-3b-instruct":
		return 0.051, 0.335, true
	case "@cf/meta/llama-3.2-1b-instruct":
		return 0.027, 0.201, true
	}
	return 0, 0, false
}

//go:build !js

package fake

import (
	"crypto/sha256"
	"sync"
)

// prefixCache imitates the providers' prompt caches: it knows which prefixes
// of prompts it has seen, byte for byte. Nothing expires.
type prefixCache struct {
	mu   sync.Mutex
	seen map[[32]byte]bool
}

// promptPart is one piece of a prompt in the order a provider caches: tools,
// system, messages.
type promptPart struct {
	bytes string // without its cache mark
	mark  bool   // a cache point stands at its end
}

const (
	minCached = 1024 // tokens: shorter prefixes are not cached
	lookBack  = 20   // parts before a mark in which an earlier prefix is found
)

// tokens guesses the tokens of n bytes.
func tokens(n int) int { return (n + 3) / 4 }

// use returns what of the prompt would have been read from the cache, written
// to it, and neither, in tokens.
func (c *prefixCache) use(model string, parts []promptPart) (read, write, rest int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.seen == nil {
		c.seen = map[[32]byte]bool{}
	}
	hashes, sizes := make([][32]byte, len(parts)), make([]int, len(parts))
	hash, size := sha256.Sum256([]byte(model)), 0
	for i, p := range parts {
		hash = sha256.Sum256(append(hash[:], p.bytes...))
		size += len(p.bytes)
		hashes[i], sizes[i] = hash, tokens(size)
	}
	marked := 0
	for i, p := range parts {
		if !p.mark || sizes[i] < minCached {
			continue
		}
		for j := i; j >= 0 && j > i-lookBack; j-- {
			if c.seen[hashes[j]] {
				read = max(read, sizes[j])
				break
			}
		}
		marked = sizes[i]
	}
	for i, p := range parts {
		if p.mark && sizes[i] >= minCached {
			c.seen[hashes[i]] = true
		}
	}
	return read, marked - read, tokens(size) - marked
}

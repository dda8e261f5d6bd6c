// Package leak stops secrets on their way out: in text for a person, in the
// arguments of tools, in logs and in errors.
//
// A Guard knows two things. The values that this function itself holds are
// found as they are, in base64 and base64url at any alignment, in hex, escaped
// for a URL, for JSON or for HTML, in any letter case, with up to 64 other
// characters between any two of their letters and digits, and in part. Keys it
// has never seen are found by their shape: the prefixes of providers, tokens of
// Telegram bots, JWTs, private keys in PEM, and what is assigned to a name such
// as password.
//
// What it does not find: a value that was encrypted, compressed, reversed,
// encoded twice or interleaved with other letters or digits; pieces shorter
// than Guard says, one in each message; unknown keys that are encoded or split.
// It is a net under the policy gate and does not replace it.
package leak

import (
	"cmp"
	"slices"
	"strings"
)

// MinSecret is the length in bytes of the shortest value a Guard looks for.
const MinSecret = 8

// Kinds of findings.
const (
	Known      = "known secret" // one of the Guard's own values
	Key        = "key"          // of a provider, by its prefix
	BotToken   = "bot token"    // of a Telegram bot
	JWT        = "jwt"
	PrivateKey = "private key" // in PEM
	Assigned   = "assignment"  // password=..., token: ..., Authorization: Bearer ...
)

// Finding is one secret in a text. It does not hold the value.
type Finding struct {
	Kind       string
	Name       string // of the known secret, or the key's prefix; may be ""
	Start, End int    // bytes of the text: text[Start:End]
}

// Guard finds secrets. A nil Guard knows no values and finds keys by their
// shape. Its methods are safe for concurrent use.
type Guard struct {
	known  known
	marker string
}

// New makes a Guard for secrets, value by name. Values shorter than MinSecret
// are ignored: they would be found everywhere. Of a value of less than 16 bytes
// the whole is looked for; of a longer one any piece of a quarter of it, but at
// least 16 and at most 48 bytes, counted in letters and digits. A value with
// fewer than 8 of those is found whole only, without anything in between.
func New(secrets map[string]string) *Guard {
	g := &Guard{marker: "[redacted]"}
	names := make([]string, 0, len(secrets))
	for name := range secrets {
		names = append(names, name)
	}
	slices.Sort(names) // so that one map always makes one Guard
	for _, name := range names {
		if len(secrets[name]) >= MinSecret {
			g.known.add(name, secrets[name])
		}
	}
	g.known.index()
	// A secret that the marker's own letters would spell needs another marker.
	if len(g.Check(strings.Repeat(g.marker, 2*maxForm/len(g.marker)))) > 0 {
		g.marker = "[***]"
	}
	return g
}

// maxForm is how many bytes of markers in a row are tried for a secret.
const maxForm = 128

// Check returns the secrets in text, in the order they stand there, joined
// where they overlap; nil when there is none.
func (g *Guard) Check(text string) []Finding {
	var found []Finding
	if g != nil {
		found = g.known.find(text, found)
	}
	found = shapes(text, found)
	if len(found) < 2 {
		return found
	}
	slices.SortFunc(found, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(a.Start, b.Start), cmp.Compare(b.End, a.End))
	})
	joined := found[:1]
	for _, f := range found[1:] {
		last := &joined[len(joined)-1]
		if f.Start < last.End {
			last.End = max(last.End, f.End)
		} else {
			joined = append(joined, f)
		}
	}
	return joined
}

// rounds is how often a text is looked at again after something was taken out.
const rounds = 16

// Redact returns text with each secret replaced by a marker, the same string
// when there is none. What it returns has no finding.
func (g *Guard) Redact(text string) string {
	for range rounds {
		found := g.Check(text)
		if len(found) == 0 {
			return text
		}
		text = g.replace(text, found)
	}
	return "" // made to spell a secret again each time something is taken out
}

func (g *Guard) replace(text string, found []Finding) string {
	var b strings.Builder
	from := 0
	for _, f := range found {
		b.WriteString(text[from:f.Start])
		b.WriteString(g.mark())
		from = f.End
	}
	b.WriteString(text[from:])
	return b.String()
}

func (g *Guard) mark() string {
	if g == nil || g.marker == "" {
		return "[redacted]"
	}
	return g.marker
}

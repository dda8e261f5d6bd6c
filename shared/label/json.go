package label

import (
	"encoding/json"
	"fmt"
)

// The names that stand in JSON and in what a person is shown.
var (
	integrities       = [...]string{Untrusted: "untrusted", Attested: "attested", Owner: "owner", System: "system"}
	confidentialities = [...]string{"public", "private", "secret"}
)

// String is the integrity's name, "untrusted" for one that does not exist.
func (i Integrity) String() string {
	if int(i) >= len(integrities) {
		i = Untrusted
	}
	return integrities[i]
}

// String is the confidentiality's name, "secret" for one that does not exist.
func (c Confidentiality) String() string {
	if c < Public || c > Secret {
		c = Secret
	}
	return confidentialities[c-Public]
}

// ParseIntegrity reads an integrity's name; what it does not know is Untrusted.
func ParseIntegrity(name string) Integrity {
	for i, n := range integrities {
		if n == name {
			return Integrity(i)
		}
	}
	return Untrusted
}

// ParseConfidentiality reads a confidentiality's name; what it does not know
// is Secret.
func ParseConfidentiality(name string) Confidentiality {
	for i, n := range confidentialities {
		if n == name {
			return Public + Confidentiality(i)
		}
	}
	return Secret
}

// stored is a label in JSON.
type stored struct {
	Integrity       string   `json:"integrity"`
	Confidentiality string   `json:"confidentiality"`
	Origins         []string `json:"origins,omitempty"`
	Readers         []string `json:"readers,omitempty"`
}

// MarshalJSON writes the label; equal labels are the same bytes.
func (l Label) MarshalJSON() ([]byte, error) {
	n := New(l.Integrity, l.Confidentiality, l.Origins, l.Readers)
	return json.Marshal(stored{n.Integrity.String(), n.Confidentiality.String(), n.Origins, n.Readers})
}

// UnmarshalJSON reads a label. One that says something unknown, or is no
// label at all, reads as Worst and is no error: a reader must not be able to
// forget that case.
func (l *Label) UnmarshalJSON(b []byte) error {
	*l = Worst()
	var s stored
	if json.Unmarshal(b, &s) != nil {
		return nil
	}
	n := New(ParseIntegrity(s.Integrity), ParseConfidentiality(s.Confidentiality), s.Origins, s.Readers)
	if n.Integrity.String() != s.Integrity || n.Confidentiality.String() != s.Confidentiality {
		return nil
	}
	*l = n
	return nil
}

// MarshalText and UnmarshalText let an integrity stand in a manifest.
func (i Integrity) MarshalText() ([]byte, error) { return []byte(i.String()), nil }

// UnmarshalText reads a name. "trusted" is an older word for Attested.
func (i *Integrity) UnmarshalText(b []byte) error {
	if string(b) == "trusted" {
		*i = Attested
		return nil
	}
	*i = ParseIntegrity(string(b))
	if i.String() != string(b) {
		return fmt.Errorf("integrity %q is none of %v", b, integrities)
	}
	return nil
}

// MarshalText and UnmarshalText let a confidentiality stand in a manifest.
func (c Confidentiality) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// UnmarshalText reads a name.
func (c *Confidentiality) UnmarshalText(b []byte) error {
	*c = ParseConfidentiality(string(b))
	if c.String() != string(b) {
		return fmt.Errorf("confidentiality %q is none of %v", b, confidentialities)
	}
	return nil
}

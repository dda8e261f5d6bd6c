package platform

import "slices"

// Listing is what one function is given: it sees nothing of the deployment but
// what is listed. Package functions has one for each.
type Listing struct {
	Name     string
	Vars     []string // variables and secrets whose values it may read
	Native   []string // those it reads beside on platforms without settings of their own
	Present  []string // of which it may learn whether they are set, never the value
	Bindings []string // BUCKET, QUEUE, SETTINGS, SANDBOX and, to call that function, AGENT
}

// Bound reports whether the function is given a binding.
func (l Listing) Bound(name string) bool { return slices.Contains(l.Bindings, name) }

package policy

import (
	"net/url"
	"slices"
	"strings"
)

// destinations are where a call goes that the owner could allow for always:
// one that fetches or sends, and whose destinations are all declared. A grant
// says nothing of money, of deleting, of accounts and of what the table never
// allows, and nothing secret leaves by one.
func (c *check) destinations() (list []string) {
	if c.m == nil || c.in.Nobody || c.effect != Send && c.effect != Fetch {
		return nil
	}
	for _, i := range c.of(Dest) {
		l := c.leaves[i]
		d := destination(l.folded)
		if d == "" || disguised(l.folded) {
			return nil
		}
		list = append(list, d)
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// destination is an address in its normal form; of a web address, the host.
func destination(folded string) string {
	kind, value, ok := addressOf(folded)
	if !ok {
		return strings.ToLower(strings.TrimSpace(folded))
	}
	if kind != URL {
		return strings.ToLower(value)
	}
	if !strings.Contains(value, "://") {
		value = "https://" + value
	}
	u, err := url.Parse(value)
	if err != nil {
		return ""
	}
	return strings.ToLower(u.Hostname())
}

// granted reports whether the owner always allows this tool each of them.
func (c *check) granted(destinations []string) bool {
	for _, d := range destinations {
		if !slices.Contains(c.in.Granted, d) && !c.off(ruleGrant) {
			return false
		}
	}
	return len(destinations) > 0
}

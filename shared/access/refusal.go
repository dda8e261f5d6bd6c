package access

import (
	"errors"
	"net/http"
	"strings"
	"time"
)

// varToken is the variable that opens the console, if a provider's do not.
const varToken = "CONSOLE_TOKEN"

const wrongToken = "log in with the console token"

// Refusal is why a request was not let in, in words for who sent it. They repeat
// nothing of the request and do not say what was wrong with a credential.
type Refusal struct {
	Status  int // 401, 403, 429 or 503
	Reason  string
	Missing []string      // 503: the variables that are not set
	Retry   time.Duration // 429: when to try again
	// Clear, when not nil, takes a session that has ended out of the browser.
	Clear *http.Cookie
}

func (r *Refusal) Error() string { return r.Reason }

func isStatus(err error, status int) bool {
	var r *Refusal
	return errors.As(err, &r) && r.Status == status
}

// unauthorized is the refusal of a request that proved nothing.
func (d *Door) unauthorized(r *http.Request) *Refusal {
	refusal := &Refusal{Status: http.StatusUnauthorized, Reason: wrongToken}
	if d.Token == "" {
		refusal.Reason = "log in through " + d.Provider.Name() // unready: without a token there is one
	}
	if len(r.CookiesNamed(cookieName(r))) > 0 {
		refusal.Clear = sessionCookie(r, "", 0)
	}
	return refusal
}

// Missing names the variables without which nobody can get in, or the other
// half of a half configured provider.
func (d *Door) Missing() []string {
	all, unset := d.variables()
	if off := len(unset) == len(all); !off {
		return unset
	}
	if d.Token == "" {
		return append([]string{varToken}, all...)
	}
	return nil
}

// Problem is what is wrong with a variable that is set, or nil.
func (d *Door) Problem() error {
	if d.Provider == nil {
		return nil
	}
	return d.Provider.Problem()
}

// unready is the refusal of every request while the variables cannot be right:
// an owner who set up half of a provider believes that it guards the console.
func (d *Door) unready() *Refusal {
	missing := d.Missing()
	reason := strings.Join(missing, " and ") + " is not set"
	switch {
	case len(missing) > 1 && missing[0] == varToken:
		reason = "no way in is set up: set " + varToken + ", or " + strings.Join(missing[1:], " and ")
	case len(missing) == 0:
		err := d.Problem()
		if err == nil {
			return nil
		}
		reason = err.Error()
	}
	return &Refusal{Status: http.StatusServiceUnavailable, Reason: reason, Missing: missing}
}

package access

import (
	"errors"
	"net/http"
	"time"
)

// Provider is a service in front of the console that people log in to, and that
// says in each request it lets through who sent it. The package named after the
// service has it. It is safe for concurrent use.
type Provider interface {
	// Name is the service's, for people to read.
	Name() string
	// Variables are those that set it up, and those of them that are not set, in
	// the order in which people are told of them. With none set it is off, and
	// knows nobody.
	Variables() (all, unset []string)
	// Problem is what is wrong with a variable that is set, or nil.
	Problem() error
	// ByHeader is whom the service vouches for in a header that it adds itself,
	// ByCookie the same in a cookie, which a browser attaches to whatever makes it
	// send a request; a request has either. The name is an e-mail address, or that
	// of a program; it may be "". Errors: one of those below.
	ByHeader(r *http.Request, now time.Time) (name string, err error)
	ByCookie(r *http.Request, now time.Time) (name string, err error)
	// Logout is the path, on the console's own host, that ends what the service
	// remembers of whoever sent the request; "" where the request says nothing of
	// the service, or it is off.
	Logout(r *http.Request) string
}

// What is wrong with a credential.
var (
	// ErrNone: the request has no credential of this kind.
	ErrNone = errors.New("no credential")
	// ErrForged: this was never ours, or the provider's.
	ErrForged = errors.New("credential is not genuine")
	// ErrEnded: it was, and is no longer valid, or not yet.
	ErrEnded = errors.New("credential is not valid now")
	// ErrKeys: the provider's keys could not be had, so that nothing can be said
	// of a credential.
	ErrKeys = errors.New("the keys to check the credential with are not available")
)

// byHeader is the identity by what the provider adds to the request.
func (d *Door) byHeader(r *http.Request) (Identity, error) {
	if d.Provider == nil {
		return Identity{}, ErrNone
	}
	name, err := d.Provider.ByHeader(r, d.Now())
	return Identity{Way: ByProvider, Name: name}, err
}

// byCookie is the identity by the provider's cookie.
func (d *Door) byCookie(r *http.Request) (Identity, error) {
	if d.Provider == nil {
		return Identity{}, ErrNone
	}
	name, err := d.Provider.ByCookie(r, d.Now())
	return Identity{Way: ByProvider, Name: name}, err
}

// Next is where a browser that has logged out must go to be logged out at the
// provider too; "" when there is nothing to end.
func (d *Door) Next(r *http.Request) string {
	if d.Provider == nil {
		return ""
	}
	return d.Provider.Logout(r)
}

// variables are the provider's; without one there are none.
func (d *Door) variables() (all, unset []string) {
	if d.Provider == nil {
		return nil, nil
	}
	return d.Provider.Variables()
}

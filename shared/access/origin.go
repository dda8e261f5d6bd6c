package access

import (
	"net/http"
	"net/url"
	"strings"
)

// mayChange reports whether the request may do what its method says. A browser
// attaches cookies, and the provider in front of us its header, to whatever site
// makes it send a request; so a request that changes something must come from
// the page. A program that logs in to the provider has no Origin to send, and
// every browser sends one with a POST (Fetch standard, "append a request Origin
// header"), so for what is no cookie its absence is no objection.
func mayChange(r *http.Request, cookie bool) bool {
	switch r.Method {
	case http.MethodGet, http.MethodHead, http.MethodOptions: // safe, RFC 9110 section 9.2.1
		return true
	}
	return fromHere(r, cookie)
}

// fromHere reports whether the page at the request's own host sent it, by the
// headers that no script can set: Origin (RFC 6454) and Sec-Fetch-Site (W3C Fetch
// Metadata). Without strict, a request without them passes: it is no browser's.
func fromHere(r *http.Request, strict bool) bool {
	switch site := r.Header.Values("Sec-Fetch-Site"); {
	case len(site) == 0:
	case len(site) > 1 || site[0] != "same-origin":
		return false
	}
	origin := r.Header.Values("Origin")
	if len(origin) == 0 {
		return !strict
	}
	if len(origin) > 1 || r.Host == "" {
		return false
	}
	u, err := url.Parse(origin[0])
	if err != nil || u.User != nil || u.Path != "" || u.RawQuery != "" || u.Fragment != "" {
		return false
	}
	// A page that came without TLS may be anybody's on the way.
	scheme := u.Scheme == "https" || u.Scheme == "http" && !encrypted(r)
	return scheme && strings.EqualFold(u.Host, r.Host)
}

// encrypted reports whether the client's connection is TLS: the platform that
// ended it gives the whole URL, or the server ended it itself.
func encrypted(r *http.Request) bool {
	return r.TLS != nil || r.URL.Scheme == "https"
}

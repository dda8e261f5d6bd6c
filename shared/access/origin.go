package access

import (
	"net/http"
	"net/url"
	"strings"
)

// mayChange reports whether the request may do what its method says. A browser
// attaches cookies, and at Cloudflare's edge the Access assertion, to whatever
// site makes it send a request; so a request that changes something must come
// from the page. A program with an Access service token has no Origin to send,
// and every browser sends one with a POST (Fetch standard, "append a request
// Origin header"), so for the assertion in a header its absence is no objection.
func (d *Door) mayChange(r *http.Request, who Identity) bool {
	switch r.Method {
	case http.MethodGet, http.MethodHead, http.MethodOptions: // safe, RFC 9110 section 9.2.1
		return true
	}
	inHeader := who.Way == ByAccess && r.Header.Get(assertionHeader) != ""
	return fromHere(r, !inHeader)
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

// encrypted reports whether the client's connection is TLS: the platform gives
// the whole URL (Workers), or the server ended TLS itself.
func encrypted(r *http.Request) bool {
	return r.TLS != nil || r.URL.Scheme == "https"
}

package native

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"time"
)

// Bounds of one connection.
const (
	dialTime   = 10 * time.Second
	idleTime   = 30 * time.Second // below what servers and NATs keep a silent connection
	maxHeaders = 64 << 10         // bytes
)

// Client sends requests to services that the owner has configured, which may be
// on this machine. It follows no redirects, keeps no cookies, and uses the proxy
// that the environment names. Its errors hold no more of the URL than the host.
type Client struct{ http *http.Client }

// NewClient returns a Client with connections of its own.
func NewClient() *Client {
	return &Client{&http.Client{
		Transport: &http.Transport{
			Proxy:                  http.ProxyFromEnvironment,
			DialContext:            (&net.Dialer{Timeout: dialTime}).DialContext,
			ForceAttemptHTTP2:      true,
			TLSHandshakeTimeout:    dialTime,
			IdleConnTimeout:        idleTime,
			MaxIdleConns:           32,
			MaxIdleConnsPerHost:    16,
			MaxResponseHeaderBytes: maxHeaders,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// Do sends r under its context.
func (c *Client) Do(r *http.Request) (*http.Response, error) {
	response, err := c.http.Do(r)
	if err == nil {
		return response, nil
	}
	if cause := r.Context().Err(); cause != nil {
		return nil, cause
	}
	// The URL, which may hold a token, is url.Error's own word.
	if wrapped, ok := errors.AsType[*url.Error](err); ok {
		err = wrapped.Err
	}
	return nil, fmt.Errorf("connection to %s failed: %w", r.URL.Host, err)
}

// CloseIdle closes the connections that wait for a next request.
func (c *Client) CloseIdle() { c.http.CloseIdleConnections() }

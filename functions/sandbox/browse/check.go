//go:build linux

package main

import (
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"strings"
	"unicode/utf8"

	"instar/shared/sandbox"
)

// Bounds of an action, in bytes.
const (
	maxURL  = 2048
	maxPath = 512
	maxText = 32 << 10
)

// check reports what is wrong with an action, for who asked for it to read.
func check(a sandbox.Action) error {
	if a.URL != "" {
		if err := checkURL(a.URL); err != nil {
			return err
		}
	}
	switch a.Action {
	case sandbox.BrowserOpen:
		if a.URL == "" {
			return errors.New("open needs a url")
		}
	case sandbox.BrowserRead:
		if a.Offset < 0 {
			return errors.New("offset cannot be negative")
		}
	case sandbox.BrowserScreenshot:
		return checkPath(a.Path, ".png")
	case sandbox.BrowserPDF:
		return checkPath(a.Path, ".pdf")
	case sandbox.BrowserClick, sandbox.BrowserFill:
		if a.Element < 1 {
			return fmt.Errorf("%s needs element: the number of one that the page listed when it was last read", a.Action)
		}
		if a.URL != "" {
			return fmt.Errorf("%s takes no url, because the elements of a page have no number before it is read: open it first", a.Action)
		}
		if len(a.Text) > maxText || !utf8.ValidString(a.Text) {
			return fmt.Errorf("text must be UTF-8 of at most %d bytes", maxText)
		}
	default:
		return fmt.Errorf("action must be one of open, read, click, fill, screenshot, pdf, and is %.40q", a.Action)
	}
	return nil
}

// checkURL lets http and https through. Which hosts can be reached is not for
// this program to say: what leaves the container is the platform's to allow.
func checkURL(address string) error {
	bad := errors.New("url must begin with http:// or https://, name a host and hold no password")
	if len(address) > maxURL {
		return fmt.Errorf("url is longer than %d bytes", maxURL)
	}
	if strings.ContainsFunc(address, func(r rune) bool { return r <= ' ' || r == '\\' || r == 0x7f || r == utf8.RuneError }) {
		return bad
	}
	u, err := url.Parse(address)
	if err != nil || !web(u.Scheme) || u.Hostname() == "" || u.User != nil || u.Opaque != "" {
		return bad
	}
	return nil
}

func web(scheme string) bool { return scheme == "http" || scheme == "https" }

// may reports whether a page at an address may be looked at. Pages cannot go to
// others by themselves, as far as Chromium keeps its rules.
func may(address string) bool {
	address = strings.TrimPrefix(address, "blob:")
	u, err := url.Parse(address)
	return address == blank || err == nil && web(u.Scheme)
}

// checkPath lets through where a file can be written within the workspace.
func checkPath(path, end string) error {
	if path == "" || len(path) > maxPath || !utf8.ValidString(path) || strings.ContainsRune(path, 0) ||
		!filepath.IsLocal(path) || filepath.Clean(path) != path || path == "." {
		return fmt.Errorf("path must name a file within the workspace, as in shots/page%s", end)
	}
	if !strings.EqualFold(filepath.Ext(path), end) {
		return fmt.Errorf("path must end in %s", end)
	}
	return nil
}

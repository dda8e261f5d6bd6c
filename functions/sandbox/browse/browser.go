//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	cdpbrowser "github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/target"
	"github.com/chromedp/chromedp"

	"instar/shared/sandbox"
	"instar/shared/web/visible"
)

// Times of an action. It ends when the page has loaded and nothing has come or
// gone for a while, or when it should have.
const (
	maxTime     = 30 * time.Second
	maxNavigate = 18 * time.Second       // until the first bytes of a page
	maxLoad     = 10 * time.Second       // until it has loaded, from the action on
	maxStuck    = 3 * time.Second        // that a parsed page waits for what does not come
	quiet       = 500 * time.Millisecond // without anything
	maxBusy     = 5 * time.Second        // from when it has loaded, for requests to end
	maxScript   = 5 * time.Second        // for the page to answer page.js
)

const (
	maxTabs   = 5 // pages open at once
	maxOpened = 5 // pages that one action may open
	blank     = "about:blank"
)

// browser does actions, one at a time.
type browser struct {
	*chromium
	tabs []*tab // the last is the one that is shown

	mu      sync.Mutex
	pages   []target.ID // all that there are, oldest first
	opened  int         // pages since the action began
	refused string      // the name of a file that was to be downloaded since the action began
}

// start starts Chromium; the first page opens with the first action.
func start(ctx context.Context, dir string) (*browser, error) {
	c, err := launch(ctx, dir)
	if err != nil {
		return nil, err
	}
	b := &browser{chromium: c}
	late := time.AfterFunc(sandbox.BrowserStart, c.cancel)
	defer late.Stop()
	err = chromedp.ListenBrowser(c.ctx, b.event)
	if err == nil {
		yes := true
		_, err = chromedp.Run(c.ctx, func(ctx context.Context, _ *chromedp.Target) (cdp.Empty, error) {
			return cdp.Call(ctx, chromedp.FromContext(c.ctx).Browser, cdpbrowser.SetDownloadBehavior,
				cdpbrowser.SetDownloadBehaviorParams{Behavior: cdpbrowser.SetDownloadBehaviorBehaviorDeny, EventsEnabled: &yes})
		})
	}
	if err != nil {
		c.close()
		return nil, fmt.Errorf("start Chromium: %w", err)
	}
	c.started()
	return b, nil
}

// event notes which pages there are.
func (b *browser) event(e any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch e := e.(type) {
	case *target.EventTargetCreated:
		if e.TargetInfo.Type != "page" {
			return
		}
		b.opened++
		b.pages = append(b.pages, e.TargetInfo.TargetID)
	case *cdpbrowser.EventDownloadWillBegin:
		b.refused = visible.Line(e.SuggestedFilename, maxName)
	case *target.EventTargetDestroyed:
		b.pages = slices.DeleteFunc(b.pages, func(id target.ID) bool { return id == e.TargetID })
	}
}

// adopt drops the pages that have been closed and takes those that pages have
// opened. The newest is the one that is shown, and there are not many.
func (b *browser) adopt(ctx context.Context) {
	if b.flooded() {
		b.tabs = nil
		return
	}
	b.mu.Lock()
	pages := slices.Clone(b.pages)
	b.mu.Unlock()
	shown := b.shown()
	for _, t := range slices.Clone(b.tabs) {
		if !slices.Contains(pages, t.id()) {
			b.drop(t)
		}
	}
	own := chromedp.FromContext(b.ctx).Target.TargetID
	pages = slices.DeleteFunc(pages, func(id target.ID) bool {
		return id == own || slices.ContainsFunc(b.tabs, func(t *tab) bool { return t.id() == id })
	})
	for _, id := range pages {
		if b.flooded() {
			return
		}
		t, err := b.attach(ctx, id)
		if err != nil {
			b.forget(id)
			go cdp.Call(b.ctx, chromedp.FromContext(b.ctx).Browser, target.CloseTarget, target.CloseTargetParams{TargetID: id})
			continue
		}
		b.tabs = append(b.tabs, t)
	}
	for len(b.tabs) > maxTabs {
		b.drop(b.tabs[0])
	}
	if now := b.shown(); now != nil && now != shown {
		call(ctx, now, page.BringToFront, cdp.Empty{})
	}
}

// shown is the page in the window, or nil.
func (b *browser) shown() *tab {
	if len(b.tabs) == 0 {
		return nil
	}
	return b.tabs[len(b.tabs)-1]
}

// drop closes a page, whatever it is doing.
func (b *browser) drop(t *tab) {
	b.tabs = slices.DeleteFunc(b.tabs, func(other *tab) bool { return other == t })
	b.forget(t.id())
	go t.cancel()
}

func (b *browser) forget(id target.ID) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.pages = slices.DeleteFunc(b.pages, func(other target.ID) bool { return other == id })
}

// flooded reports whether pages have opened more windows than anybody wants, which
// Chromium without a desktop does not block. They come faster than they can be
// closed: the browser is to end.
func (b *browser) flooded() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.opened > maxOpened
}

// current is the page to act on, a new one when there is none.
func (b *browser) current(ctx context.Context) (*tab, error) {
	b.adopt(ctx)
	if t := b.shown(); t != nil && !t.state().crashed {
		return t, nil
	} else if t != nil {
		b.drop(t)
	}
	if b.flooded() {
		return nil, errFlood
	}
	t, err := b.attach(ctx, "")
	if err != nil {
		return nil, errors.New("the browser opens no page; try again")
	}
	b.tabs = append(b.tabs, t)
	return t, nil
}

// begin forgets what an earlier action led to.
func (b *browser) begin() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.refused, b.opened = "", 0
}

// act does one action. The file is what is to be written to Path.
func (b *browser) act(ctx context.Context, a sandbox.Action) (p sandbox.Page, file []byte, err error) {
	if t := b.shown(); t != nil && a.URL != "" && t.state().storm {
		b.drop(t) // it would go on leading elsewhere
	}
	t, err := b.current(ctx)
	if err != nil {
		return p, nil, err
	}
	t.begin()
	b.begin()
	if a.URL != "" {
		if err := b.open(ctx, t, a.URL); err != nil {
			return p, nil, err
		}
	}
	switch a.Action {
	case sandbox.BrowserClick:
		err = b.click(ctx, t, a)
	case sandbox.BrowserFill:
		err = b.fill(ctx, t, a)
	case sandbox.BrowserScreenshot, sandbox.BrowserPDF:
		return b.picture(ctx, a)
	}
	if err != nil {
		return p, nil, err
	}
	p, err = b.read(ctx, a.Offset)
	return p, nil, err
}

// open goes to an address and waits until the page is quiet.
func (b *browser) open(ctx context.Context, t *tab, url string) error {
	t.page = ""
	within, cancel := context.WithTimeout(ctx, maxNavigate)
	defer cancel()
	r, err := call(within, t, page.Navigate, page.NavigateParams{URL: url})
	switch {
	case within.Err() != nil:
		b.drop(t)
		return errors.New("the page did not answer in time")
	case err != nil:
		return fmt.Errorf("the browser does not open it: %w", err)
	case r.IsDownload:
		return errDownload
	case r.ErrorText != "":
		return explain(r.ErrorText)
	}
	b.settle(ctx)
	return nil
}

// settle waits until the page that is shown has loaded and is quiet, or should be.
// It follows to pages that are opened.
func (b *browser) settle(ctx context.Context) {
	began := time.Now()
	var loaded time.Time
	for {
		b.adopt(ctx)
		t := b.shown()
		if t == nil || ctx.Err() != nil {
			return
		}
		s := t.state()
		switch {
		case s.crashed, s.storm:
			return
		case time.Since(began) > maxLoad+maxBusy, s.loading && time.Since(began) > maxLoad:
			return
		case s.loading:
			loaded = time.Time{}
		case loaded.IsZero():
			loaded = time.Now()
		case s.quiet > quiet && !s.busy, s.quiet > maxStuck, time.Since(loaded) > maxBusy:
			return
		}
		select {
		case <-ctx.Done():
		case <-time.After(25 * time.Millisecond):
		}
	}
}

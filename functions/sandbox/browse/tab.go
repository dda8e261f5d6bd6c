//go:build linux

package main

import (
	"context"
	"strings"
	"sync"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/inspector"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/cdproto/target"
	"github.com/chromedp/chromedp"

	"instar/shared/web/visible"
)

// Bounds of what an action leads to.
const (
	maxSaid    = 3 // dialogs that are told
	maxDialogs = 30
	maxVisits  = 20
)

// tab is one page of the browser. Its events come from chromedp's goroutine.
type tab struct {
	ctx     context.Context
	cancel  func()
	session *chromedp.Target
	page    runtime.RemoteObjectID // of page.js in the document that was last read; "" for none

	mu       sync.Mutex
	frame    cdp.FrameID // the main one
	loading  bool
	ready    bool // the document has been parsed
	requests map[network.RequestID]bool
	last     time.Time // of anything that came or went
	status   int       // of the document, 0 for none
	failure  string    // why the document did not come
	crashed  bool
	said     []string // dialogs since the action began
	dialogs  int
	visits   int // documents since the action began
}

// attach opens a page, or takes the one of an id, within a few seconds: one whose
// scripts stand still cannot be had.
func (c *chromium) attach(ctx context.Context, id target.ID) (*tab, error) {
	t := &tab{requests: map[network.RequestID]bool{}, last: time.Now()}
	options := []chromedp.ContextOption{chromedp.WithListener(t.event)}
	if id != "" {
		options = append(options, chromedp.WithTargetID(id))
	}
	t.ctx, t.cancel = chromedp.NewContext(c.ctx, options...)
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	got := make(chan error, 1)
	go func() {
		_, err := chromedp.Run(t.ctx, func(_ context.Context, s *chromedp.Target) (chromedp.Void, error) {
			t.mu.Lock()
			t.session = s
			t.mu.Unlock()
			return chromedp.Void{}, nil
		})
		got <- err
	}()
	var err error
	select {
	case err = <-got:
	case <-ctx.Done():
		err = ctx.Err()
	}
	if err == nil {
		_, err = call(ctx, t, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{Width: width, Height: height, DeviceScaleFactor: 1})
	}
	if err == nil {
		_, err = call(ctx, t, page.SetInterceptFileChooserDialog, page.SetInterceptFileChooserDialogParams{Enabled: true})
	}
	if err != nil {
		go t.cancel()
		return nil, err
	}
	return t, nil
}

// call sends a command to the page.
func call[P, R any](ctx context.Context, t *tab, command cdp.Command[P, R], p P) (R, error) {
	return cdp.Call(ctx, t.session, command, p)
}

func (t *tab) id() target.ID { return t.session.TargetID }

// event notes what happens.
func (t *tab) event(e any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch e := e.(type) {
	case *page.EventFrameStartedLoading:
		if t.main(e.FrameID) {
			t.loading, t.ready = true, false
		}
	case *page.EventFrameStoppedLoading:
		if t.main(e.FrameID) {
			t.loading = false
		}
	case *page.EventFrameNavigated:
		if e.Frame.ParentID == "" {
			t.frame = e.Frame.ID
			t.visits++
		}
	case *page.EventDomContentEventFired:
		t.ready = true
	case *page.EventJavascriptDialogOpening:
		t.dialogs++
		if len(t.said) < maxSaid && e.Type != page.DialogTypeBeforeunload {
			t.said = append(t.said, string(e.Type)+": "+visible.Line(e.Message, 300))
		}
		// A page that may ask whether to be left would not be.
		go call(t.ctx, t, page.HandleJavaScriptDialog, page.HandleJavaScriptDialogParams{Accept: e.Type == page.DialogTypeBeforeunload})
	case *inspector.EventTargetCrashed:
		t.crashed, t.loading = true, false
	default:
		t.traffic(e)
	}
	t.last = time.Now()
}

// traffic notes what goes over the network. Connections that are made to stay
// open are nothing to wait for.
func (t *tab) traffic(e any) {
	switch e := e.(type) {
	case *network.EventRequestWillBeSent:
		if string(e.RequestID) == string(e.LoaderID) && t.main(e.FrameID) {
			clear(t.requests)
			t.status, t.failure = 0, ""
		}
		if e.Type != network.ResourceTypeEventSource && e.Type != network.ResourceTypePing && !strings.HasPrefix(e.Request.URL, "data:") {
			t.requests[e.RequestID] = true
		}
	case *network.EventResponseReceived:
		if e.Type == network.ResourceTypeDocument && t.main(e.FrameID) {
			t.status = int(e.Response.Status)
		}
	case *network.EventLoadingFinished:
		delete(t.requests, e.RequestID)
	case *network.EventLoadingFailed:
		if e.Type == network.ResourceTypeDocument && t.requests[e.RequestID] {
			t.failure = e.ErrorText
		}
		delete(t.requests, e.RequestID)
	}
}

// main reports whether a frame is the main one, whose id is its page's until it is
// known.
func (t *tab) main(f cdp.FrameID) bool {
	return f == t.frame || t.frame == "" && t.session != nil && string(f) == string(t.session.TargetID)
}

// begin forgets what an earlier action led to, and does not wait again for what did
// not come then.
func (t *tab) begin() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.said, t.dialogs, t.visits, t.last = nil, 0, 0, time.Now()
	t.loading = t.loading && !t.ready
	clear(t.requests)
}

// state is how busy the page is.
type state struct {
	loading bool // and not stuck at something that does not come
	busy    bool // requests are open
	quiet   time.Duration
	crashed bool
	storm   bool // of dialogs, or of documents that lead to others
}

func (t *tab) state() state {
	t.mu.Lock()
	defer t.mu.Unlock()
	quiet := time.Since(t.last)
	return state{
		loading: t.loading && !(t.ready && quiet > maxStuck),
		busy:    len(t.requests) > 0, quiet: quiet, crashed: t.crashed, storm: t.dialogs > maxDialogs || t.visits > maxVisits,
	}
}

//go:build linux

package main

import (
	"context"
	"fmt"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/page"

	"instar/shared/sandbox"
)

// Bounds of a picture.
const (
	maxHeight  = 16_384 // pixels, what Chromium draws in one piece
	maxPicture = 20 << 20
	maxDraw    = 15 * time.Second
)

// picture is what the page that is shown looks like, as PNG or PDF.
func (b *browser) picture(ctx context.Context, a sandbox.Action) (p sandbox.Page, file []byte, err error) {
	t := b.shown()
	if t == nil {
		return p, nil, b.none()
	}
	if err := b.guard(ctx, t); err != nil {
		return p, nil, err
	}
	within, cancel := context.WithTimeout(ctx, maxDraw)
	defer cancel()
	if a.Action == sandbox.BrowserPDF {
		yes := true
		var r page.PrintToPDFResult
		r, err = call(within, t, page.PrintToPDF, page.PrintToPDFParams{PrintBackground: &yes})
		file = r.Data
	} else {
		file, err = t.shot(within, a.Full)
	}
	if err != nil {
		if err = b.failed(within, t); err == errUnread {
			err = fmt.Errorf("the page could not be drawn")
		}
		return p, nil, err
	}
	if len(file) > maxPicture {
		return p, nil, fmt.Errorf("the picture has %d MB, at most %d: take one of the window instead of the whole page", len(file)>>20, maxPicture>>20)
	}
	info, err := call(within, t, page.GetNavigationHistory, cdp.Empty{})
	if err != nil || info.CurrentIndex < 0 || int(info.CurrentIndex) >= len(info.Entries) {
		return p, nil, errUnread
	}
	at := info.Entries[info.CurrentIndex]
	if at.URL == blank && len(info.Entries) == 1 {
		return p, nil, errNone
	}
	if !may(at.URL) {
		return p, nil, b.leave(ctx, t)
	}
	return sandbox.Page{URL: at.URL, Title: at.Title}, file, nil
}

// shot is a PNG of the window, or of the page from its top on.
func (t *tab) shot(ctx context.Context, full bool) ([]byte, error) {
	p := page.CaptureScreenshotParams{Format: page.CaptureScreenshotFormatPng}
	if full {
		m, err := call(ctx, t, page.GetLayoutMetrics, cdp.Empty{})
		if err != nil {
			return nil, err
		}
		yes := true
		p.CaptureBeyondViewport = &yes
		p.Clip = &page.Viewport{Width: width, Height: min(max(m.CSSContentSize.Height, height), maxHeight), Scale: 1}
	}
	r, err := call(ctx, t, page.CaptureScreenshot, p)
	return r.Data, err
}

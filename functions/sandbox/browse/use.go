//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/chromedp/cdproto/input"

	"instar/shared/sandbox"
	"instar/shared/web/visible"
)

// spot is where in the window to click, or what else page.js's fill says.
type spot struct {
	X, Y       float64
	Done, Type bool
}

// click clicks the middle of an element with the mouse, as a person would, and
// waits until the page is quiet.
func (b *browser) click(ctx context.Context, t *tab, a sandbox.Action) error {
	var at spot
	if err := b.use(ctx, t, a, &at, "point", a.Element); err != nil {
		return err
	}
	if err := b.press(ctx, t, at); err != nil {
		return err
	}
	b.settle(ctx)
	return nil
}

// use has page.js see to an element, on a page that may be used, when it is the one
// that is expected.
func (b *browser) use(ctx context.Context, t *tab, a sandbox.Action, at *spot, name string, args ...any) error {
	if t.page == "" {
		return errUnread
	}
	if err := b.guard(ctx, t); err != nil {
		return err
	}
	if a.Expect != nil {
		var is struct{ Name, Host string }
		if err := b.script(ctx, t, &is, "named", a.Element); err != nil {
			return err
		}
		if is.Host != a.Expect.Host {
			return fmt.Errorf("the page is one of %s, not of %s: read it again", visible.Line(is.Host, maxHost), visible.Line(a.Expect.Host, maxHost))
		}
		if now := visible.Line(is.Name, maxName); now != a.Expect.Name {
			return fmt.Errorf("element %d is called %q, not %q: read the page again", a.Element, now, visible.Line(a.Expect.Name, maxName))
		}
	}
	return b.script(ctx, t, at, name, args...)
}

func (b *browser) press(ctx context.Context, t *tab, at spot) error {
	for _, kind := range []input.DispatchMouseEventType{input.DispatchMouseEventTypeMouseMoved, input.DispatchMouseEventTypeMousePressed, input.DispatchMouseEventTypeMouseReleased} {
		p := input.DispatchMouseEventParams{Type: kind, X: at.X, Y: at.Y}
		if kind != input.DispatchMouseEventTypeMouseMoved {
			p.Button, p.ClickCount = input.MouseButtonLeft, 1
		}
		if err := b.give(ctx, t, func(ctx context.Context) error {
			_, err := call(ctx, t, input.DispatchMouseEvent, p)
			return err
		}); err != nil {
			return err
		}
	}
	return nil
}

// give gives a page input. That the page has gone meanwhile, or takes its time, is
// no error: it may be what the input led to.
func (b *browser) give(ctx context.Context, t *tab, f func(context.Context) error) error {
	within, cancel := context.WithTimeout(ctx, maxScript)
	defer cancel()
	if f(within); ctx.Err() != nil {
		return errors.New("the page did not take it in time")
	}
	return nil
}

// fill changes a field, a choice or a checkbox, and waits until the page is quiet.
func (b *browser) fill(ctx context.Context, t *tab, a sandbox.Action) error {
	var at spot
	if err := b.use(ctx, t, a, &at, "fill", a.Element, a.Text); err != nil {
		return err
	}
	if at.Type {
		if err := b.write(ctx, t, a); err != nil {
			return err
		}
	} else if !at.Done {
		if err := b.press(ctx, t, at); err != nil {
			return err
		}
	}
	if a.Enter {
		if err := b.key(ctx, t, "Enter", 13, "\r"); err != nil {
			return err
		}
	}
	b.settle(ctx)
	return nil
}

// write types over the text that is selected.
func (b *browser) write(ctx context.Context, t *tab, a sandbox.Action) error {
	if a.Text == "" {
		if err := b.key(ctx, t, "Delete", 46, ""); err != nil {
			return err
		}
	} else if err := b.give(ctx, t, func(ctx context.Context) error {
		_, err := call(ctx, t, input.InsertText, input.InsertTextParams{Text: a.Text})
		return err
	}); err != nil {
		return err
	}
	var nothing struct{}
	return b.script(ctx, t, &nothing, "changed", a.Element)
}

// key presses a key.
func (b *browser) key(ctx context.Context, t *tab, name string, code int64, text string) error {
	for _, kind := range []input.DispatchKeyEventType{input.DispatchKeyEventTypeKeyDown, input.DispatchKeyEventTypeKeyUp} {
		p := input.DispatchKeyEventParams{Type: kind, Key: name, Code: name, WindowsVirtualKeyCode: code}
		if kind == input.DispatchKeyEventTypeKeyDown {
			p.Text = text
		}
		if err := b.give(ctx, t, func(ctx context.Context) error {
			_, err := call(ctx, t, input.DispatchKeyEvent, p)
			return err
		}); err != nil {
			return err
		}
	}
	return nil
}

//go:build linux

package main

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"

	"instar/shared/sandbox"
	"instar/shared/web/article"
	"instar/shared/web/visible"
)

//go:embed page.js
var script string

var (
	errNone     = errors.New("no page is open: open one")
	errDownload = errors.New("that is a file to download, which this browser does not; fetch it with a program in the sandbox")
	errFlood    = errors.New("the page opened windows without end, and the browser has been closed: open another page")
	errUnread   = errors.New("the page is another one than was read: read the page again")
	errBusy     = errors.New("the page is too busy to answer, and has been closed: open it or another one")
	errCrashed  = errors.New("the page used too much memory or failed, and has been closed: open it or another one")
)

// seen is what page.js's read answers.
type seen struct {
	Title    string            `json:"title"`
	URL      string            `json:"url"`
	Type     string            `json:"type"`
	HTML     string            `json:"html"`
	Cut      bool              `json:"cut"`
	Elements []sandbox.Element `json:"elements"`
}

// read is the page that is shown as text, all of it: what an article leaves out
// is half of what an application is.
func (b *browser) read(ctx context.Context, offset int) (p sandbox.Page, err error) {
	var s seen
	for tries := 0; ; tries++ {
		t := b.shown()
		if t == nil {
			return p, b.none()
		}
		if s, err = b.look(ctx, t); err == nil {
			b.mu.Lock()
			refused := b.refused
			b.mu.Unlock()
			if p = t.show(s, refused, offset); p.URL == blank && p.Text == "" {
				return sandbox.Page{}, errNone
			}
			return p, nil
		}
		// The page may have gone on to another one meanwhile.
		if !errors.Is(err, errUnread) || tries == 3 || ctx.Err() != nil {
			return p, err
		}
		time.Sleep(quiet)
	}
}

// none is why no page is open.
func (b *browser) none() error {
	if b.flooded() {
		return errFlood
	}
	return errNone
}

// show makes a Page of what was seen.
func (t *tab) show(s seen, refused string, offset int) sandbox.Page {
	base, err := url.Parse(s.URL)
	if err != nil {
		base = &url.URL{}
	}
	text := strings.TrimSpace(article.Fragment(s.HTML, base))
	if notes := t.notes(s, refused, text); notes != "" {
		text = notes + "\n" + text
	}
	return sandbox.Page{URL: s.URL, Title: s.Title, Text: from(text, offset), Bytes: len(text), Elements: s.Elements}
}

// notes is what there is to know of a page that is not on it.
func (t *tab) notes(s seen, refused, text string) string {
	t.mu.Lock()
	defer t.mu.Unlock()
	var b strings.Builder
	if t.status >= 400 {
		fmt.Fprintf(&b, "[the page answered %d %s]\n", t.status, http.StatusText(t.status))
	}
	for _, one := range t.said {
		fmt.Fprintf(&b, "[the page showed a dialog, which was dismissed: %s]\n", one)
	}
	if t.dialogs > maxSaid {
		fmt.Fprintf(&b, "[it showed %d dialogs]\n", t.dialogs)
	}
	if refused != "" {
		fmt.Fprintf(&b, "[the page offered a file to download, which was refused: %s]\n", refused)
	}
	if s.Cut {
		b.WriteString("[the page is larger than what is read of one: some of it is missing]\n")
	}
	if text == "" && s.Type != "text/html" {
		fmt.Fprintf(&b, "[the page is %s, and has no text]\n", visible.Line(s.Type, 80))
	}
	return b.String()
}

// look runs page.js in the document that a page shows. Its errors are for a
// person, errUnread when the document has gone meanwhile.
func (b *browser) look(ctx context.Context, t *tab) (s seen, err error) {
	t.page = ""
	if err := b.guard(ctx, t); err != nil {
		return s, err
	}
	ctx, cancel := context.WithTimeout(ctx, maxScript)
	defer cancel()
	t.mu.Lock()
	frame := t.frame
	t.mu.Unlock()
	world, err := call(ctx, t, page.CreateIsolatedWorld, page.CreateIsolatedWorldParams{FrameID: frame, WorldName: "browse"})
	if err != nil {
		return s, b.failed(ctx, t)
	}
	r, err := call(ctx, t, runtime.Evaluate, runtime.EvaluateParams{Expression: script, ContextID: world.ExecutionContextID})
	if err != nil || r.Result == nil || r.Result.ObjectID == "" {
		return s, b.failed(ctx, t)
	}
	t.page = r.Result.ObjectID
	if err := b.script(ctx, t, &s, "read"); err != nil {
		return s, err
	}
	if !may(s.URL) {
		return seen{}, b.leave(ctx, t)
	}
	return s, nil
}

// guard reports when what a page shows is not to be looked at.
func (b *browser) guard(ctx context.Context, t *tab) error {
	ctx, cancel := context.WithTimeout(ctx, maxScript)
	defer cancel()
	tree, err := call(ctx, t, page.GetFrameTree, cdp.Empty{})
	if err != nil {
		return b.failed(ctx, t)
	}
	f := tree.FrameTree.Frame
	t.mu.Lock()
	t.frame = f.ID
	failure := t.failure
	t.mu.Unlock()
	if f.UnreachableURL != "" {
		return explain(failure)
	}
	if !may(f.URL) {
		return b.leave(ctx, t)
	}
	return nil
}

// leave takes the page away from where it may not be.
func (b *browser) leave(ctx context.Context, t *tab) error {
	b.drop(t)
	return errors.New("the page went to an address that is neither http nor https, and has been closed")
}

// failed says why a page did not answer. One that does not at all is closed.
func (b *browser) failed(ctx context.Context, t *tab) error {
	switch {
	case t.state().crashed:
		b.drop(t)
		return errCrashed
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		b.drop(t)
		return errBusy
	case ctx.Err() != nil:
		return errors.New("nobody waits for it any more")
	}
	time.Sleep(50 * time.Millisecond) // the word of a crash comes after the call's
	if t.state().crashed {
		b.drop(t)
		return errCrashed
	}
	t.page = ""
	return errUnread
}

// script calls a function of page.js in the document that was read. An answer with
// an error is that error.
func (b *browser) script(ctx context.Context, t *tab, into any, name string, args ...any) error {
	if t.page == "" {
		return errUnread
	}
	ctx, cancel := context.WithTimeout(ctx, maxScript)
	defer cancel()
	yes := true
	p := runtime.CallFunctionOnParams{
		ObjectID: t.page, ReturnByValue: &yes, AwaitPromise: &yes,
		FunctionDeclaration: "function(...a) { return this." + name + "(...a) }",
	}
	for _, arg := range args {
		value, err := json.Marshal(arg)
		if err != nil {
			return err
		}
		p.Arguments = append(p.Arguments, &runtime.CallArgument{Value: value})
	}
	r, err := call(ctx, t, runtime.CallFunctionOn, p)
	if err != nil {
		return b.failed(ctx, t)
	}
	if r.ExceptionDetails != nil || r.Result == nil {
		return fmt.Errorf("the page could not be looked at (%s)", visible.Line(exception(r.ExceptionDetails), 200))
	}
	var said struct {
		Error string `json:"error"`
	}
	if json.Unmarshal(r.Result.Value, &said) == nil && said.Error != "" {
		return errors.New(said.Error)
	}
	return json.Unmarshal(r.Result.Value, into)
}

func exception(e *runtime.ExceptionDetails) string {
	switch {
	case e == nil:
		return "no answer"
	case e.Exception != nil:
		return e.Exception.Description
	}
	return e.Text
}

// explain says what an error of Chromium's network means.
func explain(text string) error {
	text = strings.TrimPrefix(text, "net::")
	why := map[string]string{
		"ERR_NAME_NOT_RESOLVED":  "there is no such host, or it cannot be reached from here",
		"ERR_CONNECTION_REFUSED": "the host refuses connections",
		"ERR_TOO_MANY_REDIRECTS": "it redirects too often",
		"ERR_ABORTED":            "nothing came that could be shown (a file to download, or an empty answer)",
	}[text]
	switch {
	case why != "":
	case strings.HasPrefix(text, "ERR_CERT"), strings.HasPrefix(text, "ERR_SSL"):
		why = "its certificate is not trusted, or its TLS fails"
	default:
		why = "it cannot be reached"
	}
	if text == "" {
		return fmt.Errorf("the page could not be opened: %s", why)
	}
	return fmt.Errorf("the page could not be opened: %s [%s]", why, visible.Line(text, 80))
}

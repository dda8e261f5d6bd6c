package sandbox

import "time"

// BrowserProgram is the program in the container that drives Chromium
// (functions/sandbox/browse). It runs as jobs, like everything there:
//
//	browse serve   is the browser: one job of the id that the caller gives it. It
//	               ends by itself after BrowserIdle without an action, and with it
//	               all that its pages knew
//	browse         reads an Action as JSON from its standard input, has the browser
//	               do it, waiting up to BrowserStart for one to be there, and
//	               prints a Page as JSON, of at most MaxPage bytes. What could not
//	               be done is a Page with an Error, and exit code 0
const (
	BrowserProgram = "browse"
	BrowserIdle    = 2 * time.Minute
	BrowserStart   = 20 * time.Second
	MaxPage        = 48 << 10
	MaxPageText    = 24 << 10 // bytes of Page.Text
)

// Limits of the job that is the browser. With one small page Chromium takes 100 MB
// and 80 threads, and cannot do much with less than 384 MB; a page's scripts may
// have 512 MB, and one that wants more ends alone.
const (
	BrowserMemoryMB  = 1536
	BrowserProcesses = 512
)

// What a browser can be asked for.
const (
	BrowserOpen       = "open"       // go to URL; answers what Read does
	BrowserRead       = "read"       // the page as Markdown, and what on it can be clicked or filled
	BrowserScreenshot = "screenshot" // what the window shows, or with Full the whole page, as PNG in Path
	BrowserPDF        = "pdf"        // the page printed, in Path
	BrowserClick      = "click"      // Element; answers what Read does, once the page is quiet
	BrowserFill       = "fill"       // Text into Element, with Enter pressed after it if Enter; answers what Read does
)

// Action is one thing for the browser to do. With a URL any action goes there first.
type Action struct {
	Action string `json:"action"`
	URL    string `json:"url,omitempty"`
	// Element is the number of one that the last Page listed.
	Element int    `json:"element,omitempty"`
	Text    string `json:"text,omitempty"`
	Enter   bool   `json:"enter,omitempty"`
	Full    bool   `json:"full,omitempty"`
	Offset  int    `json:"offset,omitempty"` // of Read: bytes of the Markdown to leave out
	Path    string `json:"path,omitempty"`   // relative to the workspace
	// Expect, of Click and Fill, is what the caller believes to be there; nothing
	// is done to another page or element.
	Expect *Expectation `json:"expect,omitempty"`
}

// Expectation is what was allowed: this element, by its whole Name as listed, on a
// page of this host.
type Expectation struct {
	Host string `json:"host"`
	Name string `json:"name"`
}

// Page is what the browser shows after an action.
type Page struct {
	Error    string    `json:"error,omitempty"`
	URL      string    `json:"url,omitempty"`
	Title    string    `json:"title,omitempty"`
	Text     string    `json:"text,omitempty"`  // Markdown
	Bytes    int       `json:"bytes,omitempty"` // of the whole Markdown
	Elements []Element `json:"elements,omitempty"`
	// File is what was written to Path: its size in bytes.
	File int64 `json:"file,omitempty"`
}

// Element is something on a page that can be clicked or filled.
type Element struct {
	N     int    `json:"n"`
	Role  string `json:"role"` // "link", "button", "field", "checkbox", "select"
	Name  string `json:"name"` // as a person would call it, at most 80 bytes, never empty
	Value string `json:"value,omitempty"`
	// Address is the host that it leads to, when that is another one than the page's.
	Address string `json:"address,omitempty"`
}

//go:build linux && e2e

package main

import (
	"io/fs"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"instar/shared/sandbox"
)

// files are all below a folder.
func files(dir string) (names []string) {
	filepath.WalkDir(dir, func(path string, d fs.DirEntry, _ error) error {
		if d != nil && !d.IsDir() {
			names = append(names, path)
		}
		return nil
	})
	return names
}

// The page knows when it has been read, and does then what it wants.
func TestANumberMeansTheElementThatWasListed(t *testing.T) {
	t.Parallel()
	b := start1(t)
	url := site(t, map[string]any{"/": `<button id=a onclick="out.textContent+='A '">A</button><button id=b onclick="out.textContent+='B '">B</button>
		<button id=c>C</button><a id=d href="/next">D</a><button id=e>E</button><div><button id=f onclick="out.textContent+='F '">F</button></div><p id=out></p><script>
		Element.prototype.getBoundingClientRect = Element.prototype.getClientRects = () => { throw 1 }; Document.prototype.elementFromPoint = () => null; JSON.stringify = () => '"x"'; Array.prototype.map = () => []
		addEventListener('mousemove', () => {}); setTimeout(() => {
			a.textContent = 'B'; b.textContent = 'A'; a.before(b); a.id = 'b'; c.replaceWith(c.cloneNode(true)); d.href = 'https://evil.example/'
			Object.assign(document.body.appendChild(document.createElement('div')).style, { position: 'fixed', inset: '0 0 auto auto', width: '100px', height: '100px' })
			e.style.visibility = 'hidden'
			f.parentNode.style.position = 'relative'; f.insertAdjacentHTML('afterend', '<div style="position:absolute;inset:0;background:red">Win a prize</div>')
		}, 2000)</script>`})
	p := b.open(t, url)
	time.Sleep(2500 * time.Millisecond)
	click := func(name string) sandbox.Action {
		return sandbox.Action{Action: sandbox.BrowserClick, Element: number(t, p, name)}
	}
	b.fails(t, click("C"), "no longer on the page")
	b.fails(t, click("D"), "leads to another address")
	b.fails(t, click("E"), "not to be seen")
	b.fails(t, click("F"), "covered by something else on the page (Win a prize)")
	b.fails(t, sandbox.Action{Action: sandbox.BrowserClick, Element: 99}, "no element 99")
	expected := click("A")
	expected.Expect = &sandbox.Expectation{Host: "127.0.0.1", Name: "A"}
	b.fails(t, expected, `element 1 is called "B", not "A"`)
	expected.Expect = &sandbox.Expectation{Host: "shop.example", Name: "B"}
	b.fails(t, expected, "the page is one of 127.0.0.1, not of shop.example")
	expected.Expect = &sandbox.Expectation{Host: "127.0.0.1", Name: "B"}
	after := b.do(t, expected)
	if has(t, after, "A"); !strings.HasSuffix(after.Text, "A") || strings.Contains(after.Text, "\nB") {
		t.Errorf("%q", after.Text)
	}
	b.open(t, url)
	b.fails(t, sandbox.Action{Action: sandbox.BrowserFill, Element: 1, Text: "x"}, "clicked, not filled")
}

func TestNumbersEndWithTheirPage(t *testing.T) {
	t.Parallel()
	b := start1(t)
	url := site(t, map[string]any{"/": `<button>One</button><script>setTimeout(() => { location.href = '/other' }, 1500)</script>`, "/other": `<button>Other</button>`})
	p := b.open(t, url)
	time.Sleep(2 * time.Second)
	b.fails(t, sandbox.Action{Action: sandbox.BrowserClick, Element: number(t, p, "One")}, "read the page again")
	element(t, b.do(t, sandbox.Action{Action: sandbox.BrowserRead}), "Other")
}

// A form answers for its fields' names, and the document for its images'.
func TestNamesDoNotClobberWhatIsRead(t *testing.T) {
	t.Parallel()
	b := start1(t)
	names := strings.Fields("action tagName localName childNodes firstChild nextSibling nodeType parentNode getAttribute hasAttribute checkVisibility getBoundingClientRect shadowRoot attributes children isConnected innerText")
	var page strings.Builder
	page.WriteString("<title>Title</title>")
	for _, name := range strings.Fields("body title documentElement contentType getElementById elementFromPoint forms") {
		page.WriteString("<img name=" + name + " alt=x>")
	}
	page.WriteString("<form action=https://elsewhere.example/>")
	for _, name := range names {
		page.WriteString("<input name=" + name + ">")
	}
	page.WriteString("<button id=listed name=submit>Send</button></form><p>after")
	p := b.open(t, site(t, map[string]any{"/": page.String()}))
	if has(t, p, "after"); p.Title != "Title" || len(p.Elements) != len(names)+1 || element(t, p, "Send").Address != "elsewhere.example" {
		t.Errorf("%+v", p)
	}
}

func TestFilesOfTheMachineAreOutOfReach(t *testing.T) {
	t.Parallel()
	b := start1(t)
	redirect := func(to string) func(http.ResponseWriter, *http.Request) {
		return func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Location", to)
			w.WriteHeader(http.StatusFound)
		}
	}
	url := site(t, map[string]any{"/": `<h1>Page</h1><a href="file:///etc/passwd">link</a><a href="view-source:file:///etc/passwd">source</a><a href="chrome://version">chrome</a><a href="data:text/html,reached">data</a>
		<a href="file:///etc/passwd" target=_blank>blank</a><button onclick="window.open('file:///etc/passwd')">open</button><button onclick="window.open('chrome://version')">open chrome</button><button onclick="location.href='file:///etc/passwd'">go</button>
		<button onclick="location.href='data:text/html,reached'">go data</button><button onclick="location.href=window.URL.createObjectURL(new Blob(['<h1>blob</h1>'],{type:'text/html'}))">go blob</button>
		<form action="file:///etc/passwd"><button>send</button></form><iframe src="file:///etc/passwd"></iframe><object data="file:///etc/passwd"></object><p id=out></p>
		<script>fetch('file:///etc/passwd').then((r) => r.text()).then((s) => { out.textContent = s }).catch(() => {}); const x = new XMLHttpRequest(); x.open('GET', 'file:///etc/passwd'); x.onload = () => { out.textContent = x.responseText }; try { x.send() } catch {}</script>`,
		"/redirect": redirect("file:///etc/passwd"), "/chrome": redirect("chrome://version/"), "/data": redirect("data:text/html,reached"),
		"/refresh": `<h1>Refresh</h1><meta http-equiv=refresh content="0;url=file:///etc/passwd">`})
	hidden := []string{"root:", "daemon:", "reached", "Revision"}
	p := b.open(t, url)
	hasNot(t, p, hidden...)
	for _, name := range []string{"link", "source", "chrome", "data", "blank", "open", "open chrome", "go", "go data", "send"} {
		if p.URL != url+"/" {
			p = b.open(t, url)
		}
		p = b.try(t, sandbox.Action{Action: sandbox.BrowserClick, Element: number(t, p, name)})
		hasNot(t, p, hidden...)
		if p.Error == "" && !strings.HasPrefix(p.URL, url) && p.URL != blank {
			t.Errorf("%s: %+v", name, p)
		}
	}
	has(t, b.click(t, b.open(t, url), "go blob"), "# blob")
	for _, path := range []string{"/redirect", "/chrome", "/data"} {
		b.fails(t, sandbox.Action{Action: sandbox.BrowserOpen, URL: url + path}, "could not be opened")
	}
	p = b.open(t, url+"/refresh")
	hasNot(t, p, hidden...)
	has(t, p, "# Refresh")
}

// Alone, before those that are parallel: it is the machine's time that is bounded.
func TestAHugePageIsBounded(t *testing.T) {
	b := start1(t)
	url := site(t, map[string]any{"/": `<h1>Huge</h1><script>
		const some = document.createDocumentFragment(); for (let i = 0; i < 150000; i++) { const p = document.createElement('p'); p.textContent = 'paragraph ' + i; some.append(p) } document.body.append(some)</script>`,
		"/deep": `<h1>Deep</h1><script>let at = document.body; for (let i = 0; i < 1000; i++) { const d = document.createElement('div'); at.append(d); at = d } at.textContent = 'bottom'</script>`,
		"/long": `<h1>Long</h1><button id=a>x</button><script>a.textContent = 'x'.repeat(5e6); document.title = 'y'.repeat(5e6); document.body.append('z'.repeat(5e6))</script>`, "/fine": "<h1>Fine</h1>"})
	for _, c := range []struct{ path, text string }{{"/", "# Huge"}, {"/deep", "# Deep"}, {"/long", "# Long"}, {"/fine", "# Fine"}} {
		began := time.Now()
		p := b.open(t, url+c.path)
		if has(t, p, c.text); time.Since(began) > 15*time.Second {
			t.Errorf("%s took %v", c.path, time.Since(began))
		}
		if c.path != "/fine" {
			has(t, p, "larger than what is read of one")
		}
	}
}

// What stands still or breaks is closed, and the next page is as good as the first.
func TestAPageThatHangsOrFailsIsClosed(t *testing.T) {
	t.Parallel()
	for name, page := range map[string]string{
		"alerts":       `<h1>Storm</h1><script>while (true) alert('x')</script>`,
		"stands still": `<button onclick="while (true) {}">go</button>`,
		"memory":       `<button onclick="const a = []; while (true) a.push(new Array(1e6).fill({}))">go</button>`,
		"flees":        `<h1>Flees</h1><script>setTimeout(() => { location.href = '/?' + Math.random() }, 10)</script>`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := start1(t)
			url := site(t, map[string]any{"/": page, "/fine": "<h1>Fine</h1>"})
			began := time.Now()
			p := b.try(t, sandbox.Action{Action: sandbox.BrowserOpen, URL: url})
			if len(p.Elements) > 0 {
				b.fails(t, sandbox.Action{Action: sandbox.BrowserClick, Element: 1}, "closed")
			} else if name == "alerts" && !strings.Contains(p.Error, "closed") {
				t.Errorf("%+v", p)
			}
			if time.Since(began) > 32*time.Second {
				t.Errorf("it took %v", time.Since(began))
			}
			has(t, b.open(t, url+"/fine"), "# Fine")
		})
	}
}

func TestAFloodOfWindowsIsBounded(t *testing.T) {
	t.Parallel()
	b := start1(t)
	url := site(t, map[string]any{"/": `<h1>Flood</h1><script>setInterval(() => { for (let i = 0; i < 20; i++) window.open('/page?' + Math.random()) }, 50)</script>`, "/page": "<h1>One of many</h1>", "/fine": "<h1>Fine</h1>"})
	if p := b.try(t, sandbox.Action{Action: sandbox.BrowserOpen, URL: url}); p.Error != "" && !strings.Contains(p.Error, "windows without end") {
		t.Errorf("%+v", p)
	}
	if n := processes("--user-data-dir=" + b.dir); n > 20 {
		t.Errorf("%d processes", n)
	}
	// The browser ends of it, now or with the next action, and is started again.
	for tries := 0; ; tries++ {
		select {
		case <-b.ended:
			b.serve(t, time.Minute)
		case <-time.After(time.Second):
		}
		p := b.try(t, sandbox.Action{Action: sandbox.BrowserOpen, URL: url + "/fine"})
		if strings.Contains(p.Text, "# Fine") {
			return
		}
		if tries == 3 {
			t.Fatalf("%+v", p)
		}
	}
}

//go:build linux && e2e

package main

import (
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"instar/shared/sandbox"
)

func TestAPageIsReadAsMarkdown(t *testing.T) {
	t.Parallel()
	b := start1(t)
	url := site(t, map[string]any{"/": `<title> 東京の 天気 </title><style>.gone{display:none} .pale{color:#fff}</style>
		<header>Menu <button aria-label="メニューを開く">☰</button></header>
		<h1>今日の天気</h1><p>晴れ、<b>最高</b> 25 度。<a href="/tomorrow">明日</a> <a href="https://example.com/x">away</a></p>
		<ul><li>one<li>two</ul><table><tr><th>A<th>B<tr><td>1<td>2</table>
		<p class=gone>HIDDEN</p><p class=pale>HIDDEN</p><p style="opacity:0">HIDDEN</p><p style="position:absolute;left:-9999px">HIDDEN</p><div style="height:0;overflow:hidden"><p>HIDDEN</p></div><p style="font-size:1px">HIDDEN</p>
		<div id=host></div><div style="display:contents"><p>contents</p></div>
		<script>document.getElementById('host').attachShadow({mode:'open'}).innerHTML='<p>in the shadow <button>Shadow</button></p><slot></slot>'; document.body.append('drawn by a script')</script>
		<iframe src="/frame" title="a frame"></iframe>`, "/frame": "<p>framed"})
	p := b.open(t, url)
	has(t, p, "# 今日の天気", "晴れ、**最高** 25 度。", "[明日]("+url+"/tomorrow)", "- one\n- two", "| A | B |", "in the shadow", "contents", "drawn by a script", "[frame: a frame]("+url+"/frame)", "Menu", "[button 1: メニューを開く]")
	hasNot(t, p, "HIDDEN")
	if p.Title != "東京の 天気" || p.URL != url+"/" || p.Bytes != len(p.Text) {
		t.Errorf("%+v", p)
	}
	if e := element(t, p, "away"); e.Role != "link" || e.Address != "example.com" || element(t, p, "明日").Address != "" || element(t, p, "Shadow").Role != "button" {
		t.Errorf("%+v", p.Elements)
	}
}

func TestAFormIsFilledAndSent(t *testing.T) {
	t.Parallel()
	b := start1(t)
	url := site(t, map[string]any{"/": `<form action=/sent method=post>
		<label>Name <input name=name value="old text"></label><input name=mail type=email placeholder="E-mail">
		<label for=s>Country</label><select id=s name=country><option value=jp>日本<option value=fr>France</select>
		<input type=checkbox name=agree id=agree style="opacity:0;position:absolute"><label for=agree>I agree</label>
		<label><input type=radio name=size value=small checked>Small</label><label><input type=radio name=size value=big>Big</label>
		<input type=date name=day aria-label=Day><textarea name=note aria-label=Note></textarea><div contenteditable aria-label=Rich style="min-height:20px">rich</div>
		<input type=password name=pass aria-label=Password value=prefilled-secret><input name=code autocomplete=one-time-code aria-label=Code value=prefilled-secret>
		<input aria-label=Fixed readonly value=fixed><input type=hidden name=token value=t0ken><input type=file aria-label=Upload><button disabled>Never</button><button>送る</button></form>
		<p id=log></p><script>document.querySelector('[name=name]').addEventListener('change', (e) => { log.textContent += 'changed ' + e.isTrusted + ' ' })</script>`,
		"/sent": func(w http.ResponseWriter, r *http.Request) {
			r.ParseMultipartForm(1 << 20)
			w.Header().Set("Content-Type", "text/plain; charset=utf-8")
			fmt.Fprint(w, r.Method, " ", r.PostForm.Encode(), " name=", r.PostForm.Get("name"))
		}})
	p := b.open(t, url)
	hasNot(t, p, "prefilled-secret", "t0ken", `"Upload"`, `"Never"`)
	for name, want := range map[string]string{"Name": "field old text", "E-mail": "field ", "Country": "select 日本", "I agree": "checkbox false", "Small": "checkbox true", "Password": "field ", "Note": "field ", "Rich": "field rich", "送る": "button "} {
		if e := element(t, p, name); e.Role+" "+e.Value != want {
			t.Errorf("%+v, want %s", e, want)
		}
	}
	has(t, p, "one of: 日本, France", "[button: Never, cannot be used]")
	p = b.fill(t, p, "Name", "山田 <太郎> & \"Co\"")
	has(t, p, "changed")
	p = b.fill(t, p, "E-mail", "a@b.example")
	p = b.fill(t, p, "Country", "France")
	p = b.fill(t, p, "I agree", "true")
	p = b.fill(t, p, "Big", "true")
	p = b.fill(t, p, "Day", "2026-12-31")
	p = b.fill(t, p, "Note", "two\nlines")
	p = b.fill(t, p, "Rich", "typed over")
	p = b.fill(t, p, "Password", "hunter2-secret")
	hasNot(t, p, "hunter2-secret")
	for name, want := range map[string]string{"Country": "France", "I agree": "true", "Small": "false", "Big": "true", "Day": "2026-12-31", "Rich": "typed over", "Password": ""} {
		if e := element(t, p, name); e.Value != want {
			t.Errorf("%+v, want %s", e, want)
		}
	}
	for name, c := range map[string][2]string{"Country": {"Spain", "日本, France"}, "I agree": {"yes", `"true" or "false"`}, "Day": {"31.12.2026", "2026-01-31"}, "Fixed": {"x", "cannot be changed"}, "送る": {"x", "clicked, not filled"}} {
		b.fails(t, sandbox.Action{Action: sandbox.BrowserFill, Element: number(t, p, name), Text: c[0]}, c[1])
	}
	b.fails(t, sandbox.Action{Action: sandbox.BrowserClick, Element: number(t, p, "Country")}, "fill it")
	p = b.fill(t, p, "Note", "")
	p = b.click(t, p, "送る")
	has(t, p, "POST agree=on&code=prefilled-secret&country=fr&day=2026-12-31&mail=a%40b.example&name=%E5%B1%B1", "&note=&pass=hunter2-secret&size=big&token=t0ken", `name=山田 <太郎> & "Co"`)
}

func TestEnterSendsASearch(t *testing.T) {
	t.Parallel()
	b := start1(t)
	url := site(t, map[string]any{"/": `<form action=/found><input name=q aria-label=Search></form>`, "/found": func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "found %s", r.FormValue("q"))
	}})
	p := b.open(t, url)
	p = b.do(t, sandbox.Action{Action: sandbox.BrowserFill, Element: number(t, p, "Search"), Text: "猫", Enter: true})
	if has(t, p, "found 猫"); !strings.HasSuffix(p.URL, "/found?q=%E7%8C%AB") {
		t.Errorf("%+v", p)
	}
}

// Whatever the page listens to, a click is one: pressed and let go by a mouse.
func TestAnApplicationIsClicked(t *testing.T) {
	t.Parallel()
	b := start1(t)
	url := site(t, map[string]any{"/": `<body style="height:5000px"><style>.c{cursor:pointer}</style><div class=c id=a>Card</div><div role=tab id=b>Tab</div><div onclick="out.textContent+='onclick '">Old</div>
		<div style="margin-top:3000px"><button id=c>Far below</button></div><p id=out></p><script>
		for (const e of document.querySelectorAll('#a,#b,#c')) e.addEventListener('click', (x) => { setTimeout(() => fetch('/slow').then((r) => r.text()).then((s) => { out.textContent += e.id + s + x.isTrusted + ' ' }), 100) })</script>`,
		"/slow": func(w http.ResponseWriter, r *http.Request) {
			time.Sleep(700 * time.Millisecond)
			fmt.Fprint(w, "-slow-")
		}})
	p := b.open(t, url)
	for _, name := range []string{"Card", "Tab", "Old", "Far below"} {
		p = b.click(t, p, name)
	}
	has(t, p, "a-slow-true b-slow-true onclick c-slow-true")
}

func TestWhatALinkOpensIsFollowed(t *testing.T) {
	t.Parallel()
	b := start1(t)
	url := site(t, map[string]any{"/": `<a href=/second target=_blank>new</a><button onclick="window.open('/third')">open</button>`,
		"/second": `<h1>Second</h1><button onclick="window.close()">close</button>`, "/third": `<h1>Third</h1><script>alert('from the new page'); alert('again')</script>`})
	p := b.open(t, url)
	p = b.click(t, p, "open")
	has(t, p, "# Third")
	p = b.open(t, url)
	p = b.click(t, p, "new")
	if has(t, p, "# Second"); p.URL != url+"/second" {
		t.Errorf("%+v", p)
	}
	for range 6 {
		p = b.open(t, url)
		p = b.click(t, p, "new")
	}
	has(t, p, "# Second")
	if n := processes("--user-data-dir=" + b.dir); n < 1 || n > 20 {
		t.Errorf("%d processes", n)
	}
}

func TestAPageThatClosesItselfShowsTheOneBefore(t *testing.T) {
	t.Parallel()
	b := start1(t)
	url := site(t, map[string]any{"/": `<h1>First</h1><button onclick="window.open('/second')">open</button>`, "/second": `<h1>Second</h1><button onclick="window.close()">close</button>`})
	p := b.click(t, b.open(t, url), "open")
	has(t, p, "# Second")
	has(t, b.click(t, p, "close"), "# First")
}

func TestDialogsAreDismissed(t *testing.T) {
	t.Parallel()
	b := start1(t)
	url := site(t, map[string]any{"/": `<script>alert('hello'); onbeforeunload = (e) => { e.preventDefault(); return 'stay' }</script><h1>Loaded</h1>
		<button onclick="out.textContent = confirm('delete?') + ' ' + prompt('name?')">ask</button><p id=out></p><a href=/next>leave</a><button onclick="print()">print</button>`, "/next": "<h1>Next</h1>"})
	p := b.open(t, url)
	has(t, p, "# Loaded", "dialog, which was dismissed: alert: hello")
	p = b.click(t, p, "ask")
	has(t, p, "false null", "confirm: delete?", "prompt: name?")
	p = b.click(t, p, "print")
	has(t, b.click(t, p, "leave"), "# Next")
}

func TestAPageThatNeverFinishesLoadingIsRead(t *testing.T) {
	t.Parallel()
	press := `<button onclick="this.textContent='pressed'">press</button>`
	for name, c := range map[string]struct {
		page any
		most time.Duration
	}{
		"an image":  {`<h1>Here</h1><img src=/never>` + press, 6 * time.Second},
		"a poll":    {`<h1>Here</h1><script>setInterval(() => fetch('/never'), 100)</script>` + press, 9 * time.Second},
		"events":    {`<h1>Here</h1><script>new EventSource('/never')</script>` + press, 5 * time.Second},
		"the page":  {http.HandlerFunc(trickle).ServeHTTP, 14 * time.Second},
		"no answer": {never, 20 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := start1(t)
			url := site(t, map[string]any{"/": c.page, "/never": never, "/fine": "fine"})
			b.open(t, url+"/fine")
			began := time.Now()
			p := b.try(t, sandbox.Action{Action: sandbox.BrowserOpen, URL: url})
			if time.Since(began) > c.most {
				t.Errorf("it took %v", time.Since(began))
			}
			if name == "no answer" {
				if !strings.Contains(p.Error, "did not answer in time") {
					t.Errorf("%+v", p)
				}
				return
			}
			has(t, p, "# Here")
			if began = time.Now(); len(p.Elements) > 0 {
				has(t, b.click(t, p, "press"), "pressed")
			}
			if name != "a poll" && time.Since(began) > 3*time.Second {
				t.Errorf("a click took %v", time.Since(began))
			}
		})
	}
}

// trickle is a page that goes on for ever.
func trickle(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/html")
	for fmt.Fprint(w, "<h1>Here</h1>"); r.Context().Err() == nil; time.Sleep(100 * time.Millisecond) {
		fmt.Fprintf(w, "<p>more</p>")
		w.(http.Flusher).Flush()
	}
}

func TestALargePageIsReadInPieces(t *testing.T) {
	t.Parallel()
	b := start1(t)
	var page strings.Builder
	for n := range 5000 {
		fmt.Fprintf(&page, "<a href=/l%d>link number %d</a>\n", n, n)
	}
	url := site(t, map[string]any{"/": page.String() + "<button>The last one</button>"})
	p := b.open(t, url)
	if len(p.Elements) != 80 || p.Elements[79].Name != "The last one" || len(p.Text) != sandbox.MaxPageText {
		t.Errorf("%d elements, %d bytes of text", len(p.Elements), len(p.Text))
	}
	text := p.Text
	for len(text) < p.Bytes {
		text += b.do(t, sandbox.Action{Action: sandbox.BrowserRead, Offset: len(text)}).Text
	}
	for n := range 5000 {
		if !strings.Contains(text, fmt.Sprintf("[link number %d](%s/l%d)", n, url, n)) {
			t.Fatalf("link %d is missing", n)
		}
	}
}

func TestAnErrorPageSaysWhatItIs(t *testing.T) {
	t.Parallel()
	b := start1(t)
	url := site(t, map[string]any{"/": "<a href='http://127.0.0.1:1/'>dead</a> <a href=/file>save</a>", "/data.json": func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprint(w, `{"a": ["b"]}`)
	}, "/file": func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Disposition", "attachment; filename=x.bin")
		w.Write(make([]byte, 1000))
	}, "/loop": func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/loop", http.StatusFound) }, "/empty": func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusNoContent) }})
	has(t, b.open(t, url+"/no"), "[the page answered 404 Not Found]")
	has(t, b.open(t, url+"/data.json"), `{"a": ["b"]}`)
	open := func(address string) sandbox.Action { return sandbox.Action{Action: sandbox.BrowserOpen, URL: address} }
	b.fails(t, open(url+"/file"), "file to download")
	b.fails(t, open(url+"/empty"), "nothing came")
	b.fails(t, open(url+"/loop"), "redirects too often")
	b.fails(t, open("http://127.0.0.1:1/"), "could not be opened")
	b.fails(t, open("http://nowhere.invalid/"), "no such host")
	p := b.open(t, url)
	has(t, b.click(t, p, "save"), "[the page offered a file to download, which was refused: x.bin]", "[save]")
	b.fails(t, sandbox.Action{Action: sandbox.BrowserClick, Element: number(t, p, "dead")}, "could not be opened")
	if found := regexp.MustCompile(`x\.bin`).FindString(strings.Join(files(b.dir), "\n")); found != "" {
		t.Errorf("a file was downloaded: %v", files(b.dir))
	}
}

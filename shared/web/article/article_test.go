package article

import (
	"net/url"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

var base, _ = url.Parse("https://example.com/a/b")

func TestMarkdownSaysWhatThePageDoes(t *testing.T) {
	for _, c := range []struct{ name, in, want string }{
		{"headings and paragraphs", "<h1>Head <b>bold </b>line</h1><p>one<p>two", "# Head **bold** line\n\none\n\ntwo"},
		{"emphasis keeps its spaces outside", "a<b> big </b>b <i>i</i><s>s</s>", "a **big** b *i*~~s~~"},
		{"links are absolute", `<a href="/x y(1)">l [a]</a> <a href="?q=1">q</a> <a href="#p">p</a>`, "[l (a)](https://example.com/x%20y%281%29) [q](https://example.com/a/b?q=1) p"},
		{"base", `<base href="//cdn.example.org/d/"><a href=e>l</a>`, "[l](https://cdn.example.org/d/e)"},
		{"other schemes are no links", `<a href="javascript:alert(1)">a</a> <a href="data:text/html,x">b</a> <a href=" java&#10;script:x">c</a> <a href="mailto:a@b.example">d</a> <a href="https://u:p@x.example/">e</a>`, "a b c [d](mailto:a@b.example) e"},
		{"alt text is marked", `<img src=x alt="a [cat]"> <img src=y>`, "[image: a (cat)]"},
		{"alt text in a link", `<a href=/x><img alt=cat></a>`, "[(image: cat)](https://example.com/x)"},
		{"lists", "<ul><li>one<li>two <ol><li>a<li>b</ol><li><ul><li>deep</ul></ul>after", "- one\n- two\n  1. a\n  2. b\n- - deep\n\nafter"},
		{"tables", "<table><tr><th>A<th>B<tr><td>1|2<td><b>x</b></table>", "| A | B |\n| --- | --- |\n| 1\\|2 | **x** |"},
		{"tables that lay out", "<table><tr><td><h2>H</h2><p>text</table>", "## H\n\ntext"},
		{"code", "<pre><code class='language-go'>a {\n\tb `x`\n}\n</code></pre>c <code>d`e</code>", "```go\na {\n\tb `x`\n}\n```\n\nc ``d`e``"},
		{"a fence that the code cannot end", "<pre>```\nend</pre>", "````\n```\nend\n````"},
		{"quotes", "<blockquote><p>a<p>b<ul><li>c</ul></blockquote>", "> a\n>\n> b\n>\n> - c"},
		{"ruby", "<ruby>漢<rp>(</rp><rt>かん</rt><rp>)</rp></ruby>字", "漢(かん)字"},
		{"definitions", "<dl><dt>T<dd>D<dd>E</dl>", "**T**\n: D\n: E"},
		{"a card that is a link", "<a href=/c><h3>H</h3><p>t</a>after", "### H\n\nt\n\n(https://example.com/c)after"},
		{"unfinished", "<p>a<div>b<b>c", "a\n\nb**c**"},
		{"misnested", "<b>x<p>y</b>z</p>w", "x\n\ny\n\nz w"},
		{"text alone", "no markup & none <3", "no markup & none <3"},
		{"entities", "&lt;b&gt; &eacute; &#x6771;", "<b> é 東"},
	} {
		if got := strings.TrimRight(Fragment(c.in, base), "\n"); got != c.want {
			t.Errorf("%s:\n%q, want\n%q", c.name, got, c.want)
		}
	}
}

func TestWhatIsNotSeenIsNotRead(t *testing.T) {
	for _, hide := range []string{
		"<script>%</script>", "<style>%</style>", "<noscript>%</noscript>", "<template>%</template>", "<!-- % -->", "<iframe>%</iframe>", "<svg><text>%</text></svg>",
		"<textarea>%</textarea>", "<select><option>%</select>", "<button>%</button>", "<object>%</object>", "<title>%</title>", "<dialog>%</dialog>", "<canvas>%</canvas>", "<noframes>%</noframes>",
		"<p hidden>%</p>", "<p hidden=until-found>%</p>", "<div aria-hidden=true><p>%</div>", "<p class='x sr-only'>%</p>",
		"<p style='display:none'>%</p>", "<p style='DISPLAY : None !important'>%</p>", "<p style='display/**/:/* x */none'>%</p>", "<span style=visibility:hidden>%</span>", "<p style='opacity:0'>%</p>", "<p style='opacity:.01'>%</p>",
		"<p style='font-size:0'>%</p>", "<p style='font-size:1px'>%</p>", "<p style='font:0/0 a'>%</p>", "<p style='text-indent:-9999px'>%</p>", "<p style='position:absolute;left:-10000px'>%</p>", "<p style='clip-path:inset(100%%)'>%</p>",
		"<p style='position:absolute;clip:rect(0,0,0,0)'>%</p>", "<p style='height:0;overflow:hidden'>%</p>", "<p style='color:#fff;background:white'>%</p>", "<p style='color:transparent'>%</p>", "<p style='color:rgba(0,0,0,0)'>%</p>",
		"<p style='transform:scale(0)'>%</p>", "<div style=display:none><ul><li>%<li>%</ul></div>", "<div hidden><div>%</div><p>%</div>", "<p style='&#100;isplay:none'>%</p>", "<p style='x:" + strings.Repeat("y", 20<<10) + "'>%</p>",
		"<ul><li hidden>%<li>", "<table><tr hidden><td>%</table>", "<img src='%'>", "<p title='%' data-x='%'></p>", "<input value='%'>", "<meta name=description content='%'>", "<body><a href='#%'></a>",
	} {
		page := "<p>before</p>" + strings.ReplaceAll(strings.ReplaceAll(hide, "%%", "\x01"), "%", "OBEY") + "<p>after</p>"
		a := Parse(strings.ReplaceAll(page, "\x01", "%"), base)
		if strings.Contains(a.Markdown, "OBEY") || !strings.Contains(a.Markdown, "before") || !strings.Contains(a.Markdown, "after") {
			t.Errorf("%.80s: %q", hide, a.Markdown)
		}
	}
	for _, shown := range []string{"<p style='display:block'>%</p>", "<p style='opacity:1;color:red'>%</p>", "<p style='font-size:12px;height:10px'>%</p>", "<div style='position:absolute;left:10px'>%</div>", "<body style='opacity:0'><p>%", "<dialog open>%</dialog>", "<details><summary>a</summary>%</details>"} {
		if a := Parse(strings.ReplaceAll(shown, "%", "SEEN"), base); !strings.Contains(a.Markdown, "SEEN") {
			t.Errorf("%s: %q", shown, a.Markdown)
		}
	}
}

func TestCharactersThatDrawNothingAreDropped(t *testing.T) {
	a := Parse("<title>T\u202e</title><p>pa\u200bss&#x202e;word&#8203; \U000e0041<img alt='x\u2066y'>", base)
	if a.Title != "T" || a.Markdown != "password [image: xy]" {
		t.Errorf("%+v", a)
	}
}

func TestTheTitleAndTheCanonicalAddress(t *testing.T) {
	for in, want := range map[string]Article{
		"<title> A &amp;\n B </title><link rel=canonical href=/c?x=1><p>t": {Title: "A & B", Canonical: "https://example.com/c?x=1", Markdown: "t"},
		"<meta property=og:title content=O><p>t":                           {Title: "O", Markdown: "t"},
		"<h1>H</h1>":                                                       {Title: "H", Markdown: "# H"},
		"<link rel=canonical href='javascript:x'><svg><title>S</title></svg><title>T</title>": {Title: "T"},
		"<title>" + strings.Repeat("long ", 1000) + "</title>":                                {Title: strings.Repeat("long ", 60)},
	} {
		a := Parse(in, base)
		want.Title = strings.TrimSpace(want.Title)
		if a.Title = strings.TrimSpace(a.Title); a != want {
			t.Errorf("%.60q: %+v, want %+v", in, a, want)
		}
	}
}

func TestNavigationIsLeftOutAndAPageThatIsAllListsIsNot(t *testing.T) {
	text := strings.Repeat("<p>"+strings.Repeat("A sentence, of some length, about the matter at hand. ", 5)+"</p>", 8)
	page := "<header><a href=/>Home</a></header><nav>NAV</nav><div class=sidebar>SIDE</div><div class=content><h1>Title</h1>" + text + "</div><footer>FOOT</footer>"
	for _, p := range []string{page, strings.Replace(page, "<div class=content>", "<main>", 1), strings.Replace(page, "<div class=content>", "<article>", 1)} {
		a := Parse(p, base)
		if strings.Contains(a.Markdown, "NAV") || strings.Contains(a.Markdown, "SIDE") || strings.Contains(a.Markdown, "FOOT") || !strings.HasPrefix(a.Markdown, "# Title\n\nA sentence") || strings.Count(a.Markdown, "A sentence") != 40 {
			t.Errorf("%.300s", a.Markdown)
		}
	}
	index := "<nav>NAV</nav>" + strings.Repeat("<div><a href=/x>An entry of the list</a></div>", 50)
	if a := Parse(index, base); strings.Count(a.Markdown, "An entry") != 50 {
		t.Errorf("%.300s", a.Markdown)
	}
}

// Each of these makes a browser's tree, or a naive writer, large or slow.
func TestHostilePagesEndWithinTheirBounds(t *testing.T) {
	var marks strings.Builder
	for i := range 400 {
		marks.WriteString("<b x=" + strings.Repeat("y", i%20) + ">")
	}
	for name, unit := range map[string]string{
		"deep": "<div>", "deep text": "<div>a", "formatting to reconstruct": "</p><p>a", "lists": "<ul><li>a", "quotes": "<blockquote>a", "tables": "<table><tr><td>a", "tables in lists": "<table><tr><td>a<td><ul><li>",
		"headings": "<h1>a<h2>", "links": "<a href=/x>a", "ruby": "<ruby>a<rt>b", "ruby in lists": "<rt><ul><li>a", "stray ends": "</b></td></p></x>", "spans": "<span>a</div>", "emphasis": "<b><i><s><code>a", "custom": "<a-b>x",
		"hidden": "<p hidden>a", "styles": "<p style='a:b;c:d;color:red'>x</p>", "attributes": "<p a b c d e f g h>", "pre": "<pre>\n`", "images": "<img alt=aaaaaaaaaaaaaaaaaaaaaaaa>", "articles": "<article>a", "forms": "<option>a", "terms": "<dt>a<dd>b", "text": "a, ", "base": "<base href=/aaaaaaaaaaaaaaaa/>",
		"main": "<main>a</main>", "header": "<div><header>a",
	} {
		start := time.Now()
		a := Parse(marks.String()+strings.Repeat(unit, 2<<20/len(unit)), base)
		took := time.Since(start)
		if took > 15*time.Second || len(a.Markdown) > maxOutput+4096 {
			t.Errorf("%s: %v, %d bytes", name, took, len(a.Markdown))
		}
		t.Logf("%s: %v, %d bytes, cut %v", name, took, len(a.Markdown), a.Truncated)
	}
	long, _ := url.Parse("https://example.com/" + strings.Repeat("a", 1900) + "/")
	if a := Parse(strings.Repeat("<a href=x>y</a>", 5<<20/15), long); len(a.Markdown) > maxOutput || !a.Truncated {
		t.Errorf("links of a long base: %d bytes", len(a.Markdown))
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"<h1>a</h1><p>b<ul><li>c<table><tr><td>d<td>e</table>", "<a href=x><b>y</a>z", "<pre>`\n</pre><blockquote>a", "<title>t</title><main><article>x</article></main>", "<div style='color:red'><ruby>a<rt>b", "<p hidden>x<p>y"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, page string) {
		a := Parse(page, base)
		if !utf8.ValidString(a.Markdown) || strings.ContainsAny(a.Markdown+a.Title, "\x00\u200b\u202e\u2066") || strings.Contains(a.Title, "\n") || len(a.Title) > maxTitle {
			t.Errorf("%+v from %q", a, page)
		}
		if len(a.Markdown) > 200*len(page)+1000 {
			t.Errorf("%d bytes of %d", len(a.Markdown), len(page))
		}
		Fragment(page, base)
		Words(page, 100)
	})
}

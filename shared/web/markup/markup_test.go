package markup

import (
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"golang.org/x/net/html"
)

func tokens(s *Scanner) string {
	var b strings.Builder
	for {
		t, ok := s.Next()
		if !ok {
			return b.String()
		}
		switch t.Kind {
		case Text:
			fmt.Fprintf(&b, "%q ", t.Text)
		case Raw:
			fmt.Fprintf(&b, "raw%q ", t.Text)
		case Close:
			fmt.Fprintf(&b, "</%s> ", t.Name)
		case Open:
			fmt.Fprintf(&b, "<%s", t.Name)
			for _, a := range t.Attr {
				fmt.Fprintf(&b, " %s=%q", a.Name, a.Value)
			}
			if t.Empty {
				b.WriteString("/")
			}
			b.WriteString("> ")
		}
	}
}

func TestHTMLIsCutAsABrowserDoes(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{`<P Class=a id='b"c' hidden>x &amp; y</p >`, `<p class="a" id="b\"c" hidden=""> "x & y" </p> `},
		{`a < b <3 <`, `"a < b <3 <" `},
		{`<a href="x?a=1&amp;b=2" href=y>`, `<a href="x?a=1&b=2"> `},
		{`<br/><img src=a/>`, `<br/> <img src="a/"> `},
		{`a<!-- <b> --!>b<!-->c<!--->d<!-- e`, `"a" "b" "c" "d" `},
		{`<!doctype html>a<?php echo 1 > 2 ?>`, `"a" " 2 ?>" `},
		{`<![CDATA[x]]>y`, `"y" `},
		{`<script>if (a<b) "</p>"</SCRIPT >x`, `<script> raw"if (a<b) \"</p>\"" </script> "x" `},
		{`<script><!-- <script> </script> --></script>x`, `<script> raw"<!-- <script> </script> -->" </script> "x" `},
		{`<title>a &lt; <b></title>`, `<title> "a < <b>" </title> `},
		{`<style>a{}</styles></style>`, `<style> raw"a{}</styles>" </style> `},
		{`<noscript><p>x</noscript>`, `<noscript> raw"<p>x" </noscript> `},
		{`x<a href="unfinished`, `"x" `},
		{`</ comment>x</>y`, `"x" "y" `},
		{`<a =b==c>`, `<a =b="=c"> `},
		{`<plaintext></plaintext>`, `<plaintext> "</plaintext>" `},
	} {
		if got := tokens(HTML(c.in)); got != c.want {
			t.Errorf("%s:\n%s, want\n%s", c.in, got, c.want)
		}
	}
}

func TestXMLHasNoRawTextAndExpandsNothing(t *testing.T) {
	in := `<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "b">]><title>A<![CDATA[<b>&amp;]]>&a;&#x41;</title><link/>`
	if got, want := tokens(XML(in)), `"]>" <title> "A" "<b>&amp;" "&a;A" </title> <link/> `; got != want {
		t.Errorf("%s, want\n%s", got, want)
	}
}

// Time grows with the length, whatever is repeated: 1 MB takes well under
// the minutes that a square of it would.
func TestHostileTextTakesLinearTime(t *testing.T) {
	for _, unit := range []string{
		"<", "</", "<!", "<!--", "<!-- --", "<a ", "<a b", "<a b=\"", "<a b='", "&", "&a", "<a &amp;=", "<title>", "<script><!--", "<script>",
		"<script></script", "</script", "<![CDATA[", "<?", "a=1 ", "<a/", "--", "<!--->", "<x a=&amp;>", "<A>",
	} {
		for _, scan := range []func(string) *Scanner{HTML, XML} {
			start := time.Now()
			s := scan("<a " + strings.Repeat(unit, 1<<20/len(unit)))
			for _, ok := s.Next(); ok; _, ok = s.Next() {
			}
			s = scan(strings.Repeat(unit, 1<<20/len(unit)))
			for _, ok := s.Next(); ok; _, ok = s.Next() {
			}
			if took := time.Since(start); took > 10*time.Second {
				t.Errorf("%q: %v", unit, took)
			}
		}
	}
}

// golang.org/x/net/html is the judge of the tokens.
func FuzzHTML(f *testing.F) {
	for _, s := range []string{`<p class=a>x</p>`, `<!--a--!>b`, `<script><!--<script></script>--></script>`, `<a b="c" d=e/>&amp;&notit;`, `<title>a</title>`, "<a\x00b>", `</ x><!x>`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got := tokens(HTML(s))
		tokens(XML(s))
		// The judge rewrites line ends and NUL, and joins differently.
		if strings.ContainsAny(s, "\r\x00") || !utf8.ValidString(s) || strings.Count(s, "=") > maxAttr || len(s) > 1<<12 {
			return
		}
		if want := judge(s); flat(got) != flat(want) {
			t.Errorf("%q:\n%s, judge\n%s", s, got, want)
		}
	})
}

// flat joins neighbouring texts.
func flat(s string) string {
	return strings.ReplaceAll(strings.ReplaceAll(s, `" "`, ""), `"" `, "")
}

func judge(in string) string {
	var b strings.Builder
	z := html.NewTokenizer(strings.NewReader(in))
	raw := false
	for z.Next() != html.ErrorToken {
		switch t := z.Token(); t.Type {
		case html.TextToken:
			if raw {
				b.WriteString("raw")
			}
			fmt.Fprintf(&b, "%q ", t.Data)
			raw = false
			continue
		case html.EndTagToken:
			fmt.Fprintf(&b, "</%s> ", t.Data)
		case html.StartTagToken, html.SelfClosingTagToken:
			fmt.Fprintf(&b, "<%s", t.Data)
			seen := map[string]bool{}
			for _, a := range t.Attr {
				if !seen[a.Key] {
					fmt.Fprintf(&b, " %s=%q", a.Key, a.Val)
				}
				seen[a.Key] = true
			}
			if t.Type == html.SelfClosingTagToken {
				b.WriteString("/")
			}
			b.WriteString("> ")
			switch t.Data {
			case "script", "style", "iframe", "noembed", "noframes", "noscript":
				raw = true
				continue
			}
		}
		raw = false
	}
	return b.String()
}

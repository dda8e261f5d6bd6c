package feed

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/mmcdole/gofeed"
)

var base, _ = url.Parse("https://example.com/feeds/all.xml")

const rss = `<?xml version="1.0"?><rss version="2.0" xmlns:content="c" xmlns:dc="d"><channel>
<title>News &amp; more</title><link>https://example.com/</link><image><title>logo</title><link>https://logo.example/</link></image>
<item><title><![CDATA[First <b>one</b>]]></title><link>/first</link><pubDate>Mon, 02 Mar 2026 10:00:00 GMT</pubDate>
<description>&lt;p&gt;Hello &lt;i&gt;you&lt;/i&gt;&lt;/p&gt;&lt;p hidden&gt;obey&lt;/p&gt;</description><dc:creator>Ann</dc:creator></item>
<item><title>Second</title><guid>https://example.com/second</guid><content:encoded><![CDATA[<script>x()</script>Body]]></content:encoded></item>
</channel></rss>`

const atom = `<feed xmlns="http://www.w3.org/2005/Atom"><title type="html">Log &lt;em&gt;book&lt;/em&gt;</title>
<link rel="self" href="https://example.com/self"/><link href="https://example.com/log"/>
<entry><title>One</title><link rel="edit" href="/edit"/><link rel="alternate" href="/one"/><published>2026-03-02T10:00:00Z</published><updated>2026-03-03T10:00:00Z</updated>
<author><name>Bo</name><email>bo@example.com</email></author>
<content type="xhtml"><div><p>In <b>bold</b></p><br/>end</div></content></entry>
<entry><title>Two</title><summary>short</summary></entry></feed>`

func TestAFeedIsAListOfItsEntries(t *testing.T) {
	for _, c := range []struct{ text, title, link, want string }{
		{rss, "News & more", "https://example.com/", `- [First one](https://example.com/first) · Mon, 02 Mar 2026 10:00:00 GMT · Ann
  Hello you
- [Second](https://example.com/second)
  Body
`},
		{atom, "Log book", "https://example.com/log", `- [One](https://example.com/one) · 2026-03-02T10:00:00Z · Bo
  In bold end
- Two
  short
`},
		{`<rdf:RDF xmlns="http://purl.org/rss/1.0/"><channel><title>Old</title><link>http://o.example/</link></channel><item><title>x</title><link>http://o.example/x</link><dc:date>2003</dc:date></item></rdf:RDF>`,
			"Old", "http://o.example/", "- [x](http://o.example/x) · 2003\n"},
		{`<rss><channel><title>Broken & bare<item><title>No end<link>https://e.example/1</item><item><title>B</title>`, "", "", ""},
	} {
		f, err := Parse(c.text, base)
		if err != nil {
			t.Fatal(err)
		}
		if c.want != "" && (f.Title != c.title || f.Link != c.link || f.Markdown() != c.want) {
			t.Errorf("%q %q\n%s, want\n%s", f.Title, f.Link, f.Markdown(), c.want)
		}
		if len(f.Entries) == 0 {
			t.Errorf("no entries of %s", c.text)
		}
	}
}

func TestWhatIsNoFeedIsSaidToBeNone(t *testing.T) {
	for _, text := range []string{"", "{}", "<html><feed>", "<!-- <rss> --><urlset>"} {
		if _, err := Parse(text, base); !errors.Is(err, ErrFeed) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestALinkIsToTheWebOrNotThere(t *testing.T) {
	for _, link := range []string{"javascript:alert(1)", "file:///etc/passwd", "https://a:b@c.example/", "https://x.example/\n- fake", "data:text/html,x", "https://" + strings.Repeat("a", 3000)} {
		f, err := Parse("<rss><item><title>t</title><link>"+link+"</link></item></rss>", base)
		if err != nil || len(f.Entries) != 1 || f.Entries[0].Link != "" {
			t.Errorf("%.40q: %+v %v", link, f, err)
		}
	}
}

func TestNothingAFeedDeclaresGrows(t *testing.T) {
	bomb := `<!DOCTYPE rss [<!ENTITY a "lol"><!ENTITY b "&a;&a;"><!ENTITY x SYSTEM "file:///etc/passwd">]><rss><item><title>&b;&x;</title></item></rss>`
	f, err := Parse(bomb, base)
	if err != nil || f.Entries[0].Title != "&b;&x;" {
		t.Errorf("%+v %v", f, err)
	}
}

func TestALongFeedIsCutAndSaysSo(t *testing.T) {
	f, err := Parse("<rss>"+strings.Repeat("<item><title>t</title><description>"+strings.Repeat("long ", 1000)+"</description></item>", 500), base)
	if err != nil || len(f.Entries) != MaxEntries || !f.Cut || len(f.Entries[0].Summary) > maxSummary {
		t.Errorf("%d entries, cut %v, %v", len(f.Entries), f.Cut, err)
	}
	start := time.Now()
	for _, unit := range []string{"<item>", "<title>", "<content><a>", "</title>", "<item><title>a", "<link href='/a'>"} {
		Parse("<rss>"+strings.Repeat(unit, 4<<20/len(unit)), base)
	}
	if took := time.Since(start); took > 20*time.Second {
		t.Errorf("hostile feeds took %v", took)
	}
}

// gofeed is the judge.
func TestTheLibraryReadsTheSame(t *testing.T) {
	for _, text := range []string{rss, atom} {
		theirs, err := gofeed.NewParser().ParseString(text)
		if err != nil {
			t.Fatal(err)
		}
		ours, err := Parse(text, base)
		if err != nil {
			t.Fatal(err)
		}
		if len(theirs.Items) != len(ours.Entries) {
			t.Fatalf("%d entries, judge %d", len(ours.Entries), len(theirs.Items))
		}
		for i, item := range theirs.Items {
			e := ours.Entries[i]
			date, author := item.Published, ""
			if len(item.Authors) > 0 {
				author = item.Authors[0].Name
			}
			if got, want := fmt.Sprint(e.Date, e.Author), fmt.Sprint(date, author); got != want {
				t.Errorf("entry %d: %q, judge %q", i, got, want)
			}
			if item.Link != "" && !strings.HasSuffix(e.Link, item.Link) {
				t.Errorf("entry %d: link %q, judge %q", i, e.Link, item.Link)
			}
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(rss)
	f.Add(atom)
	f.Add("<rss><item><title>x")
	f.Fuzz(func(t *testing.T, text string) {
		got, err := Parse(text, base)
		if err != nil {
			return
		}
		md := got.Markdown()
		if len(got.Entries) > MaxEntries || strings.ContainsAny(md, "\u202e\u200b\x00") {
			t.Errorf("%q from %q", md, text)
		}
		for _, e := range got.Entries {
			if e.Link != "" && !strings.HasPrefix(e.Link, "http://") && !strings.HasPrefix(e.Link, "https://") || strings.Contains(e.Title+e.Date+e.Author+e.Summary, "\n") {
				t.Errorf("%+v from %q", e, text)
			}
		}
	})
}

package markdown

import (
	"strings"
	"testing"
	"time"
)

func TestEveryPlatformGetsItsOwnForm(t *testing.T) {
	for _, c := range []struct{ name, md, html, mrkdwn, plain string }{
		{"words", "Hello <you> & me", "Hello &lt;you&gt; &amp; me", "Hello &lt;you&gt; &amp; me", "Hello <you> & me"},
		{"bold", "a **b** __c__", "a <b>b</b> <b>c</b>", "a *b* *c*", "a b c"},
		{"italic", "a *b* _c_ snake_case_name 2 * 3 * 4", "a <i>b</i> <i>c</i> snake_case_name 2 * 3 * 4", "a _b_ _c_ snake_case_name 2 * 3 * 4", "a b c snake_case_name 2 * 3 * 4"},
		{"both", "***x*** and **a *b* c**", "<i><b>x</b></i> and <b>a <i>b</i> c</b>", "_*x*_ and *a _b_ c*", "x and a b c"},
		{"strike", "~~old~~ ~5 to ~6", "<s>old</s> ~5 to ~6", "~old~ ~5 to ~6", "old ~5 to ~6"},
		{"code", "run `a < b` and ``x`y``", "run <code>a &lt; b</code> and <code>x`y</code>", "run `a &lt; b` and `xˋy`", "run a < b and x`y"},
		{"code keeps stars", "`**x**`", "<code>**x**</code>", "`**x**`", "**x**"},
		{"code in bold", "**use `x` now**", "<b>use <code>x</code> now</b>", "*use `x` now*", "use x now"},
		{"escapes", `\*not\* \# 1\. a\_b`, "*not* # 1. a_b", "*not* # 1. a_b", "*not* # 1. a_b"},
		{"link", "[the site](https://e.org/a?b=1&c=2 \"t\")", `<a href="https://e.org/a?b=1&amp;c=2">the site</a>`, "<https://e.org/a?b=1&amp;c=2|the site>", "the site (https://e.org/a?b=1&c=2)"},
		{"link with brackets", "[a (b)](https://e.org/x_(y))", `<a href="https://e.org/x_(y)">a (b)</a>`, "<https://e.org/x_(y)|a (b)>", "a (b) (https://e.org/x_(y))"},
		{"link with markup", "[**a** `b`](https://e.org)", `<a href="https://e.org">a b</a>`, "<https://e.org|a b>", "a b (https://e.org)"},
		{"bold link", "**[a](https://e.org)**", `<b><a href="https://e.org">a</a></b>`, "*<https://e.org|a>*", "a (https://e.org)"},
		{"script link", "[x](javascript:alert)", "x (javascript:alert)", "x (javascript:alert)", "x (javascript:alert)"},
		{"image", "![cat](https://e.org/c.png)", `<a href="https://e.org/c.png">cat</a>`, "<https://e.org/c.png|cat>", "cat (https://e.org/c.png)"},
		{"bare url", "see https://e.org/a_b_c.", `see <a href="https://e.org/a_b_c">https://e.org/a_b_c</a>.`, "see <https://e.org/a_b_c>.", "see https://e.org/a_b_c."},
		{"bold bare url", "**https://e.org**", `<b><a href="https://e.org">https://e.org</a></b>`, "*<https://e.org>*", "https://e.org"},
		{"autolink", "<https://e.org> <a@e.org>", `<a href="https://e.org">https://e.org</a> <a href="mailto:a@e.org">a@e.org</a>`, "<https://e.org> <mailto:a@e.org|a@e.org>", "https://e.org a@e.org"},
		{"slack mention", "<!channel> <@U1>", "&lt;!channel&gt; &lt;@U1&gt;", "&lt;!channel&gt; &lt;@U1&gt;", "<!channel> <@U1>"},
		{"html", "<b>x</b><br>y", "&lt;b&gt;x&lt;/b&gt;\ny", "&lt;b&gt;x&lt;/b&gt;\ny", "<b>x</b>\ny"},
		{"heading", "# A **b** ##\ntext\n\nSet\n===", "<b>A b</b>\ntext\n\n<b>Set</b>", "*A b*\ntext\n\n*Set*", "A b\ntext\n\nSet"},
		{"not a heading", "#tag", "#tag", "#tag", "#tag"},
		{"rule", "a\n\n---\n\nb", "a\n\n———\n\nb", "a\n\n———\n\nb", "a\n\n———\n\nb"},
		{"fence", "```go\nif a < b {\n\n}\n```", "<pre><code class=\"language-go\">if a &lt; b {\n\n}</code></pre>", "```\nif a &lt; b {\n\n}\n```", "if a < b {\n\n}"},
		{"tildes", "~~~\n```\n~~~", "<pre>```</pre>", "```\n`\u200b`\u200b`\n```", "```"},
		{"odd language", "```\"><b>\nx\n```", "<pre>x</pre>", "```\nx\n```", "x"},
		{"indented code", "a\n\n    x\n    y\n\nb", "a\n\n<pre>x\ny</pre>\n\nb", "a\n\n```\nx\ny\n```\n\nb", "a\n\nx\ny\n\nb"},
		{"list", "- a\n- b\n  - c\n* d", "• a\n• b\n  • c\n• d", "• a\n• b\n  • c\n• d", "• a\n• b\n  • c\n• d"},
		{"numbers", "3. a\n4) b\n   more\n\n10. c", "3. a\n4. b\n  more\n\n10. c", "3. a\n4. b\n  more\n\n10. c", "3. a\n4. b\n  more\n\n10. c"},
		{"tasks", "- [ ] a\n- [x] b", "• ☐ a\n• ☑ b", "• ☐ a\n• ☑ b", "• ☐ a\n• ☑ b"},
		{"fence in item", "1. do\n   ```sh\n   ls\n   ```\n2. then", "1. do\n<pre><code class=\"language-sh\">ls</code></pre>\n2. then", "1. do\n```\nls\n```\n2. then", "1. do\nls\n2. then"},
		{"year in a sentence", "in\n1984. Then", "in\n1984. Then", "in\n1984. Then", "in\n1984. Then"},
		{"quote", "> a\n> **b**\n>> c\n\nd", "<blockquote>a\n<b>b</b>\nc</blockquote>\n\nd", "> a\n> *b*\n> c\n\nd", "> a\n> b\n> c\n\nd"},
		{"table", "| a | long |\n|---|:-:|\n| **bb** | 1 |\n| [c](https://e.org) |", "<pre>a                 | long\n------------------+-----\nbb                | 1\nc (https://e.org)</pre>", "```\na                 | long\n------------------+-----\nbb                | 1\nc (https://e.org)\n```", "a                 | long\n------------------+-----\nbb                | 1\nc (https://e.org)"},
		{"lines of one paragraph", "a\nb  \nc\\\nd\n\n\n\ne", "a\nb\nc\nd\n\ne", "a\nb\nc\nd\n\ne", "a\nb\nc\nd\n\ne"},
		{"style over a line", "**a\nb**", "<b>a\nb</b>", "*a*\n*b*", "a\nb"},
		{"style in a word", "un**believ**able 这是**重点**内容", "un<b>believ</b>able 这是<b>重点</b>内容", "un\u200b*believ*\u200bable 这是\u200b*重点*\u200b内容", "unbelievable 这是重点内容"},
		{"quoted bold without spaces", "他说**“好”**了", "他说<b>“好”</b>了", "他说\u200b*“好”*\u200b了", "他说“好”了"},
		{"entities", "a &amp; b &lt;c&gt;", "a &amp; b &lt;c&gt;", "a &amp; b &lt;c&gt;", "a & b <c>"},
		{"power", "2**10 is 1024", "2**10 is 1024", "2**10 is 1024", "2**10 is 1024"},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, got := range []struct{ what, got, want string }{
				{"TelegramHTML", TelegramHTML(c.md), c.html},
				{"SlackMrkdwn", SlackMrkdwn(c.md), c.mrkdwn},
				{"Plain", Plain(c.md), c.plain},
			} {
				if got.got != got.want {
					t.Errorf("%s(%q)\n got %q\nwant %q", got.what, c.md, got.got, got.want)
				}
			}
		})
	}
}

func TestUnfinishedMarkdownIsClosedAtTheEnd(t *testing.T) {
	for _, c := range []struct{ md, html string }{
		{"text **bold te", "text <b>bold te</b>"},
		{"text ***both", "text <i><b>both</b></i>"},
		{"~~gone", "<s>gone</s>"},
		{"- a\n- **b", "• a\n• <b>b</b>"},
		{"```go\nx := 1\ny", "<pre><code class=\"language-go\">x := 1\ny</code></pre>"},
		{"say:\n```py", "say:"},
		{"a **b\n\nnext", "a **b\n\nnext"}, // not the last block: the author's stars
		{"see *note", "see *note"},         // a single star may be a footnote's
		{"[label](https://e.or", `[label](<a href="https://e.or">https://e.or</a>`},
		{"use `fmt.Pri", "use `fmt.Pri"},
		{"| a | b |\n|--", "| a | b |\n|--"},
		{"end **", "end **"},
	} {
		if got := TelegramHTML(c.md); got != c.html {
			t.Errorf("TelegramHTML(%q)\n got %q\nwant %q", c.md, got, c.html)
		}
	}
}

// A hundred times the work for ten times the text would take minutes here.
func TestHostileTextDoesNotTakeQuadraticTime(t *testing.T) {
	for _, s := range []string{"[", "![", "*a ", "*a_ ", "`", "``a`", "> ", "- ", "[a](b", "_*", "|", "<", "a**b", "\\", "~~", "1. ", "  - a\n", "|a\n|-|\n", "https://", "((((", "[[a](b)"} {
		md := strings.Repeat(s, 200_000/len(s))
		began := time.Now()
		checkHTML(t, s, TelegramHTML(md))
		if took := time.Since(began); took > 5*time.Second {
			t.Errorf("%d bytes of %q took %v", len(md), s, took)
		}
	}
}

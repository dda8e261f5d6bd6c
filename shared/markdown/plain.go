package markdown

import "strings"

type plain struct{ out strings.Builder }

func (p *plain) String() string        { return p.out.String() }
func (p *plain) text(s string)         { p.out.WriteString(s) }
func (p *plain) newline(prefix string) { p.out.WriteString("\n" + prefix) }
func (p *plain) open(style)            {}
func (p *plain) close(style)           {}
func (p *plain) code(s string)         { p.text(s) }
func (p *plain) pre(code, _ string)    { p.text(code) }
func (p *plain) endQuote()             {}

func (p *plain) quote() string {
	p.text("> ")
	return "> "
}

func (p *plain) link(label, url string) {
	p.text(label)
	if address := strings.TrimPrefix(url, "mailto:"); label != address && label != url {
		p.text(" (" + url + ")")
	}
}

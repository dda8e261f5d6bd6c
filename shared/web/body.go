package web

import (
	"bufio"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"

	"instar/shared/web/article"
	"instar/shared/web/feed"
	"instar/shared/web/pdf"
	"instar/shared/web/visible"
)

// body reads at most maxBody bytes; cut tells that there is more. Who sends
// gzip without being asked is unpacked, once: the platform has done it already
// in every other case, and may leave the header that says so.
func body(response *http.Response) (data []byte, cut bool, err error) {
	in := bufio.NewReader(response.Body)
	var r io.Reader = in
	if magic, _ := in.Peek(2); strings.EqualFold(response.Header.Get("Content-Encoding"), "gzip") && string(magic) == "\x1f\x8b" {
		z, err := gzip.NewReader(in)
		if err != nil {
			return nil, false, errors.New("the page could not be unpacked")
		}
		z.Multistream(false)
		r = z
	}
	data, err = io.ReadAll(io.LimitReader(r, maxBody+1))
	if len(data) > maxBody {
		return data[:maxBody], true, nil
	}
	if err != nil {
		return nil, false, errors.New("the page could not be read to its end")
	}
	return data, false, nil
}

// kind is what can be read.
type kind uint8

const (
	other kind = iota
	page
	document // PDF
	entries  // RSS, Atom
	asIs     // JSON, text, Markdown
)

// kindOf is the kind of a media type. XML is one only if it is a feed.
func kindOf(media string) kind {
	switch media {
	case "text/html", "application/xhtml+xml":
		return page
	case "application/pdf", "application/x-pdf":
		return document
	case "application/rss+xml", "application/atom+xml", "application/rdf+xml", "text/xml", "application/xml":
		return entries
	case "text/plain", "text/markdown", "text/x-markdown", "application/json", "text/json", "application/x-ndjson", "text/csv":
		return asIs
	}
	if strings.HasSuffix(media, "+json") {
		return asIs
	}
	return other
}

// sniff is what data is that comes with no type, or with one that says
// nothing (WHATWG MIME Sniffing, in part).
func sniff(data []byte) string {
	head := strings.ToLower(strings.TrimLeft(string(data[:min(len(data), 512)]), "\ufeff \t\r\n"))
	switch {
	case strings.HasPrefix(head, "%pdf-"):
		return "application/pdf"
	case strings.HasPrefix(head, "<!doctype html"), strings.HasPrefix(head, "<html"), strings.HasPrefix(head, "<head"), strings.HasPrefix(head, "<body"):
		return "text/html"
	case strings.HasPrefix(head, "<?xml"), strings.HasPrefix(head, "<rss"), strings.HasPrefix(head, "<feed"):
		return "application/xml"
	case head != "" && !strings.ContainsAny(head, "\x00\x01\x02\x03\x04\x05\x06\x07\x08\x0e\x0f"):
		return "text/plain"
	}
	return "application/octet-stream"
}

// convert fills in what the body says. A reader that panics has met what its
// fuzz tests have not: that page is not readable, and the turn goes on.
func (p *Page) convert(at *url.URL, h http.Header, data []byte) (err error) {
	defer func() {
		if recover() != nil {
			err = errors.New("the page could not be read as text")
		}
	}()
	declared := h.Get("Content-Type")
	media, parameters, _ := mime.ParseMediaType(visible.Cut(declared, 1024))
	if media == "" || media == "application/octet-stream" || media == "binary/octet-stream" {
		media = sniff(data)
	}
	p.Type = visible.Line(media, 100)
	k := kindOf(media)
	if k == document {
		return p.document(data)
	}
	if k == other {
		return fmt.Errorf("the page is %q, which cannot be read as text", p.Type)
	}
	text, err := decode(data, parameters["charset"], k != asIs)
	if err != nil {
		return err
	}
	if strings.Count(visible.Cut(text, 4096), "\x00") > 0 {
		return errors.New("the page is binary data, which cannot be read as text")
	}
	switch k {
	case page:
		a := article.Parse(text, at)
		p.Title, p.Text, p.Truncated = a.Title, a.Markdown, p.Truncated || a.Truncated
		if CheckURL(a.Canonical) == nil {
			p.Canonical = a.Canonical
		}
	case entries:
		list, err := feed.Parse(text, at)
		if err != nil {
			return fmt.Errorf("the page is %q and no feed, which cannot be read as text", p.Type)
		}
		p.Title, p.Text, p.Truncated = list.Title, list.Markdown(), p.Truncated || list.Cut
		if CheckURL(list.Link) == nil {
			p.Canonical = list.Link
		}
	default:
		p.Text = visible.Text(text)
	}
	return nil
}

func (p *Page) document(data []byte) error {
	d, err := pdf.Read(data)
	if err != nil {
		return fmt.Errorf("the page cannot be read as text: %w", err)
	}
	p.Title, p.Text, p.Truncated = d.Title, d.Text, p.Truncated || d.Truncated
	return nil
}

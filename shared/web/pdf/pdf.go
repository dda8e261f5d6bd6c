// Package pdf takes the text out of a PDF (ISO 32000-1) in reading order as
// its pages write it. It draws nothing, runs nothing and opens nothing that a
// file embeds or refers to.
//
// It reads files of strangers within fixed bounds of memory and work, which
// the libraries for it do not have (a stream of 5 MB may unpack to gigabytes),
// and finds objects by looking for them, so that a file that was cut off or
// whose table is broken still gives what it has. github.com/ledongthuc/pdf is
// the judge in the tests.
//
// Not read: encrypted files (ErrEncrypted), pictures of text, fonts of Asian
// scripts that neither bring a ToUnicode map nor use a Unicode one, columns
// that the file does not write one after the other. Text that a page draws in
// white or not at all is text here: scans carry their recognised text so.
package pdf

import (
	"bytes"
	"errors"
	"strconv"
	"strings"
	"unicode/utf16"

	"instar/shared/web/visible"
)

// Bounds of one file.
const (
	maxObjects = 200_000  // that it may define
	maxParsed  = 500_000  // values in them
	maxTokens  = 4 << 20  // operands and operators of all pages
	maxDecoded = 24 << 20 // bytes of all unpacked streams
	maxWork    = 1 << 20  // entries of all fonts' tables
	maxPages   = 2000
	maxText    = 2 << 20 // bytes
	maxDepth   = 40      // of values, pages and forms within each other
)

var (
	// ErrPDF: the data is no PDF, or none that has pages.
	ErrPDF = errors.New("not a readable PDF")
	// ErrEncrypted: the text cannot be read without a password.
	ErrEncrypted = errors.New("the PDF is encrypted")
)

// Document is what a PDF says.
type Document struct {
	Title     string // one line, at most 300 bytes, or ""
	Pages     int
	Text      string // pages are apart by a line [page N]
	Truncated bool   // a bound was reached
}

// Read reads a PDF. Errors are ErrPDF and ErrEncrypted; a damaged file gives
// what can be read of it.
func Read(data []byte) (Document, error) {
	if !bytes.Contains(data[:min(len(data), 1024)], []byte("%PDF-")) {
		return Document{}, ErrPDF
	}
	f := newFile(data)
	if f.encrypted {
		return Document{}, ErrEncrypted
	}
	pages := f.pages()
	if len(pages) == 0 {
		return Document{}, ErrPDF
	}
	d := Document{Pages: len(pages), Title: visible.Line(plain(f.dict(f.info)["Title"]), 300)}
	r := &reader{file: f, fonts: map[int]*font{}, tokens: maxTokens}
	for i, p := range pages {
		if i > 0 {
			r.out.WriteString("\n\n[page " + strconv.Itoa(i+1) + "]\n\n")
		}
		r.page(p)
		if r.full() {
			break
		}
	}
	d.Text = strings.TrimSpace(spaceless(visible.Text(r.out.String())))
	d.Truncated = f.cut || r.full()
	return d, nil
}

// spaceless is a text without spaces at the ends of its lines.
func spaceless(s string) string {
	var b strings.Builder
	for line := range strings.Lines(s) {
		b.WriteString(strings.TrimRight(line, " \t\n"))
		b.WriteByte('\n')
	}
	return b.String()
}

// plain is a text string: UTF-16 with its mark, UTF-8 with its mark, or taken
// for Latin (PDFDocEncoding is close to it).
func plain(v any) string {
	s, ok := v.(text)
	if !ok {
		return ""
	}
	if rest, ok := strings.CutPrefix(string(s), "\xfe\xff"); ok {
		return utf16be(rest)
	}
	if rest, ok := strings.CutPrefix(string(s), "\xef\xbb\xbf"); ok {
		return rest
	}
	var b strings.Builder
	for i := range len(s) {
		b.WriteRune(winAnsi(s[i]))
	}
	return b.String()
}

func utf16be(s string) string {
	units := make([]uint16, 0, len(s)/2)
	for i := 0; i+1 < len(s); i += 2 {
		units = append(units, uint16(s[i])<<8|uint16(s[i+1]))
	}
	return string(utf16.Decode(units))
}

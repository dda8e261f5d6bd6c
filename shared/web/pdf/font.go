package pdf

import "strings"

// font is what is needed to read a string: which codes it is made of, what
// they mean, how wide they are.
type font struct {
	wide     bool // codes of two bytes
	unicode  bool // which are UTF-16
	toText   *cmap
	encoding [256]string // of codes of one byte
	widths   map[int]float64
	other    float64 // the width of the rest, in units of the font's size
}

// fontOf is a font of the page's resources; each is read once.
func (r *reader) fontOf(v any) *font {
	n, named := v.(ref)
	if named {
		if f, ok := r.fonts[int(n)]; ok {
			return f
		}
	}
	d := r.file.dict(v)
	if d == nil {
		return nil
	}
	f := r.file.font(d)
	if named {
		r.fonts[int(n)] = f
	}
	return f
}

func (f *file) font(d dict) *font {
	t := &font{other: 0.5, widths: map[int]float64{}}
	if f.work -= 256; f.work <= 0 {
		f.cut = true
		return t
	}
	if s, ok := f.resolve(d["ToUnicode"]).(*stream); ok {
		t.toText = f.cmap(f.decode(s))
	}
	if d["Subtype"] == name("Type0") {
		t.wide = true
		encoding, _ := f.resolve(d["Encoding"]).(name)
		t.unicode = strings.Contains(string(encoding), "UCS2") || strings.Contains(string(encoding), "UTF16")
		descendants := f.array(d["DescendantFonts"])
		f.wideWidths(t, f.dict(at(descendants, 0)))
		return t
	}
	f.encode(t, d)
	scale := 0.001
	if m := f.array(d["FontMatrix"]); d["Subtype"] == name("Type3") && len(m) == 6 {
		scale = f.number(m[0], scale)
	}
	if n := f.number(f.dict(d["FontDescriptor"])["MissingWidth"], 0); n > 0 {
		t.other = n * scale
	}
	first := int(f.number(d["FirstChar"], 0))
	for i, w := range f.array(d["Widths"]) {
		if f.work--; i < 256 && f.work > 0 {
			t.widths[first+i] = f.number(w, 0) * scale
		}
	}
	return t
}

// wideWidths reads DW and W (ISO 32000-1, 9.7.4.3).
func (f *file) wideWidths(t *font, d dict) {
	t.other = f.number(d["DW"], 1000) / 1000
	w := f.array(d["W"])
	for i := 0; i+1 < len(w) && f.work > 0; {
		first := int(f.number(w[i], 0))
		if list := f.array(w[i+1]); list != nil {
			for k, v := range list {
				if f.work--; f.work <= 0 {
					break
				}
				t.widths[first+k] = f.number(v, 0) / 1000
			}
			i, f.work = i+2, f.work-1
			continue
		}
		last, width := int(f.number(w[i+1], 0)), f.number(at(w, i+2), 0)/1000
		for c := first; c <= last && f.work > 0; c++ {
			f.work--
			t.widths[c] = width
		}
		i, f.work = i+3, f.work-1
	}
}

// encode reads what the codes of one byte mean (ISO 32000-1, 9.6.6).
func (f *file) encode(t *font, d dict) {
	base, differences := name(""), array(nil)
	switch e := f.resolve(d["Encoding"]).(type) {
	case name:
		base = e
	case dict:
		base, _ = f.resolve(e["BaseEncoding"]).(name)
		differences = f.array(e["Differences"])
	}
	for c := range t.encoding {
		switch base {
		case "MacRomanEncoding":
			t.encoding[c] = string(macRoman(byte(c)))
		case "WinAnsiEncoding":
			t.encoding[c] = string(winAnsi(byte(c)))
		default:
			t.encoding[c] = standard(byte(c))
		}
	}
	c := 0
	for _, v := range differences {
		if f.work -= 4; f.work <= 0 {
			return
		}
		switch v := f.resolve(v).(type) {
		case float64:
			c = int(v)
		case name:
			if c >= 0 && c < 256 {
				t.encoding[c] = glyph(string(v))
			}
			c++
		}
	}
}

// code is the next code of a string, and of how many bytes.
func (t *font) code(s string) (code, bytes int) {
	if t.toText != nil && t.toText.lengths != 0 {
		for n := 1; n <= 4 && n <= len(s); n++ {
			code = code<<8 | int(s[n-1])
			if t.toText.spans(code, n) {
				return code, n
			}
		}
	}
	if t.wide && len(s) > 1 {
		return int(s[0])<<8 | int(s[1]), 2
	}
	return int(s[0]), 1
}

// glyph is the text of a code; "" where nobody knows.
func (t *font) glyph(code, bytes int) string {
	if t.toText != nil {
		if s, ok := t.toText.text(code); ok {
			return s
		}
	}
	switch {
	case t.unicode:
		return utf16be(string([]byte{byte(code >> 8), byte(code)}))
	case t.wide:
		return ""
	case code < 256 && bytes == 1:
		return t.encoding[code]
	}
	return ""
}

func (t *font) width(code int) float64 {
	if w, ok := t.widths[code]; ok {
		return w
	}
	return t.other
}

package pdf

import (
	"math"
	"strings"
)

// matrix is the six numbers of ISO 32000-1, 8.3.3.
type matrix [6]float64

var unit = matrix{1, 0, 0, 1, 0, 0}

// times applies m, then n.
func (m matrix) times(n matrix) matrix {
	return matrix{
		m[0]*n[0] + m[1]*n[2], m[0]*n[1] + m[1]*n[3],
		m[2]*n[0] + m[3]*n[2], m[2]*n[1] + m[3]*n[3],
		m[4]*n[0] + m[5]*n[2] + n[4], m[4]*n[1] + m[5]*n[3] + n[5],
	}
}

// state is what q keeps and Q brings back.
type state struct {
	page                    matrix
	font                    *font
	size, char, word, scale float64 // scale is 1 for 100 %
	leading, rise           float64
}

// reader runs the instructions for text of one page after the other.
type reader struct {
	file   *file
	fonts  map[int]*font // by object
	tokens int           // that may still be read
	out    strings.Builder

	state
	saved      []state
	text, line matrix
	x, y       float64 // where the last text ended, on the page
	height     float64 // of it
	wrote      bool    // there is text on this page
}

func (r *reader) full() bool { return r.out.Len() > maxText || r.tokens <= 0 }

func (r *reader) page(p page) {
	r.state, r.saved, r.wrote = state{page: unit, scale: 1}, nil, false
	r.run(r.file.content(p), p.resources, 0)
}

// run carries out the instructions of a page or a form.
func (r *reader) run(code []byte, resources dict, depth int) {
	l := &lexer{b: code, left: &r.tokens}
	var operands array
	for !r.full() {
		v, ok := l.value(0)
		if !ok {
			return
		}
		op, is := v.(word)
		if !is {
			if len(operands) < 64 {
				operands = append(operands, v)
			}
			continue
		}
		if op == "BI" { // an image in line
			l.skipImage()
		} else if op == "Do" {
			r.form(operands, resources, depth)
		} else if op == "Tf" {
			if n, ok := at(operands, 0).(name); ok {
				r.font = r.fontOf(r.file.dict(resources["Font"])[string(n)])
			}
			r.size = num(operands, 1)
		} else {
			r.do(op, operands)
		}
		operands = operands[:0]
	}
}

// skipImage passes over the data of an image in line.
func (l *lexer) skipImage() {
	for l.at < len(l.b) {
		if l.b[l.at] == 'E' && l.peek(1) == 'I' && l.at > 0 && space(l.b[l.at-1]) && (l.at+2 >= len(l.b) || space(l.b[l.at+2])) {
			l.at += 2
			return
		}
		l.at++
	}
}

// form draws a form, which is a page within the page.
func (r *reader) form(operands array, resources dict, depth int) {
	n, ok := at(operands, 0).(name)
	if !ok || depth >= 8 {
		return
	}
	s, ok := r.file.resolve(r.file.dict(resources["XObject"])[string(n)]).(*stream)
	if !ok || s.dict["Subtype"] != name("Form") {
		return
	}
	before, saved := r.state, r.saved
	r.saved = nil
	if m := r.file.array(s.dict["Matrix"]); len(m) == 6 {
		r.state.page = r.matrix(m).times(r.state.page)
	}
	if own := r.file.dict(s.dict["Resources"]); own != nil {
		resources = own
	}
	r.tokens -= 16 // so that forms of nothing end, too
	r.run(r.file.decode(s), resources, depth+1)
	r.state, r.saved = before, saved
}

func at(a array, i int) any {
	if i < len(a) {
		return a[i]
	}
	return nil
}

func num(a array, i int) float64 {
	f, _ := at(a, i).(float64)
	return f
}

func (r *reader) matrix(a array) (m matrix) {
	for i := range m {
		m[i] = r.file.number(at(a, i), 0)
	}
	return m
}

// do carries out one instruction of ISO 32000-1, tables 57, 105 to 109.
func (r *reader) do(op word, a array) {
	switch op {
	case "q":
		if len(r.saved) < 256 {
			r.saved = append(r.saved, r.state)
		}
	case "Q":
		if n := len(r.saved); n > 0 {
			r.state, r.saved = r.saved[n-1], r.saved[:n-1]
		}
	case "cm":
		r.state.page = r.matrix(a).times(r.state.page)
	case "BT":
		r.text, r.line = unit, unit
	case "Tm":
		r.text = r.matrix(a)
		r.line = r.text
	case "Td":
		r.move(num(a, 0), num(a, 1))
	case "TD":
		r.leading = -num(a, 1)
		r.move(num(a, 0), num(a, 1))
	case "T*":
		r.move(0, -r.leading)
	case "Tc":
		r.char = num(a, 0)
	case "Tw":
		r.word = num(a, 0)
	case "Tz":
		r.scale = num(a, 0) / 100
	case "TL":
		r.leading = num(a, 0)
	case "Ts":
		r.rise = num(a, 0)
	case "Tj":
		r.show(at(a, 0))
	case "'":
		r.move(0, -r.leading)
		r.show(at(a, 0))
	case "\"":
		r.word, r.char = num(a, 0), num(a, 1)
		r.move(0, -r.leading)
		r.show(at(a, 2))
	case "TJ":
		list, _ := at(a, 0).(array)
		for _, v := range list {
			if n, ok := v.(float64); ok {
				r.advance(-n / 1000 * r.size * r.scale)
				continue
			}
			r.show(v)
		}
	}
}

func (r *reader) move(x, y float64) {
	r.line = matrix{1, 0, 0, 1, x, y}.times(r.line)
	r.text = r.line
}

func (r *reader) advance(x float64) { r.text = matrix{1, 0, 0, 1, x, 0}.times(r.text) }

// show writes one string at the place of the text.
func (r *reader) show(v any) {
	s, ok := v.(text)
	if !ok || r.font == nil || s == "" {
		return
	}
	m := r.text.times(r.state.page)
	r.apart(m)
	for s != "" && r.out.Len() <= maxText {
		code, n := r.font.code(string(s))
		s = s[n:]
		r.out.WriteString(r.font.glyph(code, n))
		step := r.font.width(code)*r.size + r.char
		if n == 1 && code == ' ' {
			step += r.word
		}
		r.advance(step * r.scale)
	}
	end := r.text.times(r.state.page)
	r.x, r.y, r.wrote = end[4], end[5], true
}

// apart writes what stands between the last text and one at m: nothing, a
// space, a new line or an empty one.
func (r *reader) apart(m matrix) {
	along := math.Hypot(m[0], m[1]) // the length of one unit of text on the page
	height := math.Abs(r.size) * math.Hypot(m[2], m[3])
	last := r.height
	r.height = height
	if !r.wrote || height == 0 || along == 0 {
		return
	}
	dx, dy := m[4]-r.x, m[5]-r.y
	gap := (dx*m[0] + dy*m[1]) / along
	drop := (dx*m[1] - dy*m[0]) / along // downwards
	switch most := max(height, last); {
	case drop > 2.2*most || drop < -4*most:
		r.out.WriteString("\n\n")
	case math.Abs(drop) > 0.6*most:
		r.out.WriteString("\n")
	case gap > 0.18*height || gap < -1.5*height:
		r.out.WriteString(" ")
	}
}

package pdf

// cmap says which text codes stand for (ISO 32000-1, 9.10.3).
type cmap struct {
	lengths int // a bit for each length in bytes that codes have
	space   []span
	single  map[int]string
	work    *int   // entries that may still be made
	ranges  []span // that are too long for single
}

type span struct {
	low, high, bytes int
	first            string // the text of low
}

// maxSpans bounds what is looked through for each code.
const maxSpans = 128

func (f *file) cmap(code []byte) *cmap {
	m := &cmap{single: map[int]string{}, work: &f.work}
	l := &lexer{b: code, left: &f.left}
	var operands []any
	for {
		v, ok := l.value(0)
		if !ok {
			return m
		}
		op, is := v.(word)
		if !is {
			if operands = append(operands, v); len(operands) > 1000 {
				operands = operands[500:]
			}
			continue
		}
		switch op {
		case "endcodespacerange":
			for i := 0; i+1 < len(operands); i += 2 {
				m.addSpace(operands[i], operands[i+1])
			}
		case "endbfchar":
			for i := 0; i+1 < len(operands); i += 2 {
				from, ok := operands[i].(text)
				to, ok2 := operands[i+1].(text)
				if ok && ok2 {
					m.add(number32(from), utf16be(string(to)))
				}
			}
		case "endbfrange":
			for i := 0; i+2 < len(operands); i += 3 {
				m.addRange(operands[i], operands[i+1], operands[i+2])
			}
		}
		operands = operands[:0]
	}
}

// number32 is a code of at most four bytes.
func number32(s text) int {
	n := 0
	for i := range min(len(s), 4) {
		n = n<<8 | int(s[i])
	}
	return n
}

func (m *cmap) addSpace(low, high any) {
	from, ok := low.(text)
	to, ok2 := high.(text)
	if !ok || !ok2 || len(from) == 0 || len(from) > 4 || len(m.space) >= maxSpans {
		return
	}
	m.lengths |= 1 << len(from)
	m.space = append(m.space, span{low: number32(from), high: number32(to), bytes: len(from)})
}

func (m *cmap) add(code int, s string) {
	if *m.work--; *m.work > 0 {
		m.single[code] = s
	}
}

func (m *cmap) addRange(low, high, to any) {
	from, ok := low.(text)
	end, ok2 := high.(text)
	if !ok || !ok2 {
		return
	}
	first, last := number32(from), number32(end)
	switch to := to.(type) {
	case array:
		for i, v := range to {
			if s, ok := v.(text); ok && first+i <= last {
				m.add(first+i, utf16be(string(s)))
			}
		}
	case text:
		s := span{low: first, high: last, first: utf16be(string(to))}
		if last-first > 256 {
			if len(m.ranges) < maxSpans {
				m.ranges = append(m.ranges, s)
			}
			return
		}
		for c := first; c <= last; c++ {
			m.add(c, s.text(c))
		}
	}
}

// text is that of one of its codes: the last character counts up.
func (s span) text(code int) string {
	r := []rune(s.first)
	if len(r) == 0 {
		return ""
	}
	r[len(r)-1] += rune(code - s.low)
	return string(r)
}

func (m *cmap) text(code int) (string, bool) {
	if s, ok := m.single[code]; ok {
		return s, true
	}
	for _, s := range m.ranges {
		if code >= s.low && code <= s.high {
			return s.text(code), true
		}
	}
	return "", false
}

// spans reports whether a code of that many bytes is one of the map's.
func (m *cmap) spans(code, bytes int) bool {
	if m.lengths&(1<<bytes) == 0 {
		return false
	}
	for _, s := range m.space {
		if s.bytes == bytes && code >= s.low && code <= s.high {
			return true
		}
	}
	return false
}

package leak

import (
	"slices"
	"strings"
)

const (
	// width of a gram: as many characters as fit into a register.
	width = 8
	// maxGap is how many bytes that are no letters or digits may stand between
	// two characters of a secret.
	maxGap = 64
	// spread makes the filter's index from a gram (Fibonacci hashing).
	spread = 0x9E3779B97F4A7C15
)

// known finds given values. A text is read once, byte by byte: its last eight
// letters and digits are a register, and a few such grams of each form stand in
// a table, at such distances that every piece worth finding holds one. From a
// hit on, text and form are compared in both directions.
type known struct {
	forms  []form
	exact  []form // too few letters and digits: found whole, byte by byte
	grams  map[uint64][]place
	filter []uint64 // bits; a gram of the table has its bit set
	shift  uint
}

type form struct {
	name       string
	text       string // folded; of an exact one, as it is
	least      int    // the shortest piece of text that is a finding
	head, tail string // what stands around text in the value as it is
}

type place struct{ form, at int }

func (k *known) add(name, value string) {
	piece := len(value)
	if piece >= 16 {
		piece = min(max(16, piece/4), 48)
	}
	for _, written := range forms(value) {
		f := form{name: name, text: folded(written)}
		if len(f.text) < width {
			if f.text = written; len(written) >= width && !slices.Contains(k.exact, f) {
				k.exact = append(k.exact, f)
			}
			continue
		}
		if slices.ContainsFunc(k.forms, func(o form) bool { return o.text == f.text }) {
			continue
		}
		f.least = min(len(f.text), max(12, (piece*len(f.text)+len(value)-1)/len(value)))
		f.head, f.tail = edge(written)
		k.forms = append(k.forms, f)
	}
}

// index makes the table; to be called once, after the last add.
func (k *known) index() {
	k.grams = make(map[uint64][]place)
	for i, f := range k.forms {
		for at := 0; at+width <= len(f.text); at += f.least - width + 1 {
			var g uint64
			for _, c := range []byte(f.text[at : at+width]) {
				g = g<<8 | uint64(c)
			}
			k.grams[g] = append(k.grams[g], place{i, at})
		}
	}
	size := 10 // 1024 bits
	for 1<<size < 32*len(k.grams) {
		size++
	}
	k.filter, k.shift = make([]uint64, 1<<size/64), uint(64-size)
	for g := range k.grams {
		h := g * spread >> k.shift
		k.filter[h>>6] |= 1 << (h & 63)
	}
}

// find appends the known values in text to found.
func (k *known) find(text string, found []Finding) []Finding {
	for _, e := range k.exact {
		for from := 0; ; {
			i := strings.Index(text[from:], e.text)
			if i < 0 {
				break
			}
			found = append(found, Finding{Known, e.name, from + i, from + i + len(e.text)})
			from += i + 1
		}
	}
	if len(k.grams) == 0 {
		return found
	}
	filter, shift := k.filter, k.shift
	var g uint64
	gap := 0
	for i := 0; i < len(text); i++ {
		f := fold(text[i])
		if f == 0 {
			if gap++; gap > maxGap {
				g = 0
			}
			continue
		}
		gap = 0
		g = g<<8 | uint64(f)
		if h := g * spread >> shift; filter[h>>6]&(1<<(h&63)) == 0 {
			continue
		}
		end := 0
		for _, p := range k.grams[g] {
			if m, ok := k.grow(text, i, p); ok {
				found, end = append(found, m), max(end, m.End)
			}
		}
		if end > i {
			i, g = end-1, 0
		}
	}
	return found
}

// grow compares text and form around a gram that ends at text[i].
func (k *known) grow(text string, i int, p place) (Finding, bool) {
	f := &k.forms[p.form]
	m := Finding{Kind: Known, Name: f.name, Start: i, End: i + 1}
	first, last := p.at+width-1, p.at+width // f.text[first:last] stands in text[m.Start:m.End]
	for j, gap := i-1, 0; j >= 0 && first > 0 && gap <= maxGap; j-- {
		c := fold(text[j])
		if c == 0 {
			gap++
			continue
		}
		if c != f.text[first-1] {
			break
		}
		first, gap, m.Start = first-1, 0, j
	}
	for j, gap := i+1, 0; j < len(text) && last < len(f.text) && gap <= maxGap; j++ {
		c := fold(text[j])
		if c == 0 {
			gap++
			continue
		}
		if c != f.text[last] {
			break
		}
		last, gap, m.End = last+1, 0, j+1
	}
	if first == 0 && strings.HasSuffix(text[:m.Start], f.head) {
		m.Start -= len(f.head)
	}
	if last == len(f.text) && strings.HasPrefix(text[m.End:], f.tail) {
		m.End += len(f.tail)
	}
	return m, last-first >= f.least
}

// begun returns where in text a value may have begun whose rest is still to
// come: len(text) when none has.
func (k *known) begun(text string) int {
	hold := len(text)
	for _, e := range k.exact {
		for n := min(len(e.text)-1, len(text)); n > 0; n-- {
			if text[len(text)-n:] == e.text[:n] {
				hold = min(hold, len(text)-n)
				break
			}
		}
	}
	longest := 0
	for _, f := range k.forms {
		longest = max(longest, f.least)
	}
	tail, at := lastFolded(text, longest)
	for _, f := range k.forms {
		for n := 1; n <= len(tail) && strings.Contains(f.text, tail[len(tail)-n:]); n++ {
			start := at[len(at)-n]
			if strings.HasPrefix(f.text, tail[len(tail)-n:]) && strings.HasSuffix(text[:start], f.head) {
				start -= len(f.head)
			}
			hold = min(hold, start)
		}
		for n := min(len(f.head), len(text)); n > 0; n-- { // of the symbols it begins with
			if strings.HasSuffix(text, f.head[:n]) {
				hold = min(hold, len(text)-n)
				break
			}
		}
	}
	return hold
}

// lastFolded returns the last n letters and digits of text, folded, and where
// each stands.
func lastFolded(text string, n int) (string, []int) {
	var tail []byte
	var at []int
	for j, gap := len(text)-1, 0; j >= 0 && len(tail) < n && gap <= maxGap; j-- {
		c := fold(text[j])
		if c == 0 {
			gap++
			continue
		}
		tail, at, gap = append(tail, c), append(at, j), 0
	}
	slices.Reverse(tail)
	slices.Reverse(at)
	return string(tail), at
}

package pdf

import "bytes"

// place is where an object stands: in the file, or in an object stream.
type place struct {
	in *lexer // nil: the file
	at int
}

// file finds and reads objects.
type file struct {
	data      []byte
	places    map[int]place
	order     []int // the numbers as they are defined; the last one counts
	cache     map[int]any
	open      map[int]bool // being read: a cycle ends there
	left      int          // values that may still be read
	decoded   int          // bytes of streams that may still be unpacked
	work      int          // steps that fonts may still take
	scanned   int          // bytes that may still be looked through for an end
	root      any
	info      any
	encrypted bool
	cut       bool
}

func newFile(data []byte) *file {
	f := &file{data: data, places: map[int]place{}, cache: map[int]any{}, open: map[int]bool{},
		left: maxParsed, decoded: maxDecoded, work: maxWork, scanned: 16 * len(data)}
	f.find()
	clear(f.cache) // what was defined again since
	f.trailers()
	return f
}

// find notes where each "N G obj" stands, and what object streams hold.
func (f *file) find() {
	for at := 0; ; {
		i := bytes.Index(f.data[at:], []byte("obj"))
		if i < 0 {
			break
		}
		at += i + 3
		n, ok := number(f.data, at-3)
		if !ok {
			continue
		}
		if len(f.places) >= maxObjects {
			f.cut = true
			break
		}
		f.places[n] = place{at: at}
		f.order = append(f.order, n)
		if head := f.head(at); bytes.Contains(head, []byte("/ObjStm")) {
			f.unpack(at)
		}
	}
}

// head is the beginning of an object, where its type stands.
func (f *file) head(at int) []byte {
	head := f.data[at:min(len(f.data), at+512)]
	if i := bytes.Index(head, []byte("stream")); i >= 0 {
		head = head[:i]
	}
	return head
}

// number is the N of "N G " that ends at a place.
func number(b []byte, end int) (n int, ok bool) {
	i := end
	for range 2 { // the generation, then the number
		spaces := i
		for i > 0 && space(b[i-1]) {
			i--
		}
		if i == spaces {
			return 0, false
		}
		digits := i
		for i > 0 && digits-i < 9 && b[i-1] >= '0' && b[i-1] <= '9' {
			i--
		}
		if i == digits {
			return 0, false
		}
		n = 0
		for _, c := range b[i:digits] {
			n = n*10 + int(c-'0')
		}
	}
	return n, true
}

// unpack notes the objects of an object stream (ISO 32000-1, 7.5.7).
func (f *file) unpack(at int) {
	s, ok := f.read(place{at: at}).(*stream)
	if !ok || s.dict["Type"] != name("ObjStm") {
		return
	}
	l := &lexer{b: f.decode(s), refs: true, left: &f.left}
	first, _ := f.resolve(s.dict["First"]).(float64)
	count, _ := f.resolve(s.dict["N"]).(float64)
	head := &lexer{b: l.b, left: &f.left}
	for range int(min(max(0, count), maxObjects)) {
		n, ok := head.value(0)
		offset, ok2 := head.value(0)
		number, is := n.(float64)
		o, is2 := offset.(float64)
		if !ok || !ok2 || !is || !is2 || len(f.places) >= maxObjects {
			return
		}
		f.places[int(number)] = place{in: l, at: int(first + o)}
		f.order = append(f.order, int(number))
	}
}

// trailers looks for what the file says about itself, in tables and in
// cross-reference streams.
func (f *file) trailers() {
	take := func(d dict) {
		if d["Root"] != nil {
			f.root = d["Root"]
		}
		if d["Info"] != nil {
			f.info = d["Info"]
		}
		f.encrypted = f.encrypted || d["Encrypt"] != nil
	}
	for at, n := 0, 0; n < 100; n++ {
		i := bytes.Index(f.data[at:], []byte("trailer"))
		if i < 0 {
			break
		}
		at += i + len("trailer")
		l := &lexer{b: f.data, at: at, refs: true, left: &f.left}
		if v, ok := l.value(0); ok {
			if d, ok := v.(dict); ok {
				take(d)
			}
		}
	}
	var catalog any
	for n, p := range f.all() {
		if p.in != nil {
			continue
		}
		head := f.head(p.at)
		if bytes.Contains(head, []byte("/XRef")) {
			if s, ok := f.get(n).(*stream); ok && s.dict["Type"] == name("XRef") {
				take(s.dict)
			}
		}
		if bytes.Contains(head, []byte("/Catalog")) {
			catalog = ref(n)
		}
	}
	if f.dict(f.dict(f.root)["Pages"]) == nil && catalog != nil {
		f.root = catalog
	}
}

// all gives each object that counts, in the order of the file.
func (f *file) all() func(func(int, place) bool) {
	return func(yield func(int, place) bool) {
		seen := map[int]bool{}
		for _, n := range f.order {
			if !seen[n] && !yield(n, f.places[n]) {
				return
			}
			seen[n] = true
		}
	}
}

// get reads an object; nil when there is none.
func (f *file) get(n int) any {
	if v, ok := f.cache[n]; ok {
		return v
	}
	p, ok := f.places[n]
	if !ok || f.open[n] || len(f.open) > maxDepth {
		return nil
	}
	f.open[n] = true
	v := f.read(p)
	delete(f.open, n)
	f.cache[n] = v
	return v
}

// resolve follows references.
func (f *file) resolve(v any) any {
	for range maxDepth {
		r, ok := v.(ref)
		if !ok {
			return v
		}
		v = f.get(int(r))
	}
	return nil
}

func (f *file) dict(v any) dict {
	switch v := f.resolve(v).(type) {
	case dict:
		return v
	case *stream:
		return v.dict
	}
	return nil
}

func (f *file) array(v any) array {
	a, _ := f.resolve(v).(array)
	return a
}

func (f *file) number(v any, otherwise float64) float64 {
	if n, ok := f.resolve(v).(float64); ok {
		return n
	}
	return otherwise
}

// read reads the object at a place.
func (f *file) read(p place) any {
	l := lexer{b: f.data, at: p.at, refs: true, left: &f.left}
	if p.in != nil {
		l.b = p.in.b
	}
	if l.at < 0 || l.at > len(l.b) {
		return nil
	}
	v, ok := l.value(0)
	if !ok {
		f.cut = f.cut || f.left <= 0
	}
	d, ok := v.(dict)
	if !ok || p.in != nil {
		return v
	}
	l.skip()
	if !bytes.HasPrefix(l.b[l.at:], []byte("stream")) {
		return d
	}
	at := l.at + len("stream")
	if at < len(l.b) && l.b[at] == '\r' {
		at++
	}
	if at < len(l.b) && l.b[at] == '\n' {
		at++
	}
	return &stream{d, f.body(d, at)}
}

// body is a stream's data: as long as it says, if it ends there, or up to its
// end mark.
func (f *file) body(d dict, at int) []byte {
	rest := f.data[at:]
	if n := f.number(d["Length"], -1); n >= 0 && int(n) <= len(rest) {
		tail := rest[int(n):min(len(rest), int(n)+16)]
		if bytes.HasPrefix(bytes.TrimLeft(tail, "\r\n \t\x00"), []byte("endstream")) {
			return rest[:int(n)]
		}
	}
	rest = rest[:min(len(rest), max(0, f.scanned))]
	if i := bytes.Index(rest, []byte("endstream")); i >= 0 {
		rest = rest[:i]
	}
	f.scanned -= len(rest)
	return rest
}

package markdown

import (
	"slices"
	"unicode"
)

// run is a run of * _ or ~. CommonMark 0.31, section 6.2, says what opens and
// closes. One rule is looser here: a run of two or more may touch punctuation
// inside and a letter outside, because models write **"so"** in languages
// without spaces, and CommonMark then shows the stars.
type run struct {
	mark     byte
	size     int // as written
	left     int // not yet used
	canOpen  bool
	canClose bool
	dangles  bool // may be closed by the end of the text
	closes   []style
	opens    []style // innermost first
}

func newRun(mark byte, size int, before, after rune) run {
	spaceBefore, spaceAfter := unicode.IsSpace(before), unicode.IsSpace(after)
	punctBefore, punctAfter := isPunct(before), isPunct(after)
	opens := !spaceAfter && (!punctAfter || spaceBefore || punctBefore)
	closes := !spaceBefore && (!punctBefore || spaceAfter || punctAfter)
	r := run{mark: mark, size: size, left: size, canOpen: opens, canClose: closes}
	switch {
	case mark == '_':
		r.canOpen = opens && (!closes || punctBefore)
		r.canClose = closes && (!opens || punctAfter)
	case size >= 2:
		r.canOpen, r.canClose = !spaceAfter, !spaceBefore
	}
	if mark == '~' && size != 2 {
		// "~5" is about five.
		r.canOpen, r.canClose = false, false
	}
	r.dangles = r.canOpen && size >= 2 && size <= 3 && (spaceBefore || punctBefore)
	return r
}

func isPunct(r rune) bool { return unicode.IsPunct(r) || unicode.IsSymbol(r) }

// use is how many marks a pair of runs consumes, and what that means.
func (r *run) use(closer *run) (int, style) {
	switch {
	case r.mark == '~':
		return 2, strike
	case r.left >= 2 && closer.left >= 2:
		return 2, bold
	}
	return 1, italic
}

// matches is CommonMark's rule of three.
func (r *run) matches(closer *run) bool {
	if r.mark != closer.mark {
		return false
	}
	if r.canClose || closer.canOpen {
		return (r.size+closer.size)%3 != 0 || r.size%3 == 0 && closer.size%3 == 0
	}
	return true
}

// pair decides what each run opens and closes. The outcome nests properly:
// runs between a pair are no longer considered. With last, runs that nothing
// closed but that may dangle open their style until the end.
func pair(tokens []token, last bool) {
	var stack []*run
	var floor [18]int // below it the stack has no opener for that sort of closer
	for i := range tokens {
		if tokens[i].kind != delimiter {
			continue
		}
		c := &tokens[i].run
		for c.canClose && c.left > 0 {
			at := len(stack) - 1
			for at >= floor[sort(c)] && !stack[at].matches(c) {
				at--
			}
			if at < floor[sort(c)] {
				floor[sort(c)] = len(stack)
				break
			}
			o := stack[at]
			n, s := o.use(c)
			o.left, c.left = o.left-n, c.left-n
			o.opens, c.closes = append(o.opens, s), append(c.closes, s)
			stack = stack[:at+1]
			if o.left == 0 {
				stack = stack[:at]
			}
			for j := range floor {
				floor[j] = min(floor[j], len(stack))
			}
		}
		if c.canOpen && c.left > 0 {
			stack = append(stack, c)
		}
	}
	if last {
		dangle(stack)
	}
}

func dangle(stack []*run) {
	for _, o := range stack {
		if !o.dangles || o.left != o.size {
			continue
		}
		s := bold
		if o.mark == '~' {
			s = strike
		}
		o.opens = append(o.opens, s)
		if o.left == 3 {
			o.opens = append(o.opens, italic)
		}
		o.left = 0
	}
}

// sort numbers the sorts of closers that can match different openers.
func sort(c *run) int {
	n := slices.Index([]byte("*_~"), c.mark) * 6
	if c.canOpen {
		n += 3
	}
	return n + c.size%3
}

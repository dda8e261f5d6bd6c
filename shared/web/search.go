package web

import (
	"context"
	"fmt"
	"time"
)

// Searcher finds pages. It returns at most limit results, the best first; a
// limit outside its own bounds is brought within them. Errors are for the
// model: they wrap *Busy when asking again later may help, and hold no key.
type Searcher interface {
	Search(ctx context.Context, query string, limit int) ([]Result, error)
}

// Result is one page that was found. Its texts are others' words.
type Result struct {
	Title string // one line
	URL   string // http or https, as CheckURL allows
	Text  string // one line of what it is about, or ""
	Age   string // how old it is or from when, as the provider says it, or ""
}

// Busy: the provider has had too many requests.
type Busy struct {
	After time.Duration // until it takes more
}

func (b *Busy) Error() string {
	return fmt.Sprintf("the search provider takes no more requests for %s", b.After)
}

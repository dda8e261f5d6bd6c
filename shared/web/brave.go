package web

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"instar/shared/web/article"
	"instar/shared/web/visible"
)

// BraveBase is where Brave's search is, when Brave.Base is empty.
const BraveBase = "https://api.search.brave.com"

// Bounds of one search. Those of the query are Brave's (its documentation,
// "Query Parameters").
const (
	maxResults   = 20
	maxQuery     = 400 // characters
	maxWords     = 50
	maxAnswer    = 2 << 20 // bytes
	searchTime   = 15 * time.Second
	patience     = 3 * time.Second // the longest wait for a rate limit
	maxSnippet   = 600             // bytes
	maxTitleLine = 300             // bytes
)

// Brave is Brave's Web Search API. It waits once for a rate limit of a few
// seconds; for a longer one the error wraps *Busy.
type Brave struct {
	Key  string
	Base string // instead of BraveBase
	Do   Doer
}

// Search costs one request, or two when the first was too early.
func (b *Brave) Search(ctx context.Context, query string, limit int) ([]Result, error) {
	query = strings.Join(strings.Fields(visible.Text(query)), " ")
	switch {
	case query == "":
		return nil, errors.New("the query is empty")
	case len([]rune(query)) > maxQuery || strings.Count(query, " ") >= maxWords:
		return nil, fmt.Errorf("the query is longer than %d characters or %d words", maxQuery, maxWords)
	}
	limit = min(max(limit, 1), maxResults)
	ctx, cancel := context.WithTimeout(ctx, searchTime)
	defer cancel()
	list, err := b.search(ctx, query, limit)
	if busy := (*Busy)(nil); errors.As(err, &busy) && busy.After <= patience {
		timer := time.NewTimer(busy.After)
		defer timer.Stop()
		select {
		case <-timer.C:
			list, err = b.search(ctx, query, limit)
		case <-ctx.Done():
		}
	}
	if err != nil && ctx.Err() != nil {
		return nil, errors.New("the search did not end in time")
	}
	return list, err
}

func (b *Brave) search(ctx context.Context, query string, limit int) ([]Result, error) {
	base := b.Base
	if base == "" {
		base = BraveBase
	}
	form := url.Values{"q": {query}, "count": {strconv.Itoa(limit)}, "text_decorations": {"false"}, "result_filter": {"web"}}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimSuffix(base, "/")+"/res/v1/web/search?"+form.Encode(), nil)
	if err != nil {
		return nil, errors.New("the search provider's address is not a URL")
	}
	r.Header.Set("Accept", "application/json")
	r.Header.Set("X-Subscription-Token", b.Key)
	response, err := b.Do.Do(r)
	if err != nil { // whose text may repeat the request
		return nil, errors.New("the search provider could not be reached")
	}
	defer response.Body.Close()
	switch code := response.StatusCode; {
	case code == http.StatusOK:
	case code == http.StatusTooManyRequests:
		return nil, &Busy{reset(response.Header)}
	case code == http.StatusUnauthorized, code == http.StatusForbidden:
		return nil, errors.New("the search provider does not accept the key; its owner has to set another one")
	default: // whose body may repeat the request
		return nil, fmt.Errorf("the search provider answered %d", code)
	}
	data, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err != nil {
		return nil, errors.New("the search provider's answer could not be read")
	}
	return results(data, limit)
}

// results reads an answer. What is no page that could be fetched is left out.
func results(data []byte, limit int) ([]Result, error) {
	var answer struct {
		Web struct {
			Results []struct {
				Title, URL, Description, Age string
				PageAge                      string `json:"page_age"`
			}
		}
	}
	if err := json.Unmarshal(data, &answer); err != nil {
		return nil, errors.New("the search provider's answer is not the JSON that it should be")
	}
	var list []Result
	for _, r := range answer.Web.Results {
		if len(list) == limit {
			break
		}
		if CheckURL(r.URL) != nil {
			continue
		}
		age := r.Age
		if age == "" {
			age, _, _ = strings.Cut(r.PageAge, "T")
		}
		list = append(list, Result{
			Title: article.Words(r.Title, maxTitleLine), URL: r.URL,
			Text: article.Words(r.Description, maxSnippet), Age: visible.Line(age, 40),
		})
	}
	return list, nil
}

// reset is how long a rate limit lasts: Retry-After, or the longest reset of
// the windows that have nothing left (X-RateLimit-Remaining: 0, 1000 and
// X-RateLimit-Reset: 1, 1419704, in seconds), or one second.
func reset(h http.Header) time.Duration {
	if s := seconds(h.Get("Retry-After")); s > 0 {
		return time.Duration(s) * time.Second
	}
	left := strings.Split(h.Get("X-RateLimit-Remaining"), ",")
	longest := 1
	for i, v := range strings.Split(h.Get("X-RateLimit-Reset"), ",") {
		if i < len(left) && strings.TrimSpace(left[i]) == "0" {
			longest = max(longest, seconds(v))
		}
	}
	return time.Duration(longest) * time.Second
}

// seconds is a number of seconds, at most a year; 0 for anything else.
func seconds(v string) int {
	n, err := strconv.Atoi(strings.TrimSpace(v))
	if err != nil || n < 0 {
		return 0
	}
	return min(n, 366*24*3600)
}

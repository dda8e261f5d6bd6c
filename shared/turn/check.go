package turn

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"instar/shared/bucket"
	"instar/shared/job"
	"instar/shared/memory"
	"instar/shared/web"
)

// Bounds of looking at a URL before a job.
const (
	checkTime = 20 * time.Second
	checkBody = 5 << 20 // bytes; what is longer counts by its beginning
)

// check looks whether what a job watches has changed since its last run. seen
// is what to compare the next time with.
func (e *Engine) check(ctx context.Context, j *job.Job) (seen string, changed bool, err error) {
	if name := j.Unless.File; name != "" {
		o, err := e.Bucket.Get(ctx, e.Agent+"/files/"+name)
		if err != nil && !errors.Is(err, bucket.ErrNotFound) {
			return "", false, errors.New("the file could not be read")
		}
		sum := sha256.Sum256(o.Data) // of one that is not there: that of nothing
		seen = "file " + hex.EncodeToString(sum[:])
		return seen, seen != j.Seen, nil
	}
	if err := web.CheckURL(j.Unless.URL); err != nil {
		return "", false, err
	}
	if e.Web == nil {
		return "", false, errors.New("this program cannot fetch pages")
	}
	ctx, cancel := context.WithTimeout(ctx, checkTime)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, j.Unless.URL, nil)
	if err != nil {
		return "", false, errors.New("the address is not a URL")
	}
	kind, value, _ := strings.Cut(j.Seen, " ")
	switch kind {
	case "etag":
		r.Header.Set("If-None-Match", value)
	case "modified":
		r.Header.Set("If-Modified-Since", value)
	}
	response, err := e.Web.Do(r)
	if err != nil {
		return "", false, errors.New("the page could not be reached")
	}
	defer response.Body.Close()
	switch {
	case response.StatusCode == http.StatusNotModified:
		return j.Seen, false, nil
	case response.StatusCode != http.StatusOK:
		return "", false, fmt.Errorf("the page answered %d", response.StatusCode)
	}
	if etag := response.Header.Get("ETag"); etag != "" {
		seen = "etag " + etag
	} else if modified := response.Header.Get("Last-Modified"); modified != "" {
		seen = "modified " + modified
	} else {
		h := sha256.New()
		if _, err := io.Copy(h, io.LimitReader(response.Body, checkBody)); err != nil {
			return "", false, errors.New("the page could not be read to its end")
		}
		seen = "sha256 " + hex.EncodeToString(h.Sum(nil))
	}
	return seen, seen != j.Seen, nil
}

// CheckFile reports why a file is not one that a job may look at.
func CheckFile(name string) error {
	if name == memory.Soul || name == memory.User || name == memory.Curated {
		return nil
	}
	if day, ok := strings.CutPrefix(name, "memory/"); ok {
		if _, err := time.Parse("2006-01-02.md", day); err == nil {
			return nil
		}
	}
	return errors.New("the file must be MEMORY.md, USER.md, SOUL.md or memory/YYYY-MM-DD.md")
}

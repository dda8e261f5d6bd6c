//go:build !js

package s3

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go/middleware"

	"instar/shared/bucket"
)

// markName is the metadata of an object that names the call which wrote it
// (x-amz-meta-instar-put). A put whose answer is lost is sent again and then
// refused, by its own success perhaps: the mark tells. The etag could not, since
// another writer may have written the same bytes.
const markName = "instar-put"

// errUnknown is returned in place of ErrPrecondition, which says that nothing was
// written, where that is not certain: an answer was lost, and the object is
// another's now, or cannot be looked at.
var errUnknown = errors.New("an answer was lost, and whether the object was written before another wrote it cannot be told")

func (b *Bucket) PutIfAbsent(ctx context.Context, key string, data []byte) (string, error) {
	return b.put(ctx, key, data, "")
}

func (b *Bucket) PutIfMatch(ctx context.Context, key, etag string, data []byte) (string, error) {
	if err := bucket.CheckKey(key); err != nil {
		return "", fmt.Errorf("put object: %w", err)
	}
	if !isETag(etag) {
		return "", fmt.Errorf("put %q: no etag: %w", key, bucket.ErrPrecondition)
	}
	return b.put(ctx, key, data, etag)
}

// isETag reports whether etag can stand between quotes in If-Match and mean one
// etag there; "*" would mean any.
func isETag(etag string) bool {
	return etag != "" && etag != "*" && len(etag) <= 256 &&
		!strings.ContainsFunc(etag, func(r rune) bool { return r <= ' ' || r >= 0x7f || r == '"' || r == ',' || r == '\\' })
}

// put replaces the object that has this etag; "" creates it.
func (b *Bucket) put(ctx context.Context, key string, data []byte, etag string) (string, error) {
	if err := bucket.CheckKey(key); err != nil {
		return "", fmt.Errorf("put object: %w", err)
	}
	if len(data) > MaxObject {
		return "", fmt.Errorf("put %q: %d bytes, at most %d", key, len(data), MaxObject)
	}
	w := write{key: key, etag: etag, mark: rand.Text(), body: content{reader: bytes.NewReader(data)}}
	in := &sdk.PutObjectInput{
		Bucket: &b.name, Key: &key, Body: &w.body,
		ContentLength: aws.Int64(int64(len(data))),
		ContentType:   aws.String("application/octet-stream"),
		Metadata:      map[string]string{markName: w.mark},
	}
	if etag == "" {
		in.IfNoneMatch = aws.String("*")
	} else {
		in.IfMatch = aws.String(`"` + etag + `"`)
	}
	out, err := b.client.PutObject(ctx, in, w.watch)
	if err == nil {
		return plainETag(out.ETag), nil
	}
	now, err := b.settle(ctx, &w, err)
	if err != nil {
		return "", fmt.Errorf("put %q: %w", key, err)
	}
	return now, nil
}

// write is one call of put, which may be several requests.
type write struct {
	key, etag, mark string
	body            content
	// lost is set when a request may have been carried out without our knowing.
	lost bool
}

// content is the body of each request, and knows whether all of it was taken to
// be sent: a server may refuse a large one before it has it, and close the
// connection over its own answer. It has no other methods that could be read by.
type content struct {
	reader *bytes.Reader
	left   atomic.Int64 // the connection may still be reading when a request has failed
}

func (c *content) Read(p []byte) (int, error) {
	n, err := c.reader.Read(p)
	c.left.Store(int64(c.reader.Len()))
	return n, err
}

func (c *content) Seek(offset int64, whence int) (int64, error) {
	n, err := c.reader.Seek(offset, whence)
	c.left.Store(int64(c.reader.Len()))
	return n, err
}

// watch looks at the outcome of every attempt, from inside the SDK's retries.
func (w *write) watch(o *sdk.Options) {
	each := middleware.FinalizeMiddlewareFunc("instar:lost", func(ctx context.Context, in middleware.FinalizeInput, next middleware.FinalizeHandler) (middleware.FinalizeOutput, middleware.Metadata, error) {
		out, metadata, err := next.HandleFinalize(ctx, in)
		w.lost = w.lost || err != nil && mayHaveHappened(err) && w.body.left.Load() == 0
		return out, metadata, err
	})
	o.APIOptions = append(o.APIOptions, func(stack *middleware.Stack) error {
		return stack.Finalize.Insert(each, "Retry", middleware.After)
	})
}

// settle finds out what a put that ended with an error did: it returns the
// etag when it wrote after all. It returns ErrPrecondition only where nothing
// was written.
func (b *Bucket) settle(ctx context.Context, w *write, failure error) (etag string, err error) {
	code := codeOf(failure)
	refused := code == codePrecondition || w.etag != "" && code == codeNoSuchKey
	if refused && !w.lost {
		return "", bucket.ErrPrecondition
	}
	if ctx.Err() != nil || !w.lost && code != codeConflict && !mayHaveHappened(failure) {
		return "", b.explain(failure, w.action())
	}
	now, err := b.look(ctx, w.key)
	switch {
	case err != nil && refused:
		return "", fmt.Errorf("%w: look at it: %w", errUnknown, err)
	case err == nil && now.mark == w.mark:
		return now.etag, nil
	case refused:
		return "", errUnknown
	case err == nil && !w.lost && now.etag != w.etag:
		return "", bucket.ErrPrecondition // another has won
	}
	return "", b.explain(failure, w.action())
}

// action names what S3 must allow: it reads the etag that If-Match names.
func (w *write) action() string {
	if w.etag == "" {
		return "s3:PutObject"
	}
	return "s3:PutObject and s3:GetObject"
}

// state is what is there now: both are "" where there is no object.
type state struct{ etag, mark string }

func (b *Bucket) look(ctx context.Context, key string) (state, error) {
	out, err := b.client.HeadObject(ctx, &sdk.HeadObjectInput{Bucket: &b.name, Key: &key})
	switch {
	case err == nil:
		return state{plainETag(out.ETag), out.Metadata[markName]}, nil
	case codeOf(err) == codeNotFound: // an answer to HEAD has no body to say more
		return state{}, nil
	}
	return state{}, b.explain(err, "s3:GetObject and s3:ListBucket")
}

//go:build !js

// Package s3 is the bucket port over Amazon S3 and servers that speak its
// protocol, R2's S3 endpoint among them. It passes buckettest.Run.
//
// What the bucket must be: a general purpose one. In a directory bucket (S3
// Express) a listing has no order. What the credentials must be allowed:
// s3:GetObject, s3:PutObject, s3:DeleteObject on its objects and s3:ListBucket
// on it, without which S3 calls an object that is missing a forbidden one.
//
// Where the numbers come from: docs.aws.amazon.com/AmazonS3/latest/userguide/
// conditional-writes.html and conditional-writes-errors.html.
package s3

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	sdk "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go/middleware"

	"instar/shared/bucket"
)

// MaxObject bounds the bytes of an object, written or read: what fits the
// memory of a Workers isolate, so that nothing is stored here which the same
// agent could not read there.
const MaxObject = 128 << 20

const (
	attempts   = 4 // of each request, the first included
	maxBackoff = 2 * time.Second

	dialWithin   = 3 * time.Second
	answerWithin = 15 * time.Second // from the last byte sent to the answer's head
	allWithin    = time.Minute      // one attempt, its body included
	idleFor      = 30 * time.Second
	maxIdle      = 8
	maxOpen      = 64
)

// Bucket is one S3 bucket. It is safe for concurrent use, and costs nothing
// until the first call.
type Bucket struct {
	name   string
	client *sdk.Client
}

var _ bucket.Bucket = (*Bucket)(nil)

// Open makes no request: whether the bucket is there, the first call tells.
func Open(o Options) (*Bucket, error) {
	if err := o.check(); err != nil {
		return nil, fmt.Errorf("open S3 bucket: %w", err)
	}
	return o.open(transport()), nil
}

func (o Options) open(over http.RoundTripper) *Bucket {
	options := sdk.Options{
		Region:      o.region(),
		Credentials: o.credentials(),
		HTTPClient: &http.Client{
			Transport: over,
			Timeout:   allWithin,
			// S3 redirects to another region, where the signature would be wrong.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
		Retryer: retry.NewStandard(func(s *retry.StandardOptions) {
			s.MaxAttempts, s.MaxBackoff = attempts, maxBackoff
			// Another writer was at the object at the same time, and nothing was
			// written: S3 says to try again, which then meets the condition or not.
			s.Retryables = append(s.Retryables, retry.RetryableErrorCode{Codes: map[string]struct{}{codeConflict: {}}})
		}),
		// Since 2025 the SDK adds a CRC32 in a trailer to what it sends, which
		// makes the request a streaming one that R2 and older servers refuse. The
		// content's SHA-256 in the signature does the same for all of them.
		RequestChecksumCalculation: aws.RequestChecksumCalculationWhenRequired,
		ResponseChecksumValidation: aws.ResponseChecksumValidationWhenRequired,
		APIOptions:                 []func(*middleware.Stack) error{signContent},
	}
	if o.Endpoint != "" {
		options.BaseEndpoint, options.UsePathStyle = &o.Endpoint, true
	}
	return &Bucket{name: o.Bucket, client: sdk.New(options)}
}

// signContent has the signature cover the content, which over TLS the SDK leaves out.
func signContent(stack *middleware.Stack) error {
	_, err := stack.Finalize.Swap((&v4.ComputePayloadSHA256{}).ID(), &v4.ComputePayloadSHA256{})
	return err
}

func transport() *http.Transport {
	return &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		DialContext:            (&net.Dialer{Timeout: dialWithin, KeepAlive: idleFor}).DialContext,
		TLSHandshakeTimeout:    dialWithin,
		ResponseHeaderTimeout:  answerWithin,
		ExpectContinueTimeout:  time.Second,
		MaxIdleConns:           maxIdle,
		MaxIdleConnsPerHost:    maxIdle,
		MaxConnsPerHost:        maxOpen,
		IdleConnTimeout:        idleFor,
		MaxResponseHeaderBytes: 64 << 10,
		DisableCompression:     true, // an object is the bytes that were put
	}
}

func (b *Bucket) Get(ctx context.Context, key string) (bucket.Object, error) {
	if err := bucket.CheckKey(key); err != nil {
		return bucket.Object{}, fmt.Errorf("get object: %w", err)
	}
	for attempt := 1; ; attempt++ {
		out, err := b.client.GetObject(ctx, &sdk.GetObjectInput{Bucket: &b.name, Key: &key})
		if err != nil {
			return bucket.Object{}, fmt.Errorf("get %q: %w", key, b.explain(err, "s3:GetObject"))
		}
		data, err := read(out)
		if err == nil {
			return bucket.Object{Key: key, ETag: plainETag(out.ETag), Data: data}, nil
		}
		// The SDK tries again for an answer, not for the rest of one.
		if attempt == attempts || ctx.Err() != nil || int64(len(data)) > MaxObject {
			return bucket.Object{}, fmt.Errorf("get %q: %w", key, err)
		}
	}
}

// read returns the body of an answer, and of one that is too large more than
// MaxObject bytes beside the error.
func read(out *sdk.GetObjectOutput) (data []byte, err error) {
	defer out.Body.Close()
	var into bytes.Buffer
	if n := aws.ToInt64(out.ContentLength); 0 < n && n <= MaxObject {
		into.Grow(int(n) + bytes.MinRead) // which is what ReadFrom wants to see free
	}
	_, err = into.ReadFrom(io.LimitReader(out.Body, MaxObject+1))
	if into.Len() > MaxObject {
		err = fmt.Errorf("the object has more than %d bytes", MaxObject)
	}
	return into.Bytes(), err
}

// Delete may reach S3 twice when an answer is lost: what another creates
// between the two goes too, as if it had been created just before.
func (b *Bucket) Delete(ctx context.Context, key string) error {
	if err := bucket.CheckKey(key); err != nil {
		return fmt.Errorf("delete object: %w", err)
	}
	if _, err := b.client.DeleteObject(ctx, &sdk.DeleteObjectInput{Bucket: &b.name, Key: &key}); err != nil {
		return fmt.Errorf("delete %q: %w", key, b.explain(err, "s3:DeleteObject"))
	}
	return nil
}

// plainETag takes off the quotes of RFC 9110: R2's own binding gives etags
// without, and one bucket may be reached both ways.
func plainETag(etag *string) string {
	return strings.Trim(strings.TrimPrefix(aws.ToString(etag), "W/"), `"`)
}

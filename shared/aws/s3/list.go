//go:build !js

package s3

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"instar/shared/bucket"
)

// List leaves out objects whose keys bucket.CheckKey refuses, such as the
// "folders" that S3's console makes. A prefix must be whole UTF-8, as S3's must.
func (b *Bucket) List(ctx context.Context, o bucket.ListOptions) (bucket.Page, error) {
	page, err := b.list(ctx, o)
	if err != nil {
		return bucket.Page{}, fmt.Errorf("list objects: %w", err)
	}
	return page, nil
}

func (b *Bucket) list(ctx context.Context, o bucket.ListOptions) (page bucket.Page, err error) {
	if !utf8.ValidString(o.Prefix) || !utf8.ValidString(o.After) {
		return page, errors.New("the prefix or the key to start after is not UTF-8")
	}
	if len(o.Prefix) > bucket.MaxKey {
		return page, ctx.Err() // no key has it
	}
	if o.Limit <= 0 || o.Limit > bucket.MaxList {
		o.Limit = bucket.MaxList
	}
	in := &sdk.ListObjectsV2Input{
		Bucket: &b.name,
		// XML cannot hold every character of a key.
		EncodingType: types.EncodingTypeUrl,
		Prefix:       optional(o.Prefix),
		StartAfter:   optional(o.After),
	}
	// S3 may answer with fewer than it was asked for, and go on.
	for {
		in.MaxKeys = aws.Int32(int32(o.Limit - len(page.Entries)))
		out, err := b.client.ListObjectsV2(ctx, in)
		if err != nil {
			return page, b.explain(err, "s3:ListBucket")
		}
		last := ""
		for _, object := range out.Contents {
			if last, err = keyOf(object, out.EncodingType); err != nil {
				return page, err
			}
			if bucket.CheckKey(last) == nil {
				page.Entries = append(page.Entries, bucket.Entry{Key: last, ETag: plainETag(object.ETag), Size: aws.ToInt64(object.Size)})
			}
		}
		if !aws.ToBool(out.IsTruncated) {
			return page, nil
		}
		if len(page.Entries) >= o.Limit {
			page.Next = last
			return page, nil
		}
		if in.ContinuationToken = out.NextContinuationToken; aws.ToString(in.ContinuationToken) == "" {
			return page, errors.New("unreadable answer: there is more, but not where")
		}
	}
}

// keyOf decodes a key in a listing; a server may not know the encoding.
func keyOf(object types.Object, encoding types.EncodingType) (string, error) {
	key := aws.ToString(object.Key)
	if encoding != types.EncodingTypeUrl {
		return key, nil
	}
	key, err := url.QueryUnescape(key)
	if err != nil {
		return "", fmt.Errorf("unreadable answer: %w", err)
	}
	return key, nil
}

func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

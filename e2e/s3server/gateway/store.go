package main

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/versity/versitygw/backend/posix"
	"github.com/versity/versitygw/s3response"
)

// store is versitygw's folder with keys stored by another name, for the
// operations that the agent uses: put, get, head, delete, list.
type store struct{ *posix.Posix }

// NormalizeObjectKey leaves the key as it is: it is no path here.
func (s store) NormalizeObjectKey(_, key string) string { return key }

func (s store) PutObject(ctx context.Context, in s3response.PutObjectInput) (s3response.PutObjectOutput, error) {
	in.Key = mapped(in.Key, stored)
	return s.Posix.PutObject(ctx, in)
}

func (s store) HeadObject(ctx context.Context, in *s3.HeadObjectInput) (*s3.HeadObjectOutput, error) {
	in.Key = mapped(in.Key, stored)
	return s.Posix.HeadObject(ctx, in)
}

func (s store) GetObject(ctx context.Context, in *s3.GetObjectInput) (*s3.GetObjectOutput, error) {
	in.Key = mapped(in.Key, stored)
	return s.Posix.GetObject(ctx, in)
}

func (s store) DeleteObject(ctx context.Context, in *s3.DeleteObjectInput) (*s3.DeleteObjectOutput, error) {
	in.Key = mapped(in.Key, stored)
	return s.Posix.DeleteObject(ctx, in)
}

func (s store) ListObjectsV2(ctx context.Context, in *s3.ListObjectsV2Input) (s3response.ListObjectsV2Result, error) {
	prefix, after := in.Prefix, in.StartAfter
	in.Prefix, in.StartAfter = mapped(prefix, storedPrefix), mapped(after, stored)
	out, err := s.Posix.ListObjectsV2(ctx, in) // its continuation tokens are names
	if err != nil {
		return out, err
	}
	out.Prefix, out.StartAfter = prefix, after
	if out.IsTruncated != nil && *out.IsTruncated {
		// versitygw also says so when all that follows lacks the prefix.
		one := int32(1)
		next, err := s.Posix.ListObjectsV2(ctx, &s3.ListObjectsV2Input{
			Bucket: in.Bucket, Prefix: in.Prefix, StartAfter: in.StartAfter,
			ContinuationToken: out.NextContinuationToken, MaxKeys: &one,
		})
		if err != nil {
			return out, err
		}
		if len(next.Contents) == 0 {
			*out.IsTruncated, out.NextContinuationToken = false, nil
		}
	}
	for i := range out.Contents {
		key, err := original(*out.Contents[i].Key)
		if err != nil {
			return out, err
		}
		out.Contents[i].Key = &key
	}
	return out, nil
}

// mapped returns the name for an optional key; "" stays so.
func mapped(key *string, name func(string) string) *string {
	if key == nil || *key == "" {
		return key
	}
	n := name(*key)
	return &n
}

package settings

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/tidwall/gjson"

	"instar/shared/bucket"
)

// maxTries bounds the attempts of one Put; each lost one means that another
// writer got through.
const maxTries = 16

// InBucket is the Store for a platform without a store of its own for settings. A setting is
// the object prefix + base64url(key), which any key fits, holding
//
//	{"v":1,"key":"...","value":"..."}
//
// so that an owner who looks into the bucket sees what it is. The prefix, such
// as "main/settings/", belongs to this Store alone and has at most 341 bytes,
// or the longest keys do not fit. Get and Delete cost one operation, Put two.
func InBucket(b bucket.Bucket, prefix string) Store {
	return &inBucket{bucket: b, prefix: prefix}
}

type inBucket struct {
	bucket bucket.Bucket
	prefix string
}

func (s *inBucket) object(key string) string {
	return s.prefix + base64.RawURLEncoding.EncodeToString([]byte(key))
}

func (s *inBucket) Get(ctx context.Context, key string) (string, bool, error) {
	if err := CheckKey(key); err != nil {
		return "", false, err
	}
	o, err := s.bucket.Get(ctx, s.object(key))
	if errors.Is(err, bucket.ErrNotFound) {
		return "", false, nil
	}
	if err != nil {
		return "", false, fmt.Errorf("get setting %q: %w", key, err)
	}
	value, err := decode(o.Data, key)
	if err != nil {
		return "", false, fmt.Errorf("get setting %q: %w", key, err)
	}
	return value, true, nil
}

// Put replaces whatever is there; of concurrent writers the last one stays. An
// object that cannot be read is replaced too, which is how to repair it.
func (s *inBucket) Put(ctx context.Context, key, value string) error {
	if err := errors.Join(CheckKey(key), CheckValue(value)); err != nil {
		return err
	}
	data, err := json.Marshal(stored{V: 1, Key: key, Value: value})
	if err != nil {
		return fmt.Errorf("put setting %q: %w", key, err)
	}
	for range maxTries {
		if err = s.replace(ctx, s.object(key), string(data)); !errors.Is(err, bucket.ErrPrecondition) {
			break
		}
	}
	if err != nil {
		return fmt.Errorf("put setting %q: %w", key, err)
	}
	return nil
}

// replace tries once to give the object the data, whatever it has now.
func (s *inBucket) replace(ctx context.Context, object, data string) error {
	o, err := s.bucket.Get(ctx, object)
	switch {
	case errors.Is(err, bucket.ErrNotFound):
		_, err = s.bucket.PutIfAbsent(ctx, object, []byte(data))
	case err == nil && string(o.Data) != data:
		_, err = s.bucket.PutIfMatch(ctx, object, o.ETag, []byte(data))
	}
	return err
}

func (s *inBucket) Delete(ctx context.Context, key string) error {
	if err := CheckKey(key); err != nil {
		return err
	}
	if err := s.bucket.Delete(ctx, s.object(key)); err != nil {
		return fmt.Errorf("delete setting %q: %w", key, err)
	}
	return nil
}

type stored struct {
	V     int    `json:"v"`
	Key   string `json:"key"`
	Value string `json:"value"`
}

// decode returns the value of a stored setting, which must be for the key: an
// object copied to another name is not a setting of that name.
func decode(data []byte, key string) (string, error) {
	if !gjson.ValidBytes(data) {
		return "", errors.New("stored setting is not JSON")
	}
	o := gjson.ParseBytes(data)
	if v := o.Get("v"); v.Type != gjson.Number || v.Raw != "1" {
		return "", errors.New("stored setting has a version this program does not know; update it")
	}
	value := o.Get("value")
	if o.Get("key").String() != key || value.Type != gjson.String || CheckValue(value.Str) != nil {
		return "", errors.New("stored setting is damaged; write it again")
	}
	return value.Str, nil
}

//go:build js && wasm

package workers

import (
	"context"
	"errors"
	"fmt"
	"syscall/js"

	"github.com/syumai/workers/cloudflare"

	store "instar/shared/cloudflare/kv"
	"instar/shared/settings"
)

// kv is a Workers KV namespace. Writing is syumai/workers'; reading is our
// own, because there a missing key reads as the text "<null>". A key has at most
// 512 bytes, which is settings.MaxKey, and is not "." or ".."
// (developers.cloudflare.com/kv/platform/limits/ and .../kv/api/write-key-value-pairs/).
// What is written may be seen elsewhere only a minute later
// (developers.cloudflare.com/kv/concepts/how-kv-works/).
type kv struct {
	name      string
	namespace js.Value
}

func (k *kv) Get(ctx context.Context, key string) (string, bool, error) {
	if err := settings.CheckKey(key); err != nil {
		return "", false, err
	}
	v, err := method(ctx, k.namespace, "get", store.Key(key))
	if err != nil {
		return "", false, fmt.Errorf("get setting: %w", err)
	}
	if v.IsNull() {
		return "", false, nil
	}
	return v.String(), true, nil
}

func (k *kv) Put(ctx context.Context, key, value string) error {
	if err := errors.Join(settings.CheckKey(key), settings.CheckValue(value)); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	ns, err := cloudflare.NewKVNamespace(k.name)
	if err == nil {
		err = ns.PutString(store.Key(key), value, nil)
	}
	if err != nil {
		return fmt.Errorf("put setting: %w", err)
	}
	return nil
}

func (k *kv) Delete(ctx context.Context, key string) error {
	if err := settings.CheckKey(key); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	ns, err := cloudflare.NewKVNamespace(k.name)
	if err == nil {
		err = ns.Delete(store.Key(key))
	}
	if err != nil {
		return fmt.Errorf("delete setting: %w", err)
	}
	return nil
}

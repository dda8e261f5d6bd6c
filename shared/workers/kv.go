//go:build js && wasm

package workers

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"syscall/js"

	"github.com/syumai/workers/cloudflare"

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
	v, err := method(ctx, k.namespace, "get", kvKey(key))
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
		err = ns.PutString(kvKey(key), value, nil)
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
		err = ns.Delete(kvKey(key))
	}
	if err != nil {
		return fmt.Errorf("delete setting: %w", err)
	}
	return nil
}

// kvKey escapes what a KV key may not hold or a URL would change. A key that
// becomes too long by that is replaced by its hash.
func kvKey(key string) string {
	var b strings.Builder
	for _, c := range []byte(key) {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', strings.IndexByte("-_:/.", c) >= 0:
			b.WriteByte(c)
		default:
			fmt.Fprintf(&b, "%%%02x", c)
		}
	}
	if b.Len() > settings.MaxKey {
		sum := sha256.Sum256([]byte(key))
		return "sha256~" + hex.EncodeToString(sum[:]) // no escaped key has a tilde
	}
	return b.String()
}

//go:build js && wasm

package workers

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"syscall/js"
	"testing"

	"instar/shared/bucket"
	"instar/shared/bucket/buckettest"
	store "instar/shared/cloudflare/kv"
	"instar/shared/seal"
	"instar/shared/settings"
	"instar/shared/settings/settingstest"
)

// These run inside the Workers runtime, within one request: e2e/runtime starts
// this test binary there (conformance.mjs) and reads what it prints.

func init() { bridge.Set("settled", js.FuncOf(settled)) } // as Run does

// requestEnv is the env of the request that started the binary.
func requestEnv() *Env {
	ctx, cancel := context.WithCancelCause(context.Background())
	return &Env{event: &event{ctx: ctx, cancel: cancel}, given: js.Global().Get("context").Get("env")}
}

func openBucket(t *testing.T) bucket.Bucket {
	b, err := requestEnv().Bucket("BUCKET")
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestR2Conformance(t *testing.T) { buckettest.Run(t, openBucket) }

// What is sealed is a bucket like any other.
func TestSealedR2Conformance(t *testing.T) {
	key, cache := seal.NewKey(), &seal.Cache{}
	buckettest.Run(t, func(t *testing.T) bucket.Bucket {
		return seal.New(openBucket(t), key, seal.Options{Cache: cache})
	})
}

func TestR2FullPages(t *testing.T) { buckettest.RunFullPages(t, openBucket) }

func TestKVConformance(t *testing.T) {
	settingstest.Run(t, func(*testing.T) settings.Store { return requestEnv().Settings("SETTINGS", nil) })
}

func TestSettingsAreInTheBucketWhereNoNamespaceIsBound(t *testing.T) {
	settingstest.Run(t, func(t *testing.T) settings.Store { return requestEnv().Settings("UNBOUND", openBucket(t)) })
}

func TestMissingBindingsAreErrorsThatNameThem(t *testing.T) {
	_, bucketErr := requestEnv().Bucket("UNBOUND")
	_, queueErr := requestEnv().Queue("UNBOUND")
	_, callErr := requestEnv().Call("UNBOUND")
	for _, err := range []error{bucketErr, queueErr, callErr} {
		if err == nil || !strings.Contains(err.Error(), "UNBOUND") {
			t.Errorf("error %v, want one that names the binding", err)
		}
	}
}

// A key that is too long for KV is stored under its hash: no other key may be
// escaped to the same.
func TestNoKeyIsStoredUnderTheHashOfAnother(t *testing.T) {
	for i := 0; ; i++ {
		long := fmt.Sprint(i, strings.Repeat(" ", settings.MaxKey-10))
		sum := sha256.Sum256([]byte(long))
		if sum[0] != ' ' { // which is escaped to %20, like the first byte of this hash
			continue
		}
		for _, short := range []string{"sha256 ", "sha256~", "sha256%"} {
			if key := short + hex.EncodeToString(sum[:])[2:]; store.Key(key) == store.Key(long) {
				t.Errorf("%q and a long key are both stored as %q", key, store.Key(key))
			}
		}
		return
	}
}

//go:build !js

// Package ssm reads a function's variables from the Parameter Store of AWS
// Systems Manager: NAME is the parameter PREFIX + NAME, a SecureString.
package ssm

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"instar/shared/aws/api"
)

// batch is how many parameters GetParameters takes.
const batch = 10

// Get returns those of the variables that are there (ssm:GetParameters on each
// of them, decrypted under the account's own key aws/ssm).
func Get(ctx context.Context, c *api.Client, prefix string, names []string) (map[string]string, error) {
	values := map[string]string{}
	var lock sync.Mutex
	var calls sync.WaitGroup
	var failed error
	for part := range slices.Chunk(names, batch) {
		calls.Go(func() {
			some, err := get(ctx, c, prefix, part)
			lock.Lock()
			defer lock.Unlock()
			failed = errors.Join(failed, err)
			for name, value := range some {
				values[name] = value
			}
		})
	}
	calls.Wait()
	if failed != nil {
		return nil, fmt.Errorf("read parameters: %w", failed)
	}
	return values, nil
}

func get(ctx context.Context, c *api.Client, prefix string, names []string) (map[string]string, error) {
	in := struct {
		Names          []string
		WithDecryption bool
	}{nil, true}
	for _, name := range names {
		in.Names = append(in.Names, prefix+name)
	}
	var out struct {
		Parameters []struct{ Name, Value string }
	}
	if err := c.Call(ctx, "ssm", api.JSON11, "AmazonSSM.GetParameters", in, &out); err != nil {
		return nil, err
	}
	values := map[string]string{}
	for _, p := range out.Parameters {
		values[strings.TrimPrefix(p.Name, prefix)] = p.Value
	}
	return values, nil
}

// Exists reports whether a variable is there, without its value: by asking for
// the parameter's tags (ssm:ListTagsForResource), which is the one question about
// a parameter that can be allowed alone and for it alone.
func Exists(ctx context.Context, c *api.Client, prefix, name string) (bool, error) {
	in := struct{ ResourceType, ResourceId string }{"Parameter", prefix + name} //lint:ignore ST1003 as the service spells it
	err := c.Call(ctx, "ssm", api.JSON11, "AmazonSSM.ListTagsForResource", in, nil)
	if said, ok := errors.AsType[*api.Error](err); ok && said.Code == "InvalidResourceId" {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("look for parameter %s: %w", name, err)
	}
	return true, nil
}

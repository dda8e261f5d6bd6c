package channeltest

import (
	"encoding/json"
	"os"
	"path/filepath"
	"sync"
)

// Description reads a platform's published description once: the JSON file of
// that name in shared/specs beside the module's folder. The error is for a
// test to skip by, where the file is absent.
func Description[T any](name string) func() (*T, error) {
	return sync.OnceValues(func() (*T, error) {
		module, err := os.Getwd()
		if err != nil {
			return nil, err
		}
		for {
			if _, err := os.Stat(filepath.Join(module, "go.mod")); err == nil {
				break
			}
			above := filepath.Dir(module)
			if above == module {
				return nil, os.ErrNotExist
			}
			module = above
		}
		data, err := os.ReadFile(filepath.Join(filepath.Dir(module), "shared", "specs", name))
		if err != nil {
			return nil, err
		}
		description := new(T)
		return description, json.Unmarshal(data, description)
	})
}

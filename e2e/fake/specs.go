//go:build !js

package fake

import (
	"encoding/json"
	"os"
	"path/filepath"
)

// specsDir finds ../shared/specs beside the module this process runs in: from
// the working directory up to go.mod. It returns "" outside a module.
func specsDir() string {
	dir, err := os.Getwd()
	if err != nil {
		return ""
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return filepath.Join(filepath.Dir(dir), "shared", "specs")
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return ""
		}
		dir = parent
	}
}

// loadSpec decodes one description file. It reports false where the file is
// absent; a broken file is a panic, since it would quietly check nothing.
func loadSpec(dir, name string, into any) bool {
	if dir == "" {
		return false
	}
	data, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		return false
	}
	if err := json.Unmarshal(data, into); err != nil {
		panic("fake: " + name + ": " + err.Error())
	}
	return true
}

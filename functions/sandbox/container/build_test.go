//go:build linux && e2e

package main_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

var programs string // the folder with daemon and hostile

func TestMain(m *testing.M) {
	if os.Geteuid() != 0 {
		fmt.Fprintln(os.Stderr, "SKIPPED: the sandbox's suite needs root, as the daemon does. Nothing of it has been tested.")
		os.Exit(0)
	}
	if programs = os.Getenv("SANDBOX_PROGRAMS"); programs != "" {
		os.Exit(m.Run())
	}
	var err error
	if programs, err = build(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	os.RemoveAll(programs)
	os.Exit(code)
}

// build makes the two programs, readable for everybody. SANDBOX_RACE=1 has the
// daemon look for races; SANDBOX_PROGRAMS names a folder that has both already.
func build() (string, error) {
	dir, err := os.MkdirTemp("", "instar-programs-")
	if err != nil {
		return "", err
	}
	os.Chmod(dir, 0o755)
	for name, from := range map[string]string{"daemon": ".", "hostile": "./testdata/hostile"} {
		args := []string{"build", "-o", filepath.Join(dir, name)}
		cgo := "CGO_ENABLED=0"
		if name == "daemon" && os.Getenv("SANDBOX_RACE") == "1" {
			args, cgo = append(args, "-race"), "CGO_ENABLED=1"
		}
		cmd := exec.Command("go", append(args, from)...)
		cmd.Env = append(os.Environ(), cgo)
		if out, err := cmd.CombinedOutput(); err != nil {
			return "", fmt.Errorf("build %s: %w\n%s", name, err, out)
		}
	}
	return dir, nil
}

func hostile() string { return filepath.Join(programs, "hostile") }

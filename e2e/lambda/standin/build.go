package standin

import (
	"archive/zip"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
)

var built struct {
	once sync.Once
	err  error
}

// Build builds the functions for this machine, as `make lambda` does, once for the
// test's process, and returns the folder with the zips. top is the module's root.
func Build(top string) (string, error) {
	out := filepath.Join(top, "build/dist/test/lambda")
	built.once.Do(func() {
		c := exec.Command("go", "run", "./build/lambda", "-out", out)
		c.Dir, c.Env = top, append(os.Environ(), "LAMBDA_ARCH="+runtime.GOARCH)
		if said, err := c.CombinedOutput(); err != nil {
			built.err = fmt.Errorf("build the functions for Lambda: %w\n%s", err, said)
		}
	})
	return out, built.err
}

// Unpack unpacks a function's zip into a folder.
func Unpack(file, folder string) error {
	z, err := zip.OpenReader(file)
	if err != nil {
		return err
	}
	defer z.Close()
	for _, f := range z.File {
		to := filepath.Join(folder, filepath.FromSlash(f.Name))
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			return err
		}
		from, err := f.Open()
		if err != nil {
			return err
		}
		data, err := io.ReadAll(from)
		from.Close()
		if err != nil {
			return err
		}
		if err := os.WriteFile(to, data, f.Mode()); err != nil {
			return err
		}
	}
	return nil
}

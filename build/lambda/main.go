// Command lambda builds the functions for AWS Lambda: build/dist/lambda/NAME.zip,
// with the static program bootstrap in it and, for the console, the page. The same
// source makes the same bytes. LAMBDA_ARCH is arm64, the default, or amd64.
package main

import (
	"archive/zip"
	"bytes"
	"cmp"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"instar/functions"
)

const assets = "build/dist/assets"

func main() {
	out := flag.String("out", "build/dist/lambda", "folder of the zips")
	flag.Parse()
	if err := run(*out, cmp.Or(os.Getenv("LAMBDA_ARCH"), "arm64")); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(out, arch string) error {
	if arch != "arm64" && arch != "amd64" {
		return fmt.Errorf("LAMBDA_ARCH=%s: there are arm64 and amd64", arch)
	}
	if err := os.MkdirAll(out, 0o755); err != nil {
		return err
	}
	for _, f := range functions.All {
		program, err := compile(f.Name, arch, filepath.Join(out, f.Name+".bootstrap"))
		if err != nil {
			return fmt.Errorf("build %s: %w", f.Name, err)
		}
		data, err := pack(f.Name, program)
		if err != nil {
			return fmt.Errorf("pack %s: %w", f.Name, err)
		}
		file := filepath.Join(out, f.Name+".zip")
		if err := os.WriteFile(file+".new", data, 0o644); err != nil {
			return err
		}
		if err := os.Rename(file+".new", file); err != nil { // whoever reads the old one still can
			return err
		}
		fmt.Printf("%s: %s, bootstrap %.1f MB, zip %.1f MB\n", file, arch, float64(len(program))/1e6, float64(len(data))/1e6)
	}
	return nil
}

func compile(name, arch, file string) ([]byte, error) {
	defer os.Remove(file)
	// Without the tag the runtime's client brings net/rpc for a runtime that is gone.
	c := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-tags", "lambda.norpc", "-ldflags", "-s -w -buildid=", "-o", file, "./functions/"+name+"/lambda")
	c.Env = append(os.Environ(), "GOOS=linux", "GOARCH="+arch, "CGO_ENABLED=0")
	c.Stderr = os.Stderr
	if err := c.Run(); err != nil {
		return nil, err
	}
	return os.ReadFile(file)
}

func pack(name string, program []byte) ([]byte, error) {
	var packed bytes.Buffer
	z := zip.NewWriter(&packed)
	if err := add(z, "bootstrap", 0o755, program); err != nil {
		return nil, err
	}
	if name == functions.Console.Name {
		err := fs.WalkDir(os.DirFS(assets), ".", func(path string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() {
				return err
			}
			data, err := os.ReadFile(filepath.Join(assets, path))
			if err != nil {
				return err
			}
			return add(z, "page/"+path, 0o644, data)
		})
		if err != nil {
			return nil, err
		}
	}
	err := z.Close()
	return packed.Bytes(), err
}

// epoch is the time of every file: the first that a zip can tell.
var epoch = time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC)

func add(z *zip.Writer, name string, mode fs.FileMode, data []byte) error {
	header := &zip.FileHeader{Name: name, Method: zip.Deflate, Modified: epoch}
	header.SetMode(mode)
	w, err := z.CreateHeader(header)
	if err != nil {
		return err
	}
	_, err = w.Write(data)
	return err
}

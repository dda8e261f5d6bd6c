//go:build !js

// Command seal measures in js/wasm, under the project's Node, what sealing
// costs: the ciphers of the tests beside it, and how many bytes each of them
// adds to a module. Run it from the module's root after `npm install`:
//
//	go run ./e2e/bench/seal
//
// Package seal's comment quotes it.
package main

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

func main() {
	if err := measure(); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func measure() error {
	scratch, err := os.MkdirTemp("", "bench-seal-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(scratch)
	if err := times(scratch); err != nil {
		return err
	}
	return sizes(scratch)
}

// times runs the benchmarks five times each. On a machine that does other work
// the least of the five says most.
func times(scratch string) error {
	binary := filepath.Join(scratch, "test.wasm")
	if err := goWasm("test", "-c", "-o", binary, "./e2e/bench/seal"); err != nil {
		return err
	}
	root, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		return err
	}
	run := filepath.Join(strings.TrimSpace(string(root)), "lib/wasm/wasm_exec_node.js")
	c := exec.Command("node_modules/.bin/node", "--stack-size=8192", run, binary, "-test.bench=.", "-test.benchtime=200ms", "-test.count=5")
	c.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + scratch} // the whole environment may be too long for wasm_exec.js
	c.Stdout, c.Stderr = os.Stdout, os.Stderr
	return c.Run()
}

// sizes builds a small program with each cipher and without. What the functions
// have anyway (a bucket, JSON, SHA-256, random numbers) is in all of them.
func sizes(scratch string) error {
	const program = `package main

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os"

	"instar/shared/bucket"
%s)

func main() {
	b := make([]byte, 32)
	rand.Read(b)
	sum := sha256.Sum256(b)
	var v struct{ V []byte }
	err := json.Unmarshal(sum[:], &v)
	data, _ := json.Marshal(v)
	fmt.Printf("%%s %%v\n", data, err)
	var m bucket.Bucket = bucket.NewMemory()
	%s
	m.PutIfAbsent(context.Background(), "k", b)
	m.Get(context.Background(), "k")
	m.List(context.Background(), bucket.ListOptions{})
	os.Exit(0)
}
`
	var baseRaw, baseZipped int
	for _, c := range []struct{ name, imports, use string }{
		{"without", "", ""},
		{"AES-256-GCM", `"crypto/aes"; "crypto/cipher"`, `c, _ := aes.NewCipher(b); a, _ := cipher.NewGCM(c); os.Stdout.Write(a.Seal(nil, b[:12], b, b)); a.Open(nil, b[:12], b, b)`},
		{"ChaCha20-Poly1305", `"golang.org/x/crypto/chacha20poly1305"`, `a, _ := chacha20poly1305.New(b); os.Stdout.Write(a.Seal(nil, b[:12], b, b)); a.Open(nil, b[:12], b, b)`},
		{"XChaCha20-Poly1305", `"golang.org/x/crypto/chacha20poly1305"`, `a, _ := chacha20poly1305.NewX(b); os.Stdout.Write(a.Seal(nil, b[:24], b, b)); a.Open(nil, b[:24], b, b)`},
		{"package seal", `"instar/shared/seal"`, `key, err := seal.ParseKey("SEAL_KEY", os.Getenv("SEAL_KEY")); fmt.Println(err); m = seal.New(m, key, seal.Options{})`},
	} {
		source, module := filepath.Join(scratch, "main.go"), filepath.Join(scratch, "main.wasm")
		imports := strings.ReplaceAll(c.imports, "; ", "\n") + "\n"
		if err := os.WriteFile(source, fmt.Appendf(nil, program, imports, c.use), 0o600); err != nil {
			return err
		}
		if err := goWasm("build", "-trimpath", "-ldflags=-s -w", "-o", module, source); err != nil {
			return err
		}
		data, err := os.ReadFile(module)
		if err != nil {
			return err
		}
		var zipped bytes.Buffer
		z := gzip.NewWriter(&zipped)
		z.Write(data)
		z.Close()
		if baseRaw == 0 {
			baseRaw, baseZipped = len(data), zipped.Len()
		}
		fmt.Printf("%-22s adds %4d KB raw, %4d KB gzipped, to %d KB\n", c.name,
			(len(data)-baseRaw)/1000, (zipped.Len()-baseZipped)/1000, baseRaw/1000)
	}
	return nil
}

func goWasm(args ...string) error {
	c := exec.Command("go", args...)
	c.Env = append(os.Environ(), "GOOS=js", "GOARCH=wasm")
	if out, err := c.CombinedOutput(); err != nil {
		return fmt.Errorf("go %s: %w\n%s", args[0], err, out)
	}
	return nil
}

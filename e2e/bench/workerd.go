//go:build !js

package main

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"
)

const workerdPath = "node_modules/.bin/workerd"

// module is one module of a Worker. Its name is its path in this tree, so that
// modules import each other as they do there; file is where it lies, absolute.
type module struct{ name, file string }

// serveWorker runs a Worker alone on workerd, without wrangler and without
// storage. The first module is the entry; vars are its text bindings.
func (b *bench) serveWorker(modules []module, vars map[string]string) (*process, string, error) {
	address, err := freeAddress()
	if err != nil {
		return nil, "", err
	}
	folder, err := os.MkdirTemp(b.scratch, "worker-")
	if err != nil {
		return nil, "", err
	}
	config := filepath.Join(folder, "config.capnp")
	if err := os.WriteFile(config, []byte(capnp(modules, vars, address)), 0o600); err != nil {
		return nil, "", err
	}
	p, err := launch(folder, os.Environ(), filepath.Join(b.root, workerdPath), "serve", "--import-path=/", config)
	if err != nil {
		return nil, "", err
	}
	if err := p.until(b.ctx, 30*time.Second, func() bool {
		c, err := net.Dial("tcp", address)
		if err == nil {
			c.Close()
		}
		return err == nil
	}); err != nil {
		p.stop()
		return nil, "", err
	}
	return p, address, nil
}

func capnp(modules []module, vars map[string]string, address string) string {
	var b strings.Builder
	b.WriteString("using Workerd = import \"/workerd/workerd.capnp\";\n")
	fmt.Fprintf(&b, "const config :Workerd.Config = (\n  services = [\n    (name = \"main\", worker = .main),\n"+
		"    (name = \"internet\", network = (allow = [\"private\"]))],\n"+ // nothing outside this machine
		"  sockets = [(name = \"http\", address = %q, http = (), service = \"main\")]);\n", address)
	b.WriteString("const main :Workerd.Worker = (\n  compatibilityDate = \"2026-11-01\", compatibilityFlags = [\"enable_request_signal\"],\n  bindings = [\n")
	for name, value := range vars {
		fmt.Fprintf(&b, "    (name = %q, text = %q),\n", name, value)
	}
	b.WriteString("  ],\n  modules = [\n")
	for _, m := range modules {
		kind := "esModule"
		if strings.HasSuffix(m.name, ".wasm") {
			kind = "wasm"
		}
		fmt.Fprintf(&b, "    (name = %q, %s = embed %q),\n", m.name, kind, m.file)
	}
	b.WriteString("  ]);\n")
	return b.String()
}

var imported = regexp.MustCompile(`(?m)^import [^;]*?"(\.[^"]+)";`)

// modules are an entry of this tree and all it imports.
func (b *bench) modules(entry string) ([]module, error) {
	list := []module{{entry, filepath.Join(b.root, entry)}}
	known := map[string]bool{entry: true}
	for i := 0; i < len(list); i++ {
		if strings.HasSuffix(list[i].name, ".wasm") {
			continue
		}
		source, err := os.ReadFile(list[i].file)
		if err != nil {
			return nil, err
		}
		for _, match := range imported.FindAllStringSubmatch(string(source), -1) {
			name := filepath.Join(filepath.Dir(list[i].name), match[1])
			if !known[name] {
				known[name] = true
				list = append(list, module{name, filepath.Join(b.root, name)})
			}
		}
	}
	return list, nil
}

func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}

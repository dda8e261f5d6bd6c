//go:build !js

package main

import (
	"bufio"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"instar/functions"
)

// vars are the deployment's variables; each function is given some of them.
type vars map[string]string

func (v vars) get(name string) string { return v[name] }

// readVars reads the variables that functions are listed for. What is set in the
// environment, also to nothing, replaces what the file says.
func readVars(file, state string) (vars, error) {
	v, err := parseVars(file)
	if err != nil {
		return nil, err
	}
	for _, f := range functions.All {
		for _, name := range slices.Concat(f.Vars, f.Native, f.Present) {
			if value, ok := os.LookupEnv(name); ok && name != "SANDBOX" {
				v[name] = value
			}
		}
	}
	delete(v, "SANDBOX") // there is none here
	for name, random := range map[string]func() string{
		"CONSOLE_TOKEN": func() string { return base64.RawURLEncoding.EncodeToString(randomBytes(24)) },
		"SEAL_KEY":      func() string { return base64.StdEncoding.EncodeToString(randomBytes(32)) },
	} {
		if _, ok := v[name]; ok {
			continue
		}
		if v[name], err = kept(filepath.Join(state, strings.ToLower(strings.ReplaceAll(name, "_", "-"))), random); err != nil {
			return nil, err
		}
	}
	return v, nil
}

var line = regexp.MustCompile(`^\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=\s*(.*?)\s*$`)

// parseVars reads lines NAME=value of a file, which may be missing. A value may
// be in quotes; other lines are comments.
func parseVars(file string) (vars, error) {
	v := vars{}
	f, err := os.Open(file)
	if errors.Is(err, fs.ErrNotExist) {
		return v, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		if m := line.FindStringSubmatch(lines.Text()); m != nil {
			v[m[1]] = unquote(m[2])
		}
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("read %s: %w", file, err)
	}
	return v, nil
}

func unquote(value string) string {
	if n := len(value); n >= 2 && value[0] == value[n-1] && (value[0] == '"' || value[0] == '\'') {
		return value[1 : n-1]
	}
	return value
}

// kept is a random secret that stays the same as long as the state does.
func kept(file string, random func() string) (string, error) {
	data, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		data = []byte(random())
		err = os.WriteFile(file, data, 0o600)
	}
	return strings.TrimSpace(string(data)), err
}

func randomBytes(n int) []byte {
	b := make([]byte, n)
	rand.Read(b)
	return b
}

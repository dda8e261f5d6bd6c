package sandbox

import (
	"cmp"
	"encoding/hex"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"unicode/utf8"
)

// Bounds of a manifest.
const (
	MaxNodes    = 100_000
	MaxPacks    = 10_000
	MaxManifest = 48 << 20 // bytes of its JSON
	MaxDepth    = 64       // names in a path
	maxPath     = 4095     // bytes
	maxName     = 255      // bytes
	maxSize     = 1 << 42  // bytes of one file or pack: keeps sums far from overflow
	// EmptySum is the SHA-256 of no bytes.
	EmptySum = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
)

// Check reports what is wrong with a manifest's form. One that passes describes
// exactly one tree: each path once and under folders it names itself, each
// content at one place of a pack, and no two contents sharing bytes.
func (m *Manifest) Check() error {
	if m.V != ManifestVersion && (m.V != 0 || len(m.Nodes) > 0) {
		return fmt.Errorf("manifest of version %d, not %d", m.V, ManifestVersion)
	}
	if len(m.Nodes) > MaxNodes || len(m.Packs) > MaxPacks {
		return fmt.Errorf("manifest of %d nodes and %d packs: at most %d and %d", len(m.Nodes), len(m.Packs), MaxNodes, MaxPacks)
	}
	ids := make(map[string]bool, len(m.Packs))
	for _, p := range m.Packs {
		if !ValidSum(p.ID) || p.Bytes <= 0 || p.Bytes > maxSize || ids[p.ID] {
			return fmt.Errorf("pack %q of %d bytes: not a pack, or there twice", p.ID, p.Bytes)
		}
		ids[p.ID] = true
	}
	if err := m.checkPaths(); err != nil {
		return err
	}
	return m.checkContents()
}

func (m *Manifest) checkPaths() error {
	folders := map[string]bool{".": true}
	before := ""
	for i := range m.Nodes {
		n := &m.Nodes[i]
		if err := CheckPath(n.Path); err != nil {
			return err
		}
		if n.Path <= before {
			return fmt.Errorf("node %q stands after %q", n.Path, before)
		}
		before = n.Path
		if !folders[path.Dir(n.Path)] {
			return fmt.Errorf("node %q: what it is in is not a folder of this manifest", n.Path)
		}
		if err := n.check(); err != nil {
			return fmt.Errorf("node %q: %w", n.Path, err)
		}
		if n.Type == Dir {
			folders[n.Path] = true
		}
	}
	return nil
}

func (n *Node) check() error {
	if n.Mode&^0o777 != 0 {
		return errors.New("mode has more than permission bits")
	}
	content := n.Size != 0 || n.Sum != "" || n.Pack != 0 || n.Offset != 0 || n.Mtime != 0
	switch n.Type {
	case Dir:
		if content || n.Target != "" {
			return errors.New("a folder has only a mode")
		}
	case Link:
		if content || n.Mode != 0 || !validTarget(n.Target) {
			return errors.New("a link has only a target")
		}
	case File:
		if n.Target != "" || n.Size < 0 || n.Size > maxSize || !ValidSum(n.Sum) {
			return errors.New("not a file's size and sha256")
		}
		if (n.Size == 0) != (n.Sum == EmptySum) || n.Size == 0 && (n.Pack != 0 || n.Offset != 0) {
			return errors.New("size and sha256 contradict each other")
		}
	default:
		return fmt.Errorf("unknown type %q", n.Type)
	}
	return nil
}

// Place is where a content lies.
type Place struct {
	Sum          string
	Pack         int
	Offset, Size int64
}

// Places lists each content of the manifest once, by pack and then by offset.
// Empty ones are in no pack.
func (m *Manifest) Places() []Place {
	seen := make(map[string]bool, len(m.Nodes))
	places := make([]Place, 0, len(m.Nodes))
	for i := range m.Nodes {
		if n := &m.Nodes[i]; n.Type == File && n.Size > 0 && !seen[n.Sum] {
			seen[n.Sum] = true
			places = append(places, Place{n.Sum, n.Pack, n.Offset, n.Size})
		}
	}
	slices.SortFunc(places, func(a, b Place) int {
		return cmp.Or(cmp.Compare(a.Pack, b.Pack), cmp.Compare(a.Offset, b.Offset))
	})
	return places
}

func (m *Manifest) checkContents() error {
	places := m.Places()
	bySum := make(map[string]Place, len(places))
	var at Place // what came before, in the same pack
	for _, p := range places {
		if p.Pack < 0 || p.Pack >= len(m.Packs) || p.Offset < 0 || p.Offset > m.Packs[p.Pack].Bytes-p.Size {
			return fmt.Errorf("content %s is outside its pack", p.Sum)
		}
		if at.Sum != "" && at.Pack == p.Pack && at.Offset+at.Size > p.Offset {
			return fmt.Errorf("contents %s and %s share bytes", at.Sum, p.Sum)
		}
		at = p
		bySum[p.Sum] = p
	}
	for i := range m.Nodes {
		if n := &m.Nodes[i]; n.Type == File && n.Size > 0 && bySum[n.Sum] != (Place{n.Sum, n.Pack, n.Offset, n.Size}) {
			return fmt.Errorf("content %s is said to be at two places", n.Sum)
		}
	}
	return nil
}

// CheckPath reports what keeps a path from naming something below the
// workspace: 1 to 4095 bytes of UTF-8, at most MaxDepth names of at most 255
// bytes, none of them empty, "." or "..".
func CheckPath(p string) error {
	if p == "" || len(p) > maxPath || !utf8.ValidString(p) || strings.ContainsRune(p, 0) {
		return errors.New("path is empty, too long, or not text")
	}
	names := strings.Split(p, "/")
	if len(names) > MaxDepth {
		return fmt.Errorf("path is deeper than %d folders", MaxDepth)
	}
	for _, name := range names {
		switch {
		case name == "" || name == ".":
			return errors.New(`path must be relative to the workspace, without "//", "/" at its ends, or "."`)
		case name == "..":
			return errors.New(`path must not have ".." in it`)
		case len(name) > maxName:
			return fmt.Errorf("path has a name longer than %d bytes", maxName)
		}
	}
	return nil
}

func validTarget(t string) bool {
	return t != "" && len(t) <= maxPath && utf8.ValidString(t) && !strings.ContainsRune(t, 0)
}

// ValidSum reports whether this is a SHA-256 in lower-case hex.
func ValidSum(s string) bool {
	if len(s) != 64 || strings.ToLower(s) != s {
		return false
	}
	_, err := hex.DecodeString(s)
	return err == nil
}

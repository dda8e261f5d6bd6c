package sandbox_test

import (
	"encoding/json"
	"path"
	"strings"
	"testing"

	"instar/shared/sandbox"
)

var (
	sumA = strings.Repeat("a", 64)
	sumB = strings.Repeat("b", 64)
)

// tree is a manifest with one of everything.
func tree() *sandbox.Manifest {
	return &sandbox.Manifest{V: 1,
		Packs: []sandbox.Pack{{ID: sumA, Bytes: 10, Live: 9}, {ID: sumB, Bytes: 5, Live: 5}},
		Nodes: []sandbox.Node{
			{Path: "a", Type: sandbox.Dir, Mode: 0o755},
			{Path: "a-b", Type: sandbox.File, Mode: 0o644, Mtime: 1, Sum: sandbox.EmptySum},
			{Path: "a/one", Type: sandbox.File, Mode: 0o600, Mtime: 1, Size: 4, Sum: sumA},
			{Path: "a/two", Type: sandbox.File, Mode: 0o600, Mtime: 1, Size: 5, Sum: sumB, Offset: 4},
			{Path: "away", Type: sandbox.Link, Target: "/etc/passwd"},
			{Path: "same", Type: sandbox.File, Mode: 0o755, Mtime: 2, Size: 4, Sum: sumA},
		}}
}

func TestAManifestDescribesOneTree(t *testing.T) {
	if err := tree().Check(); err != nil {
		t.Fatal(err)
	}
	if err := (&sandbox.Manifest{}).Check(); err != nil {
		t.Errorf("the empty one: %v", err)
	}
	if places := tree().Places(); len(places) != 2 || places[0].Sum != sumA || places[1].Offset != 4 {
		t.Errorf("places %v", places)
	}
	for name, break_ := range map[string]func(*sandbox.Manifest){
		"another version":                func(m *sandbox.Manifest) { m.V = 2 },
		"no version":                     func(m *sandbox.Manifest) { m.V = 0 },
		"a path out":                     func(m *sandbox.Manifest) { m.Nodes[0].Path = "../a" },
		"an absolute path":               func(m *sandbox.Manifest) { m.Nodes[0].Path = "/a" },
		"a dot":                          func(m *sandbox.Manifest) { m.Nodes[2].Path = "a/./one" },
		"a path twice":                   func(m *sandbox.Manifest) { m.Nodes[3] = m.Nodes[2] },
		"out of order":                   func(m *sandbox.Manifest) { m.Nodes[2], m.Nodes[3] = m.Nodes[3], m.Nodes[2] },
		"below a link":                   func(m *sandbox.Manifest) { m.Nodes[5].Path = "away/x" },
		"below a file":                   func(m *sandbox.Manifest) { m.Nodes[2].Path = "a-b/x" },
		"below nothing":                  func(m *sandbox.Manifest) { m.Nodes[5].Path = "nowhere/x" },
		"a set-uid file":                 func(m *sandbox.Manifest) { m.Nodes[2].Mode = 0o4755 },
		"a device":                       func(m *sandbox.Manifest) { m.Nodes[2].Type = "device" },
		"a folder with a size":           func(m *sandbox.Manifest) { m.Nodes[0].Size = 1 },
		"a link to nothing":              func(m *sandbox.Manifest) { m.Nodes[4].Target = "" },
		"a link with a zero byte":        func(m *sandbox.Manifest) { m.Nodes[4].Target = "a\x00b" },
		"no sum":                         func(m *sandbox.Manifest) { m.Nodes[2].Sum = "" },
		"an upper-case sum":              func(m *sandbox.Manifest) { m.Nodes[2].Sum = strings.Repeat("A", 64) },
		"a negative size":                func(m *sandbox.Manifest) { m.Nodes[2].Size = -1 },
		"an empty file of some sum":      func(m *sandbox.Manifest) { m.Nodes[1].Sum = sumA },
		"outside its pack":               func(m *sandbox.Manifest) { m.Nodes[3].Offset = 6 },
		"before its pack":                func(m *sandbox.Manifest) { m.Nodes[3].Offset = -1 },
		"in no pack":                     func(m *sandbox.Manifest) { m.Nodes[3].Pack = 2 },
		"in a pack below the first":      func(m *sandbox.Manifest) { m.Nodes[3].Pack = -1 },
		"two contents share bytes":       func(m *sandbox.Manifest) { m.Nodes[3].Offset = 3 },
		"a content at two places":        func(m *sandbox.Manifest) { m.Nodes[5].Pack = 1 },
		"a content of two sizes":         func(m *sandbox.Manifest) { m.Nodes[5].Size = 3 },
		"a pack twice":                   func(m *sandbox.Manifest) { m.Packs[1].ID = sumA },
		"a pack of no bytes":             func(m *sandbox.Manifest) { m.Packs[1].Bytes = 0 },
		"a name of 256 bytes":            func(m *sandbox.Manifest) { m.Nodes[5].Path = strings.Repeat("z", 256) },
		"a path of bytes, not text":      func(m *sandbox.Manifest) { m.Nodes[5].Path = "z\xff" },
		"a path that is too deep":        func(m *sandbox.Manifest) { m.Nodes[5].Path = "z" + strings.Repeat("/z", sandbox.MaxDepth) },
		"a path with a slash at its end": func(m *sandbox.Manifest) { m.Nodes[5].Path = "z/" },
	} {
		m := tree()
		break_(m)
		if err := m.Check(); err == nil {
			t.Errorf("%s is accepted", name)
		}
	}
}

func FuzzManifest(f *testing.F) {
	good, _ := json.Marshal(tree())
	f.Add(good)
	f.Add([]byte(`{}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		var m sandbox.Manifest
		if json.Unmarshal(data, &m) != nil || m.Check() != nil {
			return
		}
		kinds := map[string]string{".": sandbox.Dir}
		for _, n := range m.Nodes {
			if path.Clean("/"+n.Path) != "/"+n.Path || kinds[path.Dir(n.Path)] != sandbox.Dir || kinds[n.Path] != "" {
				t.Fatalf("accepted %q", n.Path)
			}
			kinds[n.Path] = n.Type
		}
		for _, p := range m.Places() {
			if p.Offset < 0 || p.Offset+p.Size > m.Packs[p.Pack].Bytes {
				t.Fatalf("accepted %+v", p)
			}
		}
	})
}

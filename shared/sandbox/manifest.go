package sandbox

// A workspace is saved as a manifest, which names everything in it, and packs,
// which hold contents. A pack is the bytes of contents one after another, and is
// never changed; a manifest says for every content in which pack it is and
// where. A save makes at most one new pack, with only those contents that the
// manifest before it does not know.

// ManifestVersion is Manifest.V.
const ManifestVersion = 1

// Types of a Node.
const (
	File = "file"
	Dir  = "dir"
	Link = "link"
)

// Manifest is a saved workspace. The empty one is an empty workspace.
type Manifest struct {
	V int `json:"v"`
	// Packs are those that Nodes refer to, and no others: one that is not in the
	// newest manifest is not needed any more.
	Packs []Pack `json:"packs"`
	// Nodes are in ascending order of Path, a folder before what is in it.
	Nodes []Node `json:"nodes"`
	// New is the id of the pack that follows this manifest in the answer of a
	// save, "" when no bytes follow. A restore takes no notice of it.
	New string `json:"new,omitempty"`
	// Skipped are things that cannot be saved, at most 100 of them, and
	// SkippedAll how many there were.
	Skipped    []Skip `json:"skipped,omitempty"`
	SkippedAll int    `json:"skipped_all,omitempty"`
}

// Pack is one of them. ID is the SHA-256, in hex, of the SHA-256s of the contents
// in it, in their order: no two packs of a manifest have the same. Live are the bytes
// that the manifest's nodes still use: when little of much is live, a save that
// is given an empty manifest makes one fresh pack.
type Pack struct {
	ID    string `json:"id"`
	Bytes int64  `json:"bytes"`
	Live  int64  `json:"live"`
}

// Node is a file, a folder or a symbolic link.
type Node struct {
	Path string `json:"path"`           // relative, slashes, no "." or ".."
	Type string `json:"type"`           // File, Dir, Link
	Mode uint32 `json:"mode,omitempty"` // permission bits of a file or folder
	// Mtime is a file's, in nanoseconds since 1970.
	Mtime int64  `json:"mtime,omitempty"`
	Size  int64  `json:"size,omitempty"`   // of a file, in bytes
	Sum   string `json:"sha256,omitempty"` // of a file's content, in hex
	// Pack is the index in Manifest.Packs of the pack that has the content, at
	// Offset. Both are 0 for an empty file, which is in none.
	Pack   int    `json:"pack,omitempty"`
	Offset int64  `json:"offset,omitempty"`
	Target string `json:"target,omitempty"` // of a link, as text
}

// Skip says what was not saved and why. Path is quoted when it is no UTF-8.
type Skip struct {
	Path string `json:"path"`
	Why  string `json:"why"`
}

// Restore is the answer of POST /v1/restore and of each pack: what is still
// wanted.
type Restore struct {
	Packs []Wanted `json:"packs"`
}

// Wanted is a pack and how many of its bytes have come.
type Wanted struct {
	ID       string `json:"id"`
	Bytes    int64  `json:"bytes"`
	Received int64  `json:"received"`
}

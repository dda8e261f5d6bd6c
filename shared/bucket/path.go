package bucket

import (
	"encoding/hex"
	"path"
	"strings"
)

// maxName bounds one encoded piece of a key; with its mark it stays far below
// the 255 bytes a file name may have.
const maxName = 200

// objectPath maps a valid key to a slash-separated path relative to the folder
// of objects, such that different keys have different paths on every file
// system, also on one that folds case or normalises Unicode, and no path is a
// directory of another's:
//
//   - bytes other than a-z 0-9 . _ - become %xx;
//   - a directory is marked: "+" where the key has a slash, "~" where a long
//     segment goes on. The last piece, the file, has no mark.
//
// So "a" and "a/b" are the file "a" and the file "a+/b". The longest key takes
// about 3,100 bytes, which leaves 900 for the folder itself on Linux.
func objectPath(key string) string {
	var b strings.Builder
	for rest, more := key, true; more; {
		var segment string
		segment, rest, more = strings.Cut(rest, "/")
		name := escape(segment)
		for len(name) > maxName {
			// At least three bytes stay, so that the file is never "." or "..".
			n := min(maxName, len(name)-3)
			b.WriteString(name[:n] + "~/")
			name = name[n:]
		}
		b.WriteString(name)
		if more {
			b.WriteString("+/")
		}
	}
	return b.String()
}

// objectKey is the inverse of objectPath; ok is false for a path that
// objectPath does not produce, such as an editor's backup file.
func objectKey(file string) (key string, ok bool) {
	var b strings.Builder
	for rest, more := file, true; more; {
		var name string
		name, rest, more = strings.Cut(rest, "/")
		switch {
		case !more:
			b.WriteString(name)
		case strings.HasSuffix(name, "+"):
			b.WriteString(name[:len(name)-1] + "/")
		case strings.HasSuffix(name, "~"):
			b.WriteString(name[:len(name)-1])
		default:
			return "", false
		}
	}
	key, ok = unescape(b.String())
	return key, ok && CheckKey(key) == nil && objectPath(key) == file
}

// objectDir returns the one directory that holds every key with the prefix.
func objectDir(prefix string) string {
	return path.Dir(objectPath(prefix[:strings.LastIndexByte(prefix, '/')+1] + "x"))
}

func escape(segment string) string {
	var b strings.Builder
	for i := range len(segment) {
		c := segment[i]
		if 'a' <= c && c <= 'z' || '0' <= c && c <= '9' || c == '.' || c == '_' || c == '-' {
			b.WriteByte(c)
		} else {
			b.WriteByte('%')
			b.WriteString(hex.EncodeToString([]byte{c}))
		}
	}
	return b.String()
}

func unescape(s string) (string, bool) {
	var b strings.Builder
	for {
		before, after, found := strings.Cut(s, "%")
		b.WriteString(before)
		if !found {
			return b.String(), true
		}
		if len(after) < 2 {
			return "", false
		}
		c, err := hex.DecodeString(after[:2])
		if err != nil {
			return "", false
		}
		b.Write(c)
		s = after[2:]
	}
}

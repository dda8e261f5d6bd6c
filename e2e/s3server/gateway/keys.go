package main

import (
	"encoding/hex"
	"strings"

	"github.com/versity/versitygw/s3err"
)

// pieceBytes is how many bytes of a key one name in the folder holds.
const pieceBytes = 100

// A key is stored in hexadecimal, in pieces: "~" ends the name of a directory,
// "." that of the file, and hexadecimal digits are between the two nowhere. So
// names sort as their keys do, byte by byte, a prefix of a key is a prefix of
// its name, and neither the length nor the bytes of a key matter to the disk.

// stored returns the name of a key.
func stored(key string) string { return storedPrefix(key) + "." }

// storedPrefix returns what the names of all keys with the prefix begin with.
func storedPrefix(prefix string) string {
	var b strings.Builder
	for len(prefix) > pieceBytes {
		b.WriteString(hex.EncodeToString([]byte(prefix[:pieceBytes])) + "~/")
		prefix = prefix[pieceBytes:]
	}
	b.WriteString(hex.EncodeToString([]byte(prefix)))
	return b.String()
}

// original is the inverse of stored.
func original(name string) (string, error) {
	name, isFile := strings.CutSuffix(name, ".")
	key, err := hex.DecodeString(strings.ReplaceAll(name, "~/", ""))
	if err != nil || !isFile {
		return "", s3err.GetAPIError(s3err.ErrInternalError)
	}
	return string(key), nil
}

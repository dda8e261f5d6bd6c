package tool

import (
	"context"
	"errors"
	"fmt"
	"path"
	"strings"
	"unicode/utf8"
)

// MaxGiven is the largest file in bytes that goes to the person with an answer:
// it passes through a function's memory several times over.
const MaxGiven = 10 << 20

// File is one that goes to the person with the answer.
type File struct {
	Name      string
	MediaType string
	Data      []byte
}

// give puts a file into the answer.
func (c *Call) give(ctx context.Context, f File) error {
	switch {
	case c.Give == nil:
		return errors.New("no file can be given here")
	case len(f.Data) == 0:
		return errors.New("the file is empty")
	case len(f.Data) > MaxGiven:
		return fmt.Errorf("the file is larger than %d MB, which is the most that can be given to a person", MaxGiven>>20)
	}
	f.Name = fileName(f.Name)
	return c.Give(ctx, f)
}

// fileName makes a name that every chat platform takes, of whatever a program has
// called its file.
func fileName(name string) string {
	name = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == utf8.RuneError || strings.ContainsRune(`/\"`, r) {
			return '_'
		}
		return r
	}, name)
	for len(name) > 120 {
		_, size := utf8.DecodeLastRuneInString(name)
		name = name[:len(name)-size]
	}
	if strings.Trim(name, " .") == "" {
		return "file"
	}
	return name
}

// fileType is the media type by a file's name, of those that a chat shows.
func fileType(name string) string {
	switch strings.ToLower(path.Ext(name)) {
	case ".png":
		return "image/png"
	case ".jpg", ".jpeg":
		return "image/jpeg"
	case ".gif":
		return "image/gif"
	case ".webp":
		return "image/webp"
	case ".pdf":
		return "application/pdf"
	case ".txt", ".md", ".csv", ".log":
		return "text/plain"
	case ".zip":
		return "application/zip"
	}
	return "application/octet-stream"
}

package platform

import (
	"errors"
	"fmt"
	"mime"
	"net/http"
	"strings"
	"unicode/utf8"

	"instar/shared/channel"
)

// CheckFile checks a file as channel.Sender promises. The error repeats nothing
// of it.
func CheckFile(name string, f channel.File) error {
	switch {
	case strings.TrimSpace(f.Name) == "" || f.Name == "." || f.Name == "..":
		return fmt.Errorf("%s: the file has no name", name)
	case strings.ContainsAny(f.Name, `/\`) || !utf8.ValidString(f.Name):
		return fmt.Errorf("%s: the file's name is a path, or no text", name)
	case len(f.Data) == 0:
		return fmt.Errorf("%s: the file is empty", name)
	case len(f.Data) > channel.MaxFile:
		return fmt.Errorf("%s: the file has %d bytes, and at most %d can be sent", name, len(f.Data), channel.MaxFile)
	}
	return nil
}

// FileType is the media type of a file to send, in lower case and without
// parameters: what was declared where that is one.
func FileType(declared string) string {
	mediaType, _, err := mime.ParseMediaType(declared)
	if err != nil && !errors.Is(err, mime.ErrInvalidMediaParameter) || !strings.Contains(mediaType, "/") {
		return "application/octet-stream"
	}
	return mediaType
}

// FileKind sorts a file by its media type into chat.Attachment's kinds. An
// image is only what models can be shown.
func FileKind(mediaType string) string {
	switch mediaType {
	case "image/jpeg", "image/png", "image/gif", "image/webp":
		return "image"
	}
	switch kind, _, _ := strings.Cut(mediaType, "/"); kind {
	case "audio", "video":
		return kind
	}
	return "file"
}

// MediaType trusts a file's bytes where they are clear, because a model's API
// refuses an image that is not what it is called; then the type that was
// declared with the file; then the one it was served with.
func MediaType(data []byte, declared, served string) string {
	seen, _, _ := strings.Cut(http.DetectContentType(data), ";")
	served, _, _ = strings.Cut(served, ";")
	kind, _, _ := strings.Cut(seen, "/")
	switch {
	case kind == "image" || kind == "audio" || kind == "video" || seen == "application/pdf":
		return seen
	case declared != "":
		return declared
	case served != "" && served != "application/octet-stream":
		return served
	}
	return seen
}

package platform

import (
	"net/http"
	"strings"
)

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

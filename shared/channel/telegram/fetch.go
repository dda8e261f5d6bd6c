package telegram

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"instar/shared/channel"
	"instar/shared/chat"
)

// Fetch implements channel.Sender with getFile and a download. Telegram's own
// servers give bots files up to 20 MB.
func (s *Sender) Fetch(ctx context.Context, a chat.Attachment, limit int64) ([]byte, string, error) {
	if a.Size > limit {
		return nil, "", tooLarge(limit)
	}
	info, err := s.call(ctx, "getFile", getFile{a.Ref}, true)
	if err != nil {
		return nil, "", err
	}
	if size, ok := integer(info.Get("file_size")); ok && size > limit {
		return nil, "", tooLarge(limit)
	}
	path, err := filePath(info.Get("file_path").Str)
	if err != nil {
		return nil, "", err
	}
	var data []byte
	var declared string
	err = s.attempts(ctx, "download", true, func() error {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.base+"/file/bot"+s.token+"/"+path, nil)
		if err != nil {
			return s.broken("download", err)
		}
		body, resp, err := s.exchange(req, "download", limit)
		if err != nil {
			return err
		}
		if resp.StatusCode != http.StatusOK {
			return &channel.APIError{Channel: Name, Method: "download", Status: resp.StatusCode, Reason: "file not served"}
		}
		data, declared = body, resp.Header.Get("Content-Type")
		return nil
	})
	if err != nil {
		return nil, "", err
	}
	if int64(len(data)) > limit {
		return nil, "", tooLarge(limit)
	}
	return data, mediaType(data, a.Type, declared), nil
}

func tooLarge(limit int64) error {
	return fmt.Errorf("telegram download: the file is larger than %d bytes", limit)
}

// filePath escapes the path that getFile names, which must stay under the
// bot's folder.
func filePath(path string) (string, error) {
	segments := strings.Split(path, "/")
	for i, segment := range segments {
		if segment == "" || segment == "." || segment == ".." {
			return "", errors.New("telegram getFile: the file has no usable path (it may be too large for bots)")
		}
		segments[i] = url.PathEscape(segment)
	}
	return strings.Join(segments, "/"), nil
}

// mediaType trusts the bytes where they are clear, because a model's API
// refuses an image that is not what it is called; then the message, then the
// server.
func mediaType(data []byte, message, server string) string {
	seen, _, _ := strings.Cut(http.DetectContentType(data), ";")
	server, _, _ = strings.Cut(server, ";")
	kind, _, _ := strings.Cut(seen, "/")
	switch {
	case kind == "image" || kind == "audio" || kind == "video" || seen == "application/pdf":
		return seen
	case message != "":
		return message
	case server != "" && server != "application/octet-stream":
		return server
	}
	return seen
}

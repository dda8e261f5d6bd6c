package telegram

import (
	"context"
	"errors"
	"net/url"
	"strings"

	"instar/shared/channel/internal/platform"
	"instar/shared/chat"
)

// Fetch implements channel.Sender with getFile and a download. Telegram's own
// servers give bots files up to 20 MB.
func (s *Sender) Fetch(ctx context.Context, a chat.Attachment, limit int64) ([]byte, string, error) {
	if a.Size > limit {
		return nil, "", s.client.TooLarge(limit)
	}
	info, err := s.call(ctx, "getFile", getFile{a.Ref}, true)
	if err != nil {
		return nil, "", err
	}
	if size, ok := integer(info.Get("file_size")); ok && size > limit {
		return nil, "", s.client.TooLarge(limit)
	}
	path, err := filePath(info.Get("file_path").Str)
	if err != nil {
		return nil, "", err
	}
	data, served, err := s.client.Download(ctx, s.base+"/file/bot"+s.token+"/"+path, nil, limit)
	if err != nil {
		return nil, "", err
	}
	return data, platform.MediaType(data, a.Type, served), nil
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

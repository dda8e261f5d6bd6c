package slack

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"instar/shared/channel"
	"instar/shared/channel/internal/platform"
	"instar/shared/chat"
)

// Fetch implements channel.Sender with files.info and a download.
func (s *Sender) Fetch(ctx context.Context, a chat.Attachment, limit int64) ([]byte, string, error) {
	if a.Size > limit {
		return nil, "", s.client.TooLarge(limit)
	}
	info, err := s.get(ctx, "files.info", url.Values{"file": {a.Ref}})
	if err != nil {
		return nil, "", err
	}
	file := info.Get("file")
	if file.Get("size").Num > float64(limit) {
		return nil, "", s.client.TooLarge(limit)
	}
	address := file.Get("url_private_download").Str
	if address == "" {
		address = file.Get("url_private").Str
	}
	if !s.ours(address) {
		return nil, "", errors.New("slack files.info: the file is not on Slack's own servers")
	}
	data, served, err := s.client.Download(ctx, address, s.authorization(), limit)
	if err != nil {
		return nil, "", err
	}
	declared := file.Get("mimetype").Str
	if strings.HasPrefix(served, "text/html") && declared != "text/html" {
		// Slack shows its login page with status 200.
		return nil, "", &channel.APIError{Channel: Name, Method: "download", Status: http.StatusForbidden, Reason: "missing_scope: files:read"}
	}
	if declared == "" {
		declared = a.Type
	}
	return data, platform.MediaType(data, declared, served), nil
}

// ours reports whether the token or a person's file may go to an address: one
// of Slack's file hosts, or the host of the configured base.
func (s *Sender) ours(address string) bool {
	u, err := url.Parse(address)
	if err != nil || u.User != nil {
		return false
	}
	if u.Scheme == "https" && (u.Host == "slack.com" || u.Host == "files.slack.com") {
		return true
	}
	base, err := url.Parse(s.base)
	return err == nil && u.Host != "" && u.Host == base.Host && u.Scheme == base.Scheme
}

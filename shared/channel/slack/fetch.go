package slack

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

// Fetch implements channel.Sender with files.info and a download.
func (s *Sender) Fetch(ctx context.Context, a chat.Attachment, limit int64) ([]byte, string, error) {
	if a.Size > limit {
		return nil, "", tooLarge(limit)
	}
	info, err := s.get(ctx, "files.info", url.Values{"file": {a.Ref}})
	if err != nil {
		return nil, "", err
	}
	file := info.Get("file")
	if file.Get("size").Num > float64(limit) {
		return nil, "", tooLarge(limit)
	}
	address := file.Get("url_private_download").Str
	if address == "" {
		address = file.Get("url_private").Str
	}
	if !s.ours(address) {
		return nil, "", errors.New("slack files.info: the file is not on Slack's own servers")
	}
	declared := file.Get("mimetype").Str
	var data []byte
	var served string
	err = s.attempts(ctx, "download", true, func() error {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
		if err != nil {
			return s.broken("download", err)
		}
		req.Header.Set("Authorization", "Bearer "+s.token)
		body, resp, err := s.exchange(req, "download", limit)
		if err != nil {
			return err
		}
		if resp.StatusCode != http.StatusOK {
			return s.refusal("download", resp, "file not served")
		}
		data, served = body, resp.Header.Get("Content-Type")
		return nil
	})
	if err != nil {
		return nil, "", err
	}
	if int64(len(data)) > limit {
		return nil, "", tooLarge(limit)
	}
	if strings.HasPrefix(served, "text/html") && declared != "text/html" {
		// Slack shows its login page with status 200.
		return nil, "", &channel.APIError{Channel: Name, Method: "download", Status: http.StatusForbidden, Reason: "missing_scope: files:read"}
	}
	if declared == "" {
		declared = a.Type
	}
	return data, mediaType(data, declared, served), nil
}

// ours reports whether the token may go to an address: one of Slack's file
// hosts, or the host of the configured base.
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

func tooLarge(limit int64) error {
	return fmt.Errorf("slack download: the file is larger than %d bytes", limit)
}

// mediaType trusts the bytes where they are clear, because a model's API
// refuses an image that is not what it is called; then what Slack says.
func mediaType(data []byte, declared, served string) string {
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

package slack

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"instar/shared/channel"
	"instar/shared/channel/internal/platform"
	"instar/shared/chat"
)

// completeUpload has the parameters of
// https://docs.slack.dev/reference/methods/files.completeUploadExternal.
type completeUpload struct {
	Files []uploaded `json:"files"`
	// ChannelID takes conversations only, Channels users as well, who get the
	// file as a direct message.
	ChannelID      string `json:"channel_id,omitempty"`
	Channels       string `json:"channels,omitempty"`
	ThreadTS       string `json:"thread_ts,omitempty"`
	InitialComment string `json:"initial_comment,omitempty"`
}

type uploaded struct {
	ID    string `json:"id"`
	Title string `json:"title"`
}

// SendFile implements channel.Sender with files.getUploadURLExternal, an upload
// and files.completeUploadExternal, which alone posts and so is never repeated
// in doubt. Slack does not tell the message's id; the file's is returned. Slack
// itself shows pictures as such.
func (s *Sender) SendFile(ctx context.Context, to chat.Address, f channel.File) (string, error) {
	if err := errors.Join(checkAddress(to), platform.CheckFile(Name, f)); err != nil {
		return "", err
	}
	id, err := s.sendFile(ctx, to, f)
	var refused *channel.APIError
	if errors.As(err, &refused) && refused.Reason == "missing_scope" {
		err = fmt.Errorf("the Slack app may not post files: add the bot scope files:write to it and install it again: %w", err)
	}
	return id, err
}

func (s *Sender) sendFile(ctx context.Context, to chat.Address, f channel.File) (string, error) {
	ticket, err := s.form(ctx, "files.getUploadURLExternal", url.Values{"filename": {f.Name}, "length": {strconv.Itoa(len(f.Data))}})
	if err != nil {
		return "", err
	}
	id, address := ticket.Get("file_id").Str, ticket.Get("upload_url").Str
	if id == "" || !s.ours(address) {
		return "", errors.New("slack files.getUploadURLExternal: the response has no file_id, or no upload_url on Slack's own servers")
	}
	if err := s.upload(ctx, address, f.Data); err != nil {
		return "", err
	}
	params := completeUpload{Files: []uploaded{{id, f.Name}}, ThreadTS: to.Thread}
	if to.Chat[0] == 'U' || to.Chat[0] == 'W' {
		params.Channels = to.Chat
	} else {
		params.ChannelID = to.Chat
	}
	caption := platform.Cut(f.Caption, func(text string) bool { return platform.Units(mrkdwn(text)) <= maxText })
	if strings.TrimSpace(caption) != "" {
		params.InitialComment = mrkdwn(caption)
	}
	if _, err := s.post(ctx, "files.completeUploadExternal", params, false); err != nil {
		return "", err
	}
	return id, nil
}

// upload hands a file's bytes over, which shows them to nobody yet. The address
// is all the permission it takes: no token goes there.
func (s *Sender) upload(ctx context.Context, address string, data []byte) error {
	const method = "upload"
	return s.client.Send(ctx, platform.Request{
		Method: method, Verb: http.MethodPost, URL: address, Header: http.Header{"Content-Type": {"application/octet-stream"}},
		Body: data, Limit: platform.MaxAnswer, Idempotent: true,
	}, func(a platform.Answer) error {
		if a.Status != http.StatusOK {
			return s.client.Refusal(method, a.Status, "file not taken", a.RetryAfter())
		}
		return nil
	})
}

package telegram

import (
	"context"
	"crypto/rand"
	"fmt"
	"strings"

	"instar/shared/channel"
	"instar/shared/channel/internal/platform"
	"instar/shared/chat"
	"instar/shared/markdown"
)

// The bounds of https://core.telegram.org/bots/api#sendphoto.
const (
	maxPhoto   = 10_000_000 // bytes
	maxSides   = 10_000     // pixels of width and height together
	maxRatio   = 20         // of the longer side to the shorter
	maxCaption = 1024       // UTF-16 units, counted as maxText is
)

// The methods that post a file; the file's parameter has the name after "send".
const (
	sendPhoto     = "sendPhoto"
	sendAnimation = "sendAnimation"
	sendDocument  = "sendDocument"
)

// SendFile implements channel.Sender with sendPhoto, sendAnimation (GIF) or
// sendDocument. A picture that Telegram cannot take as one is sent as a
// document. As with Send, a file may be lost but is never doubled.
func (s *Sender) SendFile(ctx context.Context, to chat.Address, f channel.File) (string, error) {
	if err := platform.CheckFile(Name, f); err != nil {
		return "", err
	}
	method := fileMethod(f)
	id, err := s.upload(ctx, to, f, method)
	// PHOTO_INVALID_DIMENSIONS, PHOTO_SAVE_FILE_INVALID, IMAGE_PROCESS_FAILED ...
	// But CHAT_SEND_PHOTOS_FORBIDDEN is the chat's own rule.
	if method != sendDocument && (refusedFor(err, "photo_") || refusedFor(err, "image_")) {
		return s.upload(ctx, to, f, sendDocument)
	}
	return id, err
}

// fileMethod is the method for a file. A picture whose size cannot be read goes
// as a photo, for Telegram to judge.
func fileMethod(f channel.File) string {
	switch platform.FileType(f.MediaType) {
	case "image/gif":
		return sendAnimation
	case "image/jpeg", "image/png", "image/webp":
		width, height, known := dimensions(f.Data)
		long, short := max(width, height), min(width, height)
		if len(f.Data) <= maxPhoto && (!known || long+short <= maxSides && long <= short*maxRatio) {
			return sendPhoto
		}
	}
	return sendDocument
}

// upload posts a file by one of the three methods.
func (s *Sender) upload(ctx context.Context, to chat.Address, f channel.File, method string) (sent string, err error) {
	chatID, thread, err := target(to)
	if err != nil {
		return "", err
	}
	post := func(caption, mode string) error {
		fields := [][2]string{{"chat_id", fmt.Sprint(chatID)}, {"caption", caption}, {"parse_mode", mode}}
		if thread != 0 {
			fields = append(fields, [2]string{"message_thread_id", fmt.Sprint(thread)})
		}
		body, contentType := form(fields, strings.ToLower(strings.TrimPrefix(method, "send")), f)
		result, err := s.post(ctx, method, contentType, body, false)
		sent = decimal(result.Get("message_id"))
		return err
	}
	if caption := platform.Cut(f.Caption, captionFits); strings.TrimSpace(caption) == "" {
		err = post("", "")
	} else {
		err = s.formatted(caption, post)
	}
	if err == nil && sent == "" {
		err = fmt.Errorf("telegram %s: result has no message_id", method)
	}
	return sent, err
}

func captionFits(text string) bool {
	words := markdown.Plain(text)
	if strings.TrimSpace(words) == "" {
		words = text // it is posted as it stands
	}
	return platform.Units(words) <= maxCaption
}

// form writes multipart/form-data (RFC 7578): the fields that are not empty,
// then the file.
func form(fields [][2]string, name string, f channel.File) (body []byte, contentType string) {
	boundary := rand.Text() // 130 random bits are in no file by chance
	next := "--" + boundary + "\r\nContent-Disposition: form-data; name="
	out := make([]byte, 0, len(f.Data)+16<<10) // so that a large file is copied once
	for _, field := range fields {
		if field[1] != "" {
			out = append(out, next+`"`+field[0]+"\"\r\n\r\n"+field[1]+"\r\n"...)
		}
	}
	out = append(out, next+`"`+name+`"; filename="`+escaped(f.Name)+"\"\r\nContent-Type: "+platform.FileType(f.MediaType)+"\r\n\r\n"...)
	out = append(out, f.Data...)
	out = append(out, "\r\n--"+boundary+"--\r\n"...)
	return out, "multipart/form-data; boundary=" + boundary
}

// escaped is a file's name as browsers write it between quotes: in UTF-8, with
// what would end the quotes or the line escaped
// (https://html.spec.whatwg.org/multipage/form-control-infrastructure.html#multipart-form-data).
// Other control characters, which no name needs, become "_".
func escaped(name string) string {
	name = strings.NewReplacer("\r", "%0D", "\n", "%0A", `"`, "%22").Replace(name)
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return '_'
		}
		return r
	}, name)
}

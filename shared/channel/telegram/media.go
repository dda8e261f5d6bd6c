package telegram

import (
	"strings"

	"github.com/tidwall/gjson"

	"instar/shared/channel/internal/platform"
	"instar/shared/chat"
)

// attachments reads a message's files. Telegram puts one kind in a message; an
// album is several messages.
func attachments(post gjson.Result) []chat.Attachment {
	if sizes := post.Get("photo").Array(); len(sizes) > 0 {
		return file("image", largest(sizes), "image/jpeg")
	}
	if animation := post.Get("animation"); animation.Exists() { // it is sent as a document too
		return file("video", animation, "video/mp4")
	}
	if document := post.Get("document"); document.Exists() {
		return file(platform.FileKind(document.Get("mime_type").Str), document, "")
	}
	if voice := post.Get("voice"); voice.Exists() {
		return file("audio", voice, "audio/ogg")
	}
	if audio := post.Get("audio"); audio.Exists() {
		return file("audio", audio, "")
	}
	if video := post.Get("video"); video.Exists() {
		return file("video", video, "")
	}
	if note := post.Get("video_note"); note.Exists() {
		return file("video", note, "video/mp4")
	}
	sticker := post.Get("sticker")
	if sticker.Exists() && !sticker.Get("is_animated").Bool() && !sticker.Get("is_video").Bool() {
		return file("image", sticker, "image/webp")
	}
	return nil
}

// file reads what all of Telegram's file objects have in common; mediaType is
// taken where the object does not say.
func file(kind string, object gjson.Result, mediaType string) []chat.Attachment {
	a := chat.Attachment{
		Kind: kind,
		Ref:  object.Get("file_id").Str,
		Name: object.Get("file_name").Str,
		Type: object.Get("mime_type").Str,
	}
	if a.Ref == "" {
		return nil
	}
	if a.Type == "" {
		a.Type = mediaType
	}
	if size, ok := integer(object.Get("file_size")); ok && size > 0 {
		a.Size = size
	}
	return []chat.Attachment{a}
}

func largest(sizes []gjson.Result) gjson.Result {
	best, area := sizes[0], -1.0
	for _, size := range sizes {
		if a := size.Get("width").Num * size.Get("height").Num; a >= area {
			best, area = size, a
		}
	}
	return best
}

// describe says in words what a message without text or file holds, so that
// it does not meet silence.
func describe(post gjson.Result) string {
	if sticker := post.Get("sticker"); sticker.Exists() {
		return strings.TrimSpace("[sticker "+sticker.Get("emoji").Str) + "]"
	}
	if venue := post.Get("venue"); venue.Exists() { // it holds a location too
		return "[venue: " + venue.Get("title").Str + ", " + venue.Get("address").Str + ", " + coordinates(venue.Get("location")) + "]"
	}
	if location := post.Get("location"); location.Exists() {
		return "[location: " + coordinates(location) + "]"
	}
	if contact := post.Get("contact"); contact.Exists() {
		name := strings.TrimSpace(contact.Get("first_name").Str + " " + contact.Get("last_name").Str)
		return "[contact: " + name + ", " + contact.Get("phone_number").Str + "]"
	}
	if poll := post.Get("poll"); poll.Exists() {
		var options []string
		for _, option := range poll.Get("options").Array() {
			options = append(options, option.Get("text").Str)
		}
		return "[poll: " + poll.Get("question").Str + " " + strings.Join(options, " / ") + "]"
	}
	if dice := post.Get("dice"); dice.Exists() {
		return "[dice " + dice.Get("emoji").Str + " " + decimal(dice.Get("value")) + "]"
	}
	return ""
}

func coordinates(location gjson.Result) string {
	return location.Get("latitude").Raw + "," + location.Get("longitude").Raw
}

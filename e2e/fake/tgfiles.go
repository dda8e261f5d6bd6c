//go:build !js

package fake

import (
	"bytes"
	"fmt"
	"image"
	_ "image/gif" // what sendPhoto takes is decoded to its size
	_ "image/jpeg"
	_ "image/png"
	"io"
	"mime/multipart"
	"slices"
	"strings"
)

// The limits of https://core.telegram.org/bots/api#sending-files and #sendphoto.
const (
	tgMaxPhoto  = 10 << 20 // bytes
	tgMaxUpload = 50 << 20
	tgMaxSides  = 10_000 // pixels of width and height together
	tgMaxRatio  = 20
)

// tgMedia are the methods whose file a chat shows, and their file's parameter.
var tgMedia = map[string]string{"sendPhoto": "photo", "sendDocument": "document", "sendAnimation": "animation"}

// tgUpload is a part of a multipart body that has a file name.
type tgUpload struct {
	name, mediaType string
	data            []byte
}

// readPart reads the one file that a part's name may have.
func readPart(parts []*multipart.FileHeader) (u tgUpload, err error) {
	if len(parts) != 1 {
		return u, fmt.Errorf("given %d times", len(parts))
	}
	f, err := parts[0].Open()
	if err != nil {
		return u, err
	}
	defer f.Close()
	u.name, u.mediaType = parts[0].Filename, parts[0].Header.Get("Content-Type")
	u.data, err = io.ReadAll(f)
	return u, err
}

// readMedia reads the file of a method that posts one: uploaded, an id of a
// file that Telegram has, or an address, which is not fetched. It is nil for
// other methods.
func (t *Telegram) readMedia(method string, p tgParams) (*File, *tgError) {
	field, ok := tgMedia[method]
	if !ok {
		return nil, nil
	}
	part, uploaded := p.files[field]
	value := p.text(field)
	if name, attached := strings.CutPrefix(value, "attach://"); attached {
		part, uploaded = p.files[name]
	}
	if uploaded {
		if e := checkUpload(field, part); e != nil {
			return nil, e
		}
		return &File{Name: part.name, Type: part.mediaType, Data: part.data, As: field}, nil
	}
	t.base.mu.Lock()
	known, ok := t.files[value]
	t.base.mu.Unlock()
	if !ok && !strings.HasPrefix(value, "http://") && !strings.HasPrefix(value, "https://") {
		return nil, refused("wrong remote file identifier specified: wrong character in the string")
	}
	return &File{Name: known.path[strings.LastIndex(known.path, "/")+1:], Data: known.data, As: field}, nil
}

// checkUpload holds an uploaded file to the bounds of its kind. That a picture
// cannot be read is for Telegram alone to find, and so no violation.
func checkUpload(field string, part tgUpload) *tgError {
	switch {
	case len(part.data) == 0:
		return wrong("file must be non-empty")
	case len(part.data) > tgMaxUpload:
		return &tgError{status: 413, description: "Request Entity Too Large", wrong: true}
	case field != "photo":
		return nil
	case len(part.data) > tgMaxPhoto:
		return wrong("file of size %d bytes is too big for a photo; the maximum size is %d bytes", len(part.data), tgMaxPhoto)
	case isWebP(part.data):
		return nil
	}
	size, _, err := image.DecodeConfig(bytes.NewReader(part.data))
	if err != nil {
		return refused("IMAGE_PROCESS_FAILED")
	}
	long, short := max(size.Width, size.Height), min(size.Width, size.Height)
	if long+short > tgMaxSides || long > tgMaxRatio*short {
		return wrong("PHOTO_INVALID_DIMENSIONS")
	}
	return nil
}

func isWebP(data []byte) bool {
	return len(data) > 12 && string(data[:4]) == "RIFF" && string(data[8:12]) == "WEBP"
}

// keep makes a posted file one that getFile finds, and writes it into the
// message as the Bot API answers it.
func (t *Telegram) keep(message map[string]any, id int, f *File) {
	fileID := fmt.Sprintf("sent%d", id)
	t.AddFile(fileID, f.As+"s/"+fileID, f.Data)
	object := map[string]any{"file_id": fileID, "file_unique_id": "u" + fileID, "file_size": len(f.Data)}
	size, _, err := image.DecodeConfig(bytes.NewReader(f.Data))
	if err != nil {
		size = image.Config{Width: 90, Height: 90}
	}
	switch f.As {
	case "photo":
		object["width"], object["height"] = size.Width, size.Height
		message["photo"] = []any{object}
		return
	case "animation":
		animation := map[string]any{"width": size.Width, "height": size.Height, "duration": 0}
		for name, v := range object {
			animation[name] = v
		}
		message["animation"] = animation // Telegram answers a document, too
	}
	object["file_name"] = f.Name
	if f.Type != "" {
		object["mime_type"] = f.Type
	}
	message["document"] = object
}

// holdsFile reports whether a message is one with a file, whose text is a caption.
func (t *Telegram) holdsFile(chat int64, id int) bool {
	return slices.ContainsFunc(t.Chat(chat), func(m Message) bool { return m.ID == id && m.File != nil })
}

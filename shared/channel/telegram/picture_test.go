package telegram

import (
	"bytes"
	"encoding/binary"
	"image"
	"image/color"
	stdjpeg "image/jpeg"
	stdpng "image/png"
	"testing"

	"instar/shared/channel/channeltest"
)

// Heads of WebP files of 300 x 200 pixels, by RFC 9649.
const (
	webpLossy    = "RIFF\x24\x00\x00\x00WEBPVP8 \x18\x00\x00\x00\x30\x01\x00\x9d\x01\x2a\x2c\x01\xc8\x00\x02\x00\x34\x25"
	webpLossless = "RIFF\x24\x00\x00\x00WEBPVP8L\x18\x00\x00\x00\x2f\x2b\xc1\x31\x00\x07\x50\x0a\x14\x21\x00"
	webpExtended = "RIFF\x24\x00\x00\x00WEBPVP8X\x0a\x00\x00\x00\x10\x00\x00\x00\x2b\x01\x00\xc7\x00\x00"
)

// jpegHead is a JPEG file of 300 x 200 pixels up to its frame header, with a
// segment of an application, fill bytes, a table and a marker alone before.
const jpegHead = "\xff\xd8\xff\xe0\x00\x04JF\xff\xff\xff\xc4\x00\x03T\xff\x01\xff\xc2\x00\x11\x08\x00\xc8\x01\x2c\x03\x01\x22\x00\x02\x11\x01\x03\x11\x01"

// pngHead is a PNG file's signature and first chunk without its checksum.
func pngHead(width, height uint32) []byte {
	head := []byte("\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR")
	head = binary.BigEndian.AppendUint32(head, width)
	return append(binary.BigEndian.AppendUint32(head, height), 8, 6, 0, 0, 0)
}

// encoded are pictures of 300 x 200 pixels by the standard library's encoders.
func encoded(t testing.TB) (pngFile, jpegFile []byte) {
	t.Helper()
	var p, j bytes.Buffer
	picture := image.NewPaletted(image.Rect(0, 0, 300, 200), color.Palette{color.Black, color.White})
	if err := stdpng.Encode(&p, picture); err != nil {
		t.Fatal(err)
	}
	if err := stdjpeg.Encode(&j, picture, nil); err != nil {
		t.Fatal(err)
	}
	return p.Bytes(), j.Bytes()
}

func TestDimensionsAreReadFromTheHead(t *testing.T) {
	pngFile, jpegFile := encoded(t)
	for name, data := range map[string][]byte{
		"PNG": pngFile, "JPEG": jpegFile, "JPEG with all sorts of markers": []byte(jpegHead),
		"lossy WebP": []byte(webpLossy), "lossless WebP": []byte(webpLossless), "extended WebP": []byte(webpExtended),
	} {
		if width, height, ok := dimensions(data); !ok || width != 300 || height != 200 {
			t.Errorf("%s: %d x %d, %v", name, width, height, ok)
		}
	}
	for name, data := range map[string]string{
		"nothing": "", "text": "hello", "GIF": "GIF89a\x01\x00\x01\x00", "PNG without a header": "\x89PNG\r\n\x1a\n",
		"PNG of no width": string(pngHead(0, 5)), "PNG of more than it may": string(pngHead(1<<31, 1)), "JPEG cut": jpegHead[:24],
		"JPEG without a frame": "\xff\xd8\xff\xda\x00\x04xx\xff\xc0\x00\x11\x08\x00\xc8\x01\x2c", "JPEG that ends": "\xff\xd8\xff\xd9\xff\xc0\x00\x11\x08\x00\xc8\x01\x2c",
		"JPEG with a segment past its end": "\xff\xd8\xff\xe0\xff\xff\xff\xc0", "WebP of another kind": "RIFF\x24\x00\x00\x00WEBPALPH" + webpLossy[16:],
		"WebP cut": webpLossy[:29], "WebP without its start code": webpLossy[:23] + "abc" + webpLossy[26:],
	} {
		if width, height, ok := dimensions([]byte(data)); ok {
			t.Errorf("%s: %d x %d", name, width, height)
		}
	}
}

// FuzzDimensionsAgreeWithTheDecoders: what is read of a picture is what the
// standard library reads of it.
func FuzzDimensionsAgreeWithTheDecoders(f *testing.F) {
	pngFile, jpegFile := encoded(f)
	f.Add(pngFile)
	f.Add(jpegFile)
	f.Add([]byte(channeltest.PNG))
	for _, seed := range []string{jpegHead, webpLossy, webpLossless, webpExtended} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		width, height, ok := dimensions(data)
		if ok && (width < 1 || height < 1) {
			t.Errorf("%d x %d", width, height)
		}
		config, _, err := image.DecodeConfig(bytes.NewReader(data))
		if ok && err == nil && (config.Width != width || config.Height != height) {
			t.Errorf("%d x %d, where the decoder reads %d x %d", width, height, config.Width, config.Height)
		}
	})
}

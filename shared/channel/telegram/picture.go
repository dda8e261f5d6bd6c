package telegram

import (
	"bytes"
	"encoding/binary"
)

// dimensions reads a picture's width and height in pixels from the head of a
// PNG, JPEG or WebP file, whichever its bytes say it is. The packages under
// image would do it for the first two, at the cost of two decoders in the module.
func dimensions(data []byte) (width, height int, ok bool) {
	switch {
	case bytes.HasPrefix(data, []byte("\x89PNG\r\n\x1a\n")):
		width, height = png(data)
	case bytes.HasPrefix(data, []byte("\xff\xd8")):
		width, height = jpeg(data)
	case len(data) >= 30 && string(data[:4]) == "RIFF" && string(data[8:12]) == "WEBP":
		width, height = webp(data)
	}
	return width, height, width > 0 && height > 0
}

// png reads the IHDR chunk, which comes first (https://www.w3.org/TR/png-3/#11IHDR).
func png(data []byte) (width, height int) {
	if len(data) < 24 || string(data[12:16]) != "IHDR" {
		return 0, 0
	}
	w, h := binary.BigEndian.Uint32(data[16:]), binary.BigEndian.Uint32(data[20:])
	if w > 1<<31-1 || h > 1<<31-1 { // more than a PNG may have, and than a 32-bit int
		return 0, 0
	}
	return int(w), int(h)
}

// jpeg walks over the marker segments to the frame header (ITU-T T.81, B.1.1.4
// and B.2.2).
func jpeg(data []byte) (width, height int) {
	for i := 2; i+4 <= len(data) && data[i] == 0xff; {
		marker := data[i+1]
		switch {
		case marker == 0xff: // a fill byte
			i++
			continue
		case marker == 0x01 || marker >= 0xd0 && marker <= 0xd7: // no segment follows
			i += 2
			continue
		case marker < 0xc0 || marker >= 0xd8 && marker <= 0xda: // the picture itself begins
			return 0, 0
		}
		if marker <= 0xcf && marker != 0xc4 && marker != 0xc8 && marker != 0xcc { // SOF0 to SOF15
			if i+9 > len(data) {
				return 0, 0
			}
			return int(binary.BigEndian.Uint16(data[i+7:])), int(binary.BigEndian.Uint16(data[i+5:]))
		}
		i += 2 + int(binary.BigEndian.Uint16(data[i+2:]))
	}
	return 0, 0
}

// webp reads the first chunk of at least 30 bytes of data (RFC 9649, 2.5 to 2.7).
func webp(data []byte) (width, height int) {
	first := data[20:]
	switch string(data[12:16]) {
	case "VP8X":
		return 1 + uint24(first[4:]), 1 + uint24(first[7:])
	case "VP8L":
		if first[0] == 0x2f {
			bits := binary.LittleEndian.Uint32(first[1:])
			return 1 + int(bits&0x3fff), 1 + int(bits>>14&0x3fff)
		}
	case "VP8 ":
		if string(first[3:6]) == "\x9d\x01\x2a" {
			return int(binary.LittleEndian.Uint16(first[6:]) & 0x3fff), int(binary.LittleEndian.Uint16(first[8:]) & 0x3fff)
		}
	}
	return 0, 0
}

func uint24(b []byte) int { return int(b[0]) | int(b[1])<<8 | int(b[2])<<16 }

package pdf

import (
	"bytes"
	"compress/flate"
	"io"
)

// decode unpacks a stream as far as its filters are known and the bound
// allows. What was unpacked before an error counts.
func (f *file) decode(s *stream) []byte {
	filters := array{f.resolve(s.dict["Filter"])}
	if list, ok := filters[0].(array); ok {
		filters = list
	}
	data := s.data
	f.decoded -= 64 + len(data)/4 // reading the same again and again ends, too
	for i, filter := range filters {
		if i >= 4 || f.decoded <= 0 {
			f.cut = f.cut || f.decoded <= 0
			return nil
		}
		switch f.resolve(filter) {
		case nil:
		case name("FlateDecode"), name("Fl"):
			data = f.inflate(data)
		case name("ASCIIHexDecode"), name("AHx"):
			data = f.spend([]byte((&lexer{b: data}).hex()))
		case name("ASCII85Decode"), name("A85"):
			data = f.spend(ascii85(data))
		case name("LZWDecode"), name("LZW"):
			early := true
			parms := f.resolve(s.dict["DecodeParms"])
			if list, ok := parms.(array); ok && i < len(list) {
				parms = f.resolve(list[i])
			}
			if d, ok := parms.(dict); ok {
				early = f.number(d["EarlyChange"], 1) != 0
			}
			data = f.unlzw(data, early)
		default: // pictures, encryption
			return nil
		}
	}
	return data
}

// spend counts bytes against the bound.
func (f *file) spend(b []byte) []byte {
	if len(b) > f.decoded {
		b, f.cut = b[:f.decoded], true
	}
	f.decoded -= len(b)
	return b
}

// inflate leaves the checksum alone, so that a stream that was cut off counts.
func (f *file) inflate(b []byte) []byte {
	b = bytes.TrimLeft(b, "\r\n")
	if len(b) < 2 {
		return nil
	}
	r := flate.NewReader(bytes.NewReader(b[2:]))
	var out bytes.Buffer
	n, _ := io.Copy(&out, io.LimitReader(r, int64(f.decoded)))
	f.decoded -= int(n)
	f.cut = f.cut || f.decoded <= 0
	return out.Bytes()
}

func ascii85(b []byte) []byte {
	var out []byte
	var group uint32
	n := 0
	for _, c := range b {
		switch {
		case c == '~':
			b = nil
		case c == 'z' && n == 0:
			out = append(out, 0, 0, 0, 0)
			continue
		case c < '!' || c > 'u':
			continue
		}
		if b == nil {
			break
		}
		group = group*85 + uint32(c-'!')
		if n++; n == 5 {
			out = append(out, byte(group>>24), byte(group>>16), byte(group>>8), byte(group))
			group, n = 0, 0
		}
	}
	if n > 1 {
		for range 5 - n {
			group = group*85 + 84
		}
		out = append(out, []byte{byte(group >> 24), byte(group >> 16), byte(group >> 8)}[:n-1]...)
	}
	return out
}

// unlzw is LZW as PDF and TIFF have it (ISO 32000-1, 7.4.4): codes of 9 to 12
// bits, the highest bit first, 256 clears the table, 257 ends.
func (f *file) unlzw(b []byte, early bool) []byte {
	var prefix [4096]int16
	var last [4096]byte
	var out, piece []byte
	bits, have := uint32(0), 0
	size, next, previous := 9, 258, -1
	shift := 0
	if early {
		shift = 1
	}
	expand := func(code int) {
		piece = piece[:0]
		for ; code >= 258; code = int(prefix[code]) {
			piece = append(piece, last[code])
		}
		piece = append(piece, byte(code))
	}
	for _, c := range b {
		bits, have = bits<<8|uint32(c), have+8
		if have < size {
			continue
		}
		code := int(bits>>(have-size)) & (1<<size - 1)
		have -= size
		switch {
		case code == 256:
			size, next, previous = 9, 258, -1
			continue
		case code == 257, code > next, code == next && previous < 0, code >= 258 && previous < 0:
			return f.spend(out)
		}
		known := code
		if code == next {
			known = previous
		}
		expand(known)
		first := piece[len(piece)-1]
		if previous >= 0 && next < 4096 {
			prefix[next], last[next] = int16(previous), first
			next++
		}
		if code != known { // the one that was made just now
			piece = append([]byte{first}, piece...)
		}
		if len(out)+len(piece) > f.decoded {
			f.cut = true
			return f.spend(out)
		}
		for i := len(piece) - 1; i >= 0; i-- {
			out = append(out, piece[i])
		}
		previous = code
		if size < 12 && next+shift >= 1<<size {
			size++
		}
	}
	return f.spend(out)
}

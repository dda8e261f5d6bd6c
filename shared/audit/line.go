package audit

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"hash"
	"time"
)

// Record is an entry on the chain.
type Record struct {
	Seq int64 `json:"seq"` // from 1 on, without a gap
	Entry
	Logged time.Time `json:"logged"` // when it was put there, by that worker's clock
	Prev   string    `json:"prev"`   // MAC of the entry before; "" for the first
	// Forged: the line's own MAC does not belong to it. Only Search returns such.
	Forged bool `json:"-"`
}

// opening is a segment's first line.
type opening struct {
	V      int       `json:"v"` // 1
	First  int64     `json:"first"`
	Before int64     `json:"before"` // First of the segment before, 0 for the first
	Hash   string    `json:"hash"`   // of the segment before, SHA-256
	Prev   string    `json:"prev"`   // MAC of the entry before
	After  time.Time `json:"after"`  // when that was logged
}

// closing is the last line of a segment that may not grow any more.
type closing struct {
	Last int64  `json:"last"`
	Prev string `json:"prev"` // MAC of the last entry
}

// mark is the checkpoint: the chain had at least this length.
type mark struct {
	V   int    `json:"v"` // 1
	Seq int64  `json:"seq"`
	MAC string `json:"head"` // of that entry
}

// A line's kind goes into its MAC, so that one cannot stand for another.
const (
	openLine  = "open"
	entryLine = "entry"
	closeLine = "close"
	markLine  = "mark"
)

const (
	macField = `,"mac":"`
	macSize  = 43 // base64url of 32 bytes
	macEnd   = `"}`
	tailSize = len(macField) + macSize + len(macEnd)
)

// signer makes and checks the MACs of one agent's log. It is not safe for
// concurrent use.
type signer struct {
	hash   hash.Hash
	domain string
}

func newSigner(agent string, key []byte) *signer {
	s := &signer{domain: "instar audit 1\x00" + agent + "\x00"}
	if len(key) == 0 {
		s.hash = sha256.New()
	} else {
		s.hash = hmac.New(sha256.New, key)
	}
	return s
}

func (s *signer) mac(kind string, body ...[]byte) string {
	s.hash.Reset()
	s.hash.Write([]byte(s.domain + kind + "\x00"))
	for _, part := range body {
		s.hash.Write(part)
	}
	var sum [sha256.Size]byte
	return base64.RawURLEncoding.EncodeToString(s.hash.Sum(sum[:0]))
}

// seal encodes a line without its newline, and returns its MAC too.
func (s *signer) seal(kind string, v any) (line []byte, mac string, err error) {
	body, err := json.Marshal(v)
	if err != nil {
		return nil, "", fmt.Errorf("encode audit line: %w", err)
	}
	mac = s.mac(kind, body)
	line = append(body[:len(body)-1], macField...)
	line = append(line, mac...)
	return append(line, macEnd...), mac, nil
}

// open decodes a line into v and returns its MAC. ok is false when the line
// cannot be read or its MAC does not belong to it; v is filled in as far as
// possible.
func (s *signer) open(kind string, line []byte, v any) (mac string, ok bool) {
	body, mac, ok := split(line)
	if !ok {
		return "", false
	}
	ok = s.mac(kind, body, []byte("}")) == mac
	return mac, json.Unmarshal(line, v) == nil && ok
}

// split cuts a line into its body, without the last brace, and its MAC.
func split(line []byte) (body []byte, mac string, ok bool) {
	at := len(line) - tailSize
	if at < 1 || !bytes.HasPrefix(line[at:], []byte(macField)) || !bytes.HasSuffix(line, []byte(macEnd)) {
		return nil, "", false
	}
	return line[:at], string(line[at+len(macField) : at+len(macField)+macSize]), true
}

// lines cuts a segment into lines; ok is false when the last has no newline.
func lines(data []byte) (all [][]byte, ok bool) {
	if !bytes.HasSuffix(data, []byte("\n")) {
		return nil, false
	}
	return bytes.Split(data[:len(data)-1], []byte("\n")), true
}

// lineID reads an entry line's id without decoding the line: it comes first
// after the number, before anything that could look like it.
func lineID(line []byte) string {
	const field = `,"id":"`
	from := bytes.Index(line[:min(len(line), 64)], []byte(field))
	if from < 0 {
		return ""
	}
	from += len(field)
	n := bytes.IndexByte(line[from:], '"')
	if n < 0 {
		return ""
	}
	return string(line[from : from+n])
}

func digest(data []byte) string {
	sum := sha256.Sum256(data)
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

package seal

import (
	"bytes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"

	"golang.org/x/crypto/chacha20poly1305"
)

// The layout of a sealed object; see the package comment.
const (
	magic   = "\xffSL"
	version = 1

	atVersion = len(magic)
	atID      = atVersion + 1
	atPlace   = atID + len(keyID{})
	atLength  = atPlace + 8
	atNonce   = atLength + 8
	atContent = atNonce + chacha20poly1305.NonceSizeX

	// Overhead is by how many bytes a sealed object is longer than its content.
	Overhead = atContent + chacha20poly1305.Overhead
)

// dataKey seals and opens objects.
type dataKey struct {
	id   keyID
	aead cipher.AEAD
}

func newDataKey(k Key) *dataKey {
	return &dataKey{id: k.id(), aead: newAEAD(k.Derive(forObjects))}
}

func newAEAD(k Key) cipher.AEAD {
	aead, err := chacha20poly1305.NewX(k.hidden.secret[:])
	if err != nil {
		panic("seal: " + err.Error()) // only for lengths that KeySize is not
	}
	return aead
}

// seal returns content sealed for its place in the bucket, leaving content as
// it is.
func (d *dataKey) seal(place string, content []byte) []byte {
	var nonce [chacha20poly1305.NonceSizeX]byte
	rand.Read(nonce[:]) // never fails
	return d.sealWith(nonce, place, content)
}

func (d *dataKey) sealWith(nonce [chacha20poly1305.NonceSizeX]byte, place string, content []byte) []byte {
	sealed := make([]byte, 0, len(content)+Overhead)
	sealed = append(sealed, magic...)
	sealed = append(sealed, version)
	sealed = append(sealed, d.id[:]...)
	sealed = append(sealed, placeSum(place)...)
	sealed = binary.BigEndian.AppendUint64(sealed, uint64(len(content)))
	associated := associatedData(sealed, place)
	sealed = append(sealed, nonce[:]...)
	return d.aead.Seal(sealed, nonce[:], content, associated)
}

// check looks at all of a sealed object that needs no key, and returns the id
// of the data key that it names.
func check(place string, sealed []byte) (keyID, error) {
	switch {
	case !isSealed(sealed):
		return keyID{}, ErrNotSealed
	case len(sealed) == atVersion:
		return keyID{}, ErrLength
	case sealed[atVersion] != version:
		return keyID{}, ErrVersion
	case len(sealed) < Overhead,
		binary.BigEndian.Uint64(sealed[atLength:]) != uint64(len(sealed)-Overhead):
		return keyID{}, ErrLength
	case !bytes.Equal(sealed[atPlace:atLength], placeSum(place)):
		return keyID{}, ErrMoved
	}
	return keyID(sealed[atID:atPlace]), nil
}

// open decrypts in place what check has accepted: the content is part of
// sealed, which is of no more use afterwards.
func (d *dataKey) open(place string, sealed []byte) ([]byte, error) {
	associated := associatedData(sealed[:atNonce], place)
	content := sealed[atContent:]
	content, err := d.aead.Open(content[:0], sealed[atNonce:atContent], content, associated)
	if err != nil {
		return nil, ErrAltered
	}
	return content, nil
}

func isSealed(data []byte) bool { return bytes.HasPrefix(data, []byte(magic)) }

func placeSum(place string) []byte {
	sum := sha256.Sum256([]byte(place))
	return sum[:atLength-atPlace]
}

func associatedData(header []byte, place string) []byte {
	return append(append(make([]byte, 0, len(header)+len(place)), header...), place...)
}

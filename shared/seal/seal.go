// Package seal keeps a bucket's objects unreadable and unchangeable without
// the owner's SEAL_KEY. Bucket is a bucket.Bucket over another one: what goes
// in is sealed, what comes out was authentic, or there is an error.
//
// # Keys
//
// SEAL_KEY seals no object. It wraps a ring, which holds a root key and one or
// more random data keys; the newest data key seals new objects and all of them
// open old ones. The ring is one small object of the bucket (RingKey), made by
// the first write. Rotate wraps it under another SEAL_KEY, so that no object has
// to be written again and the former SEAL_KEY opens nothing.
//
// Deriving the data key from SEAL_KEY would save reading the ring. But then
// whoever once held a SEAL_KEY could read, for ever, all that was written under
// it, and a program that still runs with it would go on writing: rotation would
// heal nothing. So the ring is read, once for a Cache: a warm instance reads
// nothing more than it would without sealing, a new one reads one object more.
//
// Losing the ring is losing everything. It is safe to copy: it says nothing
// without SEAL_KEY. A copy made before a rotation opens with the former key.
//
// # Formats
//
// Numbers are big endian. KDF(key, purpose) is HKDF-SHA-256 (RFC 5869) without
// salt, with the info "instar/seal/v1/" + purpose, 32 bytes. A key's id is the
// first 8 bytes of KDF(key, "id"). The AEAD is XChaCha20-Poly1305
// (draft-irtf-cfrg-xchacha-03) with a random nonce of 24 bytes.
//
// A sealed object is Overhead = 68 bytes longer than its content:
//
//	 0  3  FF 53 4C, with which no UTF-8 text begins
//	 3  1  01, version and algorithm
//	 4  8  id of the data key
//	12  8  first 8 bytes of the SHA-256 of the object's key in the bucket
//	20  8  length of the content
//	28 24  nonce
//	52  n  content, encrypted under KDF(data key, "object")
//	   16  tag
//
// Associated data are bytes 0 to 27 and then the object's key, so that an
// object opens only where it was written. Bytes 12 to 27 add no security; they
// let an error say what happened.
//
// The ring is JSON: {"v":1,"slots":[{"key":HEX,"box":BASE64}]}, one slot for
// each SEAL_KEY that opens it, with that key's id. A box is a nonce and, sealed
// under KDF(SEAL_KEY, "wrap") with the associated data "instar/seal/v1/ring"
// and the 8 bytes of the id, the root key and the data keys from oldest to
// newest, 32 bytes each. testdata/v1.json has an example of everything.
//
// # Cipher
//
// Measured by e2e/bench/seal in js/wasm (Go 1.26.8, x/crypto 0.57.0, Node 24) on
// two cores of an AMD EPYC that were busy with other work, 2026-11-25: the least
// of five, in microseconds, for sealing and opening together; and what each adds
// to a small module.
//
//	                          1 KB  40 KB  256 KB     raw  gzipped
//	AES-256-GCM of Go           51  1,431   9,152   49 KB    15 KB
//	ChaCha20-Poly1305           18    384   2,321   41 KB    15 KB
//	XChaCha20-Poly1305          17    397   2,365   42 KB    15 KB
//	AES-256-GCM of WebCrypto   512    379     746       -        -
//
// In workerd, timed from outside on a busy machine, AES was the slowest from
// 40 KB on, too. XChaCha20-Poly1305 is 3 to 4 times as fast
// as Go's AES, which without AES instructions looks up tables by secret values,
// so that its time tells something of them; and its nonces are long enough to be
// random for as many objects as there will be. WebCrypto is ahead for large
// objects only. Most are small, and each would wait for two promises more in
// JavaScript, which a port below the functions should not need.
//
// A put and a get through Bucket take 0.03, 0.37 and 2.3 ms more than without,
// and the webhook function's module grows from 6.82 to 6.94 MB (34 KB gzipped).
//
// # What it does not hide or stop
//
// Keys of objects, their number, sizes and times are not hidden, and listing
// works as before. Whoever can write to the bucket can delete objects and put
// an older version of one back in its place; that is not noticed. Whoever has
// SEAL_KEY and can read the bucket reads everything. What is not in the bucket
// (settings kept elsewhere, messages on a queue) is not sealed.
package seal

import "errors"

// What can be wrong. An error of this package wraps one of these, or what the
// bucket below returned. What the package says itself names no key, of whichever
// kind, and no content.
var (
	// ErrSealKey: the text of a SEAL_KEY is missing or not a key.
	ErrSealKey = errors.New("no usable sealing key")
	// ErrWrongKey: the ring does not open with this SEAL_KEY.
	ErrWrongKey = errors.New("this SEAL_KEY does not open the bucket: use the one it was sealed or last rotated with")
	// ErrRing: the ring is missing although objects are sealed, or unreadable.
	ErrRing = errors.New("the bucket's key ring is missing or damaged: put a copy of it back")

	// ErrNotSealed: the object was written before sealing was on, or its
	// beginning was overwritten.
	ErrNotSealed = errors.New("object is not sealed: it was written before SEAL_KEY was in use, or it was changed outside")
	// ErrVersion: the object or the ring was written by a newer program.
	ErrVersion = errors.New("unknown version of sealing: update this program")
	// ErrLength: the object is cut short or has bytes added.
	ErrLength = errors.New("sealed object has lost or gained bytes")
	// ErrMoved: the object was sealed for another place in the bucket.
	ErrMoved = errors.New("sealed object was moved here from another key")
	// ErrUnknownKey: the ring has no data key that sealed this object.
	ErrUnknownKey = errors.New("object was sealed under a key that is not in the bucket's ring")
	// ErrAltered: the object is not what was sealed here.
	ErrAltered = errors.New("sealed object was changed")
)

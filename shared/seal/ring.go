package seal

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"

	"golang.org/x/crypto/chacha20poly1305"
)

// RingKey is where the ring is in the bucket below. Bucket refuses the key and
// leaves it out of listings.
const RingKey = "seal/ring"

// Bounds of a ring, also of one that is read.
const (
	maxSlots    = 8
	maxDataKeys = 256
	maxRing     = 128 << 10 // bytes of JSON; all of the above take 90,000
)

// keys are what a ring protects. They do not change once made.
type keys struct {
	root   Key
	all    []Key // oldest first
	ready  map[keyID]*dataKey
	newest *dataKey // seals new objects
}

func newKeys(root Key, all ...Key) *keys {
	k := &keys{root: root, all: all, ready: make(map[keyID]*dataKey, len(all))}
	for _, key := range all {
		d := newDataKey(key)
		k.ready[d.id] = d
		k.newest = d
	}
	return k
}

// ring is the stored form, read by parseRing alone.
type ring struct {
	Version int    `json:"v"`
	Slots   []slot `json:"slots"`
}

// slot is the same keys wrapped under one SEAL_KEY.
type slot struct {
	Key string `json:"key"` // the id of that SEAL_KEY, in hex
	Box []byte `json:"box"` // nonce, sealed keys, tag
}

// wrap makes the ring that each of the sealing keys opens.
func wrap(k *keys, under ...Key) []byte {
	r := ring{Version: version}
	for _, sealKey := range under {
		nonce := make([]byte, chacha20poly1305.NonceSizeX)
		rand.Read(nonce) // never fails
		r.Slots = append(r.Slots, wrapWith(nonce, k, sealKey))
	}
	data, err := json.Marshal(r)
	if err != nil {
		panic("seal: " + err.Error()) // strings and bytes always marshal
	}
	return data
}

func wrapWith(nonce []byte, k *keys, sealKey Key) slot {
	secret := k.root.Bytes()
	for _, key := range k.all {
		secret = append(secret, key.hidden.secret[:]...)
	}
	id := sealKey.id()
	box := newAEAD(sealKey.Derive(forWrap)).Seal(slices.Clip(nonce), nonce, secret, ringData(id))
	return slot{Key: hex.EncodeToString(id[:]), Box: box}
}

// parseRing reads the outer form of a ring: slots with different keys, within
// the bounds. Errors wrap ErrRing or ErrVersion.
func parseRing(data []byte) (*ring, error) {
	if len(data) > maxRing {
		return nil, fmt.Errorf("%w: too large", ErrRing)
	}
	var r ring
	if err := json.Unmarshal(data, &r); err != nil {
		return nil, fmt.Errorf("%w: not JSON", ErrRing)
	}
	if r.Version > version {
		return nil, ErrVersion
	}
	if r.Version != version || len(r.Slots) == 0 || len(r.Slots) > maxSlots {
		return nil, fmt.Errorf("%w: no version or slots", ErrRing)
	}
	for i, s := range r.Slots {
		size := len(s.Box) - chacha20poly1305.NonceSizeX - chacha20poly1305.Overhead
		if size%KeySize != 0 || size < 2*KeySize || size > (1+maxDataKeys)*KeySize {
			return nil, fmt.Errorf("%w: a slot of a wrong size", ErrRing)
		}
		id, err := hex.DecodeString(s.Key)
		if err != nil || len(id) != len(keyID{}) || hex.EncodeToString(id) != s.Key ||
			slices.ContainsFunc(r.Slots[:i], func(other slot) bool { return other.Key == s.Key }) {
			return nil, fmt.Errorf("%w: a slot without a key of its own", ErrRing)
		}
	}
	return &r, nil
}

// open unwraps the keys with a SEAL_KEY. The error is ErrWrongKey when no slot
// is for it, and wraps ErrRing when the slot is but was changed.
func (r *ring) open(sealKey Key) (*keys, error) {
	s := r.slot(sealKey)
	if s == nil {
		return nil, ErrWrongKey
	}
	nonce, sealed := s.Box[:chacha20poly1305.NonceSizeX], s.Box[chacha20poly1305.NonceSizeX:]
	secret, err := newAEAD(sealKey.Derive(forWrap)).Open(nil, nonce, sealed, ringData(sealKey.id()))
	if err != nil {
		return nil, fmt.Errorf("%w: it was changed", ErrRing)
	}
	var all []Key
	for key := range slices.Chunk(secret[KeySize:], KeySize) {
		all = append(all, keyOf(key))
	}
	return newKeys(keyOf(secret[:KeySize]), all...), nil
}

// slot is the one for this SEAL_KEY, or nil.
func (r *ring) slot(sealKey Key) *slot {
	id := sealKey.id()
	i := slices.IndexFunc(r.Slots, func(s slot) bool { return s.Key == hex.EncodeToString(id[:]) })
	if i < 0 {
		return nil
	}
	return &r.Slots[i]
}

func ringData(id keyID) []byte { return append([]byte(domain+"ring"), id[:]...) }

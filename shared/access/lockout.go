package access

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"instar/shared/bucket"
)

const (
	// MaxFailures in FailureWindow lock an address out.
	MaxFailures   = 20
	FailureWindow = time.Minute
	// maxLockout bounds the lock-outs of an address, which double during a day.
	maxLockout = 15 * time.Minute
	// races is how often an attempt that lost against another is repeated: more
	// than the failures that lock the address, which is what they lose against.
	races = 2 * MaxFailures
)

// record is what is known of one address on one day (UTC). There is one object
// for each, changed by compare-and-swap:
//
//   - A failure is answered only once it is written. However many run at once,
//     MaxFailures of them get in before the address is locked, and nothing is
//     written while it is.
//   - The token itself is taken from an address whose right use of it is written
//     for today. The first use writes that in the same order as the failures, so
//     that of a thousand guesses at once from a new address those count that
//     were among the first MaxFailures; where the right one is, luck decides,
//     as if they had come one by one.
//   - From an address the owner uses, right uses are reads and can overtake
//     failures under way: whoever shares that address gets as many guesses a
//     minute more as there are instances to run them at once.
//
// No address shares anything with another, so nobody can lock out anybody else.
type record struct {
	V      int     `json:"v"`                // 1
	Failed []int64 `json:"failed,omitempty"` // Unix milliseconds, those in the window
	Until  int64   `json:"until,omitempty"`  // locked until, Unix milliseconds
	Locks  int     `json:"locks,omitempty"`  // lock-outs so far
	Known  bool    `json:"known,omitempty"`  // the token was used rightly
}

// attempt judges one use of a credential from an address. wait is how long the
// address is still locked out for, whether it is right or wrong; locked is true
// when this failure locked it for those that follow. The error is the bucket's,
// and means that nobody gets in.
func (d *Door) attempt(ctx context.Context, source string, right bool) (wait time.Duration, locked bool, err error) {
	for range races {
		now := d.Now()
		r, key, etag, err := d.load(ctx, source, now)
		if err != nil {
			return 0, false, err
		}
		if left := time.UnixMilli(r.Until).Sub(now); left > 0 {
			return left, false, nil
		}
		if right && r.Known {
			return 0, false, nil
		}
		if right {
			r.Known = true
		} else {
			locked = r.fail(now)
		}
		err = d.store(ctx, key, etag, r, now)
		if errors.Is(err, bucket.ErrPrecondition) {
			continue
		}
		return 0, locked, err
	}
	return time.Second, false, nil // a flood from one address
}

// fail adds a failure and reports whether it locks the address.
func (r *record) fail(now time.Time) bool {
	recent := []int64{}
	for _, at := range r.Failed {
		if now.Sub(time.UnixMilli(at)) < FailureWindow {
			recent = append(recent, at)
		}
	}
	r.Failed = append(recent, now.UnixMilli())
	if len(r.Failed) < MaxFailures {
		return false
	}
	r.Until = now.Add(min(FailureWindow<<min(r.Locks, 8), maxLockout)).UnixMilli()
	r.Failed, r.Locks = nil, r.Locks+1
	return true
}

// load reads an address's record. Just after midnight that of the day before
// still counts.
func (d *Door) load(ctx context.Context, source string, now time.Time) (r record, key, etag string, err error) {
	key = d.recordKey(source, now)
	o, err := d.Bucket.Get(ctx, key)
	etag = o.ETag
	if before := now.Add(-maxLockout); errors.Is(err, bucket.ErrNotFound) && before.UTC().Day() != now.UTC().Day() {
		o, err = d.Bucket.Get(ctx, d.recordKey(source, before))
	}
	if errors.Is(err, bucket.ErrNotFound) {
		return record{}, key, etag, nil
	}
	if err != nil {
		return record{}, "", "", fmt.Errorf("read failed logins: %w", err)
	}
	// One that cannot be read is started anew: only this package writes it.
	if json.Unmarshal(o.Data, &r) != nil || r.V != 1 {
		r = record{}
	}
	return r, key, etag, nil
}

func (d *Door) store(ctx context.Context, key, etag string, r record, now time.Time) error {
	r.V = 1
	data, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("write failed logins: %w", err)
	}
	if etag != "" {
		_, err = d.Bucket.PutIfMatch(ctx, key, etag, data)
	} else if _, err = d.Bucket.PutIfAbsent(ctx, key, data); err == nil {
		// Whoever makes one object removes old ones, so they stay few.
		d.prune(ctx, d.Prefix+"sources/", day(now.Add(-24*time.Hour)))
	}
	if err != nil {
		return fmt.Errorf("write failed logins: %w", err)
	}
	return nil
}

// recordKey names an address's object by a hash: who came when is nobody's to
// read off a listing.
func (d *Door) recordKey(source string, now time.Time) string {
	sum := sha256.Sum256([]byte(Source(source)))
	return d.Prefix + "sources/" + day(now) + "/" + hex.EncodeToString(sum[:16])
}

func day(t time.Time) string { return t.UTC().Format(time.DateOnly) }

// Source is what counts as one client: an IPv4 address, or the /64 of an IPv6
// address, which is the least that one subscriber is given (RFC 6177). It takes
// an address with or without a port. All that is no address is one source.
func Source(address string) string {
	ip, err := netip.ParseAddr(address)
	if err != nil {
		port, err := netip.ParseAddrPort(address)
		if err != nil {
			return "unknown"
		}
		ip = port.Addr()
	}
	if ip = ip.Unmap().WithZone(""); ip.Is4() {
		return ip.String()
	}
	return netip.PrefixFrom(ip, 64).Masked().String()
}

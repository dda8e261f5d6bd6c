package approval

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"instar/shared/bucket"
)

// MaxGrants is how many grants there may be.
const MaxGrants = 200

// ErrFull: there are MaxGrants grants.
var ErrFull = fmt.Errorf("there are %d grants already; revoke some first", MaxGrants)

// Grant is the owner's standing "always" for one tool and one destination.
type Grant struct {
	ID          string    `json:"id"` // made of the two
	Tool        string    `json:"tool"`
	Destination string    `json:"destination"` // in its normal form
	By          string    `json:"by"`
	At          time.Time `json:"at"`
}

// grants is the object that keeps them all: there are few, and the gate reads
// them only when it would ask.
type grants struct {
	V    int     `json:"v"` // 1
	List []Grant `json:"grants"`
}

func (s *Store) grantsKey() string { return s.Agent + "/grants" }

// Grants lists them, the oldest first.
func (s *Store) Grants(ctx context.Context) ([]Grant, error) {
	g, _, err := s.readGrants(ctx)
	return g.List, err
}

// Granted lists the destinations that a tool may always go to.
func (s *Store) Granted(ctx context.Context, tool string) (list []string, err error) {
	all, err := s.Grants(ctx)
	for _, g := range all {
		if g.Tool == tool {
			list = append(list, g.Destination)
		}
	}
	return list, err
}

// Allow grants a tool its destinations. Repeated, it changes nothing.
func (s *Store) Allow(ctx context.Context, tool string, destinations []string, by string) error {
	return s.changeGrants(ctx, func(g *grants) (bool, error) {
		before := len(g.List)
		for _, d := range destinations {
			sum := sha256.Sum256(fmt.Appendf(nil, "%d:%s%s", len(tool), tool, d))
			id := hex.EncodeToString(sum[:4])
			if slices.ContainsFunc(g.List, func(old Grant) bool { return old.ID == id }) {
				continue
			}
			if len(g.List) == MaxGrants {
				return false, ErrFull
			}
			g.List = append(g.List, Grant{ID: id, Tool: tool, Destination: d, By: by, At: s.Now().UTC()})
		}
		return len(g.List) > before, nil
	})
}

// Revoke takes a grant back. ErrUnknown: there is none of that id.
func (s *Store) Revoke(ctx context.Context, id string) error {
	return s.changeGrants(ctx, func(g *grants) (bool, error) {
		i := slices.IndexFunc(g.List, func(one Grant) bool { return one.ID == id })
		if i < 0 {
			return false, ErrUnknown
		}
		g.List = slices.Delete(g.List, i, i+1)
		return true, nil
	})
}

func (s *Store) readGrants(ctx context.Context) (g grants, etag string, err error) {
	o, err := s.Bucket.Get(ctx, s.grantsKey())
	if errors.Is(err, bucket.ErrNotFound) {
		return grants{V: 1}, "", nil
	}
	if err != nil {
		return g, "", fmt.Errorf("read grants: %w", err)
	}
	if err := json.Unmarshal(o.Data, &g); err != nil || g.V != 1 {
		return grants{}, "", fmt.Errorf("read grants: version %d is not readable by this program", g.V)
	}
	return g, o.ETag, nil
}

// changeGrants changes them by compare-and-swap.
func (s *Store) changeGrants(ctx context.Context, change func(*grants) (changed bool, err error)) error {
	for range 8 {
		g, etag, err := s.readGrants(ctx)
		if err != nil {
			return err
		}
		if changed, err := change(&g); err != nil || !changed {
			return err
		}
		data, err := json.Marshal(g)
		if err != nil {
			return fmt.Errorf("encode grants: %w", err)
		}
		if etag == "" {
			_, err = s.Bucket.PutIfAbsent(ctx, s.grantsKey(), data)
		} else {
			_, err = s.Bucket.PutIfMatch(ctx, s.grantsKey(), etag, data)
		}
		if !errors.Is(err, bucket.ErrPrecondition) {
			return err
		}
	}
	return errors.New("change grants: too many at once, try again")
}

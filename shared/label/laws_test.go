package label

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

// law is what must hold of the join of any two labels.
func law(join func(a, b Label) Label, a, b Label) error {
	j := join(a, b)
	switch {
	case j.Integrity != min(a.Integrity, b.Integrity):
		return fmt.Errorf("integrity %v of %v and %v", j.Integrity, a.Integrity, b.Integrity)
	case j.Confidentiality != max(a.Confidentiality, b.Confidentiality):
		return fmt.Errorf("confidentiality %v of %v and %v", j.Confidentiality, a.Confidentiality, b.Confidentiality)
	}
	for _, o := range slices.Concat(a.Origins, b.Origins) {
		if !slices.Contains(j.Origins, o) && !slices.Contains(j.Origins, Many) {
			return fmt.Errorf("origin %s is gone", o)
		}
	}
	for _, r := range j.Readers {
		for _, l := range []Label{a, b} {
			if !slices.Contains(l.Readers, r) && !slices.Contains(l.Readers, Everyone) {
				return fmt.Errorf("reader %s came in", r)
			}
		}
	}
	return nil
}

func hold(join func(a, b Label) Label) error {
	r := rand.New(rand.NewPCG(5, 6))
	for range 2000 {
		if err := law(join, some(r), some(r)); err != nil {
			return err
		}
	}
	return nil
}

// Each rule of the join is left out in turn; then a law is broken.
func TestEachRuleOfTheJoinIsNeeded(t *testing.T) {
	if err := hold(func(a, b Label) Label { return Join(a, b) }); err != nil {
		t.Fatal(err)
	}
	for name, broken := range map[string]func(a, b, j Label) Label{
		"the lower integrity":        func(a, b, j Label) Label { j.Integrity = max(a.Integrity, b.Integrity); return j },
		"the higher confidentiality": func(a, b, j Label) Label { j.Confidentiality = min(a.Confidentiality, b.Confidentiality); return j },
		"all origins":                func(a, b, j Label) Label { j.Origins = a.Origins; return j },
		"only common readers":        func(a, b, j Label) Label { j.Readers = slices.Concat(a.Readers, b.Readers); return j },
	} {
		if hold(func(a, b Label) Label { return broken(a, b, Join(a, b)) }) == nil {
			t.Errorf("without %q every law still holds", name)
		}
	}
}

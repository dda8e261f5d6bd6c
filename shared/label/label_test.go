package label

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// some is a label made at random, now and then a broken one.
func some(r *rand.Rand) Label {
	names := func() (list []string) {
		for range r.IntN(6) {
			list = append(list, string(rune('a'+r.IntN(5))))
		}
		return list
	}
	readers := names()
	if r.IntN(4) == 0 {
		readers = []string{Everyone}
	}
	return New(Integrity(r.IntN(5)), Confidentiality(r.IntN(4)-2), names(), readers)
}

func TestJoinOnlyFalls(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 20000 {
		a, b, c := some(r), some(r), some(r)
		j := Join(a, b)
		if j.Integrity > a.Integrity || j.Integrity > b.Integrity {
			t.Fatalf("%v + %v = %v: the integrity rose", a, b, j)
		}
		if j.Confidentiality < a.Confidentiality || j.Confidentiality < b.Confidentiality {
			t.Fatalf("%v + %v = %v: the confidentiality fell", a, b, j)
		}
		for _, o := range slices.Concat(a.Origins, b.Origins) {
			if !slices.Contains(j.Origins, o) && !slices.Contains(j.Origins, Many) {
				t.Fatalf("%v + %v = %v: an origin is gone", a, b, j)
			}
		}
		for _, l := range []Label{a, b} {
			for _, reader := range j.Readers {
				if !slices.Contains(l.Readers, reader) && !slices.Contains(l.Readers, Everyone) {
					t.Fatalf("%v + %v = %v: a reader came in", a, b, j)
				}
			}
		}
		if !Join(b, a).Equal(j) || !Join(Join(a, b), c).Equal(Join(a, Join(b, c))) || !Join(a, a).Equal(a) {
			t.Fatalf("the join of %v, %v and %v depends on the order", a, b, c)
		}
		if !Join(a, Program()).Equal(a) {
			t.Fatalf("%v changes when joined with the program's own text", a)
		}
	}
}

func TestTheZeroLabelIsTheWorst(t *testing.T) {
	var zero Label
	if zero.Integrity != Untrusted || zero.Confidentiality != Secret || !zero.Tainted() || len(zero.Readers) != 0 {
		t.Fatalf("the zero label is %v", zero)
	}
	if l := New(9, Public, nil, []string{Everyone}); l.Integrity != Untrusted || l.Confidentiality != Secret || len(l.Readers) != 0 {
		t.Errorf("an integrity that does not exist gives %v", l)
	}
	if Integrity(77).String() != "untrusted" || Confidentiality(77).String() != "secret" {
		t.Error("what does not exist is not named after the worst")
	}
}

func TestWhatIsBelowOwnerIsTainted(t *testing.T) {
	for i, want := range map[Integrity]bool{Untrusted: true, Attested: true, Owner: false, System: false} {
		if (Label{Integrity: i}).Tainted() != want {
			t.Errorf("%v: tainted is not %v", i, want)
		}
	}
}

func TestBrokenLabelsReadAsTheWorst(t *testing.T) {
	for _, text := range []string{`null`, `{}`, `7`, `"owner"`, `[]`, `{"integrity":"owner"}`,
		`{"integrity":"boss","confidentiality":"public"}`, `{"integrity":"owner","confidentiality":"Public"}`,
		`{"integrity":3,"confidentiality":"public"}`, `{"integrity":"owner","confidentiality":"public","origins":"x"}`} {
		got := struct{ Label Label }{Program()}
		if err := json.Unmarshal([]byte(`{"label":`+text+`}`), &got); err != nil {
			t.Errorf("%s: %v", text, err)
		}
		// JSON null does not reach UnmarshalJSON's caller as a change unless it is handled.
		if !got.Label.Equal(Worst()) {
			t.Errorf("%s reads as %v", text, got.Label)
		}
	}
	var missing struct{ Label Label }
	if json.Unmarshal([]byte(`{}`), &missing); !missing.Label.Equal(Worst()) {
		t.Errorf("a missing label reads as %v", missing.Label)
	}
}

func TestJSONIsStable(t *testing.T) {
	a := Label{Owner, Private, []string{"web", "telegram:1", "web"}, []string{"b", "a"}}
	b := Label{Owner, Private, []string{"telegram:1", "web"}, []string{"a", "b", "a"}}
	x, _ := json.Marshal(a)
	y, _ := json.Marshal(b)
	if string(x) != string(y) || string(x) != `{"integrity":"owner","confidentiality":"private","origins":["telegram:1","web"],"readers":["a","b"]}` {
		t.Errorf("%s\n%s", x, y)
	}
	r := rand.New(rand.NewPCG(3, 4))
	for range 1000 {
		l := some(r)
		text, _ := json.Marshal(l)
		var back Label
		if json.Unmarshal(text, &back); !back.Equal(l) {
			t.Fatalf("%v comes back from %s as %v", l, text, back)
		}
	}
}

func TestListsThatOverflowWidenSafely(t *testing.T) {
	var origins, readers []string
	for i := range MaxOrigins + 1 {
		origins = append(origins, fmt.Sprint("o", i))
		readers = append(readers, fmt.Sprint("r", i))
	}
	l := New(Owner, Public, origins, readers)
	if !slices.Equal(l.Origins, []string{Many}) || len(l.Readers) != 0 {
		t.Errorf("too many names give %v", l)
	}
	if j := Join(New(Owner, Public, origins[:MaxOrigins], readers), New(Owner, Public, origins[MaxOrigins:], readers)); !slices.Equal(j.Origins, []string{Many}) {
		t.Errorf("a join of too many origins gives %v", j)
	}
	if j := Join(l, New(Owner, Public, []string{"x"}, nil)); !slices.Equal(j.Origins, []string{Many}) {
		t.Errorf("many and one give %v", j.Origins)
	}
	for _, bad := range []string{"", strings.Repeat("x", MaxName+1), "a\nb", "\xff"} {
		if l := New(Owner, Public, []string{bad}, []string{bad}); !slices.Equal(l.Origins, []string{Many}) || len(l.Readers) != 0 {
			t.Errorf("the name %q gives %v", bad, l)
		}
	}
}

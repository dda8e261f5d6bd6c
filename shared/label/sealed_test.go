package label

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"testing"
)

func key(t testing.TB, b byte) Key {
	k, err := NewKey(bytes.Repeat([]byte{b}, KeySize))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestASealedLabelHoldsForItsTextAtItsPlaceOnly(t *testing.T) {
	k := key(t, 1)
	l := New(Owner, Private, []string{"telegram:1"}, []string{"telegram:1"})
	s := k.Seal("main/files/a.md", "remember the milk", l)
	if got := k.Open("main/files/a.md", s); !got.Equal(l) {
		t.Fatalf("opens as %v", got)
	}
	text, _ := json.Marshal(s)
	var stored Sealed
	if json.Unmarshal(text, &stored); !k.Open("main/files/a.md", stored).Equal(l) {
		t.Errorf("does not survive JSON: %s", text)
	}
	change := func(what string, context string, f func(*Sealed)) {
		c := s
		c.MAC = bytes.Clone(s.MAC)
		f(&c)
		if got := k.Open(context, c); !got.Equal(Worst()) {
			t.Errorf("%s: opens as %v", what, got)
		}
	}
	change("another place", "main/files/b.md", func(*Sealed) {})
	change("another text", "main/files/a.md", func(s *Sealed) { s.Text += "!" })
	change("a raised label", "main/files/a.md", func(s *Sealed) { s.Label.Integrity = System })
	change("a more public label", "main/files/a.md", func(s *Sealed) { s.Label.Confidentiality = Public })
	change("an origin taken away", "main/files/a.md", func(s *Sealed) { s.Label.Origins = nil })
	change("an origin made a reader", "main/files/a.md", func(s *Sealed) { s.Label.Readers, s.Label.Origins = s.Label.Origins, nil })
	change("a MAC cut short", "main/files/a.md", func(s *Sealed) { s.MAC = s.MAC[:16] })
	change("no MAC", "main/files/a.md", func(s *Sealed) { s.MAC = nil })
	change("text moved to the context", "main/files/a.mdr", func(s *Sealed) { s.Text = s.Text[1:] })
	if got := key(t, 2).Open("main/files/a.md", s); !got.Equal(Worst()) {
		t.Errorf("another key opens it as %v", got)
	}
}

func TestNoKeyMeansTheWorstLabel(t *testing.T) {
	var none Key
	if got := none.Open("c", none.Seal("c", "text", Program())); !got.Equal(Worst()) {
		t.Errorf("without a key: %v", got)
	}
	if _, err := NewKey(make([]byte, KeySize-1)); err == nil {
		t.Error("a short secret is accepted")
	}
}

// The encoding is pinned: a label that was stored is readable for ever.
func TestTheMACIsPinned(t *testing.T) {
	s := key(t, 1).Seal("place", "text", New(Owner, Private, []string{"a"}, []string{"b"}))
	if got := hex.EncodeToString(s.MAC); got != pinned {
		t.Errorf("the MAC is %s", got)
	}
}

func TestAKeyDoesNotPrint(t *testing.T) {
	k := key(t, 1)
	for _, text := range []string{fmt.Sprint(k), fmt.Sprintf("%v %+v %#v %s", k, k, k, k)} {
		if bytes.Contains([]byte(text), k.mac) || len(text) > 60 {
			t.Errorf("prints as %q", text)
		}
	}
	if text, err := json.Marshal(k); err == nil {
		t.Errorf("encodes as %s", text)
	}
}

func FuzzLabelJSON(f *testing.F) {
	f.Add(`{"integrity":"owner","confidentiality":"private","origins":["a"]}`)
	f.Add(`{"integrity":"system","confidentiality":"public","readers":["*","x"]}`)
	f.Fuzz(func(t *testing.T, text string) {
		var l Label
		if json.Unmarshal([]byte(text), &l) != nil {
			return
		}
		once, _ := json.Marshal(l)
		var again Label
		if err := json.Unmarshal(once, &again); err != nil || !again.Equal(l) {
			t.Errorf("%q reads as %v, which is written as %s", text, l, once)
		}
	})
}

const pinned = "5da95cd74cb1a7da884bff14d9d8f4f5c19dfdb1bc34274737467d24fdc1e576"

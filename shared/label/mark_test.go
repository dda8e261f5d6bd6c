package label_test

import (
	"testing"

	"instar/shared/label"
)

func TestAMarkKeepsWhatCounts(t *testing.T) {
	for _, i := range []label.Integrity{label.Untrusted, label.Attested, label.Owner, label.System} {
		for _, c := range []label.Confidentiality{label.Public, label.Private, label.Secret} {
			got := label.ParseMark(label.New(i, c, nil, nil).Mark())
			if got.Integrity != i || got.Confidentiality != max(c, label.Private) {
				t.Errorf("%v, %v reads as %v", i, c, got)
			}
		}
	}
	for mark, want := range map[string]label.Label{
		"": label.Worst(), "secret": label.Worst(), ",": label.Worst(), "owner,": label.Worst(), "nonsense": {Confidentiality: label.Private},
		"owner,untrusted": {Confidentiality: label.Private}, "owner,secret,owner": {Integrity: label.Owner, Confidentiality: label.Secret},
		"untrusted,secret,owner": label.Worst(), "Owner": {Confidentiality: label.Private},
	} {
		if got := label.ParseMark(mark); !got.Equal(want) {
			t.Errorf("%q reads as %+v, want %+v", mark, got, want)
		}
	}
}

func FuzzParseMark(f *testing.F) {
	f.Add("owner,secret")
	f.Fuzz(func(t *testing.T, mark string) {
		l := label.ParseMark(mark)
		if joined := label.ParseMark(mark + ",untrusted,secret"); joined.Integrity > l.Integrity || joined.Confidentiality < l.Confidentiality || joined.Integrity != label.Untrusted {
			t.Errorf("%q is raised by joining: %v, %v", mark, l, joined)
		}
	})
}

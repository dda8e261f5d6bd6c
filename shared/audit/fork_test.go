package audit

import (
	"bytes"
	"errors"
	"maps"
	"testing"

	"instar/shared/bucket"
)

// Who puts back an older end of the log, with its checkpoint, has the agent
// write another end. Each line of both is genuine and has its number, but the
// two do not fit together.
func TestTwoEndsOfALogDoNotFitTogether(t *testing.T) {
	for name, c := range map[string]struct {
		common, more int
		mix          func(one, other [][]byte) []byte // the lines of the first segment
	}{
		"within a segment": {2, 3, func(one, other [][]byte) []byte {
			return bytes.Join([][]byte{other[0], other[1], other[2], one[3], other[4], other[5], nil}, []byte("\n"))
		}},
		"between two": {100, 1400, func(one, _ [][]byte) []byte { return bytes.Join(one, []byte("\n")) }},
	} {
		l := newLog(bucket.NewMemory())
		add(t, l, events(1000, 1000+c.common))
		before := snapshot(t, l.Bucket)
		add(t, l, events(2000, 2000+c.more))
		other := newLog(restore(t, before))
		add(t, other, events(3000, 3000+c.more))

		first := l.segmentKey(1)
		one, all := snapshot(t, l.Bucket), snapshot(t, other.Bucket)
		if where := broken(t, all); where != nil || len(one) != len(all) || len(one[first]) != len(all[first]) {
			t.Fatalf("%s: %v, %d and %d objects", name, where, len(one), len(all))
		}
		mixed := maps.Clone(all)
		mixed[first] = c.mix(bytes.Split(one[first], []byte("\n")), bytes.Split(all[first], []byte("\n")))
		if where := broken(t, mixed); where == nil {
			t.Errorf("%s: not found", name)
		}
	}
}

// A log whose end is not the one that the checkpoint counts stays as it is, so
// that what happened can still be seen.
func TestNothingIsAddedToAnotherEnd(t *testing.T) {
	const mark = "main/audit/checkpoint"
	l := newLog(bucket.NewMemory())
	add(t, l, events(1000, 1002))
	before := snapshot(t, l.Bucket)
	add(t, l, events(2000, 2003))
	other := newLog(restore(t, before))
	add(t, other, events(3000, 3003))
	whole := snapshot(t, l.Bucket)
	for name, segment := range map[string][]byte{
		"an older one": before[l.segmentKey(1)], "another one": snapshot(t, other.Bucket)[l.segmentKey(1)],
	} {
		b := restore(t, map[string][]byte{l.segmentKey(1): segment, mark: whole[mark]})
		var where *Broken
		if err := newLog(b).Append(t.Context(), events(4000, 4001)); !errors.As(err, &where) {
			t.Errorf("%s: %v", name, err)
		}
		if after := snapshot(t, b); !bytes.Equal(after[l.segmentKey(1)], segment) || !bytes.Equal(after[mark], whole[mark]) {
			t.Errorf("%s: the log was changed", name)
		}
	}
}

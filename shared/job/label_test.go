package job_test

import (
	"testing"

	"instar/shared/job"
)

// A job is whoever's its text was when it was made, until it fires.
func TestAJobFiresWithTheLabelItWasMadeWith(t *testing.T) {
	for _, l := range []string{"owner", "attested", "untrusted", ""} {
		w := newWorld()
		j := reminder(t, "call 1", "", "1h", "")
		j.Label = l
		made, err := w.Get(ctx, w.create(t, j).ID)
		if err != nil {
			t.Fatal(err)
		}
		if m := job.Message(made, noon, 1); made.Label != l || m.Job.Label != l {
			t.Errorf("made with %q, kept with %q, fires with %q", l, made.Label, m.Job.Label)
		}
		if err := w.Update(ctx, made.ID, func(j *job.Job) { j.Failures++ }); err != nil {
			t.Fatal(err)
		}
		if changed, err := w.Get(ctx, made.ID); err != nil || changed.Label != l {
			t.Errorf("made with %q, after a run %+v, %v", l, changed, err)
		}
	}
}

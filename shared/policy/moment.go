package policy

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"instar/shared/label"
)

// moment is a time in an argument or a field.
type moment struct {
	day    int
	minute int // of the day
	dated, clocked,
	zoned bool // has a date, has a time of the day, at has a zone of its own
	at time.Time
}

// parseWhen reads a date, a time of the day or both: RFC 3339 and the forms of
// ISO 8601 without a zone.
func parseWhen(s string) (moment, bool) {
	s = strings.TrimSpace(s)
	if len(s) > 40 {
		return moment{}, false
	}
	for _, layout := range [...]string{"2006-01-02", "2006-01-02T15:04", "2006-01-02 15:04", "2006-01-02T15:04:05", "2006-01-02 15:04:05",
		"2006/01/02", "2006/01/02 15:04", "15:04", "15:04:05", time.RFC3339, "2006-01-02T15:04Z07:00", "2006-01-02 15:04:05Z07:00"} {
		t, err := time.Parse(layout, s)
		if err != nil {
			continue
		}
		m := moment{day: dayOf(t), minute: t.Hour()*60 + t.Minute(), at: t,
			dated: strings.Contains(layout, "2006"), clocked: strings.Contains(layout, "15:04"), zoned: strings.Contains(layout, "07:00")}
		return m, !m.dated || t.Year() >= 1900 && t.Year() < 2200
	}
	return moment{}, false
}

// in is the moment as a clock where the owner is shows it.
func (m moment) in(zone *time.Location) moment {
	if m.zoned {
		t := m.at.In(zone)
		m.day, m.minute = dayOf(t), t.Hour()*60+t.Minute()
	}
	return m
}

// abs are minutes that moments of one zone can be compared by.
func (m moment) abs() int { return m.day*1440 + m.minute }

// times grounds the dates and times of a call: as the owner wrote them, or as
// long after one of them as the owner wrote or as the thing takes.
func (c *check) times() {
	var grounded []moment
	var open []int
	for i, l := range c.leaves {
		if c.role(l) != When || l.empty() {
			continue
		}
		m, ok := parseWhen(l.folded)
		g := grounding{}
		switch {
		case ok:
			g = c.when(m)
		case !l.number:
			g = c.phrase(l, 1)
		}
		if g.ok && ok {
			grounded = append(grounded, m)
		} else if ok {
			open = append(open, i)
		}
		if !g.ok {
			g.why = "is not a time that you wrote"
		}
		c.found[i] = c.rate(g)
	}
	for _, i := range open {
		m, _ := parseWhen(c.leaves[i].folded)
		for _, from := range grounded {
			if from.zoned != m.zoned || !m.clocked || !from.clocked || from.dated != m.dated {
				continue
			}
			length := m.abs() - from.abs()
			if why := c.lasts(length); why != "" {
				c.found[i] = grounding{ok: true, confidentiality: label.Private, why: why}
			}
		}
	}
}

// when grounds one time by the owner's words of this turn, or by a record that
// they name.
func (c *check) when(m moment) grounding {
	var days, clocks []int
	var now time.Time
	for _, w := range c.in.Window.said {
		if w.earlier {
			continue
		}
		days, clocks, now = append(days, w.when.days...), append(clocks, w.when.clocks...), w.at
		here := m.in(w.at.Location())
		for _, t := range w.when.moments {
			if d := here.abs() - (dayOf(t)*1440 + t.Hour()*60 + t.Minute()); here.dated && here.clocked && d >= -1 && d <= 1 {
				return grounding{ok: true, why: "is what you said, counted from now"}
			}
		}
	}
	if now.IsZero() {
		return grounding{}
	}
	here, today := m.in(now.Location()), dayOf(now)
	dayOK := slices.Contains(days, here.day) || len(days) == 0 && here.day == today && len(clocks) > 0
	clockOK := slices.Contains(clocks, here.minute) || len(clocks) == 0 && len(days) > 0 && (here.minute == 0 || here.minute == 1439)
	switch {
	case m.dated && m.clocked && dayOK && clockOK, m.dated && !m.clocked && slices.Contains(days, here.day),
		!m.dated && m.clocked && slices.Contains(clocks, here.minute):
		return grounding{ok: true, why: "is a time that you wrote"}
	}
	if c.effect == Money && m.dated && len(days) == 0 && here.day <= today {
		return grounding{ok: true, why: "is not in the future, so it means now"}
	}
	for i, l := range c.leaves { // the time of the thing itself stays
		if r := c.found[i].record; c.role(l) == Object && c.found[i].ok && r != nil && c.effect != OwnModify {
			for _, f := range r.Fields {
				if t, ok := parseWhen(f.Value); ok && f.Type == Time && t.abs() == m.abs() && t.zoned == m.zoned {
					return grounding{ok: true, record: r, why: "is the time of " + quote(r)}
				}
			}
		}
	}
	return grounding{}
}

// lasts says why something may take so many minutes, "" when nothing says so.
func (c *check) lasts(length int) string {
	if length <= 0 {
		return ""
	}
	for _, w := range c.in.Window.said {
		if !w.earlier && slices.Contains(w.when.lengths, length) {
			return "is as long after the other time as you wrote"
		}
	}
	for i, l := range c.leaves {
		r := c.found[i].record
		if c.role(l) != Object || !c.found[i].ok || r == nil {
			continue
		}
		var start, end moment
		for _, f := range r.Fields {
			m, ok := parseWhen(f.Value)
			switch {
			case f.Type != Time || !ok:
			case strings.HasPrefix(f.Name, "start"):
				start = m
			case strings.HasPrefix(f.Name, "end"):
				end = m
			}
		}
		if start.dated && end.dated && start.zoned == end.zoned && end.abs()-start.abs() == length {
			return fmt.Sprintf("keeps the length of %s", quote(r))
		}
	}
	return ""
}

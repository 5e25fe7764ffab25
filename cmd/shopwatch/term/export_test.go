package term

import (
	"time"

	"shopwatch/tracker"
)

// Line is what Show prints, for tests that tell the time themselves.
func (p *Progress) Line(s tracker.Progress, now time.Time) string { return p.line(s, now) }

package web

import (
	"math/rand/v2"
	"testing"
	"time"
)

// What is drawn covers each span and no gap between spans, also where a year is
// drawn and a gap is a day.
func TestBarsCoverNoGap(t *testing.T) {
	r := rand.New(rand.NewPCG(4, 4))
	for range 200 {
		w := window{To: time.Now()}
		w.From = w.To.Add(-time.Duration(1+r.IntN(800)) * 24 * time.Hour)
		var spans []span
		for at := w.From; at.Before(w.To); {
			s := span{From: at, To: earlier(at.Add(time.Duration(r.IntN(100))*time.Hour), w.To), Is: []presence{seen, missing, removed}[r.IntN(3)]}
			if r.IntN(2) == 0 {
				s.To = s.From // one scan
			}
			spans = append(spans, s)
			at = s.To.Add(time.Duration(12+r.IntN(100)) * time.Hour)
		}
		drawn := extents(spans, w)
		for i, s := range spans {
			from, to := w.part(s.From)*width, w.part(s.To)*width
			if drawn[i][0] > from || drawn[i][1] < to {
				t.Fatalf("%v is drawn as %v: less than was seen", [2]float64{from, to}, drawn[i])
			}
			if over := drawn[i][1] - drawn[i][0] - (to - from); over > tick+0.001 {
				t.Fatalf("%v is drawn as %v", [2]float64{from, to}, drawn[i])
			}
			if i == 0 {
				continue
			}
			gap := from - w.part(spans[i-1].To)*width
			if left := drawn[i][0] - drawn[i-1][1]; left < min(gap-2*least, clear)-0.001 {
				t.Fatalf("of a gap of %.2f between spans %d and %d there remains %.2f", gap, i-1, i, left)
			}
		}
	}
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

package tracker

import "slices"

// Repeated is what a list is known to show more than once. A product that is
// shown a second time may stand in the place of another one, which is missed for
// it. But where a list has shown the same ones again in every scan for long, and
// missed nothing, they stand in nobody's place: the shop simply lists them twice.
type Repeated struct {
	// Products are those that the last complete scan met again, in the order of
	// their ids, each as often as it was met again.
	Products []ProductID
	// Scans counts the complete scans in a row that met just these again and
	// missed nothing, up to enough of them.
	Scans int
	// Always is how many the last complete scan met again, when every one so far
	// has met some that may stand in the place of another: what was in such a
	// place from the baseline on has never been seen.
	Always int
}

const (
	// Enough complete scans in a row make what a list repeats usual.
	enoughRepeats = 10
	// A list that repeats more products is not one that simply does so; and they
	// are kept with the state, which every scan writes.
	mostRepeated = 100
)

// Explains reports whether the products that a scan met again, in the order of
// their ids, stand in the place of no other.
func (r *Repeated) Explains(again []ProductID) bool {
	if len(again) > 0 && r.Scans < enoughRepeats {
		return false
	}
	usual := r.Products
	for _, id := range again {
		i, found := slices.BinarySearch(usual, id)
		if !found {
			return false
		}
		usual = usual[i+1:]
	}
	return true
}

// Reveals reports whether what a scan shows for the first time may have been there
// all along: a place is free in which another product always stood.
func (r *Repeated) Reveals(s *Scan) bool {
	return r.Always > 0 && (s.Verdict != Complete || len(s.Repeated) < r.Always)
}

// then is what is known after one more complete scan, which may be the first one.
func (r *Repeated) then(again []ProductID, missed, first bool) Repeated {
	next := r.usual(again, missed)
	if (first || r.Always > 0) && !r.Explains(again) {
		next.Always = len(again)
	}
	return next
}

// usual is what is known to be usual after one more complete scan.
func (r *Repeated) usual(again []ProductID, missed bool) Repeated {
	switch {
	case len(again) == 0 || len(again) > mostRepeated:
		return Repeated{}
	case r.Explains(again):
		return Repeated{Products: again, Scans: r.Scans}
	case missed:
		return Repeated{Products: again}
	case slices.Equal(again, r.Products):
		return Repeated{Products: again, Scans: r.Scans + 1}
	}
	return Repeated{Products: again, Scans: 1}
}

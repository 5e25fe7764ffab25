package tracker

import (
	"math/bits"
	"strings"
	"time"
	"unicode"
)

// linkWithin is how long after its removal a product may come back under
// another number.
const linkWithin = 90 * 24 * time.Hour

// near reports whether two perceptual hashes are of the same picture, stored
// anew or in another size. Unknown hashes are near to nothing.
func near(a, b uint64) bool { return a != 0 && b != 0 && bits.OnesCount64(a^b) <= 5 }

// sameAs finds the removed product that a new one probably is: sellers delete a
// product and list it anew. Title and picture must both agree; of several, the
// one removed last is named.
func sameAs(c Catalog, p *Product, hash uint64, removed []ProductID, now time.Time) *SameAs {
	title := plain(p.Title)
	var best *SameAs
	var when time.Time
	for _, id := range removed {
		it := c.Item(id)
		if now.Sub(it.Removed) > linkWithin || plain(it.Title) != title {
			continue
		}
		confidence := 0.0
		switch {
		case p.Image != "" && p.Image == it.Image:
			confidence = 0.99
		case near(hash, it.Picture):
			confidence = 0.99 - 0.01*float64(bits.OnesCount64(hash^it.Picture))
		}
		if confidence > 0 && (best == nil || it.Removed.After(when)) {
			best, when = &SameAs{ID: id, Confidence: confidence}, it.Removed
		}
	}
	return best
}

// plain is a title without what a seller changes when listing anew: case,
// white space and punctuation.
func plain(title string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsNumber(r) {
			return unicode.ToLower(r)
		}
		return -1
	}, title)
}

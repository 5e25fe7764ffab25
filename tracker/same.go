package tracker

import (
	"strings"
	"time"
	"unicode"
)

// linkWithin is how long after its removal a product may come back under
// another number.
const linkWithin = 90 * 24 * time.Hour

// sameAs finds the removed product that a new one probably is: sellers delete a
// product and list it anew. Title and picture must both agree; of several, the
// one removed last is named.
func sameAs(c Catalog, p *Product, look Look, removed []ProductID, now time.Time) *SameAs {
	title := plain(p.Title)
	var best *SameAs
	var when time.Time
	for _, id := range removed {
		it := c.Item(id)
		if now.Sub(it.Removed) > linkWithin || plain(it.Title) != title {
			continue
		}
		confidence, like := look.Like(it.Look)
		if p.Image != "" && p.Image == it.Image {
			confidence, like = 0.99, true
		}
		if like && (best == nil || it.Removed.After(when)) {
			best, when = &SameAs{ID: id, Confidence: min(confidence, 0.99)}, it.Removed
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

package tracker

import (
	"slices"
	"strings"
	"time"
	"unicode"
)

// linkWithin is how long after its removal a product may come back under
// another number.
const linkWithin = 90 * 24 * time.Hour

// link says of added products which removed ones they probably are: sellers
// delete a product and list it anew. Those that this scan itself finds removed
// count, because both happen between two scans usually.
func (rc *reconciler) link(items []Item) {
	var gone map[string][]Item // by plain title
	for i := range rc.Changes {
		ch := &rc.Changes[i]
		if ch.Kind != Added {
			continue
		}
		if gone == nil {
			gone = rc.goneLately(items)
		}
		ch.SameAs = sameAs(ch.Product, rc.scan.Pictures[ch.Product.ID].Hash, gone[plain(ch.Product.Title)])
	}
}

// goneLately are the items that may have come back under another number.
func (rc *reconciler) goneLately(items []Item) map[string][]Item {
	gone := make(map[string][]Item)
	note := func(it Item) {
		if !it.Listed() && rc.at.Sub(it.Removed) <= linkWithin {
			gone[plain(it.Title)] = append(gone[plain(it.Title)], it)
		}
	}
	for _, it := range slices.Concat(items, rc.Items) {
		note(it)
	}
	return gone
}

// sameAs finds the removed product that a new one probably is, among those of
// its title. The picture must agree as well; of several, the one removed last
// is named.
func sameAs(p *Product, look ImageHash, gone []Item) *SameAs {
	var best *SameAs
	var when time.Time
	for _, it := range gone {
		confidence, like := look.Similar(it.ImageHash)
		if p.Image != "" && p.Image == it.Image {
			confidence, like = 0.99, true
		}
		if like && (best == nil || it.Removed.After(when)) {
			best, when = &SameAs{ID: it.ID, Confidence: min(confidence, 0.99)}, it.Removed
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

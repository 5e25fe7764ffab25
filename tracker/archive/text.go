package archive

import (
	"fmt"
	"slices"
	"strings"
)

// mostNotes is how many notes of what was left out a capture has.
const mostNotes = 50

// Leave notes that something was left out of the capture. Notes themselves are
// bounded: the last one says how many have no room.
func (c *Capture) Leave(format string, args ...any) {
	left, note := &c.Reading.Left, fmt.Sprintf(format, args...)
	switch {
	case slices.Contains(*left, note):
	case len(*left) < mostNotes-1:
		*left = append(*left, note)
	default:
		c.unsaid++
		*left = append((*left)[:mostNotes-1], fmt.Sprintf("and %d more", c.unsaid))
	}
}

// Plain is an address as it stands in a note: without what it asks for, in
// which a secret may stand.
func Plain(address string) string {
	address, _, _ = strings.Cut(address, "?")
	address, _, _ = strings.Cut(address, "#")
	return clip(address)
}

// clip cuts an address to a length that people read.
func clip(address string) string {
	if len(address) > 200 {
		return strings.ToValidUTF8(address[:200], "") + "…"
	}
	return address
}

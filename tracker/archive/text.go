package archive

import (
	"fmt"
	"slices"
	"strings"
)

// Leave notes that something was left out of the capture. Notes themselves are
// bounded.
func (c *Capture) Leave(format string, args ...any) {
	const most = 50
	note := fmt.Sprintf(format, args...)
	if len(c.Reading.Left) < most && !slices.Contains(c.Reading.Left, note) {
		c.Reading.Left = append(c.Reading.Left, note)
	}
}

// clip cuts an address to a length that people read.
func clip(address string) string {
	if len(address) > 200 {
		return strings.ToValidUTF8(address[:200], "") + "…"
	}
	return address
}

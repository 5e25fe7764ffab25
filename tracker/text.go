package tracker

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// SingleLine makes a text that others wrote fit for one line of anything: white
// space of every kind becomes one space, and characters that are not seen but
// change what is (controls, marks of writing direction, invisible joints) go.
func SingleLine(s string) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case r == utf8.RuneError:
			return '\uFFFD'
		case unicode.IsSpace(r):
			return ' '
		case r == '\u200d': // joins emoji
			return r
		case unicode.Is(unicode.Cc, r), unicode.Is(unicode.Cf, r), r >= 0xE0000 && r <= 0xE0FFF:
			return -1
		}
		return r
	}, s)
	return strings.Join(strings.Fields(s), " ")
}

// Package term prints for people on terminals and for files alike: tables,
// colours, progress, and numbers in words.
package term

import (
	"io"

	xterm "golang.org/x/term"
)

// Columns returns how many columns a writer shows, 0 when it is no terminal.
func Columns(w io.Writer) int {
	f, ok := w.(interface{ Fd() uintptr })
	if !ok || !xterm.IsTerminal(int(f.Fd())) {
		return 0
	}
	columns, _, err := xterm.GetSize(int(f.Fd()))
	if err != nil {
		return 80
	}
	return columns
}

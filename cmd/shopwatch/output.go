package main

import (
	"os"
	"sync"
)

// An output is standard output. It remembers the first thing that could not be
// written, on a full disk, because who prints a story line by line does not look.
type output struct {
	file *os.File

	mu   sync.Mutex
	lost error
}

func (o *output) Write(b []byte) (int, error) {
	n, err := o.file.Write(b)
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.lost == nil {
		o.lost = err
	}
	return n, err
}

// Fd tells package term whether it is a terminal.
func (o *output) Fd() uintptr { return o.file.Fd() }

// failed is why not everything was written, nil when it was.
func (o *output) failed() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.lost
}

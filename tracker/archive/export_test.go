package archive

import "bytes"

// ReadWARC is readWARC.
func ReadWARC(b []byte) ([]Record, error) { return readWARC(bytes.NewReader(b)) }

package storage

import (
	"errors"
	"fmt"
)

// The errors that callers tell apart. The ones returned wrap them, and say
// more.
var (
	// ErrDamaged comes from stored data that makes no sense.
	ErrDamaged = errors.New("damaged")
	// ErrFull comes from a write that cannot be done now because the disk is
	// full or fails. Nothing was written, reading goes on, and a later try may
	// succeed.
	ErrFull = errors.New("full")
	// ErrRefused comes from a call that asked for what cannot be. The error
	// says why, for people.
	ErrRefused = errors.New("refused")
	// ErrReplaced comes from every write after the database was deleted or
	// another one took its place: what would be written now would be lost.
	// Reading goes on.
	ErrReplaced = errors.New("deleted or replaced")
)

// Refused returns an error for people that wraps ErrRefused.
func Refused(format string, args ...any) error {
	return &refusal{fmt.Errorf(format, args...)}
}

type refusal struct{ error }

func (r *refusal) Unwrap() []error { return []error{ErrRefused, r.error} }

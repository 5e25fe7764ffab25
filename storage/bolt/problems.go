package bolt

import (
	"fmt"
	"strings"

	"shopwatch/storage"
)

// problems gathers what a check finds.
type problems struct {
	errs []error
	more int
}

func (p *problems) add(err error) {
	switch {
	case err == nil:
	case len(p.errs) < 20:
		p.errs = append(p.errs, err)
	default:
		p.more++
	}
}

func (p *problems) addf(format string, args ...any) { p.add(fmt.Errorf(format, args...)) }

func (p *problems) err() error {
	if len(p.errs) == 0 {
		return nil
	}
	errs := p.errs
	if p.more > 0 {
		errs = append(errs, fmt.Errorf("and %d more", p.more))
	}
	return fmt.Errorf("%w: %w", storage.ErrDamaged, oneLine(errs))
}

// oneLine is several errors in one line, as people read them.
type oneLine []error

func (l oneLine) Error() string {
	words := make([]string, len(l))
	for i, err := range l {
		words[i] = err.Error()
	}
	return strings.Join(words, "; ")
}

func (l oneLine) Unwrap() []error { return l }

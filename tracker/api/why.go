package api

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"

	"shopwatch/storage"
	"shopwatch/tracker"
	"shopwatch/tracker/report"
)

// why gathers the story of a change.
func (s *Server) why(ctx context.Context, in *struct {
	Seq uint64 `path:"seq" minimum:"1" maximum:"9007199254740991"`
}) (*body[Story], error) {
	c, found, err := s.o.Store.Change(ctx, in.Seq)
	if err == nil && !found {
		return nil, huma.Error404NotFound(fmt.Sprintf("there is no change %d", in.Seq))
	}
	if err != nil {
		return answer(Story{}, err)
	}
	return answer(s.o.Story(ctx, c))
}

// Story gathers what is known about a change.
func (o *Options) Story(ctx context.Context, c tracker.Change) (Story, error) {
	told := []tracker.Change{c}
	if err := storage.WithPrior(ctx, o.Store, told); err != nil {
		return Story{}, err
	}
	c = told[0]
	st := Story{Change: c, Because: because(&c), Evidence: []string{}}
	scan, found, err := o.Store.Scan(ctx, c.Storefront, c.Scan)
	if err != nil {
		return st, err
	}
	if found {
		st.Scan = &scan
	}
	if st.Before, err = o.Store.Scans(ctx, storage.ScanQuery{Storefront: c.Storefront, Before: storage.ScanPlace{Began: c.Scan}, Limit: max(3, c.Missing)}); err != nil {
		return st, err
	}
	if st.Reports, err = o.Store.ReportsOf(ctx, c.Seq); err != nil {
		return st, err
	}
	if c.Product != nil {
		it, found, err := o.Store.Product(ctx, c.Storefront, c.Product.ID)
		if err != nil {
			return st, err
		}
		if found {
			st.Product = &it
		}
		if st.History, err = o.Store.History(ctx, c.Storefront, c.Product.ID, 0, 100); err != nil {
			return st, err
		}
	}
	st.Before, st.History, st.Reports = array(st.Before), array(st.History), array(st.Reports)
	for _, name := range c.Files() {
		st.Evidence = append(st.Evidence, "/evidence/"+name)
	}
	return st, nil
}

// because says in words which rule let a change through (docs/reports.md).
func because(c *tracker.Change) string {
	switch c.Kind {
	case tracker.Added:
		return "the product was seen for the first time in this storefront; seeing it proves that it is there"
	case tracker.Removed:
		return removedBecause(c)
	case tracker.Relisted:
		return fmt.Sprintf("the product was seen again %s after its removal", report.Phrases{Lang: "en"}.Span(c.Away))
	case tracker.Soldout:
		return "the marketplace states that a product that was seen cannot be bought any more; it is still listed"
	case tracker.Restocked:
		return "the marketplace states that a product that was seen can be bought again"
	case tracker.Repriced:
		return "the listed price of a product that was seen is another one; a price that jumps by more than ten, or is in another currency, waits for a second scan, a hidden one is no change"
	case tracker.Retitled:
		return "the title of a product that was seen is another one"
	case tracker.Repictured:
		return "the main picture of a product that was seen is another one, by its address and by what it shows"
	case tracker.Stalled:
		return "too many scans in a row were not complete; said once until one is"
	case tracker.Recovered:
		if c.Away > 0 {
			return "the first scan that could be written after the disk was full or failed; it found what changed meanwhile"
		}
		return "the first complete scan after the storefront had stalled or closed"
	case tracker.Closed:
		return "the marketplace said several times in a row that there is no such storefront; said once"
	case tracker.Corrected:
		return fmt.Sprintf("a person found change %d wrong", c.Corrects)
	}
	return ""
}

func removedBecause(c *tracker.Change) string {
	proof := report.Proof("en", c)
	switch {
	case c.Proof == tracker.ProofUnlisted || c.Proof == tracker.ProofUnseen:
		return proof + ", but that many are enough"
	case c.Missing > 1:
		return fmt.Sprintf("%d complete scans in a row did not list the product, and %s", c.Missing, proof)
	}
	return "a complete scan did not list the product, and " + proof
}

// dispute takes in that a person found a change wrong.
func (s *Server) dispute(ctx context.Context, in *struct {
	Seq  uint64 `path:"seq" minimum:"1" maximum:"9007199254740991"`
	Body struct {
		Reason string `json:"reason" minLength:"1" maxLength:"1000"`
	}
}) (*body[tracker.Change], error) {
	if err := s.change(ctx, in.Seq); err != nil {
		return nil, err
	}
	fixed, err := s.o.Dispute(ctx, in.Seq, in.Body.Reason)
	var bad *ReasonError
	switch {
	case errors.As(err, &bad):
		return nil, huma.Error422UnprocessableEntity(err.Error())
	case errors.Is(err, storage.ErrRefused):
		return nil, huma.Error409Conflict(err.Error())
	}
	return answer(fixed, err)
}

// A ReasonError says what is wrong with the reason for which a change is
// disputed.
type ReasonError struct{ fix string }

func (e *ReasonError) Error() string { return e.fix }

// mostReason is how many characters a reason has at most.
const mostReason = 1000

// Dispute takes in that a person found a change wrong, and has the channels
// told. The error is a ReasonError, or wraps storage.ErrRefused, when the person
// can do something about it.
func (o *Options) Dispute(ctx context.Context, seq uint64, reason string) (tracker.Change, error) {
	control := func(r rune) bool { return unicode.IsControl(r) && r != '\n' && r != '\t' }
	switch {
	case strings.TrimSpace(reason) == "":
		return tracker.Change{}, &ReasonError{"say why the change is wrong, in reason"}
	case utf8.RuneCountInString(reason) > mostReason:
		return tracker.Change{}, &ReasonError{fmt.Sprintf("reason has more than %d characters", mostReason)}
	case !utf8.ValidString(reason) || strings.ContainsFunc(reason, control):
		return tracker.Change{}, &ReasonError{"reason holds control characters; write plain text"}
	}
	fixed, err := o.Store.Dispute(ctx, seq, reason, time.Now())
	if err == nil && o.Daemon != nil {
		o.Daemon.Disputed()
	}
	return fixed, err
}

// change refuses a change that is not in the log.
func (s *Server) change(ctx context.Context, seq uint64) error {
	_, found, err := s.o.Store.Change(ctx, seq)
	if err != nil {
		return huma.Error500InternalServerError(err.Error())
	}
	if !found {
		return huma.Error404NotFound(fmt.Sprintf("there is no change %d", seq))
	}
	return nil
}

package web

import (
	"archive/zip"
	"context"
	"errors"
	"fmt"
	"html/template"
	"net/http"
	"path"
	"strconv"
	"strings"

	"shopwatch/storage"
	"shopwatch/storage/merkle"
	"shopwatch/tracker"
	"shopwatch/tracker/api"
	"shopwatch/tracker/archive"
	"shopwatch/tracker/report"
)

// A proofPage is the story of a change as a document.
type proofPage struct {
	*page
	Change     *tracker.Change
	Scan       *tracker.Scan // nil when its record was thinned out
	Before     []tracker.Scan
	History    []tracker.Change
	Reports    []tracker.Report
	Story      api.Story
	Sentence   string // the verdict
	Rule       string // that let the change through
	Was, Is    []report.Part
	Corrected  *tracker.Change // that corrects this one; nil when none does
	MayDispute bool
	PDF        bool
	Captured   bool         // there is a capture of the item page
	Style      template.CSS // of a page that stands alone
	Checkpoint []string     // the signed state of the log, in lines; none when it has none
	LogKey     string
	Stamps     []api.VerifiedStamp // what timestamp authorities said of it first
	Problem    string              // with a dispute that was not taken
	Reason     string              // that was given for it
}

// changeAt is the change that an address names.
func (p *Pages) changeAt(ctx context.Context, text string) (tracker.Change, error) {
	seq, err := strconv.ParseUint(text, 10, 63)
	if err != nil || seq == 0 {
		return tracker.Change{}, notFound("there is no such change")
	}
	c, found, err := p.o.Store.Change(ctx, seq)
	if err == nil && !found {
		err = notFound(fmt.Sprintf("there is no change %d", seq))
	}
	return c, err
}

// proof shows the story of a change: as a page, as PDF, or as an archive for
// others to check.
func (p *Pages) proof(w http.ResponseWriter, r *http.Request) error {
	name := r.PathValue("seq")
	ext := path.Ext(name)
	c, err := p.changeAt(r.Context(), strings.TrimSuffix(name, ext))
	if err != nil {
		return err
	}
	v, err := p.proofPage(r, c)
	if err != nil {
		return err
	}
	switch ext {
	case "":
		return p.render(w, r, http.StatusOK, v.page, v)
	case ".pdf":
		return p.proofPDF(w, r, v)
	case ".zip":
		return p.proofZIP(w, r, v)
	case ".wacz":
		return p.proofWACZ(w, r, c)
	}
	return notFound("a change comes as .pdf, .zip or .wacz")
}

func (p *Pages) proofPage(r *http.Request, c tracker.Change) (*proofPage, error) {
	st, err := p.o.Story(r.Context(), c)
	if err != nil {
		return nil, err
	}
	pg := p.page(r, "proof", "")
	pg.Title = pg.Kind(c.Kind) + ": " + report.Cut(pg.NameOf(&c), 80)
	v := &proofPage{
		page: pg, Change: &st.Change, Scan: st.Scan, Before: st.Before, History: st.History, Reports: st.Reports, Story: st,
		Sentence: pg.verdictOf(&c), Rule: pg.rule(&c), PDF: p.o.PDF != nil,
	}
	mark, key, _, err := merkle.Sign(r.Context(), p.o.Store, 0)
	if err != nil {
		p.log.Error("the proof has no checkpoint", "change", c.Seq, "err", err)
	} else {
		v.Checkpoint, v.LogKey = strings.Split(strings.TrimSpace(mark.Text), "\n"), key
	}
	if v.Stamps, err = p.o.StampsOf(r.Context(), c.Seq); err != nil {
		return nil, err
	}
	if c.Kind == tracker.Retitled && c.Before != nil {
		v.Was, v.Is = report.CompareTitles(c.Before.Title, c.Product.Title)
	}
	if c.Probe != nil && c.Probe.Capture != "" {
		_, v.Captured, err = p.o.Store.Evidence(r.Context(), c.Probe.Capture)
		if err != nil {
			return nil, err
		}
	}
	for i := range st.History {
		if st.History[i].Corrects == c.Seq {
			v.Corrected = &st.History[i]
		}
	}
	switch c.Kind {
	case tracker.Added, tracker.Removed, tracker.Relisted, tracker.Soldout, tracker.Restocked, tracker.Repriced, tracker.Retitled, tracker.Repictured:
		v.MayDispute = v.Corrected == nil
	}
	return v, nil
}

// verdictOf says what a change is in one sentence.
func (p *page) verdictOf(c *tracker.Change) string {
	at := p.Stamp(c.At)
	switch c.Kind {
	case tracker.Added:
		return p.T("On %s this product was in the list for the first time.", at)
	case tracker.Removed:
		return p.T("On %s this product was taken off the shelf.", at)
	case tracker.Relisted:
		return p.T("On %s this product was on the shelf again, %s after it was taken off.", at, p.Span(c.Away))
	case tracker.Repriced:
		if c.Before != nil {
			return p.T("On %s the listed price changed from %s to %s.", at, p.Price(c.Before.Price), p.Price(c.Product.Price))
		}
	case tracker.Retitled:
		return p.T("On %s the title of this product changed.", at)
	case tracker.Repictured:
		return p.T("On %s the main picture of this product changed.", at)
	case tracker.Soldout:
		return p.T("On %s the marketplace said that this product is sold out. It is still on the shelf.", at)
	case tracker.Restocked:
		return p.T("On %s the marketplace said that this product can be bought again.", at)
	case tracker.Stalled:
		return p.T("Since %s the storefront cannot be read completely. Nothing is concluded about its products.", at)
	case tracker.Recovered:
		return p.T("On %s the storefront was read completely again.", at)
	case tracker.Closed:
		return p.T("On %s the marketplace said that this storefront does not exist or is closed.", at)
	case tracker.Corrected:
		return p.T("On %s change %d was found wrong.", at, c.Corrects)
	}
	return p.Kind(c.Kind) + ", " + at
}

// rule says in words which rule let a change through.
func (p *page) rule(c *tracker.Change) string {
	switch c.Kind {
	case tracker.Added:
		return p.T("Seeing a product proves that it is there. It had never been seen in this storefront before.")
	case tracker.Removed:
		missed := p.N("%d complete scan did not list the product", "%d complete scans in a row did not list the product", max(c.Missing, 1))
		switch c.Proof {
		case tracker.ProofGone:
			return missed + p.T(", and its own page says that it does not exist.")
		case tracker.ProofOffshelf:
			return missed + p.T(", and its own page says that it is off the shelf.")
		case tracker.ProofUnlisted:
			return missed + p.T("; its own page still sells it, but so many scans are enough.")
		}
		return missed + p.T("; its own page could not be read, but so many scans are enough.")
	case tracker.Relisted:
		return p.T("Seeing a product proves that it is there.")
	case tracker.Repriced:
		return p.T("The product was seen with another price. A price that jumps by more than ten times waits for a second scan; a hidden price is no change.")
	case tracker.Retitled:
		return p.T("The product was seen with another title. When most titles of a list differ at once they wait for a second scan.")
	case tracker.Repictured:
		return p.T("The main picture is another one, by its address and by what it shows.")
	case tracker.Soldout, tracker.Restocked:
		return p.T("The marketplace itself states whether a product can be bought.")
	case tracker.Stalled, tracker.Closed:
		return p.T("Too many scans in a row came to this. It is said once, until a scan is complete.")
	case tracker.Recovered:
		return p.T("The first complete scan after that.")
	}
	return p.T("A person looked and said so.")
}

// dispute takes in that a person found a change wrong.
func (p *Pages) dispute(w http.ResponseWriter, r *http.Request) error {
	c, err := p.changeAt(r.Context(), r.PathValue("seq"))
	if err != nil {
		return err
	}
	reason := strings.ReplaceAll(r.PostFormValue("reason"), "\r\n", "\n")
	fixed, err := p.o.Dispute(r.Context(), c.Seq, reason)
	var bad *api.ReasonError
	if errors.As(err, &bad) || errors.Is(err, storage.ErrRefused) {
		v, failed := p.proofPage(r, c)
		if failed != nil {
			return failed
		}
		v.Problem, v.Reason = err.Error(), reason
		return p.render(w, r, http.StatusUnprocessableEntity, v.page, v)
	}
	if err != nil {
		return err
	}
	w.Header().Set("Location", strconv.FormatUint(fixed.Seq, 10))
	w.WriteHeader(http.StatusSeeOther)
	return nil
}

// proofWACZ sends the capture of a change.
func (p *Pages) proofWACZ(w http.ResponseWriter, r *http.Request, c tracker.Change) error {
	file, err := p.o.Capture(r.Context(), c)
	if errors.Is(err, api.ErrNoCapture) {
		return notFound(err.Error())
	}
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", api.CaptureType)
	w.Header().Set("Content-Disposition", fmt.Sprintf(`attachment; filename="change-%d.wacz"`, c.Seq))
	_, _ = w.Write(file) // the reader may be gone
	return nil
}

// proofZIP packs a change with its evidence for others to check, as the command
// evidence does. Whom reports went to is not among it.
func (p *Pages) proofZIP(w http.ResponseWriter, r *http.Request, v *proofPage) error {
	story, witness, err := p.o.Papers(r.Context(), &v.Story)
	if err != nil {
		return err
	}
	files := []archive.File{{Name: archive.StoryFile, Content: story}, {Name: archive.WitnessFile, Content: witness}}
	for _, address := range v.Story.Evidence {
		name := path.Base(address)
		content, found, err := p.o.Store.Evidence(r.Context(), name)
		if err != nil {
			return err
		}
		if found {
			files = append(files, archive.File{Name: api.EvidencePath(name), Content: content})
		}
	}
	packed, err := archive.Zip(files, v.Change.At, zip.Deflate)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/zip")
	w.Header().Set("Content-Disposition", fmt.Sprintf(`attachment; filename="change-%d.zip"`, v.Change.Seq))
	_, _ = w.Write(packed)
	return nil
}

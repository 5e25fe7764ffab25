package web

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"strings"
	"time"

	"github.com/xuri/excelize/v2"

	"shopwatch/storage"
	"shopwatch/storage/merkle"
	"shopwatch/tracker"
	"shopwatch/tracker/report"
)

// errRows is the error of WriteXLSX when there are more rows than fit.
var errRows = errors.New("a spreadsheet holds at most 1,048,575 rows: select fewer, or take CSV")

// exported are all changes that a query selects, page by page.
func (p *Pages) exported(r *http.Request, q storage.Query) iter.Seq2[*tracker.Change, error] {
	return func(yield func(*tracker.Change, error) bool) {
		q.Limit = 1000
		for {
			list, err := p.o.Store.Changes(r.Context(), q)
			if err == nil {
				err = storage.WithPrior(r.Context(), p.o.Store, list)
			}
			if err != nil {
				yield(nil, err)
				return
			}
			for i := range list {
				if !yield(&list[i], nil) {
					return
				}
			}
			if len(list) < q.Limit {
				return
			}
			q.Before = list[len(list)-1].Seq
		}
	}
}

// attach begins a file that is downloaded. It may take long.
func attach(w http.ResponseWriter, kind, name string) {
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(10 * time.Minute))
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Content-Disposition", `attachment; filename="`+name+`"`)
}

func (p *Pages) changesCSV(w http.ResponseWriter, r *http.Request) error {
	pg := p.page(r, "changes", "Changes")
	attach(w, "text/csv; charset=utf-8", "changes.csv")
	_, _ = io.WriteString(w, "\ufeff") // the reader may be gone, here and below
	out := csv.NewWriter(w)
	out.UseCRLF = true
	_ = out.Write(report.Columns())
	for c, err := range p.exported(r, pg.changeQuery()) {
		if err != nil {
			return p.cutShort(err)
		}
		_ = out.Write(pg.Cells(c))
	}
	out.Flush()
	return nil
}

// cutShort ends a download that cannot go on, so that nobody takes it for whole.
func (p *Pages) cutShort(err error) error {
	p.log.Error("export cut short", "err", err)
	panic(http.ErrAbortHandler)
}

func (p *Pages) changesJSON(w http.ResponseWriter, r *http.Request) error {
	pg := p.page(r, "changes", "Changes")
	attach(w, "application/x-ndjson", "changes.jsonl")
	enc := json.NewEncoder(w)
	for c, err := range p.exported(r, pg.changeQuery()) {
		if err != nil {
			return p.cutShort(err)
		}
		if enc.Encode(c) != nil {
			return nil
		}
	}
	return nil
}

// xlsxColumns are those cells of a change that are dates or numbers in a
// spreadsheet; all others are text, also the numbers of products, which have
// more digits than a spreadsheet keeps.
var xlsxDates = map[string]bool{"time": true, "scan": true, "page_seen": true, "first_seen": true, "last_seen": true, "removed": true, "from": true, "to": true}
var xlsxNumbers = map[string]bool{"seq": true, "price": true, "price_before": true, "percent": true, "scans_missed": true, "days_away": true, "corrects": true, "price_high": true, "price_high_before": true, "same_as_percent": true, "variants": true, "price_30_days": true, "missing": true}

func (p *Pages) changesXLSX(w http.ResponseWriter, r *http.Request) error {
	pg := p.page(r, "changes", "Changes")
	rows := func(yield func([]string, error) bool) {
		for c, err := range p.exported(r, pg.changeQuery()) {
			if err != nil {
				yield(nil, err)
				return
			}
			if !yield(pg.Cells(c), nil) {
				return
			}
		}
	}
	var b bytes.Buffer
	switch err := WriteXLSX(&b, "changes", report.Columns(), rows); {
	case errors.Is(err, errRows):
		return refusal(pg.T(errRows.Error()))
	case err != nil:
		return err
	}
	attach(w, "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "changes.xlsx")
	_, _ = w.Write(b.Bytes()) // the reader may be gone
	return nil
}

// WriteXLSX writes rows as a spreadsheet. Cells of columns that are times or
// numbers are such, all others are text and never a formula.
func WriteXLSX(w io.Writer, sheet string, names []string, rows iter.Seq2[[]string, error]) error {
	f := excelize.NewFile()
	defer f.Close()
	if err := f.SetSheetName("Sheet1", sheet); err != nil {
		return err
	}
	stamp := "yyyy-mm-dd hh:mm"
	date, err := f.NewStyle(&excelize.Style{CustomNumFmt: &stamp})
	if err != nil {
		return err
	}
	bold, err := f.NewStyle(&excelize.Style{Font: &excelize.Font{Bold: true}})
	if err != nil {
		return err
	}
	out, err := f.NewStreamWriter(sheet)
	if err != nil {
		return err
	}
	for i, n := range names {
		wide := 12.0
		switch {
		case strings.HasPrefix(n, "title"):
			wide = 46
		case xlsxDates[n] || n == "id" || n == "same_as" || n == "storefront":
			wide = 17
		case strings.HasPrefix(n, "page_") || n == "reason" || n == "url":
			wide = 24
		}
		if err := out.SetColWidth(i+1, i+1, wide); err != nil {
			return err
		}
	}
	if err := out.SetPanes(&excelize.Panes{Freeze: true, YSplit: 1, TopLeftCell: "A2", ActivePane: "bottomLeft"}); err != nil {
		return err
	}
	head := make([]any, len(names))
	for i, n := range names {
		head[i] = excelize.Cell{StyleID: bold, Value: n}
	}
	if err := out.SetRow("A1", head); err != nil {
		return err
	}
	n := 1
	for row, err := range rows {
		if err != nil {
			return err
		}
		if n++; n > excelize.TotalRows {
			return errRows
		}
		cells := make([]any, len(names))
		for i, text := range row {
			cells[i] = typed(names[i], text, date)
		}
		if err := out.SetRow(fmt.Sprintf("A%d", n), cells); err != nil {
			return err
		}
	}
	if err := out.Flush(); err != nil {
		return err
	}
	return f.Write(w)
}

// typed is a cell as what it is.
func typed(column, text string, date int) any {
	switch {
	case text == "":
		return nil
	case xlsxDates[column]:
		if t, err := time.Parse(time.DateTime, text); err == nil {
			// A spreadsheet knows no zones: the time as the reader has it.
			return excelize.Cell{StyleID: date, Value: time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), 0, time.UTC)}
		}
	case xlsxNumbers[column]:
		var n float64
		if _, err := fmt.Sscan(text, &n); err == nil && len(text) < 16 && !strings.ContainsAny(text[1:], "+-") {
			return n
		}
	}
	if column == "id" || column == "same_as" {
		return strings.TrimPrefix(text, "'") // a text is no number here
	}
	return text
}

type atomFeed struct {
	XMLName xml.Name    `xml:"http://www.w3.org/2005/Atom feed"`
	ID      string      `xml:"id"`
	Title   string      `xml:"title"`
	Mark    string      `xml:"subtitle,omitempty"` // the signed state of the log
	Updated string      `xml:"updated"`
	Author  string      `xml:"author>name"`
	Links   []atomLink  `xml:"link"`
	Entries []atomEntry `xml:"entry"`
}

type atomLink struct {
	Rel  string `xml:"rel,attr"`
	Href string `xml:"href,attr"`
}

type atomEntry struct {
	ID      string   `xml:"id"`
	Title   string   `xml:"title"`
	Updated string   `xml:"updated"`
	Link    atomLink `xml:"link"`
	Summary string   `xml:"summary"`
}

func (p *Pages) changesAtom(w http.ResponseWriter, r *http.Request) error {
	pg := p.page(r, "changes", "Changes")
	list, err := p.o.Store.Changes(r.Context(), pg.changeQuery())
	if err != nil {
		return err
	}
	instance := "shopwatch"
	if s, ok := p.o.Store.(interface {
		Instance(ctx context.Context) (string, error)
	}); ok {
		if instance, err = s.Instance(r.Context()); err != nil {
			return err
		}
	}
	base := p.address(r)
	feed := atomFeed{
		ID: "tag:" + instance + ",2026:changes" + pg.Query(), Title: "shopwatch: " + pg.Title, Author: "shopwatch", Updated: pg.Now.UTC().Format(time.RFC3339),
		Links: []atomLink{{"self", base + "changes.atom" + pg.Query()}, {"alternate", base + "changes" + pg.Query()}},
	}
	mark, key, found, err := merkle.Sign(r.Context(), p.o.Store, 0)
	if err != nil {
		p.log.Error("the feed has no checkpoint", "err", err)
	} else if found {
		feed.Mark = strings.Join(strings.Fields(mark.Text), " ") + " · " + key
	}
	if len(list) > 0 {
		feed.Updated = list[0].At.UTC().Format(time.RFC3339)
	}
	for i := range list {
		c := &list[i]
		href := fmt.Sprintf("%schanges/%d", base, c.Seq)
		feed.Entries = append(feed.Entries, atomEntry{
			ID: fmt.Sprintf("tag:%s,2026:change:%d", instance, c.Seq), Title: pg.Kind(c.Kind) + ": " + pg.NameOf(c),
			Updated: c.At.UTC().Format(time.RFC3339), Link: atomLink{"alternate", href},
			Summary: strings.TrimSpace(pg.Shop(c.Storefront) + ". " + pg.verdictOf(c) + " " + pg.Gist(c)),
		})
	}
	w.Header().Set("Content-Type", "application/atom+xml; charset=utf-8")
	_, _ = io.WriteString(w, xml.Header)
	return xml.NewEncoder(w).Encode(feed)
}

// address is where the dashboard is reached.
func (p *Pages) address(r *http.Request) string {
	if u := p.o.Public; u != nil {
		return strings.TrimSuffix(u.String(), "/") + "/"
	}
	return "http://" + r.Host + "/"
}

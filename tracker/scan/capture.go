package scan

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"html"
	"net/http"
	"slices"
	"time"

	"shopwatch/tracker"
	"shopwatch/tracker/archive"
	"shopwatch/tracker/browser"
	"shopwatch/tracker/market"
)

// A Capturing says what is captured of a scan beside the item pages that prove
// removals.
type Capturing int

const (
	// CaptureEnd captures the page at which a scan ended that is not complete.
	// Nothing is done before that: a complete scan costs no more.
	CaptureEnd Capturing = iota
	// CaptureIncomplete captures all that a scan reads, and keeps it when the
	// scan is not complete.
	CaptureIncomplete
	// CaptureAll captures all that a scan reads.
	CaptureAll
)

const (
	mostExchanged = 8 << 20 // bytes of bodies that are taken from Chrome at once
	mostDOM       = 2 << 20 // bytes of a document as it was parsed
	mostListed    = 2000    // products that a capture says were read
	captureTime   = 5 * time.Second
	salvageTime   = 3 * time.Second // of a page that may hang
)

// A capturing is what a scan under way has captured. Its fields are nil while
// there is nothing to capture.
type capturing struct {
	how   Capturing
	all   *archive.Capture // what the scan reads
	item  *archive.Capture // what is asked for to judge a product
	end   *archive.Capture // of the page that failed, taken before its tab was given up
	items []archive.Item   // whose pages were looked at
	// answers are those of the page that is read, over HTTP, which nobody has
	// taken.
	answers []*market.Answer
	at      int      // number of the listing page that was asked for last
	shot    []byte   // picture of the page that was judged last
	hidden  []string // what was covered in it
}

// begin sets what is captured.
func (c *capturing) begin(how Capturing) {
	c.how = how
	if how != CaptureEnd {
		c.all = &archive.Capture{}
	}
}

// noteAnswer notes an answer, and takes what came with it where all is captured.
func (r *reading) noteAnswer(ctx context.Context, a *market.Answer) {
	if r.opts.Archive == nil {
		return
	}
	if _, ok := r.reader.(*tabReader); !ok {
		r.answers = append(r.answers, a)
	}
	if r.all != nil {
		r.gather(ctx, r.all, r.item)
	}
}

// gather adds what was answered since it was called last to captures; nil ones
// are left out.
func (r *reading) gather(ctx context.Context, into ...*archive.Capture) {
	into = slices.DeleteFunc(into, func(c *archive.Capture) bool { return c == nil })
	var records []archive.Record
	var left []string
	if tab, ok := r.reader.(*tabReader); ok {
		ctx, cancel := context.WithTimeout(ctx, captureTime)
		defer cancel()
		records, left = tab.records(ctx, !into[0].HalfFull())
	} else {
		for _, a := range r.answers {
			records = append(records, recordsOf(a)...)
		}
		r.answers = nil
	}
	for _, c := range into {
		for i := range records {
			c.Add(records[i])
		}
		for _, note := range left {
			c.Leave("%s", note)
		}
	}
}

// recordsOf are the records of an answer over HTTP and of what led to it.
func recordsOf(a *market.Answer) (list []archive.Record) {
	method := ""
	if a.Request.Post != nil {
		method = http.MethodPost
	}
	now := time.Now().UTC()
	chain := append(slices.Clone(a.Via), a.URL)
	for i, address := range chain[:len(chain)-1] {
		list = append(list, archive.Record{
			URL: address, At: now, Method: method, Post: a.Request.Post, Status: http.StatusTemporaryRedirect, Header: http.Header{"Location": {chain[i+1]}},
		})
	}
	return append(list, archive.Record{
		URL: a.URL, At: now, Method: method, Post: a.Request.Post, Status: a.Status, Header: a.Header, Body: a.Body, Page: a.HTML(), Title: titleOf(a.Body),
	})
}

// titleOf is the title of a page.
func titleOf(page []byte) string {
	page = page[:min(len(page), 64<<10)]
	_, rest, found := bytes.Cut(page, []byte("<title>"))
	title, _, closed := bytes.Cut(rest, []byte("</title>"))
	if !found || !closed {
		return ""
	}
	return market.Clip(html.UnescapeString(string(bytes.TrimSpace(title))), market.MaxTitle)
}

// records are those of what the tab was answered, and with dom its document as it
// is. What is not to be had any more is left, and said.
func (t *tabReader) records(ctx context.Context, dom bool) (list []archive.Record, left []string) {
	if t.tab == nil {
		return nil, nil
	}
	leave := func(format string, args ...any) { left = append(left, fmt.Sprintf(format, args...)) }
	exchanges, dropped, err := t.tab.Exchanges(ctx, mostExchanged)
	title := ""
	if dom {
		html, bad := t.tab.DOM(ctx, mostDOM)
		err = errors.Join(err, bad)
		if bad == nil {
			title = titleOf(html)
			list = append(list, archive.DOM(t.tab.Document().URL, time.Now().UTC(), html))
		}
	}
	for i := range exchanges {
		x := &exchanges[i]
		if x.Status == 0 {
			continue
		}
		rec := archive.Record{URL: x.URL, At: x.At, Method: x.Method, Post: x.Post, Status: x.Status, Header: x.Header, Body: x.Body, Page: x.Page}
		if rec.Page {
			rec.Title = title
		}
		if x.Lost != nil {
			later := exchanges[i+1:]
			next := slices.IndexFunc(later, func(x browser.Exchange) bool { return x.Page })
			if !rec.Page || next < 0 {
				leave("the answer of %s (status %d) was left out: %v", archive.Plain(rec.URL), rec.Status, x.Lost)
				continue
			}
			// Its script has led on, and Chrome has forgotten it.
			leave("the document at %s, whose script led on, is a redirect here", archive.Plain(rec.URL))
			rec.Status, rec.Header = http.StatusTemporaryRedirect, http.Header{"Location": {later[next].URL}}
		}
		list = append(list, rec)
	}
	if err != nil {
		leave("not everything could be taken from Chrome: %v", err)
	}
	if dropped.Earlier > 0 {
		leave("%d answers to earlier pages of the list were left out: the page that is captured does not need them", dropped.Earlier)
	}
	if dropped.Oldest > 0 {
		leave("the %d oldest answers were left out: the page asked for too much", dropped.Oldest)
	}
	return list, left
}

// salvage takes what it can of a page before its tab is given up.
func (r *reading) salvage() {
	if r.opts.Archive == nil || r.item != nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), salvageTime)
	defer cancel()
	into := r.all
	if into == nil {
		into = new(archive.Capture)
		r.end = into
	}
	r.gather(ctx, into)
	r.shoot(ctx, into)
}

// keepScan keeps the capture of the scan, when there is to be one.
func (r *reading) keepScan(ctx context.Context) {
	if r.opts.Archive == nil || ctx.Err() != nil || r.scan.Verdict == tracker.Complete && r.how != CaptureAll {
		return
	}
	c, scope := r.all, archive.OfScan
	if c == nil {
		c, scope = r.end, archive.OfPage
	}
	if c == nil || len(c.Records) == 0 {
		return
	}
	if scope == archive.OfPage {
		c.Reading.Page = r.at
	}
	s := r.scan
	c.Reading.Scope, c.Reading.Verdict, c.Reading.Reason, c.Reading.Evidence = scope, s.Verdict, s.Reason, s.Evidence
	c.Reading.Products, c.Reading.Items = s.Products, r.items
	if len(s.Products) > mostListed {
		c.Reading.Products = s.Products[:mostListed]
		c.Leave("only %d of the %d products that were read are named", mostListed, len(s.Products))
	}
	file, err := r.keepCapture(ctx, c)
	if err != nil {
		s.Evidence.Warnings = append(s.Evidence.Warnings, "no capture: "+err.Error())
	}
	s.Evidence.Capture = file
}

// endOfList takes the page at which a scan ended that is not complete, before
// another one takes its place.
func (r *reading) endOfList(ctx context.Context) {
	if r.opts.Archive == nil || r.all != nil || ctx.Err() != nil || r.scan.Verdict == tracker.Complete || r.reader == nil {
		return
	}
	if tab, ok := r.reader.(*tabReader); ok && tab.tab == nil && r.end != nil {
		return // it was salvaged
	}
	r.end = new(archive.Capture)
	r.gather(ctx, r.end)
	r.shoot(ctx, r.end)
}

// shoot adds a picture of the page that is shown.
func (r *reading) shoot(ctx context.Context, c *archive.Capture) {
	tab, ok := r.reader.(*tabReader)
	if !ok || tab.tab == nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, captureTime)
	defer cancel()
	var img []byte
	covered, err := r.covered(ctx, tab, func() (err error) {
		img, err = tab.Picture(ctx, 60, nil, 1)
		return err
	})
	if err != nil {
		c.Leave("no picture was taken: %v", err)
		return
	}
	c.Add(archive.Picture(tab.tab.Document().URL, time.Now().UTC(), img, covered))
}

// keepItem keeps the capture of the item page that proves a removal.
func (r *reading) keepItem(ctx context.Context, it *tracker.Product, p *tracker.Probe) {
	r.gather(ctx, r.item, r.all)
	if r.shot != nil {
		r.item.Add(archive.Picture(p.URL, time.Now().UTC(), r.shot, r.hidden))
	}
	r.item.Reading.Scope, r.item.Reading.Items = archive.OfItem, []archive.Item{{Product: *it, Probe: *p}}
	file, err := r.keepCapture(ctx, r.item)
	if err != nil {
		r.scan.Evidence.Warnings = append(r.scan.Evidence.Warnings, "no capture of the page of "+string(it.ID)+": "+err.Error())
	}
	p.Capture = file
}

// keepCapture hands a capture on to be kept, without what belongs to the account.
func (r *reading) keepCapture(ctx context.Context, c *archive.Capture) (string, error) {
	c.Reading.Began = r.scan.Began
	c.Reading.Storefront = archive.Storefront(r.of)
	c.Reading.Storefront.Marketplace = r.market.Name // also where the address tells
	cookies, err := r.account(ctx)
	if err != nil {
		return "", fmt.Errorf("the cookies of the account: %w", err)
	}
	c.Redact(cookies)
	return r.opts.Archive(ctx, c)
}

package archive

import (
	"net/http"
	"time"

	"shopwatch/tracker"
)

// Bounds of one capture, also of one that somebody else made. What goes beyond
// them is left out of a capture, which says so.
const (
	mostBody    = 4 << 20  // bytes of one answer
	mostBodies  = 16 << 20 // bytes of all of them
	mostRecords = 1500
	mostAddress = 8 << 10
	mostHeader  = 64 << 10
	mostFile    = 64 << 20 // bytes of a whole file
)

// A Capture is what was read, before it is packed and after it was opened.
type Capture struct {
	Reading Reading
	Records []Record

	unsaid int // notes of what was left out that have no room
}

// A Record is one answer, or one thing that was made of what was shown.
type Record struct {
	// URL is what was asked for. That of a thing that nobody was asked for
	// begins with "urn:".
	URL    string
	At     time.Time // when the answer was there
	Method string    // GET when empty
	Post   []byte    // what was sent along
	Status int       // HTTP; 0 of a thing that nobody was asked for
	Header http.Header
	Body   []byte
	Page   bool   // it is the document of a page that was shown
	Title  string // of the page
	// Covered is what was covered in a picture when it was taken: "cookie unb".
	// It is not written.
	Covered []string
}

// What was made of a page that was shown.
const (
	domOf     = "urn:shopwatch:dom:" // the document as it was parsed, when it was read
	pictureOf = "urn:view:"          // how it looked; the name that archivists use
)

// DOM is the record of the document of a page as it was when it was read.
func DOM(address string, at time.Time, html []byte) Record {
	return Record{URL: domOf + address, At: at, Header: http.Header{"Content-Type": {"text/html; charset=utf-8"}}, Body: html}
}

// Picture is the record of how a page looked, as a WebP in which something was
// covered.
func Picture(address string, at time.Time, webp []byte, covered []string) Record {
	return Record{URL: pictureOf + address, At: at, Header: http.Header{"Content-Type": {"image/webp"}}, Body: webp, Covered: covered}
}

// A Scope says what a capture is of.
type Scope string

// The scopes.
const (
	OfScan Scope = "scan" // all that a scan read
	OfPage Scope = "page" // the page at which a scan ended that was not complete
	OfItem Scope = "item" // the page of one product
)

// A Reading is what shopwatch made of what it read: the file scan.json.
type Reading struct {
	Scope      Scope            `json:"scope"`
	Software   string           `json:"software"` // that read it: "shopwatch/1.2"
	Began      time.Time        `json:"began"`
	Storefront Storefront       `json:"storefront"`
	Verdict    tracker.Verdict  `json:"verdict,omitempty"` // of a scan
	Reason     string           `json:"reason,omitempty"`
	Evidence   tracker.Evidence `json:"evidence,omitzero"`
	// Page is the number of the listing page at which the scan ended, where the
	// capture is of that page.
	Page int `json:"page,omitempty"`
	// Products are those that the scan saw.
	Products []tracker.Product `json:"products,omitempty"`
	Items    []Item            `json:"items,omitempty"`
	// Left says what is not in the capture although it was read, and why.
	Left []string `json:"left,omitempty"`
	// Redacted is what was taken out of the capture.
	Redacted []Redaction `json:"redacted"`
}

// A Storefront is that of a reading, as the configuration has it.
type Storefront struct {
	Name        tracker.StorefrontName `json:"name"`
	URL         string                 `json:"url"`
	Marketplace string                 `json:"marketplace,omitempty"`
	Options     string                 `json:"options,omitempty"` // JSON
}

// An Item is a product whose page was looked at.
type Item struct {
	Product tracker.Product `json:"product"`
	Probe   tracker.Probe   `json:"probe"`
}

// A Redaction is something that was taken out.
type Redaction struct {
	What    string `json:"what"`    // "cookie unb", "header Set-Cookie"
	Where   string `json:"where"`   // "address", "header", "body" or "picture"
	Records int    `json:"records"` // in so many records
}

// Add takes in a record, as far as the bounds of a capture allow, and notes what
// they do not.
func (c *Capture) Add(r Record) {
	room := mostBodies - c.size()
	switch {
	case len(c.Records) >= mostRecords:
		c.Leave("%d records are enough; the others were left out", mostRecords)
		return
	case len(r.URL) > mostAddress || len(r.Post) > mostAddress:
		c.Leave("an answer to an address or a question of more than %d bytes was left out", mostAddress)
		return
	case len(r.Body) > mostBody || len(r.Body) > room:
		c.Leave("%d bytes from %s were left out: a capture takes %d bytes of an answer and %d of all", len(r.Body), Plain(r.URL), mostBody, mostBodies)
		return
	}
	if headerSize(r.Header) > mostHeader {
		c.Leave("the headers of %s were left out: they have more than %d bytes", Plain(r.URL), mostHeader)
		r.Header = http.Header{"Content-Type": {r.Header.Get("Content-Type")}}
	}
	c.Records = append(c.Records, r)
}

// HalfFull reports whether half of what a capture may take is taken: what could
// be done without is better left out then.
func (c *Capture) HalfFull() bool { return c.size() > mostBodies/2 }

func (c *Capture) size() (n int) {
	for i := range c.Records {
		n += len(c.Records[i].Body)
	}
	return n
}

func headerSize(h http.Header) (n int) {
	for name, values := range h {
		for _, v := range values {
			n += len(name) + len(v)
		}
	}
	return n
}

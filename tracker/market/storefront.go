package market

import (
	"net/http"
	"strconv"
	"time"

	"shopwatch/tracker"
)

// A Storefront is one storefront as its marketplace reads it. It keeps nothing
// between calls and is safe for concurrent use.
type Storefront interface {
	// Home reports which hosts may be anywhere, also in the user's own network:
	// those of the marketplace, or the one that the user has named. Others are
	// asked only on the public internet.
	Home(host string) bool
	// Transport says by what its pages are brought.
	Transport() Transport
	// Entries are requests for the first listing page, to be tried in turn
	// until one shows a list of a known layout.
	Entries() []Request
	// Next returns the request for the listing page that follows those read,
	// of which there is at least one, or nil and why none follows: "last
	// page".
	Next(read []Listing) (next *Request, stop string)
	// Read reads the answer to a request of Entries or Next. An error is an
	// answer that cannot be read at all.
	Read(*Answer) (Reading, error)
	// Assess says whether the listing pages of one pass, in the order in which
	// they were read, are the whole list.
	Assess([]Listing) Completeness
	// ItemPage is the request for the page of a product.
	ItemPage(*tracker.Product) Request
	// ReadItem judges the answer to a request of ItemPage.
	ReadItem(*Answer) ItemFinding
}

// A Transport is a way to bring pages.
type Transport int

const (
	// InTab shows pages in a tab of the browser and reads what they have
	// become.
	InTab Transport = iota
	// OverHTTP asks for answers without a browser.
	OverHTTP
)

// A Request is what is asked of a marketplace for one page.
type Request struct {
	URL string
	// Header is sent along. Over HTTP only.
	Header http.Header
	// Post is sent with POST; nil for GET. Over HTTP only.
	Post []byte
	// Page is the number of the listing page, counted from 1.
	Page int
	// Kind is what is asked for, in the marketplace's own words. It is for
	// the marketplace, which reads the answer; others do not look at it.
	Kind string
	// Product is that of the item page; empty for others.
	Product tracker.ProductID
	// Ask is for the marketplace, which keeps here what it wants to know of
	// the answer where the address does not tell.
	Ask any
	// Witness says that the answer is no listing page, but is asked for to
	// judge the list. When none comes, the scan goes on with a Listing whose
	// Problems say why, except after a wall.
	Witness bool
	// Turn leads to the page from the one that the tab shows, without opening
	// URL: a JavaScript expression with the functions of Tab.Script. Its value
	// is false when it does not. Empty when URL has to be opened. In a tab
	// only.
	Turn string
	// Wait is a JavaScript expression whose promise is kept when the page is
	// worth reading, or after ms milliseconds, a variable that it may name.
	// Its value becomes the body of the answer, as JSON. In a tab only.
	Wait string
	// Keep says that the page cannot be reached but through those before it:
	// its tab is not replaced, and it is not opened again for a picture.
	Keep bool
}

// An Answer is what came of a request.
type Answer struct {
	Request Request
	URL     string   // of the page in the end
	Via     []string // addresses that led on to URL
	Status  int      // HTTP; 0 when unknown
	Header  http.Header
	// Body is what was sent, or the value of Request.Wait.
	Body []byte
	// Calls are the answers to the page's own requests since it was opened,
	// in their order. In a tab only.
	Calls []*Call
}

// A Call is the answer to a request that a page made by itself.
type Call struct {
	URL    string
	Status int    // HTTP; 0 when no answer came
	Err    string // why none came
	Body   []byte // where Tab.Body wants it
	// Read is for the marketplace, which keeps here what it has read of Body
	// before it drops that.
	Read any
}

// A Reading is what the answer to a request for a listing page amounts to.
type Reading struct {
	// State is set when the page is in another state than showing a list.
	State *State
	// Listing is the list that it shows otherwise.
	Listing Listing
	// More is set when the page is not ready yet: what to do in the same tab
	// before it is read again. Its URL is empty.
	More *Request
}

// A State is one state that a page can be in other than showing a list.
type State struct {
	Name    string // short, for evidence: "login overlay"
	Verdict tracker.Verdict
	// Transient says that the state may be over a moment later, so that the
	// page is worth another try.
	Transient bool
	// Wait is how long the marketplace asks to be left alone; zero when it
	// does not say.
	Wait time.Duration
	// Reason says in one line what a person should know or do.
	Reason string
}

// An ItemFinding is what an item page says of its product.
type ItemFinding struct {
	State  tracker.PageState
	Reason string
	Says   string // the words of the page itself on which State rests, where it has some
	Box    *Box   // where the words or marks stand on which State rests; nil where that is not known
	Wall   *State // the wall on the page, also when the page answers behind it
	// More is what to ask for next, where this answer alone proves nothing.
	// The finding on the last answer counts.
	More *Request
}

// A Box is a place in a document, in CSS pixels.
type Box struct {
	X      float64 `json:"x"`
	Y      float64 `json:"y"`
	Width  float64 `json:"width"`
	Height float64 `json:"height"`
}

// RetryAfter is how long an answer asks to be left alone by its header
// Retry-After; zero when it does not say, and a day at most.
func RetryAfter(h http.Header, now time.Time) time.Duration {
	s := h.Get("Retry-After")
	d := time.Duration(0)
	if n, err := strconv.ParseUint(s, 10, 31); err == nil {
		d = time.Duration(n) * time.Second
	} else if at, err := http.ParseTime(s); err == nil {
		d = at.Sub(now)
	}
	return min(max(d, 0), 24*time.Hour)
}

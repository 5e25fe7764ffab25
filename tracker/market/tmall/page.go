package tmall

import (
	"encoding/json"
	"fmt"
	"net/url"

	"shopwatch/tracker"
	"shopwatch/tracker/market"
)

// A page is what the script reports of a page, and what came over the network.
type page struct {
	URL    string `json:"url"` // of the main frame
	Title  string `json:"title"`
	Why    string `json:"why"`   // what ended the wait
	Wall   string `json:"wall"`  // the visible wall's name in the script; empty when there is none
	Frame  string `json:"frame"` // address of the wall's frame
	Text   string `json:"text"`  // the beginning of the visible text; empty when a list was read
	Seller struct {
		ID     string `json:"id"`
		Seller string `json:"seller"`
		Name   string `json:"name"`
	} `json:"shop"`
	List   *shelf     `json:"list"`
	React  *reactPage `json:"react"`
	Detail *detail    `json:"item"`

	document string // address of the document that the server sent
	status   int    // HTTP of the main document; 0 when unknown
	wanted   int    // the number of the listing page that was asked for
	step     bool   // the page had been read before, and something was done with it
	asked    tracker.ProductID
	calls    []*call
}

// A call is the answer to one of the page's own requests.
type call struct {
	address *url.URL
	status  int    // HTTP; 0 when no answer came
	err     string // why none came
	refusal refusal
	api     *mtop // nil for other calls, and for answers that are none
}

// longestPage is the most that the script may report, in bytes.
const longestPage = 8 << 20

// decode reads an answer.
func decode(a *market.Answer) (*page, error) {
	if len(a.Body) > longestPage {
		return nil, fmt.Errorf("read the page: %d bytes are more than any page has", len(a.Body))
	}
	var p page
	if err := json.Unmarshal(a.Body, &p); err != nil {
		return nil, fmt.Errorf("read the page: %w", err)
	}
	p.URL, p.Frame, p.Title = market.Clip(p.URL, market.MaxAddress), market.Clip(p.Frame, market.MaxAddress), market.Clip(p.Title, market.MaxTitle)
	p.document, p.status, p.wanted, p.asked = a.URL, a.Status, a.Request.Page, a.Request.Product
	p.step = a.Request.URL == ""
	for _, c := range a.Calls {
		p.calls = append(p.calls, readCall(c))
	}
	return &p, nil
}

// readCall reads a call once, whatever is asked of it later, and drops its
// body.
func readCall(c *market.Call) *call {
	if known, ok := c.Read.(*call); ok {
		return known
	}
	read := &call{status: c.Status, err: c.Err, address: &url.URL{}}
	if u, err := url.Parse(c.URL); err == nil {
		read.address = u
	}
	if listCall(read.address) {
		read.refusal = refusalOf(c.Body)
	}
	if mtopCall(read.address) {
		read.api = mtopOf(read.address, c.Body)
	}
	c.Read, c.Body = read, nil
	return read
}

// host and path of the main frame.
func (p *page) host() string { return p.address().Hostname() }
func (p *page) path() string { return p.address().Path }

func (p *page) address() *url.URL {
	u, err := url.Parse(p.URL)
	if err != nil {
		return &url.URL{}
	}
	return u
}

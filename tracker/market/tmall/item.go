package tmall

import (
	"fmt"
	"slices"
	"strings"

	"shopwatch/tracker"
	"shopwatch/tracker/market"
)

// A detail is what the script reads off an item page (NOTES.md, 5).
type detail struct {
	ID      string `json:"id"` // from the address
	Title   string `json:"title"`
	Buy     bool   `json:"buy"`     // a visible buy panel
	Off     string `json:"off"`     // the words that say 已下架
	Online  string `json:"online"`  // isOnline of the old page's data
	Auction string `json:"auction"` // auctionStatus of the old page's data
	OldID   string `json:"oldID"`
	Missing string `json:"missing"` // the words that say that it does not exist
	// Box is where Off stands on the screen, else Missing; nil when neither does.
	Box *market.Box `json:"box"`
}

// judgeItem tells what an item page says of the product that p.asked names.
// The address of the page and a visible buy panel are sure; words alone are
// not. A wall answers nothing, whatever status it comes with.
func judgeItem(p *page) market.ItemFinding {
	f := market.ItemFinding{State: tracker.PageUnknown, Wall: itemWall(p)}
	d := p.Detail
	if d == nil {
		f.Reason = "the page could not be read"
		return f
	}
	if f.Wall != nil && !d.Buy {
		f.Reason = f.Wall.Name
		return f
	}
	if !secure(p) {
		f.Reason = "the page leads to " + market.Clip(p.host(), 100) + ", which says nothing of the product"
		return f
	}
	if noItem(p) {
		if d.ID != "" && d.ID != string(p.asked) {
			f.Reason = fmt.Sprintf("the page speaks of product %s", d.ID)
			return f
		}
		f.State, f.Reason = tracker.PageGone, "sent to "+p.host()+p.path()
		if d.Off == "" {
			f.Box = d.Box // of words that say so too
		}
		return f
	}
	if d.ID != string(p.asked) && d.OldID != string(p.asked) {
		f.Reason = fmt.Sprintf("the page shows product %q", d.ID)
		return f
	}
	offline := d.Online == "false" || d.Auction != "" && d.Auction != "0"
	switch {
	case d.Buy && offline:
		f.Reason = "the page sells it and says that it is off the shelf"
	case d.Buy:
		f.State, f.Reason = tracker.PageSold, "its page sells it"
	case p.status >= 400:
		f.Reason = fmt.Sprintf("the page came with status %d", p.status)
	case d.Off != "":
		f.State, f.Reason, f.Says, f.Box = tracker.PageOffshelf, d.Off, d.Off, d.Box
	case offline:
		f.State, f.Reason = tracker.PageOffshelf, "its data says that it is not online"
	case d.Missing != "" && d.Title == "":
		f.State, f.Reason, f.Says, f.Box = tracker.PageGone, d.Missing, d.Missing, d.Box
	default:
		f.Reason = "the page says neither that it is sold nor that it is gone"
	}
	return f
}

// noItem holds on the pages to which the marketplace leads from the page of a
// product that does not exist (NOTES.md, 5).
func noItem(p *page) bool {
	switch p.host() {
	case "error.item.taobao.com":
		return strings.HasPrefix(p.path(), "/error/noitem")
	case "detail.tmall.com", "item.taobao.com":
		return p.path() == "/auction/noitem.htm"
	}
	return false
}

// secure reports whether a host that can speak of products answered, over a
// connection that nobody else can answer in its place.
func secure(p *page) bool {
	return p.address().Scheme == "https" && (slices.Contains(itemHosts, p.host()) || p.host() == "error.item.taobao.com")
}

// itemWall returns the wall on an item page.
func itemWall(p *page) *market.State {
	for i := range states {
		if s := &states[i]; s.Verdict.Wall() && s.Holds(p) {
			return &s.State
		}
	}
	return nil
}

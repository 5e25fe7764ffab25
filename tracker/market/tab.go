package market

import (
	"net/url"

	"shopwatch/tracker"
)

// A Tab says how the pages of a marketplace are read in a tab of the browser.
type Tab struct {
	// Script is what the browser installs in every page. It runs in a world
	// of its own: it sees the document, not the page's JavaScript.
	Script string
	// Show is an expression as Request.Wait, for a page of which nothing is
	// known yet: its answer is for Market.Recognise. Empty when nothing is
	// recognised in a tab.
	Show string
	// Heard is the function of the script that is told of the answer to each
	// of the page's Calls: "shopwatch.heard". Empty when there is none.
	Heard string
	// Blocked are patterns of addresses that nothing here needs, and Pictures
	// those of pictures, which are fetched afterwards where they are needed.
	// Both are in the syntax of URLPattern.
	Blocked, Pictures []string
	// Calls picks the page's own requests whose answers count, and Body those
	// whose content is wanted. Nil for none.
	Calls func(*url.URL) bool
	Body  func(u *url.URL, bytes int64) bool
	// Card returns an expression that brings the card of a product on a
	// listing page into view, with its picture (a JPEG, nil for none) where
	// the page would show it. Its value is the card's place in the document,
	// {x, y, width, height} in CSS pixels, or null. Nil when pages show no
	// cards.
	Card func(p *tracker.Product, picture []byte) string
}

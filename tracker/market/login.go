package market

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"
)

// A Login says where a person logs in to a marketplace, and by which signs a
// login is known.
type Login struct {
	URL string // of the login page; it leads on to where all Domains get their cookies
	App string // that reads the code of the page on a phone: "Taobao"
	// Home reports which hosts belong to it; see Storefront.Home.
	Home func(host string) bool
	// Domains are those whose cookies are the login.
	Domains []string
	// Also are further domains whose cookies are kept and carried over with
	// the login, where there are any. They are no sign of it.
	Also []string
	// Kept judges a login by the names of the cookies that one of Domains has.
	// They are necessary signs, not a proof: the proof is a filled list.
	Kept func(names []string) bool
	// Wait is an expression in a tab whose value is the answer that Read reads;
	// see Request.Wait.
	Wait string
	// Read looks at the page while somebody logs in: it returns a challenge
	// that stands in the way even of a person, and whether the page still asks
	// for a login.
	Read func(*Answer) (challenge *State, asks bool, err error)
	// Boxes are selectors of what holds the QR code on the login page, tried
	// in turn. Expired are visible words by a code that has run out, Scanned
	// those by one that a phone has read and has yet to confirm.
	Boxes, Expired, Scanned []string
}

// All are the domains whose cookies are kept and carried over.
func (l *Login) All() []string { return slices.Concat(l.Domains, l.Also) }

// A LoginPage is what a login page shows.
type LoginPage struct {
	// Box is where the QR code stands in the document, in CSS pixels. It is
	// empty when none of the market's boxes is seen; the code may then stand
	// in a frame.
	Box     struct{ X, Y, Width, Height float64 }
	Expired bool
	Scanned bool
}

// Look is a JavaScript expression whose value is a LoginPage. It looks at the
// login page and touches nothing.
func (l *Login) Look() string {
	data, err := json.Marshal(map[string][]string{"boxes": l.Boxes, "expired": l.Expired, "scanned": l.Scanned})
	if err != nil {
		panic(err) // strings can be written
	}
	return fmt.Sprintf(`((m) => {
	const text = (document.body ? document.body.innerText : '').slice(0, 20000)
	const says = words => (words || []).some(w => text.includes(w))
	const page = {box: {x: 0, y: 0, width: 0, height: 0}, expired: says(m.expired), scanned: says(m.scanned)}
	for (const selector of m.boxes || []) {
		for (const el of document.querySelectorAll(selector)) {
			const r = el.getBoundingClientRect()
			if (r.width < 40 || r.height < 40 || !el.checkVisibility({opacityProperty: true, visibilityProperty: true})) continue
			page.box = {x: r.x + scrollX, y: r.y + scrollY, width: r.width, height: r.height}
			return page
		}
	}
	return page
})(%s)`, data)
}

// Until returns when a login ends by its cookies: the first moment at which a
// domain no longer has what Kept demands. ends maps the names of a domain's
// cookies to their ends, zero for session cookies, which last as long as
// Chrome runs. The login has ended, or there is none, when ok is false; the
// moment is zero when only session cookies count.
func (l *Login) Until(now time.Time, ends map[string]time.Time) (end time.Time, ok bool) {
	kept := func(at time.Time) bool {
		var names []string
		for name, e := range ends {
			if e.IsZero() || e.After(at) {
				names = append(names, name)
			}
		}
		return l.Kept(names)
	}
	if !kept(now) {
		return time.Time{}, false
	}
	for _, e := range ends {
		if !e.IsZero() && e.After(now) && (end.IsZero() || e.Before(end)) && !kept(e) {
			end = e
		}
	}
	return end, true
}

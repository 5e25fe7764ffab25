package market

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"shopwatch/tracker"
)

// A Login says where a person logs in to a marketplace, and by which signs a
// login is known.
type Login struct {
	URL string // of the login page; it leads on to where all Domains get their cookies
	// Domains are those whose cookies are the login.
	Domains []string
	// Kept judges a login by the names of the cookies that one of Domains has.
	// They are necessary signs, not a proof: the proof is a filled list.
	Kept func(names []string) bool
	// Boxes are selectors of what holds the QR code on the login page, tried
	// in turn. Expired are visible words by a code that has run out, Scanned
	// those by one that a phone has read and has yet to confirm.
	Boxes, Expired, Scanned []string
}

// A LoginPage is what a login page shows.
type LoginPage struct {
	// Box is where the QR code stands in the document, in CSS pixels. It is
	// empty when none of the market's boxes is seen; the code may then stand
	// in a frame.
	Box     struct{ X, Y, Width, Height float64 }
	Expired bool
	Scanned bool
}

// Look is a JavaScript expression whose value Read reads. It looks at the
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

// Barrier returns the wall that stands on the page and refuses even a person
// who logs in, nil when there is none.
func (m *Market) Barrier(p *Page) *State {
	for i := range m.States {
		if s := &m.States[i]; s.Verdict == tracker.Blocked && s.Holds(p) {
			return s
		}
	}
	return nil
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

// tmallLogin is that of Taobao, which is one with Tmall's (tmall.md, sections
// 4.2 and 7). It is asked to lead on to Tmall, so that tmall.com gets its
// cookies too.
var tmallLogin = Login{
	URL:     "https://login.taobao.com/member/login.jhtml?redirectURL=https%3A%2F%2Fwww.tmall.com%2F",
	Domains: []string{"tmall.com", "taobao.com"},
	Kept: func(names []string) bool {
		return slices.Contains(names, "cookie2") && slices.ContainsFunc(names, func(n string) bool {
			return n == "_nk_" || n == "lgc" || n == "tracknick" || n == "sn"
		})
	},
	Boxes:   []string{"#J_QRCodeImg", ".qrcode-img", ".qrcode-login canvas", ".qrcode-login img"},
	Expired: []string{"二维码已失效", "二维码失效", "二维码已过期", "二维码过期"},
	Scanned: []string{"扫描成功", "扫码成功", "请在手机上确认"},
}

package jd

import (
	"slices"

	"shopwatch/tracker"
	"shopwatch/tracker/market"
)

// login is that of JD. Its page is asked to lead on to JD's front page.
var login = market.Login{
	URL:     "https://passport.jd.com/new/login.aspx?ReturnUrl=https%3A%2F%2Fwww.jd.com%2F",
	App:     "JD",
	Home:    home,
	Domains: []string{"jd.com"},
	Kept: func(names []string) bool {
		return slices.Contains(names, "thor") && (slices.Contains(names, "pin") || slices.Contains(names, "unick"))
	},
	Wait: "shopwatch.wait('home', ms)",
	Read: func(a *market.Answer) (challenge *market.State, asks bool, err error) {
		p, err := decode(a)
		if err != nil {
			return nil, false, err
		}
		st := state(p)
		if st != nil && st.Verdict == tracker.Blocked {
			return st, true, nil
		}
		return nil, st != nil && st.Verdict == tracker.Login, nil
	},
	Boxes:   []string{".qrcode-main .qrcode-img", ".qrcode-img", ".qrcode-login img", ".qrcode-login canvas"},
	Expired: []string{"二维码已失效", "二维码失效", "二维码已过期", "二维码过期"},
	Scanned: []string{"扫描成功", "扫码成功", "请在手机上确认", "请手机客户端确认登录"},
}

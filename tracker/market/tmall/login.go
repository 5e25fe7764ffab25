package tmall

import (
	"slices"

	"shopwatch/tracker"
	"shopwatch/tracker/market"
)

// login is that of Taobao, which is one with Tmall's (NOTES.md, 4.2 and
// 7). It is asked to lead on to Tmall, so that tmall.com gets its
// cookies too.
var login = market.Login{
	URL:     "https://login.taobao.com/member/login.jhtml?redirectURL=https%3A%2F%2Fwww.tmall.com%2F",
	App:     "Taobao",
	Home:    home,
	Domains: []string{"tmall.com", "taobao.com"},
	Also:    []string{"tmall.hk"}, // for those who log in there
	Kept: func(names []string) bool {
		return slices.Contains(names, "cookie2") && slices.ContainsFunc(names, func(n string) bool {
			return n == "_nk_" || n == "lgc" || n == "tracknick" || n == "sn"
		})
	},
	Wait: "shopwatch.wait('list', 1, ms)",
	Read: func(a *market.Answer) (challenge *market.State, asks bool, err error) {
		p, err := decode(a)
		if err != nil {
			return nil, false, err
		}
		for i := range states {
			if s := &states[i]; s.Verdict == tracker.Blocked && s.Holds(p) {
				return &s.State, true, nil
			}
		}
		st := state(p)
		return nil, st != nil && st.Verdict == tracker.Login, nil
	},
	Boxes:   []string{"#J_QRCodeImg", ".qrcode-img", ".qrcode-login canvas", ".qrcode-login img"},
	Expired: []string{"二维码已失效", "二维码失效", "二维码已过期", "二维码过期"},
	Scanned: []string{"扫描成功", "扫码成功", "请在手机上确认"},
}

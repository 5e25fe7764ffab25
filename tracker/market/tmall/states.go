package tmall

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"

	"shopwatch/tracker"
	"shopwatch/tracker/market"
)

const (
	logIn       = "Tmall asks for a login: run shopwatch login tmall"
	logInGlobal = "Tmall Global asks for a login: run shopwatch login tmall, open this shop in the window and log in there too"
	waitOut     = "Tmall refuses to answer (unusual traffic): open the shop in an ordinary browser, wait some hours, and scan less often"
)

// A knownState is a state with how it is told.
type knownState struct {
	market.State
	Holds func(*page) bool
}

// state returns the first state that holds, nil when the page may be read as a
// list.
func state(p *page) *market.State {
	for i := range states {
		if states[i].Holds(p) {
			return &states[i].State
		}
	}
	return nil
}

// states are the states of a page that is no list, in the order in which
// they are told apart: the address of the main frame, then walls that a person
// would see, then what the requests of the page were answered, then texts
// (NOTES.md, 4). Words in the source of a page prove nothing.
var states = []knownState{
	{State: market.State{Name: "login page", Verdict: tracker.Login, Reason: logIn}, Holds: func(p *page) bool {
		h := p.host()
		return h == "login.taobao.com" || h == "login.tmall.com" || strings.HasPrefix(h, "passport.")
	}},
	{State: market.State{Name: "slider page", Verdict: tracker.Blocked, Reason: waitOut}, Holds: func(p *page) bool {
		return strings.Contains(p.path(), "/_____tmd_____/")
	}},
	{State: market.State{Name: "no such shop", Verdict: tracker.Gone, Reason: "Tmall says that this shop does not exist; check the address"}, Holds: noShop},
	{State: market.State{Name: "foreign site", Verdict: tracker.Failed, Reason: "Tmall sends this machine to its foreign site; use a connection in its home market"}, Holds: func(p *page) bool {
		h := p.host()
		return strings.HasPrefix(h, "world.") || strings.Contains(h, ".world.")
	}},
	{State: market.State{Name: "slider", Verdict: tracker.Blocked, Reason: waitOut}, Holds: wall("slider", "punish", "punishFrame")},
	{State: market.State{Name: "login overlay", Verdict: tracker.Login, Reason: logIn}, Holds: wall("loginFrame", "accessDialog")},
	{State: market.State{Name: "guard dialog", Verdict: tracker.Blocked, Reason: waitOut}, Holds: func(p *page) bool {
		return p.Wall == "punishDialog" || p.Wall == "middleware" && !loginAddress(p.Frame)
	}},
	{State: market.State{Name: "login dialog", Verdict: tracker.Login, Reason: logIn}, Holds: wall("middleware")},
	{State: market.State{Name: "deny page", Verdict: tracker.Blocked, Reason: waitOut}, Holds: func(p *page) bool {
		return p.List == nil && (contains(p.Text, "We have detected unusual traffic from your network", "您的账户因异常访问行为", "触发安全机制，依据平台规则限制访问", "被挤爆") ||
			strings.Contains(p.Text, "亲，访问受限"))
	}},
	{State: market.State{Name: "list refused: login", Verdict: tracker.Login, Reason: logIn}, Holds: refused(loginAddress)},
	{State: market.State{Name: "list refused", Verdict: tracker.Blocked, Reason: waitOut}, Holds: refused(func(string) bool { return true })},
	{State: market.State{Name: "session expired", Verdict: tracker.Login, Reason: logIn}, Holds: mtopRefusal("FAIL_SYS_SESSION_EXPIRED")},
	{State: market.State{Name: "API risk answer", Verdict: tracker.Blocked, Reason: waitOut}, Holds: mtopRefusal("FAIL_SYS_USER_VALIDATE", "RGV587_ERROR", "FAIL_SYS_ILLEGAL_ACCESS")},
	{State: market.State{Name: "closed shop", Verdict: tracker.Gone, Reason: "the shop says that it has closed"}, Holds: func(p *page) bool {
		return !p.listed() && contains(p.Text, "店铺终止经营公告")
	}},
	{State: market.State{Name: "server error", Verdict: tracker.Failed, Transient: true, Reason: "Tmall answered with a server error"}, Holds: func(p *page) bool {
		return p.status >= 500 || p.status == 429
	}},
	{State: market.State{Name: "list call failed", Verdict: tracker.Failed, Transient: true, Reason: "the list of products did not come"}, Holds: func(p *page) bool {
		return !p.listed() && listFailed(p)
	}},
	{State: market.State{Name: "not a list", Verdict: tracker.Failed, Transient: true, Reason: "the page shows no list of products in a layout that shopwatch knows"}, Holds: func(p *page) bool {
		return p.List == nil && p.React == nil
	}},
	{State: market.State{Name: "list missing", Verdict: tracker.Failed, Transient: true, Reason: "the list of products did not appear in time"}, Holds: func(p *page) bool {
		return !p.listed()
	}},
}

// noShop holds on the pages to which the addresses of missing and closed shops
// lead (NOTES.md, 4.7).
func noShop(p *page) bool {
	h := p.host()
	return h == "store.taobao.com" && strings.HasSuffix(p.path(), "/noshop.htm") || h == "err.tmall.com" || h == "error.tmall.com" || h == "guang.taobao.com" ||
		!p.listed() && contains(p.Text, "没有找到相应的店铺信息", "您访问的店铺不存在")
}

// listed reports whether the page shows products, or says that there are none.
func (p *page) listed() bool {
	if p.List != nil {
		return p.List.Empty || len(p.List.Rows) > 0
	}
	return p.React != nil && p.answered()
}

func wall(names ...string) func(*page) bool {
	return func(p *page) bool {
		for _, n := range names {
			if p.Wall == n {
				return true
			}
		}
		return false
	}
}

func contains(text string, any ...string) bool {
	for _, s := range any {
		if strings.Contains(text, s) {
			return true
		}
	}
	return false
}

func loginAddress(address string) bool {
	return strings.Contains(address, "login.taobao.com/") || strings.Contains(address, "login.tmall.com/")
}

// refused holds when the list call itself was answered with a demand, whether
// or not the page has shown it yet (NOTES.md, 2.4).
func refused(by func(address string) bool) func(*page) bool {
	return func(p *page) bool {
		if p.listed() && p.List != nil && !p.List.Empty {
			return false
		}
		return slices.ContainsFunc(p.calls, func(c *call) bool { return c.refusal.Flag != "" && by(c.refusal.URL) })
	}
}

// A refusal is what the list call is answered instead of a list.
type refusal struct {
	Flag string `json:"rgv587_flag"`
	URL  string `json:"url"`
}

func refusalOf(body []byte) (r refusal) {
	if json.Unmarshal(unwrap(body), &r) != nil {
		return refusal{} // a list, or damage
	}
	return r
}

// listFailed reports whether the newest list call brought nothing.
func listFailed(p *page) bool {
	for i := len(p.calls) - 1; i >= 0; i-- {
		if c := p.calls[i]; listCall(c.address) || mtopCall(c.address) {
			return c.err != "" || c.status >= 400
		}
	}
	return false
}

// unwrap takes a JSONP answer out of its call: jsonp1234(…).
func unwrap(body []byte) []byte {
	body = bytes.Trim(body, " \t\r\n;")
	if i := bytes.IndexByte(body, '('); i >= 0 && bytes.HasSuffix(body, []byte(")")) && i < 64 && !bytes.ContainsAny(body[:i], "{\"[") {
		return bytes.TrimSpace(body[i+1 : len(body)-1])
	}
	return body
}

package jd

import (
	"slices"
	"strings"

	"shopwatch/tracker"
	"shopwatch/tracker/market"
)

const (
	logIn   = "JD asks for a login: run shopwatch login jd"
	waitOut = "JD refuses to answer (unusual traffic): open the shop in an ordinary browser, wait some hours, and scan less often"
)

// A knownState is a state with how it is told.
type knownState struct {
	market.State
	holds func(*page) bool
}

// state returns the first state that holds, nil when the page may be read.
func state(p *page) *market.State {
	for i := range states {
		if states[i].holds(p) {
			return &states[i].State
		}
	}
	return nil
}

// states are the states of a page that is no list and no home page, in the
// order in which they are told apart (NOTES.md, walls).
var states = []knownState{
	{State: market.State{Name: "login page", Verdict: tracker.Login, Reason: logIn}, holds: func(p *page) bool {
		h := p.host()
		return h == "passport.jd.com" && p.Wall != "slider" || strings.HasPrefix(h, "plogin.") && ours(h)
	}},
	{State: market.State{Name: "risk handler", Verdict: tracker.Blocked, Reason: waitOut}, holds: func(p *page) bool { return strings.Contains(p.path(), "risk_handler") }},
	{State: market.State{Name: "verification", Verdict: tracker.Blocked, Reason: waitOut}, holds: func(p *page) bool { return strings.Contains(p.Title, "京东验证") }},
	{State: market.State{Name: "slider", Verdict: tracker.Blocked, Reason: waitOut}, holds: func(p *page) bool { return p.Wall == "slider" }},
	{State: market.State{Name: "login overlay", Verdict: tracker.Login, Reason: logIn}, holds: func(p *page) bool { return p.Wall == "login" }},
	{State: market.State{Name: "foreign site", Verdict: tracker.Failed, Reason: "JD sends this machine to its foreign site; use a connection in its home market, or log in"}, holds: func(p *page) bool {
		return p.host() == "corporate.jd.com"
	}},
	{State: market.State{Name: "server error", Verdict: tracker.Failed, Transient: true, Reason: "JD answered with a server error"}, holds: func(p *page) bool {
		return p.status >= 500 || p.status == 429
	}},
	{State: market.State{Name: "no shop", Verdict: tracker.Failed, Transient: true, Reason: "the page shows no shop of JD; check the address"}, holds: func(p *page) bool {
		return p.wanted == 0 && p.List == nil && p.Item == nil && !p.Shop.whole()
	}},
	{State: market.State{Name: "list call failed", Verdict: tracker.Failed, Transient: true, Reason: "the list of products did not come"}, holds: func(p *page) bool {
		return p.wanted != 0 && p.List == nil && slices.ContainsFunc(p.calls, func(c *market.Call) bool { return callPage(c) > 0 && (c.Err != "" || c.Status >= 400) })
	}},
	{State: market.State{Name: "not a list", Verdict: tracker.Failed, Transient: true, Reason: "the page shows no list of products in a form that shopwatch knows"}, holds: func(p *page) bool {
		return p.wanted != 0 && p.List == nil && !p.Structure
	}},
	{State: market.State{Name: "list missing", Verdict: tracker.Failed, Transient: true, Reason: "the list of products did not appear in time"}, holds: func(p *page) bool {
		return p.wanted != 0 && p.List == nil
	}},
}

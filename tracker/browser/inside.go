package browser

import (
	"cmp"
	"context"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/fetch"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"shopwatch/tracker/netrange"
)

// A page must not lead Chrome to this machine, to the network round it or to
// the metadata service of its cloud. Four things keep it from there:
//
//   - addresses that are written as numbers, and names that mean this machine
//     or its network, are unknown to Chrome (resolverRules);
//   - what a page loads by a name is refused by Chrome's own check of local
//     network access, which judges the address that it has connected to; it is
//     told of the ranges that it does not know (addressSpaces);
//   - that check lets documents of the main frame pass, so each of them waits
//     until its host was judged here (Tab.judge);
//   - a name may lead elsewhere when Chrome asks for it than it did here, so the
//     address that a document came from is looked at too (Tab.arrived).
//
// A proxy finds names by itself, so names that lead inside its network are its
// matter. Numbers and telling names do not get there (proxyBypass).

// resolverRules keep pages from asking for inside addresses by their numbers,
// and for inside names: the value of Chrome's switch host-resolver-rules. Of
// IPv6 they refuse all numbers, also public ones, by which no shop is known;
// Chrome writes them with a gap or with all eight groups. The patterns know no
// parts of an address but text between dots.
func resolverRules() string {
	refused := []string{"*::*", "*:*:*:*:*:*:*:*"}
	for _, name := range netrange.LocalNames {
		refused = append(refused, name, "*."+name, name+".", "*."+name+".")
	}
	for _, p := range netrange.Local4 {
		refused = append(refused, patterns(p)...)
	}
	for i := range refused {
		refused[i] = "MAP " + refused[i] + " ~NOTFOUND"
	}
	return strings.Join(refused, ", ")
}

// patterns are those of the addresses in a range of IPv4: "172.16.*.*".
func patterns(p netip.Prefix) (all []string) {
	octets := (p.Bits() + 7) / 8
	first := p.Addr().As4()
	for i := range 1 << (8*octets - p.Bits()) {
		var parts [4]string
		for k := range parts {
			switch {
			case k == octets-1:
				parts[k] = fmt.Sprint(int(first[k]) + i)
			case k < octets:
				parts[k] = fmt.Sprint(first[k])
			default:
				parts[k] = "*"
			}
		}
		all = append(all, strings.Join(parts[:], "."))
	}
	return all
}

// embedded6 are the ranges of IPv6 that hold those of netrange.Local4.
func embedded6() (all []netip.Prefix) {
	for _, p := range netrange.Local4 {
		four := p.Addr().As4()
		b := netrange.NAT64.Addr().As16()
		copy(b[12:], four[:])
		all = append(all, netip.PrefixFrom(netip.AddrFrom16(b), netrange.NAT64.Bits()+p.Bits()))
		b = netrange.SixToFour.Addr().As16()
		copy(b[2:], four[:])
		all = append(all, netip.PrefixFrom(netip.AddrFrom16(b), netrange.SixToFour.Bits()+p.Bits()))
	}
	return all
}

// addressSpaces tell Chrome's check of local network access which ranges are
// inside: the value of its switch ip-address-space-overrides.
func addressSpaces() string {
	var all []string
	for _, p := range netrange.Local4 {
		if p.Addr().IsLoopback() {
			continue // which is known, and nearer than local
		}
		all = append(all, p.String()+"=local")
	}
	for _, p := range slices.Concat(netrange.Local6, embedded6()) {
		all = append(all, fmt.Sprintf("[%s]/%d=local", p.Addr(), p.Bits()))
	}
	return strings.Join(all, ",")
}

// proxyBypass are the numbers and names that are kept from a proxy, so that the
// resolver rules refuse them: the value of Chrome's switch proxy-bypass-list.
func proxyBypass() string {
	all := []string{"<local>", "fc00::/7", "fe80::/10", "::/96"}
	for _, name := range netrange.LocalNames {
		all = append(all, "."+name, "."+name+".")
	}
	for _, p := range slices.Concat(netrange.Local4, netrange.Local6, embedded6()) {
		all = append(all, p.String())
	}
	return strings.Join(all, ";")
}

// guard makes the tab's documents wait for judgement, those of frames too. Where
// a proxy asks for a password everything has to wait.
func (t *Tab) guard(ctx context.Context, s cdp.Session) error {
	p := fetch.EnableParams{Patterns: []*fetch.RequestPattern{{ResourceType: network.ResourceTypeDocument}}}
	switch {
	case t.offline():
		p = fetch.EnableParams{}
	case t.proc.proxy.asks():
		p = fetch.EnableParams{HandleAuthRequests: new(true)}
	}
	return call(ctx, s, fetch.Enable, p)
}

// paused takes in a request that waits.
func (t *Tab) paused(e *fetch.EventRequestPaused) {
	if t.offline() {
		t.answerCanned(e)
		return
	}
	if e.ResourceType == network.ResourceTypeDocument {
		if err := t.judge(t.used, e.Request.URL); err != nil || t.used.Err() != nil {
			if err != nil && e.FrameID == t.frame {
				t.refuse(err)
			}
			t.ask(func(ctx context.Context, s cdp.Session) error {
				return call(ctx, s, fetch.FailRequest, fetch.FailRequestParams{RequestID: e.RequestID, ErrorReason: network.ErrorReasonBlockedByClient})
			})
			return
		}
	}
	t.ask(func(ctx context.Context, s cdp.Session) error {
		return call(ctx, s, fetch.ContinueRequest, fetch.ContinueRequestParams{RequestID: e.RequestID})
	})
}

// lookupTimeout bounds the search for the addresses of a host.
const lookupTimeout = 3 * time.Second

// judge returns an error for an address that is not to be opened. The hosts of
// the marketplace are; others are when all their addresses are public.
func (t *Tab) judge(ctx context.Context, address string) *LoadError {
	u, err := url.Parse(address)
	if err != nil {
		return &LoadError{Text: "the page leads to an address that cannot be read; it was not opened"}
	}
	switch u.Scheme {
	case "about", "blob", "data":
		return nil
	case "http", "https":
	default:
		return &LoadError{Text: fmt.Sprintf("the page leads to a %s: address; it was not opened", u.Scheme)}
	}
	host := strings.TrimSuffix(strings.ToLower(u.Hostname()), ".")
	if t.atHome(host) {
		return nil
	}
	ip, err := netip.ParseAddr(host)
	switch {
	case err == nil && netrange.Public(ip):
		return nil
	case err == nil, netrange.LocalName(host), host == t.proc.proxy.host:
		return insideError(host)
	case t.proc.proxied:
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, lookupTimeout)
	defer cancel()
	ips, err := cmp.Or(t.browser.opts.Resolver, net.DefaultResolver).LookupNetIP(ctx, "ip", host)
	if err != nil || len(ips) == 0 {
		return &LoadError{Text: fmt.Sprintf("the page leads to %s, whose address is not known; it was not opened", host)}
	}
	for _, ip := range ips {
		if !netrange.Public(ip) {
			return insideError(fmt.Sprintf("%s (%s)", host, ip.Unmap()))
		}
	}
	return nil
}

func (t *Tab) atHome(host string) bool { return t.opts.Home != nil && t.opts.Home(host) }

func insideError(where string) *LoadError {
	return &LoadError{Text: fmt.Sprintf("the page leads to %s, an address of this machine or its network; it was not opened", where)}
}

// arrived looks where the answer to a document of the main frame came from, and
// reports false for one that is not to be read.
func (t *Tab) arrived(e *network.EventResponseReceived) bool {
	if t.offline() || t.proc.proxied || e.Type != network.ResourceTypeDocument || e.FrameID != t.frame {
		return true
	}
	u, err := url.Parse(e.Response.URL)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || t.atHome(strings.ToLower(u.Hostname())) {
		return true
	}
	// There is none when the answer came out of the cache, where none is that
	// was refused.
	ip, err := netip.ParseAddr(strings.Trim(e.Response.RemoteIPAddress, "[]"))
	if err != nil || netrange.Public(ip) {
		return true
	}
	t.refuse(insideError(fmt.Sprintf("%s (%s)", u.Hostname(), ip)))
	return false
}

// A refusal is a document that the page went to and that is not opened.
type refusal struct {
	told chan struct{} // closed when there is an error
	err  *LoadError
}

func newRefusal() *refusal { return &refusal{told: make(chan struct{})} }

// refuse ends what the tab does with the page.
func (t *Tab) refuse(err *LoadError) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.refused.err == nil {
		t.refused.err = err
		close(t.refused.told)
	}
}

// onPage runs f as within does, until the page goes where it may not. Nothing
// that f found there is good then.
func (t *Tab) onPage(ctx context.Context, f func(context.Context, cdp.Session) error) error {
	t.mu.Lock()
	r := t.refused
	t.mu.Unlock()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		select {
		case <-r.told:
			cancel()
		case <-ctx.Done():
		}
	}()
	err := t.within(ctx, f)
	select {
	case <-r.told:
		return r.err
	default:
		return err
	}
}

// leave takes the tab away from its page while that is guarded: when a tab is
// closed Chrome lets what waits for judgement go ahead, and what follows it. No
// document is opened from now on. A page that hangs is left after some seconds
// as it is.
func (t *Tab) leave(ctx context.Context) {
	t.unused()
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	s := chromedp.FromContext(t.ctx).Target
	for ctx.Err() == nil {
		if call(ctx, s, page.Navigate, page.NavigateParams{URL: "about:blank"}) != nil {
			return
		}
		// The page may have gone elsewhere by itself just before.
		at, err := cdp.Call(ctx, s, runtime.Evaluate, runtime.EvaluateParams{Expression: "location.href"})
		if err == nil && at.Result != nil && string(at.Result.Value) == `"about:blank"` {
			return
		}
	}
}

// internal are addresses of this machine, with which no storefront has any
// business, for a Chrome that runs elsewhere: ours knows none of them
// (resolverRules). The patterns know no part of a number.
var internal = []string{
	"*://localhost:*/*", "*://*.localhost:*/*", "*://127.0.0.1:*/*", "*://0.0.0.0:*/*", "file:///*",
}

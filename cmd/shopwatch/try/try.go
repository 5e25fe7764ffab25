// Package try finds out what an address is: which marketplaces would read the
// storefront there, what each would see of it, and which is best. It keeps
// nothing.
package try

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"shopwatch/tracker"
	"shopwatch/tracker/market"
	"shopwatch/tracker/scan"
)

// Options say how an address is tried.
type Options struct {
	Markets market.Set
	// Scanner returns what reads the storefronts of a marketplace. It is to
	// keep nothing, and to ask for no more than Pages pages of one.
	Scanner func(*market.Market) *scan.Scanner
	Pages   int
	// Browser says that pages may be shown in a browser.
	Browser bool
	// Tell, when not nil, is told of every step, and of every page.
	Tell func(step string, p *tracker.Progress)
}

// A Finding is what was found at an address.
type Finding struct {
	Address string   `json:"address"`
	Final   string   `json:"final"` // that answered in the end; empty when none did
	Signs   []string `json:"signs"` // what it says of itself
	Ways    []Result `json:"ways"`  // in the order in which they were tried
	Best    int      `json:"best"`  // the index in Ways; -1 when none can be recommended
	// Lines are those for the configuration, for the best way. Empty when
	// there is none.
	Lines string `json:"lines"`
}

// A Result is what one way of reading saw.
type Result struct {
	Marketplace string            `json:"marketplace"`
	URL         string            `json:"url"`
	Transport   string            `json:"transport"` // http or browser
	Layout      string            `json:"layout"`
	Signs       []string          `json:"signs"`
	Notes       []string          `json:"notes"`
	Verdict     tracker.Verdict   `json:"verdict"`
	Reason      string            `json:"reason"`
	Pages       int               `json:"pages"`
	Products    int               `json:"products"`
	Declared    tracker.Declared  `json:"declared"`
	Warnings    []string          `json:"warnings"`
	Currencies  []string          `json:"currencies"`
	Priced      int               `json:"priced"` // products whose price is known
	First       []tracker.Product `json:"first"`
	Proof       string            `json:"proof"`

	way market.Way
	m   *market.Market
}

// mostFirst is how many products are shown.
const mostFirst = 5

// A trial is one address that is tried.
type trial struct {
	Options
	finding *Finding
}

// Address tries an address. An error is an address that cannot be tried at all.
func Address(ctx context.Context, address string, o Options) (*Finding, error) {
	if !strings.Contains(address, "://") {
		address = "https://" + address
	}
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return nil, fmt.Errorf("%q is not a web address; write it like https://tencent.tmall.com/", address)
	}
	t := &trial{o, &Finding{Address: address, Best: -1}}
	if m, err := o.Markets.Find(address); err == nil {
		t.read(ctx, m, market.Way{URL: address, Signs: []string{"its address"}})
	} else if err := t.website(ctx, address); err != nil {
		return nil, err
	}
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	t.recommend()
	return t.finding, nil
}

func (t *trial) tell(format string, a ...any) {
	if t.Tell != nil {
		t.Tell(fmt.Sprintf(format, a...), nil)
	}
}

// website finds out about an address that tells nothing by itself. It asks for it
// over HTTP first; a browser is tried where that does not show a whole list.
func (t *trial) website(ctx context.Context, address string) error {
	i := slices.IndexFunc(t.Markets, func(m *market.Market) bool { return m.Tab != nil && m.Tab.Show != "" })
	if i < 0 {
		_, err := t.Markets.Find(address)
		return err
	}
	general := t.Markets[i] // it reads any website
	a, err := t.ask(ctx, general, market.OverHTTP, address)
	if err == nil {
		t.finding.Final = a.URL
		t.sayWhat(a)
		// Platforms come before what can be done with any website.
		for _, m := range t.Markets {
			if m.Recognise != nil && m != general {
				t.readAll(ctx, m, m.Recognise(a))
			}
		}
		if !t.whole() {
			t.readAll(ctx, general, general.Recognise(a))
		}
	}
	if !t.whole() && t.Browser && ctx.Err() == nil {
		shown, second := t.ask(ctx, general, market.InTab, cmp.Or(t.finding.Final, address))
		if second == nil {
			t.finding.Final = cmp.Or(t.finding.Final, shown.URL)
			t.readAll(ctx, general, general.Recognise(shown))
		} else if err != nil {
			err = errors.Join(err, fmt.Errorf("in a browser: %w", second))
		}
		if second == nil {
			err = nil
		}
	}
	if err != nil && len(t.finding.Ways) == 0 {
		return fmt.Errorf("%s: %w", address, err)
	}
	return nil
}

func (t *trial) ask(ctx context.Context, m *market.Market, by market.Transport, address string) (*market.Answer, error) {
	req := market.Request{URL: address, Header: http.Header{"Accept": {"text/html,application/xhtml+xml;q=0.9,*/*;q=0.5"}}}
	if by == market.InTab {
		t.tell("showing %s in a browser", address)
		req.Wait = m.Tab.Show
	} else {
		t.tell("asking for %s", address)
	}
	return t.Scanner(m).Ask(ctx, scan.Visit{Market: m, Transport: by, Request: req})
}

// sayWhat notes what an answer says of itself.
func (t *trial) sayWhat(a *market.Answer) {
	note := func(format string, args ...any) {
		t.finding.Signs = append(t.finding.Signs, market.Clip(fmt.Sprintf(format, args...), 300))
	}
	if a.URL != t.finding.Address {
		note("it leads to %s", a.URL)
	}
	if a.Status != http.StatusOK {
		note("it came with status %d", a.Status)
	}
	if refused := market.Refusal(a); refused != nil {
		note("over HTTP: %s", refused.Reason)
	}
	for _, s := range a.Signs([]string{"Server", "X-Powered-By", "X-Generator"}, nil) {
		name := strings.TrimPrefix(s, "header ")
		note("%s: %s", name, a.Header.Get(name))
	}
	if a.Holds("application/ld+json") {
		note("it has JSON-LD")
	}
}

// most is how many ways of one marketplace are tried.
const most = 3

// readAll tries ways of a marketplace until one shows the whole list.
func (t *trial) readAll(ctx context.Context, m *market.Market, ways []market.Way) {
	for _, w := range ways[:min(len(ways), most)] {
		if ctx.Err() != nil || t.read(ctx, m, w) {
			return
		}
	}
}

// read tries a way, and reports whether it shows the whole list.
func (t *trial) read(ctx context.Context, m *market.Market, w market.Way) bool {
	r := Result{Marketplace: m.Name, URL: w.URL, Signs: w.Signs, Notes: w.Notes, way: w, m: m}
	options, err := text(w.Options)
	if err == nil {
		err = t.scan(ctx, &r, options)
	}
	if err != nil {
		r.Verdict, r.Reason = tracker.Failed, err.Error()
	}
	if ctx.Err() != nil {
		return false
	}
	r.Proof = r.proof()
	t.finding.Ways = append(t.finding.Ways, r)
	return r.Verdict == tracker.Complete
}

// scan reads the storefront as a scan would.
func (t *trial) scan(ctx context.Context, r *Result, options string) error {
	sf, err := r.m.Storefront(r.URL, options)
	if err != nil {
		return err
	}
	if r.Transport = "http"; sf.Transport() == market.InTab {
		if r.Transport = "browser"; !t.Browser {
			return errors.New("it is read in a browser, and there is none")
		}
	}
	t.tell("reading %s as %s", r.URL, r.m.Name)
	s := t.Scanner(r.m).Scan(ctx, tracker.Storefront{Name: "try", URL: r.URL, Marketplace: r.m.Name, Options: options}, tracker.DefaultRules(), func(p tracker.Progress) {
		if t.Tell != nil {
			t.Tell("", &p)
		}
	})
	e := &s.Evidence
	r.Verdict, r.Reason, r.Layout, r.Pages, r.Declared, r.Warnings = s.Verdict, s.Reason, e.Layout, e.Pages, e.Declared, e.Warnings
	r.Products, r.First = len(s.Products), s.Products[:min(len(s.Products), mostFirst)]
	for i := range s.Products {
		p := &s.Products[i].Price
		if !p.Known() {
			continue
		}
		r.Priced++
		if !slices.Contains(r.Currencies, p.Currency) {
			r.Currencies = append(r.Currencies, p.Currency)
		}
	}
	if t.Pages > 0 && e.Opened >= t.Pages && s.Verdict == tracker.Partial {
		r.Reason = fmt.Sprintf("there is more: it was left at %d pages; --pages reads on", t.Pages)
	}
	return nil
}

// proof says in one line what proves the list whole, or why it is not proven.
func (r *Result) proof() string {
	switch {
	case r.Verdict != tracker.Complete:
		return r.Reason
	case r.Products == 0:
		return "it says that it has no products"
	case len(r.Warnings) > 0:
		return r.Warnings[0]
	case r.Declared.Products > 0:
		return fmt.Sprintf("%d products are declared, and as many were seen", r.Declared.Products)
	case r.Declared.Pages == 1:
		return "its only page was read"
	case r.Declared.Pages > 0:
		return fmt.Sprintf("all of %d pages were read", r.Declared.Pages)
	}
	return "the list was read to its end"
}

// whole reports whether a way has shown the whole list.
func (t *trial) whole() bool {
	return slices.ContainsFunc(t.finding.Ways, func(r Result) bool { return r.Verdict == tracker.Complete && r.Products > 0 })
}

// rank says how good a way is.
func (r *Result) rank() int {
	switch {
	case r.Verdict == tracker.Complete && r.Products == 0:
		return 1
	case r.Verdict == tracker.Complete && len(r.Warnings) == 0:
		return 5
	case r.Verdict == tracker.Complete:
		return 4
	case r.Verdict == tracker.Partial && r.cutShort():
		return 3
	case r.Verdict == tracker.Partial && r.Products > 0:
		return 2
	case r.Verdict == tracker.Login:
		return 1 // it can be read by who is logged in
	}
	return 0
}

// cutShort reports whether a way was only left too early to tell.
func (r *Result) cutShort() bool { return strings.HasPrefix(r.Reason, "there is more:") }

// recommend picks the best way: that which proves most, of equals the first.
func (t *trial) recommend() {
	f := t.finding
	best := 0
	for i := range f.Ways {
		if rank := f.Ways[i].rank(); rank > best {
			f.Best, best = i, rank
		}
	}
	if f.Best >= 0 {
		r := &f.Ways[f.Best]
		f.Lines = lines(r, r.m.Match != nil && matches(r))
	}
}

// matches reports whether the address alone tells the marketplace.
func matches(r *Result) bool {
	u, err := url.Parse(r.URL)
	return err == nil && r.m.Match(u)
}

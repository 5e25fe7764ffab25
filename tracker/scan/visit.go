package scan

import (
	"context"
	"net/url"
	"strings"

	"shopwatch/tracker"
	"shopwatch/tracker/market"
)

// A Visit is one page that is asked for outside of a scan.
type Visit struct {
	// Market is that whose pace is kept, and in whose tab the page is shown.
	Market    *market.Market
	Transport market.Transport
	Request   market.Request
}

// Ask asks for one page, as politely as a scan: at its pace, within its
// time, and over HTTP as robots.txt wants it.
func (s *Scanner) Ask(ctx context.Context, v Visit) (*market.Answer, error) {
	u, err := url.Parse(v.Request.URL)
	if err != nil {
		return nil, err
	}
	r := s.reading(tracker.Storefront{}, tracker.Rules{}, nil)
	r.market, r.gate, r.storefront = v.Market, v.Market.GateOf(v.Request.URL), visited{host: u.Hostname(), transport: v.Transport}
	r.policy = newRobotsPolicy(r.storefront)
	if r.reader, err = r.newReader(); err != nil {
		return nil, err
	}
	defer func() {
		r.came()
		r.reader.Close()
	}()
	return r.bring(ctx, v.Request)
}

// visited is the website of a visit, as far as it has to be known: the host that
// the user has named.
type visited struct {
	market.Storefront // of which nothing is called
	host              string
	transport         market.Transport
}

func (v visited) Home(host string) bool {
	return strings.TrimPrefix(strings.ToLower(host), "www.") == strings.TrimPrefix(strings.ToLower(v.host), "www.")
}

func (v visited) Transport() market.Transport { return v.transport }

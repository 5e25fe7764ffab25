package daemon

import (
	"context"
	"errors"
	"net/url"

	"shopwatch/storage"
	"shopwatch/tracker"
	"shopwatch/tracker/archive"
	"shopwatch/tracker/browser"
	"shopwatch/tracker/market"
	"shopwatch/tracker/scan"
)

// captureEnding is the extension of captures among the evidence files.
const captureEnding = "wacz"

// capturing says what is captured of a scan that is due: of a storefront whose
// last scan was not complete, everything, so that what is kept of the next such
// scan can be read again from its beginning.
func (e *engine) capturing(ctx context.Context, name tracker.StorefrontName) scan.Capturing {
	st, err := e.store.State(ctx, name)
	if err != nil || st.LastScan.IsZero() || st.LastVerdict == tracker.Complete || e.journal.careful(name) {
		return scan.CaptureEnd
	}
	return scan.CaptureIncomplete
}

// archive keeps a capture.
func (e *engine) archive(ctx context.Context, c *archive.Capture) (string, error) {
	if e.config.Load().Retention.Captures == 0 {
		return "", nil
	}
	if e.journal.careful(c.Reading.Storefront.Name) {
		return "", errors.New("shopwatch was killed in the last scans of this storefront")
	}
	c.Reading.Software = "shopwatch/" + e.options.Version
	tree, err := e.store.Tree(ctx)
	if err != nil {
		return "", err
	}
	signer, err := archive.NewSigner(tree.Signer)
	if err != nil {
		return "", err
	}
	file, err := c.Pack(signer)
	if err != nil {
		return "", err
	}
	return e.store.KeepEvidence(ctx, file, captureEnding)
}

// accountCookies are the cookies that Chrome has sent to a storefront.
func accountCookies(ctx context.Context, b *browser.Browser, address string, m *market.Market) (list []archive.Cookie, err error) {
	if b.PID() == 0 {
		return nil, nil // it was read over HTTP, where no cookies are sent
	}
	var domains []string
	if u, err := url.Parse(address); err == nil {
		domains = append(domains, u.Hostname())
	}
	if m.Login != nil {
		domains = append(domains, m.Login.All()...)
	}
	values, err := b.CookieValues(ctx, domains)
	for _, v := range values {
		list = append(list, archive.Cookie{Name: v[0], Value: v[1]})
	}
	return list, err
}

// keepNewest drops the captures that a scan replaces. What cannot be dropped now
// falls to retention.
func (e *engine) keepNewest(ctx context.Context, s *tracker.Scan) {
	if err := storage.DropOlderCaptures(ctx, e.store, s); err != nil {
		e.log.Warn("older captures not dropped", "storefront", s.Storefront, "err", err)
	}
}

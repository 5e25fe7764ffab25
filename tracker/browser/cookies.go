package browser

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/storage"
	"github.com/chromedp/chromedp"
)

// A Cookie is what shopwatch looks at of a cookie: never its value.
type Cookie struct {
	Name    string
	Domain  string
	Expires time.Time // zero for a session cookie, which ends with Chrome
}

// Cookies returns the cookies of some domains and of the hosts in them.
func (b *Browser) Cookies(ctx context.Context, domains []string) ([]Cookie, error) {
	full, err := b.cookies(ctx, domains)
	if err != nil {
		return nil, err
	}
	var all []Cookie
	for _, c := range full {
		k := Cookie{Name: c.Name, Domain: c.Domain}
		if lasts(c) {
			k.Expires = time.UnixMilli(int64(c.Expires * 1000)).UTC()
		}
		all = append(all, k)
	}
	return all, nil
}

func (b *Browser) cookies(ctx context.Context, domains []string) ([]*network.Cookie, error) {
	p, err := b.use(ctx)
	if err != nil {
		return nil, err
	}
	defer b.release(p)
	return p.cookies(ctx, domains)
}

func (p *process) cookies(ctx context.Context, domains []string) ([]*network.Cookie, error) {
	var all []*network.Cookie
	err := p.ask(ctx, func(ctx context.Context, s cdp.Session) error {
		res, err := cdp.Call(ctx, s, storage.GetCookies, storage.GetCookiesParams{})
		all = res.Cookies
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("look at the cookies: %w", err)
	}
	return slices.DeleteFunc(all, func(c *network.Cookie) bool { return !belongs(c.Domain, domains) }), nil
}

// setCookies sets all cookies that Chrome takes. Its error names the others.
func (p *process) setCookies(ctx context.Context, cookies ...*network.CookieParam) error {
	err := p.ask(ctx, func(ctx context.Context, s cdp.Session) error {
		_, err := cdp.Call(ctx, s, storage.SetCookies, storage.SetCookiesParams{Cookies: cookies})
		return err
	})
	if err == nil || ctx.Err() != nil {
		return err
	}
	if len(cookies) == 1 {
		return fmt.Errorf("set the cookie %s: %w", cookies[0].Name, err)
	}
	// One that it refuses has kept it from setting any.
	var refused []error
	for _, c := range cookies {
		refused = append(refused, p.setCookies(ctx, c))
	}
	return errors.Join(refused...)
}

// lasts reports whether a cookie outlives its Chrome.
func lasts(c *network.Cookie) bool { return !c.Session && c.Expires > 0 }

// belongs reports whether a cookie's domain is one of some domains or lies
// within one.
func belongs(domain string, domains []string) bool {
	domain = strings.ToLower(strings.TrimPrefix(domain, "."))
	return slices.ContainsFunc(domains, func(d string) bool {
		return domain == d || strings.HasSuffix(domain, "."+d)
	})
}

// ask asks the browser itself, as opposed to one of its tabs.
func (p *process) ask(ctx context.Context, f func(context.Context, cdp.Session) error) error {
	c, cancel := context.WithTimeout(p.ctx, 10*time.Second)
	defer cancel()
	defer context.AfterFunc(ctx, cancel)()
	err := f(c, chromedp.FromContext(p.ctx).Browser)
	if err != nil && ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}

// keepFor is how long a session cookie is kept: longer than a marketplace
// keeps the session that it stands for.
const keepFor = 30 * 24 * time.Hour

// keep gives the session cookies of some domains an end, so that they outlive
// Chrome. The login of a marketplace may stand on nothing else.
func (p *process) keep(domains []string) error {
	if len(domains) == 0 || p.remote || p.temp {
		return nil
	}
	ctx, cancel := context.WithTimeout(p.ctx, 3*time.Second)
	defer cancel()
	all, err := p.cookies(ctx, domains)
	if err != nil {
		return err
	}
	var kept []*network.CookieParam
	for _, c := range all {
		if lasts(c) || c.PartitionKeyOpaque {
			continue
		}
		k := param(c)
		k.Expires = cdp.TimeSinceEpoch(time.Now().Add(keepFor).Unix())
		kept = append(kept, k)
	}
	if len(kept) == 0 {
		return nil
	}
	return p.setCookies(ctx, kept...)
}

// param is what sets a cookie as it is.
func param(c *network.Cookie) *network.CookieParam {
	p := &network.CookieParam{Name: c.Name, Value: c.Value, Domain: c.Domain, Path: c.Path,
		Secure: c.Secure, HTTPOnly: c.HTTPOnly, SameSite: c.SameSite, Priority: c.Priority, PartitionKey: c.PartitionKey}
	if !strings.HasPrefix(c.Domain, ".") { // of this host alone
		p.URL, p.Domain = "https://"+c.Domain+c.Path, ""
	}
	if lasts(c) {
		p.Expires = cdp.TimeSinceEpoch(c.Expires)
	}
	return p
}

// CookieValues returns names and values of the cookies of some domains, to take
// them out of what pages said.
func (b *Browser) CookieValues(ctx context.Context, domains []string) (list [][2]string, err error) {
	full, err := b.cookies(ctx, domains)
	for _, c := range full {
		list = append(list, [2]string{c.Name, c.Value})
	}
	return list, err
}

// A savedCookie is a cookie as it is carried from one profile to another.
// Fields may be added, never renamed.
type savedCookie struct {
	Name     string  `json:"name"`
	Value    string  `json:"value"`
	Domain   string  `json:"domain"` // with a dot in front: also of the hosts in it
	Path     string  `json:"path"`
	Expires  float64 `json:"expires,omitempty"` // Unix seconds; 0 for a session cookie
	Secure   bool    `json:"secure,omitempty"`
	HTTPOnly bool    `json:"http_only,omitempty"`
	SameSite string  `json:"same_site,omitempty"`
}

// SaveCookies returns the cookies of some domains with their values, for
// LoadCookies of another profile. They are a login: keep them secret.
func (b *Browser) SaveCookies(ctx context.Context, domains []string) ([]byte, error) {
	full, err := b.cookies(ctx, domains)
	if err != nil {
		return nil, err
	}
	saved := []savedCookie{}
	for _, c := range full {
		if c.PartitionKey != nil {
			continue // of a page within another site's page
		}
		s := savedCookie{Name: c.Name, Value: c.Value, Domain: c.Domain, Path: c.Path,
			Secure: c.Secure, HTTPOnly: c.HTTPOnly, SameSite: string(c.SameSite)}
		if lasts(c) {
			s.Expires = c.Expires
		}
		saved = append(saved, s)
	}
	return json.Marshal(saved)
}

// LoadCookies puts cookies that SaveCookies returned into the profile. One
// that belongs to none of the domains is an error, and then none is put there.
// One that Chrome refuses is an error that names it; the others are there.
// Close the browser to have them kept.
func (b *Browser) LoadCookies(ctx context.Context, domains []string, saved []byte) error {
	var list []savedCookie
	if err := json.Unmarshal(saved, &list); err != nil {
		return fmt.Errorf("these are no saved cookies: %w", err)
	}
	var params []*network.CookieParam
	for i := range list {
		s := &list[i]
		if !belongs(s.Domain, domains) {
			return fmt.Errorf("a cookie of %s is not one of %s", s.Domain, strings.Join(domains, ", "))
		}
		params = append(params, param(&network.Cookie{Name: s.Name, Value: s.Value, Domain: s.Domain, Path: s.Path,
			Expires: s.Expires, Secure: s.Secure, HTTPOnly: s.HTTPOnly, SameSite: network.CookieSameSite(s.SameSite)}))
	}
	p, err := b.use(ctx)
	if err != nil {
		return err
	}
	defer b.release(p)
	return p.setCookies(ctx, params...)
}

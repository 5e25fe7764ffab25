package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/google/renameio/v2/maybe"

	"shopwatch/cmd/shopwatch/config"
	"shopwatch/cmd/shopwatch/term"
	"shopwatch/tracker/browser"
	"shopwatch/tracker/market"
	"shopwatch/tracker/market/all"
)

// A loginRecord is kept beside the profile: when a login was made, and how.
type loginRecord struct {
	At     time.Time `json:"at"`
	Method string    `json:"method"` // window, qr or import
}

// A loginState is what is known of the login to a marketplace: nothing of the
// account, and no value of a cookie.
type loginState struct {
	Marketplace string    `json:"marketplace"`
	At          time.Time `json:"at,omitzero"`      // when shopwatch login made it; zero: never
	Method      string    `json:"method,omitempty"` // window, qr or import
	// Looked is false when the cookies were not looked at: what follows is
	// then unknown.
	Looked  bool      `json:"looked"`
	There   bool      `json:"there"`             // a domain has the cookies of a login
	Missing []string  `json:"missing,omitempty"` // domains that have not, while There
	Ends    time.Time `json:"ends,omitzero"`     // when the first domain will have them no more; zero: with Chrome

	ends map[string]time.Time // by domain
}

func loginFile(c *config.Config, m *market.Market) string {
	return filepath.Join(filepath.Dir(filepath.Clean(c.Browser.Profile)), "login-"+m.Name+".json")
}

// loginOf returns what is known of the login to a marketplace. It looks at the
// cookies with b; without b, or while somebody else has the profile, it tells
// the age of the login only.
func loginOf(ctx context.Context, c *config.Config, m *market.Market, b *browser.Browser) (loginState, error) {
	s := loginState{Marketplace: m.Name}
	text, err := os.ReadFile(loginFile(c, m))
	if err == nil {
		var r loginRecord
		if err := json.Unmarshal(text, &r); err != nil {
			return s, fmt.Errorf("%s is not readable (delete it): %w", loginFile(c, m), err)
		}
		s.At, s.Method = r.At, r.Method
	} else if !errors.Is(err, fs.ErrNotExist) {
		return s, fmt.Errorf("read when the login was made: %w", err)
	}
	if b == nil {
		return s, nil
	}
	cookies, err := b.Cookies(ctx, m.Login.Domains)
	if errors.Is(err, browser.ErrInUse) {
		return s, nil
	}
	if err != nil {
		return s, err
	}
	s.judge(m, cookies, time.Now())
	return s, nil
}

// judge judges by the names of cookies and their ends.
func (s *loginState) judge(m *market.Market, cookies []browser.Cookie, now time.Time) {
	s.Looked, s.ends = true, map[string]time.Time{}
	for _, domain := range m.Login.Domains {
		ends := map[string]time.Time{}
		for _, c := range cookies {
			if d := "." + strings.TrimPrefix(c.Domain, "."); strings.HasSuffix(d, "."+domain) {
				ends[c.Name] = c.Expires
			}
		}
		end, ok := m.Login.Until(now, ends)
		if !ok {
			s.Missing = append(s.Missing, domain)
			continue
		}
		s.There = true
		s.ends[domain] = end
		if !end.IsZero() && (s.Ends.IsZero() || end.Before(s.Ends)) {
			s.Ends = end
		}
	}
	if !s.There {
		s.Missing = nil
	}
}

// sameEnds reports whether the cookies end when those of another state do: a
// new login would have moved that.
func (s loginState) sameEnds(other loginState) bool {
	return maps.EqualFunc(s.ends, other.ends, func(a, b time.Time) bool { return a.Sub(b).Abs() < time.Second })
}

// made says when the login was made, in one line.
func (s loginState) made() string {
	if s.At.IsZero() {
		return fmt.Sprintf("No login to %s was made here (shopwatch login %s)", s.Marketplace, s.Marketplace)
	}
	return fmt.Sprintf("Logged in to %s %s (%s)", s.Marketplace, term.Ago(time.Since(s.At)), s.Method)
}

// String says all of it in one line.
func (s loginState) String() string {
	switch {
	case !s.Looked:
		return s.made()
	case !s.There && s.At.IsZero():
		return fmt.Sprintf("Not logged in to %s: shopwatch login %s", s.Marketplace, s.Marketplace)
	case !s.There:
		return s.made() + fmt.Sprintf(", but its cookies are gone or have expired: shopwatch login %s", s.Marketplace)
	case s.At.IsZero():
		return fmt.Sprintf("Cookies of a login to %s are there%s", s.Marketplace, s.until())
	}
	return s.made() + "; its cookies are kept" + s.until()
}

func (s loginState) until() string {
	if s.Ends.IsZero() {
		return " as long as Chrome runs"
	}
	return " until " + s.Ends.Format(time.DateOnly)
}

// writeLogin notes a login beside the profile.
func writeLogin(c *config.Config, m *market.Market, r loginRecord) error {
	text, err := json.Marshal(r)
	if err != nil {
		return err
	}
	if err := maybe.WriteFile(loginFile(c, m), append(text, '\n'), 0o600); err != nil {
		return fmt.Errorf("note when the login was made: %w", err)
	}
	return nil
}

// marketplacesOf are those of the configured storefronts that know a login.
func marketplacesOf(c *config.Config) []*market.Market {
	return slices.DeleteFunc(all.Markets(), func(m *market.Market) bool {
		return m.Login == nil || !slices.ContainsFunc(c.Storefronts, func(sf config.Storefront) bool { return sf.Marketplace == m.Name })
	})
}

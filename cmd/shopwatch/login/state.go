package login

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"time"

	"shopwatch/cmd/shopwatch/term"
	"shopwatch/tracker/atomicfile"
	"shopwatch/tracker/browser"
	"shopwatch/tracker/market"
)

// A Record is kept beside the profile: when a login was made, and how.
type Record struct {
	At     time.Time `json:"at"`
	Method string    `json:"method"` // window, qr or import
}

// A State is what is known of the login to a marketplace: nothing of the
// account, and no value of a cookie.
type State struct {
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

// RecordFile is where it is noted when the login to a marketplace was made:
// beside the profile.
func RecordFile(profile string, m *market.Market) string {
	return filepath.Join(filepath.Dir(filepath.Clean(profile)), "login-"+m.Name+".json")
}

// StateOf returns what is known of the login to a marketplace. It looks at the
// cookies with b; without b, or while somebody else has the profile, it tells
// the age of the login only.
func StateOf(ctx context.Context, profile string, m *market.Market, b *browser.Browser) (State, error) {
	s := State{Marketplace: m.Name}
	text, err := os.ReadFile(RecordFile(profile, m))
	if err == nil {
		var r Record
		if err := json.Unmarshal(text, &r); err != nil {
			return s, fmt.Errorf("%s is not readable (delete it): %w", RecordFile(profile, m), err)
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
func (s *State) judge(m *market.Market, cookies []browser.Cookie, now time.Time) {
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
func (s State) sameEnds(other State) bool {
	return maps.EqualFunc(s.ends, other.ends, func(a, b time.Time) bool { return a.Sub(b).Abs() < time.Second })
}

// Made says when the login was made, in one line.
func (s State) Made() string {
	if s.At.IsZero() {
		return fmt.Sprintf("No login to %s was made here (shopwatch login %s)", s.Marketplace, s.Marketplace)
	}
	return fmt.Sprintf("Logged in to %s %s (%s)", s.Marketplace, term.Ago(time.Since(s.At)), s.Method)
}

// String says all of it in one line.
func (s State) String() string {
	switch {
	case !s.Looked:
		return s.Made()
	case !s.There && s.At.IsZero():
		return fmt.Sprintf("Not logged in to %s: shopwatch login %s", s.Marketplace, s.Marketplace)
	case !s.There:
		return s.Made() + fmt.Sprintf(", but its cookies are gone or have expired: shopwatch login %s", s.Marketplace)
	case s.At.IsZero():
		return fmt.Sprintf("Cookies of a login to %s are there%s", s.Marketplace, s.until())
	}
	return s.Made() + "; its cookies are kept" + s.until()
}

func (s State) until() string {
	if s.Ends.IsZero() {
		return " as long as Chrome runs"
	}
	return " until " + s.Ends.Format(time.DateOnly)
}

// WriteRecord notes a login beside the profile.
func WriteRecord(profile string, m *market.Market, r Record) error {
	text, err := json.Marshal(r)
	if err != nil {
		return err
	}
	if err := atomicfile.Write(RecordFile(profile, m), append(text, '\n'), 0o600); err != nil {
		return fmt.Errorf("note when the login was made: %w", err)
	}
	return nil
}

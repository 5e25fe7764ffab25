// Package market says what a marketplace is: how its storefronts are found,
// what is asked of it, and what its answers mean. Each marketplace has a package
// of its own below this one, which holds everything that is particular to it.
// All of it is pure: answers go in, facts come out.
package market

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strings"

	"shopwatch/tracker"
)

// A Market is a marketplace, or a shop platform that is read in one way.
type Market struct {
	Name  string // in the configuration and in output: "tmall"
	Title string // for people: "Tmall"
	// Addresses say in messages which addresses belong to it:
	// "NAME.tmall.com".
	Addresses string
	// Parser is the version of how its pages are read. It is raised when the
	// fields of products would read otherwise than before, so that the
	// difference is not taken for news.
	Parser int
	// Match reports whether an address alone tells that it belongs to this
	// marketplace. Whether it is that of a storefront, and what to write when
	// it is not, says Open. Nil when addresses never tell.
	Match func(*url.URL) bool
	// Options returns a pointer to a struct with the defaults of what a
	// storefront may choose, named by json tags. Nil when there is nothing
	// to choose.
	Options func() any
	// Open returns the storefront at an address. Options are what Options
	// returned, filled in. An error about one of them is an *OptionError.
	Open func(u *url.URL, options any) (Storefront, error)
	// Recognise returns the ways in which it would read the website that gave
	// an answer: that to an address which somebody has named. An answer is one
	// over HTTP, or to Tab.Show in a tab. It returns none when the website is
	// none of its own. Nil when addresses tell all.
	Recognise func(*Answer) []Way
	// Thumbnails returns addresses of smaller versions of a picture, the
	// smallest first. Nil when there are none.
	Thumbnails func(picture string) []string
	// Gate names what a storefront of it shares with others: those of one gate
	// are scanned one after another and at one pace, and a wall stops all of
	// them. HostGate is that of a platform whose shops are websites of their
	// own. Nil when all its storefronts share one, which has its name.
	Gate func(*url.URL) string
	// Tab says how its pages are read in a tab of the browser. Nil when they
	// never are.
	Tab *Tab
	// ByName says that the page of a product is found by a name in its address,
	// which the seller may change, and not by its number.
	ByName bool
	// Login says where people log in. Nil where storefronts are open to all.
	Login *Login
}

// An OptionError says what is wrong with an option of a storefront.
type OptionError struct {
	Option string
	Err    error
}

func (e *OptionError) Error() string { return e.Option + ": " + e.Err.Error() }
func (e *OptionError) Unwrap() error { return e.Err }

// Storefront returns the storefront at an address. Options are a JSON object
// with the options that differ from the defaults, or empty. An option that the
// marketplace does not have is an error.
func (m *Market) Storefront(address, options string) (Storefront, error) {
	u, err := parseAddress(address)
	if err != nil {
		return nil, err
	}
	if m.Options == nil {
		if options != "" && options != "{}" {
			return nil, fmt.Errorf("a storefront of %s has no options", m.Title)
		}
		return m.Open(u, nil)
	}
	o := m.Options()
	if options != "" {
		d := json.NewDecoder(strings.NewReader(options))
		d.DisallowUnknownFields()
		if err := d.Decode(o); err != nil {
			return nil, fmt.Errorf("options: %w", err)
		}
		if _, err := d.Token(); !errors.Is(err, io.EOF) {
			return nil, errors.New("options: more than one JSON value")
		}
	}
	return m.Open(u, o)
}

func parseAddress(address string) (*url.URL, error) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, fmt.Errorf("%q is not an address: %w", address, err)
	}
	if u.Scheme != "https" && u.Scheme != "http" || u.Hostname() == "" {
		return nil, fmt.Errorf("%q is not a web address; write it like https://tencent.tmall.com/", address)
	}
	return u, nil
}

// HostGate is the Gate of marketplaces whose storefronts are websites of their
// own: what one refuses, another knows nothing of.
func HostGate(u *url.URL) string { return strings.TrimPrefix(strings.ToLower(u.Host), "www.") }

// GateOf returns the gate of the storefront at an address.
func (m *Market) GateOf(address string) string {
	if m.Gate != nil {
		if u, err := parseAddress(address); err == nil {
			return m.Gate(u)
		}
	}
	return m.Name
}

// A Set are the marketplaces that a program knows.
type Set []*Market

// Find returns the marketplace of a storefront's address, as far as the address
// alone tells. Its error says which addresses are understood.
func (s Set) Find(address string) (*Market, error) {
	u, err := parseAddress(address)
	if err != nil {
		return nil, err
	}
	var known []string
	for _, m := range s {
		if m.Match == nil {
			continue
		}
		if m.Match(u) {
			return m, nil
		}
		known = append(known, m.Addresses)
	}
	return nil, fmt.Errorf("the address alone does not tell how %s is read: shopwatch try %s finds out, and prints the lines for the configuration; known by the address are %s",
		u.Hostname(), u.Redacted(), strings.Join(known, ", "))
}

// ByName returns the marketplace of that name.
func (s Set) ByName(name string) (*Market, error) {
	if i := slices.IndexFunc(s, func(m *Market) bool { return m.Name == name }); i >= 0 {
		return s[i], nil
	}
	return nil, fmt.Errorf("no marketplace %q; known are %s", name, strings.Join(s.Names(), ", "))
}

// Names are the names of all.
func (s Set) Names() []string {
	names := make([]string, len(s))
	for i, m := range s {
		names[i] = m.Name
	}
	return names
}

// Open returns the marketplace of a storefront and the storefront.
func (s Set) Open(sf tracker.Storefront) (m *Market, _ Storefront, err error) {
	if sf.Marketplace != "" {
		m, err = s.ByName(sf.Marketplace)
	} else {
		m, err = s.Find(sf.URL)
	}
	if err != nil {
		return nil, nil, err
	}
	opened, err := m.Storefront(sf.URL, sf.Options)
	return m, opened, err
}

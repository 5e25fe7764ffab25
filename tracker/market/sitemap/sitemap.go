// Package sitemap reads the sitemaps of a website, and what its robots.txt says
// of them. A sitemap is a witness to how long a list of products is, not a proof:
// it lags behind by hours or days.
package sitemap

import (
	"bytes"
	"compress/gzip"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"

	"golang.org/x/net/html/charset"
)

// What is taken of a sitemap at most. A file may have 50,000 addresses and
// 50 MB.
const (
	maxAddresses = 50_000
	maxUnpacked  = 50 << 20
	maxText      = 16 << 20 // of all addresses together, in bytes
	maxAddress   = 2048
)

// A File is one file of a sitemap.
type File struct {
	// Index says that the addresses are those of further files.
	Index     bool
	Addresses []string
}

// Read reads a file, which may be packed with gzip. A file that is cut off or
// holds more than a file may is an error: who counts needs all of it.
func Read(body []byte) (*File, error) {
	var r io.Reader = bytes.NewReader(body)
	if bytes.HasPrefix(body, []byte{0x1f, 0x8b}) {
		unpacked, err := gzip.NewReader(r)
		if err != nil {
			return nil, fmt.Errorf("unpack the sitemap: %w", err)
		}
		r = &limited{r: unpacked, left: maxUnpacked}
	}
	d := xml.NewDecoder(r)
	d.Strict = false
	d.Entity = xml.HTMLEntity
	d.CharsetReader = charset.NewReaderLabel
	return read(d)
}

// read walks over the elements: a root, its entries and their addresses.
// Pictures and other languages of an entry have addresses of their own, deeper
// down.
func read(d *xml.Decoder) (*File, error) {
	f, size := &File{}, 0
	var path []string // names of the open elements
	var text []byte   // of the address that is being read
	in := func(names ...string) bool {
		return len(path) == 3 && path[2] == names[1] && path[1] == names[0]
	}
	for {
		t, err := d.Token()
		if errors.Is(err, io.EOF) && len(path) == 0 && f.Addresses != nil {
			return f, nil
		}
		if err != nil {
			return nil, fmt.Errorf("read the sitemap: %w", err)
		}
		switch t := t.(type) {
		case xml.StartElement:
			path = append(path, t.Name.Local)
			switch {
			case len(path) > 20:
				return nil, errors.New("read the sitemap: no sitemap is as deep")
			case len(path) > 1:
			case f.Addresses != nil:
				return nil, errors.New("read the sitemap: more than one")
			case t.Name.Local != "urlset" && t.Name.Local != "sitemapindex":
				return nil, fmt.Errorf("it is no sitemap, but begins with <%.40s>", t.Name.Local)
			default:
				f.Index, f.Addresses = t.Name.Local == "sitemapindex", []string{}
			}
			text = nil
		case xml.CharData:
			if in("url", "loc") || in("sitemap", "loc") {
				if text = append(text, t...); len(text) > 4*maxAddress {
					return nil, errors.New("read the sitemap: an address is too long")
				}
			}
		case xml.EndElement:
			if in("url", "loc") && !f.Index || in("sitemap", "loc") && f.Index {
				address := strings.TrimSpace(string(text))
				if size += len(address); len(address) > maxAddress || size > maxText || len(f.Addresses) == maxAddresses {
					return nil, errors.New("the sitemap holds more than one file may")
				}
				if address != "" {
					f.Addresses = append(f.Addresses, address)
				}
			}
			path = path[:len(path)-1]
		}
	}
}

// A limited reader fails where an io.LimitedReader would end.
type limited struct {
	r    io.Reader
	left int64
}

func (l *limited) Read(p []byte) (int, error) {
	n, err := l.r.Read(p)
	if l.left -= int64(n); l.left < 0 {
		return 0, errors.New("it is longer than a sitemap may be")
	}
	return n, err
}

// maxRobots is how much of a robots.txt is read.
const maxRobots = 500 << 10

// InRobots returns the addresses of sitemaps that a robots.txt names, 50 at
// most.
func InRobots(body []byte) (addresses []string) {
	for line := range strings.Lines(string(body[:min(len(body), maxRobots)])) {
		key, value, ok := strings.Cut(strings.TrimPrefix(line, "\ufeff"), ":")
		value, _, _ = strings.Cut(value, "#")
		value = strings.TrimSpace(value)
		if ok && strings.EqualFold(strings.TrimSpace(key), "sitemap") && value != "" && len(value) <= maxAddress && len(addresses) < 50 {
			addresses = append(addresses, value)
		}
	}
	return addresses
}

// Usual are the addresses at which a website has its sitemap when robots.txt
// names none, in the order in which they are tried.
func Usual(site *url.URL) (addresses []string) {
	for _, path := range []string{"/sitemap.xml", "/sitemap_index.xml", "/product-sitemap.xml", "/wp-sitemap.xml"} {
		addresses = append(addresses, (&url.URL{Scheme: site.Scheme, Host: site.Host, Path: path}).String())
	}
	return addresses
}

// OfProducts picks from the files of an index those whose names say that they
// are of products; all when no name says so.
func OfProducts(files []string) []string {
	var some []string
	for _, f := range files {
		u, err := url.Parse(f)
		if err == nil && strings.Contains(strings.ToLower(u.Path[strings.LastIndex(u.Path, "/")+1:]), "product") {
			some = append(some, f)
		}
	}
	if len(some) == 0 {
		return files
	}
	return some
}

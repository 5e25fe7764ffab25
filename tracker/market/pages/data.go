package pages

import (
	"errors"
	"fmt"
	"net/url"
	"slices"

	"shopwatch/tracker"
	"shopwatch/tracker/market"
	"shopwatch/tracker/market/schemaorg"
)

// dataOf reads the structured data of a page, when it is wanted.
func (s *storefront) dataOf(d *document) schemaorg.Data {
	switch s.rules.List.Data {
	case "jsonld":
		return schemaorg.JSONLD(d.root, d.base)
	case "microdata":
		return schemaorg.Microdata(d.root, d.base)
	}
	return schemaorg.Data{}
}

// products are those that structured data lists. The entries of a list may be
// articles: when they do not say that they are products, their addresses must.
func (s *storefront) products(data *schemaorg.Data) []schemaorg.Product {
	var all []schemaorg.Product
	for i := range data.Lists {
		l := &data.Lists[i]
		ours := func(p schemaorg.Product) bool {
			return s.rules.idLink != nil && s.rules.idLink.MatchString(p.URL)
		}
		if l.Typed || slices.ContainsFunc(l.Products, ours) {
			all = append(all, l.Products...)
		}
	}
	if len(all) == 0 {
		return data.Products
	}
	return all
}

// byID are the products of structured data by their IDs, for rows that lack
// something.
func (s *storefront) byID(data *schemaorg.Data) map[tracker.ProductID]*schemaorg.Product {
	by := map[tracker.ProductID]*schemaorg.Product{}
	all := s.products(data)
	for i := range all {
		if u, err := url.Parse(all[i].URL); err == nil && all[i].URL != "" {
			if id, err := s.idOfLink(u); err == nil {
				by[id] = &all[i]
			}
		}
	}
	return by
}

// ofData makes an entry of a product of structured data.
func (s *storefront) ofData(p *schemaorg.Product) (e entry, err error) {
	u, err := url.Parse(p.URL)
	if err != nil || p.URL == "" {
		return e, errors.New("it has no address")
	}
	if !sameSite(u, s.address) {
		return e, fmt.Errorf("it leads to %s, which is another website", market.Clip(u.Host, 100))
	}
	if e.ID, err = s.idOfLink(u); err != nil {
		return e, err
	}
	e.URL = s.canonical(u)
	if e.fill(p); e.Title == "" {
		return e, errors.New("it has no name")
	}
	return e, nil
}

// priceOfData makes a listed price of one of structured data.
func priceOfData(p *schemaorg.Price) tracker.Price {
	if p.Low == "" {
		return tracker.Price{Currency: p.Currency}
	}
	return priceOf(p.Low, p.High, p.Currency, p.From())
}

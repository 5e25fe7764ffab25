package api

import (
	"context"
	"fmt"
	"slices"

	"shopwatch/storage"
	"shopwatch/tracker"
)

func (s *Server) suspects(ctx context.Context, in *struct {
	Storefront string `query:"storefront" maxLength:"64"`
}) (*body[Suspects], error) {
	list, err := s.o.List(ctx)
	if in.Storefront != "" {
		if err := s.known(ctx, tracker.StorefrontName(in.Storefront)); err != nil {
			return nil, err
		}
		list = slices.DeleteFunc(list, func(sf Storefront) bool { return sf.Name != tracker.StorefrontName(in.Storefront) })
	}
	if err != nil {
		return answer(Suspects{}, err)
	}
	all := Suspects{Suspects: []Suspect{}}
	for _, sf := range list {
		misses := tracker.DefaultRules().Misses
		if i := slices.IndexFunc(s.o.Shops, func(shop StorefrontInfo) bool { return shop.Name == sf.Name }); i >= 0 {
			misses = s.o.Shops[i].Misses
		}
		for it, err := range storage.AllSuspects(ctx, s.o.Store, sf.Name) {
			if err != nil {
				return answer(all, err)
			}
			all.Suspects = append(all.Suspects, Suspect{Storefront: sf.Name, Product: it, Misses: misses, Why: whyNotGone(&it, misses)})
		}
	}
	return answer(all, nil)
}

// whyNotGone says why the removal of a missing product is not believed yet.
func whyNotGone(it *tracker.Item, misses int) string {
	left := fmt.Sprintf("missed by %d of %d required scans", it.Missing, misses)
	switch {
	case it.Probe == nil:
		return left + "; its page was not opened yet"
	case it.Probe.State == tracker.PageSold:
		return left + "; its page still sells it"
	case it.Probe.State == tracker.PageUnknown:
		return left + "; its page could not be read: " + it.Probe.Reason
	}
	return left + "; the next complete scan decides"
}

package api

import (
	"context"
	"fmt"

	"github.com/danielgtaylor/huma/v2"

	"shopwatch/storage"
	"shopwatch/tracker"
)

// groups tells who offers the products of the configured groups. An offer is
// lowest among those with which it can be compared.
func (s *Server) groups(ctx context.Context, in *struct {
	Name string `query:"name" maxLength:"64" doc:"only this group"`
}) (*body[Groups], error) {
	all, found := Groups{Groups: []Group{}}, in.Name == ""
	for i := range s.o.Groups {
		g := &s.o.Groups[i]
		if in.Name != "" && g.Name != in.Name {
			continue
		}
		found = true
		offers, err := storage.Offers(ctx, s.o.Store, g)
		if err != nil {
			return answer(all, err)
		}
		lowest := tracker.Lowest(offers)
		told := Group{Name: g.Name, Offers: []Offer{}}
		for _, k := range g.Products {
			told.Offers = append(told.Offers, Offer{
				Storefront: k.Storefront, ID: k.ID, Product: itemOf(k, offers), Lowest: itemOf(k, lowest) != nil,
			})
		}
		all.Groups = append(all.Groups, told)
	}
	if !found {
		return nil, huma.Error404NotFound(fmt.Sprintf("there is no group %q in the configuration", in.Name))
	}
	return answer(all, nil)
}

// itemOf finds the product of a key among offers, nil when it is not there.
func itemOf(k tracker.ProductKey, offers []tracker.Offer) *tracker.Item {
	for i := range offers {
		if o := &offers[i]; o.Storefront == k.Storefront && o.Item.ID == k.ID {
			return &o.Item
		}
	}
	return nil
}

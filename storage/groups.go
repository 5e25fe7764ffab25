package storage

import (
	"context"

	"shopwatch/tracker"
)

// Offers returns how storefronts offer the products of a group, in its order.
// Products that no scan has seen are left out.
func Offers(ctx context.Context, c Catalogs, g *tracker.Group) ([]tracker.Offer, error) {
	var offers []tracker.Offer
	for _, k := range g.Products {
		it, found, err := c.Product(ctx, k.Storefront, k.ID)
		if err != nil {
			return nil, err
		}
		if found {
			offers = append(offers, tracker.Offer{Storefront: k.Storefront, Item: it})
		}
	}
	return offers, nil
}

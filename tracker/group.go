package tracker

import (
	"errors"
	"strings"
)

// A ProductKey names a product among those of all storefronts. It is written
// "tencent/45123456789".
type ProductKey struct {
	Storefront StorefrontName
	ID         ProductID
}

func (k ProductKey) String() string { return string(k.Storefront) + "/" + string(k.ID) }

// MarshalText writes the key for configurations and JSON.
func (k ProductKey) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// UnmarshalText reads a key. What follows the first slash is the product.
func (k *ProductKey) UnmarshalText(text []byte) error {
	name, id, _ := strings.Cut(string(text), "/")
	if name == "" || id == "" {
		return errors.New("is no product; write the storefront, a slash and the product's number, such as tencent/45123456789")
	}
	*k = ProductKey{StorefrontName(name), ProductID(id)}
	return nil
}

// A Group is the same thing as several storefronts sell it.
type Group struct {
	Name     string
	Products []ProductKey
}

// An Offer is a product of a group, as its storefront offers it.
type Offer struct {
	Storefront StorefrontName
	Item       Item
}

// Open reports whether the offer stands: it is listed, not sold out as far as is
// known, and its price is known.
func (o *Offer) Open() bool {
	return o.Item.Listed() && o.Item.Availability != SoldOut && o.Item.Price.Known()
}

// Lowest returns the open offers that no other one undercuts, in their order:
// of each currency and basis those with the lowest price, because prices that
// are unlike in these cannot be compared.
func Lowest(offers []Offer) []Offer {
	var lowest []Offer
	for i := range offers {
		if o := &offers[i]; o.Open() && !undercut(o, offers) {
			lowest = append(lowest, *o)
		}
	}
	return lowest
}

func undercut(o *Offer, offers []Offer) bool {
	for i := range offers {
		other := &offers[i]
		if other.Open() && other.Item.Price.Comparable(o.Item.Price) && other.Item.Price.Low < o.Item.Price.Low {
			return true
		}
	}
	return false
}

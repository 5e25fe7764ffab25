package shopify

import "encoding/json"

// SoldOut are the numbers of those products of a page of the feed that are sold
// out.
func SoldOut(body []byte) (ids []string) {
	var f feed
	if err := json.Unmarshal(body, &f); err != nil {
		panic(err)
	}
	for i := range *f.Products {
		if p, err := (*f.Products)[i].product("https://shop.example/products/", ""); err == nil && p.SoldOutKnown && p.SoldOut {
			ids = append(ids, string(p.ID))
		}
	}
	return ids
}

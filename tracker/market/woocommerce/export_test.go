package woocommerce

// SoldOut are the numbers of those products of a list that are sold out.
func SoldOut(body []byte) (ids []string) {
	var entries []entry
	if err := decode(body, &entries); err != nil {
		panic(err)
	}
	for i := range entries {
		if p, err := entries[i].product("https://shop.example/wp-json/wc/store/v1/products"); err == nil && p.SoldOutKnown && p.SoldOut {
			ids = append(ids, string(p.ID))
		}
	}
	return ids
}

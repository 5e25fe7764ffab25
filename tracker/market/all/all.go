// Package all lists the marketplaces that shopwatch knows.
package all

import (
	"shopwatch/tracker/market"
	"shopwatch/tracker/market/jd"
	"shopwatch/tracker/market/magento"
	"shopwatch/tracker/market/pages"
	"shopwatch/tracker/market/prestashop"
	"shopwatch/tracker/market/shopify"
	"shopwatch/tracker/market/tmall"
	"shopwatch/tracker/market/woocommerce"
)

// Markets are the marketplaces, in the order in which an address is tried.
func Markets() market.Set {
	return market.Set{tmall.Market(), jd.Market(), shopify.Market(), woocommerce.Market(), magento.Market(), prestashop.Market(), pages.Market()}
}

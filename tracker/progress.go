package tracker

// A Progress is how far a scan has come, for the person who waits for it.
type Progress struct {
	Storefront StorefrontName `json:"storefront"`
	Pages      int            `json:"pages"` // listing pages read
	Declared   Declared       `json:"declared"`
	Products   int            `json:"products"`       // different products seen
	Probed     int            `json:"probed"`         // item pages opened
	Note       string         `json:"note,omitempty"` // something worth a line of its own
}

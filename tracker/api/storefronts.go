package api

import (
	"context"
	"fmt"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"shopwatch/tracker"
)

func (s *Server) storefronts(ctx context.Context, _ *struct{}) (*body[[]Storefront], error) {
	return answer(s.o.List(ctx))
}

// List returns the storefronts of the configuration, then those that were in
// it once.
func (o *Options) List(ctx context.Context) ([]Storefront, error) {
	known, err := o.Store.Storefronts(ctx)
	if err != nil {
		return nil, err
	}
	list := make([]Storefront, 0, len(o.Shops))
	at := make(map[tracker.StorefrontName]int, len(o.Shops))
	for _, shop := range o.Shops {
		at[shop.Name] = len(list)
		list = append(list, Storefront{Name: shop.Name, Title: shop.Title, URL: shop.URL, Marketplace: shop.Marketplace, Watched: true})
	}
	for _, k := range known {
		i, ok := at[k.Name]
		if !ok {
			i = len(list)
			at[k.Name] = i
			list = append(list, Storefront{Name: k.Name})
		}
		sf, st := &list[i], k.State
		sf.Listed, sf.Removed, sf.Incomplete, sf.Stalled, sf.Closed = st.Listed, st.Removed, st.Incomplete, st.Stalled, st.Closed
		sf.Baseline, sf.LastScan, sf.LastComplete, sf.Verdict = st.Baseline, st.LastScan, st.LastComplete, st.LastVerdict
	}
	var waiting []Waiting
	switch {
	case o.Daemon != nil:
		waiting = o.Daemon.Status(ctx)
	case o.Waiting != nil:
		if waiting, err = o.Waiting(ctx); err != nil {
			return nil, err
		}
	}
	for _, w := range waiting {
		i, ok := at[w.Name]
		if !ok {
			continue
		}
		list[i].Next, list[i].Cooling, list[i].Waits = w.Next, w.Cooling, w.Waits
		if !w.Began.IsZero() {
			list[i].Scanning = &w.Progress
		}
	}
	return list, nil
}

// known refuses a storefront that nobody has heard of.
func (s *Server) known(ctx context.Context, name tracker.StorefrontName) error {
	list, err := s.o.List(ctx)
	if err != nil {
		return huma.Error500InternalServerError(err.Error())
	}
	var names []string
	for _, sf := range list {
		if sf.Name == name {
			return nil
		}
		names = append(names, string(sf.Name))
	}
	return huma.Error404NotFound(fmt.Sprintf("there is no storefront %q; there are %s", name, strings.Join(names, ", ")))
}

func (s *Server) products(ctx context.Context, in *struct {
	Limit  int    `query:"limit" minimum:"1" maximum:"1000" default:"100"`
	Name   string `path:"name" maxLength:"64"`
	After  string `query:"after" maxLength:"1000" doc:"the next of the part before"`
	Hashes bool   `query:"image_hashes" doc:"with those of the main pictures"`
}) (*body[Products], error) {
	name := tracker.StorefrontName(in.Name)
	if err := s.known(ctx, name); err != nil {
		return nil, err
	}
	items, err := s.o.Store.Products(ctx, name, tracker.ProductID(in.After), in.Limit)
	p := Products{Products: array(items)}
	if len(items) == in.Limit {
		p.Next = items[len(items)-1].ID
	}
	for i := range items {
		if it := &items[i]; in.Hashes && it.ImageHash != "" {
			if p.ImageHashes == nil {
				p.ImageHashes = make(map[tracker.ProductID]tracker.ImageHash)
			}
			p.ImageHashes[it.ID] = it.ImageHash
		}
	}
	return answer(p, err)
}

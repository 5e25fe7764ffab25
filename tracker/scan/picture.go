package scan

import (
	"context"
	"errors"
	"fmt"
	"image"
	"net/http"

	"shopwatch/tracker"
	"shopwatch/tracker/browser"
	"shopwatch/tracker/market"
	"shopwatch/tracker/picture"
)

const (
	pictureBytes = 5 << 20 // of a picture that is looked at
	keptSide     = 240     // of a picture that is kept
	mostPictures = 60      // looked at in one scan
)

// pictures looks at the main pictures of products that are new, missing or
// have another picture address, then at those of products that changed
// otherwise, which reports show, and keeps them as evidence. One that cannot be
// had is left out: a picture proves nothing by its absence.
func (r *reading) pictures(ctx context.Context, out tracker.Outcome) {
	s := r.scan
	if s.Pictures == nil {
		s.Pictures = make(map[tracker.ProductID]tracker.Picture)
	}
	left := mostPictures
	look := func(address string) (seen tracker.ImageHash, file string, small []byte, err error) {
		if address == "" || left == 0 || ctx.Err() != nil {
			return "", "", nil, ctx.Err()
		}
		left--
		seen, file, small, err = r.picture(ctx, address)
		if err != nil {
			r.opts.Log.Debug("no picture", "storefront", s.Storefront, "url", address, "err", err)
		}
		return seen, file, small, err
	}
	r.small = make(map[tracker.ProductID][]byte)
	for i := range out.Changes {
		c := &out.Changes[i]
		switch c.Kind {
		case tracker.Added, tracker.Relisted, tracker.Repictured:
			p := s.Pictures[c.Product.ID]
			if p.File == "" {
				p.Hash, p.File, r.small[c.Product.ID], _ = look(c.Product.Image)
			}
			var err error // of the old picture
			for try := 0; try < 2 && c.Kind == tracker.Repictured && p.Hash != "" && p.Was == ""; try++ {
				p.Was, p.WasFile, _, err = look(c.Before.Image)
			}
			if c.Kind == tracker.Repictured && p.Was == "" {
				// The old picture may be no more, or Chrome: who has nothing to
				// compare must at least see the new one still. An old one that
				// may come again is looked at again in the next scan.
				if again, _, _, _ := look(c.Product.Image); again == "" || mayComeAgain(err) {
					p = tracker.Picture{}
				}
			}
			s.Pictures[c.Product.ID] = p
		}
	}
	for i := range s.Probes {
		id := s.Probes[i].Product
		for j := range out.Missed {
			if it := &out.Missed[j]; it.ID == id {
				seen, file, _, _ := look(it.Image)
				s.Pictures[id] = tracker.Picture{Hash: seen, File: file}
			}
		}
	}
	for i := range out.Changes {
		c := &out.Changes[i]
		switch c.Kind {
		case tracker.Soldout, tracker.Restocked, tracker.Repriced, tracker.Retitled:
		default:
			continue
		}
		if _, looked := s.Pictures[c.Product.ID]; looked {
			continue
		}
		if seen, file, _, _ := look(c.Product.Image); file != "" {
			s.Pictures[c.Product.ID] = tracker.Picture{Hash: seen, File: file}
		}
	}
}

// mayComeAgain reports whether what could not be fetched may be there later. A
// server that is in trouble or busy does not say that a picture is no more.
func mayComeAgain(err error) bool {
	status := 0
	if load := (*browser.LoadError)(nil); errors.As(err, &load) {
		status = load.Status
	} else if answered := (*statusError)(nil); errors.As(err, &answered) {
		status = answered.status
	}
	switch status {
	case http.StatusRequestTimeout, http.StatusTooEarly, http.StatusTooManyRequests:
		return true
	}
	return status >= 500 || errors.Is(err, context.DeadlineExceeded)
}

// picture loads a picture, keeps a small copy and returns its hash, the name
// of the copy and the copy.
func (r *reading) picture(ctx context.Context, address string) (tracker.ImageHash, string, []byte, error) {
	ctx, cancel := context.WithTimeout(ctx, r.opts.PageTimeout)
	defer cancel()
	if r.opts.Picture != nil {
		done, ok := r.opts.Picture(r.scan.Storefront, address)
		if !ok {
			return "", "", nil, errors.New("shopwatch was killed when it looked at it, or twice in a scan of this storefront")
		}
		defer done()
	}
	body, err := r.fetchPicture(ctx, address)
	if err != nil {
		return "", "", nil, err
	}
	img, err := r.decode(body)
	if err != nil {
		return "", "", nil, err
	}
	look := tracker.ImageHashOf(img)
	if r.opts.Keep == nil {
		return look, "", nil, nil
	}
	small, err := picture.JPEG(img, 80)
	if err != nil {
		return look, "", nil, err
	}
	file, err := r.opts.Keep(small, "jpg")
	return look, file, small, err
}

// fetchPicture loads a picture, a small version where there is one: that spares
// the shop the large one.
func (r *reading) fetchPicture(ctx context.Context, address string) (body []byte, err error) {
	if !r.mayFetch(address) {
		return nil, errors.New(robotsState)
	}
	if r.market.Thumbnails != nil {
		for _, small := range r.market.Thumbnails(address) {
			if body, err = r.reader.Fetch(ctx, small, pictureBytes); err == nil {
				return body, nil
			}
		}
	}
	return r.reader.Fetch(ctx, address, pictureBytes)
}

// decode reads a picture and makes it small. Pictures are decoded one at a
// time, whatever scans run beside each other: each may take some 50 MB.
func (s *Scanner) decode(body []byte) (image.Image, error) {
	s.decoding.Lock()
	defer s.decoding.Unlock()
	img, err := picture.Decode(body)
	if err != nil {
		return nil, err
	}
	return picture.Shrink(img, keptSide), nil
}

const (
	cardPages = 2  // listing pages that are opened again for the cards on them
	mostCards = 12 // kept in one scan
)

// cards keeps pictures of new products as the list shows them. The pages on
// which they stand are opened once more. They load no pictures: that of the
// product, which was fetched before, is put where its card has it.
func (r *reading) cards(ctx context.Context, out tracker.Outcome) error {
	tab, ok := r.reader.(*tabReader)
	if !ok || r.opts.Keep == nil || r.market.Tab.Card == nil {
		return nil
	}
	on := map[int][]*tracker.Product{}
	var order []market.Request
	for i := range out.Changes {
		c := &out.Changes[i]
		if c.Kind != tracker.Added && c.Kind != tracker.Relisted {
			continue
		}
		req, seen := r.requests[c.Product.ID]
		if !seen || req.Keep {
			continue
		}
		if on[req.Page] == nil {
			order = append(order, req)
		}
		on[req.Page] = append(on[req.Page], c.Product)
	}
	if len(order) == 0 {
		return nil
	}
	left := mostCards
	for _, req := range order[:min(len(order), cardPages)] {
		req.Turn = ""
		l, err := r.once(ctx, req)
		if st := (*stateError)(nil); errors.As(err, &st) && st.state.Verdict.Wall() {
			r.scan.Evidence.Wall = st.state.Verdict
			return fmt.Errorf("no pictures of cards: %s", st.state.Name)
		}
		if err != nil || len(l.Products) == 0 {
			continue // the list itself was read before; this is only its look
		}
		for _, p := range on[req.Page] {
			if left--; left < 0 {
				return nil
			}
			if file, err := r.card(ctx, tab, p); err == nil && file != "" {
				pic := r.scan.Pictures[p.ID]
				pic.Card = file
				r.scan.Pictures[p.ID] = pic
			}
		}
	}
	return nil
}

// card keeps a picture of a product's card on the page that is shown.
func (r *reading) card(ctx context.Context, tab *tabReader, p *tracker.Product) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, r.opts.PageTimeout)
	defer cancel()
	at, err := tab.Find(ctx, r.market.Tab.Card(p, r.small[p.ID]))
	if err != nil || at == nil || at.Width < 1 || at.Height < 1 {
		return "", err
	}
	img, err := tab.Picture(ctx, 70, at, 1)
	if err != nil {
		return "", err
	}
	return r.opts.Keep(img, "webp")
}

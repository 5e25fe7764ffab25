package scan

import (
	"context"
	"encoding/json"

	"shopwatch/tracker/browser"
	"shopwatch/tracker/market"
)

// keepPage keeps a picture of the page that was read last, and an enlarged one
// of the words that decide; "" where there is none to be had.
func (r *reading) keepPage(ctx context.Context, f *market.ItemFinding) (whole, detail string, err error) {
	tab, ok := r.reader.(*tabReader)
	if !ok {
		return "", "", nil
	}
	ctx, cancel := context.WithTimeout(ctx, r.opts.PageTimeout)
	defer cancel()
	part := around(tab.wordsOf(ctx, f))
	var enlarged []byte
	r.hidden, err = r.covered(ctx, tab, func() (err error) {
		if r.shot, err = tab.Picture(ctx, 60, nil, 1); err == nil && part != nil {
			enlarged, err = tab.Picture(ctx, 80, part, min(detailScale, detailPixels/part.Width))
		}
		return err
	})
	if err != nil {
		r.shot = nil
		return "", "", err
	}
	if whole, err = r.opts.Keep(r.shot, "webp"); err == nil && part != nil {
		detail, err = r.opts.Keep(enlarged, "webp")
	}
	return whole, detail, err
}

// place is a function of the page that says where words stand on the screen; null
// when they do not. Blanks do not matter.
const place = `(says => {
	const plain = s => s.replace(/\s+/g, ''), want = plain(says)
	const has = e => e.checkVisibility({visibilityProperty: true}) && plain(e.textContent).includes(want)
	let at = document.body
	if (!want || !at || !has(at)) return null
	for (let next = at; next; next = [...at.children].find(has)) at = next
	const range = document.createRange()
	range.selectNodeContents(at) // an element is as wide as its place, its words are not
	const r = range.getBoundingClientRect()
	if (!r.width || r.left < 0 || r.top < 0 || r.right > innerWidth || r.bottom > innerHeight) return null
	return {x: r.left + scrollX, y: r.top + scrollY, width: r.width, height: r.height}
})`

// wordsOf is where the words stand on which a finding rests: where the
// marketplace says, or where the page shows what it says; nil for nowhere.
func (t *tabReader) wordsOf(ctx context.Context, f *market.ItemFinding) (box *market.Box) {
	if f.Box != nil || f.Says == "" || t.tab == nil {
		return f.Box
	}
	says, err := json.Marshal(f.Says)
	if err != nil || t.tab.Wait(ctx, place+"("+string(says)+")", &box) != nil {
		return nil // the picture of the whole page shows them too
	}
	return box
}

// A detail is as wide as the words, so that none is cut off, and no wider than
// a line that can be read where reports show it, in their width; in CSS pixels.
const (
	detailScale  = 2 // of words that leave room
	detailWidth  = 240
	detailMost   = 4 * detailWidth
	detailPixels = 4 * detailWidth // of the picture itself: what reports show, on the finest screens
	detailMargin = 12              // left and right of the words
	detailRatio  = 150. / 240      // height to width, that of the pictures in reports
	detailFar    = 10000           // no picture of a page reaches further
)

// around returns the part of a page that shows a box; nil for a box that cannot
// be in a picture.
func around(box *market.Box) *browser.Rect {
	if box == nil || !(box.X >= 0 && box.Y >= 0 && box.Width > 0 && box.Height > 0 && box.X+box.Width < detailFar && box.Y+box.Height < detailFar) {
		return nil
	}
	w := min(max(box.Width+2*detailMargin, detailWidth), detailMost)
	h := w * detailRatio
	x, y := box.X+box.Width/2-w/2, box.Y+box.Height/2-h/2
	if box.Width > w {
		x = box.X - detailMargin // the beginning of the words
	}
	if box.Height > h {
		y = box.Y - detailMargin
	}
	return &browser.Rect{X: max(x, 0), Y: max(y, 0), Width: w, Height: h}
}

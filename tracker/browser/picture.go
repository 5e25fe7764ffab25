package browser

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/page"
)

// A Rect is a part of a page, in CSS pixels from its upper left corner.
type Rect struct{ X, Y, Width, Height float64 }

// Picture returns what the tab shows, or a part of the page at so many times its
// size, as a WebP of the given quality (0-100).
func (t *Tab) Picture(ctx context.Context, quality int, part *Rect, scale float64) (image []byte, err error) {
	p := page.CaptureScreenshotParams{
		Format: page.CaptureScreenshotFormatWebp, Quality: new(int64(quality)), OptimizeForSpeed: new(true),
	}
	if part != nil {
		p.Clip = &page.Viewport{X: part.X, Y: part.Y, Width: part.Width, Height: part.Height, Scale: scale}
	}
	return t.capture(ctx, p)
}

// PictureOf returns a part of the page, given in CSS pixels and enlarged, as a
// PNG.
func (t *Tab) PictureOf(ctx context.Context, x, y, width, height, scale float64) (image []byte, err error) {
	return t.capture(ctx, page.CaptureScreenshotParams{
		Format: page.CaptureScreenshotFormatPng, Clip: &page.Viewport{X: x, Y: y, Width: width, Height: height, Scale: scale},
	})
}

// capture takes a picture. Chrome does not answer when the page goes elsewhere
// meanwhile: each try therefore ends after some time, which grows because the
// machine may be slow.
func (t *Tab) capture(ctx context.Context, p page.CaptureScreenshotParams) (image []byte, err error) {
	for patience := 2 * time.Second; ; patience *= 2 {
		try, cancel := context.WithTimeout(ctx, patience)
		err = t.onPage(try, func(ctx context.Context, s cdp.Session) error {
			res, err := cdp.Call(ctx, s, page.CaptureScreenshot, p)
			image = res.Data
			return err
		})
		cancel()
		between := err != nil && strings.Contains(err.Error(), "Not attached to an active page")
		if ctx.Err() != nil || !between && !errors.Is(err, context.DeadlineExceeded) {
			return image, err
		}
		if between {
			select {
			case <-time.After(100 * time.Millisecond):
			case <-ctx.Done():
			}
		}
	}
}

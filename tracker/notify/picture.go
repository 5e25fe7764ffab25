package notify

import (
	"context"
	"image"

	"golang.org/x/image/draw"

	"shopwatch/tracker/picture"
	"shopwatch/tracker/report"
)

// pictureSize is the side of the small pictures in mails: twice what they are
// shown at, for dense screens.
const pictureSize = 144

// picture returns a small JPEG of an evidence file, fitted into a white square,
// because mail clients show no WebP; nil when there is none or it cannot be
// read.
func (n *Notifier) picture(ctx context.Context, name string) []byte {
	src := n.decode(ctx, name)
	if src == nil {
		return nil
	}
	dst := picture.Canvas(pictureSize, pictureSize)
	w, h := src.Bounds().Dx(), src.Bounds().Dy()
	if w > h {
		w, h = pictureSize, max(pictureSize*h/w, 1)
	} else {
		w, h = max(pictureSize*w/h, 1), pictureSize
	}
	at := image.Pt((pictureSize-w)/2, (pictureSize-h)/2)
	draw.CatmullRom.Scale(dst, image.Rect(at.X, at.Y, at.X+w, at.Y+h), src, src.Bounds(), draw.Over, nil)
	return encode(dst, 10_000)
}

// shot returns the upper part of the picture of a page.
func (n *Notifier) shot(ctx context.Context, name string) []byte {
	src := n.decode(ctx, name)
	if src == nil {
		return nil
	}
	const w, h = 2 * report.ShotWidth, 2 * report.ShotHeight
	part := src.Bounds()
	if high := part.Dx() * h / w; part.Dy() > high {
		part.Max.Y = part.Min.Y + high
	}
	dst := picture.Canvas(w, h)
	draw.CatmullRom.Scale(dst, image.Rect(0, 0, w, min(part.Dy()*w/part.Dx(), h)), src, part, draw.Over, nil)
	return encode(dst, 40_000)
}

// decode reads the picture of an evidence file; nil when it is none, or too
// large.
func (n *Notifier) decode(ctx context.Context, name string) image.Image {
	content, found, err := n.store.Evidence(ctx, name)
	if !found || err != nil {
		return nil
	}
	src, err := picture.Decode(content)
	if err != nil {
		return nil
	}
	return src
}

// encode writes a JPEG of about at most so many bytes.
func encode(img image.Image, most int) []byte {
	for quality := 78; ; quality -= 12 {
		b, err := picture.JPEG(img, quality)
		if err != nil {
			return nil
		}
		if len(b) <= most || quality < 40 {
			return b
		}
	}
}

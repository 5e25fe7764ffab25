package notify

import (
	"bytes"
	"image"
	"image/color"
	_ "image/gif" // a kind of evidence file
	"image/jpeg"
	_ "image/png" // a kind of evidence file
	"os"

	"golang.org/x/image/draw"
	_ "golang.org/x/image/webp" // a kind of evidence file

	"shopwatch/tracker/report"
)

// pictureSize is the side of the small pictures in mails: twice what they are
// shown at, for dense screens.
const pictureSize = 144

// picture returns a small JPEG of an evidence file, fitted into a white square,
// because mail clients show no WebP; nil when there is none or it cannot be
// read.
func (n *Notifier) picture(name string) []byte {
	src := n.decode(name)
	if src == nil {
		return nil
	}
	dst := canvas(pictureSize, pictureSize)
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
func (n *Notifier) shot(name string) []byte {
	src := n.decode(name)
	if src == nil {
		return nil
	}
	const w, h = 2 * report.ShotWidth, 2 * report.ShotHeight
	part := src.Bounds()
	if high := part.Dx() * h / w; part.Dy() > high {
		part.Max.Y = part.Min.Y + high
	}
	dst := canvas(w, h)
	draw.CatmullRom.Scale(dst, image.Rect(0, 0, w, min(part.Dy()*w/part.Dx(), h)), src, part, draw.Over, nil)
	return encode(dst, 40_000)
}

// decode reads the picture of an evidence file; nil when it is none, or far
// too large.
func (n *Notifier) decode(name string) image.Image {
	content, err := os.ReadFile(n.db.EvidencePath(name))
	if err != nil {
		return nil
	}
	c, _, err := image.DecodeConfig(bytes.NewReader(content))
	if err != nil || c.Width <= 0 || c.Height <= 0 || c.Width*c.Height > 30_000_000 {
		return nil
	}
	src, _, err := image.Decode(bytes.NewReader(content))
	if err != nil {
		return nil
	}
	return src
}

func canvas(w, h int) *image.RGBA {
	c := image.NewRGBA(image.Rect(0, 0, w, h))
	draw.Draw(c, c.Bounds(), image.NewUniform(color.White), image.Point{}, draw.Src)
	return c
}

// encode writes a JPEG of about at most so many bytes.
func encode(img image.Image, most int) []byte {
	for quality := 78; ; quality -= 12 {
		var b bytes.Buffer
		if jpeg.Encode(&b, img, &jpeg.Options{Quality: quality}) != nil {
			return nil
		}
		if b.Len() <= most || quality < 40 {
			return b.Bytes()
		}
	}
}

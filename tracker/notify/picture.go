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
)

// pictureSize is the side of the small pictures in mails: twice what they are
// shown at, for dense screens.
const pictureSize = 144

// picture returns a small JPEG of an evidence file, because mail clients show
// no WebP; nil when there is none or it cannot be read.
func (n *Notifier) picture(name string) []byte {
	content, err := os.ReadFile(n.db.EvidencePath(name))
	if err != nil {
		return nil
	}
	return thumbnail(content)
}

// thumbnail fits a picture into a white square.
func thumbnail(content []byte) []byte {
	c, _, err := image.DecodeConfig(bytes.NewReader(content))
	if err != nil || c.Width <= 0 || c.Height <= 0 || c.Width*c.Height > 30_000_000 {
		return nil
	}
	src, _, err := image.Decode(bytes.NewReader(content))
	if err != nil {
		return nil
	}
	dst := image.NewRGBA(image.Rect(0, 0, pictureSize, pictureSize))
	draw.Draw(dst, dst.Bounds(), image.NewUniform(color.White), image.Point{}, draw.Src)
	w, h := pictureSize, pictureSize
	if c.Width > c.Height {
		h = max(pictureSize*c.Height/c.Width, 1)
	} else {
		w = max(pictureSize*c.Width/c.Height, 1)
	}
	at := image.Pt((pictureSize-w)/2, (pictureSize-h)/2)
	draw.CatmullRom.Scale(dst, image.Rect(at.X, at.Y, at.X+w, at.Y+h), src, src.Bounds(), draw.Over, nil)
	for quality := 78; ; quality -= 12 {
		var b bytes.Buffer
		if jpeg.Encode(&b, dst, &jpeg.Options{Quality: quality}) != nil {
			return nil
		}
		if b.Len() <= 10_000 || quality < 40 {
			return b.Bytes()
		}
	}
}

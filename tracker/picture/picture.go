// Package picture reads pictures that strangers made, and makes small ones of
// them, within bounds of memory.
package picture

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"image"
	"image/color"
	_ "image/gif" // pictures come in these formats
	"image/jpeg"
	_ "image/png"
	"strings"

	"golang.org/x/image/draw"
	_ "golang.org/x/image/webp"
)

// most is how many bytes a picture may take while it is decoded: an ordinary
// one of twelve million pixels.
const most = 48 << 20

// ErrTooLarge is wrapped by the error of Decode for a picture whose pixels
// would take more memory than a picture is worth. They are not looked at.
var ErrTooLarge = errors.New("the picture is too large")

// Decode reads a picture: a JPEG, PNG, GIF or WebP. What it would take to
// decode it is told by its head and looked at first: a few hundred bytes can
// ask for gigabytes.
func Decode(content []byte) (image.Image, error) {
	c, format, err := image.DecodeConfig(bytes.NewReader(content))
	if err != nil {
		return nil, fmt.Errorf("not a picture: %w", err)
	}
	if c.Width < 1 || c.Height < 1 || c.Width > most/c.Height/perPixel(c, format, content) {
		return nil, fmt.Errorf("%w: a %s of %d x %d pixels", ErrTooLarge, format, c.Width, c.Height)
	}
	img, _, err := image.Decode(bytes.NewReader(content))
	if err != nil {
		return nil, fmt.Errorf("a damaged %s: %s", format, strings.TrimSpace(err.Error()))
	}
	return img, nil
}

// perPixel is how many bytes a pixel takes while it is decoded.
func perPixel(c image.Config, format string, content []byte) int {
	if format == "jpeg" && progressive(content) {
		return 24 // all coefficients are kept until the last scan
	}
	switch c.ColorModel {
	case color.CMYKModel, color.RGBA64Model, color.NRGBA64Model:
		return 8
	}
	return 4
}

// progressive reports whether a JPEG comes in several scans of the whole
// picture, or in a form that is not known here.
func progressive(content []byte) bool {
	const (
		baseline, extended        = 0xc0, 0xc1
		huffman, extension, coder = 0xc4, 0xc8, 0xcc // of the same row, and no frames
	)
	for at := 2; at+4 <= len(content) && content[at] == 0xff; {
		marker := content[at+1]
		switch {
		case marker == 0xff: // a byte that fills
			at++
			continue
		case marker == baseline, marker == extended:
			return false
		case marker&0xf0 == 0xc0 && marker != huffman && marker != extension && marker != coder:
			return true
		}
		at += 2 + int(binary.BigEndian.Uint16(content[at+2:]))
	}
	return true
}

// Shrink returns the picture with its longer side at most so many pixels, on
// white.
func Shrink(img image.Image, side int) image.Image {
	b := img.Bounds()
	longer := max(b.Dx(), b.Dy())
	if longer <= side {
		return img
	}
	small := Canvas(max(b.Dx()*side/longer, 1), max(b.Dy()*side/longer, 1))
	draw.ApproxBiLinear.Scale(small, small.Bounds(), img, b, draw.Over, nil)
	return small
}

// Canvas returns an empty white picture.
func Canvas(width, height int) *image.RGBA {
	c := image.NewRGBA(image.Rect(0, 0, width, height))
	draw.Draw(c, c.Bounds(), image.White, image.Point{}, draw.Src)
	return c
}

// JPEG writes a picture with a quality from 1 to 100.
func JPEG(img image.Image, quality int) ([]byte, error) {
	var b bytes.Buffer
	err := jpeg.Encode(&b, img, &jpeg.Options{Quality: quality})
	return b.Bytes(), err
}

package tracker

import (
	"encoding/base64"
	"image"
	"image/color"
)

// hashSide is the number of fields in a row and in a column of an ImageHash.
const hashSide = 8

// An ImageHash is how a picture looks from far away: the mean colours of 8 x 8
// fields, as base64. The same picture in another size or compression has
// nearly the same hash; a badge in a corner has another one. The zero value is
// the hash of a picture that was never seen, and like no other.
type ImageHash string

// ImageHashOf returns the hash of a picture.
func ImageHashOf(img image.Image) ImageHash {
	b := img.Bounds()
	if b.Dx() < hashSide || b.Dy() < hashSide {
		return ""
	}
	var sum [hashSide * hashSide * 3]uint64
	var count [hashSide * hashSide]uint64
	for y := range b.Dy() {
		row := y * hashSide / b.Dy() * hashSide
		for x := range b.Dx() {
			field := row + x*hashSide/b.Dx()
			c := color.NRGBAModel.Convert(img.At(b.Min.X+x, b.Min.Y+y)).(color.NRGBA)
			// What shines through is taken for white, as a page shows it.
			white := 255 - uint64(c.A)
			sum[field*3] += uint64(c.R)*uint64(c.A)/255 + white
			sum[field*3+1] += uint64(c.G)*uint64(c.A)/255 + white
			sum[field*3+2] += uint64(c.B)*uint64(c.A)/255 + white
			count[field]++
		}
	}
	var mean [len(sum)]byte
	for i, s := range sum {
		mean[i] = byte(s / count[i/3])
	}
	return ImageHash(base64.StdEncoding.EncodeToString(mean[:]))
}

// Similar reports whether two hashes are of the same picture, and how sure that
// is, from 0 to 1: no field may be much off, and all together only little.
func (l ImageHash) Similar(other ImageHash) (sure float64, like bool) {
	a, err := base64.StdEncoding.DecodeString(string(l))
	if err != nil || len(a) != hashSide*hashSide*3 {
		return 0, false
	}
	b, err := base64.StdEncoding.DecodeString(string(other))
	if err != nil || len(b) != len(a) {
		return 0, false
	}
	const most, mean = 14, 3.5 // of 255; compression moves a field by less
	total := 0
	for i := range a {
		d := int(a[i]) - int(b[i])
		if d > most || d < -most {
			return 0, false
		}
		total += max(d, -d)
	}
	off := float64(total) / float64(len(a))
	return 1 - off/mean/10, off <= mean
}

package tracker_test

import (
	"bytes"
	"image"
	"image/color"
	"image/draw"
	"image/jpeg"
	"testing"

	"shopwatch/tracker"
)

// scene draws a picture of some size with a disc, and a badge if wanted.
func scene(side int, disc color.Color, badge bool) image.Image {
	img := image.NewRGBA(image.Rect(0, 0, side, side))
	draw.Draw(img, img.Bounds(), image.NewUniform(color.RGBA{240, 235, 230, 255}), image.Point{}, draw.Src)
	for y := range side {
		for x := range side {
			if dx, dy := x-side/2, y-side/2; dx*dx+dy*dy < side*side/9 {
				img.Set(x, y, disc)
			}
			if dx, dy := x-side*84/100, y-side*16/100; badge && dx*dx+dy*dy < side*side/120 {
				img.Set(x, y, color.RGBA{212, 35, 43, 255})
			}
		}
	}
	return img
}

func compressed(t *testing.T, img image.Image, quality int) image.Image {
	t.Helper()
	var b bytes.Buffer
	if err := jpeg.Encode(&b, img, &jpeg.Options{Quality: quality}); err != nil {
		t.Fatal(err)
	}
	back, err := jpeg.Decode(&b)
	if err != nil {
		t.Fatal(err)
	}
	return back
}

func TestLook(t *testing.T) {
	blue, green := color.RGBA{40, 60, 160, 255}, color.RGBA{40, 160, 60, 255}
	first := tracker.ImageHashOf(scene(800, blue, false))
	cases := []struct {
		rule string
		img  image.Image
		like bool
	}{
		{"the same picture", scene(800, blue, false), true},
		{"in another size", scene(240, blue, false), true},
		{"badly compressed", compressed(t, scene(800, blue, false), 30), true},
		{"small and badly compressed", compressed(t, scene(180, blue, false), 50), true},
		{"with a badge in the corner", scene(800, blue, true), false},
		{"in another colour", scene(800, green, false), false},
	}
	for _, c := range cases {
		sure, like := first.Similar(tracker.ImageHashOf(c.img))
		if like != c.like || like && sure < 0.85 {
			t.Errorf("%s: like %v, sure %.2f, want %v", c.rule, like, sure, c.like)
		}
	}
	if _, like := tracker.ImageHash("").Similar(""); like {
		t.Error("two pictures never seen are like each other")
	}
	if _, like := tracker.ImageHash("garbage").Similar(first); like {
		t.Error("garbage is like a picture")
	}
	if l := tracker.ImageHashOf(image.NewGray(image.Rect(0, 0, 3, 3))); l != "" {
		t.Errorf("look of a dot = %q, want none", l)
	}
}

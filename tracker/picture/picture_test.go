package picture_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"image"
	"image/color"
	"image/gif"
	"image/png"
	"runtime"
	"testing"

	"shopwatch/fixtures"
	"shopwatch/tracker/picture"
)

// taken returns how much memory a function asks for.
func taken(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

func pngOf(t *testing.T, img image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// pngHead is a PNG that says how large it is, and nothing else.
func pngHead(t *testing.T, width, height uint32, depth, colour byte) []byte {
	b := pngOf(t, image.NewGray(image.Rect(0, 0, 1, 1)))
	binary.BigEndian.PutUint32(b[16:], width)
	binary.BigEndian.PutUint32(b[20:], height)
	b[24], b[25] = depth, colour
	binary.BigEndian.PutUint32(b[29:], crc32.ChecksumIEEE(b[12:29]))
	return b
}

func TestOrdinaryPicturesAreRead(t *testing.T) {
	img := image.NewPaletted(image.Rect(0, 0, 20, 10), color.Palette{color.White, color.Black})
	var animated bytes.Buffer
	if err := gif.EncodeAll(&animated, &gif.GIF{Image: []*image.Paletted{img, img}, Delay: []int{1, 1}}); err != nil {
		t.Fatal(err)
	}
	wide := image.NewGray(image.Rect(0, 0, 4000, 3000))
	large, err := picture.JPEG(wide, 50)
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string][]byte{
		"jpeg": fixtures.Picture("bear"), "png": fixtures.PNG("bear"), "gif": animated.Bytes(),
		"a jpeg of 12 million pixels": large, "a progressive jpeg": fixtures.HugeJPEG(600, 400, true, 3),
		"a jpeg of inks": fixtures.HugeJPEG(600, 400, false, 4),
	} {
		if _, err := picture.Decode(content); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// What would take too much is refused before it takes it.
func TestHugePicturesAreRefused(t *testing.T) {
	for name, content := range map[string][]byte{
		"progressive":                 fixtures.HugeJPEG(8000, 8000, true, 3),
		"progressive, just too large": fixtures.HugeJPEG(2000, 1100, true, 3),
		"progressive, CMYK":           fixtures.HugeJPEG(8000, 8000, true, 4),
		"baseline":                    fixtures.HugeJPEG(8000, 8000, false, 3),
		"baseline, just too large":    fixtures.HugeJPEG(4000, 3200, false, 3),
		"CMYK":                        fixtures.HugeJPEG(8000, 8000, false, 4),
		"CMYK, just too large":        fixtures.HugeJPEG(3000, 2200, false, 4),
		"baseline, grey":              fixtures.HugeJPEG(20000, 20000, false, 1),
		"PNG":                         pngHead(t, 8000, 8000, 8, 6),
		"PNG of 16 bits":              pngHead(t, 3000, 2200, 16, 6),
		"PNG that overflows":          pngHead(t, 1<<31-1, 1<<31-1, 8, 2),
		"PNG as wide as it can be":    pngHead(t, 1<<31-1, 1, 8, 2),
		"no picture":                  []byte("<svg xmlns='http://www.w3.org/2000/svg'/>"),
		"nothing":                     nil,
	} {
		var err error
		n := taken(func() { _, err = picture.Decode(content) })
		if err == nil || n > 2<<20 {
			t.Errorf("%s: %v, took %d bytes", name, err, n)
		}
		if known := name != "nothing" && name != "no picture" && name != "PNG that overflows"; known && !errors.Is(err, picture.ErrTooLarge) {
			t.Errorf("%s: %v, want ErrTooLarge", name, err)
		}
	}
}

func TestShrink(t *testing.T) {
	for _, tt := range []struct{ w, h, side, wantW, wantH int }{
		{480, 480, 240, 240, 240}, {1000, 10, 240, 240, 2}, {10, 5000, 240, 1, 240}, {100, 50, 240, 100, 50},
	} {
		got := picture.Shrink(image.NewGray(image.Rect(0, 0, tt.w, tt.h)), tt.side).Bounds()
		if got.Dx() != tt.wantW || got.Dy() != tt.wantH {
			t.Errorf("Shrink(%d x %d, %d) = %v", tt.w, tt.h, tt.side, got)
		}
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(fixtures.Picture("bear"))
	f.Add(fixtures.PNG("bear"))
	f.Add(fixtures.HugeJPEG(8000, 8000, true, 3))
	f.Fuzz(func(t *testing.T, content []byte) {
		if n := taken(func() { _, _ = picture.Decode(content) }); n > 256<<20 {
			t.Errorf("%d bytes of picture took %d bytes of memory", len(content), n)
		}
	})
}

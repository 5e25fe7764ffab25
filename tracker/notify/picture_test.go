package notify_test

import (
	"bytes"
	"image"
	"image/color"
	"image/jpeg"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"shopwatch/fixtures"
	"shopwatch/tracker"
	"shopwatch/tracker/notify"
	"shopwatch/tracker/report"
)

// noise is a picture that does not compress.
func noise(w, h int) []byte {
	img := image.NewRGBA(image.Rect(0, 0, w, h))
	r := rand.New(rand.NewPCG(1, 2))
	for y := range h {
		for x := range w {
			img.Set(x, y, color.RGBA{uint8(r.IntN(256)), uint8(r.IntN(256)), uint8(r.IntN(256)), 255})
		}
	}
	var b bytes.Buffer
	if err := jpeg.Encode(&b, img, nil); err != nil {
		panic(err) // a buffer takes everything
	}
	return b.Bytes()
}

// TestPicturesAreSmallAndInTheMail: the product's picture and the page that
// proves its removal are shown, whatever their form; what is no picture is
// left out.
func TestPicturesAreSmallAndInTheMail(t *testing.T) {
	db, srv := fresh(t), serveMail(t, fixtures.SMTPOptions{})
	n := notifier(t, db, quietLog(), notify.Channel{Name: "analysts", Sender: sender(t, "email", mailTo(srv, "a@example.com"))})
	keep := func(content []byte) string {
		name, err := db.KeepEvidence(ctx, content, "jpg")
		if err != nil {
			t.Fatal(err)
		}
		return name
	}
	commit(t, db, "tencent", nine, product("1"), product("2"), product("3"), product("4"))
	_, err := db.Commit(ctx, &tracker.Scan{
		Storefront: "tencent", Began: nine.Add(time.Hour), Verdict: tracker.Complete,
		Products: []tracker.Product{product("1"), product("3"), product("4"), product("5")},
		Evidence: tracker.Evidence{Parser: 1, Pages: 1, Products: 4},
		Probes: []tracker.Probe{{
			Product: "2", State: tracker.PageGone, At: nine.Add(time.Hour), URL: "https://error.item.taobao.com/error/noitem",
			Reason: "宝贝不存在", Picture: keep(noise(1280, 3000)),
		}},
		Pictures: map[tracker.ProductID]tracker.Picture{
			"2": {Hash: "x", File: keep(noise(900, 300))},
			"5": {Hash: "y", File: keep([]byte("no picture at all"))},
		},
	}, tracker.DefaultRules())
	if err != nil {
		t.Fatal(err)
	}
	flushUntil(t, n, db)
	l := deliveries(t, srv)[0]
	var sizes []string
	for _, p := range l.Inlines {
		img, err := jpeg.Decode(bytes.NewReader(p.Content))
		if err != nil {
			t.Fatalf("%s: %v", p.FileName, err)
		}
		sizes = append(sizes, img.Bounds().Max.String())
		if len(p.Content) > 60_000 {
			t.Errorf("%s has %d bytes", p.FileName, len(p.Content))
		}
		if !strings.Contains(l.HTML, `"cid:`+p.ContentID+`"`) {
			t.Errorf("%s is not shown", p.FileName)
		}
	}
	want := image.Pt(144, 144).String() + " " + image.Pt(2*report.ShotWidth, 2*report.ShotHeight).String()
	if got := strings.Join(sizes, " "); got != want {
		t.Errorf("pictures of %s, want %s: the product and its page", got, want)
	}
	if !strings.Contains(l.Text, "Proof: 宝贝不存在") {
		t.Error("the text does not say what proves the removal")
	}
	if len(l.raw) > 200_000 {
		t.Errorf("a mail of %d bytes", len(l.raw))
	}
}

package tracker_test

import (
	"bytes"
	"fmt"
	"image"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"golang.org/x/image/draw"

	"shopwatch/fixtures"
	"shopwatch/tracker"
)

// uploaded is the look of a picture as it comes back after another upload: in
// another size and compression.
func uploaded(t *testing.T, key string, side, quality int) tracker.ImageHash {
	t.Helper()
	img, _, err := image.Decode(bytes.NewReader(fixtures.Picture(key)))
	if err != nil {
		t.Fatal(err)
	}
	small := image.NewRGBA(image.Rect(0, 0, side, side))
	draw.BiLinear.Scale(small, small.Bounds(), img, img.Bounds(), draw.Src, nil)
	return tracker.ImageHashOf(compressed(t, small, quality))
}

// TestLinkerOnLookAlikes measures on a made set how often a product that is
// listed anew under another number is found to be the removed one, and how
// often another product is taken for it.
func TestLinkerOnLookAlikes(t *testing.T) {
	if testing.Short() {
		t.Skip("draws thousands of pictures")
	}
	random := rand.New(rand.NewPCG(1, 2))
	title := func(i int) string {
		return fmt.Sprintf("腾讯智能音箱 第%d代 儿童早教故事机 %d寸 官方正品", i, 5+i%9)
	}
	const n = 120
	old := &tracker.Items{}
	first := &tracker.Scan{Storefront: "s", Began: day0, Verdict: tracker.Complete, Pictures: map[tracker.ProductID]tracker.Picture{}}
	second := &tracker.Scan{Storefront: "s", Began: day0.Add(time.Hour), Verdict: tracker.Complete, Pictures: first.Pictures}
	id := func(kind string, i int) tracker.ProductID { return tracker.ProductID(fmt.Sprintf("%s%d", kind, i)) }
	for i := range n {
		p := tracker.Product{ID: id("old", i), Title: title(i), Image: fmt.Sprintf("https://img/old%d", i), Price: yuan(9900)}
		first.Products = append(first.Products, p)
		first.Pictures[p.ID] = tracker.Picture{Hash: uploaded(t, fmt.Sprint("product ", i), 240, 80)}
		second.Probes = append(second.Probes, tracker.Probe{Product: p.ID, State: tracker.PageGone, At: second.Began})
	}
	keep := tracker.Product{ID: "keep", Title: "keep", Image: "https://img/keep"}
	first.Products, second.Products = append(first.Products, keep), append(second.Products, keep)
	for _, s := range []*tracker.Scan{first, second} {
		old.Apply(old.Reconcile(s, tracker.DefaultRules()))
	}

	third := &tracker.Scan{Storefront: "s", Began: day0.Add(2 * time.Hour), Verdict: tracker.Complete, Pictures: map[tracker.ProductID]tracker.Picture{}}
	third.Products = append(third.Products, keep)
	truth := map[tracker.ProductID]tracker.ProductID{}
	add := func(p tracker.ProductID, title string, picture string, is tracker.ProductID) {
		third.Products = append(third.Products, tracker.Product{ID: p, Title: title, Image: "https://img/" + string(p), Price: yuan(9900)})
		third.Pictures[p] = tracker.Picture{Hash: uploaded(t, picture, []int{180, 240, 400, 800}[random.IntN(4)], 35+random.IntN(60))}
		if is != "" {
			truth[p] = is
		}
	}
	for i := range n {
		same, another := fmt.Sprint("product ", i), fmt.Sprint("other ", i)
		switch i % 6 {
		case 0: // listed anew as it was
			add(id("new", i), title(i), same, id("old", i))
		case 1: // with other white space and punctuation
			add(id("new", i), strings.ReplaceAll(title(i), " ", "·")+"！", same, id("old", i))
		case 2: // with another title: the same, but nobody can know
			add(id("new", i), "新款 "+title(i), same, id("old", i))
		case 3: // another product under the same title
			add(id("new", i), title(i), another, "")
		case 4: // the next model with the same picture
			add(id("new", i), title(i+1000), same, "")
		case 5: // another product
			add(id("new", i), title(i+2000), another, "")
		}
	}
	out := old.Reconcile(third, tracker.DefaultRules())
	links, right := 0, 0
	for _, c := range out.Changes {
		if c.Kind != tracker.Added || c.SameAs == nil {
			continue
		}
		links++
		if truth[c.Product.ID] == c.SameAs.ID && c.SameAs.Confidence > 0.8 && c.SameAs.Confidence < 1 {
			right++
		} else {
			t.Logf("%s taken for %s", c.Product.ID, c.SameAs.ID)
		}
	}
	precision, recall := float64(right)/float64(links), float64(right)/float64(len(truth))
	fmt.Printf("linker: %d links, precision %.3f, recall %.3f (a third of those listed anew got another title)\n", links, precision, recall)
	if links == 0 || precision <= 0.98 {
		t.Errorf("precision = %.3f of %d links, want above 0.98", precision, links)
	}
	if recall < 0.6 {
		t.Errorf("recall = %.3f, want 0.6 at least", recall)
	}
}

func TestNothingIsLinkedAfterNinetyDays(t *testing.T) {
	for days, want := range map[int]bool{89: true, 91: false} {
		c := &tracker.Items{}
		for i, st := range []step{whole("a", "b title=x image=https://img/s"), probed(whole("a"), "b=gone"), whole("a", "c title=x image=https://img/s")} {
			s := &tracker.Scan{Storefront: "s", Began: day0.Add(time.Duration(i) * time.Hour)}
			if i == 2 {
				s.Began = day0.AddDate(0, 0, days)
			}
			st(s)
			o := c.Reconcile(s, tracker.DefaultRules())
			c.Apply(o)
			if i == 2 && (o.Changes[0].SameAs != nil) != want {
				t.Errorf("after %d days: same as %+v, want linked %v", days, o.Changes[0].SameAs, want)
			}
		}
	}
}

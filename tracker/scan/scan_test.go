package scan_test

import (
	"bytes"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/image/webp"

	"shopwatch/fixtures"
	"shopwatch/tracker"
	"shopwatch/tracker/scan"
)

func product(id, title string) fixtures.Product {
	return fixtures.Product{ID: id, Title: title, Price: "99.00"}
}

// openShop opens a storefront with n products, numbered from 600000000001.
func openShop(t *testing.T, host string, n int) *fixtures.Storefront {
	t.Helper()
	d := fixtures.Shop{Host: host, Title: "测试旗舰店", PerRow: 4, PageSize: 8}
	for i := range n {
		d.Products = append(d.Products, product(fmt.Sprint(600000000001+i), fmt.Sprintf("产品 %d", i+1)))
	}
	return mall.Open(d)
}

// tell says changes in few words: "removed 600000000003 gone".
func tell(changes []tracker.Change) string {
	var all []string
	for _, c := range changes {
		w := string(c.Kind)
		if c.Product != nil {
			w += " " + string(c.Product.ID)
		}
		if c.Proof != "" {
			w += " " + string(c.Proof)
		}
		all = append(all, w)
	}
	return strings.Join(all, ", ")
}

func TestListIsReadToItsEnd(t *testing.T) {
	short(t)
	mall.Forget()
	for _, n := range []int{1, 8, 9, 20, 21, 40} {
		shop := openShop(t, fmt.Sprintf("list%d.tmall.com", n), n)
		s, _ := newShopper(t, nil).scan(shop.URL())
		if s.Verdict != tracker.Complete || len(s.Products) != n {
			t.Errorf("%d products: %s (%s), saw %d; %+v", n, s.Verdict, s.Reason, len(s.Products), s.Evidence)
			continue
		}
		pages := (n + 7) / 8
		if e := s.Evidence; e.Pages != pages || e.Declared.Pages != pages || e.Duplicates != 0 || e.Layout != "classic" || e.Shop.Name != "测试旗舰店" || e.Shop.ID == "" {
			t.Errorf("%d products: evidence = %+v", n, e)
		}
	}
	if strays := mall.Strays(); len(strays) > 0 {
		t.Errorf("strays = %v", strays)
	}
}

func TestProductsAreReadAsShown(t *testing.T) {
	short(t)
	shop := openShop(t, "shown.tmall.com", 0)
	shop.Put(
		fixtures.Product{ID: "44255717233", Title: "糖大夫 血糖仪", Price: "299.00", Picture: "glucometer"},
		fixtures.Product{ID: "1044040034202", Title: `<b>"bold"</b> & 'quoted'`, Price: "1499.5"},
		fixtures.Product{ID: "600000000003", Title: "no price"},
	)
	s, _ := newShopper(t, nil).scan(shop.URL())
	if s.Verdict != tracker.Complete || len(s.Products) != 3 {
		t.Fatalf("%s (%s): %+v", s.Verdict, s.Reason, s.Products)
	}
	byID := map[tracker.ProductID]tracker.Product{}
	for _, p := range s.Products {
		byID[p.ID] = p
	}
	p := byID["44255717233"]
	if p.Title != "糖大夫 血糖仪" || p.Price.String() != "299.00" || p.URL != "https://detail.tmall.com/item.htm?id=44255717233" ||
		!strings.HasPrefix(p.Image, "https://") || strings.Contains(p.Image, "180x180") {
		t.Errorf("product = %+v", p)
	}
	if p := byID["1044040034202"]; p.Title != `<b>"bold"</b> & 'quoted'` {
		t.Errorf("title = %q", p.Title)
	}
	if p := byID["600000000003"]; p.Price.Known() {
		t.Errorf("price = %v, want unknown", p.Price)
	}
}

func TestListingLoadsNoPicture(t *testing.T) {
	short(t)
	shop := openShop(t, "lean.tmall.com", 20)
	mall.Forget()
	newShopper(t, nil).scan(shop.URL())
	kinds := map[string]int{}
	for _, r := range mall.Requests() {
		kinds[r.Kind]++
	}
	// The first page is a document; the others are turned to within it.
	if kinds["picture"] > 0 || kinds["shell"] != 1 || kinds["list"] != 3 {
		t.Errorf("requests = %v, want 1 shell, 3 lists and no picture", kinds)
	}
	if mall.Peak("tmall") > 2 { // a list beside the shell that it belongs to
		t.Errorf("peak = %d", mall.Peak("tmall"))
	}
}

func TestRemovalIsProvenInTheScanThatMissesIt(t *testing.T) {
	short(t)
	proofs := map[fixtures.Absence]string{
		fixtures.Gone: "gone", fixtures.GoneByScript: "gone", fixtures.GoneOld: "gone", fixtures.GoneText: "gone",
		fixtures.OffShelf: "offshelf", fixtures.OffShelfOld: "offshelf", fixtures.StillSold: "",
	}
	for i, how := range fixtures.Absences {
		t.Run(string(how), func(t *testing.T) {
			shop := openShop(t, fmt.Sprintf("absence%d.tmall.com", i), 0)
			for k := range 6 {
				shop.Put(product(fmt.Sprint(610000000000+i*100+k), "产品"))
			}
			id := fmt.Sprint(610000000000 + i*100 + 3)
			sh := newShopper(t, nil)
			sh.scan(shop.URL())
			shop.Take(id, how)
			s, changes := sh.scan(shop.URL())
			want := ""
			if proofs[how] != "" {
				want = "removed " + id + " " + proofs[how]
			}
			if got := tell(changes); got != want || s.Verdict != tracker.Complete {
				t.Errorf("changes = %q, want %q; %s %s, probes %+v", got, want, s.Verdict, s.Reason, s.Probes)
			}
			if want == "" {
				if s.Probes[0].State != tracker.PageSold {
					t.Errorf("probe = %+v, want sold", s.Probes[0])
				}
				return
			}
			if len(sh.kept) == 0 || changes[0].Probe.Picture == "" {
				t.Errorf("no picture of the item page was kept")
			}
			if says := changes[0].Probe.Says; says != "" {
				sh.showsWords(changes[0].Probe)
			}
			shop.Return(id)
			if _, changes := sh.scan(shop.URL()); tell(changes) != "relisted "+id {
				t.Errorf("changes = %q, want relisted", tell(changes))
			}
		})
	}
}

func TestSoldOutIsListed(t *testing.T) {
	short(t)
	shop := openShop(t, "soldout.tmall.com", 6)
	sh := newShopper(t, nil)
	sh.scan(shop.URL())
	shop.Update("600000000002", func(p *fixtures.Product) { p.SoldOut = true })
	if s, changes := sh.scan(shop.URL()); len(changes) != 0 || s.Verdict != tracker.Complete {
		t.Errorf("changes = %q, %s", tell(changes), s.Verdict)
	}
}

func TestChangesOfProductsAreSeen(t *testing.T) {
	short(t)
	shop := openShop(t, "changing.tmall.com", 6)
	sh := newShopper(t, nil)
	sh.scan(shop.URL())
	shop.Update("600000000001", func(p *fixtures.Product) { p.Price = "89.00" })
	shop.Update("600000000002", func(p *fixtures.Product) { p.Title = "新产品 2" })
	shop.Update("600000000003", func(p *fixtures.Product) { p.Picture = "another" })
	shop.Update("600000000004", func(p *fixtures.Product) { p.Upload++ })
	shop.Put(product("600000000099", "新到"))
	s, changes := sh.scan(shop.URL())
	got := tell(changes)
	for _, want := range []string{"repriced 600000000001", "retitled 600000000002", "repictured 600000000003", "added 600000000099"} {
		if !strings.Contains(got, want) {
			t.Errorf("changes = %q, want %q among them", got, want)
		}
	}
	if len(changes) != 4 {
		t.Errorf("changes = %q, want 4: a re-upload of the same picture is none", got)
	}
	for _, c := range changes {
		if c.Kind == tracker.Repictured && (c.Pictures.Picture == "" || c.Pictures.Before == "" || c.Pictures.Picture != "jpg") {
			t.Errorf("pictures of %s = %+v", c.Kind, c.Pictures)
		}
		if (c.Kind == tracker.Repriced || c.Kind == tracker.Retitled) && c.Pictures.Picture != "jpg" {
			t.Errorf("pictures of %s = %+v, want its main picture", c.Kind, c.Pictures)
		}
		if c.Kind == tracker.Added && (c.Pictures.Picture != "jpg" || c.Pictures.Card != "webp") {
			t.Errorf("pictures of %s = %+v, want its main picture and its card", c.Kind, c.Pictures)
		}
	}
	if n := colourful(t, sh.kept); n < 5000 {
		t.Errorf("%d coloured pixels in the card, want its picture there", n)
	}
	if _, changes := sh.scan(shop.URL()); len(changes) != 0 {
		t.Errorf("told again: %q; warnings %v", tell(changes), s.Evidence.Warnings)
	}
}

// colourful counts the pixels of the kept cards that are not grey: words are,
// but for the price.
func colourful(t *testing.T, kept [][]byte) (n int) {
	t.Helper()
	for _, file := range kept {
		if !bytes.HasPrefix(file[8:], []byte("WEBP")) {
			continue
		}
		img, err := webp.Decode(bytes.NewReader(file))
		if err != nil {
			t.Fatal(err)
		}
		for y := range img.Bounds().Dy() {
			for x := range img.Bounds().Dx() {
				r, g, b, _ := img.At(x, y).RGBA()
				if max(r, g, b)-min(r, g, b) > 0x1000 {
					n++
				}
			}
		}
	}
	return n
}

// A Chrome that dies between a picture and the one before it makes no change of
// pictures.
func TestPicturesThatCannotBeCompared(t *testing.T) {
	short(t)
	shop := openShop(t, "compared.tmall.com", 0)
	for k := range 3 {
		shop.Put(product(fmt.Sprint(630000000000+k), "产品"))
	}
	sh := newShopper(t, nil)
	sh.scan(shop.URL())
	before, err := url.Parse(shop.Picture(shop.Products()[0]))
	if err != nil {
		t.Fatal(err)
	}
	shop.Update("630000000000", func(p *fixtures.Product) { p.Upload++ })
	asked := 0
	mall.Handle(before.Host, before.Path+"*", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked++
		syscall.Kill(chrome.PID(), syscall.SIGKILL)
		<-r.Context().Done()
	}))
	s, changes := sh.scan(shop.URL())
	mall.Unhandle(before.Host, before.Path+"*")
	if s.Verdict != tracker.Complete || asked == 0 || tell(changes) != "" {
		t.Errorf("scan = %s %s, %q, asked %d times for the picture before, want a complete one without changes", s.Verdict, s.Reason, tell(changes), asked)
	}
	if _, changes := sh.scan(shop.URL()); tell(changes) != "" {
		t.Errorf("the same picture at another address: %q, want no change", tell(changes))
	}
	shop.Update("630000000000", func(p *fixtures.Product) { p.Picture = "another" })
	if _, changes := sh.scan(shop.URL()); tell(changes) != "repictured 630000000000" {
		t.Errorf("another picture: %q, want it told", tell(changes))
	}
}

// A server in trouble does not say that a picture is no more: the one at another
// address may be the same. Only when the old one was deleted is the new one told.
func TestOldPictureCannotBeHad(t *testing.T) {
	short(t)
	for status, told := range map[int]bool{503: false, 429: false, 404: true} {
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			// Chrome keeps pictures: each case has its own.
			shop := openShop(t, fmt.Sprintf("trouble%d.tmall.com", status), 0)
			first, want := fmt.Sprint(640000000000+10*status), ""
			if told {
				want = "repictured " + first
			}
			for k := range 3 {
				shop.Put(product(fmt.Sprint(640000000000+10*status+k), "产品"))
			}
			sh := newShopper(t, nil)
			sh.scan(shop.URL())
			before, err := url.Parse(shop.Picture(shop.Products()[0]))
			if err != nil {
				t.Fatal(err)
			}
			shop.Update(first, func(p *fixtures.Product) { p.Upload++ })
			mall.Handle(before.Host, before.Path+"*", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }))
			_, changes := sh.scan(shop.URL())
			mall.Unhandle(before.Host, before.Path+"*")
			if tell(changes) != want {
				t.Errorf("the old picture answers %d: %q, want %q", status, tell(changes), want)
			}
			if _, changes := sh.scan(shop.URL()); tell(changes) != "" {
				t.Errorf("with the old picture back: %q, want no change", tell(changes))
			}
		})
	}
}

func TestStorefrontNotFound(t *testing.T) {
	short(t)
	for _, how := range []fixtures.Closure{fixtures.NoShop, fixtures.ErrShop, fixtures.Notice, fixtures.WentAway} {
		shop := openShop(t, "closing.tmall.com", 3)
		shop.Close(how)
		if s, _ := newShopper(t, nil).scan(shop.URL()); s.Verdict != tracker.Gone || s.Reason == "" {
			t.Errorf("%s: %s (%s)", how, s.Verdict, s.Reason)
		}
	}
	if s, _ := newShopper(t, nil).scan("https://example.com/"); s.Verdict != tracker.Failed || !strings.Contains(s.Reason, "tmall.com") {
		t.Errorf("unknown host: %s (%s)", s.Verdict, s.Reason)
	}
}

func TestDailyCeilingIsKept(t *testing.T) {
	short(t)
	shop := openShop(t, "ceiling.tmall.com", 40) // 5 pages
	opened := 0
	sh := newShopper(t, func(o *scan.Options) {
		o.DailyPages, o.Opened = 8, func(tracker.StorefrontName) (int, error) { return opened, nil }
	})
	s, _ := sh.scan(shop.URL())
	if s.Verdict != tracker.Complete || s.Evidence.Opened != 5 {
		t.Fatalf("%s (%s), opened %d, want 5", s.Verdict, s.Reason, s.Evidence.Opened)
	}
	opened = s.Evidence.Opened
	s, _ = sh.scan(shop.URL())
	if s.Verdict != tracker.Partial || s.Evidence.Opened != 3 || !strings.Contains(s.Reason, "daily_pages") {
		t.Errorf("%s (%s), opened %d, want partial after 3", s.Verdict, s.Reason, s.Evidence.Opened)
	}
}

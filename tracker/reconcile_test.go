package tracker_test

import (
	"fmt"
	"image"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"shopwatch/tracker"
)

// day0 is when the first scan of every case begins; each further one begins an
// hour later.
var day0 = time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)

// A step is one scan, and a name for it.
type step func(*tracker.Scan)

// scanned is a scan with a verdict that saw the products given: "a", or "a"
// with some of title=, price=, image=, look= behind it.
func scanned(v tracker.Verdict, products ...string) step {
	return func(s *tracker.Scan) {
		s.Verdict = v
		for _, spec := range products {
			f := strings.Fields(spec)
			id := tracker.ProductID(f[0])
			p := tracker.Product{ID: id, Title: "title of " + f[0], Image: "https://img/" + f[0], Price: yuan(9900)}
			for _, kv := range f[1:] {
				key, value, _ := strings.Cut(kv, "=")
				switch key {
				case "title":
					p.Title = value
				case "image":
					p.Image = value
				case "look":
					if s.Pictures == nil {
						s.Pictures = map[tracker.ProductID]tracker.Picture{}
					}
					s.Pictures[id] = tracker.Picture{} // it could not be had
					if grey, err := strconv.Atoi(value); err == nil {
						s.Pictures[id] = tracker.Picture{Hash: plainLook(uint8(grey))}
					}
				case "state":
					p.Availability = tracker.Availability(value)
				case "for":
					market, tax, _ := strings.Cut(value, "/")
					p.Price.Basis = tracker.Basis{Market: market, Tax: tracker.Tax(tax)}
				case "variants":
					p.Variants, _ = strconv.Atoi(value)
				case "price":
					p.Price = tracker.Price{Currency: "CNY"}
					if value != "?" {
						value, currency, other := strings.Cut(value, "/")
						low, _ := tracker.ParseMinor(value, "CNY")
						if p.Price = yuan(low); other {
							p.Price.Currency = currency
						}
					}
				}
			}
			s.Products = append(s.Products, p)
		}
	}
}

func yuan(fen int64) tracker.Price {
	return tracker.Price{Kind: tracker.PriceExact, Low: fen, Currency: "CNY"}
}

func whole(products ...string) step   { return scanned(tracker.Complete, products...) }
func partial(products ...string) step { return scanned(tracker.Partial, products...) }
func refused(v tracker.Verdict) step  { return scanned(v) }

// probed adds looks at item pages: "b=gone".
func probed(st step, looks ...string) step {
	return func(s *tracker.Scan) {
		st(s)
		for _, l := range looks {
			id, state, _ := strings.Cut(l, "=")
			s.Probes = append(s.Probes, tracker.Probe{
				Product: tracker.ProductID(id), State: tracker.PageState(state), At: s.Began, URL: "https://detail/" + id,
			})
		}
	}
}

// again tries again a scan that failed.
func again(st step) step { return with(st, func(s *tracker.Scan) { s.Retry = true }) }

// twice shows product a a second time, maybe in the place of another.
func twice(st step) step { return repeating(st, "a") }

// repeating shows products again.
func repeating(st step, ids ...tracker.ProductID) step {
	return with(st, func(s *tracker.Scan) { s.Repeated = ids })
}

// times plays a step several times.
func times(n int, st step) []step { return slices.Repeat([]step{st}, n) }

func with(st step, more func(*tracker.Scan)) step {
	return func(s *tracker.Scan) { st(s); more(s) }
}

// plainLook is the look of a picture of one grey.
func plainLook(grey uint8) tracker.ImageHash {
	img := image.NewGray(image.Rect(0, 0, 16, 16))
	for i := range img.Pix {
		img.Pix[i] = grey
	}
	return tracker.ImageHashOf(img)
}

// tell says a change in a word or two: "removed b gone".
func tell(c tracker.Change) string {
	w := []string{string(c.Kind)}
	if c.Product != nil {
		w = append(w, string(c.Product.ID))
	}
	switch c.Kind {
	case tracker.Removed:
		w = append(w, string(c.Proof))
	case tracker.Repriced:
		w = append(w, c.Before.Price.String()+"->"+c.Product.Price.String())
	case tracker.Stalled, tracker.Closed:
		w = append(w, string(c.Verdict))
	case tracker.Added:
		if c.SameAs != nil {
			w = append(w, "same as "+string(c.SameAs.ID))
		}
	}
	return strings.Join(w, " ")
}

func TestReconcile(t *testing.T) {
	rules := tracker.DefaultRules()
	eager := rules
	eager.Misses = 1
	blind := rules
	blind.Probes = 0
	const h = "look=100"
	ours := whole("a", "b", "c", "d", "e", "f")
	german := func(e string) step {
		return whole("a title=1", "b title=2", "c title=3", "d title=4", "e title="+e, "f")
	}
	cases := []struct {
		rule  string
		rules tracker.Rules
		steps []step
		want  []string // a line per scan that changed something: "3: removed b gone"
	}{
		{"the first complete scan is a silent baseline", rules, []step{whole("a", "b"), whole("a", "b")}, nil},
		{"partial scans before the baseline report nothing", rules, []step{partial("a"), partial("a", "b"), whole("a", "b", "c")}, nil},
		{"a product seen for the first time is added", rules, []step{whole("a"), whole("a", "b")}, []string{"2: added b"}},
		{"a partial scan adds", rules, []step{whole("a", "b"), partial("b", "c")}, []string{"2: added c"}},
		{"a partial scan removes nothing, however often", rules,
			[]step{whole("a", "b"), partial("a"), partial("a"), partial("a"), partial("a")}, []string{"4: stalled partial"}},
		{"a wall proves nothing", rules, []step{whole("a", "b"), refused(tracker.Login), refused(tracker.Blocked)}, nil},
		{"a failed scan proves nothing", rules, []step{whole("a", "b"), refused(tracker.Failed)}, nil},
		{"a storefront that is gone removes no product", rules,
			[]step{whole("a"), refused(tracker.Gone), refused(tracker.Gone), refused(tracker.Gone), refused(tracker.Gone)}, []string{"4: closed gone"}},
		{"an item page that is gone proves the removal in the same scan", rules,
			[]step{whole("a", "b"), probed(whole("a"), "b=gone")}, []string{"2: removed b gone"}},
		{"an item page off the shelf proves the removal in the same scan", rules,
			[]step{whole("a", "b"), probed(whole("a"), "b=offshelf")}, []string{"2: removed b offshelf"}},
		{"a page that was gone in a silent scan is looked at again", rules,
			[]step{
				with(whole("a", "b"), readBy(1)), with(probed(whole("a"), "b=gone"), readBy(2)),
				with(whole("a"), readBy(2)), with(probed(whole("a"), "b=gone"), readBy(2)),
			},
			[]string{"4: removed b gone"}},
		{"a page that still sells it needs as many complete scans as the rules say", rules,
			[]step{whole("a", "b", "c", "d"), probed(whole("a", "c", "d"), "b=sold"), probed(whole("a", "c", "d"), "b=sold"), probed(whole("a", "c", "d"), "b=sold")},
			[]string{"4: removed b unlisted"}},
		{"a list that shows a product twice may lack another for it, however often", rules,
			[]step{whole("a", "b"), twice(probed(whole("a"), "b=sold")), twice(probed(whole("a"), "b=sold")), twice(probed(whole("a"), "b=sold")), twice(probed(whole("a"), "b=?")), whole("a", "b")},
			nil},
		{"nor does one miss suffice in such a list", eager,
			[]step{whole("a", "b", "c", "d"), twice(probed(whole("a", "c", "d"), "b=sold")), whole("a", "b", "c", "d")}, nil},
		{"what the page of a product says is believed beside such a list", rules,
			[]step{whole("a", "b"), twice(probed(whole("a"), "b=gone"))}, []string{"2: removed b gone"}},
		{"where a list always shows a product twice, it stands in nobody's place", rules,
			slices.Concat(times(10, twice(whole("a", "b", "c", "d"))), times(3, twice(probed(whole("a", "c", "d"), "b=sold")))),
			[]string{"13: removed b unlisted"}},
		{"also when one of those that it shows twice is taken off", rules,
			slices.Concat(times(10, repeating(whole("a", "b", "c", "d"), "a", "a", "b")), times(3, repeating(probed(whole("a", "c", "d"), "b=sold"), "a", "a"))),
			[]string{"13: removed b unlisted"}},
		{"but one that it shows twice beside them may", rules,
			slices.Concat(times(10, twice(whole("a", "b", "c", "d"))), times(4, repeating(probed(whole("a", "c", "d"), "b=sold"), "a", "c"))),
			nil},
		{"and so may one that it shows once more", rules,
			slices.Concat(times(10, twice(whole("a", "b", "c", "d"))), times(4, repeating(probed(whole("a", "c", "d"), "b=sold"), "a", "a"))),
			nil},
		{"always is ten complete scans in a row", rules,
			slices.Concat(times(9, twice(whole("a", "b", "c", "d"))), times(4, twice(probed(whole("a", "c", "d"), "b=sold")))),
			nil},
		{"in which it is shown twice", rules,
			slices.Concat(times(9, twice(whole("a", "b", "c", "d"))), times(1, whole("a", "b", "c", "d")), times(9, twice(whole("a", "b", "c", "d"))), times(4, twice(probed(whole("a", "c", "d"), "b=sold")))),
			nil},
		{"and nothing is missed", rules,
			slices.Concat(times(2, whole("a", "b", "c", "d")), times(20, twice(probed(whole("a", "c", "d"), "b=sold"))), times(1, whole("a", "b", "c", "d"))),
			nil},
		{"scans that are not complete do not count", rules,
			slices.Concat(times(9, twice(whole("a", "b", "c", "d"))), times(1, partial("a")), times(1, twice(whole("a", "b", "c", "d"))), times(3, twice(probed(whole("a", "c", "d"), "b=sold")))),
			[]string{"14: removed b unlisted"}},
		{"a list that shows half of itself twice is never usual", rules,
			slices.Concat(times(12, repeating(whole("a", "b", "c", "d"), slices.Repeat([]tracker.ProductID{"a"}, 101)...)), times(4, repeating(probed(whole("a", "c", "d"), "b=sold"), slices.Repeat([]tracker.ProductID{"a"}, 101)...))),
			nil},
		{"misses of such a list are one at most", rules,
			[]step{whole("a", "b"), twice(probed(whole("a"), "b=sold")), twice(probed(whole("a"), "b=sold")), probed(whole("a"), "b=sold"), probed(whole("a"), "b=sold")},
			[]string{"5: removed b unlisted"}},
		{"what a product stood in the place of from the first list on is not new", rules,
			[]step{twice(whole("a", "b")), twice(whole("a", "b")), whole("a", "b", "c"), whole("a", "b", "c", "d")}, []string{"4: added d"}},
		{"also when a list shows it that is not complete", rules,
			[]step{twice(whole("a", "b")), partial("c"), whole("a", "b", "c", "d"), whole("a", "b", "c", "d", "e")}, []string{"4: added e"}},
		{"what comes while it stands there still is", rules,
			[]step{twice(whole("a", "b")), twice(whole("a", "b", "c")), repeating(whole("a", "b", "c", "d"), "a", "b")}, []string{"2: added c", "3: added d"}},
		{"so is what comes when one list has shown everything", rules,
			[]step{whole("a", "b"), twice(whole("a", "b")), whole("a", "b", "c")}, []string{"3: added c"}},
		{"and what comes when the shop is known to list a product twice", rules,
			slices.Concat(times(12, twice(whole("a", "b"))), times(1, whole("a", "b", "c"))), []string{"13: added c"}},
		{"a page behind a wall needs as many complete scans as the rules say", rules,
			[]step{whole("a", "b", "c", "d"), probed(whole("a", "c", "d"), "b=unknown"), probed(whole("a", "c", "d"), "b=unknown"), probed(whole("a", "c", "d"), "b=unknown")},
			[]string{"4: removed b unseen"}},
		{"a product whose page was never tried waits", rules,
			[]step{whole("a", "b", "c", "d"), whole("a", "c", "d"), whole("a", "c", "d"), whole("a", "c", "d"), whole("a", "c", "d")}, nil},
		{"without probes the scans alone decide", blind,
			[]step{whole("a", "b", "c", "d"), whole("a", "c", "d"), whole("a", "c", "d"), whole("a", "c", "d")}, []string{"4: removed b unseen"}},
		{"scans that are not complete do not break the row of misses", rules,
			[]step{whole("a", "b", "c", "d"), probed(whole("a", "c", "d"), "b=sold"), refused(tracker.Login), partial("a"), probed(whole("a", "c", "d"), "b=sold"), probed(whole("a", "c", "d"), "b=sold")},
			[]string{"6: removed b unlisted"}},
		{"being seen again starts the row of misses anew, also in a partial scan", blind,
			[]step{whole("a", "b", "c", "d"), whole("a", "c", "d"), whole("a", "c", "d"), partial("b"), whole("a", "c", "d"), whole("a", "c", "d")}, nil},
		{"a great loss is doubted, but pages are believed", eager,
			[]step{whole("a", "b", "c", "d"), probed(whole("a"), "b=gone", "c=sold", "d=unknown"), probed(whole("a"), "c=sold", "d=unknown")},
			[]string{"2: removed b gone", "3: removed c unlisted, removed d unseen"}},
		{"an empty list is doubted, and its products are probed", eager,
			[]step{whole("a", "b"), probed(whole(), "a=sold", "b=sold"), whole("a", "b")}, nil},
		{"a removed product that is seen again is relisted", rules,
			[]step{whole("a", "b"), probed(whole("a"), "b=gone"), whole("a", "b")}, []string{"2: removed b gone", "3: relisted b"}},
		{"a partial scan relists", rules,
			[]step{whole("a", "b"), probed(whole("a"), "b=gone"), partial("b")}, []string{"2: removed b gone", "3: relisted b"}},
		{"a product that the list shows again is not back while its own page says that it is gone", rules,
			[]step{whole("a", "b"), probed(whole("a"), "b=gone"), probed(whole("a", "b"), "b=gone"), probed(partial("a", "b"), "b=offshelf"), whole("a"), probed(whole("a", "b"), "b=sold")},
			[]string{"2: removed b gone", "6: relisted b"}},
		{"nor are others whose pages were not looked at beside it", rules,
			[]step{whole("a", "b", "c"), probed(whole("a"), "b=gone", "c=gone"), probed(whole("a", "b", "c"), "b=gone"), probed(whole("a", "b", "c"), "c=sold")},
			[]string{"2: removed b gone, removed c gone", "4: relisted b, relisted c"}},
		{"a page that cannot be read does not keep it away", rules,
			[]step{whole("a", "b"), probed(whole("a"), "b=gone"), probed(whole("a", "b"), "b=unknown")}, []string{"2: removed b gone", "3: relisted b"}},
		{"a removed product is removed once", rules,
			[]step{whole("a", "b"), probed(whole("a"), "b=gone"), whole("a"), whole("a")}, []string{"2: removed b gone"}},
		{"another price is a change", rules, []step{whole("a"), whole("a price=89")}, []string{"2: repriced a 99.00->89.00"}},
		{"a hidden price is no change, nor is its return", rules, []step{whole("a"), whole("a price=?"), whole("a")}, nil},
		{"the price before a hidden one is compared", rules, []step{whole("a"), whole("a price=?"), whole("a price=89")}, []string{"3: repriced a 99.00->89.00"}},
		{"a price more than ten times off waits for a second scan", rules,
			[]step{whole("a"), whole("a price=9.89"), whole("a price=9.89")}, []string{"3: repriced a 99.00->9.89"}},
		{"also when it goes on changing", rules,
			[]step{whole("a"), whole("a price=9.89"), whole("a price=9.88"), whole("a price=9.87")}, []string{"3: repriced a 99.00->9.88", "4: repriced a 9.88->9.87"}},
		{"a price exactly ten times off does not wait", rules, []step{whole("a"), whole("a price=990")}, []string{"2: repriced a 99.00->990.00"}},
		{"a price that was off once is forgotten", rules,
			[]step{whole("a"), whole("a price=9999"), whole("a"), whole("a price=9999"), whole("a")}, nil},
		{"a price in another currency waits for a second scan", rules,
			[]step{whole("a"), whole("a price=89/USD"), whole("a price=89/USD")}, []string{"3: repriced a 99.00->89.00"}},
		{"a price that is converted at the rate of the day waits once", rules,
			[]step{whole("a"), whole("a price=13.90/USD"), whole("a price=13.95/USD")}, []string{"3: repriced a 99.00->13.95"}},
		{"two currencies in a row do not agree", rules,
			[]step{whole("a"), whole("a price=89/USD"), whole("a price=89/EUR"), whole("a price=89/EUR")}, []string{"4: repriced a 99.00->89.00"}},
		{"a price far off in another currency waits again", rules,
			[]step{whole("a"), whole("a price=1/USD"), whole("a price=89/USD"), whole("a price=88/USD")}, []string{"4: repriced a 99.00->88.00"}},
		{"what a price is for is no change when it becomes known", rules,
			[]step{whole("a"), whole("a for=DE/included"), whole("a"), whole("a for=DE"), whole("a price=98 for=DE/included")}, []string{"5: repriced a 99.00->98.00"}},
		{"a price for another country waits for a second scan", rules,
			[]step{whole("a for=DE"), whole("a price=89 for=US"), whole("a price=89 for=US")}, []string{"3: repriced a 99.00->89.00"}},
		{"a price for another country once is forgotten", rules,
			[]step{whole("a for=DE"), whole("a price=89 for=US"), whole("a for=DE"), whole("a price=89 for=US"), whole("a for=DE")}, nil},
		{"a price without tax waits for a second scan", rules,
			[]step{whole("a for=DE/included"), whole("a price=83.19 for=DE/excluded"), whole("a price=83.19 for=DE/excluded")}, []string{"3: repriced a 99.00->83.19"}},
		{"a price that was in another currency once is forgotten", rules,
			[]step{whole("a"), whole("a price=99/USD"), whole("a"), whole("a price=99/USD"), whole("a")}, nil},
		{"what is sold out is told at once, and when it can be bought again", rules,
			[]step{whole("a state=available"), whole("a state=soldout"), whole("a state=soldout"), whole("a state=available")},
			[]string{"2: soldout a", "4: restocked a"}},
		{"a partial scan tells of it too", rules, []step{whole("a state=available", "b"), partial("a state=soldout")}, []string{"2: soldout a"}},
		{"what the marketplace begins to state is no change", rules, []step{whole("a"), whole("a state=soldout"), whole("a state=available")}, []string{"3: restocked a"}},
		{"what it does not state changes nothing", rules,
			[]step{whole("a state=soldout"), whole("a"), whole("a state=soldout"), whole("a"), whole("a state=available")}, []string{"5: restocked a"}},
		{"what another parser states is no change", rules,
			[]step{with(whole("a state=available"), readBy(1)), with(whole("a state=soldout"), readBy(2)), with(whole("a state=available"), readBy(2))}, []string{"3: restocked a"}},
		{"sold out and another price are two changes", rules,
			[]step{whole("a state=available"), whole("a state=soldout price=98")}, []string{"2: soldout a, repriced a 99.00->98.00"}},
		{"what is sold out is not removed", rules, []step{whole("a", "b state=available"), whole("a", "b state=soldout"), whole("a", "b state=soldout"), whole("a", "b state=soldout")}, []string{"2: soldout b"}},
		{"what comes back otherwise than it went is told", eager,
			[]step{whole("a", "b", "c state=available"), probed(whole("a", "b"), "c=gone"), whole("a", "b", "c state=soldout")}, []string{"2: removed c gone", "3: relisted c, soldout c"}},
		{"variants are counted and no change", rules, []step{whole("a variants=2"), whole("a variants=3"), whole("a")}, nil},
		{"when most titles are others they wait for a second scan", rules,
			[]step{ours, german("5"), ours, german("5"), german("5")}, []string{"5: retitled a, retitled b, retitled c, retitled d, retitled e"}},
		{"each of them must be seen twice", rules,
			[]step{ours, german("5"), german("6"), german("6")}, []string{"3: retitled a, retitled b, retitled c, retitled d", "4: retitled e"}},
		{"four do not wait", rules,
			[]step{whole("a", "b", "c", "d"), whole("a title=1", "b title=2", "c title=3", "d title=4")}, []string{"2: retitled a, retitled b, retitled c, retitled d"}},
		{"nor do five of ten", rules,
			[]step{whole("a", "b", "c", "d", "e", "f", "g", "h", "i", "j"), whole("a title=1", "b title=2", "c title=3", "d title=4", "e title=5", "f", "g", "h", "i", "j")},
			[]string{"2: retitled a, retitled b, retitled c, retitled d, retitled e"}},
		{"what else happens among other titles is told at once", rules,
			[]step{ours, whole("a title=1", "b title=2", "c title=3", "d title=4", "e title=5 price=89", "g"), ours}, []string{"2: repriced e 99.00->89.00, added g", "3: repriced e 89.00->99.00"}},
		{"titles that another parser reads do not wait", rules,
			[]step{with(ours, readBy(1)), with(german("5"), readBy(2)), with(ours, readBy(2)), with(ours, readBy(2))}, []string{"4: retitled a, retitled b, retitled c, retitled d, retitled e"}},
		{"another title is a change", rules, []step{whole("a"), whole("a title=new")}, []string{"2: retitled a"}},
		{"a title that differs by what nobody sees is none", rules, []step{whole("a title=new"), whole("a title=\u200bne\u00adw\ufeff"), whole("a title=new")}, nil},
		{"a picture that could not be had is looked at again", rules,
			[]step{whole("a look=10"), whole("a image=https://img/x look=?"), whole("a image=https://img/x look=?"), whole("a image=https://img/x look=10")}, nil},
		{"a picture that could not be had is no change until it is seen", rules,
			[]step{whole("a look=10"), whole("a image=https://img/x look=?"), whole("a image=https://img/x look=200")}, []string{"3: repictured a"}},
		{"another picture is a change", rules, []step{whole("a"), whole("a image=https://img/x")}, []string{"2: repictured a"}},
		{"the same picture under another address is none", rules,
			[]step{whole("a " + h), whole("a image=https://img/x " + h)}, nil},
		{"a picture that is not shown is no change", rules, []step{whole("a"), whole("a image="), whole("a")}, nil},
		{"a product that returns with another price tells both", rules,
			[]step{whole("a", "b"), probed(whole("a"), "b=gone"), whole("a", "b price=79")},
			[]string{"2: removed b gone", "3: relisted b, repriced b 99.00->79.00"}},
		{"a product listed anew under another number names the old one", rules,
			[]step{whole("a", "b title=Speaker,blue image=https://img/s"), probed(whole("a"), "b=gone"), whole("a", "c title=speaker·blue image=https://img/s")},
			[]string{"2: removed b gone", "3: added c same as b"}},
		{"also when the scan that lists it anew finds the old one gone", rules,
			[]step{whole("a", "b title=Speaker,blue image=https://img/s"), probed(whole("a", "c title=speaker·blue image=https://img/s"), "b=gone")},
			[]string{"2: added c same as b, removed b gone"}},
		{"the title alone names nothing", rules,
			[]step{whole("a", "b title=x"), probed(whole("a"), "b=gone"), whole("a", "c title=x")}, []string{"2: removed b gone", "3: added c"}},
		{"a storefront stalls once in an episode and recovers", rules,
			[]step{whole("a"), refused(tracker.Login), refused(tracker.Login), refused(tracker.Login), refused(tracker.Login), whole("a"),
				refused(tracker.Failed), refused(tracker.Failed), refused(tracker.Failed)},
			[]string{"4: stalled login", "6: recovered", "9: stalled failed"}},
		{"one complete scan interrupts the row", rules,
			[]step{whole("a"), refused(tracker.Login), refused(tracker.Login), whole("a"), refused(tracker.Login)}, nil},
		{"a closed storefront that opens again recovers", rules,
			[]step{whole("a"), refused(tracker.Gone), refused(tracker.Gone), refused(tracker.Gone), whole("a")}, []string{"4: closed gone", "5: recovered"}},
		{"a storefront that was never read stalls at its first wall", rules,
			[]step{refused(tracker.Login), refused(tracker.Login), refused(tracker.Login), whole("a")}, []string{"1: stalled login", "4: recovered"}},
		{"it takes longer to stall by what is no wall", rules,
			[]step{refused(tracker.Failed), refused(tracker.Failed), refused(tracker.Failed), whole("a")}, []string{"3: stalled failed", "4: recovered"}},
		{"a scan that is tried again counts once", rules,
			[]step{whole("a"), refused(tracker.Failed), again(refused(tracker.Failed)), again(refused(tracker.Failed)), again(refused(tracker.Gone)),
				refused(tracker.Failed), again(refused(tracker.Failed)), refused(tracker.Failed), again(whole("a"))}, []string{"8: stalled failed", "9: recovered"}},
		{"the first wall before the baseline is told also by a scan that tries again", rules,
			[]step{refused(tracker.Failed), again(refused(tracker.Login)), again(refused(tracker.Login)), whole("a")}, []string{"2: stalled login", "4: recovered"}},
		{"what another parser reads of known products is no news, but new products are", rules,
			[]step{whole("a", "b"), with(whole("a title=x price=80", "b image=https://img/x", "c"), readBy(2)), with(whole("a title=x price=80", "b image=https://img/x", "c", "d"), readBy(2))},
			[]string{"2: added c", "3: added d"}},
		{"so are products that are back, whatever else differs", rules,
			[]step{whole("a", "b"), probed(whole("a"), "b=gone"), with(whole("a", "b price=80"), readBy(2)), with(whole("a", "b price=80"), readBy(2))},
			[]string{"2: removed b gone", "3: relisted b"}},
		{"a price that another parser reads ten times off is taken at once, and never told", rules,
			[]step{whole("a"), with(whole("a price=9999"), readBy(2)), with(whole("a price=9999"), readBy(2)), with(whole("a price=9998"), readBy(2))},
			[]string{"4: repriced a 9999.00->9998.00"}},
		{"a partial scan by another parser tells the same, until a complete one was read by it", rules,
			[]step{whole("a", "b"), with(partial("a title=x", "c"), readBy(2)), with(partial("a title=y", "d"), readBy(2)), with(whole("a title=y", "b", "c", "d"), readBy(2)), with(whole("a title=z", "b", "c", "d"), readBy(2))},
			[]string{"2: added c", "3: added d", "5: retitled a"}},
		{"what another parser does not find is not removed before it has read another complete scan", blind,
			[]step{whole("a", "b", "c", "d"), whole("a", "c", "d"), whole("a", "c", "d"), with(whole("a", "c", "d"), readBy(2)), with(whole("a", "c", "d"), readBy(2))},
			[]string{"5: removed b unseen"}},
		{"what other options show is no news until they have shown a complete list", rules,
			[]step{with(whole("a", "b"), readAs(1)), with(partial("c"), readAs(2)), with(whole("a title=x price=89/USD", "b", "c", "d"), readAs(2)), with(whole("a title=x price=88/USD", "b", "c", "d", "e"), readAs(2))},
			[]string{"4: repriced a 89.00->88.00, added e"}},
		{"nor are products that were gone before", rules,
			[]step{with(whole("a", "b"), readAs(1)), with(probed(whole("a"), "b=gone"), readAs(1)), with(whole("a", "b"), readAs(2))}, []string{"2: removed b gone"}},
		{"what other options do not show is not removed before they have shown another complete list", blind,
			[]step{with(whole("a", "b", "c", "d"), readAs(1)), with(whole("a", "c", "d"), readAs(1)), with(whole("a", "c", "d"), readAs(1)), with(whole("a", "c", "d"), readAs(2)), with(whole("a", "c", "d"), readAs(2))},
			[]string{"5: removed b unseen"}},
		{"what another address does not list is taken off without a change, though it is sold", rules,
			slices.Concat([]step{with(whole("a", "b", "c", "d"), readAs(1))}, times(5, with(probed(whole("a"), "b=sold"), readAs(2)))), nil},
		{"what its page says is told", rules,
			slices.Concat([]step{with(whole("a", "b", "c", "d"), readAs(1))}, times(2, with(probed(whole("a"), "b=gone"), readAs(2)))), []string{"3: removed b gone"}},
		{"it is new when the new address lists it", rules,
			slices.Concat([]step{with(whole("a", "b"), readAs(1))}, times(4, with(whole("a"), readAs(2))), []step{with(whole("a", "b"), readAs(2))}, times(3, with(probed(whole("a"), "b=sold"), readAs(2)))),
			[]string{"6: added b", "9: removed b unlisted"}},
		{"it is no news when the new address lists it before the third scan", rules,
			slices.Concat([]step{with(whole("a", "b"), readAs(1))}, times(2, with(whole("a"), readAs(2))), []step{with(whole("a", "b"), readAs(2))}, times(3, with(probed(whole("a"), "b=sold"), readAs(2)))),
			[]string{"7: removed b unlisted"}},
		{"nor when the old one is given again", rules,
			slices.Concat([]step{with(whole("a", "b"), readAs(1))}, times(5, with(whole("a"), readAs(2))), []step{with(whole("a", "b"), readAs(1))}), nil},
		{"of a catalog from before options were kept nothing is held back", rules, []step{whole("a"), with(whole("a price=89"), readAs(1))}, []string{"2: repriced a 99.00->89.00"}},
		{"the first scan of a storefront by another parser than a partial one before is a silent baseline", rules,
			[]step{partial("a"), with(whole("a title=x", "b"), readBy(2))}, nil},
		{"another shop at the address changes nothing", rules,
			[]step{with(whole("a"), shop("1", "")), with(whole("x", "y"), shop("2", "")), with(partial("z"), shop("2", ""))}, nil},
		{"a shop that was kept under the number of its seller is the same one", rules,
			[]step{with(whole("a"), shop("7", "7")), with(whole("a", "b"), shop("1", "7")), with(whole("c"), shop("2", "7"))}, []string{"2: added b"}},
		{"a product listed twice is one product", rules, []step{whole("a"), whole("a", "b", "b")}, []string{"2: added b"}},
		{"products keep what is remembered of them through an unchanged scan", rules,
			[]step{whole("a", "b"), whole("b", "a"), whole("a", "b"), probed(whole("a"), "b=gone")}, []string{"4: removed b gone"}},
		{"a change seen in a partial scan is not told again", rules,
			[]step{whole("a"), whole("a"), partial("a price=89"), whole("a price=89")}, []string{"3: repriced a 99.00->89.00"}},
		{"a change that a partial scan told and the next takes back is told", rules,
			[]step{whole("a"), whole("a"), partial("a price=89"), whole("a")}, []string{"3: repriced a 99.00->89.00", "4: repriced a 89.00->99.00"}},
	}
	for _, c := range cases {
		t.Run(c.rule, func(t *testing.T) {
			catalog, got := &tracker.Items{}, []string(nil)
			for i, st := range c.steps {
				s := &tracker.Scan{Storefront: "s", Began: day0.Add(time.Duration(i) * time.Hour), Took: time.Second}
				s.Evidence.Parser = 1
				st(s)
				o := catalog.Reconcile(s, c.rules)
				catalog.Apply(o)
				var line []string
				for _, ch := range o.Changes {
					line = append(line, tell(ch))
				}
				if len(line) > 0 {
					got = append(got, fmt.Sprintf("%d: %s", i+1, strings.Join(line, ", ")))
				}
			}
			if g, w := strings.Join(got, "\n"), strings.Join(c.want, "\n"); g != w {
				t.Errorf("got\n%s\nwant\n%s", g, w)
			}
		})
	}
}

func readBy(v int) func(*tracker.Scan) { return func(s *tracker.Scan) { s.Evidence.Parser = v } }
func readAs(v uint32) func(*tracker.Scan) {
	return func(s *tracker.Scan) { s.ReadAs = v }
}
func shop(id, seller string) func(*tracker.Scan) {
	return func(s *tracker.Scan) { s.Evidence.Shop = tracker.SellerIdentity{ID: id, Seller: seller} }
}

func TestReconcileWritesNothingForAnUnchangedScan(t *testing.T) {
	catalog := &tracker.Items{}
	for i := range 3 {
		s := &tracker.Scan{Storefront: "s", Began: day0.Add(time.Duration(i) * time.Hour)}
		whole("a", "b", "c")(s)
		o := catalog.Reconcile(s, tracker.DefaultRules())
		catalog.Apply(o)
		if want := []int{3, 0, 0}[i]; len(o.Items) != want {
			t.Errorf("scan %d writes %d items, want %d", i+1, len(o.Items), want)
		}
	}
}

func TestMissedComeMostUrgentFirst(t *testing.T) {
	rules := tracker.DefaultRules()
	catalog := &tracker.Items{}
	run := func(i int, st step) tracker.Outcome {
		s := &tracker.Scan{Storefront: "s", Began: day0.Add(time.Duration(i) * time.Hour)}
		st(s)
		o := catalog.Reconcile(s, rules)
		catalog.Apply(o)
		return o
	}
	run(0, whole("a", "b", "c", "d", "e", "f", "g", "h"))
	run(1, probed(whole("a", "b", "c", "e", "f", "g", "h"), "d=sold"))
	o := run(2, probed(whole("a", "e", "f", "g", "h"), "b=unknown"))
	var got []string
	for _, it := range o.Missed {
		got = append(got, fmt.Sprint(it.ID, it.Missing))
	}
	// d is missing longest; of the other two, c was never probed.
	if g, want := strings.Join(got, " "), "d2 c1 b1"; g != want {
		t.Errorf("Missed = %q, want %q", g, want)
	}
	got = nil
	for _, it := range run(3, with(whole("a", "b", "c", "d", "e", "f"), readAs(1))).Missed {
		got = append(got, fmt.Sprint(it.ID, it.Missing))
	}
	run(4, with(whole("a", "b", "c", "d"), readAs(2)))
	for _, it := range run(5, with(whole("b", "c", "d"), readAs(2))).Missed {
		got = append(got, fmt.Sprint(it.ID, it.Missing))
	}
	// g and h are missing by the list of now; e and f were never on it.
	if g, want := strings.Join(got, " "), "g1 h1 g3 h3 a1 e2 f2"; g != want {
		t.Errorf("Missed = %q, want %q", g, want)
	}
}

// Where the page of a product is found by a name, the catalog has the last one that
// was listed, also of products that nothing else happened to, and of those that it
// has from before it knew of names.
func TestAPageIsLookedForUnderItsLastName(t *testing.T) {
	catalog := &tracker.Items{}
	at := func(url string, byName bool) func(*tracker.Scan) {
		return func(s *tracker.Scan) { s.Products[0].URL, s.ByName = url, byName }
	}
	for i, st := range []step{with(whole("a"), at("/a", false)), with(whole("a"), at("/a", true)), with(whole("a"), at("/new", true)), with(partial("a"), at("/newer", true))} {
		s := &tracker.Scan{Storefront: "s", Began: day0.Add(time.Duration(i) * time.Hour)}
		st(s)
		o := catalog.Reconcile(s, tracker.DefaultRules())
		catalog.Apply(o)
		if a := catalog.Item("a"); a.URL != s.Products[0].URL || len(o.Changes) > 0 || i > 0 && len(o.Items) != 1 {
			t.Errorf("scan %d: %q, %v, %d items written", i+1, a.URL, o.Changes, len(o.Items))
		}
	}
}

// The scan that is about to remove a product looks at its page once more: what it
// said days ago is not what it says now.
func TestNothingIsRemovedUnlookedAt(t *testing.T) {
	catalog := &tracker.Items{}
	for i, st := range []step{whole("a", "b"), probed(whole("a"), "b=sold"), probed(whole("a"), "b=sold"), whole("a")} {
		s := &tracker.Scan{Storefront: "s", Began: day0.Add(time.Duration(i) * time.Hour)}
		st(s)
		o := catalog.Reconcile(s, tracker.DefaultRules())
		catalog.Apply(o)
		if i > 0 && (len(o.Missed) != 1 || o.Missed[0].ID != "b" || !o.Missed[0].Listed()) {
			t.Errorf("scan %d: Missed = %+v, want b", i+1, o.Missed)
		}
	}
	if b := catalog.Item("b"); b.Listed() {
		t.Error("b stays listed, though its page cannot be looked at")
	}
}

// What is missing and what is back are looked at in turn, and of what is back first
// what was looked at the longest ago.
func TestLooksTakeTurns(t *testing.T) {
	catalog, got := &tracker.Items{}, []string(nil)
	for i, st := range []step{
		whole("a", "b", "c", "d", "e", "f"), probed(whole("a", "e", "f"), "b=gone", "c=gone", "d=gone"),
		probed(whole("a", "b", "c", "d"), "b=gone"), whole("a", "b", "c", "d"),
	} {
		s := &tracker.Scan{Storefront: "s", Began: day0.Add(time.Duration(i) * time.Hour)}
		st(s)
		o := catalog.Reconcile(s, tracker.DefaultRules())
		var line []string
		for _, it := range o.Looks() {
			line = append(line, string(it.ID))
		}
		got = append(got, strings.Join(line, " "))
		catalog.Apply(o)
	}
	if want := []string{"", "", "e b f c d", "e c f d b"}; !slices.Equal(got, want) {
		t.Errorf("looks %q, want %q", got, want)
	}
}

func TestARemovalTellsItsProof(t *testing.T) {
	catalog := &tracker.Items{}
	for i, st := range []step{whole("a", "b"), probed(whole("a"), "b=gone")} {
		s := &tracker.Scan{Storefront: "s", Began: day0.Add(time.Duration(i) * time.Hour), Took: time.Minute}
		st(s)
		o := catalog.Reconcile(s, tracker.DefaultRules())
		catalog.Apply(o)
		if i == 0 {
			continue
		}
		c := o.Changes[0]
		if c.Probe == nil || c.Probe.URL != "https://detail/b" || c.Missing != 1 || !c.At.Equal(s.Began.Add(s.Took)) || !c.Scan.Equal(s.Began) {
			t.Errorf("change = %+v", c)
		}
		if it := catalog.Item("b"); it.Listed() || !it.LastSeen.Equal(day0) {
			t.Errorf("item = %+v, want removed and last seen at %s", it, day0)
		}
	}
}

package report_test

import (
	"bytes"
	"cmp"
	"context"
	"encoding/csv"
	"flag"
	"fmt"
	"html"
	"maps"
	"mime/quotedprintable"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	gocmp "github.com/google/go-cmp/cmp"

	"shopwatch/tracker"
	"shopwatch/tracker/report"
)

var update = flag.Bool("update", false, "rewrite the golden files")

var (
	shanghai = time.FixedZone("Asia/Shanghai", 8*3600)
	nine     = time.Date(2026, 11, 22, 9, 0, 0, 0, shanghai)
)

// hostile is a title of the worst kind: markup, a line break, marks that turn
// the direction of text, a null, bytes that are no UTF-8, 500 characters.
const hostile = "=cmd|'/C calc'!A0<script>alert(1)</script>\r\nBcc: x@example.com\u2028\u202Eevil\u202C\u2066\x00\xff \"'&<img src=x onerror=y>"

func product(id, title string, fen int64) *tracker.Product {
	p := &tracker.Product{
		ID: tracker.ProductID(id), Title: title, URL: "https://detail.tmall.com/item.htm?id=" + id,
		Image: "https://img.alicdn.com/" + id + ".jpg",
	}
	if fen > 0 {
		p.Price = tracker.Price{Kind: tracker.PriceExact, Low: fen, Currency: "CNY"}
	}
	return p
}

func number(changes []tracker.Change) []tracker.Change {
	for i := range changes {
		c := &changes[i]
		c.Seq = uint64(i + 40)
		if c.Storefront == "" {
			c.Storefront = "tencent"
		}
		if c.Scan.IsZero() {
			c.Scan = nine
		}
		c.At = c.Scan.Add(90 * time.Second)
	}
	return changes
}

func scan(name tracker.StorefrontName, began time.Time, v tracker.Verdict, e tracker.Evidence) report.Scan {
	s := report.Scan{Scan: tracker.Scan{Storefront: name, Began: began, Verdict: v, Evidence: e, Took: 90 * time.Second}}
	s.LastComplete = began.Add(-9 * time.Hour)
	return s
}

// A written report is one in all its forms.
type written struct {
	Subject, Text, Brief, HTML, Page string
	CSV                              []byte
	Pictures                         []report.Picture
}

func write(t testing.TB, s report.Story) written {
	t.Helper()
	m := report.New(s)
	w := written{Subject: m.Subject(), Text: m.Text(report.Foot{}), Brief: m.Brief(), CSV: m.CSV()}
	var err error
	if w.HTML, w.Pictures, err = m.HTML(t.Context(), report.Foot{}); err != nil {
		t.Fatal(err)
	}
	if w.Page, err = m.Page(t.Context()); err != nil {
		t.Fatal(err)
	}
	return w
}

// stories are what the golden files show, by name.
func stories(lang string) map[string]report.Story {
	base := func(changes ...tracker.Change) report.Story {
		return report.Story{
			Report: tracker.Report{ID: 57, Channel: "analysts", Created: nine.Add(2 * time.Minute)},
			Lang:   lang, Zone: shanghai, Changes: number(changes),
			Shops: map[tracker.StorefrontName]report.StorefrontInfo{
				"tencent": {Title: "Tencent flagship", URL: "https://tencent.tmall.com/", Marketplace: "tmall"},
			},
			Scans: []report.Scan{scan("tencent", nine, tracker.Complete, tracker.Evidence{
				Pages: 6, Products: 347, Declared: tracker.Declared{Pages: 6},
			})},
		}
	}
	all := map[string]report.Story{"sample": report.Sample("analysts", lang, shanghai, nine)}

	removed := func(id string, proof tracker.Proof, state tracker.PageState, missing int, reason string) tracker.Change {
		return tracker.Change{
			Kind: tracker.Removed, Product: product(id, "糖大夫血糖仪 "+id, 29900), Proof: proof, Missing: missing,
			Probe: &tracker.Probe{State: state, At: nine.Add(4 * time.Minute), URL: "https://detail.tmall.com/item.htm?id=" + id, Reason: reason},
		}
	}
	all["proofs"] = base(
		removed("1", tracker.ProofGone, tracker.PageGone, 1, "商品不存在"),
		removed("2", tracker.ProofOffshelf, tracker.PageOffshelf, 1, "商品已下架"),
		removed("3", tracker.ProofUnlisted, tracker.PageSold, 3, "add to cart"),
		removed("4", tracker.ProofUnseen, tracker.PageUnknown, 3, "login wall"),
	)

	stock := func(k tracker.Kind, id, title string, was, is tracker.Availability) tracker.Change {
		c := tracker.Change{Kind: k, Product: product(id, title, 4990), Before: product(id, title, 4990), Pictures: tracker.Evidenced{Picture: id}}
		c.Before.Availability, c.Product.Availability = was, is
		return c
	}
	fresh := stock(tracker.Added, "7", "Felt pen set, 24 colours", "", tracker.SoldOut)
	fresh.Before = nil
	stocked := base(
		fresh,
		stock(tracker.Soldout, "8", "Watercolour block A4", tracker.Available, tracker.SoldOut),
		stock(tracker.Soldout, "9", "Brush no. 12", tracker.Available, tracker.SoldOut),
		stock(tracker.Restocked, "10", "Travel palette", tracker.SoldOut, tracker.Available),
	)
	stocked.Picture = all["sample"].Picture
	all["availability"] = stocked

	german := tracker.Basis{Market: "DE", Tax: tracker.TaxIncluded}
	euro := func(cents int64, b tracker.Basis) tracker.Price {
		return tracker.Price{Kind: tracker.PriceExact, Low: cents, Currency: "EUR", Basis: b}
	}
	priced := func(id, title string, before, after tracker.Price) tracker.Change {
		c := tracker.Change{Kind: tracker.Repriced, Product: product(id, title, 0), Before: product(id, title, 0)}
		c.Before.Price, c.Product.Price = before, after
		return c
	}
	found := tracker.Change{Kind: tracker.Added, Product: product("11", "Easel", 0)}
	found.Product.Price = euro(8990, german)
	cut := priced("12", "Watercolour block A4", euro(2490, german), euro(1990, german))
	cut.Prior = euro(2190, german)
	all["basis"] = base(
		found,
		cut,
		priced("13", "Brush no. 12", euro(1190, german), euro(1000, tracker.Basis{Market: "DE", Tax: tracker.TaxExcluded})),
		priced("14", "Travel palette", euro(3900, tracker.Basis{}), tracker.Price{Kind: tracker.PriceExact, Low: 6200, Currency: "JPY"}),
	)

	offer := func(name tracker.StorefrontName, id string, p tracker.Price) tracker.Offer {
		o := tracker.Offer{Storefront: name, Item: tracker.Item{Product: *product(id, "Watercolour block A4", 0)}}
		o.Item.Price = p
		return o
	}
	group := base(priced("12", "Watercolour block A4", euro(2490, german), euro(1990, german)),
		tracker.Change{Kind: tracker.Retitled, Product: product("13", "画笔 12 号", 100), Before: product("13", "画笔", 100)})
	group.Shops["acme"] = report.StorefrontInfo{Title: "艺术用品店"}
	group.Groups = []report.Group{
		{"another", []tracker.Offer{offer("tencent", "99", euro(100, german))}},
		{"画纸", []tracker.Offer{
			offer("tencent", "12", euro(1990, german)), offer("acme", "77", euro(1890, german)), offer("oppo", "3", tracker.Price{Kind: tracker.PriceExact, Low: 2100, Currency: "JPY"}),
		}},
	}
	all["group"] = group

	for _, v := range []tracker.Verdict{tracker.Login, tracker.Blocked, tracker.Partial, tracker.Failed} {
		s := base(tracker.Change{Kind: tracker.Stalled, Verdict: v, Reason: "the words of the scan"})
		s.Scans = []report.Scan{scan("tencent", nine, v, tracker.Evidence{Pages: 2, Products: 100, Declared: tracker.Declared{Pages: 6}, Duplicates: 1})}
		s.Scans[0].Reason = "the words of the scan"
		all["stalled-"+string(v)] = s
	}
	first := base(tracker.Change{Kind: tracker.Stalled, Verdict: tracker.Login, Reason: "the words of the scan"})
	first.Scans = []report.Scan{{Scan: tracker.Scan{Storefront: "tencent", Began: nine, Verdict: tracker.Login, Reason: "the words of the scan"}}}
	all["stalled-at-first"] = first
	all["recovered"] = base(tracker.Change{Kind: tracker.Recovered, Reason: "as storage keeps it"})
	all["kept-again"] = base(tracker.Change{Kind: tracker.Recovered, Scan: nine, Away: 27 * time.Hour, Reason: "3 scans could not be kept: no space left on device"})
	all["closed"] = base(tracker.Change{Kind: tracker.Closed, Verdict: tracker.Gone, Reason: "店铺不存在"})
	wrong := base(tracker.Change{Kind: tracker.Corrected, Corrects: 12, Reason: "the page was a login wall", Product: product("5", "全民WiFi", 1990)})
	wrong.Wrong = map[uint64]tracker.Change{12: {Seq: 12, Kind: tracker.Removed, At: nine.Add(-20 * time.Hour)}}
	all["corrected"] = wrong

	h := base(
		tracker.Change{Kind: tracker.Added, Product: product("6", hostile+strings.Repeat("长", 500), 0), Important: hostile},
		tracker.Change{Kind: tracker.Removed, Product: &tracker.Product{ID: "<7>", Title: hostile, URL: "javascript:alert(1)"}, Proof: tracker.ProofUnseen, Missing: 3,
			Probe: &tracker.Probe{At: nine, URL: "data:text/html,x", Reason: hostile}},
		tracker.Change{Kind: tracker.Retitled, Product: product("8", "＝SUM(A1) "+hostile, 100), Before: product("8", "-2+3 "+hostile, 100)},
		tracker.Change{Kind: tracker.Added, Product: product("9", strings.Repeat("W", 500), 9999999999)},
		tracker.Change{Kind: tracker.Repriced, Product: product("10", "@x", 123456789012), Before: product("10", "@x", 1)},
		tracker.Change{Kind: tracker.Stalled, Verdict: "no such verdict", Reason: hostile},
		tracker.Change{Kind: tracker.Added, Product: product("11", "", 100)},
	)
	h.Shops = map[tracker.StorefrontName]report.StorefrontInfo{"tencent": {Title: hostile, URL: "javascript:alert(1)", Marketplace: hostile}}
	h.Report.Channel = hostile
	h.Scans[0].Reason, h.Scans[0].Verdict = hostile, tracker.Partial
	h.Scans[0].Evidence.Warnings = []string{hostile}
	h.Suspects = []report.Suspect{{Storefront: "tencent", Item: tracker.Item{Product: *product("12", hostile, 1), Missing: 2}}}
	all["hostile"] = h

	beat := report.Story{
		Report: tracker.Report{ID: 60, Channel: "analysts", Created: nine, About: report.Heartbeat},
		Lang:   lang, Zone: shanghai, Since: nine.AddDate(0, 0, -7), Shops: all["proofs"].Shops,
		Quiet: []report.Quiet{{Storefront: "tencent", Scans: 14, Complete: 14, Products: 347, Last: nine.Add(-time.Hour)}},
	}
	all["heartbeat"] = beat
	beat.Quiet = append(beat.Quiet,
		report.Quiet{Storefront: "oppo", Scans: 14, Complete: 9, Products: 60, Last: nine.Add(-50 * time.Hour)},
		report.Quiet{Storefront: "huawei"})
	all["heartbeat-gaps"] = beat

	days := func(before int, c tracker.Change) tracker.Change {
		c.Scan = nine.Add(-time.Duration(before) * 24 * time.Hour)
		return c
	}
	d := base(
		days(6, tracker.Change{Kind: tracker.Added, Product: product("1", "来了又走", 100)}),
		days(5, tracker.Change{Kind: tracker.Removed, Product: product("5", "走了又来 智能手环", 19900), Proof: tracker.ProofOffshelf}),
		days(4, tracker.Change{Kind: tracker.Repriced, Product: product("6", "腾讯微投 迷你投影仪", 99900), Before: product("6", "腾讯微投 迷你投影仪", 199900)}),
		days(3, tracker.Change{Kind: tracker.Relisted, Product: product("5", "走了又来 智能手环", 19900), Away: 48 * time.Hour}),
		days(2, tracker.Change{Kind: tracker.Repriced, Product: product("6", "腾讯微投 迷你投影仪", 199900), Before: product("6", "腾讯微投 迷你投影仪", 99900)}),
		tracker.Change{Kind: tracker.Repriced, Product: product("2", "儿童蓝牙音箱", 20000), Before: product("2", "儿童蓝牙音箱", 29900)},
		tracker.Change{Kind: tracker.Removed, Product: product("1", "来了又走", 100), Proof: tracker.ProofGone},
		tracker.Change{Kind: tracker.Repriced, Product: product("2", "儿童蓝牙音箱", 25900), Before: product("2", "儿童蓝牙音箱", 20000)},
		tracker.Change{Kind: tracker.Added, Product: product("3", "投影仪", 199900)},
		tracker.Change{Kind: tracker.Added, Storefront: "oppo", Product: product("4", "OPPO Find X9", 449900)},
	)
	d.Net = true
	d.Changes[8].SameAs = &tracker.SameAs{ID: "99", Confidence: 0.97}
	d.Scans = append(d.Scans, scan("oppo", nine, tracker.Partial, tracker.Evidence{Pages: 1, Products: 60, Declared: tracker.Declared{Pages: 2, Products: 90}}))
	d.Scans[1].Evidence.Shop.Name = "OPPO官方旗舰店"
	all["digest"] = d
	d.Public = "https://watch.example.com/shopwatch/"
	d.Checkpoint = "shopwatch/q3kfx2mzab\n49\nT2rRZLPDwwvZ1Jd3M3YkK0b1xAq3d7m5yP0a9h6Qk3s=\n\n— shopwatch/q3kfx2mzab 3mVnHAECAwQFBgcICQoLDA0ODwECAwQFBgcICQoLDA0ODwECAwQFBgcICQoLDA0ODwECAwQFBgcICQoLDA0ODwECAw==\n"
	d.Key = "shopwatch/q3kfx2mzab+de656700+AZmYk0Zt7nR8bS1dXyLhGm2pVqkE0rJ5uTf3cWa9oI4="
	linked := d
	linked.Changes = append(slices.Clone(d.Changes), number([]tracker.Change{
		removed("7", tracker.ProofOffshelf, tracker.PageOffshelf, 1, "商品已下架"),
		{Kind: tracker.Stalled, Storefront: "oppo", Verdict: tracker.Login, Reason: "the words of the scan"},
	})...)
	linked.Changes[10].Seq, linked.Changes[11].Seq = 50, 51
	linked.Changes[10].Pictures = tracker.Evidenced{Picture: "a", Page: "0123abcd.webp"}
	linked.Changes[10].Probe.Picture, linked.Changes[10].Probe.Detail = "0123abcd.webp", "4567ef01.webp"
	linked.Picture, linked.Shot = all["sample"].Picture, all["sample"].Shot
	all["public"] = linked
	d.Public, d.Checkpoint, d.Key = "", "", ""
	d.Changes = []tracker.Change{d.Changes[0], d.Changes[6]} // product 1 comes and goes
	d.Scans = nil
	all["digest-nothing"] = d
	return all
}

func TestGolden(t *testing.T) {
	for _, lang := range []string{"en", "zh"} {
		for name, s := range stories(lang) {
			t.Run(name+"."+lang, func(t *testing.T) {
				m := write(t, s)
				golden(t, name+"."+lang+".txt", "Subject: "+m.Subject+"\n\n"+m.Text+"\n~~~ in a chat ~~~\n"+m.Brief+"\n")
				golden(t, name+"."+lang+".html", named(m.HTML))
				if slices.Contains([]string{"sample", "digest", "public", "heartbeat-gaps", "hostile"}, name) {
					feed, _, err := report.New(s).Feed(t.Context())
					if err != nil {
						t.Fatal(err)
					}
					golden(t, name+"."+lang+".feed.html", feed)
				}
				if lang == "en" && m.CSV != nil {
					golden(t, name+".csv", string(m.CSV))
				}
			})
		}
	}
}

// named writes a page with the names of its styles in the place of the styles,
// which nobody can read and which would change all files when one of them does.
// How they look is for TestNothingOverflows, and for people.
func named(page string) string {
	page = regexp.MustCompile(`(?s)<style>.*?</style>`).ReplaceAllString(page, "<style>…</style>")
	names := slices.SortedFunc(maps.Keys(report.Styles), func(a, b string) int {
		return cmp.Or(len(report.Styles[b])-len(report.Styles[a]), strings.Compare(a, b)) // the longest first
	})
	for _, name := range names {
		page = strings.ReplaceAll(page, `style="`+string(report.Styles[name]), `style="`+name)
	}
	return strings.NewReplacer(` role="presentation" width="100%" cellpadding="0" cellspacing="0" border="0"`, "", "&#847; &zwnj; ", "").Replace(page)
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := gocmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s differs (-want +got); run with -update if it should:\n%s", path, diff)
	}
}

// TestHeadingsAreInOrder: who listens to a mail goes from heading to heading,
// and none skips a level.
func TestHeadingsAreInOrder(t *testing.T) {
	for name, s := range stories("en") {
		level := 0
		for _, h := range regexp.MustCompile(`<h([1-6])[ >]`).FindAllStringSubmatch(write(t, s).HTML, -1) {
			n := int(h[1][0] - '0')
			if n > level+1 {
				t.Errorf("%s: h%d follows h%d", name, n, level)
			}
			level = n
		}
		if level < 2 && s.Report.About == "" {
			t.Errorf("%s: no heading below the first", name)
		}
	}
}

// TestGridOfNumbers: with five kinds of change a place of the grid is empty.
func TestGridOfNumbers(t *testing.T) {
	s := report.Sample("analysts", "en", shanghai, nine)
	kinds := make(map[tracker.Kind]bool)
	for i, kind := range []tracker.Kind{tracker.Added, tracker.Removed, tracker.Relisted, tracker.Repriced, tracker.Retitled, tracker.Repictured} {
		n := i + 1
		kinds[kind] = true
		part := s
		part.Changes = slices.DeleteFunc(slices.Clone(s.Changes), func(c tracker.Change) bool { return !kinds[c.Kind] })
		number := regexp.MustCompile(`style="` + regexp.QuoteMeta(string(report.Styles["number"])) + `[^"]*">([^<]*)<`)
		var shown []string
		for _, m := range number.FindAllStringSubmatch(write(t, part).HTML, -1) {
			shown = append(shown, m[1])
		}
		if len(shown) != n || slices.Contains(shown, "0") {
			t.Errorf("%d kinds: the numbers are %q", n, shown)
		}
	}
}

func TestHostileTitlesAreHarmless(t *testing.T) {
	m := write(t, stories("en")["hostile"])
	for _, bad := range []string{"<script", "<img src=x", "javascript:", "data:text", "ZgotmplZ", "\u202e", "\u2028", "\x00"} {
		if strings.Contains(m.HTML, bad) {
			t.Errorf("HTML contains %q", bad)
		}
	}
	for _, bad := range []string{"\r", "\x00", "\u202e", "\u2028", "\u2066"} {
		if strings.Contains(m.Text+m.Subject+m.Brief, bad) {
			t.Errorf("text or subject contains %q", bad)
		}
	}
	if strings.Contains(m.Text, "\nBcc:") {
		t.Error("a title begins a line of its own in the text")
	}
	if !utf8.ValidString(m.Text + m.HTML + string(m.CSV)) {
		t.Error("something is not UTF-8")
	}
	rows, err := csv.NewReader(bytes.NewReader(bytes.TrimPrefix(m.CSV, []byte("\ufeff")))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	if len(rows) != 1+7 {
		t.Errorf("CSV has %d rows, want a heading and 7", len(rows))
	}
	decimal := regexp.MustCompile(`^-?\d+\.\d\d$`)
	for _, row := range rows {
		for i, cell := range row {
			if cell != "" && strings.ContainsRune("=+-@\t＝＋－＠", []rune(cell)[0]) && !decimal.MatchString(cell) {
				t.Errorf("CSV column %s: %q is taken for a formula", rows[0][i], cell)
			}
			if strings.ContainsAny(cell, "\r\n") {
				t.Errorf("CSV column %s: %q has a line break", rows[0][i], cell)
			}
		}
	}
}

func TestGreatReportsAreCapped(t *testing.T) {
	tests := []struct {
		name         string
		shops, each  int
		title        string
		wantPictures bool
	}{
		{"one storefront with everything new", 1, 3000, "糖大夫 腾讯智能血糖仪 GPRS版 家用测糖仪套装", true},
		{"long Chinese titles", 1, 300, strings.Repeat("糖大夫腾讯智能血糖仪", 20), true},
		{"long titles of awkward characters", 1, 300, strings.Repeat(`<"&'>`, 100), true},
		{"a hundred storefronts", 100, 8, "糖大夫 腾讯智能血糖仪", true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := stories("en")["proofs"]
			s.Changes, s.Scans = nil, nil
			for shop := range tt.shops {
				name := tracker.StorefrontName(fmt.Sprint("shop", shop))
				s.Scans = append(s.Scans, scan(name, nine, tracker.Complete, tracker.Evidence{Pages: 1, Products: tt.each}))
				for i := range tt.each {
					s.Changes = append(s.Changes, tracker.Change{
						Kind: tracker.Kinds[i%6], Storefront: name,
						Product: product(fmt.Sprint(i), tt.title, 29900), Before: product(fmt.Sprint(i), tt.title+" alt", 19900),
						Pictures: tracker.Evidenced{Picture: fmt.Sprint(shop, i)},
					})
				}
			}
			s.Changes = number(s.Changes)
			s.Picture = report.Sample("", "", nil, nine).Picture
			m := write(t, s)
			if len(m.HTML) > report.MaxHTML {
				t.Errorf("HTML of %d bytes, want at most %d", len(m.HTML), report.MaxHTML)
			}
			var wire bytes.Buffer
			w := quotedprintable.NewWriter(&wire)
			if _, err := w.Write([]byte(m.HTML)); err != nil || w.Close() != nil || wire.Len() > report.MaxEncoded {
				t.Errorf("encoded %d bytes, want at most %d; error %v", wire.Len(), report.MaxEncoded, err)
			}
			if len(m.HTML) < report.MaxHTML/3 {
				t.Errorf("HTML of %d bytes wastes its room of %d", len(m.HTML), report.MaxHTML)
			}
			if n := len(m.Pictures); n > 40 || n == 0 {
				t.Errorf("%d pictures, want 1 to 40", n)
			}
			if !strings.Contains(m.HTML, "changes.csv") {
				t.Error("HTML does not say where the rest is")
			}
			if got := bytes.Count(m.CSV, []byte("\r\n")); got != 1+len(s.Changes) {
				t.Errorf("CSV has %d lines, want %d", got, 1+len(s.Changes))
			}
			if got := strings.Count(m.Text, "detail.tmall.com/item.htm?id="); got < len(s.Changes) {
				t.Errorf("text links %d products, want %d", got, len(s.Changes))
			}
			for _, p := range m.Pictures {
				if !strings.Contains(m.HTML, `"cid:`+p.Name+`"`) {
					t.Errorf("picture %s is embedded but not shown", p.Name)
				}
			}
		})
	}
}

// Where people can reach the dashboard, each change of a report leads to its
// proof, the picture of an item page to the whole one, and the report to how a
// verdict comes about.
func TestReportsLeadToProofs(t *testing.T) {
	const at = "https://watch.example.com/shopwatch/"
	s := stories("en")["public"]
	m := write(t, s)
	feed, _, err := report.New(s).Feed(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	forms := map[string]string{"text": m.Text, "HTML": m.HTML, "chat": m.Brief, "feed": feed}
	for form, got := range forms {
		for _, seq := range []uint64{47, 46, 48, 49, 44, 50, 51} { // what is left of the others is told by these
			if form == "chat" && seq == 49 {
				continue // beyond the lines of a chat
			}
			if !regexp.MustCompile(regexp.QuoteMeta(fmt.Sprint(at, "changes/", seq)) + `(["\s]|$)`).MatchString(got) {
				t.Errorf("%s does not lead to the proof of change %d:\n%s", form, seq, got)
			}
		}
		if form != "chat" && !strings.Contains(got, at+"method") {
			t.Errorf("%s does not lead to how a verdict comes about", form)
		}
	}
	for form, got := range map[string]string{"HTML": m.HTML, "feed": feed} {
		if !strings.Contains(got, `<a href="`+at+`evidence/0123abcd.webp"><img`) {
			t.Errorf("the picture in the %s does not lead to the whole one", form)
		}
	}
	for _, line := range strings.Fields(s.Checkpoint + s.Key) {
		if !strings.Contains(html.UnescapeString(feed), line) {
			t.Errorf("the feed lacks %q of the checkpoint", line)
		}
	}
	for name, public := range map[string]string{"none": "", "no address": "javascript:alert(1)"} {
		s := s
		s.Public = public
		m := write(t, s)
		if strings.Contains(m.HTML+m.Text+m.Brief, "changes/47") || strings.Contains(m.HTML, "javascript:") || !strings.Contains(m.HTML+m.Text, "docs/method.md") {
			t.Errorf("with %s for an address the report leads to proofs, or does not name docs/method.md:\n%s", name, m.Text)
		}
	}
	sample := report.Sample("analysts", "en", shanghai, nine)
	sample.Public = at
	if m := write(t, sample); strings.Contains(m.HTML+m.Text+m.Brief, at+"changes/") || !strings.Contains(m.HTML, at+"method") {
		t.Error("a sample leads to changes that are made up, or not to the method")
	}
}

func TestPicturesAreInTheMail(t *testing.T) {
	m := write(t, report.Sample("analysts", "en", shanghai, nine))
	if len(m.Pictures) == 0 {
		t.Fatal("the sample has no pictures")
	}
	if src := regexp.MustCompile(`src="(?:[^c]|c[^i])[^"]*"`).FindString(m.HTML); src != "" {
		t.Errorf("HTML loads %s from outside the mail", src)
	}
	if strings.Contains(m.Page, "cid:") {
		t.Error("Page still refers to parts of a mail")
	}
}

// TestLanguagesAreWhole fails when one language lacks words that the other has.
func TestLanguagesAreWhole(t *testing.T) {
	verbs := regexp.MustCompile(`%(?:\[\d\])?[sd]`)
	count := func(v reflect.Value) map[string]int {
		n := make(map[string]int)
		var walk func(path string, v reflect.Value)
		walk = func(path string, v reflect.Value) {
			switch v.Kind() {
			case reflect.String:
				if v.Len() == 0 {
					t.Errorf("%s is empty", path)
				}
				n[path] = len(verbs.FindAllString(v.String(), -1))
			case reflect.Map:
				for _, k := range v.MapKeys() {
					walk(path+"."+k.String(), v.MapIndex(k))
				}
			case reflect.Array:
				for i := range v.Len() {
					walk(fmt.Sprint(path, i), v.Index(i))
				}
			case reflect.Struct:
				for i := range v.NumField() {
					walk(path+"."+v.Type().Field(i).Name, v.Field(i))
				}
			}
		}
		walk("", v)
		return n
	}
	en, zh := count(reflect.ValueOf(report.English)), count(reflect.ValueOf(report.Chinese))
	if diff := gocmp.Diff(en, zh); diff != "" {
		t.Errorf("values in the sentences of English and Chinese differ:\n%s", diff)
	}
}

func BenchmarkWrite(b *testing.B) {
	s := report.Sample("analysts", "en", shanghai, nine)
	s.Picture = nil
	for b.Loop() {
		if _, _, err := report.New(s).HTML(b.Context(), report.Foot{}); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkGreat is a report of 10,000 changes: for a chat, and for a mail.
func BenchmarkGreat(b *testing.B) {
	s := report.Sample("analysts", "en", shanghai, nine)
	s.Sample, s.Picture, s.Shot = false, nil, nil
	one := s.Changes
	for len(s.Changes) < 10_000 {
		s.Changes = append(s.Changes, one...)
	}
	for name, write := range map[string]func(*report.Mail) error{
		"chat": func(m *report.Mail) error { _, _ = m.Subject(), m.Brief(); return nil },
		"mail": func(m *report.Mail) error {
			_, _, _ = m.Subject(), m.Text(report.Foot{}), m.CSV()
			_, _, err := m.HTML(b.Context(), report.Foot{})
			return err
		},
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := write(report.New(s)); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// TestShotShowsTheWords: the picture beside a removal is that of the words that
// decide, and of the whole page where that is not kept, as in old records.
func TestShotShowsTheWords(t *testing.T) {
	for _, tt := range []struct{ name, detail, want string }{
		{"known where the words stand", "detail", "detail"},
		{"an old record", "", "sample-page"},
		{"the file is gone", "lost", "sample-page"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := report.Sample("analysts", "en", shanghai, nine)
			draw, got := s.Shot, ""
			s.Shot = func(ctx context.Context, file string) []byte {
				if file == "lost" {
					return nil
				}
				got += file
				return draw(ctx, file)
			}
			for i := range s.Changes {
				if s.Changes[i].Pictures.Page != "" {
					s.Changes[i].Probe.Detail = tt.detail
				}
			}
			if _, _, err := report.New(s).HTML(t.Context(), report.Foot{}); err != nil {
				t.Fatal(err)
			}
			if got != tt.want {
				t.Errorf("shows %q, want %q", got, tt.want)
			}
		})
	}
}

// What a scan wrote down begins a sentence where it stands alone.
func TestTheFirstReadingIsASentence(t *testing.T) {
	s := stories("en")["recovered"]
	s.Changes[0].Reason, s.Scans = "read completely for the first time: 7 products; this is the baseline, changes from now on are news", nil
	if m := write(t, s); !strings.Contains(m.Text, "\n  Read completely for the first time: 7 products;") {
		t.Errorf("the mail says\n%s", m.Text)
	}
}

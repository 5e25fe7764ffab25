package report_test

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"shopwatch/fixtures/chrometest"
	"shopwatch/tracker"
	"shopwatch/tracker/report"
)

var shots = flag.String("shots", "", "keep pictures of the mails in this folder")

// TestNothingOverflows opens the mails in a real Chrome, as wide as a desktop's
// mail window and as a phone, light and dark, and as clients show them that
// drop style sheets.
func TestNothingOverflows(t *testing.T) {
	if testing.Short() {
		t.Skip("starts Chrome")
	}
	ctx := chrometest.Start(t, 2*time.Minute)
	pick := map[string]bool{
		"sample": true, "hostile": true, "digest": true, "heartbeat-gaps": true, "stalled-login": true, "proofs": true,
		"great": true, "corrected": true, "basis": true, "availability": true, "group": true, "public": true, "amounts": true,
	}
	for _, lang := range []string{"en", "zh"} {
		all := stories(lang)
		all["great"], all["amounts"] = great(lang), amounts(lang)
		for name, s := range all {
			if !pick[name] {
				continue
			}
			m := write(t, s)
			file, bare := filepath.Join(t.TempDir(), "mail.html"), filepath.Join(t.TempDir(), "bare.html")
			if err := os.WriteFile(file, []byte(m.Page), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(bare, styleSheet.ReplaceAll([]byte(m.Page), nil), 0o600); err != nil {
				t.Fatal(err)
			}
			for _, width := range []int64{600, 360} {
				for _, scheme := range []string{"light", "dark"} {
					t.Run(fmt.Sprintf("%s.%s.%d.%s", name, lang, width, scheme), func(t *testing.T) {
						look(t, ctx, "file://"+file, width, scheme)
					})
				}
				t.Run(fmt.Sprintf("%s.%s.%d.bare", name, lang, width), func(t *testing.T) {
					look(t, ctx, "file://"+bare, width, "bare")
				})
			}
		}
	}
}

// TestDocumentForPaper prints documents as wide as a sheet: nothing sticks out,
// every row is there, and titles are harmless.
func TestDocumentForPaper(t *testing.T) {
	if testing.Short() {
		t.Skip("starts Chrome")
	}
	ctx := chrometest.Start(t, 2*time.Minute)
	for _, lang := range []string{"en", "zh"} {
		all := stories(lang)
		all["great"] = great(lang)
		for _, name := range []string{"public", "hostile", "great", "sample"} {
			s := all[name]
			doc, err := report.New(s).Document(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			for _, bad := range []string{"<script", "<img src=x", "javascript:", "ZgotmplZ", "\u202e", "\u2066", `"cid:`} {
				if strings.Contains(string(doc), bad) {
					t.Errorf("%s.%s: the document contains %q", name, lang, bad)
				}
			}
			if rows := strings.Count(string(doc), "<li>"); rows < len(s.Changes)-8 { // some are merged, or of a storefront
				t.Errorf("%s.%s: %d rows of %d changes", name, lang, rows, len(s.Changes))
			}
			file := filepath.Join(t.TempDir(), "document.html")
			if *shots != "" {
				file = filepath.Join(*shots, "document-"+name+"."+lang+".html")
			}
			if err := os.WriteFile(file, doc, 0o600); err != nil {
				t.Fatal(err)
			}
			if err := chromedp.Do(ctx, chromedp.EmulateViewport(680, 900), chromedp.Navigate("file://"+file)); err != nil {
				t.Fatal(err)
			}
			bad, err := chromedp.Run(ctx, chromedp.Evaluate[[]string](overflow))
			if err != nil {
				t.Fatal(err)
			}
			if len(bad) > 0 {
				t.Errorf("%s.%s sticks out of the sheet:\n%s", name, lang, strings.Join(bad, "\n"))
			}
		}
	}
}

// great is a report of 200 changes of all kinds, with pictures.
func great(lang string) report.Story {
	s := report.Sample("analysts", lang, shanghai, nine)
	s.Sample = false
	one := s.Changes
	s.Changes = nil
	for i := range 200 {
		c := one[i%len(one)]
		p := *c.Product
		p.ID = tracker.ProductID(fmt.Sprint(45127440000 + i))
		p.Title = fmt.Sprintf("%s 第 %d 款", p.Title, i)
		c.Product = &p
		c.Pictures.Picture = fmt.Sprint("picture-", i)
		s.Changes = append(s.Changes, c)
	}
	s.Changes = number(s.Changes)
	return s
}

// amounts is a report with prices that take much room.
func amounts(lang string) report.Story {
	s := report.Sample("analysts", lang, shanghai, nine)
	for i, p := range []tracker.Price{
		{Low: 1299900, Currency: "HKD"}, {Low: 3290000, Currency: "TWD"}, {Low: 1599900000, Currency: "IDR"}, {Low: 129990000, Currency: "VND"},
		{Low: 9999999999, Currency: "CNY"}, {Kind: tracker.PriceRange, Low: 999900, High: 1299900, Currency: "HKD"}, {Low: 100, Currency: "CNY"},
	} {
		product := *s.Changes[i].Product
		product.Price = p
		if p.Kind == "" {
			product.Price.Kind = tracker.PriceExact
		}
		s.Changes[i].Product = &product
	}
	return s
}

// styleSheet is what some clients drop.
var styleSheet = regexp.MustCompile(`(?s)<style>.*?</style>`)

// overflow names what sticks out of the window on either side, texts that are
// wider than what holds them, and titles that have too little room.
const overflow = `(() => {
	const wide = document.documentElement.clientWidth, bad = [];
	for (const e of document.body.querySelectorAll('*')) {
		const r = e.getBoundingClientRect();
		if (r.width && (r.right > wide + 0.5 || r.left < -0.5)) bad.push(e.tagName + ' ' + e.textContent.slice(0, 40));
		if (e.tagName === 'TD' && e.scrollWidth > e.clientWidth + 1) bad.push('text in TD ' + e.textContent.slice(0, 40));
	}
	const column = document.querySelector('.cq'); // of prices: hidden on phones, where it would squeeze the titles
	if (wide > 480 || column && getComputedStyle(column).display === 'none')
		for (const e of document.querySelectorAll('td > p.ink'))
			if (e.clientWidth < 160) bad.push('squeezed to ' + e.clientWidth + ': ' + e.textContent.slice(0, 40));
	for (const e of document.querySelectorAll('.cq span'))
		for (const word of e.textContent.matchAll(/\S+/g)) {
			const amount = document.createRange();
			amount.setStart(e.firstChild, word.index);
			amount.setEnd(e.firstChild, word.index + word[0].length);
			if (amount.getClientRects().length > 1) bad.push('broken: ' + word[0]);
		}
	if (document.documentElement.scrollWidth > wide) bad.push('the page scrolls to ' + document.documentElement.scrollWidth);
	return bad;
})()`

// contrast names texts that stand out less from what is behind them than WCAG
// asks for (4.5 to 1).
const contrast = `(() => {
	const numbers = c => c.match(/[\d.]+/g).map(Number);
	const light = c => {
		const [r, g, b] = numbers(c).map(v => (v /= 255) <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
		return 0.2126 * r + 0.7152 * g + 0.0722 * b;
	};
	const behind = e => {
		for (; e; e = e.parentElement) {
			const c = getComputedStyle(e).backgroundColor;
			if (numbers(c)[3] !== 0) return c;
		}
		return 'rgb(255, 255, 255)';
	};
	const bad = [];
	for (const e of document.body.querySelectorAll('*')) {
		const text = [...e.childNodes].filter(n => n.nodeType === 3).map(n => n.data.trim()).join('');
		if (!text || !e.getBoundingClientRect().width || getComputedStyle(e).opacity === '0') continue;
		const [a, b] = [light(getComputedStyle(e).color), light(behind(e))].sort((x, y) => y - x);
		const ratio = (a + 0.05) / (b + 0.05);
		if (ratio < 4.5) bad.push(ratio.toFixed(1) + ': ' + text.slice(0, 40));
	}
	return bad;
})()`

func look(t *testing.T, ctx context.Context, url string, width int64, scheme string) {
	t.Helper()
	dark := chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
		_, err := chromedp.Call(ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}},
		})
		return err
	})
	if err := chromedp.Do(ctx, chromedp.EmulateViewport(width, 800), dark, chromedp.Navigate(url)); err != nil {
		t.Fatal(err)
	}
	bad, err := chromedp.Run(ctx, chromedp.Evaluate[[]string](overflow))
	if err != nil {
		t.Fatal(err)
	}
	if len(bad) > 0 {
		t.Errorf("sticks out of %d px:\n%s", width, strings.Join(bad, "\n"))
	}
	if scheme != "bare" {
		faint, err := chromedp.Run(ctx, chromedp.Evaluate[[]string](contrast))
		if err != nil {
			t.Fatal(err)
		}
		if len(faint) > 0 {
			t.Errorf("hard to read in %s mode:\n%s", scheme, strings.Join(faint, "\n"))
		}
	}
	back, err := chromedp.Run(ctx, chromedp.Evaluate[string](`getComputedStyle(document.querySelector('.card')).backgroundColor`))
	if err != nil {
		t.Fatal(err)
	}
	if want := map[string]string{"light": "rgb(255, 255, 255)", "dark": "rgb(30, 29, 27)", "bare": "rgb(255, 255, 255)"}[scheme]; back != want {
		t.Errorf("background in %s mode is %s, want %s", scheme, back, want)
	}
	if *shots == "" {
		return
	}
	png, err := chromedp.Run(ctx, chromedp.FullScreenshot(100))
	if err != nil {
		t.Fatal(err)
	}
	name := strings.ReplaceAll(strings.TrimPrefix(t.Name(), "TestNothingOverflows/"), "/", "_") + ".png"
	if err := os.WriteFile(filepath.Join(*shots, name), png, 0o600); err != nil {
		t.Fatal(err)
	}
}

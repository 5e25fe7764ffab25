package web

import (
	"fmt"
	"html/template"
	"math"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"shopwatch/storage"
	"shopwatch/tracker"
)

// A priceStep is a price for as long as it was listed.
type priceStep struct {
	From, To time.Time
	Price    tracker.Price
	Seq      uint64 // of the change that brought it; 0 for the first
}

// pricesOf are the prices of a product over time, oldest first. The last holds
// until now.
func pricesOf(row *storage.ShelfRow, now time.Time) []priceStep {
	first := row.Price
	for i := range row.Changes {
		if c := &row.Changes[i]; c.Kind == tracker.Repriced && c.Before != nil {
			first = c.Before.Price
			break
		}
	}
	list := []priceStep{{From: knownSince(row), To: now, Price: first}}
	for i := range row.Changes {
		c := &row.Changes[i]
		if c.Kind != tracker.Repriced || corrected(row.Changes, c.Seq) {
			continue
		}
		list[len(list)-1].To = c.Scan
		list = append(list, priceStep{From: c.Scan, To: now, Price: c.Product.Price, Seq: c.Seq})
	}
	return list
}

// seenIn is what complete scans within a span saw of a step: from when to when.
// The scan that brought the next step is no part of it.
func (s priceStep) seenIn(in span, scans []lookout, now time.Time) (span, bool) {
	from, to := later(s.From, in.From), in.To
	if !s.To.Equal(now) && !to.Before(s.To) {
		n := sort.Search(len(scans), func(i int) bool { return !scans[i].At.Before(s.To) })
		for n--; n >= 0 && !scans[n].Complete; n-- {
		}
		if n < 0 {
			return span{}, false
		}
		to = scans[n].At
	}
	return span{from, to, seen}, !to.Before(from)
}

// A priceRow is a price for as long as complete scans in a row saw it.
type priceRow struct {
	From, To time.Time // of the first and of the last such scan in the window
	Price    tracker.Price
	Seq      uint64 // of the change that brought it; 0 for the first
}

// A priceChart is the prices of a product. The picture and the table say the
// same.
type priceChart struct {
	Rows     []priceRow
	Low      tracker.Price // of those in the picture
	Lowest30 tracker.Price // within 30 days
	High     tracker.Price
	svg      template.HTML
	scale    template.HTML
}

// SVG is the drawing.
func (c *priceChart) SVG() template.HTML { return c.svg }

// Scale are the prices beside the drawing.
func (c *priceChart) Scale() template.HTML { return c.scale }

// priceChartOf draws the prices of a product, where complete scans saw it.
func (p *page) priceChartOf(row *storage.ShelfRow, scans []lookout, join func(a, b time.Time) bool, w window) *priceChart {
	c := &priceChart{}
	spans := spansOf(row, scans, join)
	unseen := func(s span) bool { return s.Is != seen }
	runs := slices.DeleteFunc(within(runsOf(spans), w), unseen)
	spans = slices.DeleteFunc(within(spans, w), unseen)
	steps := pricesOf(row, p.Now)
	var newest tracker.Price
	for _, step := range steps {
		if step.Price.Known() {
			newest = step.Price
		}
	}
	var pieces, marks []priceRow
	for _, step := range steps {
		if !step.Price.Known() {
			continue
		}
		drawn := step.Price.Comparable(newest) // else it stands in the table only
		seen := false
		for _, r := range runs {
			if in, ok := step.seenIn(r, scans, p.Now); ok {
				seen = true
				c.Rows = append(c.Rows, priceRow{in.From, in.To, step.Price, step.Seq})
			}
		}
		for _, s := range spans {
			if in, ok := step.seenIn(s, scans, p.Now); ok && drawn {
				pieces = append(pieces, priceRow{in.From, in.To, step.Price, step.Seq})
				c.count(step.Price, in.To.After(p.Now.AddDate(0, 0, -30)))
			}
		}
		if step.Seq == 0 || !w.contains(step.From) {
			continue
		}
		// The scan that brought it need not have been complete.
		mark := priceRow{step.From, step.From, step.Price, step.Seq}
		if !seen {
			c.Rows = append(c.Rows, mark)
		}
		if drawn {
			marks = append(marks, mark)
			c.count(step.Price, step.From.After(p.Now.AddDate(0, 0, -30)))
		}
	}
	if c.Low.Known() {
		p.drawPrices(c, pieces, marks, join, w)
	}
	return c
}

// count takes a price into the lowest and the highest.
func (c *priceChart) count(price tracker.Price, lately bool) {
	if !c.Low.Known() || price.Low < c.Low.Low {
		c.Low = price
	}
	if !c.High.Known() || price.Low > c.High.Low {
		c.High = price
	}
	if lately && (!c.Lowest30.Known() || price.Low < c.Lowest30.Low) {
		c.Lowest30 = price
	}
}

// drawPrices draws a price for as long as scans saw it, a thin line to the next
// one, and the marks of changes.
func (p *page) drawPrices(c *priceChart, pieces, marks []priceRow, join func(a, b time.Time) bool, w window) {
	const top = 10
	height := 180
	lines := levels(c.Low.Low, c.High.Low)
	if len(lines) == 1 {
		height = 40
	}
	bottom := height - 8
	y := func(price int64) string {
		low, high := lines[0], lines[len(lines)-1]
		if low == high {
			return strconv.Itoa((top + bottom) / 2)
		}
		return strconv.Itoa(bottom - int(math.Round(float64(price-low)/float64(high-low)*float64(bottom-top))))
	}
	var b strings.Builder
	fmt.Fprintf(&b, `<svg class="price" height="%d" aria-hidden="true">`, height)
	for _, level := range lines {
		fmt.Fprintf(&b, `<line class="grid" x1="0" x2="100%%" y1="%[1]s" y2="%[1]s"/>`, y(level))
	}
	if c.Lowest30.Known() && len(lines) > 1 {
		fmt.Fprintf(&b, `<line class="lowest" x1="%s" x2="100%%" y1="%[2]s" y2="%[2]s"/>`, percent(w.part(p.Now.AddDate(0, 0, -30))), y(c.Lowest30.Low))
	}
	spans := make([]span, len(pieces))
	for i, pc := range pieces {
		spans[i] = span{pc.From, pc.To, seen}
	}
	for i, e := range extents(spans, w) {
		pc := pieces[i]
		if i > 0 && pieces[i-1].Price != pc.Price && join(pieces[i-1].To, pc.From) {
			fmt.Fprintf(&b, `<line class="rise" x1="%s" x2="%s" y1="%s" y2="%s"/>`,
				percent(w.part(pieces[i-1].To)), percent(w.part(pc.From)), y(pieces[i-1].Price.Low), y(pc.Price.Low))
		}
		fmt.Fprintf(&b, `<line class="step" x1="%s" x2="%s" y1="%[3]s" y2="%[3]s"/>`, percent(e[0]/width), percent(e[1]/width), y(pc.Price.Low))
	}
	for _, pc := range marks {
		fmt.Fprintf(&b, `<a href="%schanges/%d" tabindex="-1"><title>%s, %s</title><use href="#diamond" x="%s" y="%s"/></a>`,
			p.Root, pc.Seq, template.HTMLEscapeString(p.Price(pc.Price)), p.Stamp(pc.From), percent(w.part(pc.From)), y(pc.Price.Low))
	}
	b.WriteString(`</svg>`)
	c.svg = template.HTML(b.String()) //nolint:gosec // made here
	labels, longest := "", 0
	for _, level := range lines {
		price := c.Low
		price.Kind, price.Low, price.High = tracker.PriceExact, level, 0
		label := p.Price(price)
		longest = max(longest, utf8.RuneCountInString(label))
		labels += fmt.Sprintf(`<text x="100%%" y="%s" dy="4">%s</text>`, y(level), template.HTMLEscapeString(label))
	}
	c.scale = template.HTML(fmt.Sprintf(`<svg class="scale" width="%d" height="%d" aria-hidden="true">%s</svg>`, longest*7, height, labels)) //nolint:gosec // made here
}

// levels are the prices at which a chart has lines: round ones, the first at most
// the lowest price and the last at least the highest.
func levels(low, high int64) []int64 {
	if low == high {
		return []int64{low}
	}
	step := int64(1)
	for factor := 0; step*4 < high-low; factor++ {
		step = step * []int64{2, 5, 4}[factor%3] / []int64{1, 2, 2}[factor%3] // 1, 2, 5, 10, …
	}
	var list []int64
	for at := low - low%step; ; at += step {
		if list = append(list, at); at >= high {
			return list
		}
	}
}

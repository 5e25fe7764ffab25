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

// A window is the stretch of time of a chart.
type window struct{ From, To time.Time }

// part is where a time is in the window, from 0 to 1.
func (w window) part(t time.Time) float64 {
	whole := w.To.Sub(w.From)
	if whole <= 0 {
		return 0
	}
	return min(max(float64(t.Sub(w.From))/float64(whole), 0), 1)
}

func (w window) contains(t time.Time) bool { return !t.Before(w.From) && !t.After(w.To) }

// percent writes a part of the width.
func percent(part float64) string {
	return strconv.FormatFloat(math.Round(part*10000)/100, 'f', -1, 64) + "%"
}

// A presence is what complete scans say of a product.
type presence string

const (
	seen    presence = "seen"    // they showed it
	missing presence = "missing" // they did not, and its removal is not believed
	removed presence = "removed" // its removal was believed
)

// A span is a stretch of time between two complete scans that say the same of a
// product, with no scan in between that was not complete, and no gap.
type span struct {
	From, To time.Time
	Is       presence
}

// A lookout is a scan as a chart needs it: when it looked, and whether it saw
// everything.
type lookout struct {
	At       time.Time
	Complete bool
}

// lookoutsOf are scans, oldest first.
func lookoutsOf(scans []tracker.Scan) []lookout {
	list := make([]lookout, 0, len(scans))
	for i := range slices.Backward(scans) {
		list = append(list, lookout{scans[i].Began, scans[i].Verdict == tracker.Complete})
	}
	return list
}

// thinned is how far back every scan is kept; of the time before it is one of
// each day.
const thinned = 89 * 24 * time.Hour

// joined returns a function that says whether what two complete scans in a row
// agree on holds for the time between them: they are not further apart than
// scans of the storefront usually are.
func joined(scans []lookout, now time.Time) func(a, b time.Time) bool {
	var gaps []time.Duration
	last := time.Time{}
	for _, s := range scans {
		if s.Complete {
			if !last.IsZero() && now.Sub(last) < thinned {
				gaps = append(gaps, s.At.Sub(last))
			}
			last = s.At
		}
	}
	usual := 24 * time.Hour
	if len(gaps) > 0 {
		slices.Sort(gaps)
		usual = gaps[len(gaps)*4/5]
	}
	most := usual*3/2 + time.Minute
	return func(a, b time.Time) bool {
		if now.Sub(a) >= thinned {
			return b.Sub(a) <= max(most, 49*time.Hour)
		}
		return b.Sub(a) <= most
	}
}

// knownSince is from when on the changes of a product are at hand: of one that
// changed very often the row has the newest only.
func knownSince(row *storage.ShelfRow) time.Time {
	if len(row.Changes) == storage.ShelfChanges {
		return row.Changes[0].Scan
	}
	return row.FirstSeen
}

// isAt says what a complete scan that began at a time says of a product; empty
// before it was known, and where its changes are not at hand.
func isAt(row *storage.ShelfRow, at time.Time) presence {
	if at.Before(row.FirstSeen) {
		return ""
	}
	shown := true
	for _, a := range row.Absences {
		if !at.Before(a.From) && (a.Until.IsZero() || at.Before(a.Until)) {
			shown = false
		}
	}
	if shown {
		return seen
	}
	if at.Before(knownSince(row)) {
		return "" // missing or removed
	}
	is := missing
	for i := range row.Changes {
		c := &row.Changes[i]
		if c.Scan.After(at) {
			break
		}
		switch {
		case c.Kind == tracker.Removed && !corrected(row.Changes, c.Seq):
			is = removed
		case c.Kind == tracker.Relisted:
			is = missing
		}
	}
	return is
}

func corrected(changes []tracker.Change, seq uint64) bool {
	return slices.ContainsFunc(changes, func(c tracker.Change) bool { return c.Corrects == seq })
}

// spansOf is what complete scans say of a product over time. A scan that stands
// alone is a span without length.
func spansOf(row *storage.ShelfRow, scans []lookout, join func(a, b time.Time) bool) []span {
	var list []span
	broken := true
	for _, s := range scans {
		if !s.Complete {
			broken = true
			continue
		}
		is := isAt(row, s.At)
		if is == "" {
			broken = true
			continue
		}
		if n := len(list); n > 0 && !broken && list[n-1].Is == is && join(list[n-1].To, s.At) {
			list[n-1].To = s.At
		} else {
			list = append(list, span{s.At, s.At, is})
		}
		broken = false
	}
	return list
}

// A markAt is a change in a chart.
type markAt struct {
	At    time.Time
	Kind  tracker.Kind
	Seq   uint64
	Wrong bool // a correction took it back
	Label string
}

// marksOf are the newest changes of a product within a window, and how many
// older ones are left out.
func (p *page) marksOf(changes []tracker.Change, w window, most int) (list []markAt, more int) {
	for i := range changes {
		c := &changes[i]
		if w.contains(c.At) {
			label := p.Kind(c.Kind)
			if c.Kind == tracker.Repriced {
				label += " " + p.Gist(c)
			}
			m := markAt{c.At, c.Kind, c.Seq, corrected(changes, c.Seq), label + ", " + p.Day(c.At)}
			if m.Wrong {
				m.Label += ", " + p.T("found wrong")
			}
			list = append(list, m)
		}
	}
	more = max(0, len(list)-most)
	return list[more:], more
}

// markShape is how a mark looks, so that colour is not the only sign.
func markShape(k tracker.Kind) string {
	switch k {
	case tracker.Added, tracker.Relisted:
		return "plus"
	case tracker.Removed:
		return "minus"
	case tracker.Repriced:
		return "diamond"
	case tracker.Retitled:
		return "square"
	case tracker.Repictured:
		return "circle"
	}
	return "tick"
}

// A timeline is the row of a product on the shelf. The picture and the table say
// the same: both are made of its runs and marks, and of what was observed of the
// storefront.
type timeline struct {
	Runs  []span
	Marks []markAt
	More  int // older marks, for which there is no place
	svg   template.HTML
}

// observedOf are the stretches of time between complete scans in a row: of these
// alone a chart says anything.
func observedOf(scans []lookout, join func(a, b time.Time) bool) []span {
	always := &storage.ShelfRow{}
	return spansOf(always, scans, join)
}

// runsOf are spans without the gaps in which nothing was observed, which are the
// same for all products.
func runsOf(spans []span) []span {
	var runs []span
	for _, s := range spans {
		if n := len(runs); n > 0 && runs[n-1].Is == s.Is {
			runs[n-1].To = s.To
		} else {
			runs = append(runs, s)
		}
	}
	return runs
}

// within are the spans of a window. One that began before is carried in.
func within(spans []span, w window) []span {
	var list []span
	for _, s := range spans {
		if s.To.Before(w.From) || s.From.After(w.To) {
			continue
		}
		s.From = later(s.From, w.From)
		list = append(list, s)
	}
	return list
}

// gapsOf are the stretches of a window in which nothing was observed.
func gapsOf(observed []span, w window) []span {
	var gaps []span
	at := w.From
	for _, s := range observed {
		if s.From.After(at) {
			gaps = append(gaps, span{From: at, To: s.From})
		}
		at = later(at, s.To)
	}
	if at.Before(w.To) {
		gaps = append(gaps, span{From: at, To: w.To})
	}
	return gaps
}

// width is that of a chart in its own units.
const width = 1000

// tick is how wide the least is that can be seen, clear is what stays empty
// between two bars, and least is what is drawn where there is no room.
const tick, clear, least = 3, 1, 0.5

// extents are where spans are drawn. What is too short to be seen is drawn as a
// tick, as far as that covers no gap between the spans.
func extents(spans []span, w window) [][2]float64 {
	list := make([][2]float64, len(spans))
	end := -float64(clear)
	for i, s := range spans {
		from, to := w.part(s.From)*width, w.part(s.To)*width
		next := float64(width)
		if i+1 < len(spans) {
			next = w.part(spans[i+1].From)*width - clear
		}
		to = max(to, min(from+tick, next))
		from = min(from, max(to-tick, end+clear))
		to = max(to, from+least)
		list[i], end = [2]float64{from, to}, to
	}
	return list
}

// bars draws those spans that say something of a product, as one path.
func bars(spans []span, is presence, w window, y, h int) string {
	var b strings.Builder
	for i, e := range extents(spans, w) {
		if spans[i].Is != is {
			continue
		}
		from, to := math.Round(e[0]*10)/10, math.Round(e[1]*10)/10
		long := short(math.Round((to-from)*10) / 10)
		fmt.Fprintf(&b, "M%s %dh%sv%dh-%sz", short(from), y, long, h, long)
	}
	return b.String()
}

func short(f float64) string { return strconv.FormatFloat(f, 'f', -1, 64) }

// observedClip is what all rows of a chart are cut out of.
func observedClip(observed []span, w window) template.HTML {
	return template.HTML(`<svg class="defs" aria-hidden="true" width="0" height="0"><clipPath id="observed"><path d="` + bars(observed, seen, w, 0, 22) + `"/></clipPath></svg>`) //nolint:gosec // made here
}

// timelineOf draws what is known of a product within a window. The page holds
// observedClip.
func (p *page) timelineOf(row *storage.ShelfRow, scans []lookout, join func(a, b time.Time) bool, w window, marks int) timeline {
	t := timeline{Runs: within(runsOf(spansOf(row, scans, join)), w)}
	t.Marks, t.More = p.marksOf(row.Changes, w, marks)
	var b strings.Builder
	b.WriteString(`<svg class="line" aria-hidden="true"><svg viewBox="0 0 1000 22" preserveAspectRatio="none"><g>`)
	for _, is := range []presence{seen, missing, removed} {
		y, h := 5, 12
		if is == removed {
			y, h = 10, 2
		}
		if d := bars(t.Runs, is, w, y, h); d != "" {
			fmt.Fprintf(&b, `<path class="%s" d="%s"/>`, is, d)
		}
	}
	b.WriteString(`</g></svg>`)
	b.WriteString(p.drawMarks(t.Marks, w, 11))
	b.WriteString(`</svg>`)
	t.svg = template.HTML(b.String()) //nolint:gosec // made here
	return t
}

// drawMarks draws marks that lead to their proofs. They are for who points;
// for all others the table has the same links.
func (p *page) drawMarks(marks []markAt, w window, y int) string {
	if len(marks) == 0 {
		return ""
	}
	var b strings.Builder
	fmt.Fprintf(&b, `<g transform="translate(0 %d)">`, y)
	for _, m := range marks {
		class, title := "", p.Day(m.At)
		if m.Wrong {
			class, title = ` class="wrong"`, m.Label
		}
		fmt.Fprintf(&b, `<a%s href="%schanges/%d" tabindex="-1"><title>%s</title><use href="#%s" x="%s"/></a>`,
			class, p.Root, m.Seq, template.HTMLEscapeString(title), markShape(m.Kind), percent(w.part(m.At)))
	}
	b.WriteString(`</g>`)
	return b.String()
}

// SVG is the drawing.
func (t timeline) SVG() template.HTML { return t.svg }

// A scale is how the axis of a window is divided.
type scale struct {
	months int           // between two ticks; 0: it is divided by days or hours
	days   int           // likewise
	hours  time.Duration // likewise, also parts of one
	form   string        // of a label
	first  string        // of the first label, and where a year or a day begins
}

// scaleOf divides a window into about six parts.
func (p *page) scaleOf(w window) scale {
	day, month, year := "2 Jan", "Jan", "Jan 2006"
	if p.Lang == "zh" {
		day, month, year = "1月2日", "1月", "2006年1月"
	}
	whole := w.To.Sub(w.From)
	switch days := whole.Hours() / 24; {
	case days > 900:
		return scale{months: 12 * int(math.Ceil(days/2500)), form: "2006", first: "2006"}
	case days > 200:
		return scale{months: int(math.Ceil(days / 200)), form: month, first: year}
	case days > 60:
		return scale{months: 1, form: month, first: year}
	case days > 4:
		return scale{days: int(math.Ceil(days / 7)), form: day, first: day}
	}
	for _, step := range []time.Duration{time.Minute, 5 * time.Minute, 15 * time.Minute, time.Hour, 3 * time.Hour, 6 * time.Hour, 12 * time.Hour} {
		if whole <= 8*step {
			return scale{hours: step, form: "15:04", first: day + " 15:04"}
		}
	}
	return scale{days: 1, form: day, first: day}
}

// from is the last tick at or before a time.
func (s *scale) from(t time.Time) time.Time {
	switch y, m, _ := t.Date(); {
	case s.months >= 12:
		return time.Date(y, 1, 1, 0, 0, 0, 0, t.Location())
	case s.months > 0:
		return time.Date(y, m-(m-1)%time.Month(s.months), 1, 0, 0, 0, 0, t.Location())
	case s.days > 0:
		return midnight(t)
	default:
		return midnight(t).Add(t.Sub(midnight(t)).Truncate(s.hours))
	}
}

// next is the tick behind another.
func (s *scale) next(t time.Time) time.Time {
	if s.hours > 0 {
		return t.Add(s.hours)
	}
	return t.AddDate(0, s.months, s.days)
}

// axis draws the days of a window.
func (p *page) axis(w window) template.HTML {
	s := p.scaleOf(w)
	var b strings.Builder
	b.WriteString(`<svg class="axis" aria-hidden="true">`)
	n := 0
	var last time.Time
	for at := s.from(w.From.In(p.Zone)); !at.After(w.To); at = s.next(at) {
		if at.Before(w.From) {
			continue
		}
		form := s.form
		if last.IsZero() || s.months > 0 && at.Year() != last.Year() || s.hours > 0 && at.Day() != last.Day() {
			form = s.first
		}
		last = at
		x := w.part(at)
		// One at the right edge stands before its tick. It and every other one are
		// left out where there is little room.
		class, side := "", ` dx="3"`
		if x > 0.93 {
			side = ` dx="-3" text-anchor="end"`
		}
		if n%2 == 1 || x > 0.93 {
			class = ` class="o"`
		}
		n++
		fmt.Fprintf(&b, `<line x1="%[1]s" x2="%[1]s" y1="0" y2="5"/><text%[2]s x="%[1]s" y="17"%[3]s>%[4]s</text>`, percent(x), class, side, at.Format(form))
	}
	b.WriteString(`</svg>`)
	return template.HTML(b.String()) //nolint:gosec // made here
}

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

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// A stretch is scans in a row that came to the same.
type stretch struct {
	Storefront tracker.StorefrontName
	From, To   time.Time // when the first and the last of them began
	Scans      int
	Verdict    tracker.Verdict
	Reason     string
	Products   int
}

// A health is the last scans of a storefront, oldest first: the strip of their
// verdicts, the line of the products that the complete ones saw, and both as
// stretches for the table.
type health struct {
	Stretches []stretch
	Scans     int
	Complete  int
	strip     template.HTML
	spark     template.HTML
}

// Strip is the drawing of the verdicts.
func (h *health) Strip() template.HTML { return h.strip }

// Spark is the drawing of the number of products.
func (h *health) Spark() template.HTML { return h.spark }

// healthOf draws scans, which come newest first.
func (p *page) healthOf(scans []tracker.Scan) *health {
	h := &health{Scans: len(scans)}
	for i := range slices.Backward(scans) {
		s := &scans[i]
		if s.Verdict == tracker.Complete {
			h.Complete++
		}
		next := stretch{s.Storefront, s.Began, s.Began, 1, s.Verdict, s.Reason, s.Evidence.Products}
		if n := len(h.Stretches); n > 0 {
			l := &h.Stretches[n-1]
			if l.Verdict == next.Verdict && l.Reason == next.Reason && (l.Products == next.Products || next.Verdict != tracker.Complete) {
				l.To, l.Scans = s.Began, l.Scans+1
				continue
			}
		}
		h.Stretches = append(h.Stretches, next)
	}
	h.strip = p.drawStrip(h.Stretches)
	h.spark = drawSpark(h.Stretches)
	return h
}

// cell is how wide a scan is in a strip.
const cell = 4

func (p *page) drawStrip(list []stretch) template.HTML {
	var b strings.Builder
	fmt.Fprintf(&b, `<svg class="strip" viewBox="0 0 %d 18" aria-hidden="true">`, stripScans*cell)
	all := 0
	for _, s := range list {
		all += s.Scans
	}
	x := (stripScans - all) * cell // the newest on the right
	for i := 0; i < len(list); {
		s, n, j := list[i], 0, i
		for ; j < len(list) && list[j].Verdict == s.Verdict && (s.Verdict == tracker.Complete || j == i); j++ {
			n += list[j].Scans
		}
		title := p.Verdict(s.Verdict)
		if s.Reason != "" {
			title += ": " + p.Short(s.Reason)
		}
		class, y, height := "ok", 0, 18
		switch {
		case s.Verdict == tracker.Partial:
			class, y, height = "partial", 6, 12
		case s.Verdict != tracker.Complete:
			class, y, height = "bad", 11, 7
		}
		// A line for all of them, dashed into a cell for each.
		path := fmt.Sprintf(`<path class="%s" stroke-width="%d" d="M%d %sh%d"><title>%s, %s</title></path>`,
			class, height, x, short(float64(y)+float64(height)/2), n*cell-1, template.HTMLEscapeString(title), p.Stamp(list[j-1].To))
		if s.Verdict != tracker.Complete {
			path = `<a href="` + template.HTMLEscapeString(p.ScanURL(s.Storefront, s.To)) + `" tabindex="-1">` + path + `</a>`
		}
		b.WriteString(path)
		x += n * cell
		i = j
	}
	b.WriteString(`</svg>`)
	return template.HTML(b.String()) //nolint:gosec // made here
}

// drawSpark draws the number of products of complete scans, each above its cell
// of the strip; the line breaks where none was complete.
func drawSpark(list []stretch) template.HTML {
	low, high, all := math.MaxInt, 0, 0
	for _, s := range list {
		all += s.Scans
		if s.Verdict == tracker.Complete {
			low, high = min(low, s.Products), max(high, s.Products)
		}
	}
	var b strings.Builder
	fmt.Fprintf(&b, `<svg class="spark" viewBox="0 0 %d 28" preserveAspectRatio="none" aria-hidden="true">`, stripScans*cell)
	if high > 0 && all > 0 {
		y := func(n int) float64 {
			if high == low {
				return 14
			}
			return 25 - 22*float64(n-low)/float64(high-low)
		}
		at, open := (stripScans-all)*cell, false
		b.WriteString(`<path d="`)
		for _, s := range list {
			x1, x2 := at, at+s.Scans*cell
			at = x2
			if s.Verdict != tracker.Complete {
				open = false
				continue
			}
			if open {
				fmt.Fprintf(&b, "V%.1f", y(s.Products))
			} else {
				fmt.Fprintf(&b, "M%d %.1f", x1, y(s.Products))
			}
			fmt.Fprintf(&b, "H%d", x2)
			open = true
		}
		b.WriteString(`"/>`)
	}
	b.WriteString(`</svg>`)
	return template.HTML(b.String()) //nolint:gosec // made here
}

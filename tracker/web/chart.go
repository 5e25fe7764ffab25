package web

import (
	"fmt"
	"html/template"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

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

// isAt says what a complete scan that began at a time says of a product; empty
// before it was known.
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
	Label string
}

// marksOf are the newest changes of a product within a window.
func (p *page) marksOf(changes []tracker.Change, w window, most int) []markAt {
	var list []markAt
	for i := range changes {
		c := &changes[i]
		if w.contains(c.At) {
			label := p.Kind(c.Kind)
			if c.Kind == tracker.Repriced {
				label += " " + p.Gist(c)
			}
			list = append(list, markAt{c.At, c.Kind, c.Seq, label + ", " + p.Day(c.At)})
		}
	}
	return list[max(0, len(list)-most):]
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

// bars draws spans as one path.
func bars(spans []span, w window, y, h int) string {
	var b strings.Builder
	for _, s := range spans {
		from, to := w.part(s.From)*width, w.part(s.To)*width
		long := max(math.Round((to-from)*10)/10, 3)
		from = min(math.Round(from*10)/10, width-long)
		fmt.Fprintf(&b, "M%s %dh%sv%dh-%sz", short(from), y, short(long), h, short(long))
	}
	return b.String()
}

func short(f float64) string { return strconv.FormatFloat(f, 'f', -1, 64) }

// observedClip is what all rows of a chart are cut out of.
func observedClip(observed []span, w window) template.HTML {
	return template.HTML(`<svg class="defs" aria-hidden="true" width="0" height="0"><clipPath id="observed"><path d="` + bars(observed, w, 0, 22) + `"/></clipPath></svg>`) //nolint:gosec // made here
}

// timelineOf draws what is known of a product within a window. The page holds
// observedClip.
func (p *page) timelineOf(row *storage.ShelfRow, scans []lookout, join func(a, b time.Time) bool, w window) timeline {
	const marks = 7
	t := timeline{Marks: p.marksOf(row.Changes, w, marks), Runs: within(runsOf(spansOf(row, scans, join)), w)}
	var b strings.Builder
	b.WriteString(`<svg class="line" aria-hidden="true"><svg viewBox="0 0 1000 22" preserveAspectRatio="none"><g>`)
	for _, is := range []presence{seen, missing, removed} {
		of := slices.DeleteFunc(slices.Clone(t.Runs), func(s span) bool { return s.Is != is })
		y, h := 5, 12
		if is == removed {
			y, h = 10, 2
		}
		if len(of) > 0 {
			fmt.Fprintf(&b, `<path class="%s" d="%s"/>`, is, bars(of, w, y, h))
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
		fmt.Fprintf(&b, `<a href="%schanges/%d" tabindex="-1"><title>%s</title><use href="#%s" x="%s"/></a>`,
			p.Root, m.Seq, p.Day(m.At), markShape(m.Kind), percent(w.part(m.At)))
	}
	b.WriteString(`</g>`)
	return b.String()
}

// SVG is the drawing.
func (t timeline) SVG() template.HTML { return t.svg }

// axis draws the days of a window.
func (p *page) axis(w window) template.HTML {
	days := w.To.Sub(w.From).Hours() / 24
	step, form := 1, "2 Jan"
	if p.Lang == "zh" {
		form = "1月2日"
	}
	months := false
	switch {
	case days > 900:
		step, months, form = 12, true, "2006"
	case days > 200:
		step, months, form = 2, true, "Jan 06"
		if p.Lang == "zh" {
			form = "06年1月"
		}
	case days > 60:
		step, months = 1, true
	case days > 10:
		step = 7
	case days > 4:
		step = 2
	}
	from := w.From.In(p.Zone)
	at := time.Date(from.Year(), from.Month(), from.Day(), 0, 0, 0, 0, p.Zone)
	if months {
		at = time.Date(from.Year(), from.Month(), 1, 0, 0, 0, 0, p.Zone)
		if step == 12 {
			at = time.Date(from.Year(), 1, 1, 0, 0, 0, 0, p.Zone)
		}
	}
	var b strings.Builder
	b.WriteString(`<svg class="axis" aria-hidden="true">`)
	for n := 0; !at.After(w.To); {
		if x := w.part(at); !at.Before(w.From) && x < 0.95 {
			// Every other label is left out where there is little room.
			class := ""
			if n%2 == 1 {
				class = ` class="o"`
			}
			n++
			fmt.Fprintf(&b, `<line x1="%[1]s" x2="%[1]s" y1="0" y2="5"/>`, percent(x))
			if x < 0.9 {
				fmt.Fprintf(&b, `<text%s x="%s" y="17" dx="3">%s</text>`, class, percent(x), at.Format(form))
			}
		}
		if months {
			at = at.AddDate(0, step, 0)
		} else {
			at = at.AddDate(0, 0, step)
		}
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
	list := []priceStep{{From: row.FirstSeen, To: now, Price: first}}
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

// A priceChart is the prices of a product. The picture and the table say the
// same.
type priceChart struct {
	Steps    []priceStep // those of which something is seen in the window
	Low      tracker.Price
	Lowest30 tracker.Price // within 30 days
	High     tracker.Price
	svg      template.HTML
}

// SVG is the drawing.
func (c *priceChart) SVG() template.HTML { return c.svg }

// priceChartOf draws the prices of a product, where complete scans saw it.
func (p *page) priceChartOf(row *storage.ShelfRow, scans []lookout, join func(a, b time.Time) bool, w window) *priceChart {
	const height, top, bottom = 180, 14, 166
	c := &priceChart{}
	var shown []span
	for _, s := range spansOf(row, scans, join) {
		if s.Is == seen && !s.To.Before(w.From) && !s.From.After(w.To) {
			shown = append(shown, s)
		}
	}
	type piece struct {
		from, to time.Time
		price    tracker.Price
	}
	var pieces []piece
	for _, step := range pricesOf(row, p.Now) {
		if !step.Price.Known() {
			continue
		}
		in := false
		for _, s := range shown {
			from, to := later(step.From, s.From), earlier(step.To, s.To)
			if from.After(to) || to.Equal(step.To) && from.Equal(to) && !step.To.Equal(p.Now) {
				continue
			}
			in = true
			pieces = append(pieces, piece{later(from, w.From), to, step.Price})
			if to.After(p.Now.AddDate(0, 0, -30)) && (!c.Lowest30.Known() || step.Price.Low < c.Lowest30.Low) {
				c.Lowest30 = step.Price
			}
		}
		if !in {
			continue
		}
		c.Steps = append(c.Steps, step)
		if !c.Low.Known() || step.Price.Low < c.Low.Low {
			c.Low = step.Price
		}
		if !c.High.Known() || step.Price.Low > c.High.Low {
			c.High = step.Price
		}
	}
	if len(pieces) == 0 {
		return c
	}
	y := func(price int64) string {
		if c.High.Low == c.Low.Low {
			return strconv.Itoa((top + bottom) / 2)
		}
		part := float64(price-c.Low.Low) / float64(c.High.Low-c.Low.Low)
		return strconv.Itoa(int(math.Round(bottom - part*(bottom-top))))
	}
	var b strings.Builder
	fmt.Fprintf(&b, `<svg class="price" height="%d" aria-hidden="true">`, height)
	for _, level := range []tracker.Price{c.Low, c.High} {
		fmt.Fprintf(&b, `<line class="grid" x1="0" x2="100%%" y1="%[1]s" y2="%[1]s"/>`, y(level.Low))
		if c.High.Low == c.Low.Low {
			break
		}
	}
	if c.Lowest30.Known() && c.High.Low != c.Low.Low {
		fmt.Fprintf(&b, `<line class="lowest" x1="%s" x2="100%%" y1="%[2]s" y2="%[2]s"/>`, percent(w.part(later(p.Now.AddDate(0, 0, -30), pieces[0].from))), y(c.Lowest30.Low))
	}
	for i, pc := range pieces {
		x1, x2 := w.part(pc.from), max(w.part(pc.to), w.part(pc.from)+0.003)
		fmt.Fprintf(&b, `<line class="step" x1="%s" x2="%s" y1="%[3]s" y2="%[3]s"/>`, percent(x1), percent(x2), y(pc.price.Low))
		if i > 0 && pieces[i-1].price != pc.price && join(pieces[i-1].to, pc.from) {
			fmt.Fprintf(&b, `<line class="rise" x1="%s" x2="%s" y1="%s" y2="%s"/>`,
				percent(w.part(pieces[i-1].to)), percent(x1), y(pieces[i-1].price.Low), y(pc.price.Low))
		}
	}
	for _, step := range c.Steps {
		if step.Seq == 0 || !w.contains(step.From) {
			continue
		}
		fmt.Fprintf(&b, `<a href="%schanges/%d" tabindex="-1"><title>%s, %s</title><use href="#diamond" x="%s" y="%s"/></a>`,
			p.Root, step.Seq, template.HTMLEscapeString(p.Price(step.Price)), p.Stamp(step.From), percent(w.part(step.From)), y(step.Price.Low))
	}
	b.WriteString(`</svg>`)
	c.svg = template.HTML(b.String()) //nolint:gosec // made here
	return c
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
	From, To time.Time
	Scans    int
	Verdict  tracker.Verdict
	Reason   string
	Products int
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
		next := stretch{s.Began, s.Began, 1, s.Verdict, s.Reason, s.Evidence.Products}
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
	fmt.Fprintf(&b, `<svg class="strip" viewBox="0 0 %d 18" aria-hidden="true">`, 60*cell)
	all := 0
	for _, s := range list {
		all += s.Scans
	}
	x := (60 - all) * cell // the newest on the right
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
		fmt.Fprintf(&b, `<path class="%s" stroke-width="%d" d="M%d %sh%d"><title>%s, %s</title></path>`,
			class, height, x, short(float64(y)+float64(height)/2), n*cell-1, template.HTMLEscapeString(title), p.Stamp(list[j-1].To))
		x += n * cell
		i = j
	}
	b.WriteString(`</svg>`)
	return template.HTML(b.String()) //nolint:gosec // made here
}

// drawSpark draws the number of products of complete scans; the line breaks
// where none was complete.
func drawSpark(list []stretch) template.HTML {
	low, high, all := math.MaxInt, 0, 0
	for _, s := range list {
		all += s.Scans
		if s.Verdict == tracker.Complete {
			low, high = min(low, s.Products), max(high, s.Products)
		}
	}
	var b strings.Builder
	b.WriteString(`<svg class="spark" viewBox="0 0 120 28" preserveAspectRatio="none" aria-hidden="true">`)
	if high > 0 && all > 0 {
		y := func(n int) float64 {
			if high == low {
				return 14
			}
			return 25 - 22*float64(n-low)/float64(high-low)
		}
		at, open := 0, false
		b.WriteString(`<path d="`)
		for _, s := range list {
			x1, x2 := 120*float64(at)/float64(all), 120*float64(at+s.Scans)/float64(all)
			at += s.Scans
			if s.Verdict != tracker.Complete {
				open = false
				continue
			}
			if open {
				fmt.Fprintf(&b, "V%.1f", y(s.Products))
			} else {
				fmt.Fprintf(&b, "M%.1f %.1f", x1, y(s.Products))
			}
			fmt.Fprintf(&b, "H%.1f", x2)
			open = true
		}
		b.WriteString(`"/>`)
	}
	b.WriteString(`</svg>`)
	return template.HTML(b.String()) //nolint:gosec // made here
}

package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"shopwatch/tracker"
)

// A view is a story in words of one language, before text and HTML differ.
// All strings in it are clean.
type view struct {
	W         *words
	Subject   string
	Preheader string
	Heading   string
	URL       string // of the one storefront; empty when there are several
	When      string
	Sample    bool
	Counts    []count
	Shops     []shopView
	NetNote   string
	InCSV     string // behind NetNote, where the file is attached
	Lead      string // of a heartbeat: what it comes to
	Whole     bool   // of a heartbeat: every scan was complete
	Quiet     []quietView
	Pictures  []Picture
	More      string // storefronts left out; empty for none
	witness          // of a feed, whose entries have no foot of their own
}

// A witness is what a report ends with, by which others can check it.
type witness struct {
	Method, MethodURL string   // where it is written how a verdict comes about
	Why               string   // what the checkpoint is for
	Checkpoint        []string // lines; none for no checkpoint
	Key               string
}

func (v *viewer) witness() (w witness) {
	w.Method, w.MethodURL = v.method()
	if v.Story.Checkpoint != "" {
		w.Why, w.Checkpoint, w.Key = v.w.Checkpoint, strings.Split(strings.TrimSpace(v.Story.Checkpoint), "\n"), v.w.Key+": "+v.Story.Key
	}
	return w
}

// A count stands on top of a report.
type count struct {
	Kind  tracker.Kind
	Sign  string
	N     int
	Label string
}

// A shopView is what a report tells of one storefront.
type shopView struct {
	Title    string // empty when the report's heading says it
	URL      string
	Health   []healthView
	Sections []section
	Undone   []undoneView
	Back     int    // how many came to nothing
	MoreBack string // of Undone left out
	Suspects []row
	More     string // suspects left out
	Evidence []evidenceView
	Earlier  string // scans left out; empty for none
}

// A healthView is a change of the storefront itself, or a correction.
type healthView struct {
	Kind  tracker.Kind
	Head  string
	Lines []string
	Do    string
	Page  string // of the change in the dashboard; empty where there is none
}

// A section holds the changes of one kind.
type section struct {
	Kind  tracker.Kind
	Title string
	N     int
	Rows  []row
	More  string // rows left out that are in the file attached; empty for none
	Left  string // the same where none is attached
}

// A row is one change of a product.
type row struct {
	Kind       tracker.Kind
	Title      string
	URL        string
	ID         string
	Price, Was string // Was only for a changed price
	Hidden     bool   // the price is not known
	Basis      string // what the price is for; empty when not known
	Percent    string
	Down       bool
	Watched    string
	Notes      []note
	Proof      string // of a removal, in short; Notes begin with it in full
	OldTitle   []part // of a changed title
	NewTitle   []part
	Picture    string // names of embedded pictures
	Before     string
	Image      string // addresses, of a changed picture
	WasImage   string
	Missing    string // of a suspect: how often
	Seen       string // of a suspect: when last
	Shot       string // the item page of a removed product
	ShotAlt    string
	Whole      string // where the whole picture is; else the item page, if anything
	Page       string // of the change in the dashboard; empty where there is none
}

// An undoneView is what changed and changed back within the report's period.
type undoneView struct{ Title, URL, Line, Page string }

// An evidenceView is one scan in words.
type evidenceView struct {
	When     string
	Verdict  string
	Complete bool
	Line     string
	Warnings []string
}

// limits keep the HTML short. The zero value sets none.
type limits struct {
	shops int // storefronts at most
	rows  int // rows of a section at most
	scans int // evidence lines of a storefront at most
	// pictures of products and of pages at most; maxPictures and maxShots when
	// zero.
	pictures, shots int
}

// full reports whether n is all that a limit allows.
func full(limit, n int) bool { return limit > 0 && n >= limit }

// viewer builds a view.
type viewer struct {
	Story
	w      *words
	zone   *time.Location
	net    []tracker.Change
	undone [][]tracker.Change
	less   int // changes that are no entry of net
	most   limits
	// load and loadShot return pictures; nil where none are shown.
	load, loadShot func(string) []byte
	pictures       []Picture
	shots          int
	names          map[string]string // evidence file: name of the embedded picture
}

// viewer returns what puts the story into words, within limits.
func (m *Mail) viewer(most limits) *viewer {
	v := &viewer{
		Story: m.story, w: wordsOf(m.story.Lang), zone: m.story.Zone, most: most, names: make(map[string]string),
		net: m.net, undone: m.undone, less: len(m.story.Changes) - len(m.net),
	}
	if v.zone == nil {
		v.zone = time.UTC
	}
	return v
}

// view puts the story into words.
func (v *viewer) view() *view {
	at := v.at()
	out := &view{
		W: v.w, Sample: v.Sample, Subject: v.subject(at), When: v.date(at), Counts: v.counts(),
	}
	if v.Report.About == Heartbeat {
		v.heartbeat(out)
	}
	if v.Net && len(v.Changes) > 0 && at.Sub(v.Changes[0].At) > 24*time.Hour {
		out.When = fmt.Sprintf(v.w.Period, v.day(v.Changes[0].At), v.date(at))
	}
	names := v.storefronts()
	for i, name := range names {
		if full(v.most.shops, i) {
			out.More = many(v.w.MoreShops, len(names)-i)
			break
		}
		sv := v.shop(name)
		if len(names) > 1 {
			sv.Title = v.title(name)
		}
		out.Shops = append(out.Shops, sv)
	}
	out.Heading, out.URL = v.heading(names)
	if v.less > 0 {
		out.NetNote, out.InCSV = many(v.w.NetNote, v.less), v.w.InCSV
		if len(v.net) == 0 {
			out.NetNote = v.w.NoNet
		}
	}
	out.Preheader = v.preheader(out)
	out.Pictures = v.pictures
	return out
}

// at is the time that a report carries in its subject: that of its last scan.
func (v *viewer) at() time.Time {
	at := v.Report.Created
	if v.Report.About == "" && len(v.Changes) > 0 && !v.Net {
		at = v.Changes[len(v.Changes)-1].At
	}
	return at.In(v.zone)
}

// reason is a reason for the report's readers.
func (v *viewer) reason(s string) string { return v.w.reason(v.zone, clean(s)) }

func (v *viewer) day(t time.Time) string { return t.In(v.zone).Format(v.w.Day) }
func (v *viewer) date(t time.Time) string {
	return t.In(v.zone).Format(v.w.Full) + "\u00a0·\u00a0" + offset(t.In(v.zone)) // on one line
}

// when writes a time of the day of the report without the date.
func (v *viewer) when(t time.Time) string {
	t = t.In(v.zone)
	if at := v.at(); t.YearDay() == at.YearDay() && t.Year() == at.Year() {
		return t.Format("15:04")
	}
	return v.day(t)
}

// storefronts are those that the report tells of, in the order of the log.
func (v *viewer) storefronts() []tracker.StorefrontName {
	var names []tracker.StorefrontName
	see := func(n tracker.StorefrontName) {
		if !slices.Contains(names, n) {
			names = append(names, n)
		}
	}
	for i := range v.net {
		see(v.net[i].Storefront)
	}
	for i := range v.Changes {
		see(v.Changes[i].Storefront)
	}
	for i := range v.Scans {
		see(v.Scans[i].Storefront)
	}
	return names
}

// title is what people call a storefront.
func (v *viewer) title(name tracker.StorefrontName) string {
	if t := clean(v.Shops[name].Title); t != "" && t != string(name) {
		return cut(t, 60)
	}
	for i := len(v.Scans) - 1; i >= 0; i-- {
		if s := &v.Scans[i]; s.Storefront == name {
			if t := clean(s.Evidence.Shop.Name); t != "" {
				return cut(t, 60)
			}
		}
	}
	return cut(clean(string(name)), 60)
}

func (v *viewer) heading(names []tracker.StorefrontName) (title, url string) {
	switch {
	case v.Report.About == Heartbeat && len(v.Quiet) == 1:
		return v.title(v.Quiet[0].Storefront), link(v.Shops[v.Quiet[0].Storefront].URL)
	case v.Report.About == Heartbeat:
		return fmt.Sprintf(v.w.Storefronts, len(v.Quiet)), ""
	case len(names) == 1:
		return v.title(names[0]), link(v.Shops[names[0]].URL)
	case len(names) == 0:
		return "shopwatch", ""
	}
	return fmt.Sprintf(v.w.Storefronts, len(names)), ""
}

// counts are how many changes of products there are of each kind that occurs.
func (v *viewer) counts() []count {
	var cs []count
	for _, k := range tracker.Kinds {
		if _, ok := v.w.Subjects[k]; !ok {
			continue // a matter of the storefront: told in words
		}
		n := 0
		for i := range v.net {
			if v.net[i].Kind == k {
				n++
			}
		}
		if n > 0 {
			c := count{Kind: k, N: n, Label: form(v.w.Kinds[k], n)}
			switch k {
			case tracker.Added:
				c.Sign = "+"
			case tracker.Removed:
				c.Sign = "−"
			}
			cs = append(cs, c)
		}
	}
	return cs
}

// shop puts what happened in one storefront into words.
func (v *viewer) shop(name tracker.StorefrontName) shopView {
	sv := shopView{URL: link(v.Shops[name].URL)}
	for _, k := range tracker.Kinds {
		sec := section{Kind: k, Title: v.w.Kinds[k][1]}
		for i := range v.net {
			c := &v.net[i]
			if c.Storefront != name || c.Kind != k {
				continue
			}
			if h, ok := v.health(c); ok {
				h.Page = v.page(c)
				if !full(v.most.rows, len(sv.Health)) {
					sv.Health = append(sv.Health, h)
				}
				continue
			}
			if c.Product == nil {
				continue
			}
			sec.N++
			if !full(v.most.rows, len(sec.Rows)) {
				sec.Rows = append(sec.Rows, v.row(c))
			}
		}
		if left := sec.N - len(sec.Rows); left > 0 {
			sec.More, sec.Left = many(v.w.More, left), many(v.w.Left, left)
		}
		if sec.N > 0 {
			sv.Sections = append(sv.Sections, sec)
		}
	}
	for _, cs := range v.undone {
		if cs[0].Storefront != name {
			continue
		}
		if sv.Back++; !full(v.most.rows, len(sv.Undone)) {
			sv.Undone = append(sv.Undone, v.undoneView(cs))
		}
	}
	if left := sv.Back - len(sv.Undone); left > 0 {
		sv.MoreBack = many(v.w.More, left)
	}
	n := 0
	for i := range v.Suspects {
		s := &v.Suspects[i]
		if s.Storefront != name {
			continue
		}
		if n++; !full(v.most.rows, len(sv.Suspects)) {
			r := row{
				Title: clean(s.Item.Title), URL: link(s.Item.URL), ID: clean(string(s.Item.ID)),
				Missing: fmt.Sprintf(v.w.Suspect, s.Item.Missing),
			}
			if !s.Item.LastSeen.IsZero() {
				r.Seen = fmt.Sprintf(v.w.LastSeen, v.day(s.Item.LastSeen))
			}
			sv.Suspects = append(sv.Suspects, r)
		}
	}
	if left := n - len(sv.Suspects); left > 0 {
		sv.More = many(v.w.More, left)
	}
	earlier := 0
	for i := len(v.Scans) - 1; i >= 0; i-- { // the newest first
		switch s := &v.Scans[i]; {
		case s.Storefront != name:
		case full(v.most.scans, len(sv.Evidence)):
			earlier++
		default:
			sv.Evidence = append(sv.Evidence, v.evidence(s))
		}
	}
	if earlier > 0 {
		sv.Earlier = many(v.w.MoreScans, earlier)
	}
	return sv
}

// row puts one change of a product into words.
func (v *viewer) row(c *tracker.Change) row {
	p := c.Product
	r := row{
		Kind: c.Kind, Title: clean(p.Title), URL: link(p.URL), ID: clean(string(p.ID)),
		Price: v.w.price(p.Price), Hidden: !p.Price.Known(), Watched: clean(c.Important),
		Picture: v.picture(c.Pictures.Picture), Page: v.page(c),
	}
	if r.Title == "" {
		r.Title = fmt.Sprintf(v.w.Number, r.ID)
	}
	if p.Price.Known() {
		r.Basis = v.w.basis(p.Price.Basis)
	}
	if p.Availability == tracker.SoldOut && (c.Kind == tracker.Added || c.Kind == tracker.Relisted) {
		r.Notes = append(r.Notes, note{Text: v.w.SoldOut})
	}
	switch c.Kind {
	case tracker.Added:
		if c.SameAs != nil {
			r.Notes = append(r.Notes, note{Text: fmt.Sprintf(v.w.SameAs, clean(string(c.SameAs.ID)), int(100*c.SameAs.Confidence+0.5))})
		}
	case tracker.Removed:
		r.Notes = append(r.Notes, v.proof(c)...)
		r.Proof = v.w.proof(c).String()
		v.shot(&r, c)
	case tracker.Relisted:
		if c.Away > 0 {
			r.Notes = append(r.Notes, note{Text: fmt.Sprintf(v.w.Back, v.w.span(c.Away))})
		}
	case tracker.Repriced:
		if c.Before != nil {
			r.Was = v.w.price(c.Before.Price)
			if pc, ok := Percent(c.Before.Price, p.Price); ok {
				r.Percent, r.Down = percent(pc), pc < 0
			}
			if c.Prior.Known() {
				r.Notes = append(r.Notes, note{Text: fmt.Sprintf(v.w.Prior, v.w.price(c.Prior))})
			}
			if c.Before.Price.Known() && p.Price.Known() && !c.Before.Price.Comparable(p.Price) {
				r.Notes = append(r.Notes, note{Text: v.w.unlike(c.Before.Price, p.Price)})
			}
		}
	case tracker.Retitled:
		if c.Before != nil {
			r.OldTitle, r.NewTitle = diff(clean(c.Before.Title), r.Title)
		}
	case tracker.Repictured:
		r.Before = v.picture(c.Pictures.Before)
		r.Image = link(p.Image)
		if c.Before != nil {
			r.WasImage = link(c.Before.Image)
		}
	}
	if c.Kind != tracker.Retitled && c.Kind != tracker.Repictured {
		if lowest := v.lowest(c); lowest != "" {
			r.Notes = append(r.Notes, note{Text: lowest})
		}
	}
	return r
}

// lowest says who offers the product of a change for the lowest price of its
// group; "" when it is in none.
func (v *viewer) lowest(c *tracker.Change) string {
	g := v.group(c)
	if g == nil {
		return ""
	}
	const most = 4
	var all []string
	for i, o := range tracker.Lowest(g.Offers) {
		if i == most {
			all = append(all, "…")
			break
		}
		price := v.w.price(o.Item.Price)
		if b := v.w.basis(o.Item.Price.Basis); b != "" {
			price += " (" + b + ")"
		}
		all = append(all, fmt.Sprintf(v.w.OfferAt, price, v.title(o.Storefront)))
	}
	if len(all) == 0 {
		return ""
	}
	return fmt.Sprintf(v.w.GroupLowest, clean(g.Name), strings.Join(all, v.w.Comma))
}

// undoneView tells step by step what changed and changed back.
func (v *viewer) undoneView(cs []tracker.Change) undoneView {
	const most = 6 // steps
	var steps []string
	if c := &cs[0]; c.Kind == tracker.Repriced && c.Before != nil {
		steps = append(steps, v.w.price(c.Before.Price))
	}
	for i := range cs {
		if len(steps) == most {
			steps = append(steps, "…")
			break
		}
		c := &cs[i]
		if c.Kind == tracker.Repriced {
			steps = append(steps, fmt.Sprintf(v.w.UndoneStep, v.w.price(c.Product.Price), v.day(c.At)))
		} else {
			steps = append(steps, fmt.Sprintf(v.w.UndoneStep, v.w.UndoneKinds[c.Kind], v.day(c.At)))
		}
	}
	p := cs[len(cs)-1].Product
	u := undoneView{Title: clean(p.Title), URL: link(p.URL), Line: strings.Join(steps, " → "), Page: v.page(&cs[len(cs)-1])}
	if u.Title == "" {
		u.Title = fmt.Sprintf(v.w.Number, clean(string(p.ID)))
	}
	return u
}

// health puts a change of the storefront itself, or a correction, into words.
func (v *viewer) health(c *tracker.Change) (healthView, bool) {
	h := healthView{Kind: c.Kind}
	market := cmp.Or(clean(v.Shops[c.Storefront].Marketplace), "MARKETPLACE")
	switch c.Kind {
	case tracker.Stalled:
		verdict := c.Verdict
		if v.w.Stalled[verdict] == "" {
			verdict = tracker.Failed
		}
		h.Head = v.w.Stalled[verdict]
		h.Lines = append(h.Lines, v.lastWhole(c), v.w.StalledIs)
		if r := v.reason(c.Reason); r != "" {
			h.Lines = append(h.Lines, fmt.Sprintf(v.w.Reason, cut(r, 300)))
		}
		if !v.overtaken(c) {
			login := cmp.Or(clean(v.Shops[c.Storefront].Login), "shopwatch login "+market)
			h.Do = fill(strings.ReplaceAll(v.w.StalledDo[verdict], "shopwatch login %[1]s", login), market, string(c.Storefront))
		}
	case tracker.Recovered:
		h.Head = v.w.Recovered
		if c.Away > 0 {
			h.Head = v.w.Kept
			h.Lines = append(h.Lines, fmt.Sprintf(v.w.Unkept, v.when(c.Scan.Add(-c.Away)), v.when(c.Scan), cut(v.reason(c.Reason), 300)), v.w.KeptIs)
			break
		}
		last := v.lastWhole(c)
		if last == v.w.NeverRead {
			last = cut(v.reason(c.Reason), 300)
		}
		h.Lines = append(h.Lines, last)
	case tracker.Closed:
		h.Head = v.w.Closed
		h.Lines = append(h.Lines, v.lastWhole(c), v.w.StalledIs)
		if r := v.reason(c.Reason); r != "" {
			h.Lines = append(h.Lines, fmt.Sprintf(v.w.Reason, cut(r, 300)))
		}
		if !v.overtaken(c) {
			h.Do = fmt.Sprintf(v.w.ClosedDo, clean(string(c.Storefront)))
		}
	case tracker.Corrected:
		h.Head = fmt.Sprintf(v.w.Corrected, c.Corrects, cut(clean(c.Reason), 300))
		if wrong, ok := v.Wrong[c.Corrects]; ok {
			h.Lines = append(h.Lines, fmt.Sprintf(v.w.WrongOne, v.w.Kinds[wrong.Kind][0], v.day(wrong.At)))
		}
		if c.Product != nil {
			h.Lines = append(h.Lines, clean(c.Product.Title)+" · "+fmt.Sprintf(v.w.Number, clean(string(c.Product.ID))))
		}
	default:
		return h, false
	}
	return h, true
}

// fill puts the argument of `shopwatch login` and the storefront's name into
// an advice that may want neither.
func fill(format, market, storefront string) string {
	return strings.NewReplacer("%[1]s", market, "%[2]s", clean(storefront)).Replace(format)
}

// lastWhole says when the storefront was last read completely before a change.
func (v *viewer) lastWhole(c *tracker.Change) string {
	for i := range v.Scans {
		s := &v.Scans[i]
		if s.Storefront == c.Storefront && s.Began.Equal(c.Scan) && !s.LastComplete.IsZero() {
			return fmt.Sprintf(v.w.LastWhole, v.day(s.LastComplete), fmt.Sprintf(v.w.Ago, v.w.span(s.Began.Sub(s.LastComplete))))
		}
	}
	return v.w.NeverRead
}

// evidence puts what a scan can show into words.
func (v *viewer) evidence(s *Scan) evidenceView {
	e := &s.Evidence
	ev := evidenceView{
		When: v.day(s.Began), Verdict: v.w.Verdicts[s.Verdict], Complete: s.Verdict == tracker.Complete,
	}
	var facts []string
	if e.Pages > 0 || e.Declared.Pages > 0 {
		facts = append(facts, v.of(v.w.PagesOf, v.w.Pages, e.Pages, e.Declared.Pages))
	}
	if e.Pages > 0 || e.Products > 0 {
		facts = append(facts, v.of(v.w.ProdsOf, v.w.Products, e.Products, e.Declared.Products))
		if e.Duplicates > 0 {
			facts = append(facts, many(v.w.Twice, e.Duplicates))
		} else if e.Products > 0 {
			facts = append(facts, v.w.NoneTwice)
		}
	}
	if e.Probed > 0 {
		facts = append(facts, many(v.w.Probed, e.Probed))
	}
	if s.Doubted {
		facts = append(facts, v.w.Doubted)
	}
	if s.LastComplete.IsZero() {
		if s.Verdict == tracker.Complete {
			facts = append(facts, v.w.FirstScan)
		}
	} else {
		facts = append(facts, fmt.Sprintf(v.w.LastScan, fmt.Sprintf(v.w.Ago, v.w.span(s.Began.Sub(s.LastComplete)))))
	}
	ev.Line = strings.Join(facts, v.w.Comma)
	if r := v.reason(s.Reason); r != "" && !v.told(s) {
		ev.Warnings = append(ev.Warnings, cut(r, 300))
	}
	for i, warning := range e.Warnings {
		if i == 5 {
			break
		}
		ev.Warnings = append(ev.Warnings, cut(v.reason(warning), 300))
	}
	return ev
}

// told reports whether a change of the storefront gives the scan's reason.
func (v *viewer) told(s *Scan) bool {
	return slices.ContainsFunc(v.net, func(c tracker.Change) bool {
		return c.Storefront == s.Storefront && c.Scan.Equal(s.Began) && c.Verdict != "" && c.Reason == s.Reason
	})
}

// of says how many there were of how many declared.
func (v *viewer) of(of, plain [2]string, n, declared int) string {
	switch {
	case declared == 1:
		return fmt.Sprintf(of[0], n, declared)
	case declared > 0:
		return fmt.Sprintf(of[1], n, declared)
	}
	return many(plain, n)
}

// preheader is what a list of mails shows behind the subject: the first titles.
func (v *viewer) preheader(out *view) string {
	var ts []string
	for _, sv := range out.Shops {
		for _, h := range sv.Health {
			ts = append(ts, h.Head)
		}
		for _, sec := range sv.Sections {
			for _, r := range sec.Rows {
				ts = append(ts, cut(r.Title, 40))
			}
		}
		for _, u := range sv.Undone {
			ts = append(ts, cut(u.Title, 40))
		}
	}
	for _, q := range out.Quiet {
		ts = append(ts, q.Line)
	}
	return cut(strings.Join(ts[:min(len(ts), 4)], " · "), 160)
}

func (v *viewer) foot(end Foot) []string {
	var f []string
	if len(v.Changes) > 0 {
		f = append(f, v.w.Attached)
	}
	switch {
	case end.PDF != "":
		f = append(f, fmt.Sprintf(v.w.PDF, end.PDF))
	case end.NoPDF:
		f = append(f, v.w.NoPDF)
	}
	why := ""
	if v.Report.Channel != "" {
		why = fmt.Sprintf(v.w.Why, clean(v.Report.Channel))
	}
	if v.Report.ID > 0 {
		if why != "" && v.w.Lang == "en" {
			why += " "
		}
		why += fmt.Sprintf(v.w.Which, v.Report.ID)
	}
	if why != "" {
		f = append(f, why)
	}
	return f
}

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

// A count stands on top of a report.
type count struct {
	Kind  tracker.Kind
	Sign  string
	N     int
	Label string
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
	return cut(cmp.Or(clean(v.Names[name]), clean(string(name))), 60)
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

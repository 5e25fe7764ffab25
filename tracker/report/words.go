package report

import (
	"fmt"
	"time"

	"shopwatch/tracker"
)

// words are all words of a report in one language. Entries with a % take the
// values named in the comment, in this order.
type words struct {
	Lang  string
	Day   string // layout of a day and time without the year
	Full  string // layout with the year
	Fonts string // font families of the HTML

	// What happened, of one change and of several.
	Kinds map[tracker.Kind][2]string
	// The same for the subject; the number. One and several.
	Subjects map[tracker.Kind][2]string
	Comma    string // between two of them
	Colon    string // before what explains a word

	PriceHidden string // an unknown price
	PriceFrom   string // the price of which others begin
	Number      string // the product's number
	Before      string
	After       string

	// What a removal rests on; in brackets the words that lead to the item page.
	ProofGone     string
	ProofOffshelf string
	ProofUnlisted [2]string // complete scans that did not list it
	ProofUnseen   [2]string // complete scans that did not list it
	ProofSeen     string    // behind the first three: when the page was seen
	ProofReason   string    // behind the last: why the page could not be read
	ProofSays     string    // the page's own words for it
	ProofMark     string    // the words or marks of the page that prove it
	ShotAlt       string    // when it was seen
	Back          string    // how long it was away
	SameAs        string    // the old number, percent
	Watched       string    // the rule
	SoldOut       string    // of a product that is new or back
	TaxIncluded   string
	TaxExcluded   string
	Unlike        string // of a changed price: it cannot be compared
	Prior         string // of a price cut
	GroupLowest   string // group, offers
	OfferAt       string // price, storefront

	Stalled   map[tracker.Verdict]string // heading
	StalledDo map[tracker.Verdict]string // what to do; the argument of `shopwatch login`, the storefront's name
	Do        string                     // before what to do
	StalledIs string                     // nothing is concluded meanwhile
	Reason    string                     // the scan's own words
	LastWhole string                     // the last complete scan, how long before
	NeverRead string                     // no complete scan yet
	Recovered string
	Kept      string // scans are written again after a full disk
	Unkept    string // from when, to when, why
	KeptIs    string // what became of the changes
	Closed    string
	ClosedDo  string // the storefront's name
	Corrected string // the number of the wrong change, why
	WrongOne  string // what the wrong change said, when

	SubjectStalled   map[tracker.Verdict]string
	SubjectRecovered string
	SubjectKept      string
	SubjectClosed    string
	SubjectCorrected string // the product
	SubjectNoNet     string // several changes that undid each other
	SubjectQuiet     string // complete scans, all scans
	SubjectUnquiet   string // complete scans, all scans
	FilteredQuiet    string // the same two for a channel that is not told of everything
	FilteredUnquiet  string

	Suspects     string // heading
	SuspectsNote string
	Suspect      string    // complete scans in a row that missed it
	LastSeen     string    // when a scan last saw it
	More         [2]string // rows that are only in the CSV
	NetNote      [2]string // changes that undid each other or were merged
	NoNet        string
	InCSV        string    // behind either of them, where the file is attached
	Left         [2]string // rows left out where none is
	Undone       string    // heading of what changed and changed back
	UndoneKinds  map[tracker.Kind]string
	UndoneStep   string    // what became of it, when
	MoreShops    [2]string // storefronts that are only in the text and the CSV file
	MoreScans    [2]string // scans that are only in the text

	Evidence  string                     // heading
	Verdicts  map[tracker.Verdict]string // of a scan
	PagesOf   [2]string                  // read, declared
	Pages     [2]string                  // read
	Products  [2]string                  // seen
	ProdsOf   [2]string                  // seen, declared
	NoneTwice string
	Twice     [2]string // met again
	Probed    [2]string // item pages opened
	Doubted   string
	LastScan  string // how long before
	FirstScan string

	QuietLine string // complete scans, all scans, products listed
	QuietNone string // no scan at all
	QuietLast string // time of the last complete scan
	Period    string // begin and end

	Storefronts string // number, in a subject about several
	Minutes     string
	Hours       string
	Days        [2]string
	Ago         string // a length of time

	Sample     string // before a subject
	SampleNote string
	Why        string // the channel
	Which      string // the report's number
	Again      string // before a report that may have arrived already
	Attached   string
	PDF        string // the file
	NoPDF      string
	Leave      string // what ends the reports to one recipient
	Checkpoint string // what the checkpoint is for
	Key        string
	ProofPage  string // what leads to the page of a change in the dashboard
	Method     string // what leads to how a verdict comes about
	InSource   string // before the name of a file
}

func wordsOf(lang string) *words {
	if lang == "zh" {
		return &chinese
	}
	return &english
}

// form picks the form for one or for several.
func form(forms [2]string, n int) string {
	if n == 1 {
		return forms[0]
	}
	return forms[1]
}

// many picks the form of a count and fills it in.
func many(forms [2]string, n int) string { return fmt.Sprintf(form(forms, n), n) }

// span says how long something took, roughly.
func (w *words) span(d time.Duration) string {
	switch {
	case d < 90*time.Minute:
		return fmt.Sprintf(w.Minutes, max(int(d.Round(time.Minute)/time.Minute), 1))
	case d < 48*time.Hour:
		return fmt.Sprintf(w.Hours, int(d.Round(time.Hour)/time.Hour))
	}
	return many(w.Days, int(d.Round(24*time.Hour)/(24*time.Hour)))
}

// offset names a time zone by its distance from UTC: abbreviations are not
// clear (CST is in China, America and Cuba).
func offset(t time.Time) string {
	_, s := t.Zone()
	sign := "+"
	if s < 0 {
		sign, s = "−", -s
	}
	switch {
	case s == 0:
		return "UTC"
	case s%3600 == 0:
		return fmt.Sprintf("UTC%s%d", sign, s/3600)
	}
	return fmt.Sprintf("UTC%s%d:%02d", sign, s/3600, s%3600/60)
}

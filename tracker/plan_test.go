package tracker_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"shopwatch/tracker"
)

// planOf plans a scan of a catalog that other steps have made.
func planOf(catalog *tracker.Items, st step) (*tracker.Plan, *tracker.Scan) {
	s := &tracker.Scan{Storefront: "s", Began: catalog.Is.LastScan.Add(time.Hour), Took: time.Second}
	s.Evidence.Parser = 1
	st(s)
	p := tracker.NewPlan(catalog.Is, s, tracker.DefaultRules())
	if p.NeedsEntries() {
		var ids []tracker.ProductID
		for id := range catalog.All {
			ids = append(ids, id)
		}
		slices.Sort(ids)
		for _, id := range ids {
			it := catalog.All[id]
			p.Add(tracker.EntryOf(&it))
		}
	}
	return p, s
}

// known is the catalog that steps make, a scan an hour.
func known(steps ...step) *tracker.Items {
	catalog := &tracker.Items{Is: tracker.State{LastScan: day0}}
	for _, st := range steps {
		s := &tracker.Scan{Storefront: "s", Began: catalog.Is.LastScan.Add(time.Hour), Took: time.Second}
		s.Evidence.Parser = 1
		st(s)
		catalog.Apply(catalog.Reconcile(s, tracker.DefaultRules()))
	}
	return catalog
}

func TestAPlanReadsWhatMatters(t *testing.T) {
	removed := []step{whole("a", "b", "c", "d"), probed(whole("a", "b", "c"), "d=gone")}
	for _, tt := range []struct {
		what    string
		known   []step
		scan    step
		entries bool
		items   string
	}{
		{"an unchanged scan needs nothing", []step{whole("a", "b", "c")}, whole("c", "a", "b"), false, ""},
		{"nor does one that was refused", []step{whole("a", "b", "c")}, refused(tracker.Login), false, ""},
		{"nor a partial one without products", []step{whole("a", "b", "c")}, partial(), false, ""},
		{"nor another shop", []step{with(whole("a"), shop("1", ""))}, with(whole("x"), shop("2", "")), false, ""},
		{"the first scan reads no item", nil, whole("a", "b"), true, ""},
		{"a change needs its item", []step{whole("a", "b", "c")}, whole("a", "b price=80", "c"), true, "b"},
		{"a missing product too", []step{whole("a", "b", "c")}, whole("a", "c price=80"), true, "c b"},
		{"but not in a partial scan", []step{whole("a", "b", "c")}, partial("a price=80"), true, "a"},
		{"a new product needs no item", []step{whole("a", "b")}, whole("a", "b", "c"), true, ""},
		{"but those that it may have been before", removed, whole("a", "b", "c", "x"), true, "d"},
		{"which a change does not", removed, whole("a", "b price=80", "c"), true, "b"},
		{"nor one that is back", removed, whole("a", "b", "c", "d"), true, "d"},
		{"an item that is not settled is read each time", []step{whole("a", "b"), whole("a", "b price=1")}, whole("a", "b"), true, "b"},
		{"a product listed as it is known, and at another place otherwise", []step{whole("a", "b")}, whole("a", "b", "a price=80"), true, "a"},
		{"first otherwise and then as it is known", []step{whole("a", "b")}, whole("a price=80", "b", "a"), true, ""},
	} {
		t.Run(tt.what, func(t *testing.T) {
			p, s := planOf(known(tt.known...), tt.scan)
			if got := p.NeedsEntries(); got != tt.entries {
				t.Errorf("NeedsEntries = %v, want %v", got, tt.entries)
			}
			var ids []string
			for _, id := range p.ItemIDs() {
				ids = append(ids, string(id))
			}
			if got := strings.Join(ids, " "); got != tt.items {
				t.Errorf("ItemIDs = %q, want %q, of %v", got, tt.items, s.Products)
			}
		})
	}
}

// Whatever order an engine feeds a plan in, of entries that it knows by their
// marks alone too, they are counted, so that it notices what is lost.
func TestAPlanCountsEntries(t *testing.T) {
	catalog := known(whole("a", "b", "c", "d"), probed(whole("a", "b", "c"), "d=gone"))
	s := &tracker.Scan{Storefront: "s", Began: day0.Add(3 * time.Hour), Evidence: tracker.Evidence{Parser: 1}}
	whole("a", "b price=80")(s)
	p := tracker.NewPlan(catalog.Is, s, tracker.DefaultRules())
	for _, id := range []tracker.ProductID{"a", "b", "c", "d"} {
		it := catalog.All[id]
		e := tracker.EntryOf(&it)
		known := p.Known(e.Fingerprint)
		if known != (id == "a") {
			t.Errorf("Known of %s = %v", id, known)
		}
		if !known {
			p.Add(e)
		}
	}
	if listed, removed := p.Counted(); listed != catalog.Is.Listed || removed != catalog.Is.Removed {
		t.Errorf("Counted = %d, %d; the state has %d, %d", listed, removed, catalog.Is.Listed, catalog.Is.Removed)
	}
}

// Reconcile depends on its arguments alone and changes none of them.
func TestReconcileIsPure(t *testing.T) {
	catalog := known(whole("a", "b", "c", "d title=x image=https://img/s"), probed(whole("a", "b", "c"), "d=gone"))
	change := probed(whole("a price=80", "e title=x image=https://img/s", "f"), "b=sold", "c=gone")
	p, s := planOf(catalog, change)
	var items, untouched []tracker.Item
	for _, id := range p.ItemIDs() {
		items = append(items, catalog.All[id])
	}
	untouched = slices.Clone(items)
	_, same := planOf(catalog, change)
	first := tracker.Reconcile(p, items)
	for range 3 {
		if diff := cmp.Diff(first, tracker.Reconcile(p, items)); diff != "" {
			t.Errorf("again it says something else:\n%s", diff)
		}
	}
	if diff := cmp.Diff(untouched, items); diff != "" {
		t.Errorf("it changed the items:\n%s", diff)
	}
	if diff := cmp.Diff(same, s); diff != "" {
		t.Errorf("it changed the scan:\n%s", diff)
	}
	var told []string
	for _, c := range first.Changes {
		told = append(told, tell(c))
	}
	if got, want := fmt.Sprint(told), "[repriced a 99.00->80.00 added e same as d added f removed c gone]"; got != want {
		t.Errorf("told %s, want %s", got, want)
	}
}

func TestItemsThatAreNotThoseOfThePlan(t *testing.T) {
	catalog := known(whole("a", "b"))
	p, _ := planOf(catalog, whole("a price=80", "b price=80"))
	defer func() {
		if recover() == nil {
			t.Error("Reconcile went on with an item of two")
		}
	}()
	tracker.Reconcile(p, []tracker.Item{catalog.All["a"]})
}

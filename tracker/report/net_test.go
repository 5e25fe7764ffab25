package report_test

import (
	"fmt"
	"strings"
	"testing"

	"shopwatch/tracker"
	"shopwatch/tracker/report"
)

func TestNet(t *testing.T) {
	c := func(k tracker.Kind, id string) tracker.Change {
		return tracker.Change{Kind: k, Product: product(id, id, 100)}
	}
	price := func(id string, before, after int64) tracker.Change {
		return tracker.Change{Kind: tracker.Repriced, Product: product(id, id, after), Before: product(id, id, before)}
	}
	title := func(id, before, after string) tracker.Change {
		return tracker.Change{Kind: tracker.Retitled, Product: product(id, after, 100), Before: product(id, before, 100)}
	}
	stock := func(id string, k tracker.Kind) tracker.Change {
		state, was := tracker.SoldOut, tracker.Available
		if k == tracker.Restocked {
			state, was = was, state
		}
		now, before := product(id, id, 100), product(id, id, 100)
		now.Availability, before.Availability = state, was
		return tracker.Change{Kind: k, Product: now, Before: before}
	}
	prior := func(c tracker.Change, fen int64) tracker.Change {
		c.Prior = product("a", "a", fen).Price
		return c
	}
	health := func(k tracker.Kind) tracker.Change { return tracker.Change{Kind: k} }
	other := c(tracker.Removed, "a")
	other.Storefront = "oppo"
	tests := []struct {
		name         string
		changes      []tracker.Change
		want, undone string
	}{
		{"nothing to merge", []tracker.Change{c(tracker.Added, "a"), c(tracker.Removed, "b")}, "added a, removed b", ""},
		{"came and went", []tracker.Change{c(tracker.Added, "a"), c(tracker.Removed, "a")}, "", "a added removed"},
		{"went and came", []tracker.Change{c(tracker.Removed, "a"), c(tracker.Relisted, "a")}, "", "a removed relisted"},
		{"came, went, came is new", []tracker.Change{c(tracker.Added, "a"), c(tracker.Removed, "a"), c(tracker.Relisted, "a")}, "added a", ""},
		{"went, came, went is gone", []tracker.Change{c(tracker.Removed, "a"), c(tracker.Relisted, "a"), c(tracker.Removed, "a")}, "removed a", ""},
		{"came back and went again was gone before", []tracker.Change{c(tracker.Relisted, "a"), c(tracker.Removed, "a")}, "", "a relisted removed"},
		{"two prices are one", []tracker.Change{price("a", 300, 200), price("a", 200, 250)}, "repriced a 3.00>2.50", ""},
		{"a price that returns is none", []tracker.Change{price("a", 300, 200), price("a", 200, 300)}, "", "a repriced repriced"},
		{"a title that returns is none", []tracker.Change{title("a", "x", "y"), title("a", "y", "x")}, "", "a retitled retitled"},
		{"what is new has its newest price", []tracker.Change{c(tracker.Added, "a"), price("a", 100, 250)}, "added a 2.50", ""},
		{"the price of what is gone is no news", []tracker.Change{price("a", 100, 250), c(tracker.Removed, "a")}, "removed a", ""},
		{"the price of what is back is news", []tracker.Change{c(tracker.Relisted, "a"), price("a", 100, 250)}, "relisted a, repriced a 1.00>2.50", ""},
		{"a price that goes its way while the product is away is news", []tracker.Change{c(tracker.Removed, "a"), c(tracker.Relisted, "a"), price("a", 100, 250)}, "repriced a 1.00>2.50", "a removed relisted"},
		{"prices of what came and went are told by that", []tracker.Change{c(tracker.Added, "a"), price("a", 100, 250), price("a", 250, 100), c(tracker.Removed, "a")}, "", "a added removed"},
		{"sold out and in stock again is none", []tracker.Change{stock("a", tracker.Soldout), stock("a", tracker.Restocked)}, "", "a soldout restocked"},
		{"in stock and sold out again is none", []tracker.Change{stock("a", tracker.Restocked), stock("a", tracker.Soldout)}, "", "a restocked soldout"},
		{"sold out in the end is sold out", []tracker.Change{stock("a", tracker.Soldout), stock("a", tracker.Restocked), stock("a", tracker.Soldout)}, "soldout a", ""},
		{"sold out, then gone, is gone", []tracker.Change{stock("a", tracker.Soldout), c(tracker.Removed, "a")}, "removed a", ""},
		{"sold out and another price are two", []tracker.Change{stock("a", tracker.Soldout), price("a", 100, 250)}, "soldout a, repriced a 1.00>2.50", ""},
		{"what prices came to has the prior price of the first cut", []tracker.Change{prior(price("a", 300, 200), 290), prior(price("a", 200, 150), 200)}, "repriced a 3.00>1.50 prior 2.90", ""},
		{"a cut that is taken back in part keeps it", []tracker.Change{prior(price("a", 300, 100), 290), price("a", 100, 200)}, "repriced a 3.00>2.00 prior 2.90", ""},
		{"a cut that ends in a rise has none", []tracker.Change{price("a", 300, 500), prior(price("a", 500, 400), 300)}, "repriced a 3.00>4.00", ""},
		{"storefronts are apart", []tracker.Change{c(tracker.Added, "a"), other}, "added a, removed a", ""},
		{"health stays", []tracker.Change{health(tracker.Stalled), health(tracker.Recovered), health(tracker.Stalled)}, "stalled, recovered, stalled", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			net, undone := report.Net(tt.changes)
			var got []string
			for _, c := range net {
				s := string(c.Kind)
				if c.Product != nil {
					s += " " + string(c.Product.ID)
					switch {
					case c.Kind == tracker.Repriced:
						s += fmt.Sprintf(" %s>%s", c.Before.Price, c.Product.Price)
						if c.Prior.Known() {
							s += " prior " + c.Prior.String()
						}
					case c.Product.Price.Low != 100:
						s += " " + c.Product.Price.String()
					}
				}
				got = append(got, s)
			}
			if s := strings.Join(got, ", "); s != tt.want {
				t.Errorf("Net = %q, want %q", s, tt.want)
			}
			var back []string
			for _, cs := range undone {
				var kinds []string
				for _, c := range cs {
					kinds = append(kinds, string(c.Kind))
				}
				back = append(back, string(cs[0].Product.ID)+" "+strings.Join(kinds, " "))
			}
			if s := strings.Join(back, ", "); s != tt.undone {
				t.Errorf("undone = %q, want %q", s, tt.undone)
			}
		})
	}
}

func TestDiff(t *testing.T) {
	tests := []struct{ name, before, after, was, is string }{
		{"chinese by character", "糖大夫血糖仪家用", "糖大夫血压仪家用", "糖大夫血[糖]仪家用", "糖大夫血[压]仪家用"},
		{"words as wholes", "Qrobot red 1080P", "Qrobot blue 1080P", "Qrobot [red] 1080P", "Qrobot [blue] 1080P"},
		{"added at the end", "全民WiFi", "全民WiFi 3代", "全民WiFi", "全民WiFi[ 3代]"},
		{"taken from the beginning", "新品 投影仪", "投影仪", "[新品 ]投影仪", "投影仪"},
		{"nothing in common", "abc", "投影", "[abc]", "[投影]"},
		{"a lone shared space is no anchor", "红 音箱甲乙", "蓝 电视丙丁", "[红 音箱甲乙]", "[蓝 电视丙丁]"},
		{"equal", "同", "同", "同", "同"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			was, is := report.Diff(tt.before, tt.after)
			if was != tt.was || is != tt.is {
				t.Errorf("Diff = %q, %q, want %q, %q", was, is, tt.was, tt.is)
			}
		})
	}
}

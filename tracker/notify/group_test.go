package notify_test

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"shopwatch/tracker"
	"shopwatch/tracker/notify"
	"shopwatch/tracker/report"
)

// What a report says beside a price comes from other storefronts and from the
// days before.
func TestReportComparesPrices(t *testing.T) {
	db := fresh(t)
	at := func(fen int64) tracker.Product {
		p := product("1")
		p.Price.Low = fen
		return p
	}
	other := product("7")
	other.Price.Low = 18900
	n, err := notify.New(ctx, db, notify.Options{
		Channels: []notify.Channel{{Name: "analysts", Sender: sender(t, "file", notify.Settings{Channel: "analysts", Path: filepath.Join(t.TempDir(), "reports.jsonl")}), Zone: time.UTC}},
		Shops:    map[tracker.StorefrontName]report.StorefrontInfo{"tencent": {Title: "Tencent flagship"}, "oppo": {Title: "OPPO"}},
		Groups: []tracker.Group{
			{Name: "meter", Products: []tracker.ProductKey{{Storefront: "tencent", ID: "1"}, {Storefront: "oppo", ID: "7"}, {Storefront: "oppo", ID: "8"}}},
			{Name: "another", Products: []tracker.ProductKey{{Storefront: "oppo", ID: "7"}, {Storefront: "oppo", ID: "8"}}},
		},
	}, quietLog())
	if err != nil {
		t.Fatal(err)
	}
	commit(t, db, "oppo", nine, other)
	for day, fen := range []int64{20000, 29900, 24900} {
		commit(t, db, "tencent", nine.AddDate(0, 0, day), at(fen))
	}
	s, ok, err := n.Pending(t.Context(), "analysts")
	if err != nil || !ok {
		t.Fatalf("nothing is told: %v", err)
	}
	s.Net = false // tell the rise too
	m := report.New(*s)
	text := m.Text(report.Foot{})
	for _, want := range []string{
		"¥299.00 -> ¥249.00", "Lowest price seen in the 30 days before: ¥200.00\n", `Lowest price of the group "meter": ¥189.00 at OPPO` + "\n",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the report says\n%s\nwant %q", text, want)
		}
	}
	if strings.Contains(text, "another") || strings.Count(text, "30 days") != 1 {
		t.Errorf("the report says\n%s\nwant one prior price and no other group", text)
	}
	if csv := string(m.CSV()); !strings.Contains(csv, `"200.00","meter","189.00 CNY oppo"`) {
		t.Errorf("the CSV file says\n%s", csv)
	}
}

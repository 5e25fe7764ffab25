package api_test

import (
	"log/slog"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"shopwatch/tracker"
	"shopwatch/tracker/api"
)

func TestMetrics(t *testing.T) {
	db := database(t)
	o := options(db)
	o.Channels = []string{"analysts"}
	half := &tracker.Scan{
		Storefront: "lining", Began: began, Took: time.Second, Verdict: tracker.Partial, Reason: "page 3 did not load",
		Evidence: tracker.Evidence{Pages: 2, Products: 100, Declared: tracker.Declared{Pages: 4, Products: 400}, Parser: 1},
	}
	if _, err := db.Commit(ctx, half, tracker.DefaultRules()); err != nil {
		t.Fatal(err)
	}
	r := &tracker.Report{Channel: "analysts", Created: time.Now().Add(-time.Hour), About: "heartbeat", Deliveries: []tracker.Delivery{
		{To: "a@example.com", State: tracker.Waiting}, {To: "b@example.com", State: tracker.Sent}, {To: "c@example.com", State: tracker.Dead},
	}}
	if err := db.AddReport(ctx, r); err != nil {
		t.Fatal(err)
	}
	s := api.New(o, slog.New(slog.DiscardHandler))
	s.Scanned(&tracker.Scan{Storefront: "tencent", Verdict: tracker.Login, Took: 2 * time.Second}, []tracker.Change{{Kind: tracker.Stalled}})
	w := httptest.NewRecorder()
	req := httptest.NewRequest("GET", "http://127.0.0.1/metrics", nil)
	s.ServeHTTP(w, req)
	for _, want := range []string{
		`shopwatch_products_listed{storefront="tencent"} 5`,
		`shopwatch_products_missing{storefront="tencent"} 1`,
		`shopwatch_last_complete_scan_timestamp_seconds{storefront="tencent"} 1.7953164e+09`,
		`shopwatch_coverage_ratio{storefront="tencent"} 1`,
		`shopwatch_coverage_ratio{storefront="lining"} 0.25`,
		`shopwatch_deliveries_waiting{channel="analysts"} 1`,
		`shopwatch_oldest_delivery_age_seconds{channel="analysts"} 36`,
		`shopwatch_scans_total{storefront="tencent",verdict="login"} 1`,
		`shopwatch_changes_total{kind="stalled",storefront="tencent"} 1`,
		`shopwatch_scan_duration_seconds_count{storefront="tencent"} 1`,
		`shopwatch_last_complete_scan_timestamp_seconds{storefront="lining"} 0`,
		`shopwatch_last_complete_scan_timestamp_seconds{storefront="new"} 0`,
		`shopwatch_scans_total{storefront="tencent",verdict="complete"} 0`,
		`shopwatch_changes_total{kind="removed",storefront="tencent"} 0`,
		`shopwatch_deliveries_refused{channel="analysts"} 1`,
		`shopwatch_login_timestamp_seconds{marketplace="tmall"} 1.795`,
		`shopwatch_last_backup_timestamp_seconds 1.795`,
		`shopwatch_chrome_processes 4`,
		`shopwatch_database_bytes`,
		`shopwatch_info{version="test"} 1`,
		`go_goroutines`,
	} {
		if !strings.Contains(w.Body.String(), want) {
			t.Errorf("no %s in\n%s", want, w.Body)
		}
	}
}

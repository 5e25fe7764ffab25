package api_test

import (
	"context"
	"log/slog"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"shopwatch/tracker/api"
)

// What the machines are at is measured, whatever they are called.
func TestFleetMetrics(t *testing.T) {
	o := options(database(t))
	now := time.Now()
	o.Fleet = func(context.Context) (*api.Fleet, error) {
		return &api.Fleet{
			Time:    now,
			Workers: []api.FleetWorker{{Name: "alpha", Alive: true}, {Name: "be\"ta\\\n", Ahead: 3 * time.Second}},
			Leases:  []api.FleetLease{{Key: "tmall/office/any", Worker: "alpha"}, {Key: "jd/office/any", Cooling: now}},
			Queues:  []api.FleetQueue{{Name: "scan-tmall_any", Waiting: 2, Running: 1, Oldest: now.Add(-90 * time.Second)}},
			Slots:   []api.FleetSlot{{Storefront: "tencent", Worker: "alpha"}, {Storefront: "oppo"}},
		}, nil
	}
	s := api.New(o, slog.New(slog.DiscardHandler))
	w := httptest.NewRecorder()
	s.ServeHTTP(w, httptest.NewRequest("GET", "http://127.0.0.1/metrics", nil))
	if got := w.Header().Get("Content-Type"); got != "text/plain; version=0.0.4; charset=utf-8" {
		t.Errorf("Content-Type %s", got)
	}
	for _, want := range []string{
		"# TYPE shopwatch_worker_up gauge\nshopwatch_worker_up{worker=\"alpha\"} 1\nshopwatch_worker_up{worker=\"be\\\"ta\\\\\\n\"} 0\n",
		`shopwatch_worker_scans{worker="alpha"} 1`,
		`shopwatch_worker_clock_offset_seconds{worker="be\"ta\\\n"} 3`,
		`shopwatch_lease_held{lease="tmall/office/any"} 1`,
		`shopwatch_lease_cooling_down{lease="jd/office/any"} 1`,
		`shopwatch_jobs_waiting{queue="scan-tmall_any"} 2`,
		`shopwatch_jobs_running{queue="scan-tmall_any"} 1`,
		`shopwatch_oldest_job_age_seconds{queue="scan-tmall_any"} 90`,
	} {
		if !strings.Contains(w.Body.String(), want) {
			t.Errorf("no %s in\n%s", want, w.Body)
		}
	}
}

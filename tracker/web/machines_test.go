package web_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"shopwatch/tracker/api"
)

// The page of machines shows who is gone, what the others are at, and why scans wait;
// where one machine works alone there is no way to it.
func TestMachines(t *testing.T) {
	db := emptyDatabase(t)
	o := shops(db, "a", "b")
	if page := body(t, server(o), "/"); strings.Contains(page, "machines") {
		t.Error("one machine alone has a page of machines")
	}
	now := time.Now()
	o.Fleet = func(context.Context) (*api.Fleet, error) {
		return &api.Fleet{
			Time:    now,
			Workers: []api.FleetWorker{{Name: "alpha", Alive: true, Heard: now.Add(-2 * time.Second)}, {Name: "<b>beta", Heard: now.Add(-time.Hour), Profile: "buyer"}},
			Leases:  []api.FleetLease{{Key: "tmall/office/any", Worker: "alpha"}},
			Queues:  []api.FleetQueue{{Name: "scan-tmall_buyer", Waiting: 1}},
			Slots:   []api.FleetSlot{{Storefront: "a", Worker: "alpha", Taken: now.Add(-time.Minute)}, {Storefront: "b", Slot: now, Waits: "worker beta was lost during it"}},
		}, nil
	}
	s := server(o)
	if !strings.Contains(body(t, s, "/"), `href="./machines"`) {
		t.Error("there is no way to the page of machines")
	}
	page := body(t, s, "/machines")
	for _, want := range []string{"works", "gone", "&lt;b&gt;beta", "buyer", "tmall/office/any", "scan-tmall_buyer", "worker beta was lost during it"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q:\n%s", want, page)
		}
	}
}

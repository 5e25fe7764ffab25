package scan_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"shopwatch/fixtures/markets"
	"shopwatch/fixtures/markets/pages"
	"shopwatch/tracker/fetch"
	"shopwatch/tracker/market"
	"shopwatch/tracker/market/all"
	"shopwatch/tracker/scan"
)

// A visit keeps the pace of its marketplace and does as robots.txt asks.
func TestAsk(t *testing.T) {
	flags, err := fetch.FromFlags(mall.Flags())
	if err != nil {
		t.Fatal(err)
	}
	client := fetch.New(flags)
	defer client.Close()
	style := pages.Style{}
	shop := pages.Open("visited.example", []string{style.ID(1)}, style)
	markets.Mount(mall, shop)
	defer markets.Unmount(mall, shop)
	m, err := all.Markets().ByName("pages")
	if err != nil {
		t.Fatal(err)
	}
	var paced []string
	s := scan.New(scan.Options{Markets: all.Markets(), Browser: chrome, HTTP: client, PageTimeout: 10 * time.Second, Pace: func(_ context.Context, name string) (func(), error) {
		paced = append(paced, name)
		return func() {}, nil
	}})
	visit := scan.Visit{Market: m, Transport: market.OverHTTP, Request: market.Request{URL: shop.URL()}}
	a, err := s.Ask(t.Context(), visit)
	if err != nil || a.Status != http.StatusOK || !a.Holds("data-id=") {
		t.Fatalf("%+v, %v", a, err)
	}
	if got := strings.Join(paced, " "); got != "visited.example visited.example" { // robots.txt, and the page
		t.Errorf("paced %q", got)
	}
	shop.Strike("robots.txt forbids", 0)
	if a, err := s.Ask(t.Context(), visit); err == nil || !strings.Contains(err.Error(), "robots.txt") {
		t.Errorf("asked though robots.txt forbids: %+v, %v", a, err)
	}
	if testing.Short() {
		return
	}
	visit.Transport, visit.Request.Wait = market.InTab, m.Tab.Show
	if a, err := s.Ask(t.Context(), visit); err != nil || a.Status != http.StatusOK || !strings.Contains(string(a.Body), "data-id=") {
		t.Errorf("in a tab: %+v, %v", a, err)
	}
}

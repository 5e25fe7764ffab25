package scan_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"testing"
	"time"

	"shopwatch/fixtures/clocktest"
	"shopwatch/tracker"
	"shopwatch/tracker/fetch"
	"shopwatch/tracker/market/all"
	"shopwatch/tracker/scan"
)

// clockVariable makes this program one that scans, and waits for a line in the midst
// of it.
const clockVariable = "SHOPWATCH_TEST_CLOCK"

func scanByClock() {
	s := scan.New(scan.Options{
		Markets: all.Markets(), HTTP: fetch.New(fetch.Options{}), DailyPages: 1,
		Opened: func(tracker.StorefrontName) (int, error) {
			fmt.Println("it scans")
			bufio.NewScanner(os.Stdin).Scan()
			return 0, errors.New("that is enough")
		},
	}).Scan(context.Background(), tracker.Storefront{Name: "s", URL: "https://s.example/", Marketplace: "shopify"}, tracker.DefaultRules(), nil)
	fmt.Println(s.Took.Milliseconds(), s.Reason)
}

// How long a scan takes is known also when somebody sets the clock meanwhile.
func TestClockIsSet(t *testing.T) {
	began := time.Now()
	p := clocktest.Again(t, clockVariable, 0)
	p.Line() // it scans
	if err := p.Set(-time.Hour); err != nil {
		t.Error(err)
	}
	p.GoOn()
	line := p.Line()
	var ms int64
	if _, err := fmt.Sscan(line, &ms); err != nil {
		t.Errorf("it says %q: %v", line, err)
	}
	if took := time.Duration(ms) * time.Millisecond; took < 0 || took > time.Since(began) {
		t.Errorf("the scan took %v, by its clock; want up to %v", took, time.Since(began))
	}
	if err := p.End(); err != nil {
		t.Error(err)
	}
}

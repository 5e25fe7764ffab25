package scan_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
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
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), clockVariable+"=1")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	clock, err := clocktest.Start(cmd, 0)
	if errors.Is(err, errors.ErrUnsupported) {
		t.Skip("no program can have a clock of its own here")
	}
	if err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	lines.Scan()
	if err := clock.Set(-time.Hour); err != nil {
		t.Error(err)
	}
	fmt.Fprintln(in)
	lines.Scan()
	var ms int64
	if _, err := fmt.Sscan(lines.Text(), &ms); err != nil {
		t.Errorf("it says %q: %v", lines.Text(), err)
	}
	if took := time.Duration(ms) * time.Millisecond; took < 0 || took > time.Since(began) {
		t.Errorf("the scan took %v, by its clock; want up to %v", took, time.Since(began))
	}
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
}

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"

	"shopwatch/cmd/shopwatch/config"
	"shopwatch/cmd/shopwatch/daemon"
	"shopwatch/cmd/shopwatch/term"
	"shopwatch/tracker"
	"shopwatch/tracker/archive"
	"shopwatch/tracker/browser"
	"shopwatch/tracker/market"
	"shopwatch/tracker/market/all"
	"shopwatch/tracker/scan"
)

// A replayCommand reads a capture again.
type replayCommand struct {
	File   string `arg:"" complete:"file" help:"A capture (.wacz): of shopwatch scan --capture, shopwatch evidence or shopwatch report-problem."`
	Expect string `placeholder:"FILE" complete:"file" help:"Compare with what --json has printed before."`
}

// Help tells that nothing is asked of a network.
func (replayCommand) Help() string {
	return `The pages are read by this version of shopwatch, through a real Chrome at their real addresses where they were read in one, but everything is answered from the file: no network is used, and no login. Printed is what is made of them, and in what that differs from what was made of them when they were captured.

Exit status: 0; with --expect 1 when something is read otherwise.

Examples:
  shopwatch replay change7.wacz
  shopwatch replay tencent.wacz --json > tencent.json
  shopwatch replay tencent.wacz --expect tencent.json`
}

var errDiffers = errors.New("it is read otherwise than expected, see above")

// Run reads the capture and prints what it says.
func (r *replayCommand) Run(ctx context.Context, a *app) error {
	c, err := a.loadIfThere()
	if err != nil {
		return err
	}
	capture, err := openCapture(r.File)
	if err != nil {
		return err
	}
	var want *scan.Replayed
	if r.Expect != "" {
		if want, err = readExpected(r.Expect); err != nil {
			return fmt.Errorf("%s: %w", r.Expect, err)
		}
	}
	chrome, err := replayBrowser(c, capture)
	if err != nil {
		return err
	}
	got, err := scan.Replay(ctx, capture, all.Markets(), chrome, a.logger(slog.LevelError))
	if err != nil {
		return fmt.Errorf("%s: %w", r.File, err)
	}
	if a.json {
		err = a.print(got)
	} else {
		a.tellReplayed(capture, got)
	}
	if err != nil || want == nil {
		return err
	}
	differ := got.Differences(want)
	for _, d := range differ {
		fmt.Fprintf(a.err, "%s\n", term.Plain(d))
	}
	if len(differ) > 0 {
		return errDiffers
	}
	return nil
}

func openCapture(file string) (*archive.Capture, error) {
	content, err := archive.ReadFile(file)
	if err != nil {
		return nil, err
	}
	capture, err := archive.Open(content)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return capture, nil
}

func readExpected(file string) (*scan.Replayed, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	want := new(scan.Replayed)
	return want, json.Unmarshal(text, want)
}

// replayBrowser are the options of the Chrome that shows captured pages: the
// program of the configuration and nothing else of it.
func replayBrowser(c *config.Config, capture *archive.Capture) (browser.Options, error) {
	o := daemon.BrowserOptions(c, nil)
	o = browser.Options{Path: o.Path, Flags: map[string]any{"no-sandbox": o.Unsandboxed()}}
	sf := &capture.Reading.Storefront
	_, opened, err := all.Markets().Open(tracker.Storefront{Name: sf.Name, URL: sf.URL, Marketplace: sf.Marketplace, Options: sf.Options})
	if err == nil && opened.Transport() == market.InTab {
		err = o.Check()
	}
	return o, err
}

// tellReplayed prints what a capture says for people.
func (a *app) tellReplayed(c *archive.Capture, r *scan.Replayed) {
	say := func(format string, args ...any) { fmt.Fprintln(a.out, term.Plain(fmt.Sprintf(format, args...))) }
	was := &c.Reading
	say("%s (%s), captured %s by %s", was.Storefront.Name, was.Storefront.URL, was.Began.Format("2006-01-02 15:04:05 UTC"), was.Software)
	if r.Verdict != "" {
		say("verdict: %s, %s", r.Verdict, evidenceLine(&tracker.Scan{Evidence: r.Evidence}))
		if r.Reason != "" {
			say("  %s", r.Reason)
		}
		for i := range r.Products {
			p := &r.Products[i]
			say("  %s  %s  %s", p.ID, p.Price, p.Title)
		}
	}
	for _, it := range r.Items {
		say("item page of %s: %s (%s)", it.Product, it.State, it.Reason)
	}
	for _, note := range was.Left {
		say("the capture lacks something: %s", note)
	}
	for _, address := range r.Missed {
		say("a page asked for what is not in the capture: %s", address)
	}
	differ := r.Differences(scan.Recorded(c))
	if len(differ) == 0 {
		say("This is what was read when it was captured.")
	}
	for _, d := range differ {
		say("otherwise than when it was captured: %s", d)
	}
}

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path"
	"strings"
	"sync"
	"time"

	"shopwatch/cmd/shopwatch/config"
	"shopwatch/cmd/shopwatch/daemon"
	"shopwatch/cmd/shopwatch/term"
	"shopwatch/tracker"
	"shopwatch/tracker/api"
)

// A scanCommand scans now.
type scanCommand struct {
	Names   []tracker.StorefrontName `arg:"" optional:"" name:"name" complete:"storefront" help:"Storefronts; all when none is named."`
	DryRun  bool                     `help:"Show what the scan would change; keep and report nothing."`
	Capture string                   `placeholder:"FILE" complete:"file" help:"Write all that is read of one storefront into a new file (.wacz)."`
}

// Help tells of the exit status.
func (scanCommand) Help() string {
	return `Exit status: 0 when all scans were complete, whether anything changed or not; 2 when some scan was not; 1 for an error of use, configuration or database.

Examples:
  shopwatch scan
  shopwatch scan tencent --dry-run
  shopwatch scan tencent --capture tencent.wacz
  shopwatch scan --json | jq .verdict`
}

func (s *scanCommand) Run(ctx context.Context, a *app) error {
	c, err := a.load()
	if err != nil {
		return err
	}
	for _, name := range s.Names {
		if c.Storefront(name) == nil {
			return fmt.Errorf("there is no storefront %q in %s; there are %s", name, a.file, term.List(c.Names()))
		}
	}
	if s.Capture != "" {
		if len(s.Names) != 1 {
			return errors.New("--capture FILE.wacz is for one storefront: name it")
		}
		if !strings.EqualFold(path.Ext(s.Capture), ".wacz") {
			return fmt.Errorf("%s: name a file that ends in .wacz", s.Capture)
		}
		if err := isNew(s.Capture); err != nil {
			return err
		}
	}
	if client := a.daemon(ctx, c); client != nil {
		defer client.Close()
		return s.with(ctx, a, c, client)
	}
	return s.alone(ctx, a, c)
}

// alone scans without a daemon, and sends the reports.
func (s *scanCommand) alone(ctx context.Context, a *app, c *config.Config) (err error) {
	if err := daemon.MayStartChrome(c); err != nil {
		return err
	}
	store, err := a.openToWork(ctx, c)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	service := a.service(a.logger(slog.LevelError))
	service.Reads, service.Alone = s.DryRun, true
	sv, err := daemon.New(ctx, c, store, daemon.OnDemand, service)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, sv.Close()) }()
	o := daemon.APIOptions(c, store, version)
	o.Daemon = sv
	watching, cancel := context.WithCancel(ctx)
	var wg sync.WaitGroup
	wg.Go(func() { err = errors.Join(err, sv.Watch(watching)) })
	scanned := s.with(ctx, a, c, api.Local(api.New(o, slog.New(slog.DiscardHandler))))
	cancel()
	wg.Wait()
	if !s.DryRun && ctx.Err() == nil {
		if late := sv.Flush(ctx); late != nil {
			fmt.Fprintf(a.err, "shopwatch: a report could not be sent yet; the next scan or shopwatch run tries again: %s\n", oneLine(late))
		}
	}
	return errors.Join(err, scanned)
}

// with has a server scan, and tells what comes of it.
func (s *scanCommand) with(ctx context.Context, a *app, c *config.Config, client *api.Client) error {
	p := term.Progress{Out: a.err, Notes: a.json, Pace: time.Duration(c.Browser.Pace.Min+c.Browser.Pace.Max)/2 + time.Second}
	var failed error
	incomplete := false
	err := client.Scan(ctx, s.Names, api.HowToScan{DryRun: s.DryRun, Capture: s.Capture != ""}, p.Show, func(r *api.Result, err error) {
		p.Clear()
		switch {
		case err != nil:
			failed = errors.Join(failed, err)
			return
		case r.Scan.Verdict != tracker.Complete:
			incomplete = true
		}
		failed = errors.Join(failed, s.writeCapture(ctx, a, client, &r.Scan))
		if a.json {
			failed = errors.Join(failed, a.print(r))
			return
		}
		a.tellResult(c, r, s.DryRun)
	})
	p.Clear()
	switch {
	case err != nil || failed != nil:
		return errors.Join(err, failed)
	case incomplete:
		return errIncomplete
	}
	return nil
}

// writeCapture writes what was captured of a scan, where that was asked for.
func (s *scanCommand) writeCapture(ctx context.Context, a *app, client *api.Client, scan *tracker.Scan) error {
	switch {
	case s.Capture == "":
		return nil
	case scan.Evidence.Capture == "":
		return fmt.Errorf("%s was not written: nothing was captured (retention.captures must not be 0)", s.Capture)
	}
	var file bytes.Buffer
	if err := client.Evidence(ctx, "/evidence/"+scan.Evidence.Capture, &file); err != nil {
		return err
	}
	if err := writeNew(s.Capture, file.Bytes()); err != nil {
		return err
	}
	if !a.json {
		fmt.Fprintf(a.err, "%s: %d KiB\n", s.Capture, (file.Len()+1023)/1024)
	}
	return nil
}

// tellResult prints a scan with its changes for people.
func (a *app) tellResult(c *config.Config, r *api.Result, dry bool) {
	colour := term.Yellow
	if r.Scan.Verdict == tracker.Complete {
		colour = term.Green
	}
	fmt.Fprintf(a.out, "%s: %s, %s, %s\n", r.Scan.Storefront, term.Paint(a.out, colour, string(r.Scan.Verdict)),
		evidenceLine(&r.Scan), r.Scan.Took.Round(100*time.Millisecond))
	if r.Scan.Reason != "" {
		fmt.Fprintf(a.out, "  %s\n", term.Plain(r.Scan.Reason))
	}
	if do := whatToDo(c, r.Scan.Storefront, r.Scan.Verdict, r.Scan.Reason); do != "" {
		fmt.Fprintf(a.out, "  %s\n", term.Plain(do))
	}
	for _, w := range r.Scan.Evidence.Warnings {
		fmt.Fprintf(a.out, "  %s\n", term.Paint(a.out, term.Faint, term.Plain(w)))
	}
	if r.Scan.Doubted {
		fmt.Fprintf(a.out, "  it misses so much that another complete scan must agree\n")
	}
	for i := range r.Changes {
		ch := &r.Changes[i]
		colour := map[tracker.Kind]string{tracker.Added: term.Green, tracker.Relisted: term.Green, tracker.Removed: term.Red}[ch.Kind]
		kind := fmt.Sprintf("%-10s", ch.Kind)
		if colour != "" {
			kind = term.Paint(a.out, colour, kind)
		}
		fmt.Fprintf(a.out, "  %s %s\n", kind, describe(ch, c.Timezone.Location))
	}
	switch products := term.Count(r.Scan.Evidence.Products, 0, "product"); {
	case r.Baseline && dry:
		fmt.Fprintf(a.out, "  %s; this would be the baseline, from which changes are news\n", products)
	case r.Baseline:
		fmt.Fprintf(a.out, "  %s; this is the baseline, changes from now on are news\n", products)
	case len(r.Changes) == 0 && r.Scan.Verdict == tracker.Complete:
		fmt.Fprintln(a.out, "  no changes")
	}
}

// evidenceLine says how much of a storefront a scan saw.
func evidenceLine(s *tracker.Scan) string {
	e := &s.Evidence
	if e.Pages == 0 {
		return "nothing read"
	}
	line := fmt.Sprintf("%s, %s", term.Count(e.Pages, e.Declared.Pages, "page"), term.Count(e.Products, e.Declared.Products, "product"))
	if e.Probed > 0 {
		line += ", " + term.Count(e.Probed, 0, "item page")
	}
	return line
}

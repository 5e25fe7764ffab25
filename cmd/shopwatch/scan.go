package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"shopwatch/tracker"
	"shopwatch/tracker/web"
)

// A scanCommand scans now.
type scanCommand struct {
	Names  []tracker.Name `arg:"" optional:"" name:"name" help:"Storefronts; all when none is named."`
	DryRun bool           `help:"Show what the scan would change; keep and report nothing."`
}

// Help tells of the exit status.
func (scanCommand) Help() string {
	return `Exit status: 0 when all scans were complete, whether anything changed or not; 2 when some scan was not; 1 for an error of use, configuration or database.

Examples:
  shopwatch scan
  shopwatch scan tencent --dry-run
  shopwatch scan --json | jq .verdict`
}

func (s *scanCommand) Run(a *app) error {
	c, err := a.load()
	if err != nil {
		return err
	}
	for _, name := range s.Names {
		if c.storefront(name) == nil {
			return fmt.Errorf("there is no storefront %q in %s; there are %s", name, a.file, list(c.names()))
		}
	}
	if client := a.daemon(c); client != nil {
		defer client.Close()
		return s.with(a, c, client)
	}
	return s.alone(a, c)
}

// alone scans without a daemon, and sends the reports.
func (s *scanCommand) alone(a *app, c *Config) (err error) {
	store, err := openStore(c)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	sv, err := newService(a.ctx, c, store, onDemand, a.logger(slog.LevelError))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, sv.close()) }()
	o := webOptions(c, store)
	o.Scan = sv.scan
	ctx, cancel := context.WithCancel(a.ctx)
	var wg sync.WaitGroup
	wg.Go(func() { err = errors.Join(err, sv.watcher.Run(ctx)) })
	scanned := s.with(a, c, web.Local(web.New(o, slog.New(slog.DiscardHandler))))
	cancel()
	wg.Wait()
	if !s.DryRun && a.ctx.Err() == nil {
		if late := sv.notifier.Load().Flush(a.ctx); late != nil {
			fmt.Fprintf(a.err, "shopwatch: a report could not be sent yet; the next scan or shopwatch run tries again: %v\n", late)
		}
	}
	return errors.Join(err, scanned)
}

// with has a server scan, and tells what comes of it.
func (s *scanCommand) with(a *app, c *Config, client *web.Client) error {
	p := progress{app: a, pace: time.Duration(c.Browser.Pace.Min+c.Browser.Pace.Max)/2 + time.Second}
	var failed error
	incomplete := false
	err := client.Scan(a.ctx, s.Names, s.DryRun, p.show, func(r *web.Result, err error) {
		p.clear()
		switch {
		case err != nil:
			failed = errors.Join(failed, err)
			return
		case r.Scan.Verdict != tracker.Complete:
			incomplete = true
		}
		if a.json {
			failed = errors.Join(failed, a.print(r))
			return
		}
		a.tellResult(c, r)
	})
	p.clear()
	switch {
	case err != nil || failed != nil:
		return errors.Join(err, failed)
	case incomplete:
		return errIncomplete
	}
	return nil
}

// tellResult prints a scan with its changes for people.
func (a *app) tellResult(c *Config, r *web.Result) {
	colour := yellow
	if r.Scan.Verdict == tracker.Complete {
		colour = green
	}
	fmt.Fprintf(a.out, "%s: %s, %s, %s\n", r.Scan.Storefront, paint(a.out, colour, string(r.Scan.Verdict)),
		evidenceLine(&r.Scan), r.Scan.Took.Round(100*time.Millisecond))
	if r.Scan.Reason != "" {
		fmt.Fprintf(a.out, "  %s\n", plain(r.Scan.Reason))
	}
	for _, w := range r.Scan.Evidence.Warnings {
		fmt.Fprintf(a.out, "  %s\n", paint(a.out, faint, plain(w)))
	}
	if r.Scan.Doubted {
		fmt.Fprintf(a.out, "  it misses so much that another complete scan must agree\n")
	}
	for i := range r.Changes {
		ch := &r.Changes[i]
		colour := map[tracker.Kind]string{tracker.Added: green, tracker.Relisted: green, tracker.Removed: red}[ch.Kind]
		kind := fmt.Sprintf("%-10s", ch.Kind)
		if colour != "" {
			kind = paint(a.out, colour, kind)
		}
		fmt.Fprintf(a.out, "  %s %s\n", kind, describe(ch))
	}
	if len(r.Changes) == 0 && r.Scan.Verdict == tracker.Complete {
		fmt.Fprintln(a.out, "  no changes")
	}
}

// evidenceLine says how much of a storefront a scan saw.
func evidenceLine(s *tracker.Scan) string {
	e := &s.Evidence
	if e.Pages == 0 {
		return "nothing read"
	}
	line := fmt.Sprintf("%s, %s", of(e.Pages, e.Declared.Pages, "page"), of(e.Products, e.Declared.Products, "product"))
	if e.Probed > 0 {
		line += ", " + of(e.Probed, 0, "item page")
	}
	return line
}

// of counts things, of as many as are declared.
func of(n, declared int, thing string) string {
	s := fmt.Sprint(n)
	if declared > 0 {
		s += fmt.Sprint(" of ", declared)
	}
	if max(n, declared) != 1 {
		thing += "s"
	}
	return s + " " + thing
}

// plainly is how often progress is told where there is no terminal.
const plainly = 30 * time.Second

// A progress shows how far scans have come, in one line of a terminal. Where
// there is none, long scans print plain lines now and then.
type progress struct {
	*app
	shown bool
	// pace is how long a page is expected to take. It counts as one that did.
	pace  time.Duration
	of    tracker.Name // the storefront that is scanned
	began time.Time    // when its first page was read
	read  int          // pages that were read then
	told  time.Time    // when a plain line was printed last
}

func (p *progress) show(s tracker.Progress) {
	columns := terminal(p.err)
	if s.Note != "" {
		p.clear()
		fmt.Fprintf(p.err, "%s: %s\n", s.Storefront, plain(s.Note))
	}
	if p.json {
		return
	}
	now := time.Now()
	line := p.line(s, now)
	if columns == 0 {
		if p.told.IsZero() {
			p.told = now
		}
		if now.Sub(p.told) >= plainly {
			p.told = now
			fmt.Fprintln(p.err, line)
		}
		return
	}
	fmt.Fprintf(p.err, "\r\x1b[K%s", width.Truncate(line, columns-1, "…"))
	p.shown = true
}

// line says how far a scan has come, and how long it takes by the pace of its
// pages so far.
func (p *progress) line(s tracker.Progress, now time.Time) string {
	if s.Pages == 0 {
		return string(s.Storefront) + ": opening"
	}
	if p.of != s.Storefront || s.Pages == 1 {
		p.of, p.began, p.read = s.Storefront, now, s.Pages
	}
	line := fmt.Sprintf("%s: %s, %s", s.Storefront, of(s.Pages, s.Declared.Pages, "page"), of(s.Products, s.Declared.Products, "product"))
	if s.Probed > 0 {
		return line + ", " + of(s.Probed, 0, "item page")
	}
	each := (p.pace + now.Sub(p.began)) / time.Duration(1+s.Pages-p.read)
	pages := s.Declared.Pages
	if pages == 0 && s.Products > 0 { // a shelf without pages says how much is on it
		pages = (s.Declared.Products*s.Pages + s.Products - 1) / s.Products
	}
	if left := time.Duration(pages-s.Pages) * each; left > 0 {
		line += ", about " + roughly(left) + " left"
	}
	return line
}

// roughly is a duration as people say it.
func roughly(d time.Duration) string {
	switch {
	case d < 10*time.Second:
		return fmt.Sprintf("%ds", max(1, int(d.Round(time.Second).Seconds())))
	case d < 2*time.Minute:
		return fmt.Sprintf("%ds", int(d.Round(5*time.Second).Seconds()))
	case d < 2*time.Hour:
		return fmt.Sprintf("%d min", int(d.Round(time.Minute).Minutes()))
	}
	return fmt.Sprintf("%d h", int(d.Round(time.Hour).Hours()))
}

func (p *progress) clear() {
	if p.shown {
		fmt.Fprint(p.err, "\r\x1b[K")
		p.shown = false
	}
}

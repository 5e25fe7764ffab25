package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"shopwatch/cmd/shopwatch/config"
	"shopwatch/cmd/shopwatch/daemon"
	"shopwatch/cmd/shopwatch/term"
	"shopwatch/fixtures"
	"shopwatch/storage"
	"shopwatch/tracker"
	"shopwatch/tracker/api"
	"shopwatch/tracker/report"
)

// A demoCommand shows the whole loop on a simulated mall.
type demoCommand struct {
	Dir  string        `default:"demo" placeholder:"DIR" complete:"file" help:"Where a folder for this run is made (${default})."`
	Day  time.Duration `default:"2500ms" help:"How long a day takes at least (${default})."`
	Keep bool          `help:"Run on after the story, until interrupted. On a terminal the dashboard stays up anyway."`
}

// Help tells the story.
func (demoCommand) Help() string {
	return `Opens a simulated mall on this machine with the storefront that shopwatch began with: Tencent's flagship store with a glucometer, a wifi dongle, a chat robot, children's speakers, a projector and a remote-control pen. A real Chrome reads it, a real database keeps it, a real mail server takes the reports; days take seconds. Nothing leaves this machine.

Example:
  shopwatch demo --dir /tmp/demo`
}

// A demo is one showing.
type demo struct {
	*app
	dir     string // of this run
	service *daemon.Service
	store   storage.Store
	mall    *fixtures.Mall
	smtp    *fixtures.SMTP
	told    map[tracker.Kind]int
	before  uint64 // the last change of the made-up year
	mails   int
	wrong   []string // days on which something else was found than happened
}

// Run opens the mall, shows the story and ends with a summary.
func (c *demoCommand) Run(ctx context.Context, a *app) (err error) {
	mall, err := fixtures.NewMall()
	if err != nil {
		return fmt.Errorf("open the mall: %w", err)
	}
	defer mall.Close()
	smtp, err := fixtures.NewSMTP(fixtures.SMTPOptions{})
	if err != nil {
		return fmt.Errorf("open the mail server: %w", err)
	}
	defer smtp.Close()
	d := &demo{app: a, mall: mall, smtp: smtp, told: make(map[tracker.Kind]int)}
	if d.dir, err = filepath.Abs(filepath.Join(c.Dir, time.Now().Format("2006-01-02_150405"))); err != nil {
		return err
	}
	shop, steps := fixtures.Story(mall)
	conf, err := d.writeConfig(shop)
	if err != nil {
		return err
	}
	store, err := d.openStore(ctx, conf)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	d.store = store
	if err := d.madeUpYear(ctx, conf); err != nil {
		return err
	}
	o := a.service(slog.New(slog.DiscardHandler))
	o.Timing.PageRetry = 200 * time.Millisecond
	d.service, err = daemon.New(ctx, conf, store, daemon.OnDemand, o)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.service.Close()) }()
	// A Chrome that does not start is no story.
	if err := d.service.StartChrome(ctx); err != nil {
		return err
	}

	address, token, dashboard, err := d.service.Dashboard(conf)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	var wg sync.WaitGroup
	var served error
	defer func() { err = errors.Join(err, served) }()
	defer wg.Wait()
	defer cancel()
	wg.Go(func() { err = errors.Join(err, d.service.Run(ctx)) })
	wg.Go(func() { served = dashboard(ctx) })
	d.say("open", address+"  (a year of made-up history is there already)")
	d.say("sign in", token+"  (to scan, dispute and try again from a page)")
	d.say("", "A simulated Tmall on this machine, a real Chrome, a real database, a real mail server.")
	d.say("", "Every report mail is kept in "+d.path("mails"))
	if os.Geteuid() == 0 {
		d.say("", "Chrome runs without its sandbox, because you are root; it visits nothing but the simulated Tmall.")
	}
	for i, step := range steps {
		if err := d.day(ctx, i+1, step, c.Day); err != nil {
			return err
		}
	}
	d.summary(len(steps))
	if c.Keep || term.Columns(a.out) > 0 {
		d.say("open", address+"  (until you interrupt the demo: Ctrl-C)")
	}
	if !c.Keep && term.Columns(a.out) > 0 {
		<-ctx.Done()
	}
	for n := len(steps) + 1; c.Keep && ctx.Err() == nil; n++ {
		if err := d.day(ctx, n, d.anyDay(shop, n), c.Day); err != nil && ctx.Err() == nil {
			return err
		}
	}
	if len(d.wrong) > 0 {
		return fmt.Errorf("the demo found something else than happened: %s", strings.Join(d.wrong, "; "))
	}
	return nil
}

// madeUpYear fills the database with a year of a storefront that does not exist,
// so that a newcomer sees full charts at once. The channel joins behind it: no
// mail tells of it.
func (d *demo) madeUpYear(ctx context.Context, c *config.Config) error {
	for _, s := range fixtures.History(time.Now().Add(-time.Minute)) {
		changes, err := d.store.Commit(ctx, s, c.RulesFor(s.Storefront))
		if err != nil {
			return fmt.Errorf("write the made-up year: %w", err)
		}
		if len(changes) > 0 {
			d.before = changes[len(changes)-1].Seq
		}
	}
	return nil
}

// writeConfig writes a configuration like a user's, so that the other commands
// can be tried on what the demo leaves, and reads it.
func (d *demo) writeConfig(shop *fixtures.Storefront) (*config.Config, error) {
	if err := os.MkdirAll(d.path("mails"), 0o755); err != nil {
		return nil, fmt.Errorf("make the folder of the demo: %w", err)
	}
	var b strings.Builder
	b.WriteString("# Written by shopwatch demo. The mall and the mail server that it names are gone\n# when the demo ends; what it saw stays: try changes, products tencent, scans.\n")
	b.WriteString("data: ./data\nlisten: 127.0.0.1:0\nbrowser:\n  pace: 0s\n  flags:\n")
	for name, value := range d.mall.Flags() {
		if text, ok := value.(string); ok {
			value = strconv.Quote(text)
		}
		fmt.Fprintf(&b, "    %s: %v\n", name, value)
	}
	fmt.Fprintf(&b, "storefronts:\n  - name: tencent\n    title: Tencent flagship\n    url: %s\n    schedule: \"@daily\"\n", shop.URL())
	fmt.Fprintf(&b, "  - name: %s\n    title: \"A made-up year · 虚构的一年\" # it does not exist: nothing scans it\n    url: https://made-up-year.tmall.com/\n    watch: [投影仪]\n", fixtures.MadeUp)
	fmt.Fprintf(&b, "channels:\n  - name: you\n    kind: email\n    server: smtp://%s\n    plaintext: true\n    from: shopwatch@example.com\n    to: [you@example.com]\n", d.smtp.Addr())
	file := d.path("shopwatch.yaml")
	if err := os.WriteFile(file, []byte(b.String()), 0o600); err != nil {
		return nil, fmt.Errorf("write the configuration of the demo: %w", err)
	}
	return config.Load(file)
}

func (d *demo) path(name string) string { return filepath.Join(d.dir, name) }

// day lets a day's events happen, scans the storefront and shows what came of
// it, mail included.
func (d *demo) day(ctx context.Context, n int, step fixtures.Step, least time.Duration) error {
	dawn := time.Now()
	fmt.Fprintf(d.out, "\n%s  %s\n", term.Paint(d.out, bold, "Day "+strconv.Itoa(n)), step.Says)
	step.Happen()
	scan, changes, err := d.service.Scan(ctx, "tencent", api.HowToScan{}, nil)
	if err != nil {
		return err
	}
	colour := term.Yellow
	if scan.Verdict == tracker.Complete {
		colour = term.Green
	}
	d.say("scan", fmt.Sprintf("%s, %s, %s", term.Paint(d.out, colour, string(scan.Verdict)), evidenceLine(scan), scan.Took.Round(10*time.Millisecond)))
	if scan.Reason != "" {
		d.say("", term.Plain(scan.Reason))
	}
	for i := range changes {
		ch := &changes[i]
		d.told[ch.Kind]++
		d.say(string(ch.Kind), describe(ch, config.Default().Timezone.Location))
		if ch.Probe != nil {
			d.say("", "proof: "+term.Plain(ch.Probe.Reason))
		}
	}
	switch {
	case n == 1 && scan.Verdict == tracker.Complete:
		d.say("", "the first complete scan is the baseline: from now on changes are news")
	case len(changes) == 0 && scan.Verdict == tracker.Complete:
		d.say("", "no changes, no mail")
	case len(changes) == 0:
		d.say("", "it proves nothing, so nothing is told")
	default:
		if err := d.mail(ctx); err != nil {
			return err
		}
	}
	d.compare(n, step, scan, changes)
	t := time.NewTimer(time.Until(dawn.Add(least)))
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
	return nil
}

// mail waits for the report of the day and keeps it.
func (d *demo) mail(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	m, err := d.smtp.Wait(ctx)
	if err != nil {
		return fmt.Errorf("wait for the report: %w", err)
	}
	reports, err := d.store.Reports(ctx, storage.ReportQuery{Channel: "you", Limit: 1, Newest: true})
	if err != nil || len(reports) == 0 {
		return errors.Join(errors.New("the mail came, but no report is kept"), err)
	}
	story, err := d.service.Story(ctx, &reports[0])
	if err != nil {
		return err
	}
	words := report.New(*story)
	page, err := words.Page(ctx)
	if err != nil {
		return err
	}
	d.mails++
	name := d.path(fmt.Sprintf("mails/%02d", d.mails))
	for ext, content := range map[string][]byte{".eml": m.Raw, ".html": []byte(page)} {
		if err := os.WriteFile(name+ext, content, 0o644); err != nil {
			return fmt.Errorf("keep the mail: %w", err)
		}
	}
	d.say("mail", fmt.Sprintf("%s  (mails/%02d.html)", words.Subject(), d.mails))
	return nil
}

// compare notes a day on which something else was found than happened.
func (d *demo) compare(n int, step fixtures.Step, scan *tracker.Scan, changes []tracker.Change) {
	var got []string
	for _, ch := range changes {
		w := string(ch.Kind)
		if ch.Product != nil {
			w += " " + string(ch.Product.ID)
		}
		got = append(got, w)
	}
	want := slices.Clone(step.Changes)
	slices.Sort(got)
	slices.Sort(want)
	if string(scan.Verdict) != step.Verdict || !slices.Equal(got, want) {
		d.wrong = append(d.wrong, fmt.Sprintf("day %d: %s %v instead of %s %v", n, scan.Verdict, got, step.Verdict, want))
	}
}

// anyDay is a day after the story: prices go up and down.
func (d *demo) anyDay(shop *fixtures.Storefront, n int) fixtures.Step {
	price := strconv.Itoa(1399+(n+1)%3*100) + ".00" // the story ends on day 10 with 1599
	shop.Update(fixtures.Projector, func(p *fixtures.Product) { p.Price = price })
	return fixtures.Step{
		Says: "the projector costs " + price, Verdict: string(tracker.Complete),
		Changes: []string{string(tracker.Repriced) + " " + fixtures.Projector},
	}
}

// summary says what was shown and where to look.
func (d *demo) summary(days int) {
	var told []string
	for _, k := range tracker.Kinds {
		if n := d.told[k]; n > 0 {
			told = append(told, fmt.Sprintf("%d %s", n, k))
		}
	}
	fmt.Fprintf(d.out, "\n%s  %d days, %d mails: %s.\n", term.Paint(d.out, bold, "That was it."), days, d.mails, strings.Join(told, ", "))
	d.say("", "The login wall and the list that broke off removed nothing: only a complete scan may,")
	d.say("", "and then the product's own page is asked for proof.")
	d.say("look", filepath.Join(d.dir, "mails", "*.html"))
	d.say("try", fmt.Sprintf("%s -c %s changes", os.Args[0], d.path("shopwatch.yaml")))
	d.say("", fmt.Sprintf("%s -c %s why %d", os.Args[0], d.path("shopwatch.yaml"), d.before+3))
}

// say prints a line under a day: what it is about, and the line.
func (d *demo) say(about, line string) {
	colour := map[string]string{"added": term.Green, "relisted": term.Green, "removed": term.Red, "mail": blue}[about]
	word := fmt.Sprintf("%-10s", about)
	if colour != "" {
		word = term.Paint(d.out, colour, word)
	}
	fmt.Fprintf(d.out, "  %s %s\n", word, line)
}

const (
	bold = "1"
	blue = "34"
)

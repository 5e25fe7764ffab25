package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"shopwatch/cmd/shopwatch/config"
	"shopwatch/cmd/shopwatch/daemon"
	"shopwatch/cmd/shopwatch/term"
	"shopwatch/tracker"
	"shopwatch/tracker/api"
)

// A mailCommand is about reports: how they look and whether they arrive.
type mailCommand struct {
	Preview previewCommand `cmd:"" help:"Write the next report as .eml, .html, .txt or .csv, without sending it."`
	Test    testCommand    `cmd:"" help:"Send a sample to the recipients of a channel."`
	Outbox  outboxCommand  `cmd:"" help:"Reports that wait to be sent or were refused, and why."`
	Retry   retryCommand   `cmd:"" help:"Try what waits again now."`

	Unsubscribed unsubscribedCommand `cmd:"" help:"Recipients that unsubscribed."`
}

// A channelName picks one of the configured channels.
type channelName struct {
	Channel string `placeholder:"NAME" complete:"channel" help:"The channel; may be left out where there is one."`
}

// chosen returns the channel that is meant.
func (n channelName) chosen(c *config.Config) (string, error) {
	var names []string
	for i := range c.Channels {
		names = append(names, c.Channels[i].Name)
	}
	switch {
	case n.Channel != "":
		return n.Channel, nil
	case len(names) == 0:
		return "", errors.New("there are no channels in the configuration; add one, such as kind: email")
	case len(names) > 1:
		return "", fmt.Errorf("say which with --channel: %s", strings.Join(names, ", "))
	}
	return names[0], nil
}

// A previewCommand shows a report.
type previewCommand struct {
	channelName
	File string `arg:"" optional:"" complete:"file" help:"Where to; its ending says which form, and a file that is there is not replaced. The text is printed when left out."`
	Seq  Seq    `help:"The report that told of this change, instead of what comes next." placeholder:"SEQ" xor:"which"`
	Last bool   `help:"The last report that was made, instead of what comes next." xor:"which"`
}

// Help gives examples.
func (previewCommand) Help() string {
	return `Nothing is sent. Before the first change it is a sample.

Examples:
  shopwatch mail preview
  shopwatch mail preview report.html
  shopwatch mail preview --seq 7 change.eml`
}

// Run writes or prints the report.
func (p *previewCommand) Run(ctx context.Context, a *app) error {
	return a.askService(ctx, reads, func(c *config.Config, client *api.Client) error {
		channel, err := p.chosen(c)
		if err != nil {
			return err
		}
		got, err := client.Preview(ctx, channel, uint64(p.Seq), p.Last)
		if err != nil {
			return err
		}
		if p.File == "" && a.json {
			return a.print(got)
		}
		if p.File == "" {
			fmt.Fprintf(a.out, "%s\n\n%s\n\n%s", got.What, got.Subject, got.Text)
			return nil
		}
		var content []byte
		switch ending := strings.ToLower(filepath.Ext(p.File)); {
		case ending == ".eml" && got.EML == nil:
			return fmt.Errorf("the channel %s sends no mail; write to a file that ends in .html or .txt", channel)
		case ending == ".eml":
			content = got.EML
		case ending == ".html":
			content = []byte(got.Page)
		case ending == ".txt":
			content = []byte(got.Subject + "\n\n" + got.Text)
		case ending == ".csv":
			content = got.CSV
		default:
			return fmt.Errorf("%s: name a file that ends in .eml, .html, .txt or .csv", p.File)
		}
		if err := writeNew(p.File, content); err != nil {
			return fmt.Errorf("write the preview: %w", err)
		}
		if a.json {
			return a.print(map[string]string{"file": p.File, "what": got.What})
		}
		fmt.Fprintf(a.out, "%s: %s\n", p.File, got.What)
		return nil
	})
}

// A testCommand sends a sample.
type testCommand struct{ channelName }

// Help gives examples.
func (testCommand) Help() string {
	return `Examples:
  shopwatch mail test
  shopwatch mail test --channel analysts`
}

// Run sends it and says what became of it.
func (t *testCommand) Run(ctx context.Context, a *app) error {
	return a.askService(ctx, sends, func(c *config.Config, client *api.Client) error {
		channel, err := t.chosen(c)
		if err != nil {
			return err
		}
		answer, err := client.Test(ctx, channel)
		if err != nil {
			return fmt.Errorf("not sent: %w", err)
		}
		if a.json {
			return a.print(api.Tested{Answer: answer})
		}
		fmt.Fprintf(a.out, "a sample was sent through %s: %s\n", channel, term.Plain(answer))
		return nil
	})
}

// An outboxCommand shows what waits and what did not get through.
type outboxCommand struct {
	All   bool  `help:"Also reports that were delivered."`
	Limit Limit `short:"n" placeholder:"N" help:"The newest N reports, also those that were delivered; 100 with --all alone, at most 1000."`
}

// Help gives examples.
func (outboxCommand) Help() string {
	return `Examples:
  shopwatch mail outbox
  shopwatch mail outbox --all
  shopwatch mail outbox -n 20`
}

// Run prints a line per delivery, and below it what the receiving side said.
func (o *outboxCommand) Run(ctx context.Context, a *app) error {
	if o.Limit > 1000 {
		return errors.New("--limit: 1000 at most")
	}
	return a.ask(ctx, func(c *config.Config, client *api.Client) error {
		everything := o.All || o.Limit > 0
		var reports []tracker.Report
		var err error
		if everything {
			reports, err = client.Reports(ctx, "", int(cmp.Or(o.Limit, 100)))
		} else {
			reports, err = outbox(ctx, client)
		}
		if err != nil {
			return err
		}
		t := term.Table{Right: map[int]bool{0: true, 5: true}, Spare: []int{1, 5}, Short: []int{3, 2}}
		t.Row("REPORT", "MADE", "CHANNEL", "TO", "STATE", "TRIES", "NEXT")
		for i := range reports {
			r := &reports[i]
			if a.json {
				if err := a.print(r); err != nil {
					return err
				}
				continue
			}
			for _, l := range r.Deliveries {
				if !everything && l.State != tracker.Waiting && l.State != tracker.Dead {
					continue
				}
				next := term.Time(l.Next, c.Timezone.Location)
				switch {
				case l.State != tracker.Waiting:
				case c.Channel(r.Channel) == nil:
					next, l.Answer = "never", "the channel is not in the configuration: put it back to send this"
				case l.Next.IsZero():
					next = "now"
				}
				t.Row(strconv.FormatUint(r.ID, 10), term.Time(r.Created, c.Timezone.Location), r.Channel, l.To, string(l.State), strconv.Itoa(l.Attempts), next)
				t.Note(l.Answer)
			}
		}
		if a.json {
			return nil
		}
		if t.Empty() {
			fmt.Fprintln(a.out, map[bool]string{
				true:  "no report was made yet",
				false: "nothing waits, and nothing was refused in the last 30 days",
			}[everything])
			return nil
		}
		return t.Print(a.out)
	})
}

// outbox are the reports with deliveries that wait, were refused or given up.
func outbox(ctx context.Context, client *api.Client) ([]tracker.Report, error) {
	reports, err := client.Dead(ctx)
	if err != nil {
		return nil, err
	}
	waiting, err := client.Undelivered(ctx)
	for i := range waiting {
		if !slices.ContainsFunc(reports, func(r tracker.Report) bool { return r.ID == waiting[i].ID }) {
			reports = append(reports, waiting[i])
		}
	}
	slices.SortFunc(reports, func(a, b tracker.Report) int { return cmp.Compare(a.ID, b.ID) })
	return reports, err
}

// A retryCommand tries again.
type retryCommand struct {
	Report uint64 `arg:"" optional:"" help:"Only this report, with its deliveries that were given up; all that wait when left out."`
}

// Help gives examples.
func (retryCommand) Help() string {
	return `Examples:
  shopwatch mail retry
  shopwatch mail retry 7`
}

// Run makes the deliveries due; the daemon, or this process, sends them.
func (r *retryCommand) Run(ctx context.Context, a *app) error {
	return a.askService(ctx, flushes, func(c *config.Config, client *api.Client) error {
		n, err := client.Retry(ctx, r.Report)
		if err != nil {
			return err
		}
		if a.json {
			return a.print(api.Retried{Deliveries: n})
		}
		fmt.Fprintf(a.out, "%s tried again\n", term.Count(n, 0, "delivery"))
		return nil
	})
}

// An unsubscribedCommand shows who wants no more mails.
type unsubscribedCommand struct {
	Channel string `placeholder:"NAME" complete:"channel" help:"Of this channel only."`
}

// Help gives examples.
func (unsubscribedCommand) Help() string {
	return `They get nothing more, though they may still be in the configuration. Only the
undo of the page to which the link in their mails leads brings them back.

Examples:
  shopwatch mail unsubscribed
  shopwatch mail unsubscribed --channel analysts`
}

// Run prints a line per recipient.
func (u *unsubscribedCommand) Run(ctx context.Context, a *app) error {
	return a.ask(ctx, func(_ *config.Config, client *api.Client) error {
		list, err := client.Unsubscribed(ctx, u.Channel)
		if err != nil {
			return err
		}
		var t term.Table
		t.Row("CHANNEL", "RECIPIENT")
		for _, r := range list {
			if a.json {
				if err := a.print(r); err != nil {
					return err
				}
				continue
			}
			t.Row(r.Channel, r.To)
		}
		switch {
		case a.json:
			return nil
		case t.Empty():
			fmt.Fprintln(a.out, "nobody unsubscribed")
			return nil
		}
		return t.Print(a.out)
	})
}

// What a command does with the channels when no daemon does it.
type channelUse int

const (
	reads   channelUse = iota // needs no passwords
	sends                     // what f asks for
	flushes                   // also what is due
)

// askService is ask for what needs the channels.
func (a *app) askService(ctx context.Context, use channelUse, f func(*config.Config, *api.Client) error) (err error) {
	c, err := a.load()
	if err != nil {
		return err
	}
	if client := a.daemon(ctx, c); client != nil {
		defer client.Close()
		return f(c, client)
	}
	open := a.openStore
	if use == flushes {
		open = a.openToWork
	}
	store, err := open(ctx, c)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	log := a.logger(slog.LevelError + 1)
	options := a.service(log)
	options.Reads, options.Alone = use == reads, true
	s, err := daemon.New(ctx, c, store, daemon.OnDemand, options)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	o := daemon.APIOptions(c, store, version)
	o.Daemon = s
	if err := f(c, api.Local(api.New(o, log))); err != nil || use != flushes {
		return err
	}
	err = s.Flush(ctx)
	if ctx.Err() != nil {
		return errors.New("interrupted; what was not sent waits, and is sent by shopwatch run or the next shopwatch mail retry")
	}
	return err
}

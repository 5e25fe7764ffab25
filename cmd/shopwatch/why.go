package main

import (
	"context"
	"fmt"
	"io"
	"path"
	"path/filepath"
	"strings"
	"time"

	"shopwatch/cmd/shopwatch/config"
	"shopwatch/cmd/shopwatch/term"
	"shopwatch/tracker"
	"shopwatch/tracker/api"
)

// A whyCommand tells the story of a change.
type whyCommand struct {
	Seq Seq `arg:"" help:"The number of the change, as shopwatch changes prints it."`
}

// Help gives an example.
func (whyCommand) Help() string {
	return `Example:
  shopwatch why 7`
}

// Run prints the story.
func (w *whyCommand) Run(ctx context.Context, a *app) error {
	return a.ask(ctx, func(c *config.Config, client *api.Client) error {
		st, err := client.Why(ctx, uint64(w.Seq))
		if err != nil {
			return err
		}
		if a.json {
			return a.print(&st)
		}
		tellStory(a.out, &st, c.Timezone.Location, true, evidencePlace(c))
		return nil
	})
}

// tellStory prints the story for people, with or without whom reports told of
// it. place says where they find a file of evidence.
func tellStory(out io.Writer, st *api.Story, loc *time.Location, reports bool, place func(name string) string) {
	c := &st.Change
	say := func(label, format string, args ...any) {
		text := term.Plain(fmt.Sprintf(format, args...))
		if columns := term.Columns(out); columns > 40 {
			text = strings.Join(term.Wrap(text, columns-10), "\n"+strings.Repeat(" ", 10))
		}
		fmt.Fprintf(out, "%-9s %s\n", label, text)
	}
	fmt.Fprintf(out, "change %d: %s %s\n\n", c.Seq, c.Kind, describe(c, loc))
	say("what", "%s, in storefront %s", c.Kind, c.Storefront)
	say("when", "%s", c.At.In(loc).Format("2006-01-02 15:04:05 MST"))
	say("because", "%s", st.Because)
	for i := range st.History {
		if h := &st.History[i]; h.Corrects == c.Seq {
			say("but", "a person found it wrong: %s (change %d)", h.Reason, h.Seq)
		}
	}
	if p := c.Product; p != nil {
		say("product", "%s %s", p.ID, p.Title)
		say("", "%s  %s", price(p.Price), p.URL)
	}
	if b := c.Before; b != nil {
		say("before", "%s  %s", price(b.Price), b.Title)
	}
	if s := c.SameAs; s != nil {
		say("same as", "probably product %s, removed before (%.0f %% sure)", s.ID, 100*s.Confidence)
	}
	if p := c.Probe; p != nil {
		say("its page", "opened %s: %s", p.At.In(loc).Format("2006-01-02 15:04:05"), pageWords[p.State])
		if p.Reason != "" {
			say("", "%s", p.Reason)
		}
		say("", "%s", p.URL)
	}
	if st.Scan != nil {
		say("scan", "%s", scanLine(st.Scan, loc))
	}
	for i := range st.Before {
		label := ""
		if i == 0 {
			label = "before it"
		}
		say(label, "%s", scanLine(&st.Before[i], loc))
	}
	for i, e := range st.Evidence {
		label := ""
		switch {
		case path.Ext(e) == ".wacz":
			label = "capture"
		case i == 0:
			label = "pictures"
		}
		say(label, "%s", place(path.Base(e)))
	}
	if reports {
		for i := range st.Reports {
			tellReport(say, &st.Reports[i], i == 0, loc)
		}
		if len(st.Reports) == 0 {
			say("reports", "none told of it")
		}
	}
	if len(st.History) > 1 {
		fmt.Fprintln(out, "\nall changes of this product:")
		for i := range st.History {
			h := &st.History[i]
			fmt.Fprintf(out, "%5d  %s  %-10s %s\n", h.Seq, term.Time(h.At, loc), h.Kind, describe(h, loc))
		}
	}
	if it := st.Product; it != nil {
		fmt.Fprintf(out, "\ntoday: %s\n", state(it, loc))
	}
}

var pageWords = map[tracker.PageState]string{
	tracker.PageGone:     "it says that it does not exist",
	tracker.PageOffshelf: "it says that it is off the shelf",
	tracker.PageSold:     "it still sells the product",
	tracker.PageUnknown:  "it could not be read",
}

func scanLine(s *tracker.Scan, loc *time.Location) string {
	line := fmt.Sprintf("%s  %s, %s", s.Began.In(loc).Format(time.DateTime), s.Verdict, evidenceLine(s))
	if s.Evidence.Duplicates == 0 && s.Verdict == tracker.Complete {
		line += ", no duplicates"
	}
	if s.Reason != "" {
		line += ": " + s.Reason
	}
	return line
}

func tellReport(say func(label, format string, args ...any), r *tracker.Report, first bool, loc *time.Location) {
	for _, l := range r.Deliveries {
		label := ""
		if first {
			label, first = "reports", false
		}
		what := fmt.Sprintf("%d, channel %s, to %s: %s", r.ID, r.Channel, l.To, l.State)
		if !l.Tried.IsZero() {
			what += " " + term.Time(l.Tried, loc)
		}
		if l.State != tracker.Sent && l.Answer != "" {
			what += " (" + l.Answer + ")"
		}
		say(label, "%s", what)
	}
}

// evidencePlace says where people find a file of evidence: beside a database that
// is a file, by the first two letters of its hash, else in the database.
func evidencePlace(c *config.Config) func(name string) string {
	return func(name string) string {
		if c.Database != "" || len(name) < 2 {
			return name
		}
		return filepath.Join(c.Data, "evidence", name[:2], name)
	}
}

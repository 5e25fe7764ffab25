package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"strings"
	"time"

	"shopwatch/storage"
	"shopwatch/tracker"
	"shopwatch/tracker/browser"
	"shopwatch/tracker/web"
)

// A checkCommand looks whether everything that shopwatch needs is there.
type checkCommand struct{}

// Help tells what is not done.
func (checkCommand) Help() string {
	return `Mail servers are greeted and logged in to; nothing is sent, and no marketplace is visited. Exit status: 0 when all is well, 1 otherwise.`
}

// A finding is one line of the check.
type finding struct {
	What string `json:"what"`
	OK   bool   `json:"ok"`
	Text string `json:"text"`
}

// Run prints a line per thing that was looked at.
func (checkCommand) Run(a *app) error {
	c, err := a.load()
	if err != nil {
		return errors.Join(a.found(finding{"configuration", false, err.Error()}), errUnwell)
	}
	all := []finding{{"configuration", true, fmt.Sprintf("%s: %s, %s", a.file, of(len(c.Storefronts), 0, "storefront"), of(len(c.Channels), 0, "channel"))}}
	all = append(all, checkChrome(a.ctx, c), checkData(c), a.checkDatabase(c), checkClock(c))
	all = append(all, a.checkLogins(c)...)
	all = append(all, checkSchedules(c, time.Now())...)
	all = append(all, checkChannels(a.ctx, c)...)
	all = append(all, a.checkOutbox(c)...)
	well := true
	for _, f := range all {
		well = well && f.OK
		if err := a.found(f); err != nil {
			return err
		}
	}
	if !well {
		return errUnwell
	}
	return nil
}

var errUnwell = errors.New("not everything is well, see above")

func (a *app) found(f finding) error {
	if a.json {
		return a.print(f)
	}
	mark := paint(a.out, green, "ok  ")
	if !f.OK {
		mark = paint(a.out, red, "MEND")
	}
	_, err := fmt.Fprintf(a.out, "%s  %-16s %s\n", mark, f.What, plain(f.Text))
	return err
}

// result makes a finding of what was found or of the error.
func result(what, text string, err error) finding {
	if err != nil {
		return finding{what, false, err.Error()}
	}
	return finding{what, true, text}
}

// checkChrome starts Chrome and asks for its version.
func checkChrome(ctx context.Context, c *Config) finding {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	b := browser.New(browser.Options{Path: c.Browser.Path, Flags: c.Browser.Flags, Remote: c.Browser.Remote})
	if c.Browser.Remote != "" {
		tab, err := b.Tab(ctx, browser.TabOptions{})
		if err == nil {
			tab.Close()
		}
		return result("chrome", "one at "+c.Browser.Remote+" answers", errors.Join(err, b.Close()))
	}
	path, version, err := b.Version(ctx)
	err = errors.Join(err, b.Close())
	text := fmt.Sprintf("%s, %s", version, path)
	if !browser.Shell(path) {
		text += "; chromium-headless-shell needs half the memory"
	}
	if os.Geteuid() == 0 {
		text += "; without its sandbox, because shopwatch runs as root: run it as an ordinary user"
	}
	return result("chrome", text, err)
}

// checkLogins tells how old the login to each marketplace is and whether its
// cookies are still there. One that was never made is no fault: some shops show
// their lists to everybody.
func (a *app) checkLogins(c *Config) []finding {
	var all []finding
	for _, m := range c.marketplaces() {
		var b *browser.Browser
		if _, err := os.Stat(c.Browser.Profile); err == nil || c.Browser.Remote != "" {
			b = newBrowser(c, a.logger(slog.LevelError))
		}
		s, err := loginOf(a.ctx, c, m, b)
		if b != nil {
			err = errors.Join(err, b.Close())
		}
		f := result("login", s.String(), err)
		f.OK = f.OK && (s.There || !s.Looked || s.At.IsZero())
		all = append(all, f)
	}
	return all
}

// checkData looks at the data directory and the space that is left there.
func checkData(c *Config) finding {
	st, err := os.Stat(c.Data)
	if errors.Is(err, fs.ErrNotExist) {
		return finding{"data", true, c.Data + " will be made by the first scan"}
	}
	if err != nil {
		return finding{"data", false, err.Error()}
	}
	if st.Mode().Perm()&0o077 != 0 {
		return finding{"data", false, fmt.Sprintf("others can look into %s, which holds a login: chmod 700 %s", c.Data, c.Data)}
	}
	free, err := freeSpace(c.Data)
	if errors.Is(err, errors.ErrUnsupported) {
		return finding{"data", true, c.Data}
	}
	if err == nil && free < 200<<20 {
		err = fmt.Errorf("only %s left on the disk of %s; make room", size(free), c.Data)
	}
	return result("data", fmt.Sprintf("%s, %s free", c.Data, size(free)), err)
}

// checkDatabase verifies the whole file, or asks the daemon that has it.
func (a *app) checkDatabase(c *Config) finding {
	path := databasePath(c)
	if client, err := a.daemon(c); err == nil && client != nil {
		defer client.Close()
		_, err := client.Storefronts(a.ctx)
		return result("database", path+" is in use by the daemon, which answers", err)
	}
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return finding{"database", true, path + " will be made by the first scan"}
	}
	db, err := openDatabase(c)
	if errors.Is(err, storage.ErrLocked) {
		return finding{"database", false, err.Error() + "; it is no daemon that answers: end it"}
	}
	if err != nil {
		return finding{"database", false, err.Error()}
	}
	err = db.Check()
	all, free, sizeErr := db.Size()
	return result("database", fmt.Sprintf("%s, %s, of that %s free", path, size(all), size(free)), errors.Join(err, sizeErr, db.Close()))
}

// checkClock shows the time, and doubts it when it lies before the program.
func checkClock(c *Config) finding {
	now := time.Now()
	if now.Year() < 2026 {
		return finding{"clock", false, now.Format(time.RFC1123) + " is in the past; set the clock"}
	}
	return finding{"clock", true, now.In(c.Timezone.Location).Format("2006-01-02 15:04:05 MST")}
}

// checkOutbox tells of the oldest letter that waits after it was tried.
func (a *app) checkOutbox(c *Config) []finding {
	if _, err := os.Stat(databasePath(c)); len(c.Channels) == 0 || errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	waiting, text := 0, "nothing waits"
	err := a.ask(func(c *Config, client *web.Client) error {
		reports, err := client.Undelivered(a.ctx)
		for i := range reports {
			for _, l := range reports[i].Letters {
				if l.State != tracker.Waiting || l.Attempts == 0 {
					continue
				}
				if waiting++; waiting == 1 {
					text = fmt.Sprintf("the report of %s waits: %s", clock(reports[i].Created, c.Timezone.Location), l.Answer)
				}
			}
		}
		return err
	})
	f := result("outbox", text, err)
	if waiting > 0 {
		f.OK = false
		f.Text += fmt.Sprintf("; shopwatch mail outbox shows %s", of(waiting, 0, "letter"))
	}
	return []finding{f}
}

// checkSchedules shows when each storefront is scanned next.
func checkSchedules(c *Config, now time.Time) []finding {
	var all []finding
	for i := range c.Storefronts {
		sf := &c.Storefronts[i]
		if sf.When == nil {
			all = append(all, finding{"storefront", true, fmt.Sprintf("%s has no schedule; it is scanned when somebody asks: shopwatch scan %[1]s", sf.Name)})
			continue
		}
		var next []string
		for at := sf.When.Next(now); len(next) < 3 && !at.IsZero(); at = sf.When.Next(at) {
			next = append(next, at.In(sf.Timezone.Location).Format("Mon 2 Jan 15:04"))
		}
		all = append(all, finding{"storefront", true, fmt.Sprintf("%s is scanned %s (%s)", sf.Name, strings.Join(next, ", "), sf.Timezone)})
	}
	return all
}

// checkChannels asks the senders that can be asked whether they would get
// through.
func checkChannels(ctx context.Context, c *Config) []finding {
	var all []finding
	for i := range c.Channels {
		ch := &c.Channels[i]
		s, ok := ch.Sender.(interface{ Check(context.Context) error })
		if !ok {
			all = append(all, finding{"channel", true, fmt.Sprintf("%s (%s)", ch.Name, ch.Kind)})
			continue
		}
		ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
		err := s.Check(ctx)
		cancel()
		if err != nil {
			err = fmt.Errorf("%s: %w", ch.Name, err)
		}
		all = append(all, result("channel", fmt.Sprintf("%s: %s answers and takes the login", ch.Name, ch.Server), err))
	}
	return all
}

package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"shopwatch/cmd/shopwatch/config"
	"shopwatch/cmd/shopwatch/daemon"
	"shopwatch/cmd/shopwatch/login"
	"shopwatch/cmd/shopwatch/term"
	"shopwatch/storage/bolt"
	"shopwatch/tracker"
	"shopwatch/tracker/api"
	"shopwatch/tracker/browser"
)

// A checkCommand looks whether everything that shopwatch needs is there.
type checkCommand struct{}

// Help tells what is not done.
func (checkCommand) Help() string {
	return `Mail servers are greeted, logged in to and asked whether they would take a mail to the first recipient; nothing is sent, and no marketplace is visited. Exit status: 0 when all is well; 1 otherwise, also when a storefront is stalled, behind a wall or without a baseline, when nobody is told, when a delivery was refused, and when the newest backup is old: cron may run it.

Examples:
  shopwatch check
  shopwatch check --json`
}

// A finding is one line of the check.
type finding struct {
	What string `json:"what"`
	OK   bool   `json:"ok"`
	Text string `json:"text"`
}

// Run prints a line per thing that was looked at.
func (checkCommand) Run(ctx context.Context, a *app) error {
	c, err := a.load()
	if err != nil {
		return errors.Join(a.found(finding{"configuration", false, err.Error()}), errUnwell)
	}
	all := []finding{{"configuration", true, fmt.Sprintf("%s: %s, %s", a.file, term.Count(len(c.Storefronts), 0, "storefront"), term.Count(len(c.Channels), 0, "channel"))}}
	chrome := checkChrome(ctx, c)
	db, evidence := a.checkDatabase(ctx, c)
	all = append(all, checkSystem(lacking()), chrome)
	all = append(all, checkFiles()...)
	all = append(all, checkData(c), db)
	all = append(all, evidence...)
	if db.OK && c.Database != "" {
		all = append(all, a.checkServer(ctx, c)...)
	}
	all = append(all, a.checkClock(ctx, c, db.OK))
	all = append(all, a.checkLogins(ctx, c, chrome.OK)...)
	all = append(all, checkSchedules(c, time.Now())...)
	all = append(all, checkChannels(ctx, c)...)
	if db.OK {
		all = append(all, a.checkWatched(ctx, c, time.Now())...)
		all = append(all, a.checkOutbox(ctx, c)...)
	}
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
	mark := term.Paint(a.out, term.Green, "ok  ")
	if !f.OK {
		mark = term.Paint(a.out, term.Red, "FIX ")
	}
	const indent = len("FIX   configuration    ")
	text := term.Plain(f.Text)
	if columns := term.Columns(a.out); columns > indent+20 {
		text = strings.Join(term.Wrap(text, columns-indent), "\n"+strings.Repeat(" ", indent))
	}
	_, err := fmt.Fprintf(a.out, "%s  %-16s %s\n", mark, f.What, text)
	return err
}

// result makes a finding of what was found or of the error.
func result(what, text string, err error) finding {
	if err != nil {
		return finding{what, false, err.Error()}
	}
	return finding{what, true, text}
}

// checkSystem says what shopwatch lacks where it runs.
func checkSystem(lacking []string) finding {
	text := fmt.Sprintf("shopwatch %s for %s on %s", version, runtime.GOOS, runtime.GOARCH)
	if len(lacking) > 0 {
		text += ", where it was not tried and lacks this: " + strings.Join(lacking, "; ")
	}
	return finding{"system", true, text}
}

// checkChrome asks Chrome for its version, starts it on a profile that is
// thrown away, and opens a tab: only that shows whether its sandbox works here.
func checkChrome(ctx context.Context, c *config.Config) finding {
	ctx, cancel := context.WithTimeout(ctx, 45*time.Second)
	defer cancel()
	o := browser.Options{Path: c.Browser.Path, Flags: c.Browser.Flags, Remote: c.Browser.Remote}
	b := browser.New(o)
	if c.Browser.Remote != "" {
		return result("chrome", "one at "+c.Browser.Remote+" answers", tryTab(ctx, b))
	}
	path, version, err := b.Version(ctx)
	if err != nil {
		return result("chrome", "", err)
	}
	if n := browser.Major(version); n > 0 && n < browser.Oldest {
		return finding{"chrome", false, fmt.Sprintf("%s, %s, is too old: update it to %d or newer", version, path, browser.Oldest)}
	}
	text := fmt.Sprintf("%s, %s, starts", version, path)
	switch {
	case o.Unsandboxed() && os.Geteuid() == 0:
		text += "; without its sandbox, as browser.flags says, and as root: better run shopwatch as an ordinary user"
	case o.Unsandboxed():
		text += "; without its sandbox, as browser.flags says"
	default:
		text += " in its sandbox"
	}
	if !browser.Shell(path) {
		text += "; chromium-headless-shell would need half the memory"
	}
	return result("chrome", text, tryTab(ctx, b))
}

// tryTab has a page with two Chinese characters drawn, and ends the browser. A
// font that knows neither draws the same box for both; a Chrome without any
// font ends itself over text.
func tryTab(ctx context.Context, b *browser.Browser) (err error) {
	const (
		page   = `data:text/html;charset=utf-8,<body style="margin:0;font:30px/40px sans-serif">血<br>糖`
		script = `globalThis.shopwatch = {calls: [], heard() {}, drawn: () => new Promise(done => {
			const look = () => document.readyState === "complete" ? done(true) : setTimeout(look, 10)
			look()
		})}`
		fix = "install a font for Chinese text (on Debian: apt-get install fonts-noto-cjk)"
	)
	defer func() { err = errors.Join(err, b.Close()) }()
	tab, err := b.Tab(ctx, browser.TabOptions{Script: script})
	if err != nil {
		return err
	}
	defer tab.Close()
	var drawn [2][]byte
	if err = tab.Open(ctx, page); err == nil {
		err = tab.Wait(ctx, "shopwatch.drawn()", new(bool))
	}
	for i := range drawn {
		if err == nil {
			drawn[i], err = tab.PictureOf(ctx, 0, float64(40*i), 40, 40, 1)
		}
	}
	switch {
	case errors.Is(err, browser.ErrLost), errors.Is(err, browser.ErrCrashed):
		return fmt.Errorf("%w over a page with text: %s", err, fix)
	case err != nil:
		return fmt.Errorf("draw a page: %w", err)
	case bytes.Equal(drawn[0], drawn[1]):
		return fmt.Errorf("it draws boxes for Chinese characters: %s", fix)
	}
	return nil
}

// checkFiles looks whether shopwatch and Chrome may have as many files open as
// they need. It finds nothing where that is not known.
func checkFiles() []finding {
	switch limit := browser.MaxFiles(); {
	case limit == 0:
		return nil
	case limit < browser.LeastFiles:
		return []finding{{"files", false, daemon.FewFiles(limit)}}
	default:
		return []finding{{"files", true, fmt.Sprintf("%d may be open at once", limit)}}
	}
}

// checkLogins looks whether the profile is free, and tells how old the login
// to each marketplace is and whether its cookies are still there. One that was
// never made is no fault: some shops show their lists to everybody. Without a
// Chrome that starts only the age is told.
func (a *app) checkLogins(ctx context.Context, c *config.Config, chrome bool) []finding {
	var all []finding
	var b *browser.Browser // nil: the cookies are not looked at
	if _, err := os.Stat(c.Browser.Profile); chrome && (err == nil || c.Browser.Remote != "") {
		b = daemon.NewBrowser(c, a.logger(slog.LevelError+1))
		defer b.Close() // nothing was changed that could be lost
		_, err := b.Cookies(ctx, nil)
		all = append(all, a.profile(ctx, c, err))
		if err != nil {
			b = nil
		}
	}
	for _, m := range marketplacesOf(c) {
		s, err := login.StateOf(ctx, c.Browser.Profile, m, b)
		f := result("login", s.String(), err)
		f.OK = f.OK && (s.There || !s.Looked || s.At.IsZero())
		all = append(all, f)
	}
	return all
}

// profile tells what came of looking into the profile. That the daemon is in
// it is in order.
func (a *app) profile(ctx context.Context, c *config.Config, err error) finding {
	if errors.Is(err, browser.ErrInUse) {
		client := a.daemon(ctx, c)
		if client == nil {
			return finding{"profile", false, err.Error()}
		}
		client.Close()
		return finding{"profile", true, c.Browser.Profile + " is in use by the daemon"}
	}
	return result("profile", cmp.Or(c.Browser.Remote, c.Browser.Profile), err)
}

// checkData looks whether the data directory can be written, whether others
// can read it, and how much space is left.
func checkData(c *config.Config) finding {
	st, err := os.Stat(c.Data)
	if errors.Is(err, fs.ErrNotExist) {
		return checkNewData(c)
	}
	if err != nil {
		return finding{"data", false, fmt.Sprintf("%v; run shopwatch as the user whom it belongs to", err)}
	}
	if who := owner(st); who != "" && os.Geteuid() == 0 {
		return finding{"data", false, fmt.Sprintf("%s belongs to %s, and you are root, whose files %[2]s could not write: sudo -u %[2]s shopwatch …", c.Data, who)}
	}
	if st.Mode().Perm()&0o077 != 0 {
		return finding{"data", false, fmt.Sprintf("others can look into %s, which holds a login: chmod 700 %s", c.Data, c.Data)}
	}
	free, err := daemon.FreeSpace(c.Data)
	if err == nil && free < daemon.LeastSpace {
		return finding{"data", false, fmt.Sprintf("only %s left on the disk of %s: make room; below %s scans are not kept for sure", term.Size(free), c.Data, term.Size(daemon.LeastSpace))}
	}
	if err := tryWrite(c.Data); err != nil {
		return finding{"data", false, fmt.Sprintf("%v; let shopwatch run as the user whom %s belongs to", err, c.Data)}
	}
	if err != nil { // not to be known on this system
		return finding{"data", true, c.Data}
	}
	return finding{"data", true, fmt.Sprintf("%s, %s free", c.Data, term.Size(free))}
}

// checkNewData looks whether a data directory that is not there can be made.
func checkNewData(c *config.Config) finding {
	dir := filepath.Dir(filepath.Clean(c.Data))
	for {
		if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) || dir == filepath.Dir(dir) {
			break
		}
		dir = filepath.Dir(dir)
	}
	if free, err := daemon.FreeSpace(dir); err == nil && free < daemon.LeastSpace {
		return finding{"data", false, fmt.Sprintf("only %s left on the disk of %s: make room, or set data to a directory elsewhere", term.Size(free), dir)}
	}
	if err := tryWrite(dir); err != nil {
		return finding{"data", false, fmt.Sprintf("%s cannot be made: %v; set data to a directory of your own", c.Data, err)}
	}
	return finding{"data", true, c.Data + " will be made by the first scan"}
}

// tryWrite writes a file in a directory and takes it away again.
func tryWrite(dir string) error {
	f, err := os.CreateTemp(dir, ".check-*")
	if err != nil {
		return err
	}
	_, err = f.Write(make([]byte, 4096))
	return errors.Join(err, f.Close(), os.Remove(f.Name()))
}

// checkDatabase verifies the whole file and the evidence beside it, or has the
// daemon do it.
func (a *app) checkDatabase(ctx context.Context, c *config.Config) (database finding, evidence []finding) {
	path := databaseName(c)
	if client := a.daemon(ctx, c); client != nil {
		defer client.Close()
		return foundIn(ctx, path+", in use by the daemon,", client)
	}
	if !hasDatabase(c) {
		return finding{"database", true, path + " will be made by the first scan"}, nil
	}
	store, err := a.openStore(ctx, c)
	if errors.Is(err, bolt.ErrLocked) {
		return finding{"database", false, err.Error() + " (it is no daemon that answers)"}, nil
	}
	if err != nil {
		return finding{"database", false, err.Error()}, nil
	}
	defer store.Close() // nothing was written
	return foundIn(ctx, path+",", api.Local(api.New(daemon.APIOptions(c, store, version), slog.New(slog.DiscardHandler))))
}

// foundIn makes findings of what a server says of its database.
func foundIn(ctx context.Context, path string, client *api.Client) (database finding, evidence []finding) {
	r, err := client.Check(ctx)
	if err == nil && r.Damage != "" {
		err = errors.New(r.Damage)
	}
	text := path + " answers"
	if r.Size > 0 { // it is a file that shopwatch looks after
		text = fmt.Sprintf("%s %s, of that %s free", path, term.Size(r.Size), term.Size(r.Free))
	}
	database = result("database", text, err)
	e := &r.Evidence
	log := result("log", "", err)
	if err == nil {
		mark, err := client.Checkpoint(ctx)
		log = result("log", fmt.Sprintf("%s; its public key is %s", term.Count(int(mark.Size), 0, "change"), mark.Key), err)
	}
	switch bad := e.Missing + e.Damaged; {
	case err != nil:
		return database, nil
	case e.Named == 0:
		return database, []finding{log}
	case bad > 0:
		return database, []finding{log, {"evidence", false, fmt.Sprintf(
			"of %s that changes name %d are missing and %d damaged, for example %s; put them back from a copy of the folder evidence, the changes themselves are whole",
			term.Count(e.Named, 0, "file"), e.Missing, e.Damaged, e.Files[0])}}
	}
	return database, []finding{log, {"evidence", true, fmt.Sprintf("%s, all there; %d read, as they were", term.Count(e.Named, 0, "file"), e.Read)}}
}

// checkClock shows the time, and doubts it when it lies before the program or
// before a scan that was kept, for which it asks a database that answers.
func (a *app) checkClock(ctx context.Context, c *config.Config, db bool) finding {
	const fix = "set the clock (timedatectl set-ntp true)"
	now := time.Now()
	text := fmt.Sprintf("%s (%s)", now.In(c.Timezone.Location).Format("2006-01-02 15:04:05 MST"), c.Timezone)
	if now.Year() < 2026 {
		return finding{"clock", false, text + " is in the past: " + fix}
	}
	if !db {
		return finding{"clock", true, text}
	}
	if at, name := a.lastScan(ctx, c); at.Sub(now) > 10*time.Minute {
		return finding{"clock", false, fmt.Sprintf("%s is before the last scan of %s, %s: %s", text, name, term.Time(at, c.Timezone.Location), fix)}
	}
	return finding{"clock", true, text}
}

// lastScan returns when a storefront was scanned last, and which; zero when
// none was.
func (a *app) lastScan(ctx context.Context, c *config.Config) (at time.Time, name tracker.StorefrontName) {
	if !hasDatabase(c) {
		return at, ""
	}
	_ = a.ask(ctx, func(_ *config.Config, client *api.Client) error {
		all, err := client.Storefronts(ctx)
		for _, sf := range all {
			if sf.LastScan.After(at) {
				at, name = sf.LastScan, sf.Name
			}
		}
		return err
	})
	return at, name
}

// checkOutbox tells of the oldest delivery that waits after it was tried, and of
// the newest that was refused. One to a recipient who is no longer told is
// nobody's concern.
func (a *app) checkOutbox(ctx context.Context, c *config.Config) []finding {
	if len(c.Channels) == 0 || !hasDatabase(c) {
		return nil
	}
	var waiting, dead []string
	err := a.ask(ctx, func(c *config.Config, client *api.Client) error {
		reports, err := outbox(ctx, client)
		for i := range reports {
			r := &reports[i]
			for _, l := range r.Deliveries {
				text := fmt.Sprintf("the report of %s to %s", term.Time(r.Created, c.Timezone.Location), l.To)
				switch {
				case l.State == tracker.Waiting && l.Attempts > 0:
					waiting = append(waiting, text+" waits: "+l.Answer)
				case l.State == tracker.Dead && c.Tells(r.Channel, l.To):
					dead = append(dead, text+" did not get through: "+l.Answer)
				}
			}
		}
		return err
	})
	var all []finding
	if len(waiting) > 0 {
		all = append(all, finding{"outbox", false, fmt.Sprintf("%s; shopwatch mail outbox shows %s", waiting[0], term.Count(len(waiting), 0, "delivery"))})
	}
	if n := len(dead); n > 0 {
		all = append(all, finding{"outbox", false, fmt.Sprintf("%s; fix it and try again with shopwatch mail retry NUMBER, or take the recipient out; shopwatch mail outbox shows %s", dead[n-1], term.Count(n, 0, "delivery"))})
	}
	if len(all) == 0 {
		all = append(all, result("outbox", "nothing waits", err))
	}
	return all
}

// checkSchedules shows when each storefront is scanned next.
func checkSchedules(c *config.Config, now time.Time) []finding {
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
func checkChannels(ctx context.Context, c *config.Config) []finding {
	if len(c.Channels) == 0 {
		return []finding{{"channel", false, "nobody is told of changes: put a channel into the configuration (shopwatch init --full shows how)"}}
	}
	var all []finding
	for i := range c.Channels {
		ch := &c.Channels[i]
		if ch.Lacks != nil {
			all = append(all, finding{"channel", false, ch.Name + ": " + ch.Lacks.Error()})
			continue
		}
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

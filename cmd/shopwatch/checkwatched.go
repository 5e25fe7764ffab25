package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"shopwatch/cmd/shopwatch/config"
	"shopwatch/cmd/shopwatch/term"
	"shopwatch/tracker"
	"shopwatch/tracker/api"
	"shopwatch/tracker/market/all"
)

// checkWatched tells which storefronts are not seen as they should be, and
// whether there is a backup of what is known of them. Before the first scan
// nothing can be wrong.
func (a *app) checkWatched(ctx context.Context, c *config.Config, now time.Time) []finding {
	if _, err := os.Stat(databasePath(c)); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	var found []finding
	err := a.ask(ctx, func(c *config.Config, client *api.Client) error {
		list, err := client.Storefronts(ctx)
		if err != nil {
			return err
		}
		var oldest time.Time
		for i := range list {
			sf := &list[i]
			if !sf.Watched {
				continue
			}
			reason, err := lastReason(ctx, client, sf)
			if err != nil {
				return err
			}
			found = append(found, checkSeen(c, sf, reason))
			if b := sf.Baseline; !b.IsZero() && (oldest.IsZero() || b.Before(oldest)) {
				oldest = b
			}
		}
		if !oldest.IsZero() && c.Retention.Backups > 0 {
			found = append(found, checkBackup(c, oldest, now))
		}
		return nil
	})
	if err != nil {
		found = append(found, finding{"storefront", false, err.Error()})
	}
	return found
}

// lastReason is what the last scan said when it was not complete.
func lastReason(ctx context.Context, client *api.Client, sf *api.Storefront) (string, error) {
	if sf.Verdict == "" || sf.Verdict == tracker.Complete {
		return "", nil
	}
	for sc, err := range client.Scans(ctx, api.Filter{Storefront: sf.Name, Limit: 1}) {
		return sc.Reason, err
	}
	return "", nil
}

// checkSeen says whether a storefront is seen as it should be.
func checkSeen(c *config.Config, sf *api.Storefront, reason string) finding {
	when := func(t time.Time) string { return term.Time(t, c.Timezone.Location) }
	last := fmt.Sprintf("the last scan, %s, ended as %s", when(sf.LastScan), sf.Verdict)
	if reason != "" {
		last += ": " + reason
	}
	bad := func(text string) finding {
		if do := whatToDo(c, sf.Name, sf.Verdict, reason); do != "" {
			text += "; " + do
		}
		return finding{"storefront", false, text}
	}
	switch {
	case sf.LastScan.IsZero():
		return finding{"storefront", true, fmt.Sprintf("%s was not scanned yet: shopwatch scan %[1]s", sf.Name)}
	case sf.Closed:
		return bad(fmt.Sprintf("%s is closed, its marketplace says; %s", sf.Name, last))
	case sf.Baseline.IsZero():
		return bad(fmt.Sprintf("%s has no baseline, so nothing of it is reported; %s", sf.Name, last))
	case sf.Stalled:
		return bad(fmt.Sprintf("%s was last read completely %s; %s", sf.Name, when(sf.LastComplete), last))
	case sf.Verdict.Wall():
		return bad(fmt.Sprintf("%s is behind a wall; %s", sf.Name, last))
	}
	return finding{"storefront", true, fmt.Sprintf("%s: %s on the shelf; last read completely %s", sf.Name, term.Count(sf.Listed, 0, "product"), when(sf.LastComplete))}
}

// whatToDo says what helps against the end of a scan here, as far as its reason
// does not; "" when nothing is known.
func whatToDo(c *config.Config, name tracker.StorefrontName, v tracker.Verdict, reason string) string {
	sf := c.Storefront(name)
	if sf == nil {
		return ""
	}
	m, err := all.Markets().ByName(sf.Marketplace)
	switch {
	case v == tracker.Login && err == nil && m.Login != nil:
		return fmt.Sprintf("log in: %s", c.LoginCommand(m.Name))
	case v == tracker.Blocked:
		return fmt.Sprintf("open %s in an ordinary browser on this machine, log in anew when it asks for that, and scan more rarely or with a longer browser.pace", sf.URL)
	case v == tracker.Gone:
		return fmt.Sprintf("open %s in a browser, and take the storefront out of the configuration when it is so", sf.URL)
	case offline(reason):
		return "is this machine online? See whether it reaches the address; where it needs a proxy, set browser.flags: {proxy-server: \"http://HOST:PORT\"}"
	}
	return ""
}

// offline reports whether a scan failed because nothing could be reached.
func offline(reason string) bool {
	for _, sign := range []string{
		"ERR_INTERNET_DISCONNECTED", "ERR_NAME_NOT_RESOLVED", "ERR_ADDRESS_UNREACHABLE", "ERR_NETWORK", "ERR_CONNECTION_TIMED_OUT",
		"ERR_PROXY_CONNECTION_FAILED", "ERR_TUNNEL_CONNECTION_FAILED", "no such host", "network is unreachable", "server misbehaving",
	} {
		if strings.Contains(reason, sign) {
			return true
		}
	}
	return false
}

// oldBackup is how old the newest backup may be: the daemon makes one a day.
const oldBackup = 48 * time.Hour

// checkBackup looks at the newest of the daily backups of a database that has
// held something since a time.
func checkBackup(c *config.Config, since, now time.Time) finding {
	const fix = "the daemon makes one a day: let shopwatch run, or set retention.backups to 0 and make them yourself with shopwatch backup FILE"
	dir := filepath.Join(c.Data, "backups")
	files, err := filepath.Glob(filepath.Join(dir, "shopwatch-*.db"))
	var newest time.Time
	for _, file := range files {
		if st, err := os.Stat(file); err == nil && st.ModTime().After(newest) {
			newest = st.ModTime()
		}
	}
	switch {
	case err != nil:
		return finding{"backup", false, err.Error()}
	case newest.IsZero() && now.Sub(since) < oldBackup:
		return finding{"backup", true, "none yet; the daemon makes one a day in " + dir}
	case newest.IsZero():
		return finding{"backup", false, "there is none in " + dir + "; " + fix}
	case now.Sub(newest) > oldBackup:
		return finding{"backup", false, fmt.Sprintf("the newest in %s is of %s; %s", dir, term.Time(newest, c.Timezone.Location), fix)}
	}
	return finding{"backup", true, fmt.Sprintf("the newest in %s is of %s", dir, term.Time(newest, c.Timezone.Location))}
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
			at = at.In(sf.Timezone.Location)
			day := at.Format("Mon 2 Jan ")
			if at.Year() != now.In(sf.Timezone.Location).Year() {
				day = at.Format("Mon 2 Jan 2006 ")
			}
			next = append(next, day+at.Format("15:04"))
		}
		all = append(all, finding{"storefront", true, fmt.Sprintf("%s is scanned %s (%s)", sf.Name, strings.Join(next, ", "), sf.Timezone)})
	}
	return all
}

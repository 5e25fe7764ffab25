package main

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"shopwatch/cmd/shopwatch/config"
	"shopwatch/cmd/shopwatch/term"
	"shopwatch/storage/postgres"
	"shopwatch/tracker/api"
	"shopwatch/tracker/fleet"
)

// skew is by how much the clock of a machine may differ from that of the database.
const skew = 2 * time.Second

const setClock = "set the clocks of both (timedatectl set-ntp true)"

// checkServer tells who works on a database of several machines, and whether the
// clock of this one goes as that of the database.
func (a *app) checkServer(ctx context.Context, c *config.Config) []finding {
	db, err := a.servers.open(ctx, c)
	if err != nil {
		return []finding{{"database", false, err.Error()}}
	}
	f, err := fleet.State(ctx, db)
	if err != nil {
		return []finding{{"fleet", false, err.Error()}}
	}
	all := slices.Concat(checkBucket(ctx, c, db), checkWorkers(c, f), checkQueues(f))
	if ahead, err := db.Ahead(ctx); err != nil || ahead.Abs() > skew {
		all = append(all, result("clock", "", cmp.Or(err, fmt.Errorf("it differs by %s from that of the database: %s", ahead.Abs().Round(time.Second), setClock))))
	}
	return all
}

// checkBucket tells what lies in the bucket, and whether it can be written, read and
// deleted from.
func checkBucket(ctx context.Context, c *config.Config, db *postgres.DB) []finding {
	ctx, cancel := context.WithTimeout(ctx, 45*time.Second)
	defer cancel()
	u, err := db.CheckBucket(ctx)
	lies := fmt.Sprintf("%s of evidence with %s in it", term.Count(int(u.Files), 0, "file"), term.Size(u.Bytes))
	switch {
	case err != nil:
		return []finding{{"bucket", false, err.Error()}}
	case c.Bucket.URL == "" && u.Files > 0:
		return []finding{{"bucket", false, fmt.Sprintf("%s is not in the configuration of this machine, and has %s: set bucket", u.Elsewhere, lies)}}
	case c.Bucket.URL == "":
		return nil
	}
	text := fmt.Sprintf("%s can be written and read; %s", c.Bucket.URL, lies)
	if u.Waiting > 0 {
		text += fmt.Sprintf("; %s will be carried over within the hour", term.Count(int(u.Waiting), 0, "file"))
	}
	if u.Elsewhere != "" {
		text += fmt.Sprintf("; some were put into %s: copy what lies there", u.Elsewhere)
	}
	return []finding{{"bucket", true, text}}
}

// checkWorkers tells of each machine what it is at, or what is wrong with it.
func checkWorkers(c *config.Config, f *api.Fleet) []finding {
	var all []finding
	known := make(map[string]bool)
	for i := range f.Workers {
		known[f.Workers[i].Name] = true
		if w := checkWorker(c, f, &f.Workers[i]); w.Text != "" {
			all = append(all, w)
		}
	}
	for _, p := range c.Fleet.Profiles {
		if !known[p.Worker] {
			all = append(all, finding{"worker", false, fmt.Sprintf("%s, on which the profile %s lies, was never heard of: start shopwatch run there, with fleet.worker: %[1]s", p.Worker, p.Name)})
		}
	}
	if !slices.ContainsFunc(f.Workers, func(w api.FleetWorker) bool { return w.Alive }) {
		all = append(all, finding{"worker", true, "none: nobody scans or sends now; shopwatch run does"})
	}
	return all
}

// checkWorker has no text for a machine that ended in good order and is not needed.
func checkWorker(c *config.Config, f *api.Fleet, w *api.FleetWorker) finding {
	heard := term.About(f.Time.Sub(w.Heard))
	profile := slices.IndexFunc(c.Fleet.Profiles, func(p config.Profile) bool { return p.Worker == w.Name })
	bad := func(format string, args ...any) finding {
		return finding{"worker", false, w.Name + " " + fmt.Sprintf(format, args...)}
	}
	switch {
	case !w.Alive && profile >= 0:
		return bad("is gone, last heard of %s ago, and storefronts wait for its profile %s: start it, or give the profile to another one (fleet.profiles) and log in there", heard, c.Fleet.Profiles[profile].Name)
	case !w.Alive && w.Trouble == fleet.Ended:
		return finding{}
	case !w.Alive:
		return bad("was last heard of %s ago, and did not end in good order: start it again, and look into its log", heard)
	case w.Ahead.Abs() > skew:
		return bad("has a clock that differs by %s from that of the database: %s", w.Ahead.Abs().Round(time.Second), setClock)
	case w.Trouble != "":
		return bad("cannot scan: %s", w.Trouble)
	case w.Applied < f.Applied:
		return bad("works with version %d of the configuration, the newest is %d: its log says why", w.Applied, f.Applied)
	}
	text := fmt.Sprintf("%s is %s, last heard of %s ago", w.Name, w.Process, heard)
	if w.Profile != "" {
		text += ", with the profile " + w.Profile
	}
	var at []string
	for _, s := range f.Slots {
		if s.Worker == w.Name {
			at = append(at, fmt.Sprintf("%s for %s", s.Storefront, term.About(f.Time.Sub(s.Taken))))
		}
	}
	if len(at) == 0 {
		return finding{"worker", true, text + "; it waits for work"}
	}
	return finding{"worker", true, text + "; it scans " + strings.Join(at, ", ")}
}

// longWait is how long a job may wait that is due.
const longWait = time.Hour

// checkQueues tells what waits, and of what is left alone after a wall.
func checkQueues(f *api.Fleet) []finding {
	var all []finding
	for _, l := range f.Leases {
		if !l.Cooling.IsZero() {
			all = append(all, finding{"lease", true, fmt.Sprintf("%s is left alone for another %s, after %s", l.Key, term.About(l.Cooling.Sub(f.Time)), term.Count(l.Walls, 0, "wall"))})
		}
	}
	for _, q := range f.Queues {
		if q.Waiting+q.Running == 0 {
			continue
		}
		text := fmt.Sprintf("%s: %d wait, %d run", q.Name, q.Waiting, q.Running)
		ok := true
		if !q.Oldest.IsZero() && q.Waiting > 0 {
			age := f.Time.Sub(q.Oldest)
			text += fmt.Sprintf(", the oldest for %s", term.About(age))
			ok = age < longWait
		}
		if q.Workers == 0 && q.Waiting > 0 {
			text += "; no worker takes its jobs"
			for _, s := range f.Slots {
				if s.Queue == q.Name && s.Waits != "" {
					text += ": " + s.Waits
					break
				}
			}
		}
		if !ok {
			text += "; start more workers, or make the schedules rarer"
		}
		all = append(all, finding{"queue", ok, text})
	}
	return all
}

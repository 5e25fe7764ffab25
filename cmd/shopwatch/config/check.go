package config

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"net/url"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"shopwatch/cmd/shopwatch/term"
	"shopwatch/storage/bucket"
	"shopwatch/tracker"
	"shopwatch/tracker/browser"
	"shopwatch/tracker/fetch"
	"shopwatch/tracker/market"
	"shopwatch/tracker/notify"
	"shopwatch/tracker/schedule"
)

// channelKeys are the keys that channels of every kind understand.
var channelKeys = []string{
	"name", "kind", "storefronts", "kinds", "watch", "least_percent", "schedule", "heartbeat", "quiet", "lang", "timezone",
}

// pickingKeys are the lists that say what a channel is told of: all when they are
// left out.
var pickingKeys = []string{"storefronts", "kinds", "watch"}

// check finds what the form of the file does not show, and fills in what
// follows from other keys.
func (c *Config) check(src *source, markets market.Set) error {
	if c.Data == "" {
		return src.errorf("data", "name a directory")
	}
	if err := c.checkDatabase(src); err != nil {
		return err
	}
	if err := c.checkListen(src); err != nil {
		return err
	}
	if c.Public != "" && c.Token != "" && len(c.Token) < 16 {
		return src.errorf("token", "people reach this shopwatch at public; want 16 characters or more, or leave it out: one is made in data/token")
	}
	if v := c.ViewerToken; v != "" && (len(v) < 16 || v == c.Token) {
		return src.errorf("viewer_token", "want 16 characters or more, and others than those of token")
	}
	if u, err := url.Parse(c.Public); c.Public != "" && (err != nil || u.Scheme != "https" || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "") {
		return src.errorf("public", "want the address that leads people to this shopwatch, such as https://shopwatch.example.com")
	}
	if err := c.checkTimestamp(src); err != nil {
		return err
	}
	b, r := &c.Browser, &c.Rules
	for _, key := range slices.Sorted(maps.Keys(b.Flags)) {
		switch {
		case key == "user-data-dir":
			return src.errorf("browser.flags."+key, "write the folder as browser.profile")
		case strings.HasPrefix(key, "remote-debugging-"):
			return src.errorf("browser.flags."+key, "shopwatch itself talks to Chrome, by a pipe; take it out")
		case strings.HasPrefix(key, "-") || strings.ContainsAny(key, "= "):
			return src.errorf("browser.flags."+key, "write the switch without dashes and its value behind the colon: proxy-server: http://…")
		}
	}
	if err := browser.CheckProxy(b.Flags["proxy-server"]); err != nil {
		return src.errorf("browser.flags.proxy-server", "%w", err)
	}
	if _, err := fetch.FromFlags(b.Flags); err != nil {
		return src.errorf("browser.flags", "%w", err)
	}
	switch {
	case b.Remote != "" && !strings.HasPrefix(b.Remote, "ws://") && !strings.HasPrefix(b.Remote, "wss://"):
		return src.errorf("browser.remote", "want ws://HOST:PORT of a Chrome that listens there")
	case b.PageTimeout < Duration(100*time.Millisecond) || b.PageTimeout > Duration(10*time.Minute):
		return src.errorf("browser.page_timeout", "want 100ms to 10m")
	case b.DailyPages < 0:
		return src.errorf("browser.daily_pages", "want 0 (no ceiling) or more")
	case b.Pace.Max > time.Hour:
		return src.errorf("browser.pace", "want 0s to 1h")
	case r.Misses < 1 || r.Misses > 100:
		return src.errorf("rules.misses", "want 1 to 100")
	case !(r.MaxLoss > 0 && r.MaxLoss <= 1):
		return src.errorf("rules.max_loss", "want a share above 0, up to 1")
	case r.Probes < 0 || r.Probes > 1000:
		return src.errorf("rules.probes", "want 0 (no item page is opened) to 1000")
	case r.StalledAfter < 1 || r.StalledAfter > 1000:
		return src.errorf("rules.stalled_after", "want 1 to 1000")
	case c.Retention.Evidence < Duration(24*time.Hour):
		return src.errorf("retention.evidence", "want a day (1d) or more")
	case c.Retention.Backups < 0 || c.Retention.Backups > 1000:
		return src.errorf("retention.backups", "want 0 (none) to 1000")
	case len(c.Storefronts) == 0 && c.Database == "": // else they may be in what was applied
		return src.errorf("storefronts", "name at least one, with name and url")
	}
	for i := range c.Storefronts {
		if err := c.checkStorefront(src, i, markets); err != nil {
			return err
		}
	}
	if err := c.checkGroups(src); err != nil {
		return err
	}
	if err := c.checkFleet(src); err != nil {
		return err
	}
	for i := range c.Channels {
		if err := c.checkChannel(src, i); err != nil {
			return err
		}
	}
	return nil
}

func (c *Config) checkGroups(src *source) error {
	names := make(map[string]bool)
	group := make(map[tracker.ProductKey]string)
	for i := range c.Groups {
		g, at := &c.Groups[i], fmt.Sprintf("groups[%d]", i)
		switch {
		case g.Name == "":
			return src.errorf(at+".name", "give it one")
		case !nameForm.MatchString(g.Name):
			return src.errorf(at+".name", "%q: %s", g.Name, nameMend)
		case names[g.Name]:
			return src.errorf(at+".name", "%s is the name of another group", g.Name)
		case len(g.Products) < 2:
			return src.errorf(at+".products", "name two products or more, such as tencent/45123456789")
		}
		names[g.Name] = true
		for j, k := range g.Products {
			at := fmt.Sprintf("%s.products[%d]", at, j)
			if c.Storefront(k.Storefront) == nil {
				return src.errorf(at, "there is no storefront %q; there are %s", k.Storefront, term.List(c.Names()))
			}
			if other, taken := group[k]; taken {
				return src.errorf(at, "%s is in the group %s already", k, other)
			}
			group[k] = g.Name
		}
	}
	return nil
}

func (c *Config) checkFleet(src *source) error {
	f := &c.Fleet
	if c.Database == "" && (f.Worker != "" || f.Egress != "" || len(f.Profiles) > 0) {
		return src.errorf("fleet", "a file is for one machine: set database to postgres://…, or take this out")
	}
	for key, name := range map[string]string{"worker": f.Worker, "egress": f.Egress} {
		if name != "" && !nameForm.MatchString(name) {
			return src.errorf("fleet."+key, "%q: want up to 64 of a-z, A-Z, 0-9, - and _", name)
		}
	}
	names, workers, read := make(map[string]bool), make(map[string]string), make(map[tracker.StorefrontName]string)
	for i, p := range f.Profiles {
		at := fmt.Sprintf("fleet.profiles[%d]", i)
		switch {
		case !nameForm.MatchString(p.Name) || p.Name == "any":
			return src.errorf(at+".name", "%q: want up to 64 of a-z, A-Z, 0-9, - and _, and not any", p.Name)
		case names[p.Name]:
			return src.errorf(at+".name", "%s is the name of another profile", p.Name)
		case !nameForm.MatchString(p.Worker):
			return src.errorf(at+".worker", "name the worker on which it lies: its fleet.worker, or its host name")
		case workers[p.Worker] != "":
			return src.errorf(at+".worker", "the profile %s lies on %s already; a second shopwatch there needs data and fleet.worker of its own", workers[p.Worker], p.Worker)
		case len(p.Storefronts) == 0:
			return src.errorf(at+".storefronts", "name at least one that is read with it")
		}
		names[p.Name], workers[p.Worker] = true, p.Name
		for j, sf := range p.Storefronts {
			at := fmt.Sprintf("%s.storefronts[%d]", at, j)
			if c.Storefront(sf) == nil {
				return src.errorf(at, "there is no storefront %q; there are %s", sf, term.List(c.Names()))
			}
			if other, taken := read[sf]; taken {
				return src.errorf(at, "%s is read with the profile %s already", sf, other)
			}
			read[sf] = p.Name
		}
	}
	return nil
}

// checkDatabase looks at the address of the database, without showing it: it may
// hold a password.
func (c *Config) checkDatabase(src *source) error {
	if c.Database == "" {
		return nil
	}
	u, err := url.Parse(c.Database)
	if err != nil || u.Scheme != "postgres" && u.Scheme != "postgresql" || u.Path == "" || u.Path == "/" {
		return src.errorf("database", "want postgres://USER:PASSWORD@HOST:5432/DATABASE with %%XX for what a URL cannot hold, or nothing for a file in data")
	}
	return nil
}

// checkBucket takes the keys from where Amazon's programs have them when there are
// none.
func (c *Config) checkBucket(src *source) error {
	b := &c.Bucket
	if b.URL == "" {
		if b.Region != "" || b.AccessKey != "" || b.SecretKey != "" {
			return src.errorf("bucket.url", "say which bucket, such as https://s3.example.com/shopwatch, or take bucket out")
		}
		return nil
	}
	if _, err := bucket.New(bucket.Options{URL: b.URL}); err != nil {
		return src.errorf("bucket.url", "%w", err)
	}
	if c.Database == "" {
		return src.errorf("bucket", "a database in a file has its evidence beside it: set database to postgres://…, or take this out")
	}
	if b.AccessKey == "" && b.SecretKey == "" {
		b.AccessKey, _ = src.env("AWS_ACCESS_KEY_ID")
		b.SecretKey, _ = src.env("AWS_SECRET_ACCESS_KEY")
	}
	switch b.Lacks = src.lacks("bucket"); {
	case b.Lacks != nil:
	case b.AccessKey == "":
		return src.errorf("bucket.access_key", "set it together with secret_key, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in the environment")
	case b.SecretKey == "":
		return src.errorf("bucket.secret_key", "set it together with access_key")
	}
	return nil //nolint:nilerr // who needs no evidence goes on without the keys
}

// mostAuthorities is how many timestamp authorities may be asked.
const mostAuthorities = 4

func (c *Config) checkTimestamp(src *source) error {
	for i, address := range c.Timestamp {
		at := fmt.Sprintf("timestamp[%d]", i)
		u, err := url.Parse(address)
		switch {
		case err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil || len(address) > 500:
			return src.errorf(at, "want the address of a timestamp authority (RFC 3161), such as http://timestamp.example.com/tsr")
		case slices.Contains(c.Timestamp[:i], address):
			return src.errorf(at, "this authority stands there already")
		case i >= mostAuthorities:
			return src.errorf(at, "name %d authorities at most; two are enough", mostAuthorities)
		}
	}
	return nil
}

func (c *Config) checkListen(src *source) error {
	host, port, err := net.SplitHostPort(c.Listen)
	if n, bad := strconv.Atoi(port); err != nil || bad != nil || n < 0 || n > 65535 {
		return src.errorf("listen", "want an address with a port, such as 127.0.0.1:8780")
	}
	ip, err := netip.ParseAddr(host)
	if loopback := host == "localhost" || err == nil && ip.IsLoopback(); !loopback && len(c.Token) < 16 {
		return src.errorf("listen", "%s can be reached from other machines; set token to 16 characters or more, or listen on 127.0.0.1", c.Listen)
	}
	return nil
}

func (c *Config) checkStorefront(src *source, i int, markets market.Set) error {
	sf, at := &c.Storefronts[i], fmt.Sprintf("storefronts[%d]", i)
	switch {
	case sf.Name == "":
		return src.errorf(at+".name", "give it one")
	case !nameForm.MatchString(string(sf.Name)):
		return src.errorf(at+".name", "%q: %s", sf.Name, nameMend)
	case sf.URL == "":
		return src.errorf(at+".url", "say where the storefront is, such as https://tencent.tmall.com/")
	}
	if err := sf.open(src, at, markets); err != nil {
		return err
	}
	for _, other := range c.Storefronts[:i] {
		if other.Name == sf.Name {
			return src.errorf(at+".name", "%s is the name of another storefront", sf.Name)
		}
		if sf.same(&other) {
			return src.errorf(at+".url", "this is the storefront %s; one name for one storefront", other.Name)
		}
	}
	if sf.Timezone.Location == nil {
		sf.Timezone = c.Timezone
	}
	if sf.Schedule == "" {
		return nil // scanned when somebody asks
	}
	var err error
	if sf.When, err = schedule.Parse(sf.Schedule, sf.Timezone.Location); err != nil {
		return src.errorf(at+".schedule", "%q: %w", sf.Schedule, err)
	}
	return nil
}

// open finds the marketplace of a storefront and reads its options.
func (sf *Storefront) open(src *source, at string, markets market.Set) error {
	m, err := markets.Find(sf.URL)
	if sf.Marketplace != "" {
		if m, err = markets.ByName(sf.Marketplace); err != nil {
			return src.errorf(at+".marketplace", "%w", err)
		}
	}
	if err != nil {
		return src.errorf(at+".url", "%w", err)
	}
	sf.Marketplace = m.Name
	sf.Storefront = tracker.Storefront{Name: sf.Name, URL: sf.URL, Marketplace: m.Name}
	if !sf.Options.empty() {
		if m.Options == nil {
			return src.errorf(at+".options", "a storefront of %s has no options", m.Title)
		}
		o := m.Options()
		if err := src.decode(sf.Options.Node, at+".options", reflect.ValueOf(o).Elem()); err != nil {
			return err
		}
		text, err := json.Marshal(o)
		if err != nil {
			return src.errorf(at+".options", "%w", err)
		}
		sf.Storefront.Options = string(text)
	}
	opened, err := m.Storefront(sf.URL, sf.Storefront.Options)
	if option := (*market.OptionError)(nil); errors.As(err, &option) {
		return src.errorf(at+".options."+option.Option, "%w", option.Err)
	}
	if err != nil {
		return src.errorf(at+".url", "%w", err)
	}
	sf.opened, sf.asks = opened, fmt.Sprint(opened.Entries())
	return nil
}

// same reports whether both are one storefront, however its address is written.
func (sf *Storefront) same(other *Storefront) bool {
	if sf.asks != other.asks { // which is quickly seen
		return false
	}
	a, b := sf.Storefront, other.Storefront
	a.Name = b.Name
	return a == b || reflect.DeepEqual(sf.opened, other.opened)
}

func (c *Config) checkChannel(src *source, i int) error {
	ch, at := &c.Channels[i], fmt.Sprintf("channels[%d]", i)
	if ch.Name == "" {
		return src.errorf(at+".name", "give it one")
	}
	if !nameForm.MatchString(ch.Name) {
		return src.errorf(at+".name", "%q: %s", ch.Name, nameMend)
	}
	for _, other := range c.Channels[:i] {
		if other.Name == ch.Name {
			return src.errorf(at+".name", "%s is the name of another channel", ch.Name)
		}
		if ch.Kind == "feed" && other.Kind == "feed" && filepath.Clean(ch.Path) == filepath.Clean(other.Path) {
			return src.errorf(at+".path", "this is the folder of the channel %s; their files have the same names", other.Name)
		}
	}
	if err := ch.checkKeys(src, at); err != nil {
		return err
	}
	for _, key := range pickingKeys {
		if src.empty[at+"."+key] {
			return src.errorf(at+"."+key, "the list is empty, so nothing would be told; leave the key out for all")
		}
	}
	for j, name := range ch.Storefronts {
		if c.Storefront(name) == nil {
			return src.errorf(fmt.Sprintf("%s.storefronts[%d]", at, j), "there is no storefront %q; there are %s", name, term.List(c.Names()))
		}
	}
	for j, kind := range ch.Kinds {
		if !slices.Contains(tracker.Kinds, kind) {
			return src.errorf(fmt.Sprintf("%s.kinds[%d]", at, j), "%q is no kind of change; allowed: %s", kind, term.List(tracker.Kinds))
		}
	}
	if ch.Timezone.Location == nil {
		ch.Timezone = c.Timezone
	}
	var err error
	if ch.Schedule != "" {
		if ch.Digest, err = schedule.Parse(ch.Schedule, ch.Timezone.Location); err != nil {
			return src.errorf(at+".schedule", "%q: %w", ch.Schedule, err)
		}
	}
	if ch.Heartbeat != "" {
		if ch.Beat, err = schedule.Parse(ch.Heartbeat, ch.Timezone.Location); err != nil {
			return src.errorf(at+".heartbeat", "%q: %w", ch.Heartbeat, err)
		}
	}
	if ch.Lang == "" {
		ch.Lang = "en"
	}
	switch {
	case ch.Lang != "en" && ch.Lang != "zh":
		return src.errorf(at+".lang", "%q is neither en nor zh", ch.Lang)
	case ch.Attach != "" && ch.Attach != "pdf":
		return src.errorf(at+".attach", "%q is not pdf", ch.Attach)
	case ch.Attach != "" && ch.Digest == nil:
		return src.errorf(at+".attach", "a PDF goes with digests only; set schedule too, such as \"0 8 * * 1\" for Mondays at 8")
	case ch.LeastPercent < 0 || ch.LeastPercent > 100:
		return src.errorf(at+".least_percent", "want 0 to 100")
	}
	address, folder := ch.URL, ""
	if ch.Kind == "feed" {
		address, folder = "", cmp.Or(ch.URL, c.feedAddress(ch))
	}
	ch.Lacks = src.lacks(at)
	ch.Sender, err = notify.NewSender(ch.Kind, notify.Settings{
		Channel: ch.Name, Server: ch.Server, Username: ch.Username, Password: ch.Password, Plaintext: ch.Plaintext, Hello: ch.Hello,
		From: ch.From, To: ch.To, Thread: ch.Thread, URL: address, Secret: ch.Secret, Path: ch.Path, Address: folder,
	})
	var bad *notify.SettingError
	switch {
	case ch.Lacks != nil:
		return nil //nolint:nilerr // commands that send nothing go on without it
	case errors.As(err, &bad):
		return src.errorf(at+"."+bad.Key, "%w", bad.Err)
	case err != nil:
		return src.errorf(at, "%w", err)
	}
	return nil
}

// checkKeys finds keys that another kind of channel has, and those that this
// kind lacks.
func (ch *Channel) checkKeys(src *source, at string) error {
	var kinds []string
	for _, k := range notify.Kinds() {
		kinds = append(kinds, k.Name)
		if k.Name != ch.Kind {
			continue
		}
		known := slices.Concat(channelKeys, k.Need, k.May)
		for _, path := range slices.Sorted(maps.Keys(src.at)) {
			key, ok := strings.CutPrefix(path, at+".")
			if ok && !strings.ContainsAny(key, ".[") && !slices.Contains(known, key) {
				return src.errorf(path, "a channel of kind %s has no such key; allowed here: %s", ch.Kind, term.List(known))
			}
		}
		for _, key := range k.Need {
			if !src.has(at + "." + key) {
				return src.errorf(at+"."+key, "a channel of kind %s needs it", ch.Kind)
			}
		}
		return nil
	}
	if ch.Kind == "" {
		return src.errorf(at+".kind", "say which; allowed: %s", term.List(kinds))
	}
	return src.errorf(at+".kind", "there is no kind %q; allowed: %s", ch.Kind, term.List(kinds))
}

var nameForm = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$`)

const nameMend = "want up to 64 of a-z, A-Z, 0-9, - and _; what people read is the title"

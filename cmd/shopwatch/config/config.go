// Package config reads shopwatch.yaml, strictly: what is wrong is said with file,
// line and what is allowed.
package config

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"

	"shopwatch/cmd/shopwatch/term"
	"shopwatch/tracker"
	"shopwatch/tracker/browser"
	"shopwatch/tracker/fetch"
	"shopwatch/tracker/market"
	"shopwatch/tracker/market/all"
	"shopwatch/tracker/notify"
	"shopwatch/tracker/schedule"
)

// A Config is what shopwatch.yaml says.
type Config struct {
	Data        string       `yaml:"data"`         // directory; from the directory of the file if relative
	Database    string       `yaml:"database"`     // postgres://… of several machines; a file in Data when empty
	Listen      string       `yaml:"listen"`       // host:port of the local API
	Token       string       `yaml:"token"`        // of operators; must be set to listen beyond this machine
	ViewerToken string       `yaml:"viewer_token"` // of people who only look
	Public      string       `yaml:"public"`       // https address under which people reach the API, for links in mails
	Timezone    Zone         `yaml:"timezone"`
	Browser     Browser      `yaml:"browser"`
	Rules       Rules        `yaml:"rules"`
	Fleet       Fleet        `yaml:"fleet"`
	Retention   Retention    `yaml:"retention"`
	Timestamp   []string     `yaml:"timestamp"` // addresses of timestamp authorities (RFC 3161); nobody is asked when empty
	Storefronts []Storefront `yaml:"storefronts"`
	Groups      []Group      `yaml:"groups"`
	Channels    []Channel    `yaml:"channels"`

	// Applied is the version of the configuration that all machines on the database
	// have; 0 for that of the file.
	Applied int64

	file string // where it was read
}

// A Fleet is the machines that work on one database.
type Fleet struct {
	Worker   string    `yaml:"worker"`   // the name of this machine; that of its host when empty
	Egress   string    `yaml:"egress"`   // the name of the address that marketplaces see; machines with the same share the pace
	Profiles []Profile `yaml:"profiles"` // of Chrome, that lie on certain machines
}

// A Profile is a profile of Chrome with a login, which lies on one machine.
type Profile struct {
	Name        string                   `yaml:"name"`
	Worker      string                   `yaml:"worker"`
	Storefronts []tracker.StorefrontName `yaml:"storefronts"` // that are read with it
}

// Browser says which Chrome is used and how.
type Browser struct {
	Path        string         `yaml:"path"`    // found by itself when empty
	Profile     string         `yaml:"profile"` // user data directory
	Remote      string         `yaml:"remote"`  // address of a Chrome that runs elsewhere
	Flags       map[string]any `yaml:"flags"`   // further switches, string or bool
	PageTimeout Duration       `yaml:"page_timeout"`
	Pace        Pace           `yaml:"pace"`
	DailyPages  int            `yaml:"daily_pages"` // of one storefront within 24 hours; 0 for any number
}

// A Rules says how much it takes to believe that a product is gone.
type Rules struct {
	Misses       int     `yaml:"misses"`
	MaxLoss      float64 `yaml:"max_loss"`
	Probes       int     `yaml:"probes"`
	StalledAfter int     `yaml:"stalled_after"`
}

// Retention says how long things are kept.
type Retention struct {
	Evidence Duration `yaml:"evidence"`
	Captures Bytes    `yaml:"captures"` // all of them together; 0: none are made
	Backups  int      `yaml:"backups"`  // daily ones, the newest
}

// A Storefront is a storefront to watch.
type Storefront struct {
	Name     tracker.StorefrontName `yaml:"name"`
	URL      string                 `yaml:"url"`
	Schedule string                 `yaml:"schedule"` // scanned only when somebody asks when empty
	Timezone Zone                   `yaml:"timezone"` // that of the file when left out
	Title    string                 `yaml:"title"`    // how reports call it; what it says of itself when empty
	Ignore   []tracker.Pattern      `yaml:"ignore"`   // products that reports leave out
	Watch    []tracker.Pattern      `yaml:"watch"`    // products whose changes are important
	// Marketplace is its name; that of the URL when left out and the address
	// tells. Options are what it lets one choose.
	Marketplace string  `yaml:"marketplace"`
	Options     Options `yaml:"options"`
	// Storefront is what is to be scanned, When the schedule, parsed.
	Storefront tracker.Storefront
	When       schedule.Schedule
}

// A Group is the same thing as several storefronts sell it.
type Group struct {
	Name     string               `yaml:"name"`
	Products []tracker.ProductKey `yaml:"products"`
}

// Options are read when it is known which marketplace it is for.
type Options struct{ ast.Node }

func (o Options) empty() bool {
	m, ok := o.Node.(*ast.MappingNode)
	return o.Node == nil || ok && len(m.Values) == 0
}

// A Channel is a destination of reports. Which keys it may have depends
// on its kind: see notify.Kinds.
type Channel struct {
	Name         string                   `yaml:"name"`
	Kind         string                   `yaml:"kind"`
	Server       string                   `yaml:"server"`
	Username     string                   `yaml:"username"`
	Password     string                   `yaml:"password"`
	Plaintext    bool                     `yaml:"plaintext"` // send without TLS where none is offered
	Hello        string                   `yaml:"hello"`     // by which name this machine greets the mail server; its own when empty
	From         string                   `yaml:"from"`
	To           []string                 `yaml:"to"`
	Thread       bool                     `yaml:"thread"` // letters about one storefront make one conversation
	Attach       string                   `yaml:"attach"` // pdf: a digest goes with the report for paper
	URL          string                   `yaml:"url"`
	Secret       string                   `yaml:"secret"`        // signs what is sent
	Path         string                   `yaml:"path"`          // of a file or folder; from the directory of the configuration if relative
	Storefronts  []tracker.StorefrontName `yaml:"storefronts"`   // all when left out
	Kinds        []tracker.Kind           `yaml:"kinds"`         // all when left out
	Watch        []tracker.Pattern        `yaml:"watch"`         // products that it is told of; all when left out
	LeastPercent float64                  `yaml:"least_percent"` // by which a price must change
	Schedule     string                   `yaml:"schedule"`      // of a digest; a report per scan when empty
	Heartbeat    string                   `yaml:"heartbeat"`     // when to say that nothing happened; never when empty
	Quiet        Hours                    `yaml:"quiet"`         // when nothing is sent
	Lang         string                   `yaml:"lang"`
	Timezone     Zone                     `yaml:"timezone"` // that of the file when left out
	// Sender leads to the destination. While Lacks says which environment
	// variable is not set, nothing is sent with it: it has the variable's name
	// in place of its value, and is nil where the value is more than a password.
	// Digest and Beat are the schedules, parsed, nil when empty.
	Sender       notify.Sender
	Lacks        error
	Digest, Beat schedule.Schedule
}

// channelKeys are the keys that channels of every kind understand.
var channelKeys = []string{
	"name", "kind", "storefronts", "kinds", "watch", "least_percent", "schedule", "heartbeat", "quiet", "lang", "timezone",
}

// Default is a configuration that says nothing.
func Default() *Config {
	r := tracker.DefaultRules()
	return &Config{
		Data:     "./data",
		Listen:   "127.0.0.1:8780",
		Timezone: Zone{mustZone("Asia/Shanghai")},
		Browser:  Browser{PageTimeout: Duration(30 * time.Second), Pace: Pace{3 * time.Second, 6 * time.Second}, DailyPages: 2000},
		Rules:    Rules{Misses: r.Misses, MaxLoss: r.MaxLoss, Probes: r.Probes, StalledAfter: r.StalledAfter},
		Retention: Retention{
			Evidence: Duration(365 * 24 * time.Hour),
			Captures: 2 << 30,
			Backups:  7,
		},
	}
}

func mustZone(name string) *time.Location {
	l, err := time.LoadLocation(name)
	if err != nil {
		panic(err) // time/tzdata is part of the binary
	}
	return l
}

// Load reads a configuration file. marketplace says to which marketplace
// the address of a storefront belongs, or what is wrong with it.
func Load(file string) (*Config, error) {
	text, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("there is no configuration %s: write one with shopwatch init, or name another with -c FILE", file)
	}
	if err != nil {
		return nil, fmt.Errorf("read the configuration: %w", err)
	}
	return Parse(file, text, os.LookupEnv, all.Markets())
}

// Parse reads the text of a configuration file.
func Parse(file string, text []byte, env func(string) (string, bool), markets market.Set) (*Config, error) {
	c := Default()
	c.file = file
	src, err := readYAML(file, text, env, c)
	if err != nil {
		return nil, err
	}
	c.resolve(filepath.Dir(file))
	return c, c.check(src, markets)
}

// Merge reads the text of a configuration that all machines on a database have, for
// the machine with a configuration of its own. What is about a machine is taken from
// there: data, database, listen, token, viewer_token, public, fleet.worker,
// fleet.egress and, of browser, path, profile, remote and flags.
func Merge(own *Config, version int64, name, text string, env func(string) (string, bool), markets market.Set) (*Config, error) {
	c := Default()
	c.file, c.Applied = own.file, version
	src, err := readMerged(mergedName(version, name), []byte(text), env, c)
	if err != nil {
		return nil, err
	}
	c.Data, c.Database, c.Listen, c.Token, c.ViewerToken, c.Public = own.Data, own.Database, own.Listen, own.Token, own.ViewerToken, own.Public
	c.Fleet.Worker, c.Fleet.Egress = own.Fleet.Worker, own.Fleet.Egress
	c.Browser.Path, c.Browser.Profile, c.Browser.Remote, c.Browser.Flags = own.Browser.Path, own.Browser.Profile, own.Browser.Remote, own.Browser.Flags
	c.resolve(filepath.Dir(own.file))
	return c, c.check(src, markets)
}

// mergedName is how a text is called in messages: a file that is not applied yet has
// version 0.
func mergedName(version int64, name string) string {
	if version == 0 {
		return name
	}
	return fmt.Sprintf("version %d of the configuration (%s)", version, name)
}

// resolve makes paths of files independent of where shopwatch is started.
func (c *Config) resolve(dir string) {
	from := func(path string) string {
		if path == "" || filepath.IsAbs(path) {
			return path
		}
		return filepath.Join(dir, path)
	}
	c.Data = from(c.Data)
	if c.Browser.Profile = from(c.Browser.Profile); c.Browser.Profile == "" {
		c.Browser.Profile = filepath.Join(c.Data, "profile")
	}
	for i := range c.Channels {
		c.Channels[i].Path = from(c.Channels[i].Path)
	}
}

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
	if v := c.ViewerToken; v != "" && (len(v) < 16 || v == c.Token) {
		return src.errorf("viewer_token", "want 16 characters or more, and others than those of token")
	}
	if u, err := url.Parse(c.Public); c.Public != "" && (err != nil || u.Scheme != "https" || u.Host == "" || u.RawQuery != "") {
		return src.errorf("public", "want the address that leads people to this shopwatch, such as https://shopwatch.example.com")
	}
	if err := c.checkTimestamp(src); err != nil {
		return err
	}
	b, r := &c.Browser, &c.Rules
	for key := range b.Flags {
		if strings.HasPrefix(key, "-") || strings.ContainsAny(key, "= ") {
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

// Worker is the name of this machine among those that work on the database.
func (c *Config) Worker() string {
	if c.Fleet.Worker != "" {
		return c.Fleet.Worker
	}
	host, err := os.Hostname()
	if err != nil {
		return "nameless"
	}
	return host
}

// ProfileOf is the profile that a storefront is read with; empty for that of whoever
// reads it.
func (c *Config) ProfileOf(name tracker.StorefrontName) string {
	for _, p := range c.Fleet.Profiles {
		if slices.Contains(p.Storefronts, name) {
			return p.Name
		}
	}
	return ""
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

// TrackedGroups are the groups as the other packages know them.
func (c *Config) TrackedGroups() []tracker.Group {
	var all []tracker.Group
	for _, g := range c.Groups {
		all = append(all, tracker.Group(g))
	}
	return all
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
		if other.URL == sf.URL {
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
	_, err = m.Storefront(sf.URL, sf.Storefront.Options)
	if option := (*market.OptionError)(nil); errors.As(err, &option) {
		return src.errorf(at+".options."+option.Option, "%w", option.Err)
	}
	if err != nil {
		return src.errorf(at+".url", "%w", err)
	}
	return nil
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
	}
	if err := ch.checkKeys(src, at); err != nil {
		return err
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

// feedAddress is where the daemon itself serves the folder of a feed.
func (c *Config) feedAddress(ch *Channel) string {
	host, port, err := net.SplitHostPort(c.Listen)
	if err != nil || port == "0" {
		return ""
	}
	if ip, err := netip.ParseAddr(host); host == "" || err == nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return "http://" + net.JoinHostPort(host, port) + "/feeds/" + ch.Name + "/"
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

// Names are the storefronts in their order.
func (c *Config) Names() []tracker.StorefrontName {
	names := make([]tracker.StorefrontName, len(c.Storefronts))
	for i := range c.Storefronts {
		names[i] = c.Storefronts[i].Name
	}
	return names
}

// Storefront returns the one with the name, nil if there is none.
func (c *Config) Storefront(name tracker.StorefrontName) *Storefront {
	i := slices.Index(c.Names(), name)
	if i < 0 {
		return nil
	}
	return &c.Storefronts[i]
}

// RulesFor returns the rules by which the storefront's scans are judged. One
// that is no longer in the configuration has the general ones.
func (c *Config) RulesFor(name tracker.StorefrontName) tracker.Rules {
	r := tracker.Rules{
		Misses: c.Rules.Misses, MaxLoss: c.Rules.MaxLoss,
		Probes: c.Rules.Probes, StalledAfter: c.Rules.StalledAfter,
	}
	if sf := c.Storefront(name); sf != nil {
		r.Ignored, r.Important = sf.Ignore, sf.Watch
	}
	return r
}

// MaySend says which environment variable is not set that sending reports needs.
// Commands that only read do not.
func (c *Config) MaySend() error {
	for i := range c.Channels {
		if err := c.Channels[i].Lacks; err != nil {
			return err
		}
	}
	return nil
}

// Tells reports whether a channel has a recipient.
func (c *Config) Tells(channel, to string) bool {
	return slices.ContainsFunc(c.Channels, func(ch Channel) bool {
		return ch.Name == channel && (ch.Lacks != nil || slices.Contains(ch.Sender.Recipients(), to))
	})
}

var nameForm = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$`)

const nameMend = "want up to 64 of a-z, A-Z, 0-9, - and _; what people read is the title"

// A Duration is a length of time such as 30s, 6h or 90d.
type Duration time.Duration

var errDuration = errors.New("is not a duration; write 30s, 5m, 6h or 90d")

// UnmarshalText reads a duration. It knows days beside what Go knows.
func (d *Duration) UnmarshalText(b []byte) error {
	s := string(b)
	if days, ok := strings.CutSuffix(s, "d"); ok {
		n, err := strconv.ParseUint(days, 10, 16)
		if err != nil {
			return errDuration
		}
		*d = Duration(time.Duration(n) * 24 * time.Hour)
		return nil
	}
	v, err := time.ParseDuration(s)
	if err != nil || v < 0 {
		return errDuration
	}
	*d = Duration(v)
	return nil
}

// Bytes is a size.
type Bytes int64

// units are those in which a size may be written, the largest first.
var units = []struct {
	name  string
	bytes Bytes
}{{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}}

// UnmarshalText reads a size: 2GiB, 500MiB, or 0.
func (b *Bytes) UnmarshalText(text []byte) error {
	s := string(text)
	if s == "0" {
		*b = 0
		return nil
	}
	for _, u := range units {
		number, found := strings.CutSuffix(s, u.name)
		if !found {
			continue
		}
		if n, err := strconv.ParseUint(strings.TrimSpace(number), 10, 20); err == nil {
			*b = Bytes(n) * u.bytes
			return nil
		}
	}
	return errors.New("is not a size; write 2GiB, 500MiB or 0")
}

// String writes a size as UnmarshalText reads it.
func (b Bytes) String() string {
	for _, u := range units {
		if b >= u.bytes && b%u.bytes == 0 {
			return fmt.Sprintf("%d%s", b/u.bytes, u.name)
		}
	}
	return strconv.FormatInt(int64(b), 10)
}

// A Pace is a pause of random length between two pages.
type Pace struct{ Min, Max time.Duration }

// UnmarshalText reads a pause: "4s", or "3s-6s" for one in between.
func (p *Pace) UnmarshalText(b []byte) error {
	low, high, span := strings.Cut(string(b), "-")
	if !span {
		high = low
	}
	var from, to Duration
	if from.UnmarshalText([]byte(strings.TrimSpace(low))) != nil || to.UnmarshalText([]byte(strings.TrimSpace(high))) != nil || from > to {
		return errors.New("is not a pause; write 4s, or 3s-6s for a random one in between, or 0s for none")
	}
	p.Min, p.Max = time.Duration(from), time.Duration(to)
	return nil
}

// Hours are a part of the day such as 22:00-07:00.
type Hours notify.Hours

// UnmarshalText reads two times of day.
func (h *Hours) UnmarshalText(b []byte) error {
	const fix = "is no part of a day; write 22:00-07:00"
	from, to, ok := strings.Cut(string(b), "-")
	f, err := time.Parse("15:04", strings.TrimSpace(from))
	t, err2 := time.Parse("15:04", strings.TrimSpace(to))
	if !ok || err != nil || err2 != nil || f.Equal(t) {
		return errors.New(fix)
	}
	midnight := time.Date(0, 1, 1, 0, 0, 0, 0, time.UTC)
	h.From, h.To = f.Sub(midnight), t.Sub(midnight)
	return nil
}

// A Zone is a time zone.
type Zone struct{ *time.Location }

// UnmarshalText reads the name of a time zone.
func (z *Zone) UnmarshalText(b []byte) error {
	l, err := time.LoadLocation(string(b))
	if err != nil || len(b) == 0 || string(b) == "Local" {
		return errors.New("is not a time zone; write one such as Asia/Shanghai or UTC")
	}
	z.Location = l
	return nil
}

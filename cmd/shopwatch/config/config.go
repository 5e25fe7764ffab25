// Package config reads shopwatch.yaml, strictly: what is wrong is said with file,
// line and what is allowed.
package config

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"

	"shopwatch/tracker"
	"shopwatch/tracker/market"
	"shopwatch/tracker/market/all"
	"shopwatch/tracker/notify"
	"shopwatch/tracker/schedule"
)

// A Config is what shopwatch.yaml says.
type Config struct {
	Data        string       `yaml:"data"`         // directory; from the directory of the file if relative
	Database    string       `yaml:"database"`     // postgres://… of several machines; a file in Data when empty
	Bucket      Bucket       `yaml:"bucket"`       // of large evidence, beside Database
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

// A Bucket keeps large evidence beside the database. It understands the S3 API.
type Bucket struct {
	URL       string `yaml:"url"`    // none when empty
	Region    string `yaml:"region"` // us-east-1 when empty
	AccessKey string `yaml:"access_key"`
	SecretKey string `yaml:"secret_key"`
	From      Bytes  `yaml:"from"` // the size of evidence that goes there
	// Lacks says which environment variable is not set without which nothing is
	// written there or read.
	Lacks error
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

	// opened is what the marketplace makes of address and options, asks what it
	// is asked for first.
	opened market.Storefront
	asks   string
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

// Default is a configuration that says nothing.
func Default() *Config {
	r := tracker.DefaultRules()
	return &Config{
		Data:     "./data",
		Bucket:   Bucket{From: 100 << 10},
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
	if err := c.resolve(src, filepath.Dir(file)); err != nil {
		return c, err
	}
	if err := c.checkBucket(src); err != nil {
		return c, err
	}
	return c, c.check(src, markets)
}

// Merge reads the text of a configuration that all machines on a database have, for
// the machine with a configuration of its own. What is about a machine is taken from
// there: data, database, bucket, listen, token, viewer_token, public, fleet.worker,
// fleet.egress and, of browser, path, profile, remote and flags.
func Merge(own *Config, version int64, name, text string, env func(string) (string, bool), markets market.Set) (*Config, error) {
	c := Default()
	c.file, c.Applied = own.file, version
	src, err := readMerged(mergedName(version, name), []byte(text), env, c)
	if err != nil {
		return nil, err
	}
	c.Data, c.Database, c.Bucket, c.Listen, c.Token, c.ViewerToken, c.Public = own.Data, own.Database, own.Bucket, own.Listen, own.Token, own.ViewerToken, own.Public
	c.Fleet.Worker, c.Fleet.Egress = own.Fleet.Worker, own.Fleet.Egress
	c.Browser.Path, c.Browser.Profile, c.Browser.Remote, c.Browser.Flags = own.Browser.Path, own.Browser.Profile, own.Browser.Remote, own.Browser.Flags
	if err := c.resolve(src, filepath.Dir(own.file)); err != nil {
		return c, err
	}
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

// resolve makes paths of files independent of where shopwatch is started. One that
// begins with ~ is refused: only shells know whose home that is.
func (c *Config) resolve(src *source, dir string) error {
	paths := map[string]*string{"data": &c.Data, "browser.profile": &c.Browser.Profile}
	for i := range c.Channels {
		paths[fmt.Sprintf("channels[%d].path", i)] = &c.Channels[i].Path
	}
	for _, at := range slices.Sorted(maps.Keys(paths)) {
		path := paths[at]
		if strings.HasPrefix(*path, "~") {
			return src.errorf(at, "%q: ~ does not stand for a home directory here; write ${HOME}, or the whole path", *path)
		}
		if *path != "" && !filepath.IsAbs(*path) {
			*path = filepath.Join(dir, *path)
		}
	}
	if c.Browser.Profile == "" {
		c.Browser.Profile = filepath.Join(c.Data, "profile")
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

// TrackedGroups are the groups as the other packages know them.
func (c *Config) TrackedGroups() []tracker.Group {
	var all []tracker.Group
	for _, g := range c.Groups {
		all = append(all, tracker.Group(g))
	}
	return all
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

// Channel returns the one with the name, nil if there is none.
func (c *Config) Channel(name string) *Channel {
	i := slices.IndexFunc(c.Channels, func(ch Channel) bool { return ch.Name == name })
	if i < 0 {
		return nil
	}
	return &c.Channels[i]
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
	ch := c.Channel(channel)
	return ch != nil && (ch.Lacks != nil || slices.Contains(ch.Sender.Recipients(), to))
}

package config_test

import (
	"encoding/binary"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"shopwatch/cmd/shopwatch/config"
	"shopwatch/tracker"
	"shopwatch/tracker/market/all"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// environment is what the sample files may use.
func environment(name string) (string, bool) {
	value, ok := map[string]string{
		"SMTP_PASSWORD": "p: [a}ss\n\"word",
		"SECRET":        "t0p-s3cr3t",
	}[name]
	return value, ok
}

// Every bad sample is refused with the message that stands beside it.
func TestBadConfig(t *testing.T) {
	files, _ := filepath.Glob("testdata/*.bad.yaml")
	if len(files) == 0 {
		t.Fatal("no samples")
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".bad.yaml"), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			_, err = config.Parse("shopwatch.yaml", text, environment, all.Markets())
			if err == nil {
				t.Fatal("parseConfig = nil, want an error")
			}
			golden(t, strings.TrimSuffix(file, ".yaml")+".txt", err.Error()+"\n")
			if strings.Contains(err.Error(), "t0p-s3cr3t") {
				t.Errorf("the message tells a secret: %s", err)
			}
		})
	}
}

func golden(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func good(t *testing.T, name string) *config.Config {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", name+".good.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	c, err := config.Parse("/etc/shopwatch.yaml", text, environment, all.Markets())
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestGoodConfig(t *testing.T) {
	c := good(t, "design")
	if c.Data != "/etc/data" || c.Browser.Profile != "/etc/data/profile" {
		t.Errorf("Data = %q, Profile = %q, want them beside the file", c.Data, c.Browser.Profile)
	}
	sf, ch := c.Storefronts[0], c.Channels[0]
	if got, want := ch.Password, "p: [a}ss\n\"word"; got != want {
		t.Errorf("Password = %q, want %q", got, want)
	}
	at := time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)
	if got, want := sf.When.Next(at), at.Add(12*time.Hour); !got.Equal(want) {
		t.Errorf("Next = %s, want 21:00 in Tokyo, %s", got, want)
	}
	if ch.Digest != nil || ch.Timezone.String() != "Asia/Shanghai" {
		t.Errorf("channel = %v, %v, want a report per scan in the file's time zone", ch.Digest, ch.Timezone)
	}
	if got := c.Browser.Flags; got["disable-sync"] != true || got["lang"] != "zh-CN" {
		t.Errorf("Flags = %v, want disable-sync true and lang zh-CN", got)
	}
}

// A shop in two countries, and a part of it, are storefronts of their own.
func TestOneShopOftenWatched(t *testing.T) {
	if c := good(t, "one_shop"); len(c.Storefronts) != 5 {
		t.Errorf("%d storefronts, want 5", len(c.Storefronts))
	}
}

// Files come from editors of every system.
func TestEncoding(t *testing.T) {
	const text = "storefronts:\n  - name: tencent\n    url: https://tencent.tmall.com/\n    title: 腾讯\n"
	wide := []byte{0xff, 0xfe}
	for _, u := range utf16.Encode([]rune(text)) {
		wide = binary.LittleEndian.AppendUint16(wide, u)
	}
	for _, tt := range []struct {
		name, text, says string
	}{
		{"a byte order mark", "\ufeff" + text, ""},
		{"lines that end as those of Windows", "\ufeff" + strings.ReplaceAll(text, "\n", "\r\n"), ""},
		{"UTF-16", string(wide), "shopwatch.yaml:1:1: this line is not in UTF-8; save the file in that encoding"},
		{"UTF-16 without a mark", string(wide[2:]), "shopwatch.yaml:1:1: this line is not in UTF-8"},
		{"GBK", strings.ReplaceAll(text, "腾讯", "\xcc\xda\xd1\xb6"), "shopwatch.yaml:4:1: this line is not in UTF-8"},
		{"a control character", text + "data: \"a\\0\"\n", "shopwatch.yaml:5:7: data: there is a control character in it"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, err := config.Parse("shopwatch.yaml", []byte(tt.text), environment, all.Markets())
			switch {
			case tt.says == "" && (err != nil || c.Storefronts[0].Title != "腾讯"):
				t.Errorf("Parse = %v, want it read", err)
			case tt.says != "" && (err == nil || !strings.HasPrefix(err.Error(), tt.says)):
				t.Errorf("Parse = %v, want %q", err, tt.says)
			}
		})
	}
}

// The sample that init --full writes names every key there is, as it says.
func TestSampleNamesEveryKey(t *testing.T) {
	var missing func(reflect.Type) []string
	missing = func(typ reflect.Type) (keys []string) {
		for i := range typ.NumField() {
			key := typ.Field(i).Tag.Get("yaml")
			if key == "" {
				continue // what follows from others
			}
			if !regexp.MustCompile(`(?m)^[# -]*` + key + `:|` + key + `:,`).Match(config.Sample) {
				keys = append(keys, key)
			}
			inner := typ.Field(i).Type
			if inner.Kind() == reflect.Slice {
				inner = inner.Elem()
			}
			if inner.Kind() == reflect.Struct {
				keys = append(keys, missing(inner)...)
			}
		}
		return keys
	}
	if keys := missing(reflect.TypeFor[config.Config]()); len(keys) > 0 {
		t.Errorf("the sample lacks %v", keys)
	}
}

// The sample that init --full writes shows the defaults, and its comments hold keys
// that exist.
func TestSample(t *testing.T) {
	c, err := config.Parse("shopwatch.yaml", config.Sample, environment, all.Markets())
	if err != nil {
		t.Fatal(err)
	}
	least := good(t, "least")
	if c.Browser.Pace != least.Browser.Pace || c.Browser.PageTimeout != least.Browser.PageTimeout || c.Rules != least.Rules ||
		c.Retention != least.Retention || c.Listen != least.Listen || c.Timezone.String() != least.Timezone.String() {
		t.Errorf("sample = %+v, want the defaults %+v", c, least)
	}
	text := strings.ReplaceAll(string(config.Sample), "acme/", "tencent/") // the sample has one storefront
	text = regexp.MustCompile(`(?m)^#(channels:|groups:|fleet:|bucket:|  [ a-z-])`).ReplaceAllString(text, "$1")
	text = strings.Replace(text, `database: ""`, "database: postgres://u@h/d", 1) // a fleet needs one
	text = regexp.MustCompile(`(?m)^    # `).ReplaceAllString(text, "    ")
	if c, err = config.Parse("shopwatch.yaml", []byte(text), environment, all.Markets()); err != nil {
		t.Fatalf("with all comments taken for keys: %v", err)
	}
	if len(c.Channels) != 3 || len(c.Groups) != 1 || c.Storefronts[0].Title == "" || c.Channels[0].LeastPercent != 5 || c.Bucket.From != config.Default().Bucket.From {
		t.Errorf("configuration = %+v, want all that the comments hold", c)
	}
}

// least.good.yaml is design.good.yaml with its optional parts left out: the
// defaults are those that it shows.
func TestDefaults(t *testing.T) {
	least, design := good(t, "least"), good(t, "design")
	if least.Browser.Pace != design.Browser.Pace || least.Browser.PageTimeout != design.Browser.PageTimeout ||
		least.Rules != design.Rules || least.Retention != design.Retention || least.Listen != design.Listen ||
		least.Data != design.Data || least.Timezone.String() != design.Timezone.String() {
		t.Errorf("defaults = %+v, want those of %+v", least, design)
	}
}

// The keys of a bucket may be in the environment alone, and those that are not set do
// not keep back who needs no evidence.
func TestBucketKeys(t *testing.T) {
	const text = "database: postgres://u@h/d\nbucket: {url: 'https://s3.example.com/b'%s}\nstorefronts: [{name: tencent, url: 'https://tencent.tmall.com/'}]"
	amazon := func(name string) (string, bool) {
		value, ok := map[string]string{"AWS_ACCESS_KEY_ID": "their", "AWS_SECRET_ACCESS_KEY": "s3cret"}[name]
		return value, ok
	}
	for _, tt := range []struct{ name, keys, access, lacks string }{
		{"none", "", "their", ""},
		{"its own", ", access_key: own, secret_key: secret", "own", ""},
		{"one that is not set", ", access_key: own, secret_key: '${NOWHERE}'", "own", "NOWHERE is not set"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, err := config.Parse("shopwatch.yaml", fmt.Appendf(nil, text, tt.keys), amazon, all.Markets())
			if err != nil || c.Bucket.AccessKey != tt.access || (c.Bucket.Lacks == nil) != (tt.lacks == "") || c.Bucket.Lacks != nil && !strings.Contains(c.Bucket.Lacks.Error(), tt.lacks) {
				t.Errorf("bucket = %+v, %v", c.Bucket, err)
			}
			for _, shown := range c.Shown() {
				if shown[0] == "bucket.secret_key" && shown[1] != "(not shown)" {
					t.Errorf("%s is shown: %s", shown[0], shown[1])
				}
			}
		})
	}
}

// Options may be nested, and values may be given short or written out.
func TestNestedOptions(t *testing.T) {
	c := good(t, "pages")
	for i, want := range [][]string{
		{`"transport":"page"`, `"css":"a.title"`, `"attr":["data-src","srcset","src"]`, `"currency":"EUR"`, `"link":"a[rel=next]"`, `"status":[404,410]`, `"css":"button.add-to-cart"`, `"robots":"obey"`},
		{`"transport":"http"`, `"link":"/p/(\\d+)"`, `"css":".price"`, `"sitemap":"true"`, `"text":"Nothing found"`, `"param":"page"`, `"robots":"ignore"`},
	} {
		sf := c.Storefronts[i].Storefront
		for _, w := range want {
			if !strings.Contains(sf.Options, w) {
				t.Errorf("options of %s = %s, want %s", sf.Name, sf.Options, w)
			}
		}
		if _, _, err := all.Markets().Open(sf); err != nil {
			t.Errorf("what was kept of the options of %s is not understood: %v", sf.Name, err)
		}
	}
}

func TestRules(t *testing.T) {
	c := good(t, "design")
	r := c.RulesFor("tencent")
	for _, tt := range []struct {
		name, id, title string
		ignored         bool
		important       string
	}{
		{"an ordinary product", "1", "Qrobot 聊天机器人", false, ""},
		{"a title that is ignored", "2", "补差价专用链接", true, ""},
		{"a number that is ignored", "45123456789", "全民WiFi", true, ""},
		{"a title that is watched for", "3", "糖大夫 血糖仪", false, "血糖仪|投影"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := &tracker.Product{ID: tracker.ProductID(tt.id), Title: tt.title}
			if got := r.Ignored.Picks(p) != ""; got != tt.ignored {
				t.Errorf("Ignored = %v, want %v", got, tt.ignored)
			}
			if got := r.Important.Picks(p); got != tt.important {
				t.Errorf("Important = %q, want %q", got, tt.important)
			}
		})
	}
	if r := c.RulesFor("former"); r.Misses != 3 || r.Ignored != nil {
		t.Errorf("rules of a storefront that is not configured = %+v, want the general ones", r)
	}
}

func FuzzConfig(f *testing.F) {
	files, _ := filepath.Glob("testdata/*.yaml")
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		c, err := config.Parse("shopwatch.yaml", text, environment, all.Markets())
		if err == nil && len(c.Storefronts) == 0 {
			t.Error("a configuration without storefronts, want an error")
		}
		if err != nil && !strings.HasPrefix(err.Error(), "shopwatch.yaml:") {
			t.Errorf("err = %v, want it to say where", err)
		}
	})
}

// What is about a machine comes from its own file, all else from what was applied,
// also where a variable of another machine is not set here.
func TestMerge(t *testing.T) {
	own, err := config.Parse("/etc/shopwatch.yaml", []byte("database: postgres://u@here/d\ndata: /srv/data\nlisten: 127.0.0.1:1\nfleet: {worker: beta, egress: home}\nbrowser: {flags: {lang: zh-CN}, pace: 9s}"), os.LookupEnv, all.Markets())
	if err != nil {
		t.Fatal(err)
	}
	const text = `database: ${NOT_SET_HERE}
token: ${NOT_SET_HERE_EITHER}
listen: 0.0.0.0:80
data: elsewhere
fleet: {worker: alpha, egress: office, profiles: [{name: buyer, worker: beta, storefronts: [tencent]}]}
browser: {flags: {lang: de}, pace: 2s}
storefronts: [{name: tencent, url: "https://tencent.tmall.com/"}]`
	c, err := config.Merge(own, 3, "fleet.yaml", text, os.LookupEnv, all.Markets())
	if err != nil {
		t.Fatal(err)
	}
	got := strings.TrimSpace(fmt.Sprintln(c.Applied, c.Database, c.Data, c.Listen, c.Token, c.Worker(), c.Fleet.Egress, c.Browser.Flags, c.Browser.Pace, c.Names(), c.ProfileOf("tencent")))
	if want := "3 postgres://u@here/d /srv/data 127.0.0.1:1  beta home map[lang:zh-CN] 2s [tencent] buyer"; got != want {
		t.Errorf("Merge = %s\nwant %s", got, want)
	}
	_, err = config.Merge(own, 3, "fleet.yaml", "storefront: []", os.LookupEnv, all.Markets())
	if err == nil || !strings.HasPrefix(err.Error(), "version 3 of the configuration (fleet.yaml):1:1: storefront: unknown key") {
		t.Errorf("Merge of a bad one: %v", err)
	}
}

// A key without a value is as if it were not there.
func TestKeysWithoutValues(t *testing.T) {
	c := good(t, "no_values")
	if c.Data != "/etc/data" || c.Timezone.String() != "Asia/Shanghai" || c.Rules.Misses != 3 || c.Channels[0].Lang != "en" || c.Storefronts[0].Marketplace != "tmall" {
		t.Errorf("read as %+v", c)
	}
}

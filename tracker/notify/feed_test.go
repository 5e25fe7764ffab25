package notify_test

import (
	"encoding/xml"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"shopwatch/storage/bolt"
	"shopwatch/tracker"
	"shopwatch/tracker/notify"
)

// An atom is a feed as a reader of feeds sees it.
type atom struct {
	Lang    string `xml:"lang,attr"`
	ID      string `xml:"id"`
	Title   string `xml:"title"`
	Links   []link `xml:"link"`
	Updated string `xml:"updated"`
	Entries []struct {
		ID      string `xml:"id"`
		Title   string `xml:"title"`
		Updated string `xml:"updated"`
		Content string `xml:"content"`
	} `xml:"entry"`
}

type link struct {
	Rel  string `xml:"rel,attr"`
	Href string `xml:"href,attr"`
}

func readFeed(t *testing.T, path string) (a atom) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := xml.Unmarshal(text, &a); err != nil {
		t.Fatal(err)
	}
	return a
}

// TestFeedPerStorefront: a digest about two storefronts is an entry in the feed
// of each, which tells of that one only.
func TestFeedPerStorefront(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		days(t, notify.Channel{Name: "readers", Sender: sender(t, "feed", notify.Settings{Path: dir}), Digest: daily(8 * h)}, 9*h, map[time.Duration]func(*bolt.DB){
			1 * h: lists(t, "tencent", "1", "2", "3", "4"),
			2 * h: lists(t, "oppo", "8"),
			3 * h: lists(t, "tencent", "1", "2", "3", "5"), // 4 is missing, without proof
			4 * h: lists(t, "oppo", "8", "9"),
		})
		for name, want := range map[tracker.StorefrontName][2]string{"tencent": {"血糖仪 5", "血糖仪 9"}, "oppo": {"血糖仪 9", "血糖仪 5"}} {
			f := readFeed(t, filepath.Join(dir, string(name)+".xml"))
			if len(f.Entries) != 1 || !strings.Contains(f.Entries[0].Content, want[0]) || strings.Contains(f.Entries[0].Content, want[1]) {
				t.Errorf("feed of %s: %+v\nwant one entry with %s and not %s", name, f, want[0], want[1])
			}
			if missing := strings.Contains(f.Entries[0].Content, "Not seen, not confirmed"); missing != (name == "tencent") {
				t.Errorf("feed of %s tells of missing products: %v", name, missing)
			}
			if !regexp.MustCompile(`^urn:shopwatch:[0-9a-f]{20}:readers:`+string(name)+`$`).MatchString(f.ID) || f.Updated == "" || f.Updated != f.Entries[0].Updated {
				t.Errorf("feed of %s: id %s, updated %s", name, f.ID, f.Updated)
			}
		}
	})
}

// TestFeedForgets: only the newest reports stay, the newest first.
func TestFeedForgets(t *testing.T) {
	db, dir := fresh(t), t.TempDir()
	n := notifier(t, db, quietLog(), notify.Channel{Name: "readers", Sender: sender(t, "feed", notify.Settings{Path: dir})})
	list := []tracker.Product{product("1")}
	commit(t, db, "tencent", nine, list...)
	for i := range 103 {
		list = append(list, product(fmt.Sprint(100+i)))
		commit(t, db, "tencent", nine.Add(time.Duration(i+1)*time.Minute), list...)
	}
	flushUntil(t, n, db)
	f := readFeed(t, filepath.Join(dir, "tencent.xml"))
	if len(f.Entries) != 100 || !strings.Contains(f.Entries[0].Content, "No. 202") || !strings.Contains(f.Entries[99].Content, "No. 103") {
		t.Errorf("%d entries, from %s to %s; want 100, the newest first", len(f.Entries), f.Entries[0].Title, f.Entries[len(f.Entries)-1].Title)
	}
}

// TestFeedForReaders: an entry consists of paragraphs and lists that a reader of
// feeds shows in its own way, with pictures that are there, in a feed that says
// what it is, where it is and in which language.
func TestFeedForReaders(t *testing.T) {
	db, dir := fresh(t), t.TempDir()
	n := notifier(t, db, quietLog(), notify.Channel{
		Name: "readers", Lang: "zh", Sender: sender(t, "feed", notify.Settings{Path: dir, Address: "https://example.com/feeds/"}),
	})
	list := []tracker.Product{product("1"), product("2")}
	commit(t, db, "tencent", nine, list...)
	pictures := func() (names []string) {
		files, err := filepath.Glob(filepath.Join(dir, "*.jpg"))
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			names = append(names, filepath.Base(f))
		}
		return names
	}
	add := func(i int) {
		t.Helper()
		name, err := db.KeepEvidence(ctx, noise(200+i, 200), "jpg")
		if err != nil {
			t.Fatal(err)
		}
		p := product(fmt.Sprint(100 + i))
		p.Title = "<b>血糖仪</b> & 试纸"
		list = append(list, p)
		s := complete("tencent", nine.Add(time.Duration(i+1)*time.Hour), list...)
		s.Pictures = map[tracker.ProductID]tracker.Picture{p.ID: {Hash: "x", File: name}}
		if _, err := db.Commit(ctx, s, tracker.DefaultRules()); err != nil {
			t.Fatal(err)
		}
		flushUntil(t, n, db)
	}
	add(0)
	f := readFeed(t, filepath.Join(dir, "tencent.xml"))
	if f.Lang != "zh-CN" || f.Title != "Tencent flagship" || len(f.Entries) != 1 || f.Entries[0].Title != "上新 1" {
		t.Errorf("feed %q in %q, entries %+v", f.Title, f.Lang, f.Entries)
	}
	want := []link{{"self", "https://example.com/feeds/tencent.xml"}, {"alternate", "https://tencent.tmall.com/"}}
	if fmt.Sprint(f.Links) != fmt.Sprint(want) {
		t.Errorf("links %v, want %v", f.Links, want)
	}
	body := f.Entries[0].Content
	for _, part := range []string{"<h3>上新 (1)</h3><ul><li>", "&lt;b&gt;血糖仪&lt;/b&gt; &amp; 试纸</a>", "商品编号 100 · ¥299.00", "</li></ul>"} {
		if !strings.Contains(body, part) {
			t.Errorf("the entry lacks %s: %s", part, body)
		}
	}
	if strings.Contains(body, "style") || strings.Contains(body, "changes.csv") || strings.Contains(body, "cid:") {
		t.Errorf("the entry is styled, or speaks of what is not there: %s", body)
	}
	shown := regexp.MustCompile(`<img src="https://example\.com/feeds/(tencent-[0-9a-f]{16}\.jpg)"`).FindStringSubmatch(body)
	if got := pictures(); shown == nil || fmt.Sprint(got) != fmt.Sprint(shown[1:]) {
		t.Fatalf("the entry shows %v, and the folder has %v", shown, got)
	}
	other := filepath.Join(dir, "tencent-oppo-0123456789abcdef.jpg") // of another storefront
	if err := os.WriteFile(other, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for i := range 100 {
		add(1 + i)
	}
	if got := pictures(); len(got) != 100+1 {
		t.Errorf("%d pictures, want those of 100 entries and one that is not of this feed", len(got))
	}
	if _, err := os.Stat(filepath.Join(dir, shown[1])); err == nil {
		t.Error("the picture of an entry that is no more is still there")
	}
}

// TestFeedsOfTwoInstallations: a reader of feeds tells them apart.
func TestFeedsOfTwoInstallations(t *testing.T) {
	ids := make(map[string]bool)
	for range 2 {
		db, dir := fresh(t), t.TempDir()
		n := notifier(t, db, quietLog(), notify.Channel{Name: "readers", Sender: sender(t, "feed", notify.Settings{Path: dir})})
		two(t, db)
		flushUntil(t, n, db)
		ids[readFeed(t, filepath.Join(dir, "tencent.xml")).ID] = true
	}
	if len(ids) != 2 {
		t.Errorf("two databases make feeds called %v", ids)
	}
}

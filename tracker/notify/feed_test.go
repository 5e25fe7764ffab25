package notify_test

import (
	"encoding/xml"
	"fmt"
	"os"
	"path/filepath"
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
	ID      string `xml:"id"`
	Title   string `xml:"title"`
	Updated string `xml:"updated"`
	Entries []struct {
		ID      string `xml:"id"`
		Title   string `xml:"title"`
		Updated string `xml:"updated"`
		Content string `xml:"content"`
	} `xml:"entry"`
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
			if f.ID != "urn:shopwatch:readers:"+string(name) || f.Updated == "" || f.Updated != f.Entries[0].Updated {
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

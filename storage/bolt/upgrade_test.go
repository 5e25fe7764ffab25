package bolt_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.etcd.io/bbolt"

	"shopwatch/storage"
	"shopwatch/storage/bolt"
	"shopwatch/tracker"
)

func TestNewerSchemaIsRefused(t *testing.T) {
	path := filled(t)
	step := func(*bbolt.Tx) error { return nil }
	db, err := bolt.OpenUpgrading(path, step)
	if err != nil {
		t.Fatal(err)
	}
	db.Close()
	_, err = bolt.Open(path, bolt.Options{})
	if err == nil || !strings.Contains(err.Error(), "newer shopwatch (schema 5, this one knows 4)") {
		t.Errorf("error %v, want one about the newer schema", err)
	}
}

func TestOlderSchemaIsUpgradedAfterABackup(t *testing.T) {
	path := filled(t)
	ran := 0
	step := func(tx *bbolt.Tx) error {
		ran++
		_, err := tx.CreateBucket([]byte("notes"))
		return err
	}
	for range 2 { // the second time there is nothing to do
		db, err := bolt.OpenUpgrading(path, step)
		if err != nil {
			t.Fatal(err)
		}
		sound(t, db)
		db.Close()
	}
	if ran != 1 {
		t.Errorf("the step ran %d times, want once", ran)
	}
	backup := filepath.Join(filepath.Dir(path), "backups", "before-schema-5.db")
	old, err := bolt.Open(backup, bolt.Options{})
	if err != nil {
		t.Fatalf("the backup is no good: %v", err)
	}
	old.Close()
}

// A file as the first shopwatch wrote it: every change of a product is in the
// index.
func TestFileOfSchema1(t *testing.T) {
	path := filepath.Join(t.TempDir(), "shopwatch.db")
	must(t, os.WriteFile(path, unpacked(t, "schema-1.db.gz"), 0o600))
	db := open(t, path)
	sound(t, db)
	list := products(6)
	gone := list[5]
	list = list[:5]
	for i := range 3 {
		list[i].Price.Low += 1000 // ten times 100
	}
	if got := commit(t, db, whole("tencent", day.Add(99*time.Hour), list...)); got != nil {
		t.Errorf("the same list reports %v, want nothing", told(got))
	}
	list[0].Price.Low += 100
	again := gone
	again.ID = "1234567890"
	got := commit(t, db, whole("tencent", day.Add(100*time.Hour), append(list, again)...))
	if len(got) != 2 || got[1].SameAs == nil || got[1].SameAs.ID != gone.ID {
		t.Errorf("changes %+v, want a price and a product that was removed before", got)
	}
	if h, err := db.History(ctx, "tencent", list[0].ID, 0, 0); len(h) != 11 || err != nil || h[10].Seq != 32 {
		t.Errorf("history of %d changes, error %v; want 11", len(h), err)
	}
	sound(t, db)
	if err := bolt.Verify(filepath.Join(filepath.Dir(path), "backups", "before-schema-2.db")); err != nil {
		t.Errorf("the backup is no good: %v", err)
	}
}

// Who waits for an upgrade is told how far it has come, through each of its steps
// to the end.
func TestUpgradeTellsHowFar(t *testing.T) {
	path := filepath.Join(t.TempDir(), "shopwatch.db")
	must(t, os.WriteFile(path, unpacked(t, "schema-1.db.gz"), 0o600))
	var parts []float64
	db, err := bolt.Open(path, bolt.Options{Progress: func(done, total int) { parts = append(parts, float64(done)/float64(total)) }})
	must(t, err)
	must(t, db.Close())
	if len(parts) != 2 || parts[0] >= parts[1] || parts[1] != 1 {
		t.Errorf("told were %v, want something after the indexes and 1 after the tree", parts)
	}
}

// unpacked is a packed file of testdata.
func unpacked(t testing.TB, name string) []byte {
	t.Helper()
	packed, err := os.Open(filepath.Join("testdata", name))
	must(t, err)
	defer packed.Close()
	r, err := gzip.NewReader(packed)
	must(t, err)
	content, err := io.ReadAll(r)
	must(t, err)
	return content
}

// A file of the present schema that was made before its engine had a package of
// its own, and what that version knew from it: nothing is lost, nothing of it is
// written anew, and what came since finds its place.
func TestFileOfSchema2(t *testing.T) {
	path := filepath.Join(t.TempDir(), "shopwatch.db")
	must(t, os.WriteFile(path, unpacked(t, "schema-2.db.gz"), 0o600))
	db := open(t, path)
	sound(t, db)
	before := dump(t, db)
	type channel struct {
		Name         string
		Told         uint64
		Unsubscribed []string
	}
	type contents struct {
		Storefronts []storage.Storefront
		Products    map[tracker.StorefrontName][]tracker.Item
		Scans       []tracker.Scan
		Changes     []tracker.Change
		Channels    []channel
		Reports     []tracker.Report
	}
	var k contents
	var err error
	k.Storefronts, err = db.Storefronts(ctx)
	must(t, err)
	k.Products = make(map[tracker.StorefrontName][]tracker.Item)
	for _, sf := range k.Storefronts {
		k.Products[sf.Name], err = db.Products(ctx, sf.Name, "", 1000)
		must(t, err)
	}
	k.Scans, err = db.Scans(ctx, storage.ScanQuery{Limit: 1000})
	must(t, err)
	k.Changes, err = db.Changes(ctx, queryAll)
	must(t, err)
	channels, err := db.Channels(ctx)
	must(t, err)
	for _, c := range channels {
		k.Channels = append(k.Channels, channel{c.Name, c.Told, c.Unsubscribed})
	}
	k.Reports, err = db.Reports(ctx, storage.ReportQuery{Limit: 1000})
	must(t, err)
	got, err := json.MarshalIndent(k, "", " ")
	must(t, err)
	// Fields that came later are empty.
	var then contents
	decoder := json.NewDecoder(bytes.NewReader(unpacked(t, "schema-2.json.gz")))
	decoder.DisallowUnknownFields()
	must(t, decoder.Decode(&then))
	want, err := json.MarshalIndent(then, "", " ")
	must(t, err)
	if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(string(got), "\n")); diff != "" {
		t.Errorf("it is read otherwise (-then +now):\n%s", diff)
	}
	if got := written(before, dump(t, db)); len(got) > 0 {
		t.Errorf("reading it wrote %v", got)
	}
	if n, err := db.PagesOpened(ctx, "tencent", day, day.AddDate(1, 0, 0)); n != 276 || err != nil {
		t.Errorf("PagesOpened = %d, %v; want 276", n, err)
	}

	wall := func(c *storage.CoolDown) { c.Walls, c.Until = c.Walls+1, day }
	_, err = db.ChangeCoolDown(ctx, "tmall", wall)
	must(t, errors.Join(err, db.SetBackoff(ctx, "chat", storage.Backoff{Failures: 1, Until: day})))
	added := written(before, dump(t, db))
	if want := []string{"channels/chat", "cooldowns/tmall"}; !slices.Equal(added, want) {
		t.Errorf("written were %v, want %v", added, want)
	}
	sound(t, db)
	_, _, err = db.Compact(ctx)
	must(t, errors.Join(err, db.BackupFile(ctx, path+".backup"), bolt.Verify(path+".backup")))
	if c, err := db.CoolDown(ctx, "tmall"); c.Walls != 1 || err != nil {
		t.Errorf("CoolDown after it was compacted = %+v, %v", c, err)
	}
}

func TestFailedUpgradeLeavesTheFileAsItWas(t *testing.T) {
	path := filled(t)
	boom := errors.New("boom")
	_, err := bolt.OpenUpgrading(path, func(tx *bbolt.Tx) error { return tx.DeleteBucket([]byte("changes")) }, func(*bbolt.Tx) error { return boom })
	if !errors.Is(err, boom) {
		t.Fatalf("error %v, want %v", err, boom)
	}
	db := open(t, path)
	sound(t, db)
}

//go:build unix

package main

import (
	"path/filepath"
	"strings"
	"testing"

	"shopwatch/fixtures"
	"shopwatch/fixtures/s3test"
)

// Evidence in a bucket goes where evidence goes: into what is packed for others, and
// with a database that is moved. A bucket that is away loses no scan, and is told of.
func TestBucket(t *testing.T) {
	t.Parallel()
	s3 := s3test.Start(t)
	cluster := startCluster(t)
	url, second := cluster.URL(cluster.Database(t)), cluster.URL(cluster.Database(t))
	w := newWorld(t)
	bucket := map[string]any{"url": s3.URL(), "region": s3test.Region, "access_key": s3test.AccessKey, "secret_key": s3test.SecretKey, "from": "1KiB"}
	on := func(database string) { w.configure(map[string]any{"database": database, "bucket": bucket}) }
	on(url)
	w.want(0, "scan")
	w.shop.Take("45100000002", fixtures.Gone)
	w.want(0, "scan")
	files := len(s3.Files())
	if files < 2 { // a picture and a capture
		t.Errorf("%d files are in the bucket", files)
	}
	if out := w.want(0, "check"); !strings.Contains(out, "ok    bucket           "+s3.URL()+" can be written and read; ") || strings.Contains(out, s3test.SecretKey) {
		t.Errorf("check prints\n%s", out)
	}
	capture := filepath.Join(w.dir, "change.wacz")
	w.want(0, "evidence", "1", filepath.Join(w.dir, "change.zip"))
	w.want(0, "evidence", "1", capture)
	w.want(0, "verify", filepath.Join(w.dir, "change.zip"))
	w.want(0, "verify", capture)

	file := filepath.Join(w.dir, "moved", "shopwatch.db")
	for _, way := range [][2]string{{url, file}, {file, second}} {
		if out := w.want(0, "move", way[0], way[1]); !strings.Contains(out, "compared, and the same") || strings.Contains(out, "stayed behind") {
			t.Errorf("move to %s prints\n%s", way[1], out)
		}
	}
	w.configure(map[string]any{"data": filepath.Dir(file)})
	if out := w.want(0, "check"); !strings.Contains(out, "all there") {
		t.Errorf("in a file check prints\n%s", out)
	}
	on(second)
	if out := w.want(0, "check"); !strings.Contains(out, "will be carried over within the hour") || !strings.Contains(out, "all there") {
		t.Errorf("on another server check prints\n%s", out)
	}
	stop := w.daemon()
	until(t, "it is carried over", func() bool { return !strings.Contains(w.want(0, "check"), "carried over") })
	if status, log := stop(); status != 0 || !strings.Contains(log, "evidence carried over into the bucket") {
		t.Errorf("the daemon ended with %d:\n%s", status, log)
	}

	s3.Stop()
	w.shop.Take("45100000003", fixtures.Gone)
	out, errs, status := w.do("scan", "--json")
	if status != 0 || !strings.Contains(out, `"removed"`) || !strings.Contains(errs, "evidence stays in the database: bucket "+s3.URL()+": cannot be reached") || strings.Count(errs, "stays in") != 1 {
		t.Errorf("scan without the bucket = %d, %s%s", status, out, errs)
	}
	w.want(0, "evidence", "2", filepath.Join(w.dir, "second.wacz"))
	if out, _, status := w.do("check"); status != 1 || !strings.Contains(out, "FIX   bucket           bucket "+s3.URL()+": cannot be reached") {
		t.Errorf("check without the bucket = %d\n%s", status, out)
	}
	if _, errs, status := w.do("evidence", "1", filepath.Join(w.dir, "again.wacz")); status != 1 || !strings.Contains(errs, "cannot be reached") {
		t.Errorf("evidence in a bucket that is away = %d, %s", status, errs)
	}
	if _, errs, status := w.do("move", second, file+".second"); status != 1 || !strings.Contains(errs, "cannot be reached") {
		t.Errorf("move without the bucket = %d, %s", status, errs)
	}
}

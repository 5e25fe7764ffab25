//go:build unix

package postgres_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net"
	"net/http/httptrace"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"shopwatch/fixtures/s3test"
	"shopwatch/storage"
	"shopwatch/storage/bucket"
	"shopwatch/storage/postgres"
	"shopwatch/storage/storetest"
	"shopwatch/tracker"
)

// bucketAt is the bucket at a URL, for evidence of 1,000 bytes and more.
func bucketAt(t testing.TB, url string) postgres.Options {
	t.Helper()
	b, err := bucket.New(bucket.Options{URL: url, Region: s3test.Region, AccessKey: s3test.AccessKey, SecretKey: s3test.SecretKey})
	must(t, err)
	return postgres.Options{Bucket: b, BucketFrom: 1000}
}

func openWith(t testing.TB, name string, o postgres.Options) *postgres.DB {
	t.Helper()
	db, err := postgres.Open(ctx, cluster.URL(name), o)
	must(t, err)
	t.Cleanup(func() { must(t, db.Close()) })
	return db
}

// The contract holds for evidence in a bucket, whatever its size.
func TestStoreWithBucket(t *testing.T) {
	s := s3test.Start(t)
	storetest.Run(t, storetest.Engine{Open: func(t testing.TB) storage.Store {
		o := bucketAt(t, s.URL()+"/"+strings.ReplaceAll(t.Name(), "/", "-"))
		o.BucketFrom = 0
		return openWith(t, cluster.Database(t), o)
	}})
}

func count(t testing.TB, db *postgres.DB, sql string) (n int) {
	t.Helper()
	must(t, db.View(ctx, func(tx pgx.Tx) error { return tx.QueryRow(ctx, sql).Scan(&n) }))
	return n
}

// keepIn keeps a file that a change of a storefront names, and returns its name.
func keepIn(t testing.TB, db storage.Store, name tracker.StorefrontName, content []byte) string {
	t.Helper()
	file, err := db.KeepEvidence(ctx, content, "webp")
	must(t, err)
	storetest.Commit(t, db, storetest.Complete(name, storetest.Day, storetest.Products(2)...))
	scan := storetest.Complete(name, storetest.Day.Add(time.Hour), storetest.Products(3)...)
	scan.Pictures = map[tracker.ProductID]tracker.Picture{storetest.Product(2).ID: {File: file}}
	storetest.Commit(t, db, scan)
	return file
}

// Large evidence lies in the bucket, small in the table. What is read is what was
// kept, or an error.
func TestBucket(t *testing.T) {
	s := s3test.Start(t)
	name := cluster.Database(t)
	o := bucketAt(t, s.URL())
	o.Warn = func(err error) { t.Error(err) }
	db := openWith(t, name, o)
	content := s3test.Large(5000)
	large := keepIn(t, db, "tencent", content)
	small, err := db.KeepEvidence(ctx, []byte("small"), "webp")
	must(t, err)
	key := large[:2] + "/" + large
	if files := s.Files(); len(files) != 1 || !bytes.Equal(files[key], content) {
		t.Errorf("%d files are in the bucket, %s of %d bytes among them", len(files), key, len(files[key]))
	}
	for file, want := range map[string][]byte{large: content, small: []byte("small")} {
		if got, found, err := db.Evidence(ctx, file); !bytes.Equal(got, want) || !found || err != nil {
			t.Errorf("Evidence(%s) = %d bytes, %v, %v", file, len(got), found, err)
		}
	}
	if u, err := db.CheckBucket(ctx); u != (postgres.BucketUse{Files: 1, Bytes: 5000}) || err != nil {
		t.Errorf("CheckBucket = %+v, %v", u, err)
	}
	check := func(want storage.EvidenceCheck) {
		t.Helper()
		if c, err := db.CheckEvidence(ctx, 1<<20); err != nil || !cmp.Equal(c, want) {
			t.Errorf("CheckEvidence = %+v, %v; want %+v", c, err, want)
		}
	}
	check(storage.EvidenceCheck{Named: 1, Read: 1})

	// A machine that knows no bucket says so.
	other := open(t, cluster.URL(name))
	if _, _, err := other.Evidence(ctx, large); err == nil || !strings.Contains(err.Error(), "set bucket in the configuration of this machine") || !strings.Contains(err.Error(), s.URL()) {
		t.Errorf("without a bucket: %v", err)
	}
	if u, err := other.CheckBucket(ctx); u.Files != 1 || u.Elsewhere != s.URL() || err != nil {
		t.Errorf("CheckBucket without a bucket = %+v, %v", u, err)
	}
	s.Alter(key)
	if _, _, err := db.Evidence(ctx, large); !errors.Is(err, storage.ErrDamaged) {
		t.Errorf("of what was altered in the bucket: %v", err)
	}
	check(storage.EvidenceCheck{Named: 1, Read: 1, Damaged: 1, Files: []string{large}})
	s.Lose(key)
	if _, found, err := db.Evidence(ctx, large); found || err != nil {
		t.Errorf("of what was lost in the bucket: %v, %v", found, err)
	}
	check(storage.EvidenceCheck{Named: 1, Read: 1, Missing: 1, Files: []string{large}})
}

// While the bucket is away nothing is lost and nothing waits: evidence stays in the
// table, and is carried over later.
func TestBucketAway(t *testing.T) {
	s := s3test.Start(t)
	var said []string
	o := bucketAt(t, s.URL())
	o.Warn = func(err error) { said = append(said, err.Error()) }
	name := cluster.Database(t)
	db := openWith(t, name, o)
	before := keepIn(t, db, "a", s3test.Large(2000))
	s.Stop()
	content := s3test.Large(3000)
	during := keepIn(t, db, "b", content)
	keepIn(t, db, "c", s3test.Large(4000)) // the bucket is not asked again at once
	if len(said) != 1 || !strings.Contains(said[0], "cannot be reached") || !strings.Contains(said[0], s.URL()) {
		t.Errorf("it says %q", said)
	}
	if got, found, err := db.Evidence(ctx, during); !bytes.Equal(got, content) || !found || err != nil {
		t.Errorf("Evidence = %d bytes, %v, %v", len(got), found, err)
	}
	if _, _, err := db.Evidence(ctx, before); err == nil || errors.Is(err, storage.ErrDamaged) || errors.Is(err, postgres.ErrAway) {
		t.Errorf("of what lies in the bucket: %v", err)
	}
	want := storage.EvidenceCheck{Named: 3, Read: 2}
	if c, err := db.CheckEvidence(ctx, 1<<20); err != nil || !cmp.Equal(c, want) {
		t.Errorf("CheckEvidence = %+v, %v; want %+v", c, err, want)
	}
	if u, err := db.CheckBucket(ctx); u.Files != 1 || u.Waiting != 2 || err == nil {
		t.Errorf("CheckBucket = %+v, %v", u, err)
	}
	if n, err := db.FillBucket(ctx); n != 0 || err == nil {
		t.Errorf("FillBucket = %d, %v", n, err)
	}
	// What cannot be deleted there keeps its row.
	if err := db.DropEvidence(ctx, before); err == nil || errors.Is(err, postgres.ErrAway) {
		t.Errorf("DropEvidence: %v", err)
	}
	// A file cannot be made of a database of which a part is away.
	if _, err := storage.Move(ctx, db, nowhere{}, nil); err == nil || !strings.Contains(err.Error(), "cannot be reached") {
		t.Errorf("Move: %v", err)
	}
	s.Run()
	if n, err := db.FillBucket(ctx); n != 2 || err != nil {
		t.Errorf("FillBucket = %d, %v; want 2", n, err)
	}
	if u, err := db.CheckBucket(ctx); u != (postgres.BucketUse{Files: 3, Bytes: 9000}) || err != nil || len(s.Files()) != 3 {
		t.Errorf("CheckBucket = %+v, %v; %d files", u, err, len(s.Files()))
	}
	if got, found, err := db.Evidence(ctx, during); !bytes.Equal(got, content) || !found || err != nil {
		t.Errorf("after that Evidence = %d bytes, %v, %v", len(got), found, err)
	}
	if n, err := db.FillBucket(ctx); n != 0 || err != nil {
		t.Errorf("FillBucket again = %d, %v", n, err)
	}
	must(t, db.DropEvidence(ctx, before))
	if n := len(s.Files()); n != 2 {
		t.Errorf("%d files, want 2", n)
	}
}

// nowhere takes everything and keeps nothing.
type nowhere struct{ storage.Loader }

func (nowhere) LoadInstance(context.Context, storage.Identity) error     { return nil }
func (nowhere) LoadStorefront(context.Context, storage.Storefront) error { return nil }
func (nowhere) LoadProducts(context.Context, tracker.StorefrontName, []storage.ShelfRow) error {
	return nil
}
func (nowhere) LoadScans(context.Context, []tracker.Scan) error     { return nil }
func (nowhere) LoadChanges(context.Context, []tracker.Change) error { return nil }
func (nowhere) LoadEvidence(context.Context, string, []byte) error  { return nil }

// A bucket at which nobody answers keeps nobody from keeping evidence.
func TestBucketNowhere(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	must(t, l.Close())
	said := 0
	o := bucketAt(t, "http://"+l.Addr().String()+"/b")
	o.Warn = func(error) { said++ }
	db := openWith(t, cluster.Database(t), o)
	content := s3test.Large(1000)
	file := keepIn(t, db, "tencent", content)
	if got, found, err := db.Evidence(ctx, file); !bytes.Equal(got, content) || !found || err != nil || said != 1 {
		t.Errorf("Evidence = %d bytes, %v, %v; it was told %d times", len(got), found, err, said)
	}
}

// What a process has left in the bucket that died before it noted that is swept, and
// not taken for evidence.
func TestBucketLeftOver(t *testing.T) {
	s := s3test.Start(t)
	db := openWith(t, cluster.Database(t), bucketAt(t, s.URL()))
	content := s3test.Large(2000)
	s.Freeze()
	keeping, cancel := context.WithCancel(ctx)
	written := httptrace.WithClientTrace(keeping, &httptrace.ClientTrace{WroteRequest: func(httptrace.WroteRequestInfo) { cancel() }})
	if _, err := db.KeepEvidence(written, content, "wacz"); !errors.Is(err, context.Canceled) {
		t.Fatalf("KeepEvidence = %v", err)
	}
	s.Thaw()
	for end := time.Now().Add(30 * time.Second); len(s.Files()) == 0; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the server has not made the file")
		}
	}
	if n := count(t, db, "select count(*) from evidence where place is not null and size is null"); n != 1 {
		t.Errorf("%d rows tell of it", n)
	}
	file := ""
	for key := range s.Files() {
		file = key[3:]
	}
	if _, found, err := db.Evidence(ctx, file); found || err != nil {
		t.Errorf("a file of which it is not known whether it is whole is there: %v, %v", found, err)
	}
	if n, err := db.SweepEvidence(ctx, time.Hour, time.Now().Add(6*24*time.Hour)); n != 0 || err != nil {
		t.Errorf("within a week %d are swept, %v", n, err)
	}
	if n, err := db.SweepEvidence(ctx, time.Hour, time.Now().Add(8*24*time.Hour)); n != 1 || err != nil || len(s.Files()) != 0 {
		t.Errorf("swept %d, %v; %d files are left", n, err, len(s.Files()))
	}
	// The same file may be kept after all.
	if got, err := db.KeepEvidence(ctx, content, "wacz"); got != file || err != nil {
		t.Errorf("KeepEvidence = %s, %v", got, err)
	}
	if _, found, err := db.Evidence(ctx, file); !found || err != nil {
		t.Errorf("Evidence = %v, %v", found, err)
	}
}

// Whoever keeps and deletes the same files at once leaves none in the bucket without a
// row and no row without its file.
func TestBucketAtOnce(t *testing.T) {
	s := s3test.Start(t)
	name := cluster.Database(t)
	contents := [][]byte{s3test.Large(1500), s3test.Large(1500)}
	var all sync.WaitGroup
	for i := range 6 {
		db := openWith(t, name, bucketAt(t, s.URL()))
		all.Go(func() {
			for n := range 40 {
				content := contents[n%2]
				var err error
				switch i % 3 {
				case 0, 1:
					_, err = db.KeepEvidence(ctx, content, "wacz")
				case 2:
					err = db.DropEvidence(ctx, fmt.Sprintf("%x.wacz", sha256.Sum256(content)))
				}
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	db := openWith(t, name, bucketAt(t, s.URL()))
	files := s.Files()
	for _, content := range contents {
		file := fmt.Sprintf("%x.wacz", sha256.Sum256(content))
		inBucket := count(t, db, "select count(*) from evidence where size is not null and name = '"+file+"'") == 1
		claimed := count(t, db, "select count(*) from evidence where place is not null and name = '"+file+"'") == 1
		_, there := files[file[:2]+"/"+file]
		if inBucket && !there || there && !claimed {
			t.Errorf("%s: the row says %v, claims %v; the file is there: %v", file, inBucket, claimed, there)
		}
	}
}

package storage_test

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"shopwatch/storage"
	"shopwatch/tracker"
)

// The benchmarks that design.md, section 7, sets numbers for. A commit waits
// for the disk twice; those that end in NoSync do not, and show what it costs
// beside that. cpu-ns is the processor's time, which a busy machine does not
// change much.

const catalogSize = 10_000

// imported is a database with a catalog of 10,000 products.
func imported(b *testing.B, noSync bool) (*storage.DB, []tracker.Product) {
	b.Helper()
	db := fresh(b)
	list := products(catalogSize)
	commit(b, db, whole("tencent", day, list...))
	db.Bolt().NoSync = noSync
	return db, list
}

func fileSize(b testing.TB, db *storage.DB) int64 {
	b.Helper()
	st, err := os.Stat(db.Path())
	if err != nil {
		b.Fatal(err)
	}
	return st.Size()
}

// report runs an operation and adds what it wrote: the bytes of new keys and
// values, of pages, and the growth of the file.
func report(b *testing.B, db *storage.DB, one func()) {
	b.Helper()
	before := dump(b, db)
	one()
	fresh := newBytes(before, dump(b, db))
	size, stats := fileSize(b, db), db.Bolt().Stats()
	cpu := cpuTime(b)
	for b.Loop() {
		one()
	}
	n := float64(b.N)
	b.ReportMetric(float64(cpuTime(b)-cpu)/n, "cpu-ns/op")
	b.ReportMetric(float64(fresh), "new-B/op")
	b.ReportMetric(float64(fileSize(b, db)-size)/n, "growth-B/op")
	after := db.Bolt().Stats()
	b.ReportMetric(float64(after.TxStats.GetPageAlloc()-stats.TxStats.GetPageAlloc())/n, "pages-B/op")
}

// cpuTime is how long processors worked for this process, in nanoseconds.
func cpuTime(b *testing.B) int64 {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return u.Utime.Nano() + u.Stime.Nano()
}

func BenchmarkFirstImport(b *testing.B) {
	list := products(catalogSize)
	for i := 0; b.Loop(); i++ {
		b.StopTimer()
		db, err := storage.Open(filepath.Join(b.TempDir(), fmt.Sprint(i), "shopwatch.db"), storage.Options{})
		if err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
		commit(b, db, whole("tencent", day, list...))
		b.StopTimer()
		b.ReportMetric(float64(newBytes(nil, dump(b, db))), "new-B/op")
		b.ReportMetric(float64(fileSize(b, db)), "file-B")
		db.Close()
		b.StartTimer()
	}
}

func benchmarkUnchanged(b *testing.B, noSync bool) {
	db, list := imported(b, noSync)
	at := day
	one := func() {
		at = at.Add(time.Hour)
		if got := commit(b, db, whole("tencent", at, list...)); got != nil {
			b.Fatalf("changes %v, want none", told(got))
		}
	}
	report(b, db, one)
}

func BenchmarkUnchanged(b *testing.B)       { benchmarkUnchanged(b, false) }
func BenchmarkUnchangedNoSync(b *testing.B) { benchmarkUnchanged(b, true) }

// changing is a scan in which 1 % of the products have other prices.
func benchmarkChanged(b *testing.B, noSync bool) {
	db, list := imported(b, noSync)
	at, round := day, 0
	one := func() {
		at, round = at.Add(time.Hour), round+1
		for i := range catalogSize / 100 {
			list[(round*37+i*100)%catalogSize].Price.Low += 100
		}
		if got := commit(b, db, whole("tencent", at, list...)); len(got) != catalogSize/100 {
			b.Fatalf("%d changes, want %d", len(got), catalogSize/100)
		}
	}
	report(b, db, one)
}

func BenchmarkOnePercent(b *testing.B)       { benchmarkChanged(b, false) }
func BenchmarkOnePercentNoSync(b *testing.B) { benchmarkChanged(b, true) }

// aged is a database with 100,000 changes of 10,000 products.
func aged(b *testing.B) *storage.DB {
	db, list := imported(b, true)
	for day100 := range 100 {
		for i := range 1000 {
			list[(day100*1000+i)%catalogSize].Price.Low += 100
		}
		commit(b, db, whole("tencent", day.Add(time.Duration(day100+1)*24*time.Hour), list...))
	}
	db.Bolt().NoSync = false
	return db
}

func BenchmarkProductHistory(b *testing.B) {
	db := aged(b)
	for b.Loop() {
		if list, err := db.History("tencent", product(77).ID, 0, 0); err != nil || len(list) != 10 {
			b.Fatalf("%d changes, error %v; want 10", len(list), err)
		}
	}
}

func BenchmarkNewest100(b *testing.B) {
	db := aged(b)
	for b.Loop() {
		if list, err := db.Changes(storage.Query{Newest: true}); err != nil || len(list) != 100 {
			b.Fatalf("%d changes, error %v; want 100", len(list), err)
		}
	}
}

// A stretch of time in the middle of the log of one storefront.
func BenchmarkOldDay(b *testing.B) {
	db := aged(b)
	from := day.Add(50 * 24 * time.Hour)
	for b.Loop() {
		list, err := db.Changes(storage.Query{Storefront: "tencent", Since: from, Until: from.Add(time.Hour)})
		if err != nil || len(list) != 100 {
			b.Fatalf("%d changes, error %v; want 100", len(list), err)
		}
	}
}

func benchmarkOpen(b *testing.B, o storage.Options) {
	db := aged(b)
	path := db.Path()
	if err := db.Close(); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		db, err := storage.Open(path, o)
		if err != nil {
			b.Fatal(err)
		}
		db.Close()
	}
}

func BenchmarkOpen(b *testing.B)         { benchmarkOpen(b, storage.Options{}) }
func BenchmarkOpenVerified(b *testing.B) { benchmarkOpen(b, storage.Options{Maintain: true}) }

func BenchmarkBackup(b *testing.B) {
	db := aged(b)
	to := filepath.Join(b.TempDir(), "backup.db")
	for b.Loop() {
		if err := db.Backup(to); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkCompact(b *testing.B) {
	db := aged(b)
	first, after, err := db.Compact()
	for b.Loop() && err == nil {
		_, after, err = db.Compact()
	}
	if err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(first), "before-B")
	b.ReportMetric(float64(after), "after-B")
}

package storetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"shopwatch/storage"
	"shopwatch/tracker"
)

// testWritersBesideEachOther lets several writers at one storefront and at
// others, while people read and reports are made. Nothing is lost or told twice.
func (e Engine) testWritersBesideEachOther(t *testing.T) {
	const writers, scans = 3, 25
	s, rules := e.Open(t), Rules
	rules.StalledAfter = 1 << 20
	names := []tracker.StorefrontName{"tencent", "oppo"}
	Commit(t, s, Complete("tencent", Day, Products(20)...), Complete("oppo", Day, Products(20)...))
	if err := s.Join(ctx, "analysts"); err != nil {
		t.Fatal(err)
	}
	var writing, reading sync.WaitGroup
	written := make(chan struct{})
	for w := range writers {
		for _, name := range names {
			writing.Go(func() {
				for i := range scans {
					list := Products(20)
					list[w].Price.Low += int64(100 * (i + 1)) // each writer sees another one, and only its own
					if i%5 == 4 {
						list = append(list, Product(100+w))
					}
					scan := Partial(name, Day.Add(time.Duration(i+1)*time.Hour), list...)
					if _, err := s.Commit(ctx, scan, rules); err != nil {
						t.Errorf("Commit: %v", err)
					}
				}
			})
		}
	}
	for range 2 {
		reading.Go(func() {
			for after := uint64(0); ; {
				select {
				case <-written:
					return
				default:
				}
				page, err := s.Changes(ctx, storage.Query{After: after})
				if err != nil {
					t.Errorf("Changes: %v", err)
					return
				}
				for _, c := range page {
					if after++; c.Seq != after {
						t.Errorf("change %d is seen after %d", c.Seq, after-1)
						return
					}
				}
			}
		})
		reading.Go(func() {
			for last := false; ; {
				made, err := storage.NextReports(ctx, s, "analysts", []string{"a@example.com"}, Day, 0, each)
				if err != nil {
					t.Errorf("NextReports: %v", err)
					return
				}
				if last && len(made) == 0 {
					return
				}
				select {
				case <-written:
					last = true
				default:
				}
			}
		})
	}
	writing.Wait()
	close(written)
	reading.Wait()

	k := known(t, s)
	if want := len(names) * (1 + writers*scans); len(k.Scans) != want {
		t.Errorf("%d scans, want %d", len(k.Scans), want)
	}
	counted := 0
	for _, scan := range k.Scans {
		counted += scan.Changes
	}
	if counted != len(k.Changes) {
		t.Errorf("the scans count %d changes, there are %d", counted, len(k.Changes))
	}
	told := make(map[uint64]int)
	for _, r := range k.Reports {
		for _, seq := range r.Changes {
			told[seq]++
		}
	}
	prices := make(map[string]tracker.Price)
	for i, c := range k.Changes {
		if c.Seq != uint64(i+1) {
			t.Fatalf("change %d follows %d", c.Seq, i)
		}
		if told[c.Seq] != 1 {
			t.Errorf("change %d is in %d reports, want 1", c.Seq, told[c.Seq])
		}
		key := fmt.Sprint(c.Storefront, c.Product.ID)
		if was, ok := prices[key]; ok && c.Before != nil && c.Before.Price != was {
			t.Errorf("change %d tells of a price that was %s, told was %s", c.Seq, c.Before.Price, was)
		}
		prices[key] = c.Product.Price
	}
	for _, name := range names {
		for _, it := range k.Products[name] {
			if want, ok := prices[fmt.Sprint(name, it.ID)]; ok && it.Price != want {
				t.Errorf("%s of %s costs %s, told was %s", it.ID, name, it.Price, want)
			}
		}
		if n := len(k.Products[name]); n != 20+writers {
			t.Errorf("%s has %d products, want %d", name, n, 20+writers)
		}
	}
	Sound(t, s)
}

// testDoneContext: a call whose context is done returns its error and does
// nothing.
func (e Engine) testDoneContext(t *testing.T) {
	s := e.joined(t)
	Commit(t, s, Complete("tencent", Day.Add(time.Hour), Products(12)...))
	next(t, s, "analysts", func(p []tracker.Change) (int, []uint64) { return 1, []uint64{p[0].Seq} })
	before := known(t, s)
	done, cancel := context.WithCancel(ctx)
	cancel()
	for name, call := range calls(s, done) {
		if err := call(); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: error %v, want that of the context", name, err)
		}
	}
	if diff := cmp.Diff(before, known(t, s)); diff != "" {
		t.Errorf("calls that were to do nothing did something (-before +after):\n%s", diff)
	}
}

// testClosed: a store that is closed says so.
func (e Engine) testClosed(t *testing.T) {
	in := &scope{TB: t}
	defer in.end()
	s := e.Open(in)
	Commit(t, s, Complete("tencent", Day, Products(3)...))
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	for name, call := range calls(s, ctx) {
		if call() == nil {
			t.Errorf("%s: no error though the store is closed", name)
		}
	}
	if err := s.Close(); err != nil {
		t.Errorf("closing it again: %v", err)
	}
}

// calls are all calls of a store.
func calls(s storage.Store, ctx context.Context) map[string]func() error {
	later := Complete("tencent", Day.AddDate(0, 0, 1), Products(30)...)
	all := map[string]func() error{
		"Storefronts": func() error { _, err := s.Storefronts(ctx); return err },
		"State":       func() error { _, err := s.State(ctx, "tencent"); return err },
		"Product":     func() error { _, _, err := s.Product(ctx, "tencent", Product(0).ID); return err },
		"Products":    func() error { _, err := s.Products(ctx, "tencent", "", 0); return err },
		"Suspects":    func() error { _, err := s.Suspects(ctx, "tencent", "", 0); return err },
		"Scan":        func() error { _, _, err := s.Scan(ctx, "tencent", Day); return err },
		"Scans":       func() error { _, err := s.Scans(ctx, storage.ScanQuery{}); return err },
		"ScansOf":     func() error { _, err := s.ScansOf(ctx, "tencent", []time.Time{Day}); return err },
		"Preview":     func() error { _, err := s.Preview(ctx, later, Rules); return err },
		"Commit":      func() error { _, err := s.Commit(ctx, later, Rules); return err },
		"Dispute":     func() error { _, err := s.Dispute(ctx, 1, "wrong", Day); return err },
		"Change":      func() error { _, _, err := s.Change(ctx, 1); return err },
		"Changes":     func() error { _, err := s.Changes(ctx, storage.Query{}); return err },
		"ChangesOf":   func() error { _, err := s.ChangesOf(ctx, []uint64{1}); return err },
		"History":     func() error { _, err := s.History(ctx, "tencent", Product(0).ID, 0, 0); return err },
		"Overviews":   func() error { _, err := s.Overviews(ctx, storage.OverviewQuery{Scans: 1, Since: Day}); return err },
		"Shelf":       func() error { _, err := s.Shelf(ctx, storage.ShelfQuery{Storefront: "tencent"}); return err },
		"Tally": func() error {
			_, err := s.Tally(ctx, "tencent", time.Time{}, time.Time{}, time.UTC)
			return err
		},
		"Join":        func() error { return s.Join(ctx, "new") },
		"Channel":     func() error { _, _, err := s.Channel(ctx, "analysts"); return err },
		"Channels":    func() error { _, err := s.Channels(ctx); return err },
		"Unsubscribe": func() error { return s.Unsubscribe(ctx, "analysts", "a@example.com") },
		"Resubscribe": func() error { return s.Resubscribe(ctx, "analysts", "a@example.com") },
		"Pending":     func() error { _, _, err := s.Pending(ctx, "analysts", 0); return err },
		"Advance":     func() error { _, err := s.Advance(ctx, "analysts", 1, 2, nil); return err },
		"AddReport": func() error {
			return s.AddReport(ctx, &tracker.Report{Channel: "analysts", Created: Day, About: "heartbeat"})
		},
		"Report":    func() error { _, _, err := s.Report(ctx, 1); return err },
		"Reports":   func() error { _, err := s.Reports(ctx, storage.ReportQuery{}); return err },
		"ReportsOf": func() error { _, err := s.ReportsOf(ctx, 1); return err },
		"Told":      func() error { _, err := s.Told(ctx, "analysts", []uint64{1}); return err },
		"NoteDelivery": func() error {
			return s.NoteDelivery(ctx, 1, tracker.Delivery{To: "a@example.com", State: tracker.Sent})
		},
		"ChangeDeliveries": func() error {
			_, err := s.ChangeDeliveries(ctx, []uint64{1}, func(_ uint64, l *tracker.Delivery) { l.Answer = "x" })
			return err
		},
		"PagesOpened": func() error { _, err := s.PagesOpened(ctx, "tencent", Day, Day); return err },
		"SetBackoff":  func() error { return s.SetBackoff(ctx, "analysts", storage.Backoff{Failures: 1, Until: Day}) },
		"CoolDown":    func() error { _, err := s.CoolDown(ctx, "tmall"); return err },
		"ChangeCoolDown": func() error {
			_, err := s.ChangeCoolDown(ctx, "tmall", func(c *storage.CoolDown) { c.Walls++ })
			return err
		},
		"KeepEvidence":  func() error { _, err := s.KeepEvidence(ctx, []byte("x"), "jpg"); return err },
		"Evidence":      func() error { _, _, err := s.Evidence(ctx, strings.Repeat("0", 64)+".jpg"); return err },
		"SweepEvidence": func() error { _, err := s.SweepEvidence(ctx, 0, time.Now().AddDate(1, 0, 0)); return err },
		"TrimEvidence":  func() error { _, err := s.TrimEvidence(ctx, "jpg", 0); return err },
		"DropEvidence":  func() error { return s.DropEvidence(ctx, strings.Repeat("0", 64)+".jpg") },
		"CheckEvidence": func() error { _, err := s.CheckEvidence(ctx, 1<<20); return err },
		"ThinScans":     func() error { _, err := s.ThinScans(ctx, 0, Day.AddDate(1, 0, 0)); return err },
		"Instance":      func() error { _, err := s.Instance(ctx); return err },
		"Ping":          func() error { return s.Ping(ctx) },
	}
	if m, ok := s.(storage.Maintainer); ok {
		all["Check"] = func() error { return m.Check(ctx) }
		all["Size"] = func() error { _, _, err := m.Size(ctx); return err }
		all["Compact"] = func() error { _, _, err := m.Compact(ctx); return err }
		all["Backup"] = func() error { return m.Backup(ctx, &bytes.Buffer{}) }
	}
	return all
}

// testInstance: the name stays with a database, and no other has it.
func (e Engine) testInstance(t *testing.T) {
	s := e.Open(t)
	first, err := s.Instance(ctx)
	if err != nil || len(first) < 20 {
		t.Fatalf("Instance = %q, %v, want a long name", first, err)
	}
	if other, err := e.Open(t).Instance(ctx); other == first || err != nil {
		t.Errorf("Instance of another store = %q, %v, want another one than %q", other, err, first)
	}
	if e.Restart == nil {
		return
	}
	for _, restored := range []bool{false, true} {
		s = e.Restart(t, s, restored)
		if again, err := s.Instance(ctx); again != first || err != nil {
			t.Errorf("Instance after a restart (restored %v) = %q, %v, want %q", restored, again, err, first)
		}
	}
}

// testMaintainer: what a store that looks after its files says and does.
func (e Engine) testMaintainer(t *testing.T) {
	s := e.joined(t)
	m, ok := s.(storage.Maintainer)
	if !ok {
		return
	}
	Commit(t, s, Complete("tencent", Day.Add(time.Hour), Products(600)...))
	before := known(t, s)
	if err := m.Check(ctx); err != nil {
		t.Errorf("Check: %v", err)
	}
	size, free, err := m.Size(ctx)
	if err != nil || size <= 0 || free < 0 || free >= size {
		t.Errorf("Size = %d, %d, %v", size, free, err)
	}
	if was, is, err := m.Compact(ctx); err != nil || was < size || is > was || is <= 0 {
		t.Errorf("Compact = %d, %d, %v; the size was %d", was, is, err, size)
	}
	var copied bytes.Buffer
	if err := m.Backup(ctx, &copied); err != nil || copied.Len() == 0 {
		t.Errorf("Backup wrote %d bytes, %v", copied.Len(), err)
	}
	if err := m.Backup(ctx, brokenWriter{}); !errors.Is(err, errBroken) {
		t.Errorf("Backup to a writer that takes nothing: %v, want its error", err)
	}
	if diff := cmp.Diff(before, known(t, s)); diff != "" {
		t.Errorf("maintenance changed what is known (-before +after):\n%s", diff)
	}
}

var errBroken = errors.New("broken")

type brokenWriter struct{}

func (brokenWriter) Write([]byte) (int, error) { return 0, errBroken }

func (e Engine) testSuspectsArePaged(t *testing.T) {
	s := e.Open(t)
	list := Products(250)
	Commit(t, s, Complete("tencent", Day, list...))
	scan := Complete("tencent", Day.Add(time.Hour), list[230:]...)
	gone(list[:10], scan) // those are removed, not suspect
	Commit(t, s, scan)
	var want []string
	for _, p := range list[10:230] {
		want = append(want, string(p.ID))
	}
	slices.Sort(want)
	var paged, all []string
	for after := tracker.ProductID(""); ; {
		page, err := s.Suspects(ctx, "tencent", after, 70)
		if err != nil {
			t.Fatal(err)
		}
		if len(page) == 0 {
			break
		}
		for _, it := range page {
			paged = append(paged, string(it.ID))
		}
		after = page[len(page)-1].ID
	}
	for it, err := range storage.AllSuspects(ctx, s, "tencent") {
		if err != nil || it.Missing != 1 || !it.Listed() {
			t.Fatalf("suspect %+v, %v", it, err)
		}
		all = append(all, string(it.ID))
	}
	if diff := cmp.Diff(want, paged); diff != "" {
		t.Errorf("page by page (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(want, all); diff != "" {
		t.Errorf("AllSuspects (-want +got):\n%s", diff)
	}
	if page, err := s.Suspects(ctx, "tencent", "", 0); len(page) != 100 || err != nil {
		t.Errorf("without a limit %d, %v; want 100", len(page), err)
	}
}

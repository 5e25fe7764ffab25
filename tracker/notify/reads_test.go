package notify_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"shopwatch/storage/bolt"
	"shopwatch/tracker"
	"shopwatch/tracker/notify"
)

// A countingReader counts how often its database is asked for changes.
type countingReader struct {
	*bolt.DB
	asked map[string]int
}

func (r *countingReader) Change(ctx context.Context, seq uint64) (tracker.Change, bool, error) {
	r.asked["Change"]++
	return r.DB.Change(ctx, seq)
}

func (r *countingReader) ChangesOf(ctx context.Context, seqs []uint64) ([]tracker.Change, error) {
	if len(seqs) > 0 {
		r.asked["ChangesOf"]++
	}
	return r.DB.ChangesOf(ctx, seqs)
}

func (r *countingReader) PriorPrices(ctx context.Context, changes []tracker.Change) (map[uint64]tracker.Price, error) {
	r.asked["PriorPrices"]++
	return r.DB.PriorPrices(ctx, changes)
}

func (r *countingReader) History(ctx context.Context, name tracker.StorefrontName, id tracker.ProductID, after uint64, limit int) ([]tracker.Change, error) {
	r.asked["History"]++
	return r.DB.History(ctx, name, id, after, limit)
}

func (r *countingReader) Product(ctx context.Context, name tracker.StorefrontName, id tracker.ProductID) (tracker.Item, bool, error) {
	r.asked["Product"]++
	return r.DB.Product(ctx, name, id)
}

// A report of ten thousand changes is made of one read of the log, and one of
// what prices were before, like a report of ten.
func TestALargeReportIsOneRead(t *testing.T) {
	for _, size := range []int{10, 10_000} {
		db := &countingReader{fresh(t), map[string]int{}}
		list := make([]tracker.Product, size)
		for i := range list {
			list[i] = product(fmt.Sprint(700000000000 + i))
		}
		commit(t, db.DB, "tencent", nine, list...)
		for i := range list {
			list[i].Price.Low -= 100
		}
		var seqs []uint64
		for _, c := range commit(t, db.DB, "tencent", nine.Add(time.Hour), list...) {
			seqs = append(seqs, c.Seq)
		}
		n := notifier(t, db, quietLog(), notify.Channel{Name: "analysts", Lang: "en", Zone: time.UTC})
		clear(db.asked)
		s, err := n.Story(ctx, &tracker.Report{Channel: "analysts", Created: nine, Changes: seqs})
		if err != nil || len(s.Changes) != size {
			t.Fatalf("a report of %d changes tells of %d, error %v", size, len(s.Changes), err)
		}
		if diff := cmp.Diff(map[string]int{"ChangesOf": 1, "PriorPrices": 1}, db.asked); diff != "" {
			t.Errorf("a report of %d changes (-want +got):\n%s", size, diff)
		}
	}
}

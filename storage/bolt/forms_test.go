package bolt_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"shopwatch/fixtures"
	"shopwatch/storage/bolt"
	"shopwatch/tracker"
)

// TestLogKeepsEveryField: a field that is new in a change is not forgotten in
// the log.
func TestLogKeepsEveryField(t *testing.T) {
	want := fixtures.WholeChange()
	want.Before.ID = want.Product.ID
	want.Prior = tracker.Price{} // is looked up in the log: see storage.WithPrior
	got, err := bolt.StoredChange(&want)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("a change comes back from the log as another (-want +got):\n%s", diff)
	}
}

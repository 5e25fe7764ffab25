package tracker_test

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"shopwatch/fixtures"
	"shopwatch/tracker"
)

// TestJSONHasEveryField: a field that is new in a change is not forgotten in its
// public form.
func TestJSONHasEveryField(t *testing.T) {
	want := fixtures.WholeChange()
	text, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	var got tracker.Change
	if err := json.Unmarshal(text, &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("a change comes back from JSON as another (-want +got):\n%s", diff)
	}
}

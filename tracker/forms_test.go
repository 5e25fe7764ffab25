package tracker_test

import (
	"encoding/json"
	"reflect"
	"slices"
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

// TestFilesAreAll: a file that a change does not name is deleted, and left behind
// where a database moves.
func TestFilesAreAll(t *testing.T) {
	c := fixtures.WholeChange()
	files := c.Files()
	want := []string{c.Probe.Picture, c.Probe.Detail, c.Probe.Capture}
	for v, i := reflect.ValueOf(c.Pictures), 0; i < v.NumField(); i++ {
		want = append(want, v.Field(i).String())
	}
	for _, name := range want {
		if !slices.Contains(files, name) || name == "" {
			t.Errorf("Files = %q, want %q too", files, name)
		}
	}
	if len(files) != len(want) {
		t.Errorf("Files = %q, want %d", files, len(want))
	}
	c.Probe = nil
	if got := c.Files(); len(got) != len(want)-3 {
		t.Errorf("without a probe: %q", got)
	}
}

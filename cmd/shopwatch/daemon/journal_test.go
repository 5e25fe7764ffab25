package daemon

import (
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"shopwatch/tracker"
)

func TestJournal(t *testing.T) {
	data := t.TempDir()
	open := func() *journal {
		t.Helper()
		j, err := openJournal(data, []tracker.StorefrontName{"a", "b"}, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		return j
	}
	j := open()
	if _, ok := j.picture("a", "p"); !ok || j.careful("a") || j.late("a", time.Minute) != 0 {
		t.Error("a new journal refuses something")
	}
	// Death in a picture: only that one is avoided, and for ever.
	j.begin("a")
	j.picture("a", "bad")
	j = open()
	if _, ok := j.picture("a", "bad"); ok {
		t.Error("the picture at which it died is looked at again")
	}
	j.begin("a")
	done, ok := j.picture("a", "good")
	if !ok {
		t.Fatal("another picture is not looked at")
	}
	done()
	j.end("a", true)
	// Opening it once more, without a scan, is no death.
	open()
	j = open()
	if j.careful("a") {
		t.Error("one death makes it careful")
	}
	for death := 2; death <= 14; death++ {
		j.begin("a")
		j = open()
		if got, want := j.careful("a"), death >= carefulAfter; got != want {
			t.Errorf("%d deaths: careful = %v", death, got)
		}
		if got, want := j.late("a", time.Minute) > 0, death >= lateAfter; got != want || j.late("a", time.Minute) > time.Hour {
			t.Errorf("%d deaths: late by %s", death, j.late("a", time.Minute))
		}
		if j.careful("b") || j.late("b", time.Minute) > 0 {
			t.Error("another storefront is touched")
		}
	}
	// A scan that is cut short says nothing; one that comes to its end does.
	j.begin("a")
	j.end("a", true)
	if j = open(); !j.careful("a") {
		t.Error("a scan that was cut short counts as one that ended")
	}
	j.begin("a")
	j.end("a", false)
	if j = open(); j.careful("a") || j.late("a", time.Minute) > 0 {
		t.Error("after a scan that ended it is still careful")
	}
	// Files that make no sense and storefronts of long ago are dropped.
	for name, text := range map[string]string{"a.scan": "{", "gone.scan": `{"storefront":"gone","deaths":9,"running":true}`, avoidFile: "["} {
		if err := os.WriteFile(filepath.Join(data, journalFolder, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	open()
	if left, _ := filepath.Glob(filepath.Join(data, journalFolder, "*.scan")); len(left) > 0 {
		t.Errorf("left are %v", left)
	}
}

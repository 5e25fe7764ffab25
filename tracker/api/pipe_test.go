//go:build unix

package api_test

import (
	"net/http"
	"path/filepath"
	"syscall"
	"testing"
)

// A pipe in the folder of a feed, into which nobody writes, holds up no request.
func TestFeedPipe(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mkfifo(filepath.Join(dir, "tencent.xml"), 0o600); err != nil {
		t.Fatal(err)
	}
	o := options(database(t))
	o.Feeds = map[string]string{"readers": dir}
	resp, err := http.Get("http://" + serve(t, o) + "/feeds/readers/tencent.xml")
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != 404 {
		t.Errorf("a pipe: %s, want 404", resp.Status)
	}
}

package web_test

import (
	"io"
	"log/slog"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"shopwatch/tracker/web"
)

// TestFeeds: the Atom files of configured channels and nothing else beside them.
func TestFeeds(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "feeds")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	for path, text := range map[string]string{"tencent.xml": "<feed/>", ".half.xml": "half", "notes.txt": "private", "../outside.xml": "private"} {
		if err := os.WriteFile(filepath.Join(dir, path), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	o := options(database(t))
	o.Feeds = map[string]string{"readers": dir}
	srv := httptest.NewServer(web.New(o, slog.New(slog.DiscardHandler)))
	t.Cleanup(srv.Close)
	for path, status := range map[string]int{
		"/feeds/readers/tencent.xml": 200, "/feeds/readers/oppo.xml": 404, "/feeds/others/tencent.xml": 404, "/feeds//tencent.xml": 404,
		"/feeds/readers/notes.txt": 404, "/feeds/readers/.half.xml": 404, "/feeds/readers/..%2Foutside.xml": 404, "/feeds/readers/": 404,
	} {
		resp, err := srv.Client().Get(srv.URL + path)
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil || resp.StatusCode != status {
			t.Errorf("%s: %s, %v, want %d", path, resp.Status, err, status)
		}
		if status == 200 && (string(text) != "<feed/>" || resp.Header.Get("Content-Type") != "application/atom+xml; charset=utf-8") {
			t.Errorf("%s: %s as %s", path, text, resp.Header.Get("Content-Type"))
		}
	}
	o.Closed = true
	w := httptest.NewRecorder()
	web.New(o, slog.New(slog.DiscardHandler)).ServeHTTP(w, httptest.NewRequest("GET", "http://127.0.0.1/feeds/readers/tencent.xml", nil))
	if w.Code != 401 {
		t.Errorf("a feed that other machines reach, without the token: %d, want 401", w.Code)
	}
}

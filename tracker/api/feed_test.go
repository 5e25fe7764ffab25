package api_test

import (
	"io"
	"log/slog"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"shopwatch/tracker/api"
)

// TestFeeds: the Atom files of configured channels and nothing else beside them,
// also where a link in the folder leads elsewhere.
func TestFeeds(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "feeds")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	for path, text := range map[string]string{"tencent.xml": "<feed/>", ".half.xml": "half", "notes.txt": "private", "../outside.xml": "private", "tencent-0123456789abcdef.jpg": "<feed/>", "tencent.jpg": "private"} {
		if err := os.WriteFile(filepath.Join(dir, path), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for name, to := range map[string]string{
		"token.xml": "../outside.xml", "absolute.xml": filepath.Join(filepath.Dir(dir), "outside.xml"), "folder.xml": "..", "latest.xml": "tencent.xml",
	} {
		if err := os.Symlink(to, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(dir, "directory.xml"), 0o700); err != nil {
		t.Fatal(err)
	}
	o := options(database(t))
	o.Feeds = map[string]string{"readers": dir}
	srv := httptest.NewServer(api.New(o, slog.New(slog.DiscardHandler)))
	t.Cleanup(srv.Close)
	for path, status := range map[string]int{
		"/feeds/readers/tencent.xml": 200, "/feeds/readers/oppo.xml": 404, "/feeds/others/tencent.xml": 404, "/feeds//tencent.xml": 404,
		"/feeds/readers/notes.txt": 404, "/feeds/readers/.half.xml": 404, "/feeds/readers/..%2Foutside.xml": 404, "/feeds/readers/": 404,
		"/feeds/readers/token.xml": 404, "/feeds/readers/absolute.xml": 404, "/feeds/readers/folder.xml": 404, "/feeds/readers/directory.xml": 404,
		"/feeds/readers/latest.xml": 200, "/feeds/readers/tencent-0123456789abcdef.jpg": 200, "/feeds/readers/tencent.jpg": 404,
		"/feeds/readers/oppo-0123456789abcdef.jpg": 404, "/feeds//tencent-0123456789abcdef.jpg": 404,
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
		kind := "application/atom+xml; charset=utf-8"
		if strings.HasSuffix(path, ".jpg") {
			kind = "image/jpeg"
		}
		if status == 200 && (string(text) != "<feed/>" || resp.Header.Get("Content-Type") != kind) {
			t.Errorf("%s: %s as %s", path, text, resp.Header.Get("Content-Type"))
		}
	}
	o.Closed = true
	w := httptest.NewRecorder()
	api.New(o, slog.New(slog.DiscardHandler)).ServeHTTP(w, httptest.NewRequest("GET", "http://127.0.0.1/feeds/readers/tencent.xml", nil))
	if w.Code != 401 {
		t.Errorf("a feed that other machines reach, without the token: %d, want 401", w.Code)
	}
}

// TestEvidenceFiles: the pictures, and no other file that a link in their folder
// leads to. One that is not there may come to be there.
func TestEvidenceFiles(t *testing.T) {
	db := database(t)
	name, err := db.KeepEvidence(ctx, []byte("a picture"), "webp")
	if err != nil {
		t.Fatal(err)
	}
	private := filepath.Join(filepath.Dir(db.Path()), "token")
	if err := os.WriteFile(private, []byte("private"), 0o600); err != nil {
		t.Fatal(err)
	}
	linked := strings.Repeat("ab", 32) + ".webp"
	folder := filepath.Join(filepath.Dir(db.Path()), "evidence", linked[:2])
	if err := os.Mkdir(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("../../token", filepath.Join(folder, linked)); err != nil {
		t.Fatal(err)
	}
	s := api.New(options(db), slog.New(slog.DiscardHandler))
	for path, status := range map[string]int{name: 200, linked: 404, strings.Repeat("0", 64) + ".webp": 404, "token": 404, "..%2F..%2Ftoken": 404} {
		w := httptest.NewRecorder()
		s.ServeHTTP(w, httptest.NewRequest("GET", "http://127.0.0.1/evidence/"+path, nil))
		if w.Code != status || status == 200 && w.Body.String() != "a picture" {
			t.Errorf("%s: %d %s, want %d", path, w.Code, w.Body, status)
		}
		if cache := w.Header().Get("Cache-Control"); strings.Contains(cache, "immutable") != (status == 200) {
			t.Errorf("%s: Cache-Control %q", path, cache)
		}
	}
}

package api_test

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"shopwatch/tracker/api"
)

// A list without entries is written as one, not as null.
func TestEmptyListsAreLists(t *testing.T) {
	s := api.New(options(database(t)), slog.New(slog.DiscardHandler))
	for path, want := range map[string]string{
		"/api/changes?after=999":                      `{"changes":[]}`,
		"/api/scans?since=2099-01-01T00:00:00Z":       `{"scans":[]}`,
		"/api/storefronts/tencent/products?after=zzz": `{"products":[]}`,
		"/api/reports?after=999":                      `{"reports":[]}`,
		"/api/reports?dead=true":                      `{"reports":[]}`,
		"/api/unsubscribed":                           `{"recipients":[]}`,
		"/api/suspects?storefront=new":                `{"suspects":[]}`,
		"/api/groups":                                 `{"groups":[]}`,
	} {
		req := httptest.NewRequest("GET", "http://127.0.0.1"+path, nil)
		req.Header.Set("Authorization", "Bearer "+token)
		w := httptest.NewRecorder()
		s.ServeHTTP(w, req)
		if got := strings.TrimSpace(w.Body.String()); w.Code != http.StatusOK || got != want {
			t.Errorf("%s = %d %s, want %s", path, w.Code, got, want)
		}
	}
}

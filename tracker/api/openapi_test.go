package api_test

import (
	"cmp"
	"context"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers/legacy"

	"shopwatch/storage"
	"shopwatch/tracker"
	"shopwatch/tracker/api"
)

// The OpenAPI document is one by the specification, and every answer of the API,
// also a refusal, is what it says.
func TestAnswersFitTheDescription(t *testing.T) {
	o := told(t)
	stamp := storage.Stamp{Size: 1, Checkpoint: "x", Authority: "http://tsa.example/", At: began, Token: []byte{0x30, 0}, Chain: [][]byte{{0x30, 0}}}
	if err := o.Store.(interface {
		AddStamp(ctx context.Context, s storage.Stamp) error
	}).AddStamp(ctx, stamp); err != nil {
		t.Fatal(err)
	}
	s := api.New(o, slog.New(slog.DiscardHandler))
	address := "http://" + serveAt(t, s)
	resp, err := http.Get(address + "/api/openapi-3.0.json")
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(resp.Body)
	resp.Body.Close()
	if err != nil {
		t.Fatal(err)
	}
	doc, err := openapi3.NewLoader().LoadFromData(text)
	if err != nil {
		t.Fatal(err)
	}
	doc.Servers = nil                    // wherever the test listens
	router, err := legacy.NewRouter(doc) // which validates the document
	if err != nil {
		t.Fatal(err)
	}
	bodies := map[string]string{
		"POST /api/changes/{seq}/dispute": `{"reason":"it is still on the shelf, I looked"}`,
		"POST /api/scans":                 `{"storefronts":["tencent"]}`,
	}
	// What the store of the test cannot answer otherwise.
	refused := map[string]int{"GET /api/changes/{seq}/capture": 404, "POST /api/profile/login": 409}
	checked := 0
	fits := func(method, path, token, body string, want int) {
		t.Helper()
		req, err := http.NewRequest(method, address+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		if body != "" {
			req.Header.Set("Content-Type", "application/json")
		}
		if token != "" {
			req.Header.Set("Authorization", "Bearer "+token)
		}
		resp, err := (&http.Client{Timeout: 20 * time.Second}).Do(req)
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil {
			t.Fatal(err)
		}
		if resp.StatusCode != want && (want != 200 || resp.StatusCode/100 != 2) {
			t.Errorf("%s %s = %d, want %d\n%s", method, path, resp.StatusCode, want/100, content)
		}
		route, params, err := router.FindRoute(req)
		if err != nil {
			t.Errorf("%s %s: %v", method, path, err)
			return
		}
		in := &openapi3filter.ResponseValidationInput{
			RequestValidationInput: &openapi3filter.RequestValidationInput{Request: req, PathParams: params, Route: route},
			Status:                 resp.StatusCode,
			Header:                 resp.Header,
			Options:                &openapi3filter.Options{IncludeResponseStatus: true, MultiError: true},
		}
		in.Options.ExcludeResponseBody = !strings.HasSuffix(resp.Header.Get("Content-Type"), "json")
		in.SetBodyBytes(content)
		if err := openapi3filter.ValidateResponse(t.Context(), in); err != nil {
			t.Errorf("%s %s = %d: %v\n%.1000s", method, path, resp.StatusCode, err, content)
		}
		checked++
	}
	for _, r := range everyRoute(t, s) {
		if _, path, _ := strings.Cut(r.pattern, " "); !strings.HasPrefix(path, "/api/") || strings.HasPrefix(path, "/api/openapi") || strings.HasPrefix(path, "/api/schemas") {
			continue
		}
		fits(r.method, r.path, token, bodies[r.pattern], cmp.Or(refused[r.pattern], 200))
		if r.secured {
			fits(r.method, r.path, "", bodies[r.pattern], 401)
		}
		if missing := strings.NewReplacer("/3", "/999999", "/tencent", "/nobody", "/analysts", "/nobody").Replace(r.path); missing != r.path {
			fits(r.method, missing, token, bodies[r.pattern], 404)
		}
	}
	// Lists in which something stands.
	for _, path := range []string{"/api/changes?kind=" + string(tracker.Removed), "/api/changes?limit=0x", "/api/scans?limit=-1", "/api/storefronts/tencent/products?limit=2"} {
		want := 200
		if strings.Contains(path, "x") || strings.Contains(path, "-1") {
			want = 422
		}
		fits("GET", path, token, "", want)
	}
	if checked < 40 {
		t.Errorf("%d answers were looked at, want more", checked)
	}
	t.Logf("%d answers", checked)
}

package api_test

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"shopwatch/storage"
	"shopwatch/tracker"
	"shopwatch/tracker/api"
)

// openRoutes are what everybody on this machine may read. Whoever adds one says
// here that its answers name nobody.
var openRoutes = []string{
	"GET /api/changes",
	"GET /api/changes/{seq}/capture",
	"GET /api/changes/{seq}/proof",
	"GET /api/checkpoint",
	"GET /api/fleet",
	"GET /api/groups",
	"GET /api/openapi-3.0.json",
	"GET /api/openapi-3.0.yaml",
	"GET /api/openapi.json",
	"GET /api/openapi.yaml",
	"GET /api/scans",
	"GET /api/storefronts",
	"GET /api/storefronts/{name}/products",
	"GET /api/suspects",
	"GET /evidence/{name}",
	"GET /feeds/{channel}/{file}",
	"GET /healthz",
	"GET /metrics",
	"GET /readyz",
	"GET /{$}",
}

// A route is an address of the API with values in the place of its parameters.
type route struct {
	pattern, method, path string
	secured               bool // in the OpenAPI document
}

// everyRoute are the open routes, and those of the OpenAPI document.
func everyRoute(t *testing.T, s *api.Server) []route {
	t.Helper()
	values := strings.NewReplacer("{name}", "tencent", "{seq}", "3", "{channel}", "readers", "{file}", "tencent.xml", "{$}", "")
	var all []route
	for _, pattern := range s.OpenRoutes() {
		method, path, _ := strings.Cut(pattern, " ")
		all = append(all, route{pattern: pattern, method: method, path: values.Replace(path)})
	}
	for pattern, op := range describedIn(t, s) {
		method, path, _ := strings.Cut(pattern, " ")
		path = strings.Replace(path, "/channels/{name}", "/channels/analysts", 1)
		all = append(all, route{pattern, method, values.Replace(path), !slices.ContainsFunc(op.Security, func(s map[string][]string) bool { return len(s) == 0 })})
	}
	return all
}

// An operation is what the OpenAPI document says of a route.
type operation struct {
	Security []map[string][]string
}

// describedIn is the OpenAPI document of a server, by patterns of routes.
func describedIn(t *testing.T, s *api.Server) map[string]operation {
	t.Helper()
	resp, err := http.Get("http://" + serveAt(t, s) + "/api/openapi.json")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var doc struct {
		Paths      map[string]map[string]operation
		Components struct {
			SecuritySchemes map[string]struct{ Type, Scheme string }
		}
	}
	if err := json.NewDecoder(resp.Body).Decode(&doc); err != nil {
		t.Fatal(err)
	}
	if got := doc.Components.SecuritySchemes["token"]; got.Type != "http" || got.Scheme != "bearer" {
		t.Errorf("the OpenAPI document describes the token as %+v, want an HTTP bearer token", got)
	}
	all := make(map[string]operation)
	for path, methods := range doc.Paths {
		for method, op := range methods {
			all[strings.ToUpper(method)+" "+path] = op
		}
	}
	if len(all) < 15 {
		t.Fatalf("the OpenAPI document has %d operations, want more", len(all))
	}
	return all
}

// secret is told to the server as recipient and as answer of a mail server.
const secret = "somebody-who-is-told@example.com"

// told returns options with a report that went to somebody and a feed.
func told(t *testing.T) api.Options {
	t.Helper()
	db := database(t)
	feeds := t.TempDir()
	if err := os.WriteFile(filepath.Join(feeds, "tencent.xml"), []byte("<feed/>"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := db.Join(ctx, "analysts"); err != nil {
		t.Fatal(err)
	}
	added := &tracker.Scan{
		Storefront: "tencent", Began: began.Add(9 * time.Hour), Verdict: tracker.Partial, Evidence: tracker.Evidence{Parser: 1},
		Products: []tracker.Product{{ID: "45123456799", Title: "new", URL: "https://detail.tmall.com/"}},
	}
	if _, err := db.Commit(ctx, added, tracker.DefaultRules()); err != nil {
		t.Fatal(err)
	}
	made, err := storage.NextReports(ctx, db, "analysts", []string{secret}, began, 0, func(pending []tracker.Change) []storage.Portion {
		return []storage.Portion{{Take: 1, Tell: []uint64{pending[0].Seq}}}
	})
	if err != nil || len(made) != 1 {
		t.Fatalf("reports %+v, error %v; want one", made, err)
	}
	if err := db.NoteDelivery(ctx, made[0].ID, tracker.Delivery{To: secret, State: tracker.Waiting, Answer: "450 " + secret, Attempts: 1}); err != nil {
		t.Fatal(err)
	}
	o := options(db)
	o.Channels, o.Feeds = []string{"analysts"}, map[string]string{"readers": feeds}
	o.Daemon = &daemon{scan: scanned, preview: api.Preview{What: "a report", EML: []byte("To: " + secret)}}
	o.Pages = map[string]http.Handler{"GET /{$}": http.NotFoundHandler()}
	return o
}

// Every route is open to all on this machine or asks for the token; what is
// open names nobody, and the OpenAPI document says which is which.
func TestEveryRoute(t *testing.T) {
	s := api.New(told(t), slog.New(slog.DiscardHandler))
	address := serveAt(t, s)
	if got := s.OpenRoutes(); !slices.Equal(got, openRoutes) {
		t.Errorf("open to all are\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(openRoutes, "\n"))
	}
	named := 0
	for _, r := range everyRoute(t, s) {
		t.Run(r.pattern, func(t *testing.T) {
			ask := func(host string, headers ...string) (int, string) {
				t.Helper()
				req, err := http.NewRequest(r.method, "http://"+address+r.path, nil)
				if err != nil {
					t.Fatal(err)
				}
				if host != "" {
					req.Host = host
				}
				for _, h := range headers {
					name, value, _ := strings.Cut(h, ": ")
					req.Header.Set(name, value)
				}
				resp, err := http.DefaultClient.Do(req)
				if err != nil {
					t.Fatal(err)
				}
				defer resp.Body.Close()
				b, err := io.ReadAll(resp.Body)
				if err != nil {
					t.Fatal(err)
				}
				return resp.StatusCode, string(b)
			}
			refused := func(status int) bool { return status == 401 || status == 403 }
			open := slices.Contains(openRoutes, r.pattern)
			status, answer := ask("")
			if refused(status) == open || strings.Contains(answer, secret) {
				t.Errorf("without the token: %d %s, open to all: %v", status, answer, open)
			}
			if strings.HasPrefix(r.path, "/api/") && !strings.HasPrefix(r.path, "/api/openapi") && r.secured == open {
				t.Errorf("the OpenAPI document says that it needs the token: %v", r.secured)
			}
			if status, answer := ask("", "Authorization: Bearer 0123456789abcdee"); status != 401 && r.path != "/healthz" {
				t.Errorf("with a wrong token: %d %s, want 401", status, answer)
			}
			const right = "Authorization: Bearer " + token
			status, answer = ask("", right)
			if refused(status) {
				t.Errorf("with the token: %d %s", status, answer)
			}
			if strings.Contains(answer, secret) {
				named++
			}
			for _, header := range []string{
				"X-Forwarded-For: 192.0.2.1", "X-Forwarded-Proto: https", "X-Forwarded-Host: shop.example", "X-Real-IP: 192.0.2.1",
				"Forwarded: for=192.0.2.1", "Via: 1.1 proxy",
			} {
				if status, answer := ask("", right, header); status != 403 || !strings.Contains(answer, "came through a proxy") {
					t.Errorf("with %s: %d %s, want 403 and why", header, status, answer)
				}
			}
			if status, answer := ask("shop.example", right); status != 403 {
				t.Errorf("under another name: %d %s, want 403", status, answer)
			}
			status = askOld(t, address, r.method, r.path)
			if alive := r.path == "/healthz" || r.path == "/readyz"; status != map[bool]int{true: 200, false: 403}[alive] {
				t.Errorf("by HTTP/1.0, as a proxy asks: %d", status)
			}
		})
	}
	if named < 3 { // reports, preview, why
		t.Errorf("%d routes name recipients, want more: the test proves nothing", named)
	}
}

// askOld asks by HTTP/1.0, as nginx does.
func askOld(t *testing.T, address, method, path string) int {
	t.Helper()
	c, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	fmt.Fprintf(c, "%s %s HTTP/1.0\r\nHost: %s\r\nAuthorization: Bearer %s\r\nConnection: close\r\n\r\n", method, path, address, token)
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	return resp.StatusCode
}

func TestGuard(t *testing.T) {
	db := database(t)
	open := options(db)
	closed := options(db)
	closed.Closed = true
	at := map[bool]string{false: serve(t, open), true: serve(t, closed)}
	basic := "Basic " + base64.StdEncoding.EncodeToString([]byte("reader:"+token))
	for _, tt := range []struct {
		name, method, path, host, auth string
		closed                         bool
		want                           int
	}{
		{"reading needs no token on this machine", "GET", "/api/storefronts", "", "", false, 200},
		{"who is told is not for everybody", "GET", "/api/reports", "", "", false, 401},
		{"by no method", "HEAD", "/api/reports", "", "", false, 401},
		{"nor under another spelling", "GET", "/api/%72eports", "", "", false, 401},
		{"nor by a detour", "GET", "/api/storefronts/../reports", "", "", false, 401},
		{"nor with a slash more", "GET", "//api/reports", "", "", false, 401},
		{"a slash at the end is another address", "GET", "/api/reports/", "", "", false, 404},
		{"as is another case", "GET", "/API/reports", "", "", false, 404},
		{"changing does", "POST", "/api/scans", "", "", false, 401},
		{"a compaction does", "POST", "/api/compact", "", "", false, 401},
		{"a check, which reads everything, does", "POST", "/api/check", "", "", false, 401},
		{"a backup does", "POST", "/api/backup", "", "", false, 401},
		{"with the token it is allowed", "POST", "/api/compact", "", "Bearer " + token, false, 200},
		{"a wrong token is refused, also for reading", "GET", "/api/storefronts", "", "Bearer 0123456789abcdee", false, 401},
		{"however the scheme is written", "POST", "/api/compact", "", "bearer " + token, false, 200},
		{"user and password for a proxy are no token", "GET", "/api/storefronts", "", "Basic dXNlcjpwYXNzd29yZA==", false, 200},
		{"nor stand for one", "GET", "/api/storefronts", "", "Basic dXNlcjpwYXNzd29yZA==", true, 401},
		{"nor make a foreign name ours", "GET", "/api/storefronts", "shop.example", "Basic dXNlcjpwYXNzd29yZA==", true, 403},
		{"a feed reader sends the token as a password", "GET", "/feeds/analysts/x.xml", "", basic, true, 404},
		{"to any name", "GET", "/feeds/analysts/x.xml", "shop.example", basic, true, 404},
		{"another password is wrong there", "GET", "/feeds/analysts/x.xml", "", "Basic dXNlcjpwYXNzd29yZA==", true, 401},
		{"nothing else is read so", "GET", "/api/storefronts", "", basic, true, 401},
		{"nor changed", "POST", "/api/compact", "", basic, false, 401},
		{"a token that is missing is wrong", "GET", "/api/storefronts", "", "Bearer", false, 401},
		{"nothing changes by reading", "GET", "/api/compact", "", "Bearer " + token, false, 405},
		{"a foreign name for this machine is refused", "GET", "/api/storefronts", "evil.example:8780", "", false, 403},
		{"localhost is no foreign name", "GET", "/api/storefronts", "localhost:8780", "", false, 200},
		{"an open address needs the token for reading", "GET", "/api/storefronts", "", "", true, 401},
		{"and for pictures", "GET", "/evidence/x", "", "", true, 401},
		{"but not to say that it lives", "GET", "/healthz", "shop.example", "", true, 200},
		{"with the token any name will do", "GET", "/api/storefronts", "shop.example", "Bearer " + token, true, 200},
		{"a picture's name is a hash", "GET", "/evidence/..%2F..%2Ftoken", "", "", false, 404},
		{"an unknown address", "GET", "/etc/passwd", "", "", false, 404},
		{"an unknown filter", "GET", "/api/changes?sorefront=x", "", "", false, 422},
		{"too much at once", "GET", "/api/changes?limit=100000", "", "", false, 422},
		{"the description", "GET", "/api/openapi.json", "", "", false, 200},
	} {
		t.Run(tt.name, func(t *testing.T) {
			req, err := http.NewRequest(tt.method, "http://"+at[tt.closed]+tt.path, nil)
			if err != nil {
				t.Fatal(err)
			}
			if tt.host != "" {
				req.Host = tt.host
			}
			if tt.auth != "" {
				req.Header.Set("Authorization", tt.auth)
			}
			resp, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			b, _ := io.ReadAll(resp.Body)
			if resp.StatusCode != tt.want {
				t.Errorf("%s %s = %s %s, want %d", tt.method, tt.path, resp.Status, b, tt.want)
			}
			if csp := resp.Header.Get("Content-Security-Policy"); !strings.HasPrefix(csp, "default-src 'none'") {
				t.Errorf("Content-Security-Policy = %q, want default-src 'none'", csp)
			}
		})
	}
}

package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"shopwatch/fixtures"
	"shopwatch/storage/bolt"
	"shopwatch/tracker"
)

// An apiOperation is what the OpenAPI document says of an operation.
type apiOperation struct {
	OperationID string
	Parameters  []struct{ Name, In string }
	RequestBody *struct{}
}

// hostileValues are what no parameter is made for, each in the form in which it
// stands in an address.
var hostileValues = []string{
	"", "0", "-1", "999999", "18446744073709551615", "18446744073709551616", "1e3", "1.5", "0x10", "NaN", "true", "nobody",
	"%00", "a%00b", "%FF%FE", "%C0%AF", "..%2F..%2Ftoken", "%2e%2e%2f", "%0D%0AX-Injected:%201", "%7F", "%E2%80%AE",
	"9999-12-31T23:59:59Z", "0000-01-01T00:00:00Z", "-0001-01-01T00:00:00Z", "2026-02-30T00:00:00Z", "now",
	strings.Repeat("x", 65), strings.Repeat("%E8%A1%80", 65), strings.Repeat("9", 400), strings.Repeat("a,", 4000),
	"'%20OR%201=1--", "%3Cscript%3E", "%25%32%35", "+", "%20", "null", "[]", "{}",
}

// hostileBodies are what no operation is made for. The last is longer than any
// body may be.
var hostileBodies = []string{
	"", " ", "null", "[]", "{}", "{", `"text"`, "not JSON", "\x00", "\xff\xfe", strings.Repeat("[", 30000), strings.Repeat(`{"a":`, 10000),
	`{"reason":1}`, `{"reason":""}`, `{"reason":"  "}`, `{"reason":null}`, `{"reason":"\u0000"}`, `{"reason":"` + strings.Repeat("x", 1001) + `"}`,
	`{"reason":"x","more":1}`, `{"storefronts":"tencent"}`, `{"storefronts":["nobody"]}`, `{"storefronts":["\u0000"]}`, `{"storefronts":[1]}`,
	`{"storefronts":["nobody"],"dry_run":"yes"}`, `{"storefronts":[` + strings.Repeat(`"x",`, 1000) + `"x"]}`, `{"reason":"` + strings.Repeat("x", 1<<20) + `"}`,
}

// Whatever the API is asked, a daemon whose database is well has no trouble
// with it: who asks is told what is wrong with the question.
func TestHostileRequests(t *testing.T) {
	t.Parallel()
	mail, err := fixtures.NewSMTP(fixtures.SMTPOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { mail.Close() })
	chrome := filepath.Join(t.TempDir(), "chrome")
	if err := os.WriteFile(chrome, []byte("#!/bin/sh\nexit 1\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	w := quietWorld(t, fmt.Sprintf(`browser: {path: %s, flags: {no-sandbox: true}}
public: https://shop.example
channels:
  - {name: analysts, kind: email, server: %q, plaintext: true, from: shopwatch@example.com, to: [team@example.com]}
  - {name: readers, kind: feed, path: feeds}
`, chrome, mail.URL()))
	known := fill(t, filepath.Join(w.dir, "data"))
	stop := w.daemon()
	h := &hostile{t: t, address: w.address(), known: known}
	token, err := os.ReadFile(filepath.Join(w.dir, "data", "token"))
	if err != nil {
		t.Fatal(err)
	}
	h.token = strings.TrimSpace(string(token))

	var doc struct {
		Paths map[string]map[string]apiOperation
	}
	if err := json.Unmarshal([]byte(h.ask("GET", "/api/openapi.json", "", "").body), &doc); err != nil {
		t.Fatal(err)
	}
	for path, methods := range doc.Paths {
		for method, op := range methods {
			t.Run(op.OperationID, func(t *testing.T) { h.t = t; h.operation(strings.ToUpper(method), path, &op) })
		}
	}
	for _, path := range []string{"/", "/status.css", "/healthz", "/readyz", "/metrics", "/evidence/{name}", "/feeds/{channel}/{file}", "/api/openapi.json", "/nothing", "/unsubscribe"} {
		t.Run(path, func(t *testing.T) { h.t = t; h.operation("GET", path, new(apiOperation)) })
	}
	t.Run("what is wrong is said", func(t *testing.T) { h.t = t; h.exactly() })
	if h.asked < 3000 {
		t.Errorf("%d requests were made, want more", h.asked)
	}
	t.Logf("%d requests", h.asked)
	if _, log := stop(); strings.Contains(log, "panic") {
		t.Errorf("the daemon logs\n%s", log)
	}
}

// fill makes a database with a change and a report that told of it, and returns
// parameters that are known.
func fill(t *testing.T, data string) map[string]string {
	t.Helper()
	if err := os.Mkdir(data, 0o700); err != nil {
		t.Fatal(err)
	}
	db, err := bolt.Open(filepath.Join(data, "shopwatch.db"), bolt.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := db.Join(t.Context(), "analysts"); err != nil {
		t.Fatal(err)
	}
	for i, title := range []string{"old", "new"} {
		s := &tracker.Scan{
			Storefront: "tencent", Began: time.Now().Add(time.Duration(i-10) * time.Second), Verdict: tracker.Complete,
			Products: []tracker.Product{{ID: "1", Title: title, URL: "x"}}, Evidence: tracker.Evidence{Pages: 1, Products: 1, Parser: 1},
		}
		if _, err := db.Commit(t.Context(), s, tracker.DefaultRules()); err != nil {
			t.Fatal(err)
		}
	}
	return map[string]string{"seq": "1", "name": "tencent", "channel": "readers", "file": "tencent.xml"}
}

// hostile asks a daemon.
type hostile struct {
	t              *testing.T
	address, token string
	known          map[string]string
	asked          int
}

// A reply is what the daemon answers.
type reply struct {
	status int
	header http.Header
	body   string
}

// ask sends a request that no client of ours would, and looks at what is wrong
// with the answer whatever was asked.
func (h *hostile) ask(method, target, contentType, body string) reply {
	h.t.Helper()
	h.asked++
	resp, err := h.send(method, target, contentType, body)
	// A server that answers without reading a long body closes the connection,
	// which may be noticed before the answer.
	for tries := 0; tries < 20 && len(body) > 1<<19 && (errors.Is(err, syscall.EPIPE) || errors.Is(err, syscall.ECONNRESET)); tries++ {
		resp, err = h.send(method, target, contentType, body)
	}
	if err != nil {
		h.t.Fatalf("%s %.200s: %v", method, target, err)
	}
	defer resp.Body.Close()
	var b []byte
	if resp.StatusCode == http.StatusOK && strings.HasPrefix(target, "/api/profile/lend") {
		b, err = bufio.NewReader(resp.Body).ReadBytes('\n') // a loan lasts until the connection is closed
	} else {
		b, err = io.ReadAll(resp.Body)
	}
	if err != nil {
		h.t.Errorf("%s %.200s: %v", method, target, err)
	}
	r := reply{resp.StatusCode, resp.Header, string(b)}
	h.judge(method+" "+target, body, r)
	return r
}

// send sends a request as it stands.
func (h *hostile) send(method, target, contentType, body string) (*http.Response, error) {
	req := &http.Request{
		Method: method, URL: &url.URL{Scheme: "http", Host: h.address, Opaque: "//" + h.address + target}, Host: h.address,
		Header: http.Header{"Authorization": {"Bearer " + h.token}}, Body: http.NoBody,
	}
	if body != "" {
		req.Body, req.ContentLength = io.NopCloser(strings.NewReader(body)), int64(len(body))
	}
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	return http.DefaultTransport.RoundTrip(req)
}

// judge looks at an answer to anything.
func (h *hostile) judge(asked, body string, r reply) {
	h.t.Helper()
	if r.status >= 500 {
		h.t.Errorf("%.200s %.200q = %d %s", asked, body, r.status, r.body)
	}
	if r.header.Get("X-Injected") != "" {
		h.t.Errorf("%.200s puts a header into the answer", asked)
	}
	if r.status < 400 || strings.HasPrefix(asked, "HEAD ") || strings.Contains(asked, " /unsubscribe") {
		return
	}
	var p struct {
		Status        int
		Title, Detail string
	}
	if r.header.Get("Content-Type") != "application/problem+json" || json.Unmarshal([]byte(r.body), &p) != nil ||
		p.Status != r.status || p.Title == "" || len(p.Detail) < 10 || strings.HasSuffix(p.Detail, "validation failed") {
		h.t.Errorf("%.200s %.200q = %d %s %.300s, want a problem that says what is wrong", asked, body, r.status, r.header.Get("Content-Type"), r.body)
	}
}

// operation asks an operation all that is hostile.
func (h *hostile) operation(method, path string, op *apiOperation) {
	known := path
	if strings.HasPrefix(path, "/api/channels/") {
		known = strings.Replace(path, "{name}", "analysts", 1)
	}
	for name, value := range h.known {
		known = strings.Replace(known, "{"+name+"}", value, 1)
	}
	for _, value := range hostileValues {
		for name := range h.known { // one after another
			if target := strings.Replace(path, "{"+name+"}", value, 1); target != path {
				for other, value := range h.known {
					target = strings.Replace(target, "{"+other+"}", value, 1)
				}
				h.ask(method, target, "", "")
				h.ask("HEAD", target, "", "")
			}
		}
		queries := []string{value, value + "=", "=" + value, "unknown=" + value}
		for _, p := range op.Parameters {
			if p.In == "query" {
				queries = append(queries, p.Name+"="+value, p.Name+"=1&"+p.Name+"="+value)
			}
		}
		for _, q := range queries {
			if method == "GET" {
				h.ask(method, known+"?"+q, "", "")
			} else if value != "" { // what is asked for as it should be takes long
				h.ask(method, known+"?"+q, "application/json", `{"storefronts":["nobody"]}`)
			}
		}
	}
	for _, q := range []string{"%", "%zz", "a=%zz", "storefront=%", "a;b", "storefront=a;limit=1", "&&&", "limit=%31", "limit=1&limit=2", strings.Repeat("a=1&", 5000)} {
		h.ask(method, known+"?"+q, "application/json", `{"storefronts":["nobody"]}`)
	}
	for _, other := range []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND", "get", strings.Repeat("X", 1000)} {
		if other != method {
			h.ask(other, known, "", "")
		}
	}
	types := []string{"", "application/json", "text/plain", "application/xml", "application/cbor", "multipart/form-data", "nonsense", "application/json; charset=gbk"}
	for i, body := range hostileBodies {
		if op.RequestBody != nil && strings.TrimSpace(body) == "{}" && op.OperationID == "scan" {
			continue // scans all
		}
		for j, contentType := range types {
			if op.RequestBody == nil && j != i%len(types) {
				continue // what takes no body looks at neither
			}
			h.ask(method, known, contentType, body)
		}
	}
}

// exactly asks what was answered by a failure of the server once.
func (h *hostile) exactly() {
	long := `{"reason":"` + strings.Repeat("x", 100_000) + `"}`
	for _, tt := range []struct {
		method, target, body string
		status               int
		says                 string
	}{
		{"POST", "/api/changes/1/dispute", long, 413, "65536 bytes at most"},
		{"POST", "/api/changes/99/dispute", `{"reason":"x"}`, 404, "there is no change 99"},
		{"POST", "/api/changes/1/dispute", `{"reason":" \n"}`, 422, "say why"},
		{"POST", "/api/changes/1/dispute", `{"reason":"a\u0000b"}`, 422, "control characters"},
		{"POST", "/api/scans", long, 413, "65536 bytes at most"},
		{"POST", "/api/scans", `{"storefronts":["nobody"]}`, 404, "there are tencent"},
		{"GET", "/api/changes/99", "", 404, "there is no change 99"},
		{"GET", "/api/channels/analysts/preview?seq=99", "", 404, "there is no change 99"},
		{"GET", "/api/channels/nobody/preview", "", 404, "there are analysts, readers"},
		{"POST", "/api/channels/nobody/test", "", 404, "there are analysts, readers"},
		{"POST", "/api/retry?report=99", "", 404, "there is no report 99"},
		{"POST", "/api/retry?report=-1", "", 422, "validation failed: query.report: invalid"},
		{"GET", "/api/reports?channel=nobody", "", 404, "there are analysts, readers"},
		{"GET", "/api/reports?channel=%00", "", 400, "no text"},
		{"GET", "/api/storefronts/%00/products", "", 400, "no text"},
		{"GET", "/api/storefronts/%FF/products", "", 400, "no text"},
		{"GET", "/api/storefronts/nobody/products", "", 404, "there are tencent"},
		{"GET", "/api/changes?storefront=%zz", "", 400, "cannot be read"},
		{"GET", "/api/changes?after=18446744073709551615", "", 422, "after"},
		{"GET", "/evidence/%00", "", 400, "no text"},
		{"GET", "/evidence/x", "", 404, "no such evidence file"},
		{"GET", "/feeds/readers/%00.xml", "", 400, "no text"},
		{"GET", "/feeds/readers/nobody.xml", "", 404, "no such file"},
		{"GET", "/api/nothing", "", 404, "/api/openapi.json"},
		{"GET", "/api/compact", "", 405, "POST"},
		{"DELETE", "/api/changes/1", "", 405, "GET, HEAD"},
	} {
		r := h.ask(tt.method, tt.target, "application/json", tt.body)
		if r.status != tt.status || !strings.Contains(r.body, tt.says) {
			h.t.Errorf("%s %s %.100s = %d %.500s, want %d and %q", tt.method, tt.target, tt.body, r.status, r.body, tt.status, tt.says)
		}
		if allow := r.header.Get("Allow"); (r.status == 405) != (allow != "") {
			h.t.Errorf("%s %s: %d, Allow: %s", tt.method, tt.target, r.status, allow)
		}
	}
	// A body that is no such thing: in pieces that are none, and cut off.
	for _, body := range []string{"Transfer-Encoding: chunked\r\n\r\nzz\r\nnonsense\r\n", "Content-Length: 100\r\n\r\n{"} {
		c, err := net.Dial("tcp", h.address)
		if err != nil {
			h.t.Fatal(err)
		}
		fmt.Fprintf(c, "POST /api/scans HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\nConnection: close\r\n%s", h.token, body)
		c.(*net.TCPConn).CloseWrite()
		b, err := io.ReadAll(c)
		c.Close()
		line, _, _ := bytes.Cut(b, []byte("\r\n"))
		if err != nil || string(line) != "HTTP/1.1 400 Bad Request" {
			h.t.Errorf("%q = %s, %v, want 400", body, b, err)
		}
	}
}

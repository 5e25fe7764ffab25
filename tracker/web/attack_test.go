package web_test

import (
	"archive/zip"
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/xuri/excelize/v2"

	"shopwatch/storage"
	"shopwatch/storage/merkle"
	"shopwatch/tracker"
)

// Those who have no business here get nothing: under another name, from a page of
// another site, by a detour, without the right token.
func TestAttacks(t *testing.T) {
	db := populated(t)
	o := tourOptions(db)
	o.ViewerToken = "viewer-viewer-viewer"
	open := "http://" + serve(t, o)
	o.Closed = true
	closed := "http://" + serve(t, o)
	public, err := url.Parse("https://example.com/shopwatch/")
	if err != nil {
		t.Fatal(err)
	}
	o.Closed, o.Public = false, public
	proxied := "http://" + serve(t, o)
	const viewer, operator = "Bearer viewer-viewer-viewer", "Bearer " + token
	cookie := "shopwatch-" + open[strings.LastIndex(open, ":")+1:] + "="
	for _, tt := range []struct {
		name, method, url string
		headers           map[string]string
		want              int
	}{
		{"a page looks", "GET", open + "/", nil, 200},
		{"DNS rebinding", "GET", open + "/", map[string]string{"Host": "evil.example"}, 403},
		{"DNS rebinding where all need a token", "GET", closed + "/", map[string]string{"Host": "evil.example"}, 403},
		{"rebinding to a name that begins like ours", "GET", open + "/", map[string]string{"Host": "127.0.0.1.evil.example"}, 403},
		{"nobody looks where all need a token", "GET", closed + "/", nil, 401},
		{"nor at pictures", "GET", closed + "/evidence/x", nil, 401},
		{"nor at files", "GET", closed + "/changes.csv", nil, 401},
		{"who must sign in has the style of the page", "GET", closed + "/static/style.css", nil, 200},
		{"and is asked for the token", "GET", closed + "/signin", nil, 200},
		{"in a language of their own", "POST", closed + "/preferences", nil, 303},
		{"nobody comes behind the style", "GET", closed + "/static/../changes", nil, 401},
		{"a viewer looks", "GET", closed + "/", map[string]string{"Authorization": viewer}, 200},
		{"a viewer starts nothing", "POST", open + "/s/made-up-year/scan", map[string]string{"Authorization": viewer}, 403},
		{"who has no token starts nothing", "POST", open + "/s/made-up-year/scan", nil, 401},
		{"nor disputes", "POST", open + "/changes/1", nil, 401},
		{"nor retries", "POST", open + "/reports/1", nil, 401},
		{"an operator does", "POST", open + "/reports/1", map[string]string{"Authorization": operator}, 303},
		{"not from a page of another site", "POST", open + "/reports/1", map[string]string{"Authorization": operator, "Sec-Fetch-Site": "cross-site"}, 403},
		{"nor from one that an old browser shows", "POST", open + "/reports/1", map[string]string{"Authorization": operator, "Origin": "https://evil.example"}, 403},
		{"nor from a neighbour", "POST", open + "/s/evil/scan", map[string]string{"Authorization": operator, "Sec-Fetch-Site": "same-site"}, 403},
		{"a wrong cookie is none", "POST", open + "/reports/1", map[string]string{"Cookie": cookie + strings.Repeat("0", 64)}, 401},
		{"the token is no cookie", "POST", open + "/reports/1", map[string]string{"Cookie": cookie + token}, 401},
		{"nothing is changed by looking", "GET", open + "/s/made-up-year/scan", map[string]string{"Authorization": operator}, 404},
		{"traversal", "GET", open + "/static/..%2fweb.go", nil, 404},
		{"traversal of evidence", "GET", open + "/evidence/..%2f..%2fetc%2fpasswd", nil, 404},
		{"traversal of storefronts", "GET", open + "/s/..%2f..%2fetc/p/1", nil, 404},
		{"a storefront that is none", "GET", open + "/s/%3Cscript%3E", nil, 404},
		{"a number that is none", "GET", open + "/changes/1e9", nil, 404},
		{"a number that is too great", "GET", open + "/changes/99999999999999999999", nil, 404},
		{"control characters", "GET", open + "/changes?q=%00", nil, 400},
		{"a page far behind the end", "GET", open + "/s/made-up-year?page=999999999999", nil, 200},
		{"values that mean nothing", "GET", open + "/s/made-up-year?window=x&sort=y&show=z&page=-3", nil, 200},
		{"a proxy that is not configured", "GET", open + "/", map[string]string{"X-Forwarded-For": "192.0.2.1"}, 403},
		{"behind the proxy nobody looks without a token", "GET", proxied + "/", map[string]string{"X-Forwarded-For": "192.0.2.1"}, 401},
		{"but has the style of the page that asks for it", "GET", proxied + "/shopwatch/static/style.css", map[string]string{"Host": "example.com"}, 200},
		{"nor under its name", "GET", proxied + "/shopwatch/", map[string]string{"Host": "example.com"}, 401},
		{"a viewer does", "GET", proxied + "/shopwatch/changes", map[string]string{"Host": "example.com", "Authorization": viewer}, 200},
		{"also where the proxy takes the path off", "GET", proxied + "/changes", map[string]string{"Host": "example.com", "Authorization": viewer}, 200},
		{"another name is none of the proxy's", "GET", proxied + "/", map[string]string{"Host": "evil.example"}, 403},
	} {
		t.Run(tt.name, func(t *testing.T) {
			req, err := http.NewRequest(tt.method, tt.url, nil)
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Accept", "text/html")
			for k, v := range tt.headers {
				if k == "Host" {
					req.Host = v
				} else {
					req.Header.Set(k, v)
				}
			}
			resp, err := noRedirect().Do(req)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			b, _ := io.ReadAll(resp.Body)
			if resp.StatusCode != tt.want {
				t.Errorf("%s, want %d\n%s", resp.Status, tt.want, b)
			}
			if csp := resp.Header.Get("Content-Security-Policy"); !strings.Contains(csp, "default-src 'none'") || strings.Contains(csp, "unsafe") {
				t.Errorf("Content-Security-Policy = %q", csp)
			}
			if strings.Contains(string(b), secret) && tt.headers["Authorization"] == "" {
				t.Error("a recipient is named")
			}
		})
	}
}

// Feed readers know user and password only, and are asked for them; people see the page
// to sign in. Behind a proxy that asks for a password of its own the cookie counts.
func TestFeedReaders(t *testing.T) {
	o := tourOptions(populated(t))
	o.Closed, o.ViewerToken = true, "viewer-viewer-viewer"
	s := server(o)
	get := func(accept, password string, cookies ...*http.Cookie) *httptest.ResponseRecorder {
		req := httptest.NewRequest("GET", "http://127.0.0.1/changes.atom", nil)
		req.Header.Set("Accept", accept)
		if password != "" {
			req.SetBasicAuth("reader", password)
		}
		for _, c := range cookies {
			req.AddCookie(c)
		}
		w := httptest.NewRecorder()
		s.ServeHTTP(w, req)
		return w
	}
	const reader, browser = "application/atom+xml", "text/html"
	if w := get(reader, ""); w.Code != 401 || !strings.Contains(strings.Join(w.Header().Values("WWW-Authenticate"), "; "), `Basic realm="shopwatch"`) {
		t.Errorf("a reader without a password: %d, %q", w.Code, w.Header())
	}
	if w := get(browser, ""); w.Code != 401 || strings.Contains(strings.Join(w.Header().Values("WWW-Authenticate"), "; "), "Basic") {
		t.Errorf("a browser: %d, %q", w.Code, w.Header())
	}
	for _, right := range []string{token, o.ViewerToken} {
		if w := get(reader, right); w.Code != 200 || !strings.Contains(w.Body.String(), "<feed ") {
			t.Errorf("with the token as the password: %d", w.Code)
		}
	}
	if w := get(reader, "another"); w.Code != 401 {
		t.Errorf("with another password: %d", w.Code)
	}
	in := httptest.NewRecorder()
	req := httptest.NewRequest("POST", "http://127.0.0.1/signin", strings.NewReader("token="+token))
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	s.ServeHTTP(in, req)
	if w := get(browser, "of the proxy", in.Result().Cookies()...); w.Code != 200 {
		t.Errorf("signed in, with a password of a proxy: %d", w.Code)
	}
}

// Who signs in at one shopwatch of a host stays signed in at another.
func TestSignInAtTwoPorts(t *testing.T) {
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	browser := &http.Client{Jar: jar}
	o := options(emptyDatabase(t))
	o.Closed = true
	other := o
	other.Token = strings.Repeat("x", 40)
	first, second := "http://"+serve(t, o), "http://"+serve(t, other)
	for address, token := range map[string]string{first: o.Token, second: other.Token} {
		resp, err := browser.PostForm(address+"/signin", url.Values{"token": {token}})
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
	}
	for _, address := range []string{first, second} {
		resp, err := browser.Get(address + "/reports")
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != 200 {
			t.Errorf("signed in at both, one says %s", resp.Status)
		}
	}
}

// Signing in leads back, to no other place, and is remembered without the token.
func TestSignIn(t *testing.T) {
	db := populated(t)
	o := tourOptions(db)
	o.Closed = true
	public, _ := url.Parse("https://example.com/shopwatch/")
	o.Public = public
	address := "http://" + serve(t, o)
	for next, want := range map[string]string{
		"s/evil?window=7d": "./s/evil?window=7d", "": "./", "https://evil.example/": "./", "//evil.example": "./", `\\evil.example`: "./",
		"../../x": "./", "javascript:alert(1)": "./", "/\tevil": "./",
	} {
		resp, err := noRedirect().PostForm(address+"/signin", url.Values{"token": {" " + token + "\n"}, "next": {next}})
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != 303 || resp.Header.Get("Location") != want {
			t.Errorf("next %q: %s to %q, want %q", next, resp.Status, resp.Header.Get("Location"), want)
		}
		c := resp.Cookies()[0]
		if !c.HttpOnly || c.SameSite != http.SameSiteStrictMode || strings.Contains(c.Value, token) {
			t.Errorf("cookie %+v", c)
		}
	}
	// Who signed in stays so behind a proxy that asks for user and password too.
	resp, err := noRedirect().PostForm(address+"/signin", url.Values{"token": {token}})
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	again, _ := http.NewRequest("GET", address+"/reports", nil)
	again.AddCookie(resp.Cookies()[0])
	again.SetBasicAuth("user", "password")
	if resp, err = noRedirect().Do(again); err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != 200 {
		t.Errorf("signed in, with user and password of a proxy: %s", resp.Status)
	}
	req, _ := http.NewRequest("POST", address+"/shopwatch/signin", strings.NewReader("token="+token))
	req.Host = "example.com"
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if resp, err = noRedirect().Do(req); err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if c := resp.Cookies(); len(c) != 1 || !c[0].Secure || c[0].Path != "/shopwatch" {
		t.Errorf("behind the proxy: %s, cookies %+v; want a secure one for the path", resp.Status, c)
	}
	// Wrong tokens are slowed down; the right one is not.
	slowed := false
	for range 100 {
		resp, err := http.PostForm(address+"/signin", url.Values{"token": {"wrong"}})
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		slowed = slowed || resp.StatusCode == 429
	}
	resp, err = noRedirect().PostForm(address+"/signin", url.Values{"token": {token}})
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if !slowed || resp.StatusCode != 303 {
		t.Errorf("100 wrong tokens are slowed down: %v; the right one gets %s", slowed, resp.Status)
	}
}

// What is downloaded is what the pages show from the first to the last, and has
// the lowest price of 30 days beside a price cut.
func TestExportIsWhatIsShown(t *testing.T) {
	db := populated(t)
	s := server(tourOptions(db))
	day := func(ago int) string { return time.Now().AddDate(0, 0, -ago).Format(time.DateOnly) }
	seqs := regexp.MustCompile(`<li class="change">.*?href="\./changes/(\d+)"`)
	next := regexp.MustCompile(`rel="next" href="([^"]+)"`)
	for _, query := range []string{
		"?", "?important=1", "?storefront=made-up-year&kind=repriced&kind=retitled", "?kind=removed,relisted", "?from=" + day(200) + "&to=" + day(100), "?q=" + url.QueryEscape("血糖") + "&kind=removed&kind=relisted", "?q=nothing",
	} {
		var shown []string
		for path := "/changes" + query; path != ""; {
			page := body(t, s, path)
			for _, m := range seqs.FindAllStringSubmatch(page, -1) {
				shown = append(shown, m[1])
			}
			path = ""
			if m := next.FindStringSubmatch(page); m != nil {
				path = "/changes" + html.UnescapeString(m[1])
			}
		}
		rows, err := csv.NewReader(strings.NewReader(strings.TrimPrefix(body(t, s, "/changes.csv"+query), "\ufeff"))).ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		prior := slices.Index(rows[0], "price_30_days")
		var had []string
		for _, row := range rows[1:] {
			had = append(had, row[0])
			if strings.Contains(query, "kind=") && !strings.Contains(query, row[1]) {
				t.Errorf("%s: change %s is of kind %s", query, row[0], row[1])
			}
			seq, err := strconv.ParseUint(row[0], 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			c, _, err := db.Change(ctx, seq)
			if err != nil {
				t.Fatal(err)
			}
			one := []tracker.Change{c}
			if err := storage.WithPrior(ctx, db, one); err != nil {
				t.Fatal(err)
			}
			if row[prior] != one[0].Prior.String() {
				t.Errorf("change %d: the lowest price of 30 days is %q, want %q", seq, row[prior], one[0].Prior)
			}
		}
		if !slices.Equal(shown, had) || (len(shown) == 0) != (query == "?q=nothing") {
			t.Errorf("%s: %d changes are shown, %d in the file", query, len(shown), len(had))
		}
	}
}

// Downloads hold exactly what the page shows, in the form of each.
func TestExports(t *testing.T) {
	db := populated(t)
	address := "http://" + serve(t, tourOptions(db))
	get := func(path string) []byte {
		t.Helper()
		resp, err := http.Get(address + path)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		b, err := io.ReadAll(resp.Body)
		if err != nil || resp.StatusCode != 200 {
			t.Fatalf("%s: %s, %v", path, resp.Status, err)
		}
		return b
	}
	for _, tt := range []struct {
		query string
		q     storage.Query
	}{
		{"", storage.Query{}},
		{"?storefront=evil", storage.Query{Storefront: "evil"}},
		{"?kind=repriced&kind=removed&q=" + url.QueryEscape("音箱"), storage.Query{Text: "音箱", Kinds: []tracker.Kind{tracker.Repriced, tracker.Removed}}},
	} {
		tt.q.Newest, tt.q.Limit = true, 100_000
		want, err := db.Changes(ctx, tt.q)
		if err != nil || len(want) == 0 {
			t.Fatalf("%d changes, %v", len(want), err)
		}
		rows, err := csv.NewReader(bytes.NewReader(bytes.TrimPrefix(get("/changes.csv"+tt.query), []byte("\ufeff")))).ReadAll()
		if err != nil || len(rows) != len(want)+1 {
			t.Fatalf("CSV of %q: %d rows, %v; want %d", tt.query, len(rows)-1, err, len(want))
		}
		lines := json.NewDecoder(bytes.NewReader(get("/changes.jsonl" + tt.query)))
		f, err := excelize.OpenReader(bytes.NewReader(get("/changes.xlsx" + tt.query)))
		if err != nil {
			t.Fatal(err)
		}
		sheet, err := f.GetRows("changes")
		if err != nil || len(sheet) != len(want)+1 {
			t.Fatalf("XLSX of %q: %d rows, %v; want %d", tt.query, len(sheet)-1, err, len(want))
		}
		for i := range want {
			var c tracker.Change
			if err := lines.Decode(&c); err != nil || c.Seq != want[i].Seq {
				t.Fatalf("JSON line %d is change %d, %v; want %d", i, c.Seq, err, want[i].Seq)
			}
			if got := rows[i+1][0]; got != fmt.Sprint(want[i].Seq) {
				t.Fatalf("CSV row %d is change %s, want %d", i, got, want[i].Seq)
			}
			if got := sheet[i+1][0]; got != fmt.Sprint(want[i].Seq) {
				t.Fatalf("XLSX row %d is change %s, want %d", i, got, want[i].Seq)
			}
		}
		// Cells are what they are: dates, numbers, and ids that are text.
		row := 2
		for want[row-2].Product == nil {
			row++
		}
		for col, text := range map[string]bool{"A": false, "D": false, "F": true, "G": true} {
			got, err := f.GetCellType("changes", fmt.Sprint(col, row))
			if err != nil || (got == excelize.CellTypeInlineString || got == excelize.CellTypeSharedString) != text {
				t.Errorf("%s%d has type %v, %v; want text %v", col, row, got, err, text)
			}
		}
		if text, err := f.GetCellValue("changes", "D2"); err != nil || text != want[0].At.In(time.FixedZone("", 8*3600)).Format("2006-01-02 15:04") {
			t.Errorf("the time is %q, %v", text, err)
		}
		for i, row := range sheet {
			for _, cell := range row {
				if strings.HasPrefix(cell, "=") {
					t.Errorf("row %d has a formula: %s", i, cell)
				}
			}
		}
		if formula, err := f.GetCellFormula("changes", "G2"); err != nil || formula != "" {
			t.Errorf("a title is a formula: %q, %v", formula, err)
		}
		f.Close()
		if n := bytes.Count(get("/changes.atom"+tt.query), []byte("<entry>")); n != min(len(want), 100) {
			t.Errorf("the feed of %q has %d entries, want %d", tt.query, n, min(len(want), 100))
		}
	}
	removed, err := db.Changes(ctx, storage.Query{Storefront: "evil", Kinds: []tracker.Kind{tracker.Removed}})
	if err != nil || len(removed) == 0 {
		t.Fatal(err)
	}
	packed := get(fmt.Sprintf("/changes/%d.zip", removed[0].Seq))
	z, err := zip.NewReader(bytes.NewReader(packed), int64(len(packed)))
	if err != nil {
		t.Fatal(err)
	}
	var files []string
	for _, f := range z.File {
		files = append(files, f.Name)
	}
	if want := []string{"story.json", "log.json", "pictures/" + removed[0].Pictures.Page, "captures/" + removed[0].Probe.Capture}; !slices.Equal(files, want) {
		t.Fatalf("the archive has %q, want %q", files, want)
	}
	log, err := z.Open("log.json")
	if err != nil {
		t.Fatal(err)
	}
	var witness merkle.Witness
	if err := json.NewDecoder(log).Decode(&witness); err != nil {
		t.Fatal(err)
	}
	// The page itself and the feed hold a checkpoint that the archive answers to.
	for _, path := range []string{fmt.Sprint("/changes/", removed[0].Seq), "/changes.atom"} {
		marks, keys, err := merkle.Find(html.UnescapeString(string(get(path))))
		if err != nil || len(marks) != 1 || len(keys) != 1 || keys[0] != witness.Key {
			t.Fatalf("%s has the checkpoints %v and the keys %v, %v; want one of each", path, marks, keys, err)
		}
		for _, f := range witness.Audit(marks) {
			if f.Bad {
				t.Error(path + ": " + f.Text)
			}
		}
	}
}

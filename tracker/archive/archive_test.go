package archive_test

import (
	"archive/zip"
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"shopwatch/storage/merkle"
	"shopwatch/tracker"
	"shopwatch/tracker/archive"
)

var at = time.Date(2026, 11, 26, 9, 0, 0, 123e6, time.UTC)

func newSigner(t testing.TB) *archive.Signer {
	t.Helper()
	secret, err := merkle.NewSigner("abcdefghijkl")
	if err != nil {
		t.Fatal(err)
	}
	s, err := archive.NewSigner(secret)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

const item = "https://detail.tmall.com/item.htm?id=600000000001"

// sample is the capture of an item page that an API was asked for too.
func sample() *archive.Capture {
	c := &archive.Capture{Reading: archive.Reading{
		Scope: archive.OfItem, Software: "shopwatch/test", Began: at, Verdict: tracker.Complete,
		Storefront: archive.Storefront{Name: "tencent", URL: "https://tencent.tmall.com/", Marketplace: "tmall"},
		Items: []archive.Item{{
			Product: tracker.Product{ID: "600000000001", Title: "糖大夫", URL: item},
			Probe:   tracker.Probe{Product: "600000000001", State: tracker.PageOffshelf, At: at, URL: item, Reason: "此商品已下架"},
		}},
	}}
	html := http.Header{"Content-Type": {"text/html; charset=utf-8"}, "Content-Encoding": {"gzip"}, "X-Two": {"a", "b"}}
	c.Add(archive.Record{URL: item, At: at, Status: 200, Header: html, Body: []byte("<title>糖大夫</title><p>此商品已下架"), Page: true, Title: "糖大夫"})
	c.Add(archive.Record{URL: "https://h5api.m.tmall.com/h5/x/1.0/?t=1&callback=mtopjsonp1&data=1", At: at, Status: 200, Header: http.Header{"Content-Type": {"application/javascript"}}, Body: []byte(` mtopjsonp1({"n":1})`)})
	c.Add(archive.Record{URL: "https://shop.example/graphql", At: at, Method: http.MethodPost, Post: []byte(`{"q":1}`), Status: 200, Header: http.Header{"Content-Type": {"application/json"}}, Body: []byte(`{"a":1}`)})
	c.Add(archive.Record{URL: "https://shop.example/old", At: at, Status: 301, Header: http.Header{"Location": {"https://shop.example/new"}}})
	c.Add(archive.DOM(item, at, []byte("<html>parsed")))
	c.Add(archive.Picture(item, at, []byte("RIFF"), []string{"cookie _nk_"}))
	return c
}

// What is packed comes back, and the same capture always makes the same file.
func TestPackAndOpen(t *testing.T) {
	s := newSigner(t)
	file, err := sample().Pack(s)
	if err != nil {
		t.Fatal(err)
	}
	again, err := sample().Pack(s)
	if err != nil || !bytes.Equal(file, again) {
		t.Errorf("the same capture makes another file: %v", err)
	}
	got, err := archive.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	want := sample()
	want.Reading.Redacted = []archive.Redaction{}
	for i := range want.Records {
		r := &want.Records[i]
		r.Title, r.Covered = "", nil // of the lists of pages and of redactions only
		delete(r.Header, "Content-Encoding")
		if r.Body == nil {
			r.Body = []byte{}
		}
	}
	if !reflect.DeepEqual(got.Reading, want.Reading) {
		t.Errorf("reading %+v\nwant    %+v", got.Reading, want.Reading)
	}
	for i := range want.Records {
		if g, w := fmt.Sprintf("%+v", got.Records[i]), fmt.Sprintf("%+v", want.Records[i]); g != w {
			t.Errorf("record %d is %s\nwant        %s", i, g, w)
		}
	}
	text := string(unzip(t, file)["archive/data.warc.gz"])
	if text == "" {
		t.Error("there is no WARC file")
	}
	index := string(unzip(t, file)["indexes/index.cdx"])
	if !strings.Contains(index, `com,tmall,detail)/item.htm?id=600000000001 20261126090000 {"url":"`+item+`","mime":"text/html","status":"200"`) {
		t.Errorf("index:\n%s", index)
	}
	pages := string(unzip(t, file)["pages/pages.jsonl"])
	if strings.Count(pages, "\n") != 2 || !strings.Contains(pages, `"title":"糖大夫"`) {
		t.Errorf("pages:\n%s", pages)
	}
}

func unzip(t testing.TB, file []byte) map[string][]byte {
	t.Helper()
	z, err := zip.NewReader(bytes.NewReader(file), int64(len(file)))
	if err != nil {
		t.Fatal(err)
	}
	all := make(map[string][]byte)
	for _, f := range z.File {
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		if all[f.Name], err = io.ReadAll(r); err != nil {
			t.Fatal(err)
		}
	}
	return all
}

// rezip packs files as they are, as anybody can.
func rezip(t testing.TB, files map[string][]byte) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for name, content := range files {
		w, err := z.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Store})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(content); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// Whatever is altered in a capture is found, also by those who adjust the
// digests to it.
func TestAltered(t *testing.T) {
	s := newSigner(t)
	file, err := sample().Pack(s)
	if err != nil {
		t.Fatal(err)
	}
	other := sample()
	other.Reading.Reason = "another"
	forged, err := other.Pack(newSigner(t))
	if err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		alter func(map[string][]byte)
		says  string
	}{
		"a verdict": {func(f map[string][]byte) {
			f["scan.json"] = bytes.Replace(f["scan.json"], []byte("offshelf"), []byte("sold"), 1)
		}, "is not what it was"},
		"an answer": {func(f map[string][]byte) { f["archive/data.warc.gz"][100] ^= 1 }, "is not what it was"},
		"a file":    {func(f map[string][]byte) { f["more.txt"] = []byte("x") }, "put into it later"},
		"no index":  {func(f map[string][]byte) { delete(f, "indexes/index.cdx") }, "is missing"},
		"the list": {func(f map[string][]byte) {
			f["datapackage.json"] = append(f["datapackage.json"], ' ')
		}, "another list of files was signed"},
		"the list with its hash": {func(f map[string][]byte) {
			from := unzip(t, forged)
			for _, name := range []string{"scan.json", "datapackage.json", "archive/data.warc.gz"} {
				f[name] = from[name]
			}
			var was, is struct{ Hash string }
			if json.Unmarshal(f["datapackage-digest.json"], &was) != nil || json.Unmarshal(from["datapackage-digest.json"], &is) != nil {
				t.Fatal("no digests")
			}
			f["datapackage-digest.json"] = bytes.ReplaceAll(f["datapackage-digest.json"], []byte(was.Hash), []byte(is.Hash))
		}, "signature"},
	} {
		files := unzip(t, file)
		tt.alter(files)
		if _, err := archive.Open(rezip(t, files)); err == nil || !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%s: %v, want %q", name, err, tt.says)
		}
	}
}

// An exported capture is the capture, with the story beside it.
func TestExport(t *testing.T) {
	file, err := sample().Pack(newSigner(t))
	if err != nil {
		t.Fatal(err)
	}
	exported, err := archive.Export(file, []byte(`{"story":1}`), []byte(`{"seq":7}`))
	if err != nil {
		t.Fatal(err)
	}
	e, err := archive.Verify(exported)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(e.Capture, file) || string(e.Story) != `{"story":1}` || string(e.Witness) != `{"seq":7}` || e.Log != "shopwatch/abcdefghij" {
		t.Errorf("exported = %s %s %s, the capture is the same: %v", e.Log, e.Story, e.Witness, bytes.Equal(e.Capture, file))
	}
	if e, err = archive.Verify(file); err != nil || !bytes.Equal(e.Capture, file) || e.Witness != nil {
		t.Errorf("not exported: %v, %s", err, e.Witness)
	}
}

// Sessions and names of accounts are taken out, in whatever form they stand;
// what a parser needs stays.
func TestRedact(t *testing.T) {
	c := sample()
	c.Reading.Items[0].Probe.URL = item + "&sid=abcdef12345"
	nick := `\u5f20\u4e09\u7684\u5e97123`
	c.Add(archive.Record{
		URL: "https://x.tmall.com/a?id=600000000001&_tb_token_=e5f33e1b&seller=12&unb=2201234567890", At: at, Status: 200, Page: true,
		Header: http.Header{"Content-Type": {"text/html"}, "Set-Cookie": {"cookie2=1d2f3a4b5c6d7e8f; Path=/; HttpOnly", "x=1"}, "X-Csrf-Token": {"qwertz"}},
		Body: []byte(`<meta name="csrf-token" content="abc-def-ghi"><input type=hidden name="_tb_token_" value="e5f33e1b">` +
			`<script>{"sid":"s3ss10n","loginNick":"张三的店123","sellerNick":"tencent旗舰店","itemId":"600000000001","userId":"2201234567890"}</script>` +
			`<script>x = "{\\"access_token\\": \\"esc4ped1\\"}"</script><a href="/a?x=1&amp;session_id=amp5ecret&amp;token&amp;q=kept77">` +
			`Hi, 张三的店123! (Bob7) Bob77 %20Bob7 %E5%BC%A0%E4%B8%89%E7%9A%84%E5%BA%97123 again=1d2f3a4b5c6d7e8f 922012345678901 desktop`),
	})
	c.Redact([]archive.Cookie{{"unb", "2201234567890"}, {"_nk_", nick}, {"mode", "desktop"}, {"short", "a1"}, {"lgc", "Bob7"}})
	var text strings.Builder
	for _, r := range c.Records {
		fmt.Fprintf(&text, "%s %v %s\n", r.URL, r.Header, r.Body)
	}
	reading, err := json.Marshal(c.Reading)
	if err != nil {
		t.Fatal(err)
	}
	text.Write(reading)
	for _, secret := range []string{"e5f33e1b", "1d2f3a4b5c6d7e8f", "qwertz", "abc-def-ghi", "s3ss10n", "张三", "%E5%BC%A0", "=2201234567890", `"2201234567890"`, "abcdef12345", "esc4ped1", "amp5ecret", "(Bob7)", "%20Bob7"} {
		if strings.Contains(text.String(), secret) {
			t.Errorf("%q is still there", secret)
		}
	}
	for _, kept := range []string{"id=600000000001", "cookie2=redacted; Path=/; HttpOnly", "tencent旗舰店", `"itemId":"600000000001"`, "922012345678901", "desktop", "Bob77", "&amp;token&amp;q=kept77", "此商品已下架", "seller=12"} {
		if !strings.Contains(text.String(), kept) {
			t.Errorf("%q is gone", kept)
		}
	}
	var listed []string
	for _, r := range c.Reading.Redacted {
		listed = append(listed, fmt.Sprintf("%s in %s of %d", r.What, r.Where, r.Records))
	}
	for _, want := range []string{"cookie unb in address of 1", "cookie unb in body of 1", "cookie _nk_ in body of 1", "cookie _nk_ in picture of 1", "cookie lgc in body of 1", "cookie cookie2 in body of 1", "header Set-Cookie in header of 1", "header X-Csrf-Token in header of 1", "_tb_token_ in address of 1", "a meta element in body of 1", "an input of a form in body of 1", "sid in body of 2"} {
		if !strings.Contains(strings.Join(listed, "\n"), want) {
			t.Errorf("not listed: %s\n%s", want, strings.Join(listed, "\n"))
		}
	}
}

// A page asks again with another time and another name for its function, and is
// answered all the same; for another product it is not.
func TestPlayer(t *testing.T) {
	c := sample()
	c.Add(archive.Record{URL: item, At: at.Add(time.Second), Status: 503})
	p := archive.NewPlayer(c)
	for i, want := range []int{200, 503, 503} {
		if r := p.Answer("GET", item+"#top", nil); r == nil || r.Status != want {
			t.Errorf("answer %d is %+v, want status %d", i+1, r, want)
		}
	}
	const api = "https://h5api.m.tmall.com/h5/x/1.0/?"
	if r := p.Answer("GET", api+"t=2&callback=mtopjsonp9&data=1&sign=77", nil); r == nil || string(r.Body) != ` mtopjsonp9({"n":1})` {
		t.Errorf("API = %+v", r)
	}
	if r := p.Answer("POST", "https://shop.example/graphql", []byte(`{"q":1}`)); r == nil || string(r.Body) != `{"a":1}` {
		t.Errorf("POST = %+v", r)
	}
	for _, q := range [][3]string{
		{"GET", api + "t=2&callback=mtopjsonp9&data=2", ""}, {"GET", item + "&sku=1", ""}, {"POST", "https://shop.example/graphql", `{"q":2}`},
		{"GET", "https://shop.example/graphql", ""}, {"GET", "urn:view:" + item, ""}, {"GET", "https://elsewhere.example/", ""},
	} {
		if r := p.Answer(q[0], q[1], []byte(q[2])); r != nil {
			t.Errorf("%s %s %s is answered: %+v", q[0], q[1], q[2], r)
		}
	}
	if m := p.Missed(); len(m) != 5 {
		t.Errorf("missed = %q", m)
	}
}

// A page cannot make a capture large.
func TestBounds(t *testing.T) {
	c := new(archive.Capture)
	c.Reading.Began = at
	for i := range 3000 {
		c.Add(archive.Record{URL: fmt.Sprintf("https://x.example/%d", i), At: at, Status: 200, Body: make([]byte, 1<<20)})
	}
	c.Add(archive.Record{URL: "https://x.example/" + strings.Repeat("a", 1<<20), At: at, Status: 200})
	c.Add(archive.Record{URL: "https://x.example/h", At: at, Status: 200, Header: http.Header{"X": {strings.Repeat("a", 1<<20)}}})
	size := 0
	for _, r := range c.Records {
		size += len(r.Body) + len(r.URL)
	}
	if size > 17<<20 || len(c.Reading.Left) == 0 || len(c.Reading.Left) > 50 {
		t.Errorf("%d bytes, and %d notes of what was left out", size, len(c.Reading.Left))
	}
	file, err := c.Pack(newSigner(t))
	if err != nil {
		t.Fatal(err)
	}
	got, err := archive.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	if left := got.Reading.Left; len(left) != 50 || !strings.HasSuffix(left[49], " more") {
		t.Errorf("left out are %d, the last %q", len(left), left[len(left)-1])
	}
	info, err := gzip.NewReader(bytes.NewReader(unzip(t, file)["archive/data.warc.gz"]))
	if err != nil {
		t.Fatal(err)
	}
	info.Multistream(false)
	if text, err := io.ReadAll(info); err != nil || !bytes.Contains(text, []byte("Not everything that was answered is in this file")) {
		t.Errorf("the first record does not say that something is lacking: %s, %v", text, err)
	}
}

// Lines of strangers make no other records.
func TestHeadersStayHeaders(t *testing.T) {
	c := new(archive.Capture)
	c.Reading.Began = at
	c.Add(archive.Record{URL: "https://x.example/\r\nWARC-Type: resource", At: at, Status: 200, Header: http.Header{"X": {"a\r\n\r\nbody"}, "B ad\r\n": {"x"}}, Body: []byte("true")})
	file, err := c.Pack(newSigner(t))
	if err != nil {
		t.Fatal(err)
	}
	got, err := archive.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Records) != 1 || string(got.Records[0].Body) != "true" || got.Records[0].Header.Get("X") != "a    body" {
		t.Errorf("records = %+v", got.Records)
	}
}

// FuzzOpen opens what anybody may have made.
func FuzzOpen(f *testing.F) {
	file, err := sample().Pack(newSigner(f))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(file)
	f.Add(file[:len(file)/2])
	f.Add([]byte("PK"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if c, err := archive.Open(b); err == nil && !bytes.Equal(b, file) && len(c.Records) > 0 && c.Reading.Storefront.Name != "tencent" {
			t.Error("a file that nobody signed is opened")
		}
	})
}

// FuzzWARC reads records of strangers.
func FuzzWARC(f *testing.F) {
	file, err := sample().Pack(newSigner(f))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(unzip(f, file)["archive/data.warc.gz"])
	f.Fuzz(func(t *testing.T, b []byte) {
		records, err := archive.ReadWARC(b)
		if err != nil {
			return
		}
		for _, r := range records {
			if len(r.Body) > 4<<20 {
				t.Errorf("a body of %d bytes", len(r.Body))
			}
		}
	})
}

// Two files of an archive may be the same bytes of it, so that it unpacks to
// much more than it is long.
func TestOverlappingFiles(t *testing.T) {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	w, err := z.CreateHeader(&zip.FileHeader{Name: "a", Method: zip.Store})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(make([]byte, 40<<20)); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	const end = 22 // bytes of the record at the end, which tells where the directory is
	whole := b.Bytes()
	last := bytes.Clone(whole[len(whole)-end:])
	offset := binary.LittleEndian.Uint32(last[16:])
	entry := whole[offset : len(whole)-end]
	again := bytes.Clone(entry)
	again[46] = 'b' // its name
	binary.LittleEndian.PutUint16(last[8:], 2)
	binary.LittleEndian.PutUint16(last[10:], 2)
	binary.LittleEndian.PutUint32(last[12:], uint32(2*len(entry)))
	file := slices.Concat(whole[:offset], entry, again, last)
	if _, err := archive.Open(file); err == nil || !strings.Contains(err.Error(), "larger than any capture") {
		t.Errorf("two files of 40 MiB in %d bytes: %v", len(file), err)
	}
}

// FuzzRedact takes secrets out of what strangers wrote. What was taken out once
// stays out, and nothing of the cookie is left.
func FuzzRedact(f *testing.F) {
	f.Add([]byte(`{"token":"abcdef"}<input name="sid" value="x1234567"><meta name=csrf-token content='y'>?sid=1&amp;sid=2 k00kie-value-1`))
	f.Add([]byte(`\"access_token\" : \"a\"`))
	f.Add([]byte(`"token":"`))
	f.Add([]byte(`?token=` + strings.Repeat("k", 5000)))
	f.Add([]byte(`<input name=sid value="`))
	f.Fuzz(func(t *testing.T, body []byte) {
		redact := func(body []byte) []byte {
			c := new(archive.Capture)
			c.Add(archive.Record{URL: string(body), At: at, Status: 200, Header: http.Header{"Content-Type": {"text/html"}}, Body: body})
			c.Redact([]archive.Cookie{{"a", "k00kie-value-1"}})
			if r := &c.Records[0]; r.URL != string(r.Body) {
				t.Errorf("of an address %q is left, of the same in a body %q", r.URL, r.Body)
			}
			return c.Records[0].Body
		}
		once := redact(body)
		if bytes.Contains(once, []byte("k00kie-value-1")) {
			t.Errorf("the cookie is still there: %q", once)
		}
		if again := redact(once); !bytes.Equal(once, again) {
			t.Errorf("taken out again: %q, was %q", again, once)
		}
	})
}

package web_test

import (
	"bytes"
	"flag"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/text"
	"github.com/yuin/goldmark/util"
)

var update = flag.Bool("update", false, "make the pages of documents anew")

// unlink leaves the words of links to other documents, which are not served.
type unlink struct{}

func (unlink) Transform(doc *ast.Document, _ text.Reader, _ parser.Context) {
	var links []*ast.Link
	_ = ast.Walk(doc, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if l, ok := n.(*ast.Link); ok && entering && !bytes.Contains(l.Destination, []byte("://")) {
			links = append(links, l)
		}
		return ast.WalkContinue, nil
	})
	for _, l := range links {
		for c := l.FirstChild(); c != nil; c = l.FirstChild() {
			l.Parent().InsertBefore(l.Parent(), l, c)
		}
		l.Parent().RemoveChild(l.Parent(), l)
	}
}

// The page of the method is docs/method.md, in both languages.
func TestMethodIsTheDocument(t *testing.T) {
	for lang, doc := range map[string]string{"en": "docs/method.md", "zh": "docs/method.zh.md"} {
		extensions := []goldmark.Extender{extension.Table}
		if lang == "zh" { // English needs the blank that an end of a line is
			extensions = append(extensions, extension.NewCJK(extension.WithEastAsianLineBreaks(extension.EastAsianLineBreaksCSS3Draft)))
		}
		md := goldmark.New(goldmark.WithExtensions(extensions...), goldmark.WithParserOptions(parser.WithASTTransformers(util.Prioritized(unlink{}, 100))))
		source, err := os.ReadFile(filepath.Join("..", "..", filepath.FromSlash(doc)))
		if err != nil {
			t.Fatal(err)
		}
		var want bytes.Buffer
		if err := md.Convert(source, &want); err != nil {
			t.Fatal(err)
		}
		file := filepath.Join("method", lang+".html")
		if *update {
			if err := os.WriteFile(file, want.Bytes(), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		got, err := os.ReadFile(file)
		if err != nil || !bytes.Equal(got, want.Bytes()) {
			t.Errorf("%s is not what %s says: run go test ./tracker/web -run TestMethodIsTheDocument -update (%v)", file, doc, err)
		}
		plain := regexp.MustCompile(`<code>.*?</code>|&[a-z]+;`).ReplaceAll(got, []byte(" "))
		if joined := regexp.MustCompile(`\w+[a-z][.,:;][A-Za-z]\w+`).Find(plain); lang == "en" && joined != nil {
			t.Errorf("%s has no blank in %q", file, joined)
		}
	}
}

// Everybody may read how a verdict comes about, in the language of the report
// that leads there; nothing else is open at the public address.
func TestMethodIsForEverybody(t *testing.T) {
	public, err := url.Parse("https://watch.example.com/shopwatch/")
	if err != nil {
		t.Fatal(err)
	}
	o := options(database(t))
	o.Closed, o.Public = true, public
	s := server(o)
	for _, tt := range []struct {
		method, path, want string
		status             int
	}{
		{"GET", "/shopwatch/method", "How a verdict comes about", 200},
		{"GET", "/shopwatch/method?lang=zh", "结论如何得出", 200},
		{"GET", "/method?lang=zh", "结论如何得出", 200},
		{"GET", "/shopwatch/method?lang=%3Cscript%3E", "How a verdict comes about", 200},
		{"POST", "/shopwatch/method", "GET or HEAD", 405},
		{"GET", "/shopwatch/changes/1", "", 401},
		{"GET", "/shopwatch/method/../changes/1", "", 0},
	} {
		req := httptest.NewRequest(tt.method, "https://watch.example.com"+tt.path, nil)
		req.Header.Set("X-Forwarded-For", "192.0.2.1")
		w := httptest.NewRecorder()
		s.ServeHTTP(w, req)
		if tt.status == 0 && w.Code != http.StatusOK || w.Code == tt.status && strings.Contains(w.Body.String(), tt.want) {
			continue
		}
		t.Errorf("%s %s = %d\n%s\nwant %d with %q", tt.method, tt.path, w.Code, w.Body, tt.status, tt.want)
	}
}

// Behind a proxy that hands addresses on as they are, no link leads past the path
// of the public address: not from the top without its slash, and not from the page
// that is open to everybody.
func TestLinksStayBelowPublic(t *testing.T) {
	public, err := url.Parse("https://watch.example.com/shopwatch/")
	if err != nil {
		t.Fatal(err)
	}
	o := options(database(t))
	o.Public = public
	s := server(o)
	ask := func(path string) *httptest.ResponseRecorder {
		req := httptest.NewRequest("GET", "https://watch.example.com"+path, nil)
		req.Header.Set("Authorization", "Bearer "+token)
		w := httptest.NewRecorder()
		s.ServeHTTP(w, req)
		return w
	}
	if w := ask("/shopwatch?page=2"); w.Code != http.StatusPermanentRedirect || w.Header().Get("Location") != "/shopwatch/?page=2" {
		t.Errorf("/shopwatch = %d to %q, want a redirect to /shopwatch/", w.Code, w.Header().Get("Location"))
	}
	for _, path := range []string{"/shopwatch/", "/shopwatch/method", "/shopwatch/changes"} {
		w := ask(path)
		links := regexp.MustCompile(`(?:href|src|action)="(\.[^"]*)"`).FindAllStringSubmatch(w.Body.String(), -1)
		if w.Code != http.StatusOK || len(links) == 0 {
			t.Errorf("%s = %d with %d links", path, w.Code, len(links))
		}
		for _, l := range links {
			if to, err := (&url.URL{Path: path}).Parse(l[1]); err != nil || !strings.HasPrefix(to.Path, "/shopwatch/") {
				t.Errorf("%s leads to %s: %v", path, l[1], err)
			}
		}
	}
}

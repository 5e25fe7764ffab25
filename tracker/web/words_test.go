package web

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// phraseForms are how phrases stand in the pages and in the code.
var phraseForms = []*regexp.Regexp{
	regexp.MustCompile(`\.T \(?"((?:[^"\\]|\\.)*)"`),
	regexp.MustCompile(`\.N \(?"(?:[^"\\]|\\.)*" "((?:[^"\\]|\\.)*)"`),
	regexp.MustCompile(`\.N \(?"((?:[^"\\]|\\.)*)" "`),
	regexp.MustCompile(`\.T\("((?:[^"\\]|\\.)*)"`),
	regexp.MustCompile(`\.N\("((?:[^"\\]|\\.)*)", "`),
	regexp.MustCompile(`\.N\("(?:[^"\\]|\\.)*", "((?:[^"\\]|\\.)*)"`),
	regexp.MustCompile(`p\.page\(r, "[a-z]+", "((?:[^"\\]|\\.)+)"`),
	regexp.MustCompile(`(?:refusal|notFound)\("((?:[^"\\]|\\.)+)"\)`),
}

// Every phrase has a Chinese one with the same places to fill in, and none is
// left over.
func TestPhrases(t *testing.T) {
	pages, err := filepath.Glob("pages/*.html")
	if err != nil {
		t.Fatal(err)
	}
	code, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	found := 0
	for _, file := range append(pages, code...) {
		if strings.HasSuffix(file, "_test.go") || file == "chinese.go" {
			continue
		}
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		all.Write(b)
		for _, form := range phraseForms {
			for _, m := range form.FindAllSubmatch(b, -1) {
				found++
				if _, ok := chinese[string(m[1])]; !ok {
					t.Errorf("%s: %q is not in Chinese", file, m[1])
				}
			}
		}
	}
	if found < 250 {
		t.Fatalf("%d phrases found, want more", found)
	}
	verbs := regexp.MustCompile(`%(\[\d\])?[sd]`)
	for e, z := range chinese {
		if a, b := len(verbs.FindAllString(e, -1)), len(verbs.FindAllString(z, -1)); a != b {
			t.Errorf("%q has %d places to fill in, %q has %d", e, a, z, b)
		}
		inAPI := strings.Contains(e, "token") || strings.Contains(e, "site") || strings.Contains(e, "openapi")
		if !strings.Contains(all.String(), `"`+e+`"`) && !inAPI {
			t.Errorf("%q stands in no page", e)
		}
	}
}

package tracker_test

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"unicode/utf8"
)

// A clone can be understood alone: no text in it points to a page that it does
// not have, or to a section that the page does not have.
func TestPages(t *testing.T) {
	broken, err := brokenPages(os.DirFS(".."))
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range broken {
		t.Error(b)
	}
}

func TestBrokenPages(t *testing.T) {
	// This file is checked too, so it names no page that is not there.
	const md = ".md"
	notes := "# Notes\n\n## 2 Lists\n\n### 2.5 Rows\n\n### 2.7. Counters\n\n## 10 Limits\n"
	for _, tt := range []struct {
		name, file, text string
		want             string // part of the complaint; empty when there is none
	}{
		{"a page in the same directory", "a/b/x.go", "// See NOTES" + md + ".", ""},
		{"a page by its path from the top", "x.go", "// See a/b/NOTES" + md + ".", ""},
		{"a page by its path from the top, from below", "c/x.go", "// See a/b/NOTES" + md + ".", ""},
		{"a page above", "c/d/x.go", `os.ReadFile("../../README` + md + `")`, ""},
		{"a page of another directory by its name alone", "c/x.go", "// See NOTES" + md + ".", "NOTES" + md},
		{"a page that is not there", "Makefile", "# The goals of design" + md + ".\nall:\n", "Makefile:1: design" + md},
		{"a path that is not there", "a/b/x.js", "\n\n// ../NOTES" + md, "a/b/x.js:3: ../NOTES" + md},
		{"a page of the machine", "x.go", "// See /home/me/NOTES" + md + ".", "/home/me/NOTES" + md},
		{"a link of a page", "README" + md, "See [here](a/b/NOTES" + md + "#lists) and [there](c/NOTES" + md + ").", "c/NOTES" + md},
		{"a hidden file", ".ci/run", "cat gone" + md, ".ci/run:1"},
		{"a web address", "x.go", "// See https://example.com/docs/CHANGES" + md + "#v2.", ""},
		{"a pattern", ".gitignore", "*" + md + "\n", ""},
		{"another ending", "x.go", `pages := []string{"x` + md + `5", "x.mdx"}`, ""},
		{"a section", "a/b/x.go", "// (NOTES" + md + ", 2.5).", ""},
		{"a section with a dot behind it", "a/b/x.go", "// NOTES" + md + ", 2.7.", ""},
		{"sections over two lines", "a/b/x.go", "// (NOTES" + md + ",\n\t// 2.5 and\n\t// 10)", ""},
		{"a section that is not there", "a/b/x.go", "// (NOTES" + md + ", 2.9).", "no section 2.9"},
		{"a second section that is not there", "a/b/x.go", "// (NOTES" + md + ", 2, 2.5 and\n// 2.6).", "no section 2.6"},
		{"the end of a range that is not there", "c/x.go", "// (a/b/NOTES" + md + ", 2.5 to 2.8).", "no section 2.8"},
		{"numbers that are no sections", "x.go", "// README" + md + " and 3 more", ""},
		{"what is no text", "x.db", "\x00gone" + md, ""},
		{"what others made", "web/node_modules/x/x.js", "// gone" + md, ""},
		{"what the program wrote", "data/x.txt", "gone" + md, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := brokenPages(fstest.MapFS{
				"README" + md:    &fstest.MapFile{Data: []byte("# Read me\n")},
				"a/b/NOTES" + md: &fstest.MapFile{Data: []byte(notes)},
				tt.file:          &fstest.MapFile{Data: []byte(tt.text)},
			})
			if err != nil {
				t.Fatal(err)
			}
			switch {
			case tt.want == "" && len(got) > 0:
				t.Errorf("brokenPages = %q, want none", got)
			case tt.want != "" && (len(got) != 1 || !strings.Contains(got[0], tt.want)):
				t.Errorf("brokenPages = %q, want one about %q", got, tt.want)
			}
		})
	}
}

var (
	webAddress = regexp.MustCompile(`[a-z]+://[^\s)>"'` + "`]+")
	// reference is the name of a page, and the numbers of its sections: in
	// comments they may stand on the next line.
	reference = regexp.MustCompile(`([\w~./-]*\w\.md)\b(?:,[\s/#*]+(\d+(?:\.\d+)*(?:(?:,|\s[\s/#*]*and|\s[\s/#*]*to)[\s/#*]+\d+(?:\.\d+)*)*))?`)
	number    = regexp.MustCompile(`\d+(?:\.\d+)*`)
	heading   = regexp.MustCompile(`(?m)^#+ (\d+(?:\.\d+)*)[. ]`)
)

// brokenPages returns a line for every reference in a text of root to a page or
// a section of one that is not there.
func brokenPages(root fs.FS) (broken []string, err error) {
	err = fs.WalkDir(root, ".", func(file string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if notOurs(file) {
				return fs.SkipDir
			}
			return nil
		}
		if !d.Type().IsRegular() {
			return nil
		}
		text, err := fs.ReadFile(root, file)
		if err != nil {
			return err
		}
		if bytes.IndexByte(text, 0) >= 0 || !utf8.Valid(text) {
			return nil
		}
		text = webAddress.ReplaceAll(text, nil)
		for _, m := range reference.FindAllSubmatchIndex(text, -1) {
			page, sections := string(text[m[2]:m[3]]), []byte(nil)
			if m[4] >= 0 {
				sections = text[m[4]:m[5]]
			}
			if why := wrong(root, path.Dir(file), page, sections); why != "" {
				line := 1 + bytes.Count(text[:m[0]], []byte("\n"))
				broken = append(broken, fmt.Sprintf("%s:%d: %s %s", file, line, page, why))
			}
		}
		return nil
	})
	return broken, err
}

// notOurs reports whether a directory holds what git does not keep.
func notOurs(dir string) bool {
	name := path.Base(dir)
	return name == "node_modules" || slices.Contains([]string{"bin", "data", "demo", "tracker/archive/testdata/viewer/package"}, dir) ||
		strings.HasPrefix(name, ".") && dir != "." && dir != ".ci"
}

// wrong says what is wrong with a reference in a file of dir, "" when nothing
// is. A page is named from there or from the top.
func wrong(root fs.FS, dir, page string, sections []byte) string {
	text, err := fs.ReadFile(root, path.Join(dir, page))
	if err != nil {
		text, err = fs.ReadFile(root, page)
	}
	if err != nil {
		return "is not in the repository: name a page that is, or say in place what is meant"
	}
	has := map[string]bool{}
	for _, h := range heading.FindAllSubmatch(text, -1) {
		has[string(h[1])] = true
	}
	for _, n := range number.FindAll(sections, -1) {
		if !has[string(n)] {
			return fmt.Sprintf("has no section %s", n)
		}
	}
	return ""
}

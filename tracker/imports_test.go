package tracker_test

import (
	"fmt"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"
)

const module = "shopwatch"

// levels are the packages of the house from the ground up. A package imports
// packages of lower levels, never of its own: main joins peers with function
// values. Everything may stand on the standard library; all but the ground
// floor and the contract for storage may stand on modules.
var levels = [][]string{
	{"tracker"},
	{"tracker/atomicfile", "tracker/netrange", "tracker/robots", "tracker/schedule", "tracker/secret"},
	{"storage", "tracker/browser", "tracker/fetch", "tracker/market", "tracker/market/schemaorg", "tracker/market/sitemap", "tracker/picture", "tracker/report"},
	{"storage/bucket", "storage/merkle", "storage/timestamp", "tracker/market/jd", "tracker/market/magento", "tracker/market/pages", "tracker/market/prestashop", "tracker/market/shopify", "tracker/market/tmall", "tracker/market/woocommerce"},
	{"tracker/archive", "tracker/market/all"},
	{"storage/bolt", "storage/postgres", "storage/storetest", "tracker/api", "tracker/watch", "tracker/scan", "tracker/notify"},
	{"tracker/fleet", "tracker/web"},
	{"cmd/shopwatch/term"},
	{"cmd/shopwatch/config"},
	{"cmd/shopwatch/daemon", "cmd/shopwatch/login", "cmd/shopwatch/try"},
	{"cmd/shopwatch"},
}

// engines keep the contract of package storage. Main alone opens one, and what
// is not a test of theirs knows none by name: tests may open a real one.
var engines = []string{"storage/bolt", "storage/postgres"}

// suite is what the tests of engines run.
const suite = "storage/storetest"

// fixtures are for tests and for this file alone. They stand on the ground
// floor, so that every package can be tested with them.
const demo = "cmd/shopwatch/demo.go"

// The rule is checked on the import declarations themselves: a test that asks
// go list is not run again when another package changes, because Go's test
// cache does not know that it looked there.
func TestImports(t *testing.T) {
	broken, err := brokenImports(os.DirFS(".."))
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range broken {
		t.Error(b)
	}
}

func TestBrokenImports(t *testing.T) {
	src := func(imports ...string) *fstest.MapFile {
		b := "package x\n"
		for _, i := range imports {
			b += "import _ " + strconv.Quote(i) + "\n"
		}
		return &fstest.MapFile{Data: []byte(b)}
	}
	for _, tt := range []struct {
		name, file string
		imports    []string
		want       string // part of the complaint; empty when there is none
	}{
		{"the vocabulary may use the standard library", "tracker/x.go", []string{"net/http"}, ""},
		{"the vocabulary may not use modules", "tracker/x.go", []string{"go.etcd.io/bbolt"}, "standard library"},
		{"its tests may", "tracker/x_test.go", []string{"pgregory.net/rapid"}, ""},
		{"down is allowed", "tracker/scan/x.go", []string{"shopwatch/tracker", "shopwatch/tracker/market"}, ""},
		{"up is not", "tracker/market/x.go", []string{"shopwatch/tracker/scan"}, "lower levels"},
		{"sideways is not", "tracker/watch/x.go", []string{"shopwatch/tracker/scan"}, "lower levels"},
		{"sideways is not in a test either", "tracker/watch/x_test.go", []string{"shopwatch/tracker/scan"}, "lower levels"},
		{"a test may import its own package", "tracker/watch/x_test.go", []string{"shopwatch/tracker/watch"}, ""},
		{"the contract for storage may use the vocabulary", "storage/x.go", []string{"shopwatch/tracker", "context"}, ""},
		{"and no module", "storage/x.go", []string{"go.etcd.io/bbolt"}, "standard library"},
		{"an engine may use the contract and modules", "storage/bolt/x.go", []string{"shopwatch/storage", "shopwatch/tracker", "go.etcd.io/bbolt"}, ""},
		{"main may open an engine", "cmd/shopwatch/x.go", []string{"shopwatch/storage/bolt"}, ""},
		{"no other package may", "tracker/notify/x.go", []string{"shopwatch/storage/bolt"}, "main alone"},
		{"its test may", "tracker/notify/x_test.go", []string{"shopwatch/storage/bolt"}, ""},
		{"also that of the contract", "storage/x_test.go", []string{"shopwatch/storage/bolt"}, ""},
		{"the tests of an engine run the suite", "storage/bolt/x_test.go", []string{"shopwatch/storage/storetest"}, ""},
		{"an engine itself does not", "storage/bolt/x.go", []string{"shopwatch/storage/storetest"}, "for tests"},
		{"main does not either", "cmd/shopwatch/x.go", []string{"shopwatch/storage/storetest"}, "for tests"},
		{"pages may use the API", "tracker/web/x.go", []string{"shopwatch/tracker/api"}, ""},
		{"the API knows no pages", "tracker/api/x.go", []string{"shopwatch/tracker/web"}, "lower levels"},
		{"main is imported by nothing", "tracker/web/x.go", []string{"shopwatch/cmd/shopwatch"}, "lower levels"},
		{"tests may use fixtures", "tracker/browser/x_test.go", []string{"shopwatch/fixtures"}, ""},
		{"the demo may use fixtures", "cmd/shopwatch/demo.go", []string{"shopwatch/fixtures"}, ""},
		{"the rest of main may not", "cmd/shopwatch/run.go", []string{"shopwatch/fixtures"}, "fixtures"},
		{"no package may", "tracker/scan/x.go", []string{"shopwatch/fixtures"}, "fixtures"},
		{"fixtures stand on the ground floor", "fixtures/x.go", []string{"shopwatch/tracker", "golang.org/x/image/draw"}, ""},
		{"and on nothing above it", "fixtures/x.go", []string{"shopwatch/tracker/market"}, "lower levels"},
		{"an unknown package has no place", "tracker/util/x.go", []string{"strings"}, "no place"},
		{"an unknown import has no place", "cmd/shopwatch/x.go", []string{"shopwatch/tracker/util"}, "no place"},
		{"other modules and test data are not ours", "tools/x.go", []string{"shopwatch/tracker/util"}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := brokenImports(fstest.MapFS{
				tt.file:        src(tt.imports...),
				"tools/go.mod": &fstest.MapFile{Data: []byte("module tools\n")},
			})
			if err != nil {
				t.Fatal(err)
			}
			switch {
			case tt.want == "" && len(got) > 0:
				t.Errorf("brokenImports = %q, want none", got)
			case tt.want != "" && (len(got) == 0 || !strings.Contains(got[0], tt.want)):
				t.Errorf("brokenImports = %q, want one about %q", got, tt.want)
			}
		})
	}
}

// brokenImports returns a line for every import declaration of the module in
// root that the house forbids.
func brokenImports(root fs.FS) (broken []string, err error) {
	err = fs.WalkDir(root, ".", func(file string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			name := d.Name()
			if file != "." && (strings.HasPrefix(name, ".") || name == "testdata" || name == "node_modules" || exists(root, file+"/go.mod")) {
				return fs.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(file, ".go") {
			return nil
		}
		src, err := fs.ReadFile(root, file)
		if err != nil {
			return err
		}
		f, err := parser.ParseFile(token.NewFileSet(), file, src, parser.ImportsOnly)
		if err != nil {
			return err
		}
		for _, i := range f.Imports {
			to, err := strconv.Unquote(i.Path.Value)
			if err != nil {
				return err
			}
			if why := forbidden(file, to); why != "" {
				broken = append(broken, fmt.Sprintf("%s imports %s: %s", file, to, why))
			}
		}
		return nil
	})
	return broken, err
}

// forbidden says why a file may not have an import; "" when it may.
func forbidden(file, to string) string {
	from, test := path.Dir(file), strings.HasSuffix(file, "_test.go")
	above := level(from)
	switch {
	case from == "fixtures" || strings.HasPrefix(from, "fixtures/"):
		above = 1
	case above < 0:
		return from + " has no place in the house: give it one in levels"
	}
	own, ours := strings.CutPrefix(to, module+"/")
	switch {
	case !ours && strings.Contains(strings.Split(to, "/")[0], "."):
		if (from == "tracker" || from == "storage") && !test {
			return "package " + from + " stands on the standard library alone"
		}
	case !ours:
	case own == "fixtures" || strings.HasPrefix(own, "fixtures/"):
		if !test && file != demo && !strings.HasPrefix(from, "fixtures") {
			return "fixtures are for tests and " + demo
		}
	case own == suite:
		if !test {
			return suite + " is for tests"
		}
	case slices.Contains(engines, own):
		if !test && from != "cmd/shopwatch" {
			return "main alone opens an engine; ask for a role of package storage"
		}
	case test && own == from:
	case level(own) < 0:
		return own + " has no place in the house: give it one in levels"
	case level(own) >= above:
		return "a package imports lower levels only; join peers with function values in main"
	}
	return ""
}

func level(pkg string) int {
	return slices.IndexFunc(levels, func(l []string) bool { return slices.Contains(l, pkg) })
}

func exists(root fs.FS, name string) bool {
	_, err := fs.Stat(root, name)
	return err == nil
}

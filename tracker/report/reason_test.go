package report_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"shopwatch/tracker"
	"shopwatch/tracker/report"
)

func TestReason(t *testing.T) {
	for _, tt := range []struct{ reason, en, zh string }{
		{"", "", ""},
		{"login wall", "login wall", "要求登录"},
		{"stopped after page 3: page 4: row 2 has 3 of 4 products", "stopped after page 3: page 4: row 2 has 3 of 4 products", "读完第 3 页后停止：第 4 页：第 2 行只有 3/4 件商品"},
		{"the list moved while it was read (2 listed twice on different pages, so as many may have been missed); two passes together saw all of it", "",
			"读取期间列表有变动（有 2 件商品在不同页上重复出现，因此可能漏掉了同样多的商品）；两遍合起来已读全"},
		{"read completely again; the last complete scan before this one: 2026-11-21 20:30 UTC",
			"read completely again; the last complete scan before this one: 22 Nov 2026 04:30 UTC+8", "已恢复完整读取；此前最近一次完整扫描：2026年11月22日 04:30 UTC+8"},
		{"read completely again; the last complete scan before this one: 2026-99-21 20:30 UTC", "", "已恢复完整读取；此前最近一次完整扫描：2026-99-21 20:30 UTC"},
		{"page 1: $2 %s nobody knows this\u202e", "page 1: $2 %s nobody knows this", "第 1 页：$2 %s nobody knows this"},
		{"商品已下架", "商品已下架", "商品已下架"},
	} {
		if tt.en == "" {
			tt.en = tt.reason
		}
		if got := report.Reason("en", shanghai, tt.reason); got != tt.en {
			t.Errorf("%q in English is %q, want %q", tt.reason, got, tt.en)
		}
		if got := report.Reason("zh", shanghai, tt.reason); got != tt.zh {
			t.Errorf("%q in Chinese is %q, want %q", tt.reason, got, tt.zh)
		}
	}
}

// reasonsOf are where reasons are made up. Further marketplaces are added here
// with the phrases of their own.
var reasonsOf = []string{
	"../*.go", "../scan/*.go", "../watch/*.go", "../market/*.go",
	"../market/jd/*.go", "../market/magento/*.go", "../market/pages/*.go", "../market/prestashop/*.go", "../market/shopify/*.go", "../market/tmall/*.go", "../market/woocommerce/*.go",
	"../../storage/writegap.go",
}

// TestChineseKnowsEveryReason finds the reasons in the code that makes them up
// and looks for English in what becomes of them.
func TestChineseKnowsEveryReason(t *testing.T) {
	found := 0
	for _, glob := range reasonsOf {
		files, err := filepath.Glob(glob)
		if err != nil || len(files) == 0 {
			t.Fatalf("no files %s, %v", glob, err)
		}
		for _, file := range files {
			// What is wrong with a capture is told to whoever asks for it, and in
			// no report.
			if name := filepath.Base(file); strings.HasSuffix(name, "_test.go") || name == "capture.go" || name == "replay.go" {
				continue
			}
			for _, english := range reasonsIn(t, file) {
				found++
				said := regexp.MustCompile(`%[\d.]*[sqvw]`).ReplaceAllString(strings.ReplaceAll(english, "%d", "7"), "某")
				left := regexp.MustCompile(`/wp-\S+|shopwatch( login( \w+)?)?|Tmall|JD|WooCommerce|Shopify|PrestaShop|Magento|GraphQL|robots\.txt|options|endpoint|API|Store|browser\.daily_pages|HTTP|https`).ReplaceAllString(report.Reason("zh", time.UTC, said), "")
				if regexp.MustCompile(`[A-Za-z]{2}`).MatchString(left) {
					t.Errorf("%s: a Chinese report says %q of %q: add it to the phrases", file, left, english)
				}
			}
		}
	}
	if found < 60 {
		t.Errorf("%d reasons were found; there are more", found)
	}
}

// reasonsIn are the texts of a file that become reasons: of errors, of fields
// and variables that are called so, of problems, and the names of states.
func reasonsIn(t *testing.T, file string) (all []string) {
	f, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	constants := make(map[string]ast.Expr)
	ast.Inspect(f, func(n ast.Node) bool {
		if v, ok := n.(*ast.ValueSpec); ok {
			for i, name := range v.Names {
				if i < len(v.Values) {
					constants[name.Name] = v.Values[i]
				}
			}
		}
		return true
	})
	add := func(e ast.Expr) {
		if s := literal(e, constants); strings.Contains(s, " ") {
			all = append(all, s)
		}
	}
	isReason := func(e ast.Expr) bool {
		switch e := e.(type) {
		case *ast.Ident:
			return e.Name == "Reason"
		case *ast.SelectorExpr:
			return e.Sel.Name == "Reason" || e.Sel.Name == "Cut"
		}
		return false
	}
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.KeyValueExpr:
			if isReason(n.Key) {
				add(n.Value)
			}
		case *ast.AssignStmt:
			for i, l := range n.Lhs {
				if isReason(l) && i < len(n.Rhs) {
					add(n.Rhs[i])
				}
			}
		case *ast.ReturnStmt: // of functions that find a doubt
			if filepath.Base(file) == "completeness.go" && len(n.Results) == 2 {
				add(n.Results[0])
			}
		case *ast.CallExpr:
			s, ok := n.Fun.(*ast.SelectorExpr)
			if ok && (s.Sel.Name == "Problem" || s.Sel.Name == "Errorf" && filepath.Base(filepath.Dir(file)) == "scan" || s.Sel.Name == "New" && filepath.Base(filepath.Dir(file)) == "scan") && len(n.Args) > 0 {
				add(n.Args[0])
			}
		}
		return true
	})
	return all
}

// literal is what an expression says, as far as the source tells.
func literal(e ast.Expr, constants map[string]ast.Expr) string {
	switch e := e.(type) {
	case *ast.BasicLit:
		s, _ := strconv.Unquote(e.Value)
		return s
	case *ast.Ident:
		if c, ok := constants[e.Name]; ok {
			return literal(c, nil)
		}
		return "%s"
	case *ast.BinaryExpr:
		return literal(e.X, constants) + literal(e.Y, constants)
	case *ast.CallExpr:
		if s, ok := e.Fun.(*ast.SelectorExpr); ok && s.Sel.Name == "Sprintf" {
			return literal(e.Args[0], constants)
		}
	}
	return "%s"
}

// TestChineseReportsAreChinese: what a scan wrote down is no English in the
// middle of a report.
func TestChineseReportsAreChinese(t *testing.T) {
	for name, s := range stories("zh") {
		if name == "hostile" {
			continue // says what nobody can translate
		}
		for i := range s.Changes {
			if c := &s.Changes[i]; c.Reason == "the words of the scan" {
				c.Reason = "Tmall asks for a login: run shopwatch login tmall"
			} else if c.Kind == tracker.Recovered && c.Away == 0 {
				c.Reason = "read completely again; the last complete scan before this one: 2026-11-21 20:30 UTC"
			} else if c.Kind == tracker.Corrected {
				c.Reason = "页面是登录页"
			}
		}
		for i := range s.Scans {
			if s.Scans[i].Reason != "" {
				s.Scans[i].Reason = "stopped after page 2: page 3: row 1 has 2 of 4 products"
			}
			s.Scans[i].Evidence.Warnings = []string{"no picture of the page of 45123456789: timeout", "item pages: login wall"}
		}
		known := regexp.MustCompile(`https?://\S+|(?i)shopwatch( (login|scans|check|verify)( \w+)?)?|changes\.csv|docs/method\.md|url|UTC|analysts|tencent( flagship)?|oppo( find)?|huawei|qrobot|gprs|wifi|usb|ppt|obd|qq|tmall|q智能|1080P|felt pen set, 24 colours|watercolour block A4|brush no\. 12|travel palette|easel|DE|EUR|JPY`)
		s.Checkpoint = "" // no words
		m := report.New(s)
		for _, line := range strings.Split(m.Subject()+"\n"+m.Text(report.Foot{Leave: "https://example.com/"})+"\n"+m.Brief(), "\n") {
			if english := regexp.MustCompile(`[A-Za-z]{2,}`).FindString(known.ReplaceAllString(line, "")); english != "" {
				t.Errorf("%s: %q in %q", name, english, line)
			}
		}
	}
}

package main

import (
	"encoding/csv"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/xuri/excelize/v2"
)

// TestExportAndDiff: what is exported is what is known, in every form, and a
// comparison of two days leaves out what came to nothing.
func TestExportAndDiff(t *testing.T) {
	w := newWorld(t)
	w.want(0, "scan")
	for _, what := range []string{"changes", "products", "prices"} {
		rows, err := csv.NewReader(strings.NewReader(strings.TrimPrefix(w.want(0, "export", what), "\ufeff"))).ReadAll()
		if err != nil || len(rows) == 0 || what != "changes" && len(rows) < 2 {
			t.Fatalf("export %s: %d rows, %v", what, len(rows), err)
		}
		if n := strings.Count(w.want(0, "export", what, "--format", "jsonl"), "\n"); n != len(rows)-1 {
			t.Errorf("export %s has %d rows as CSV, %d lines as JSON", what, len(rows)-1, n)
		}
		file := filepath.Join(t.TempDir(), "x.xlsx")
		w.want(0, "export", what, file, "--format", "xlsx")
		f, err := excelize.OpenFile(file)
		if err != nil {
			t.Fatal(err)
		}
		sheet, err := f.GetRows(what)
		if err != nil || len(sheet) != len(rows) {
			t.Errorf("export %s has %d rows as CSV, %d as XLSX, %v", what, len(rows), len(sheet), err)
		}
		f.Close()
		w.want(1, "export", what, file) // it is there already
		if st, err := os.Stat(file); err != nil || st.Size() == 0 {
			t.Errorf("an export that was refused spoilt the file: %v", err)
		}
	}
	if out := w.want(0, "diff", "tencent", "--from", "1d"); !strings.Contains(out, "no difference") {
		t.Errorf("diff says %s", out)
	}
}

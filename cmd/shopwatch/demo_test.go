package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"shopwatch/fixtures"
)

// TestDemo shows the demo in a hurry. It ends with status 1 when something else
// is found than happens in its mall.
func TestDemo(t *testing.T) {
	newWorld(t) // skips or fails where there is no Chrome
	dir := t.TempDir()
	t.Setenv("TMPDIR", t.TempDir()) // other Chromes have profiles in the usual one
	var out, errs bytes.Buffer
	if status := run(t.Context(), []string{"demo", "--dir", dir, "--day", "0s"}, &out, &errs); status != 0 {
		t.Fatalf("status %d\n%s%s", status, out.String(), errs.String())
	}
	for _, want := range []string{"Day 10", "its page says that it does not exist", "it proves nothing, so nothing is told", "That was it."} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the demo does not say %q:\n%s", want, out.String())
		}
	}
	if says := strings.Contains(out.String(), "without its sandbox, because you are root"); says != (os.Geteuid() == 0) {
		t.Errorf("the demo says that Chrome has no sandbox: %v:\n%s", says, out.String())
	}
	for _, ext := range []string{".eml", ".html"} {
		mails, err := filepath.Glob(filepath.Join(dir, "*", "mails", "*"+ext))
		if err != nil || len(mails) != 6 {
			t.Errorf("%d mails as %s, want 6 (%v)", len(mails), ext, err)
		}
	}
	// What it leaves can be asked about.
	configs, err := filepath.Glob(filepath.Join(dir, "*", "shopwatch.yaml"))
	if err != nil || len(configs) != 1 {
		t.Fatalf("configurations = %v, %v", configs, err)
	}
	out.Reset()
	if status := run(t.Context(), []string{"-c", configs[0], "changes", "--storefront", "tencent", "--json"}, &out, &errs); status != 0 || bytes.Count(out.Bytes(), []byte("\n")) != 11 {
		t.Errorf("status %d, changes:\n%s%s", status, out.String(), errs.String())
	}
	if left, _ := filepath.Glob(filepath.Join(os.TempDir(), "shopwatch-profile-*")); len(left) > 0 {
		t.Errorf("left over: %v", left)
	}
}

// Each day after the story has another price, also the first.
func TestDaysAfterTheStory(t *testing.T) {
	mall, err := fixtures.NewMall()
	if err != nil {
		t.Fatal(err)
	}
	defer mall.Close()
	shop, steps := fixtures.Story(mall)
	last := "1599.00" // as the story leaves it
	for n := len(steps) + 1; n < len(steps)+8; n++ {
		day := (&demo{}).anyDay(shop, n)
		if strings.HasSuffix(day.Says, " "+last) {
			t.Errorf("day %d: %s, as the day before", n, day.Says)
		}
		last = day.Says[strings.LastIndex(day.Says, " ")+1:]
	}
}

package main

import (
	"bytes"
	"io"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"shopwatch/tracker"
)

// Every command that the README and the help texts show is one that shopwatch
// understands.
func TestShownCommands(t *testing.T) {
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	text := string(readme)
	for _, node := range newParser(new(commands), io.Discard, io.Discard).Model.Leaves(false) {
		if node.Detail != "" {
			text += "\n" + node.Detail
		}
	}
	shown := map[string]bool{}
	for line := range strings.Lines(text) {
		line, _, _ = strings.Cut(strings.TrimSpace(line), "#")
		if strings.HasPrefix(line, "shopwatch ") {
			shown[line] = true
		}
	}
	for _, m := range regexp.MustCompile("`(shopwatch [^`]+)`").FindAllStringSubmatch(text, -1) {
		shown[m[1]] = true
	}
	if len(shown) < 15 {
		t.Fatalf("%d commands found, want more: %v", len(shown), shown)
	}
	file := t.TempDir() + "/file"
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for line := range shown {
		line, _, _ := strings.Cut(line, "|")
		line, _, _ = strings.Cut(line, ">")
		args := strings.Fields(regexp.MustCompile(`"[^"]*"`).ReplaceAllString(line, "text"))[1:]
		for i := range args {
			switch args[i] {
			case "SEQ":
				args[i] = "7"
			case "FILE":
				args[i] = file
			case "MARKETPLACE":
				args[i] = "tmall"
			}
		}
		// A family of commands, or an argument left to the reader, is fine.
		if _, err := newParser(new(commands), io.Discard, io.Discard).Parse(args); err != nil && !strings.Contains(err.Error(), "expected ") {
			t.Errorf("%s: %v", line, err)
		}
	}
}

// The scripts are understood by their shells, and know commands and flags.
func TestCompletion(t *testing.T) {
	for _, shell := range []string{"bash", "zsh", "fish"} {
		t.Run(shell, func(t *testing.T) {
			var out, errs bytes.Buffer
			if status := run(t.Context(), []string{"completion", shell}, &out, &errs); status != 0 {
				t.Fatalf("completion = %d, %s", status, errs.String())
			}
			for _, want := range []string{"storefronts", "preview", "dry-run"} {
				if !strings.Contains(out.String(), want) {
					t.Errorf("no %s in\n%s", want, out.String())
				}
			}
			if shell != "bash" {
				return
			}
			bash, err := exec.LookPath("bash")
			if err != nil {
				t.Skip(err)
			}
			for line, want := range map[string]string{"sto": "storefronts", "mail pre": "preview", "scan --dry": "--dry-run", "-c x.yaml chan": "changes"} {
				script := out.String() + "\nCOMP_WORDS=(shopwatch " + line + "); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _shopwatch; echo \"${COMPREPLY[@]}\""
				got, err := exec.Command(bash, "-c", script).CombinedOutput()
				if strings.TrimSpace(string(got)) != want {
					t.Errorf("shopwatch %s completes to %s, %v, want %s", line, got, err, want)
				}
			}
		})
	}
}

// Columns line up, also where characters are as wide as two.
func TestTable(t *testing.T) {
	tb := table{right: map[int]bool{1: true}}
	tb.row("NAME", "N", "TITLE")
	tb.row("糖大夫", "5", "血糖仪")
	tb.row("wifi", "12", "全民\x1b[31mWiFi\u202e\n2")
	var out bytes.Buffer
	if err := tb.print(&out); err != nil {
		t.Fatal(err)
	}
	want := "NAME     N  TITLE\n糖大夫   5  血糖仪\nwifi    12  全民[31mWiFi 2\n"
	if out.String() != want {
		t.Errorf("print =\n%q, want\n%q", out.String(), want)
	}
}

// On a narrow terminal columns that can be spared go before the last one is
// cut short; a note is broken.
func TestNarrowTable(t *testing.T) {
	tb := table{spare: []int{1, 0}}
	tb.row("NAME", "SINCE", "TITLE")
	tb.row("tencent", "2026-11-23 09:41", "腾讯糖大夫血糖仪 家用微信智能血糖测试仪")
	tb.note("still sold on its page, but the list of the storefront does not show it")
	for columns, want := range map[int]string{
		0: "NAME     SINCE             TITLE\ntencent  2026-11-23 09:41  腾讯糖大夫血糖仪 家用微信智能血糖测试仪\n" +
			"        still sold on its page, but the list of the storefront does not show it\n",
		60: "NAME     TITLE\ntencent  腾讯糖大夫血糖仪 家用微信智能血糖测试仪\n" +
			"        still sold on its page, but the list of the\n        storefront does not show it\n",
		40: "TITLE\n腾讯糖大夫血糖仪 家用微信智能血糖测试仪\n" +
			"        still sold on its page, but the\n        list of the storefront does not\n        show it\n",
		30: "TITLE\n腾讯糖大夫血糖仪 家用微信智能…\n" +
			"        still sold on its\n        page, but the list of\n        the storefront does\n        not show it\n",
	} {
		var out bytes.Buffer
		if err := tb.printTo(&out, columns); err != nil {
			t.Fatal(err)
		}
		if out.String() != want {
			t.Errorf("%d columns:\n%s\nwant\n%s", columns, out.String(), want)
		}
	}
}

func TestDescribe(t *testing.T) {
	p := &tracker.Product{Title: "投影仪", Price: tracker.Price{Kind: tracker.PriceExact, Low: 12900, Currency: "CNY"}}
	was := &tracker.Product{Title: "投影", Price: tracker.Price{Kind: tracker.PriceRange, Low: 9900, High: 19900, Currency: "CNY"}}
	for _, tt := range []struct {
		c    tracker.Change
		want string
	}{
		{tracker.Change{Kind: tracker.Added, Product: p}, "投影仪  ¥129.00"},
		{tracker.Change{Kind: tracker.Added, Product: &tracker.Product{Title: "x"}, SameAs: &tracker.SameAs{ID: "7"}}, "x  ?  (probably the same as 7)"},
		{tracker.Change{Kind: tracker.Removed, Product: p, Proof: tracker.ProofOffshelf}, "投影仪  (its page says 已下架)"},
		{tracker.Change{Kind: tracker.Relisted, Product: p, Away: 90e9}, "投影仪  ¥129.00  (away for 2m0s)"},
		{tracker.Change{Kind: tracker.Repriced, Product: p, Before: was}, "投影仪  ¥99.00-199.00 → ¥129.00"},
		{tracker.Change{Kind: tracker.Retitled, Product: p, Before: was, Important: "投影"}, "投影 → 投影仪  [important: 投影]"},
		{tracker.Change{Kind: tracker.Stalled, Verdict: tracker.Login, Reason: "log in"}, "login: log in"},
	} {
		if got := describe(&tt.c); got != tt.want {
			t.Errorf("describe = %q, want %q", got, tt.want)
		}
	}
}

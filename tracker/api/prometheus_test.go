package api_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// The alerts and the scrape configuration of docs/operating.md are what Prometheus
// takes, and name metrics that there are.
func TestPageForPrometheus(t *testing.T) {
	text, err := os.ReadFile("../../docs/operating.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := regexp.MustCompile("(?s)```yaml\n(.*?)```").FindAllSubmatch(text, -1)
	find := func(begin string) []byte {
		t.Helper()
		for _, b := range blocks {
			if strings.HasPrefix(string(b[1]), begin) {
				return b[1]
			}
		}
		t.Fatalf("docs/operating.md has no YAML that begins with %q", begin)
		return nil
	}
	rules, scrape := find("groups:\n  - name: shopwatch"), find("scrape_configs:")
	code, err := os.ReadFile("metrics.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range regexp.MustCompile(`shopwatch_([a-z_]+)`).FindAllSubmatch(rules, -1) {
		if !strings.Contains(string(code), `"`+string(name[1])+`"`) {
			t.Errorf("there is no metric %s", name[0])
		}
	}
	promtool, err := exec.LookPath("promtool")
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("install promtool (Debian: prometheus)")
		}
		t.Log("THE RULES ARE NOT CHECKED: install promtool (Debian: prometheus)")
		return
	}
	dir := t.TempDir()
	for name, content := range map[string][]byte{"rules.yml": rules, "prometheus.yml": append([]byte("rule_files: [rules.yml]\n"), scrape...)} {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if out, err := exec.Command(promtool, "check", "config", filepath.Join(dir, "prometheus.yml")).CombinedOutput(); err != nil {
		t.Errorf("promtool: %v\n%s", err, out)
	}
}

package main

import (
	"bytes"
	"encoding"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/goccy/go-yaml"

	"shopwatch/cmd/shopwatch/config"
	"shopwatch/cmd/shopwatch/login"
	"shopwatch/fixtures"
	"shopwatch/fixtures/deadline"
	"shopwatch/fixtures/markets"
	shops "shopwatch/fixtures/markets/pages"
	"shopwatch/tracker"
	"shopwatch/tracker/market/all"
	"shopwatch/tracker/notify"
)

// page is the text of a page of the documentation, by its path in the
// repository.
func page(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile("../../" + path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// pageFiles are the README and the pages of docs, in the order in which the README
// names them.
func pageFiles(t *testing.T) []string {
	t.Helper()
	all := []string{"README.md"}
	for _, m := range regexp.MustCompile(`(?m)^\| \[.+\]\((docs/[a-z.]+\.md)\) \|`).FindAllStringSubmatch(page(t, all[0]), -1) {
		all = append(all, m[1])
	}
	there, err := filepath.Glob("../../docs/*.md")
	if err != nil || len(there) != len(all)-1 {
		t.Fatalf("the README names %q, docs has %q, %v", all[1:], there, err)
	}
	return all
}

// allPages is the text of all pages.
func allPages(t *testing.T) string {
	t.Helper()
	var text strings.Builder
	for _, path := range pageFiles(t) {
		text.WriteString(page(t, path))
	}
	return text.String()
}

// codeBlocks are the fenced blocks of a language, without their indentation.
func codeBlocks(text, language string) []string {
	var all []string
	for _, m := range regexp.MustCompile("(?ms)^( *)```"+language+"\n(.*?)^ *```$").FindAllStringSubmatch(text, -1) {
		all = append(all, regexp.MustCompile("(?m)^"+m[1]).ReplaceAllString(m[2], ""))
	}
	return all
}

// Every command that the pages and the help texts show is one that shopwatch
// understands.
func TestShownCommands(t *testing.T) {
	text := allPages(t)
	for _, node := range newParser(new(commands), io.Discard, io.Discard).Model.Leaves(false) {
		if node.Detail != "" {
			text += "\n" + node.Detail
		}
	}
	shown := map[string]bool{}
	// In a line of a shell it may stand behind sudo or docker exec.
	behind := regexp.MustCompile(`^(?:sudo -u shopwatch |sudo systemd-run .* -p [^ ]* |docker exec (?:-it )?shopwatch |docker run .* )?(shopwatch(?: [^.-].*| -c .*)?)$`)
	for line := range strings.Lines(strings.ReplaceAll(text, "\\\n", "")) {
		line, _, _ = strings.Cut(strings.TrimSpace(line), " #")
		if m := behind.FindStringSubmatch(line); m != nil {
			shown[m[1]] = true
		}
	}
	for _, m := range regexp.MustCompile("`(shopwatch [^`]+)`").FindAllStringSubmatch(text, -1) {
		shown[m[1]] = true
	}
	if len(shown) < 50 {
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
			case "SEQ", "[REPORT]":
				args[i] = "7"
			case "FILE", "copy.db":
				args[i] = file
			case "SHELL":
				args[i] = "bash"
			}
		}
		if slices.Equal(args, []string{"--version"}) {
			continue // ends the program
		}
		// A family of commands, or an argument left to the reader, is fine.
		if _, err := newParser(new(commands), io.Discard, io.Discard).Parse(args); err != nil && !strings.Contains(err.Error(), "expected ") && !strings.Contains(err.Error(), "missing flags: --reason") {
			t.Errorf("%s: %v", line, err)
		}
	}
}

// The page of commands names every command and every flag of it.
func TestPageNamesCommands(t *testing.T) {
	const path = "docs/commands.md"
	text := page(t, path)
	model := newParser(new(commands), io.Discard, io.Discard).Model
	for _, flags := range append(model.AllFlags(true), nil) {
		for _, f := range flags {
			if !strings.Contains(text, "--"+f.Name) && f.Short == 0 {
				t.Errorf("--%s is not in %s", f.Name, path)
			}
		}
	}
	for _, node := range model.Leaves(true) {
		if !strings.Contains(text, "\n| `"+node.FullPath()) {
			t.Errorf("%s is not in %s", node.FullPath(), path)
		}
		for _, f := range node.Flags {
			if !strings.Contains(text, "--"+f.Name) {
				t.Errorf("%s --%s is not in %s", node.FullPath(), f.Name, path)
			}
		}
	}
}

// The help of every command shows how it is called; without a command the
// commands are shown.
func TestHelpHasExamples(t *testing.T) {
	for _, node := range newParser(new(commands), io.Discard, io.Discard).Model.Leaves(true) {
		if !strings.Contains(node.Detail, "\n  "+node.FullPath()) {
			t.Errorf("%s --help has no example:\n%s", node.FullPath(), node.Detail)
		}
	}
	var out, errs bytes.Buffer
	if status := run(t.Context(), nil, &out, &errs); status != 0 || !strings.Contains(out.String(), "storefronts") {
		t.Errorf("shopwatch = %d, %s%s, want the commands", status, out.String(), errs.String())
	}
}

// keysOf are the keys that a struct takes from a configuration.
func keysOf(t reflect.Type, path string) []string {
	var all []string
	for i := range t.NumField() {
		key := t.Field(i).Tag.Get("yaml")
		if key == "" {
			continue
		}
		all = append(all, path+key)
		inner := t.Field(i).Type
		if inner.Kind() == reflect.Slice && inner.Elem().Kind() == reflect.Struct && inner.Elem().NumField() > 1 {
			all = append(all, keysOf(inner.Elem(), path+key+"[].")...)
		}
		if _, ok := reflect.New(inner).Interface().(encoding.TextUnmarshaler); !ok && inner.Kind() == reflect.Struct && inner != reflect.TypeFor[config.Options]() {
			all = slices.Delete(all, len(all)-1, len(all)) // a heading, no key
			all = append(all, keysOf(inner, path+key+".")...)
		}
	}
	return all
}

// The page of the configuration names every key and no other, and says the
// defaults that hold.
func TestPageNamesKeys(t *testing.T) {
	const path = "docs/configuration.md"
	text := page(t, path)
	want := keysOf(reflect.TypeFor[config.Config](), "")
	if len(want) < 40 {
		t.Fatalf("keys = %q, want more", want)
	}
	var named []string
	const least = "storefronts: [{name: tencent, url: 'https://tencent.tmall.com/'}]\n"
	plain, err := config.Parse("shopwatch.yaml", []byte(least), os.LookupEnv, all.Markets())
	if err != nil {
		t.Fatal(err)
	}
	row := regexp.MustCompile("(?m)^\\| `([a-z_.\\[\\]]+)` \\| [^|]* \\|([^|]*)\\| [^|]* \\|$")
	for _, m := range row.FindAllStringSubmatch(text, -1) {
		key, value := m[1], strings.Trim(m[2], "` ")
		named = append(named, key)
		if value == "" || strings.Contains(key, "[]") {
			continue
		}
		set := key + ": " + value + "\n"
		if outer, inner, ok := strings.Cut(key, "."); ok {
			set = outer + ": {" + inner + ": " + value + "}\n"
		}
		c, err := config.Parse("shopwatch.yaml", []byte(least+set), os.LookupEnv, all.Markets())
		if err != nil {
			t.Errorf("the default of %s: %v", key, err)
			continue
		}
		// An empty mapping that was written is as good as none.
		if len(c.Browser.Flags) == 0 {
			c.Browser.Flags = nil
		}
		if c.Storefronts[0].Timezone.String() != plain.Storefronts[0].Timezone.String() {
			t.Errorf("%s is not the default of %s", value, key)
		}
		c.Timezone, c.Storefronts = plain.Timezone, plain.Storefronts
		if !reflect.DeepEqual(c, plain) {
			t.Errorf("%s is not the default of %s", value, key)
		}
	}
	for _, key := range want {
		if !slices.Contains(named, key) {
			t.Errorf("%s does not name %s", path, key)
		}
	}
	for _, key := range named {
		if !slices.Contains(want, key) {
			t.Errorf("%s names %s, which is no key", path, key)
		}
	}
	for _, k := range notify.Kinds() {
		if !strings.Contains(text, "`"+k.Name+"`") {
			t.Errorf("%s does not name the kind %s", path, k.Name)
		}
	}
}

// The configurations and the parts of one that the pages show load, and there is one
// for every marketplace. Other tests look at what is for Prometheus, and at the
// scenario.
func TestPageConfigurations(t *testing.T) {
	set := func(name string) (string, bool) { return name + "0123456789abcdef", true }
	other := regexp.MustCompile(`^(groups:\n  - name: shopwatch\n    rules|scrape_configs|name):`)
	shown := map[string]bool{}
	for _, path := range pageFiles(t) {
		for _, block := range codeBlocks(page(t, path), "yaml") {
			if other.MatchString(block) {
				continue
			}
			if strings.HasPrefix(block, "  ") { // keys of a channel
				block = "channels:\n  - name: readers\n    kind: feed\n    path: feeds\n" + block
			}
			if !strings.HasPrefix(block, "storefronts:") {
				block += "storefronts: [{name: tencent, url: 'https://tencent.tmall.com/'}, {name: acme, url: 'https://acme.myshopify.com/'}]\n"
			}
			c, err := config.Parse(path, []byte(block), set, all.Markets())
			if err != nil {
				t.Errorf("%s: %v\n%s", path, err, block)
				continue
			}
			for _, sf := range c.Storefronts {
				if path == "docs/marketplaces.md" {
					shown[sf.Marketplace] = true
				}
			}
		}
	}
	for _, m := range all.Markets() {
		if !shown[m.Name] || !strings.Contains(page(t, "docs/marketplaces.md"), "\n## "+m.Name+"\n") {
			t.Errorf("docs/marketplaces.md has no configuration for %s", m.Name)
		}
		if !strings.Contains(page(t, "docs/configuration.md"), "`"+m.Name+"`") {
			t.Errorf("docs/configuration.md does not name %s", m.Name)
		}
	}
}

// The page of reports says what every verdict, proof and kind of change means.
func TestPageNamesVerdicts(t *testing.T) {
	text := page(t, "docs/reports.md")
	for _, word := range []any{
		tracker.Complete, tracker.Partial, tracker.Login, tracker.Blocked, tracker.Gone, tracker.Failed,
		tracker.ProofGone, tracker.ProofOffshelf, tracker.ProofUnlisted, tracker.ProofUnseen,
	} {
		if !strings.Contains(text, fmt.Sprintf("| `%s` |", word)) {
			t.Errorf("%s is not in a table", word)
		}
	}
	for _, k := range tracker.Kinds {
		if !strings.Contains(text, fmt.Sprintf("`%s`", k)) {
			t.Errorf("%s is not named", k)
		}
	}
}

// The targets of make that the page of development names are those of the
// Makefile.
func TestPageNamesTargets(t *testing.T) {
	const path = "docs/development.md"
	makefile, err := os.ReadFile("../../Makefile")
	if err != nil {
		t.Fatal(err)
	}
	var named []string
	for _, m := range regexp.MustCompile("\\| `make ([a-z]+)` \\|").FindAllStringSubmatch(page(t, path), -1) {
		named = append(named, m[1])
	}
	var targets []string
	for _, m := range regexp.MustCompile(`(?m)^([a-z]+):(?: .*)?$`).FindAllStringSubmatch(string(makefile), -1) {
		if !strings.Contains(string(makefile), "\n.PHONY: "+m[1]+"\n"+m[0]) {
			t.Errorf("above the target %s is no line .PHONY", m[1])
		}
		targets = append(targets, m[1])
	}
	for _, target := range targets {
		if !slices.Contains(named, target) && !slices.Contains([]string{"all", "chrome", "postgres", "clean"}, target) {
			t.Errorf("%s does not name make %s", path, target)
		}
	}
	for _, name := range named {
		if !slices.Contains(targets, name) {
			t.Errorf("%s names make %s, which is no target", path, name)
		}
	}
}

// Every link of a page leads to a file that is there, and to a heading that
// the file has.
func TestPageLinks(t *testing.T) {
	anchors := func(text string) map[string]bool {
		all := map[string]bool{}
		for _, m := range regexp.MustCompile(`(?m)^#+ (.+)$`).FindAllStringSubmatch(text, -1) {
			anchor := regexp.MustCompile(`[^\p{L}\p{N} -]`).ReplaceAllString(strings.ToLower(m[1]), "")
			all[strings.ReplaceAll(anchor, " ", "-")] = true
		}
		return all
	}
	links := 0
	for _, from := range append(pageFiles(t), "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md") {
		for _, m := range regexp.MustCompile(`(?:\]\(|src=")([^)"#]*)#?([^)"]*)[)"]`).FindAllStringSubmatch(page(t, from), -1) {
			to, anchor := from, m[2]
			if strings.HasPrefix(m[1], "https://") {
				continue
			}
			if m[1] != "" {
				to = path.Join(path.Dir(from), m[1])
			}
			links++
			if _, err := os.Stat("../../" + to); err != nil {
				t.Errorf("%s: %v", from, err)
			} else if anchor != "" && !anchors(page(t, to))[anchor] {
				t.Errorf("%s: %s has no heading #%s", from, to, anchor)
			}
		}
	}
	if links < 20 {
		t.Errorf("%d links found, want more", links)
	}
}

// The lines of shell in the pages that call shopwatch are run as they stand,
// one after another, in a folder with a configuration, against a mall in which
// a product was taken away: a reader can do the same. Those that need a person
// are in login_test.go.
func TestPagesRun(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	style := shops.Style{Layout: shops.Links}
	markets.Mount(w.mall, shops.Open("lamps.example", []string{style.ID(0), style.ID(1), style.ID(2)}, style))
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	bin, fresh := t.TempDir(), t.TempDir()
	if err := os.Symlink(self, filepath.Join(bin, "shopwatch")); err != nil {
		t.Fatal(err)
	}
	shell := func(dir, line string) *exec.Cmd {
		cmd := exec.Command("sh", "-ec", line)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "SHOPWATCH_TEST_RUN=1", "PATH="+bin+":"+os.Getenv("PATH"))
		return cmd
	}
	// A baseline and three changes, of which the third is what examples tell of.
	w.want(0, "scan")
	w.shop.Put(fixtures.Product{ID: "45100000004", Title: "亲子蓝牙音箱", Price: "129.00"}, fixtures.Product{ID: "45100000005", Title: "投影仪", Price: "1999.00"})
	w.want(0, "scan")
	w.shop.Take("45100000002", fixtures.Gone)
	w.want(0, "scan")

	text := allPages(t)
	ran := 0
	for _, block := range codeBlocks(text, "sh") {
		for line := range strings.Lines(block) {
			line = strings.TrimSpace(line)
			command, _, _ := strings.Cut(line, " #")
			command = strings.TrimSpace(command)
			dir := w.dir
			switch {
			case !strings.HasPrefix(command, "shopwatch "):
				continue
			case strings.HasPrefix(command, "shopwatch login"):
				continue
			case strings.HasPrefix(command, "shopwatch init"):
				dir = fresh
			case command == "shopwatch run":
				runsUntilTerm(w, shell(dir, "exec "+command))
				ran++
				continue
			}
			out, err := deadline.Output(t, shell(dir, line))
			if err != nil {
				t.Errorf("%s: %v\n%s", line, err, out)
			}
			ran++
		}
	}
	if ran < 25 {
		t.Errorf("%d lines were run, want more", ran)
	}
	for _, left := range []string{"report.html", "next.eml", "change.html", "change3.zip", "copy.db", "shopwatch.bash"} {
		if st, err := os.Stat(filepath.Join(w.dir, left)); err != nil || st.Size() == 0 {
			t.Errorf("%s was not written: %v", left, err)
		}
	}
	t.Run("what init writes", func(t *testing.T) {
		written, err := os.ReadFile(filepath.Join(fresh, "shopwatch.yaml"))
		if err != nil {
			t.Fatal(err)
		}
		var got, want any
		if err := yaml.Unmarshal(written, &got); err != nil {
			t.Fatal(err)
		}
		if err := yaml.Unmarshal([]byte(codeBlocks(page(t, "README.md"), "yaml")[0]), &want); err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("init writes %v, the README shows %v", got, want)
		}
	})
	t.Run("what JSON looks like", func(t *testing.T) { jsonExamples(t, w, text) })
}

// runsUntilTerm starts the daemon, lets it watch, and ends it.
func runsUntilTerm(w *world, cmd *exec.Cmd) {
	w.t.Helper()
	w.serveProcess(cmd)
	began := time.Now()
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		w.t.Error(err)
	}
	if err := deadline.Wait(w.t, cmd); err != nil || time.Since(began) > 10*time.Second {
		w.t.Errorf("the daemon ends with %v after %s, want 0 within 10s", err, time.Since(began))
	}
}

// jsonExamples compares the examples of JSON with what the commands before
// them print: a key that stands in an example is printed.
func jsonExamples(t *testing.T, w *world, text string) {
	examples := regexp.MustCompile("(?s)`(shopwatch [^`]* --json)` prints for each [a-z]+:\n\n```json\n(.*?)```").FindAllStringSubmatch(text, -1)
	if len(examples) < 5 {
		t.Fatalf("%d examples, want more", len(examples))
	}
	for _, m := range examples {
		command, example := m[1], m[2]
		var want map[string]any
		if err := json.Unmarshal([]byte(example), &want); err != nil {
			t.Errorf("%s: %v in\n%s", command, err, example)
			continue
		}
		out, errs, status := w.do(strings.Fields(command)[1:]...)
		if status != 0 {
			t.Fatalf("%s = %d, %s", command, status, errs)
		}
		// What one line lacks another may have: a probe, say.
		printed := map[string]bool{}
		for line := range strings.Lines(out) {
			var got map[string]any
			if err := json.Unmarshal([]byte(line), &got); err != nil {
				t.Fatal(err)
			}
			flatten(got, "", printed)
		}
		shown := map[string]bool{}
		flatten(want, "", shown)
		for key := range shown {
			if !printed[key] {
				t.Errorf("%s prints no %s:\n%s", command, key, out)
			}
		}
	}
}

// flatten notes the paths of all keys.
func flatten(v map[string]any, path string, all map[string]bool) {
	for key, value := range v {
		all[path+key] = true
		if inner, ok := value.(map[string]any); ok {
			flatten(inner, path+key+".", all)
		}
	}
}

// The metrics that the page of operating names are those that the daemon has.
func TestPageNamesMetrics(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.want(0, "scan")
	made := login.Record{At: time.Now(), Method: "window"}
	if err := login.WriteRecord(filepath.Join(w.dir, "data", "profile"), all.Markets()[0], made); err != nil {
		t.Fatal(err)
	}
	w.daemon()
	w.shop.Put(fixtures.Product{ID: "45100000004", Title: "亲子蓝牙音箱", Price: "129.00"})
	w.want(0, "scan") // what is counted is there after the first
	_, metrics := w.ask("/metrics")
	const path = "docs/operating.md"
	has, named := map[string]bool{}, map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^# TYPE (shopwatch_[a-z_]+) `).FindAllStringSubmatch(metrics, -1) {
		has[m[1]] = true
	}
	for _, m := range regexp.MustCompile("shopwatch_[a-z_]+").FindAllString(page(t, path), -1) {
		named[m] = true
	}
	if len(has) < 15 || !maps.Equal(has, named) {
		t.Errorf("%s names %v, the daemon has %v", path, slices.Sorted(maps.Keys(named)), slices.Sorted(maps.Keys(has)))
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
		{tracker.Change{Kind: tracker.Removed, Product: p, Proof: tracker.ProofOffshelf}, "投影仪  (its page says that it is off the shelf)"},
		{tracker.Change{Kind: tracker.Relisted, Product: p, Away: 3e9}, "投影仪  ¥129.00  (away for 3s)"},
		{tracker.Change{Kind: tracker.Relisted, Product: p, Away: 74 * time.Hour}, "投影仪  ¥129.00  (away for 3 days)"},
		{tracker.Change{Kind: tracker.Repriced, Product: p, Before: was}, "投影仪  ¥99.00-199.00 → ¥129.00"},
		{tracker.Change{Kind: tracker.Retitled, Product: p, Before: was, Important: "投影"}, "投影 → 投影仪  [important: 投影]"},
		{tracker.Change{Kind: tracker.Stalled, Verdict: tracker.Login, Reason: "log in"}, "login: log in"},
	} {
		if got := describe(&tt.c, time.UTC); got != tt.want {
			t.Errorf("describe = %q, want %q", got, tt.want)
		}
	}
}

func TestInit(t *testing.T) {
	file := filepath.Join(t.TempDir(), "shopwatch.yaml")
	write := func(status int, args ...string) (said string) {
		t.Helper()
		var out, errs strings.Builder
		if got := run(t.Context(), append([]string{"init", "-c", file}, args...), &out, &errs); got != status {
			t.Fatalf("init %v = %d, %s%s, want %d", args, got, out.String(), errs.String(), status)
		}
		return out.String() + errs.String()
	}
	// read is what a command would work with.
	read := func() *config.Config {
		t.Helper()
		c, err := config.Load(file)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Remove(file); err != nil {
			t.Fatal(err)
		}
		return c
	}
	t.Setenv("SMTP_PASSWORD", "p")
	t.Setenv("SECRET", "s")

	for _, args := range [][]string{{"--full"}, nil} { // either way the next commands are about this file
		os.Remove(file)
		if said := write(0, args...); !strings.Contains(said, "put in your storefronts") || strings.Count(said, "\n  shopwatch -c "+file+" ") != 4 {
			t.Errorf("init %v says %q, want what to do next", args, said)
		}
	}
	if st, err := os.Stat(file); err != nil || st.Mode().Perm() != 0o600 {
		t.Errorf("mode = %v, %v, want 0600: it may hold a password", st.Mode(), err)
	}
	if said := write(1); !strings.Contains(said, "is there already") {
		t.Errorf("init again says %q, want why not", said)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(text), "\n"); n > 16 {
		t.Errorf("it writes %d lines, want a dozen:\n%s", n, text)
	}
	unmarked := regexp.MustCompile(`(?m)^# (channels:|  )`).ReplaceAllString(string(text), "$1")
	if err := os.WriteFile(file, []byte(unmarked), 0o600); err != nil {
		t.Fatal(err)
	}
	if c := read(); len(c.Channels) != 1 || c.Storefronts[0].Name != "tencent" {
		t.Errorf("with the marks taken away it has %d channels, want 1", len(c.Channels))
	}

	said := write(0, "tencent.tmall.com", "https://tencent.tmall.com/category-1504836859.htm", "--mail-to", "a@example.com,b@example.com",
		"--mail-to", "c@example.com", "--mail-server", "smtps://mail.example.com", "--mail-user", "no: 1")
	c := read()
	if names := c.Names(); len(names) != 2 || names[0] != "tencent" || names[1] != "tencent-2" {
		t.Errorf("storefronts = %v, want tencent and tencent-2", names)
	}
	if ch := c.Channels[0]; len(ch.To) != 3 || ch.Username != "no: 1" || ch.Password != "p" || ch.From != "a@example.com" {
		t.Errorf("channel = %+v, want three recipients, the login, and the first of them as sender", ch)
	}
	if strings.Contains(said, "put in") || !strings.Contains(said, "export SMTP_PASSWORD") || strings.Count(said, " login ") != 1 || !strings.Contains(said, " login tmall") {
		t.Errorf("it says %q, want the password and the login asked for and nothing else", said)
	}
	if write(0, "--full"); len(read().Storefronts) != 1 {
		t.Error("--full writes another number of storefronts than 1")
	}
	for _, tt := range []struct{ says, args string }{
		{"shopwatch try https://shop.example", "shop.example"},
		{"--mail-server", "tencent.tmall.com --mail-to a@example.com"},
		{"--mail-to", "tencent.tmall.com --mail-server smtps://mail.example.com"},
		{"smtps://HOST", "tencent.tmall.com --mail-to a@example.com --mail-server mail.example.com"},
		{"one name for one storefront", "tencent.tmall.com tencent.tmall.com"},
		{"--full", "tencent.tmall.com --full"},
	} {
		if said := write(1, strings.Fields(tt.args)...); !strings.Contains(said, tt.says) {
			t.Errorf("init %s says %q, want %q", tt.args, said, tt.says)
		}
		if _, err := os.Stat(file); err == nil {
			t.Errorf("init %s left a file", tt.args)
		}
	}
}

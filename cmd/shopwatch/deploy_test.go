package main

import (
	"bytes"
	"debug/elf"
	"encoding/json"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	"shopwatch/cmd/shopwatch/config"
	"shopwatch/tracker/market/all"
)

// The profile for containers refuses what no Chrome needs, and none of what its
// sandbox is made of.
func TestSeccomp(t *testing.T) {
	text, err := os.ReadFile("deploy/seccomp.json")
	if err != nil {
		t.Fatal(err)
	}
	var profile struct {
		DefaultAction string
		Syscalls      []struct {
			Names  []string
			Action string
		}
	}
	if err := json.Unmarshal(text, &profile); err != nil {
		t.Fatal(err)
	}
	var refused []string
	for _, rule := range profile.Syscalls {
		if rule.Action != "SCMP_ACT_ERRNO" {
			t.Errorf("%v: %s, want only refusals", rule.Names, rule.Action)
		}
		refused = append(refused, rule.Names...)
	}
	for _, name := range []string{"clone", "unshare", "chroot", "seccomp", "prctl", "memfd_create"} {
		if slices.Contains(refused, name) {
			t.Errorf("%s is refused; Chrome needs it", name)
		}
	}
	for _, name := range []string{"mount", "ptrace", "bpf", "init_module", "setns", "kexec_load"} {
		if !slices.Contains(refused, name) {
			t.Errorf("%s is not refused", name)
		}
	}
}

// Neither the container nor the unit runs as root, whose Chrome has no sandbox.
func TestDeployedForAnOrdinaryUser(t *testing.T) {
	for file, want := range map[string]string{"deploy/Dockerfile": "\nUSER shopwatch\n", "deploy/shopwatch.service": "\nUser=shopwatch\n"} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Contains(text, []byte(want)) {
			t.Errorf("%s does not say %q", file, want)
		}
	}
}

// In the container an init is the first process, because Chrome's processes
// need one when it is killed; the daemon says so where there is none.
func TestContainerHasInit(t *testing.T) {
	text, err := os.ReadFile("deploy/Dockerfile")
	if err != nil {
		t.Fatal(err)
	}
	if !regexp.MustCompile(`(?m)^ && apt-get install .* tini\b`).Match(text) || !bytes.Contains(text, []byte("\nENTRYPOINT [\"tini\", \"--\", \"shopwatch\"]\n")) {
		t.Error("the Dockerfile does not start shopwatch under tini")
	}
	for pid, want := range map[int]bool{1: true, 7: false} {
		var log bytes.Buffer
		warnWithoutInit(pid, slog.New(slog.NewTextHandler(&log, nil)))
		if got := strings.Contains(log.String(), "docker run --init"); got != want {
			t.Errorf("as process %d it logs %q", pid, log.String())
		}
	}
}

// Images have full names, so that every builder finds the same ones, and
// versions.
func TestImagesArePinned(t *testing.T) {
	text, err := os.ReadFile("deploy/Dockerfile")
	if err != nil {
		t.Fatal(err)
	}
	from := regexp.MustCompile(`(?m)^FROM (\S+)`).FindAllSubmatch(text, -1)
	if len(from) != 2 {
		t.Fatalf("%d images, want 2", len(from))
	}
	for _, m := range from {
		if !regexp.MustCompile(`^[a-z]+\.[a-z]+/[a-z]+/[a-z]+:\d+\.\d+[a-z0-9.-]*$`).Match(m[1]) {
			t.Errorf("the image %s has no full name, or no version", m[1])
		}
	}
}

// The configuration of the manifests for Kubernetes is one, with the variables that
// a pod is given, and its profiles lie with workers that there are. Whether
// Kubernetes knows the fields is for make manifests.
func TestKubernetesConfiguration(t *testing.T) {
	text, err := os.ReadFile("deploy/kubernetes.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var first struct{ Data map[string]string }
	head, rest, _ := bytes.Cut(text, []byte("\n---\n"))
	if err := yaml.Unmarshal(head, &first); err != nil {
		t.Fatal(err)
	}
	given := func(name string) (string, bool) {
		for doc := range bytes.SplitSeq(rest, []byte("\n---\n")) {
			if bytes.Contains(doc, []byte("env:")) && !bytes.Contains(doc, []byte("- name: "+name+"\n")) {
				return "", false
			}
		}
		switch name {
		case "DATABASE":
			return "postgres://shopwatch@db.example.com/shopwatch", true
		case "WORKER":
			return "shopwatch-0", true
		}
		return "0123456789abcdef" + name, true
	}
	c, err := config.Parse("shopwatch.yaml", []byte(first.Data["shopwatch.yaml"]), given, all.Markets())
	if err != nil {
		t.Fatal(err)
	}
	if c.Fleet.Worker != "shopwatch-0" || len(c.Fleet.Profiles) != 1 || c.Fleet.Profiles[0].Worker != c.Fleet.Worker || !bytes.Contains(rest, []byte("kind: StatefulSet")) {
		t.Errorf("fleet = %+v", c.Fleet)
	}
}

// The compose file names what is there, and no password.
func TestCompose(t *testing.T) {
	text, err := os.ReadFile("deploy/compose.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var c struct {
		Services map[string]struct {
			Build       struct{ Context, Dockerfile string }
			Environment map[string]string
			SecurityOpt []string `yaml:"security_opt"`
			Volumes     []string
		}
		Volumes map[string]any
	}
	if err := yaml.Unmarshal(text, &c); err != nil {
		t.Fatal(err)
	}
	sw := c.Services["shopwatch"]
	for _, file := range []string{filepath.Join("deploy", sw.Build.Context, "go.mod"), filepath.Join("deploy", sw.Build.Context, sw.Build.Dockerfile)} {
		if _, err := os.Stat(file); err != nil {
			t.Error(err)
		}
	}
	for _, o := range sw.SecurityOpt {
		if file, ok := strings.CutPrefix(o, "seccomp="); ok {
			if _, err := os.Stat(filepath.Join("deploy", file)); err != nil {
				t.Error(err)
			}
		}
	}
	for name, service := range c.Services {
		for key, value := range service.Environment {
			if strings.Contains(key, "PASSWORD") && !strings.HasPrefix(value, "${") {
				t.Errorf("%s: %s is %q, want it from the environment", name, key, value)
			}
		}
	}
	if at := sw.Environment["DATABASE"]; !strings.HasPrefix(at, "postgres://shopwatch@") {
		t.Errorf("DATABASE is %q, want the address of a database without a password", at)
	}
}

// systemd understands the unit, every key of it.
func TestUnit(t *testing.T) {
	analyze, err := exec.LookPath("systemd-analyze")
	if err != nil {
		t.Skip(err)
	}
	text, err := os.ReadFile("deploy/shopwatch.service")
	if err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	unit := filepath.Join(t.TempDir(), "shopwatch.service")
	if err := os.WriteFile(unit, bytes.ReplaceAll(text, []byte("/usr/local/bin/shopwatch"), []byte(self)), 0o644); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(analyze, "verify", "--man=no", unit).CombinedOutput()
	if err != nil || bytes.Contains(out, []byte("shopwatch.service:")) {
		t.Errorf("systemd-analyze verify: %v\n%s", err, out)
	}
}

// What make build makes needs no other file of the machine to run, and is
// small enough to be sent around.
func TestBinary(t *testing.T) {
	if testing.Short() {
		t.Skip("builds the whole program")
	}
	file, err := built()
	if err != nil {
		t.Fatal(err)
	}
	st, err := os.Stat(file)
	if err != nil {
		t.Fatal(err)
	}
	if st.Size() > 37_000_000 {
		t.Errorf("it has %d bytes, want less than 37,000,000", st.Size())
	}
	if runtime.GOOS != "linux" {
		return
	}
	program, err := elf.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer program.Close()
	for _, p := range program.Progs {
		if p.Type == elf.PT_INTERP || p.Type == elf.PT_DYNAMIC {
			t.Errorf("it has a segment %s, want it to be static", p.Type)
		}
	}
	// Nothing of the environment is needed, and no time zones of the machine.
	cmd := exec.Command(file, "init", "-c", filepath.Join(t.TempDir(), "shopwatch.yaml"))
	cmd.Env = []string{"ZONEINFO=/nowhere"}
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("init in an empty environment: %v\n%s", err, out)
	}
}

package main

import (
	"encoding/json"
	"os"
	"slices"
	"testing"
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

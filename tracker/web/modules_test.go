package web_test

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// What the texts of licences say that no other text of these says, in words that
// are separated by single spaces.
var licenceTexts = []struct{ id, says, andNot string }{
	{"Apache-2.0", `Apache License Version 2\.0`, ``},
	{"MPL-2.0", `Mozilla Public License,? Version 2\.0`, ``},
	{"BSD-3-Clause", `Redistribution and use in source and binary forms.* Neither the names? of`, ``},
	{"BSD-2-Clause", `Redistribution and use in source and binary forms`, `Neither the names? of`},
	{"MIT-0", `Permission is hereby granted, free of charge`, `The above copyright notice`},
	{"MIT", `Permission is hereby granted, free of charge.* The above copyright notice`, ``},
	{"ISC", `Permission to use, copy, modify,? and(/or)? distribute this software`, ``},
}

// licencesOf names the licences in the files of a module.
func licencesOf(dir string) (ids []string, err error) {
	for _, pattern := range []string{"LICEN[SC]E*", "COPYING*"} {
		files, err := filepath.Glob(filepath.Join(dir, pattern))
		if err != nil {
			return nil, err
		}
		for _, file := range files {
			if st, err := os.Stat(file); err == nil && st.IsDir() {
				continue // of texts of which one file at the top is a copy
			}
			text, err := os.ReadFile(file)
			if err != nil {
				return nil, err
			}
			words := strings.Join(strings.Fields(string(text)), " ")
			known := false
			for _, l := range licenceTexts {
				if regexp.MustCompile(`(?i)`+l.says).MatchString(words) && (l.andNot == "" || !regexp.MustCompile(`(?i)`+l.andNot).MatchString(words)) {
					ids, known = append(ids, l.id), true
				}
			}
			if !known {
				return nil, fmt.Errorf("nobody knows the licence in %s", file)
			}
		}
	}
	if len(ids) == 0 {
		return nil, errors.New("no licence in " + dir)
	}
	slices.Sort(ids)
	return slices.Compact(ids), nil
}

// The settings name the licence of each module that is in the binary of some
// system.
func TestLicences(t *testing.T) {
	dirs := make(map[string]string) // of modules
	for _, system := range []string{"linux", "darwin", "windows"} {
		list := exec.Command("go", "list", "-deps", "-f", "{{with .Module}}{{if not .Main}}{{.Path}} {{.Dir}}{{end}}{{end}}", "../../cmd/shopwatch")
		list.Env = append(os.Environ(), "GOOS="+system, "CGO_ENABLED=0")
		list.Stderr = os.Stderr
		out, err := list.Output()
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(out)) {
			if module, dir, found := strings.Cut(strings.TrimSpace(line), " "); found {
				dirs[module] = dir
			}
		}
	}
	var want []byte
	for _, module := range slices.Sorted(maps.Keys(dirs)) {
		ids, err := licencesOf(dirs[module])
		if err != nil {
			t.Errorf("%s: %v", module, err)
		}
		want = fmt.Appendf(want, "%s %s\n", module, strings.Join(ids, " AND "))
	}
	if *update {
		if err := os.WriteFile("licences.txt", want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := os.ReadFile("licences.txt"); err != nil || !bytes.Equal(got, want) {
		t.Errorf("licences.txt is not what the modules say (%v): run go test ./tracker/web -run TestLicences -update\n%s", err, want)
	}
}

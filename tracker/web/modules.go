package web

import (
	_ "embed"
	"runtime/debug"
	"strings"
)

// A module is what is built into the binary.
type module struct{ Path, Version, Licence string }

// licences names the licence of each module that is built in, by its SPDX
// identifier, a module a line. A test makes the file from the modules' own files
// and fails when one is missing. The texts go along with releases.
//
//go:embed licences.txt
var licences string

// modules are the modules of the binary.
func modules() []module {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return nil
	}
	licence := make(map[string]string)
	for line := range strings.Lines(licences) {
		path, id, _ := strings.Cut(strings.TrimSpace(line), " ")
		licence[path] = id
	}
	list := []module{{"Go", strings.TrimPrefix(info.GoVersion, "go"), "BSD-3-Clause"}}
	for _, m := range info.Deps {
		list = append(list, module{m.Path, m.Version, licence[m.Path]})
	}
	return list
}

package web

import (
	"runtime/debug"
	"strings"
)

// A module is what is built into the binary.
type module struct{ Path, Version string }

// modules are the modules of the binary. Their licences are named in the
// repository.
func modules() []module {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return nil
	}
	list := []module{{"Go", strings.TrimPrefix(info.GoVersion, "go")}}
	for _, m := range info.Deps {
		list = append(list, module{m.Path, m.Version})
	}
	return list
}

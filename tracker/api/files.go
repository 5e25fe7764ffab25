package api

import (
	"net/http"
	"os"
)

// serveFile serves a regular file below a directory, and none that a link leads
// to from there: who may write into the folder of a feed shall not read what
// shopwatch can read. Another file is as one that is not there.
func serveFile(w http.ResponseWriter, r *http.Request, dir, name, cache string) {
	f, err := openBelow(dir, name)
	if err != nil {
		problem(w, http.StatusNotFound, "there is no such file")
		return
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		problem(w, http.StatusNotFound, "there is no such file")
		return
	}
	w.Header().Set("Cache-Control", cache)
	http.ServeContent(w, r, name, st.ModTime(), f)
}

func openBelow(dir, name string) (*os.File, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	// A pipe would hold up who opens it.
	if st, err := root.Stat(name); err != nil || !st.Mode().IsRegular() {
		return nil, os.ErrNotExist
	}
	return root.Open(name)
}

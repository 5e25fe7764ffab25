package api

import (
	"bytes"
	"mime"
	"net/http"
	"os"
	"regexp"
	"strings"
	"time"
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

var feedPicture = regexp.MustCompile(`^[A-Za-z0-9_-]+-[0-9a-f]{16}\.(jpg|png|gif)$`)

// feed serves the Atom file of a storefront, such as tencent.xml, and the
// pictures beside it.
func (s *Server) feed(w http.ResponseWriter, r *http.Request) {
	dir, file := s.o.Feeds[r.PathValue("channel")], r.PathValue("file")
	if picture := feedPicture.FindStringSubmatch(file); dir != "" && picture != nil {
		w.Header().Set("Content-Type", mime.TypeByExtension("."+picture[1]))
		serveFile(w, r, dir, file, "private, max-age=31536000, immutable")
		return
	}
	if dir == "" || strings.ContainsAny(file, `/\`) || strings.HasPrefix(file, ".") || !strings.HasSuffix(file, ".xml") {
		problem(w, http.StatusNotFound, "there is no such feed; they are called /feeds/CHANNEL/STOREFRONT.xml")
		return
	}
	w.Header().Set("Content-Type", "application/atom+xml; charset=utf-8")
	serveFile(w, r, dir, file, "private, no-cache") // readers ask whether it changed
}

// evidence serves a picture or a capture. Its name is the hash of its content.
func (s *Server) evidence(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("name")
	content, found, err := s.o.Store.Evidence(r.Context(), name)
	switch {
	case err != nil:
		problem(w, http.StatusInternalServerError, err.Error())
		return
	case !found:
		problem(w, http.StatusNotFound, "there is no such evidence file; their names are in the fields pictures and probe of changes, and evidence.capture of scans")
		return
	}
	w.Header().Set("Cache-Control", "private, max-age=31536000, immutable")
	w.Header().Set("ETag", `"`+name+`"`)
	if strings.HasSuffix(name, ".wacz") {
		w.Header().Set("Content-Type", CaptureType)
		w.Header().Set("Content-Disposition", `attachment; filename="`+name+`"`)
	}
	http.ServeContent(w, r, name, time.Time{}, bytes.NewReader(content))
}

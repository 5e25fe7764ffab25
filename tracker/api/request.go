package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxBody is how long a request may be; none needs more.
const maxBody = 64 << 10

// checked answers requests that no route is meant for or that cannot be read,
// and hands the others on with their whole body.
func (s *Server) checked(mux *http.ServeMux) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := readable(r.URL); err != nil {
			s.refuse(w, r, http.StatusBadRequest, err.Error())
			return
		}
		if h, pattern := mux.Handler(r); pattern == "" {
			s.noRoute(w, r, h)
			return
		}
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
		if err != nil {
			noBody(w, err)
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		mux.ServeHTTP(w, r)
	})
}

// readable says what is wrong with an address that holds more than text. A
// query that cannot be read is not one without parameters.
func readable(u *url.URL) error {
	q, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return fmt.Errorf("the query of the address cannot be read: %w", err)
	}
	texts := []string{u.Path}
	for key, values := range q {
		texts = append(append(texts, key), values...)
	}
	for _, s := range texts {
		if !utf8.ValidString(s) || strings.ContainsFunc(s, unicode.IsControl) {
			return fmt.Errorf("%q in the address is no text: UTF-8 without control characters is understood", s)
		}
	}
	return nil
}

// noRoute says in our form what the mux says in its own.
func (s *Server) noRoute(w http.ResponseWriter, r *http.Request, h http.Handler) {
	said := headerOnly{}
	h.ServeHTTP(said, r)
	if allow := http.Header(said).Get("Allow"); allow != "" {
		w.Header().Set("Allow", allow)
		problem(w, http.StatusMethodNotAllowed, fmt.Sprintf("%s is not understood here, but %s", r.Method, allow))
		return
	}
	s.refuse(w, r, http.StatusNotFound, "there is nothing at this address; /api/openapi.json lists those of the API")
}

// A headerOnly takes an answer of which only the header matters.
type headerOnly http.Header

func (h headerOnly) Header() http.Header       { return http.Header(h) }
func (headerOnly) Write(b []byte) (int, error) { return len(b), nil }
func (headerOnly) WriteHeader(int)             {}

// noBody says why a body could not be read.
func noBody(w http.ResponseWriter, err error) {
	var tooLarge *http.MaxBytesError
	var slow net.Error
	switch {
	case errors.As(err, &tooLarge):
		problem(w, http.StatusRequestEntityTooLarge, fmt.Sprintf("the body of a request may have %d bytes at most", tooLarge.Limit))
	case errors.As(err, &slow) && slow.Timeout():
		problem(w, http.StatusRequestTimeout, "the body of the request did not arrive in time")
	default:
		problem(w, http.StatusBadRequest, fmt.Sprintf("the body of the request cannot be read: %v", err))
	}
}

// problem answers with an error in the form of RFC 9457.
func problem(w http.ResponseWriter, status int, detail string) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(struct { // the client may be gone
		Status int    `json:"status"`
		Title  string `json:"title"`
		Detail string `json:"detail"`
	}{status, http.StatusText(status), detail})
}

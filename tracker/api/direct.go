package api

import (
	"io"
	"net/http"
	"sync"
)

// direct hands requests to a handler in this process and lets the answer be
// read while it is written.
type direct struct{ handler http.Handler }

// RoundTrip calls the handler and returns when it begins to answer.
func (d direct) RoundTrip(req *http.Request) (*http.Response, error) {
	pr, pw := io.Pipe()
	w := &pipeWriter{body: pw, head: make(chan struct{}), resp: &http.Response{
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: http.Header{}, Body: pr, Request: req, ContentLength: -1,
	}}
	if req.Body == nil {
		req.Body = http.NoBody
	}
	req.RequestURI = req.URL.RequestURI()
	req.Host = req.URL.Host
	go func() {
		d.handler.ServeHTTP(w, req)
		w.WriteHeader(http.StatusOK)
		w.resp.Trailer = http.Header{} // read after the end of the body
		for _, key := range w.resp.Header["Trailer"] {
			w.resp.Trailer[key] = w.sent[key]
		}
		pw.Close()
	}()
	select {
	case <-w.head:
		return w.resp, nil
	case <-req.Context().Done():
		pr.CloseWithError(req.Context().Err())
		return nil, req.Context().Err()
	}
}

// A pipeWriter is the handler's side of the answer.
type pipeWriter struct {
	body *io.PipeWriter
	head chan struct{} // closed when the header is written
	once sync.Once
	resp *http.Response
	sent http.Header
}

func (w *pipeWriter) Header() http.Header {
	if w.sent == nil {
		w.sent = http.Header{}
	}
	return w.sent
}

func (w *pipeWriter) WriteHeader(status int) {
	w.once.Do(func() {
		w.resp.StatusCode, w.resp.Status = status, http.StatusText(status)
		w.resp.Header = w.Header().Clone()
		close(w.head)
	})
}

func (w *pipeWriter) Write(b []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	return w.body.Write(b)
}

// Flush makes the header known; what is written is read at once anyway.
func (w *pipeWriter) Flush() { w.WriteHeader(http.StatusOK) }

package scan

import (
	"context"
	"fmt"
	"net/http"
	"net/url"

	"shopwatch/tracker/fetch"
	"shopwatch/tracker/market"
)

// maxAnswer is the longest answer that is read over HTTP, in bytes.
const maxAnswer = 16 << 20

// An httpReader asks for answers without a browser.
type httpReader struct {
	client     *fetch.Client
	storefront market.Storefront
	follow     func(to *url.URL) error // asked before a redirect of a page is followed
}

// Read asks for a page.
func (h *httpReader) Read(ctx context.Context, req market.Request) (*market.Answer, error) {
	r := fetch.Request{URL: req.URL, Header: req.Header, Home: h.storefront.Home, Follow: h.follow, Most: maxAnswer}
	a, err := h.ask(ctx, r, req.Post)
	if err != nil {
		return nil, err
	}
	return &market.Answer{Request: req, URL: a.URL, Via: a.Via, Status: a.Status, Header: a.Header, Body: a.Body}, nil
}

func (h *httpReader) ask(ctx context.Context, r fetch.Request, question []byte) (*fetch.Answer, error) {
	if question == nil {
		return h.client.Get(ctx, r)
	}
	return h.client.Post(ctx, r, question)
}

// Fetch loads a picture.
func (h *httpReader) Fetch(ctx context.Context, address string, most int) ([]byte, error) {
	a, err := h.client.Get(ctx, fetch.Request{URL: address, Home: h.storefront.Home, Most: int64(most)})
	if err != nil {
		return nil, err
	}
	if a.Status != http.StatusOK {
		return nil, &statusError{a.Status}
	}
	return a.Body, nil
}

// A statusError is that of a file that was not answered as asked for.
type statusError struct{ status int }

func (e *statusError) Error() string { return fmt.Sprintf("it was answered with status %d", e.status) }

// Uncached reports false: nothing is kept that could answer.
func (*httpReader) Uncached() bool { return false }

// Close does nothing: connections are the client's.
func (*httpReader) Close() {}

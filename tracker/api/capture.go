package api

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"

	"github.com/danielgtaylor/huma/v2"

	"shopwatch/tracker"
	"shopwatch/tracker/archive"
)

// ErrNoCapture says that a change has no capture, or has it no longer.
var ErrNoCapture = errors.New("no capture is kept of this change: they are kept of item pages that prove a removal, for as long as retention.evidence and retention.captures say")

// Capture returns the capture of a change as a WACZ file, with the story of the
// change and what shows that it is in the log. The error wraps ErrNoCapture when
// there is none.
func (o *Options) Capture(ctx context.Context, c tracker.Change) ([]byte, error) {
	if c.Probe == nil || c.Probe.Capture == "" {
		return nil, ErrNoCapture
	}
	content, found, err := o.Store.Evidence(ctx, c.Probe.Capture)
	switch {
	case err != nil:
		return nil, err
	case !found:
		return nil, ErrNoCapture
	}
	st, err := o.Story(ctx, c)
	if err != nil {
		return nil, err
	}
	story, witness, err := o.Papers(ctx, &st)
	if err != nil {
		return nil, err
	}
	return archive.Export(content, story, witness)
}

// CaptureType is the media type of a WACZ file.
const CaptureType = "application/wacz"

// A captured is a WACZ file as an answer.
type captured struct {
	ContentType string `header:"Content-Type"`
	Disposition string `header:"Content-Disposition"`
	Body        []byte
}

// capture returns the capture of a change.
func (s *Server) capture(ctx context.Context, in *struct {
	Seq uint64 `path:"seq" minimum:"1" maximum:"9007199254740991"`
}) (*captured, error) {
	c, found, err := s.o.Store.Change(ctx, in.Seq)
	if err == nil && !found {
		return nil, huma.Error404NotFound(fmt.Sprintf("there is no change %d", in.Seq))
	}
	if err != nil {
		return nil, huma.Error500InternalServerError(err.Error())
	}
	file, err := s.o.Capture(ctx, c)
	switch {
	case errors.Is(err, ErrNoCapture):
		return nil, huma.Error404NotFound(err.Error())
	case err != nil:
		return nil, huma.Error500InternalServerError(err.Error())
	}
	return &captured{CaptureType, fmt.Sprintf(`attachment; filename="change-%d.wacz"`, in.Seq), file}, nil
}

// captureOperation describes capture.
func captureOperation() huma.Operation {
	o := huma.Operation{
		Method: http.MethodGet, Path: "/api/changes/{seq}/capture",
		Responses: map[string]*huma.Response{"200": {Description: "A WACZ file", Content: map[string]*huma.MediaType{CaptureType: {}}}},
	}
	about("capture", "What the page was answered that proves a removal, as a WACZ file with the story of the change")(&o)
	forAll(&o)
	return o
}

// Capture writes the capture of a change to w.
func (c *Client) Capture(ctx context.Context, seq uint64, w io.Writer) error {
	return c.Evidence(ctx, "/api/changes/"+strconv.FormatUint(seq, 10)+"/capture", w)
}

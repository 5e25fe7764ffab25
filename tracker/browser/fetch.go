package browser

import (
	"context"
	"fmt"
	"strings"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/io"
	"github.com/chromedp/cdproto/network"
)

// Fetch loads an address with the session of the open page, beside the page,
// whether or not the tab blocks it. It fails for more than max bytes. Chrome's
// check of local network access follows it from redirect to redirect.
func (t *Tab) Fetch(ctx context.Context, address string, max int) (body []byte, err error) {
	if t.offline() {
		return t.fetchCanned(address, max)
	}
	if err := t.judge(ctx, address); err != nil {
		return nil, err
	}
	err = t.within(ctx, func(ctx context.Context, s cdp.Session) error {
		res, err := cdp.Call(ctx, s, network.LoadNetworkResource, network.LoadNetworkResourceParams{
			FrameID: t.frame, URL: address, Options: &network.LoadNetworkResourceOptions{IncludeCredentials: true},
		})
		if err != nil {
			return err
		}
		if r := res.Resource; !r.Success {
			return &LoadError{strings.TrimSpace(fmt.Sprintf("%s %.0f", r.NetErrorName, r.HTTPStatusCode)), int(r.HTTPStatusCode)}
		}
		stream := res.Resource.Stream
		defer func() { _ = call(ctx, s, io.Close, io.CloseParams{Handle: stream}) }()
		for {
			part, err := cdp.Call(ctx, s, io.Read, io.ReadParams{Handle: stream, Size: 1 << 20})
			if err != nil {
				return err
			}
			if body = append(body, part.Data...); len(body) > max {
				return fmt.Errorf("more than %d bytes", max)
			}
			if part.EOF {
				return nil
			}
		}
	})
	return body, err
}

package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
)

// lend lends the profile for as long as the client keeps its connection: a
// client that crashes gives it back.
func (s *Server) lend(ctx context.Context, _ *struct{}) (*huma.StreamResponse, error) {
	if s.o.Daemon == nil {
		return nil, huma.Error501NotImplemented("this shopwatch has no profile to lend")
	}
	return &huma.StreamResponse{Body: func(hc huma.Context) {
		hc.SetHeader("Content-Type", "application/x-ndjson")
		_, w := humago.Unwrap(hc)
		rc := http.NewResponseController(w)
		_ = rc.SetReadDeadline(time.Time{})
		say := func(lent bool) {
			_ = rc.SetWriteDeadline(time.Now().Add(20 * time.Second))
			if json.NewEncoder(w).Encode(Lent{lent}) == nil {
				_ = rc.Flush()
			}
			_ = rc.SetWriteDeadline(time.Time{})
		}
		say(false)
		// It ends when ctx does: when the client goes, or this server.
		_ = s.o.Daemon.Lend(ctx, func() { say(true) })
	}}, nil
}

func (s *Server) loginMade(context.Context, *struct{}) (*struct{}, error) {
	if s.o.Daemon == nil || !s.o.Daemon.LoginMade() {
		return nil, huma.Error409Conflict("the profile is not lent")
	}
	return nil, nil
}

// Borrow waits until the daemon lends its profile, which is ours until giveBack
// is called or this process ends. waiting is called when it takes until a scan
// has ended.
func (c *Client) Borrow(ctx context.Context, waiting func()) (giveBack func(), err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer func() {
		if err != nil {
			cancel()
		}
	}()
	resp, err := c.post(ctx, "/api/profile/lend", nil) //nolint:bodyclose // giveBack closes it
	if err != nil {
		return nil, err
	}
	slow := time.AfterFunc(time.Second, waiting)
	defer slow.Stop()
	for dec := json.NewDecoder(resp.Body); ; {
		var l Lent
		if err := dec.Decode(&l); err != nil {
			resp.Body.Close()
			return nil, errors.Join(ctx.Err(), fmt.Errorf("the daemon did not lend its profile: %w", err))
		}
		if l.Lent {
			return func() {
				cancel()
				resp.Body.Close()
			}, nil
		}
	}
}

// LoginMade tells the daemon that has lent its profile of a login, so that what
// waited for it is scanned when the profile is given back.
func (c *Client) LoginMade(ctx context.Context) error {
	resp, err := c.post(ctx, "/api/profile/login", nil)
	if err != nil {
		return err
	}
	return resp.Body.Close()
}

package api

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"shopwatch/storage"
	"shopwatch/tracker"
)

func (s *Server) scans(ctx context.Context, in *struct {
	Limit      int       `query:"limit" minimum:"1" maximum:"1000" default:"100" doc:"of scans that began at the same time, as far as it is known, none is left out for it"`
	Storefront string    `query:"storefront" maxLength:"64"`
	Since      time.Time `query:"since"`
	Before     time.Time `query:"before" doc:"the next of the part before"`
}) (*body[Scans], error) {
	name := tracker.StorefrontName(in.Storefront)
	if name != "" {
		if err := s.known(ctx, name); err != nil {
			return nil, err
		}
	}
	list, err := s.o.Store.Scans(ctx, storage.ScanQuery{Storefront: name, Since: in.Since, Before: storage.ScanPlace{Began: in.Before}, Limit: in.Limit})
	var next time.Time
	if len(list) == in.Limit {
		// The next part begins before this one's last time, so all of that are in this one.
		last := list[len(list)-1]
		next = last.Began
		var rest []tracker.Scan
		rest, err = s.o.Store.Scans(ctx, storage.ScanQuery{Storefront: name, Since: next, Before: storage.ScanPlace{Began: next, Storefront: last.Storefront}, Limit: 1000})
		list = append(list, rest...)
	}
	return answer(Scans{Scans: array(list), Next: next}, err)
}

// A wish is for scans now.
type wish struct {
	Body struct {
		Storefronts []string `json:"storefronts,omitempty" maxItems:"1000" doc:"all of the configuration when left out"`
		DryRun      bool     `json:"dry_run,omitempty" doc:"show what the scan would change, and keep nothing"`
		Capture     bool     `json:"capture,omitempty" doc:"capture all that is read: the scan names the file in evidence.capture, and /evidence/NAME returns it"`
	}
}

// scan scans one storefront after another and tells how far it has come.
func (s *Server) scan(ctx context.Context, in *wish) (*huma.StreamResponse, error) {
	if s.o.Daemon == nil {
		return nil, huma.Error501NotImplemented("this shopwatch does not scan")
	}
	var names []tracker.StorefrontName
	for _, shop := range s.o.Shops {
		names = append(names, shop.Name)
	}
	if len(in.Body.Storefronts) > 0 {
		all := names
		names = nil
		for _, name := range in.Body.Storefronts {
			if !slices.Contains(all, tracker.StorefrontName(name)) {
				return nil, huma.Error404NotFound(fmt.Sprintf("there is no storefront %q in the configuration; there are %s", name, join(all)))
			}
			if n := tracker.StorefrontName(name); !slices.Contains(names, n) { // nobody wants it twice
				names = append(names, n)
			}
		}
	}
	return &huma.StreamResponse{Body: func(hc huma.Context) {
		hc.SetHeader("Content-Type", "application/x-ndjson")
		_, w := humago.Unwrap(hc)
		rc := http.NewResponseController(w)
		enc := json.NewEncoder(w)
		say := func(l line) {
			// A scan takes as long as the pace wants; a client that does not
			// read is not waited for.
			_ = rc.SetWriteDeadline(time.Now().Add(20 * time.Second))
			if enc.Encode(l) == nil {
				_ = rc.Flush()
			}
		}
		_ = rc.SetReadDeadline(time.Time{})
		_ = rc.Flush()
		for _, name := range names {
			scan, changes, err := s.o.Daemon.Scan(ctx, name, HowToScan{in.Body.DryRun, in.Body.Capture}, func(p tracker.Progress) { say(line{Progress: &p}) })
			switch {
			case scan == nil:
				say(line{Error: fmt.Sprintf("scan %s: %v", name, err)})
			case err != nil:
				say(line{Error: fmt.Sprintf("%s was scanned (%s), but nothing was kept: %v", name, scan.Verdict, err)})
			default:
				say(line{Result: &Result{*scan, changes, s.isBaseline(ctx, scan)}})
			}
			if ctx.Err() != nil {
				return
			}
		}
	}}, nil
}

// isBaseline reports whether a scan is the first complete one of its storefront,
// or would be if it were kept.
func (s *Server) isBaseline(ctx context.Context, scan *tracker.Scan) bool {
	if scan.Verdict != tracker.Complete {
		return false
	}
	st, err := s.o.Store.State(ctx, scan.Storefront)
	return err == nil && (st.Baseline.IsZero() || st.Baseline.Equal(scan.Began))
}

func join[S ~string](names []S) string {
	var s []string
	for _, n := range names {
		s = append(s, string(n))
	}
	return strings.Join(s, ", ")
}

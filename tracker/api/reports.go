package api

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"shopwatch/storage"
	"shopwatch/tracker"
)

// deadShown is how long a delivery that was refused or given up is shown among
// those that wait: somebody should know.
const deadShown = 30 * 24 * time.Hour

func (s *Server) reports(ctx context.Context, in *struct {
	Limit       int    `query:"limit" minimum:"1" maximum:"1000" default:"100"`
	Channel     string `query:"channel" maxLength:"64"`
	Undelivered bool   `query:"undelivered" doc:"only those with a delivery that waits, the oldest first"`
	Dead        bool   `query:"dead" doc:"only those of the last 30 days with a delivery that was refused for good or given up, the oldest first"`
	After       uint64 `query:"after" maximum:"9007199254740991" doc:"only greater numbers, the oldest first"`
}) (*body[Reports], error) {
	if err := s.knownChannel(ctx, in.Channel); err != nil {
		return nil, err
	}
	var list []tracker.Report
	var err error
	switch {
	case in.Undelivered:
		list, err = s.allReports(ctx, storage.ReportQuery{Channel: in.Channel, With: tracker.Waiting})
	case in.Dead:
		list, err = s.allReports(ctx, storage.ReportQuery{With: tracker.Dead, Since: time.Now().Add(-deadShown), Newest: true})
		slices.Reverse(list)
	default:
		list, err = s.o.Store.Reports(ctx, storage.ReportQuery{Channel: in.Channel, After: in.After, Limit: in.Limit, Newest: in.After == 0})
	}
	return answer(Reports{Reports: array(list)}, err)
}

// allReports are all reports that a query selects.
func (s *Server) allReports(ctx context.Context, q storage.ReportQuery) (list []tracker.Report, err error) {
	q.Limit = 1000
	for r, err := range storage.AllReports(ctx, s.o.Store, q) {
		if err != nil {
			return nil, err
		}
		list = append(list, r)
	}
	return list, nil
}

func (s *Server) unsubscribed(ctx context.Context, in *struct {
	Channel string `query:"channel" maxLength:"64"`
}) (*body[Unsubscribed], error) {
	if err := s.knownChannel(ctx, in.Channel); err != nil {
		return nil, err
	}
	channels, err := s.o.Store.Channels(ctx)
	all := Unsubscribed{Recipients: []Recipient{}}
	for _, c := range channels {
		if in.Channel != "" && c.Name != in.Channel {
			continue
		}
		for _, to := range c.Unsubscribed {
			all.Recipients = append(all.Recipients, Recipient{c.Name, to})
		}
	}
	return answer(all, err)
}

// knownChannel refuses a channel that is not configured and never was. Empty
// stands for all.
func (s *Server) knownChannel(ctx context.Context, name string) error {
	if name == "" || slices.Contains(s.o.Channels, name) {
		return nil
	}
	_, joined, err := s.o.Store.Channel(ctx, name)
	if err != nil {
		return huma.Error500InternalServerError(err.Error())
	}
	if joined {
		return nil
	}
	return s.channel(name)
}

// channel refuses a channel that is not configured.
func (s *Server) channel(name string) error {
	switch {
	case len(s.o.Channels) == 0:
		return huma.Error404NotFound("there are no channels in the configuration")
	case !slices.Contains(s.o.Channels, name):
		return huma.Error404NotFound(fmt.Sprintf("there is no channel %q; there are %s", name, strings.Join(s.o.Channels, ", ")))
	}
	return nil
}

func (s *Server) preview(ctx context.Context, in *struct {
	Name string `path:"name" maxLength:"64"`
	Seq  uint64 `query:"seq" maximum:"9007199254740991" doc:"of a change; what comes next when left out"`
	Last bool   `query:"last" doc:"the last report that was made, instead of what comes next"`
}) (*body[Preview], error) {
	if err := s.channel(in.Name); err != nil {
		return nil, err
	}
	if s.o.Daemon == nil {
		return nil, huma.Error501NotImplemented("this shopwatch sends nothing")
	}
	if in.Seq > 0 {
		if err := s.change(ctx, in.Seq); err != nil {
			return nil, err
		}
	}
	p, err := s.o.Daemon.Preview(ctx, in.Name, in.Seq, in.Last)
	return answer(p, err)
}

func (s *Server) test(ctx context.Context, in *struct {
	Name string `path:"name" maxLength:"64"`
}) (*body[Tested], error) {
	if err := s.channel(in.Name); err != nil {
		return nil, err
	}
	if s.o.Daemon == nil {
		return nil, huma.Error501NotImplemented("this shopwatch sends nothing")
	}
	said, err := s.o.Daemon.Test(ctx, in.Name)
	if err != nil {
		return nil, huma.Error502BadGateway(err.Error())
	}
	return answer(Tested{said}, nil)
}

func (s *Server) retry(ctx context.Context, in *struct {
	Report uint64 `query:"report" maximum:"9007199254740991" doc:"also its dead deliveries; all that wait when left out"`
}) (*body[Retried], error) {
	if s.o.Daemon == nil {
		return nil, huma.Error501NotImplemented("this shopwatch sends nothing")
	}
	if in.Report > 0 {
		_, found, err := s.o.Store.Report(ctx, in.Report)
		if err != nil {
			return answer(Retried{}, err)
		}
		if !found {
			return nil, huma.Error404NotFound(fmt.Sprintf("there is no report %d", in.Report))
		}
	}
	n, err := s.o.Daemon.Retry(ctx, in.Report)
	return answer(Retried{n}, err)
}

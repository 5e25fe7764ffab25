package web

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"shopwatch/tracker"
)

// deadShown is how long a letter that was refused or given up is shown among
// those that wait: somebody should know.
const deadShown = 30 * 24 * time.Hour

func (s *Server) reports(_ context.Context, in *struct {
	Limit       int    `query:"limit" minimum:"1" maximum:"1000" default:"100"`
	Channel     string `query:"channel" maxLength:"64"`
	Undelivered bool   `query:"undelivered" doc:"only those with a letter that waits, the oldest first"`
	Dead        bool   `query:"dead" doc:"only those of the last 30 days with a letter that was refused for good or given up, the oldest first"`
	After       uint64 `query:"after" maximum:"9007199254740991" doc:"only greater numbers, the oldest first"`
}) (*body[Reports], error) {
	if err := s.knownChannel(in.Channel); err != nil {
		return nil, err
	}
	var list []tracker.Report
	var err error
	switch {
	case in.Undelivered:
		list, err = s.o.DB.Undelivered(in.Channel)
	case in.Dead:
		list, err = s.o.DB.Dead(time.Now().Add(-deadShown))
	default:
		list, err = s.o.DB.Reports(in.Channel, in.After, in.Limit, in.After == 0)
	}
	if list == nil {
		list = []tracker.Report{}
	}
	return answer(Reports{Reports: list}, err)
}

// knownChannel refuses a channel that is not configured and never was. Empty
// stands for all.
func (s *Server) knownChannel(name string) error {
	if name == "" || slices.Contains(s.o.Channels, name) {
		return nil
	}
	ever, err := s.o.DB.Channels()
	if err != nil {
		return huma.Error500InternalServerError(err.Error())
	}
	if _, ok := ever[name]; ok {
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

func (s *Server) preview(_ context.Context, in *struct {
	Name string `path:"name" maxLength:"64"`
	Seq  uint64 `query:"seq" maximum:"9007199254740991" doc:"of a change; what comes next when left out"`
	Last bool   `query:"last" doc:"the last report that was made, instead of what comes next"`
}) (*body[Preview], error) {
	if err := s.channel(in.Name); err != nil {
		return nil, err
	}
	if s.o.Preview == nil {
		return nil, huma.Error501NotImplemented("this shopwatch sends nothing")
	}
	if in.Seq > 0 {
		if err := s.change(in.Seq); err != nil {
			return nil, err
		}
	}
	p, err := s.o.Preview(in.Name, in.Seq, in.Last)
	return answer(p, err)
}

func (s *Server) test(ctx context.Context, in *struct {
	Name string `path:"name" maxLength:"64"`
}) (*body[Tested], error) {
	if err := s.channel(in.Name); err != nil {
		return nil, err
	}
	if s.o.Test == nil {
		return nil, huma.Error501NotImplemented("this shopwatch sends nothing")
	}
	said, err := s.o.Test(ctx, in.Name)
	if err != nil {
		return nil, huma.Error502BadGateway(err.Error())
	}
	return answer(Tested{said}, nil)
}

func (s *Server) retry(_ context.Context, in *struct {
	Report uint64 `query:"report" maximum:"9007199254740991" doc:"also its dead letters; all that wait when left out"`
}) (*body[Retried], error) {
	if s.o.Retry == nil {
		return nil, huma.Error501NotImplemented("this shopwatch sends nothing")
	}
	if in.Report > 0 {
		_, found, err := s.o.DB.Report(in.Report)
		if err != nil {
			return answer(Retried{}, err)
		}
		if !found {
			return nil, huma.Error404NotFound(fmt.Sprintf("there is no report %d", in.Report))
		}
	}
	n, err := s.o.Retry(in.Report)
	return answer(Retried{n}, err)
}

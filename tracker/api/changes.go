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

func (s *Server) changes(ctx context.Context, in *struct {
	Limit      int       `query:"limit" minimum:"1" maximum:"1000" default:"100"`
	Storefront string    `query:"storefront" maxLength:"64"`
	Kinds      []string  `query:"kind,explode" doc:"kinds of change, with commas between or each on its own"`
	Since      time.Time `query:"since"`
	Until      time.Time `query:"until"`
	Text       string    `query:"text" maxLength:"200" doc:"any part of a title or an id that the product had"`
	Important  bool      `query:"important" doc:"only those that are watched for"`
	After      uint64    `query:"after" maximum:"9007199254740991" doc:"only greater numbers"`
	Before     uint64    `query:"before" maximum:"9007199254740991" doc:"only smaller numbers"`
	Newest     bool      `query:"newest" doc:"from the newest down"`
}) (*body[Changes], error) {
	q := storage.Query{
		Storefront: tracker.StorefrontName(in.Storefront), Since: in.Since, Until: in.Until, Text: in.Text, Important: in.Important,
		After: in.After, Before: in.Before, Limit: in.Limit, Newest: in.Newest,
	}
	if q.Storefront != "" {
		if err := s.known(ctx, q.Storefront); err != nil {
			return nil, err
		}
	}
	for k := range strings.SplitSeq(strings.Join(in.Kinds, ","), ",") {
		switch {
		case k == "":
		case !slices.Contains(tracker.Kinds, tracker.Kind(k)):
			return nil, huma.Error422UnprocessableEntity(fmt.Sprintf("%q is no kind of change; there are %s", k, join(tracker.Kinds)))
		default:
			q.Kinds = append(q.Kinds, tracker.Kind(k))
		}
	}
	list, err := s.o.Store.Changes(ctx, q)
	if err == nil {
		err = storage.WithPrior(ctx, s.o.Store, list)
	}
	c := Changes{Changes: array(list)}
	if len(list) == in.Limit {
		c.Next = list[len(list)-1].Seq
	}
	return answer(c, err)
}

package api

import (
	"context"
	"fmt"

	"github.com/danielgtaylor/huma/v2"

	"shopwatch/storage/merkle"
)

// checkpoint returns the signed state of the log, as it is or was.
func (s *Server) checkpoint(ctx context.Context, in *struct {
	Size uint64 `query:"size" maximum:"9007199254740991" doc:"of a log of so many changes; of the whole log when left out"`
}) (*body[Checkpoint], error) {
	tree, err := s.o.Store.Tree(ctx)
	if err != nil {
		return answer(Checkpoint{}, err)
	}
	if in.Size > tree.Size {
		return nil, huma.Error404NotFound(fmt.Sprintf("the log has only %d changes", tree.Size))
	}
	key, err := merkle.Key(tree.Signer)
	if err != nil {
		return answer(Checkpoint{}, err)
	}
	mark, _, _, err := merkle.Sign(ctx, s.o.Store, in.Size)
	return answer(Checkpoint{Size: mark.Size, Checkpoint: mark.Text, Key: key, Unwitnessed: tree.Unwitnessed}, err)
}

// proof returns what shows others that a change is in the log, at the lengths
// of the checkpoints that reports about it carry.
func (s *Server) proof(ctx context.Context, in *struct {
	Seq uint64 `path:"seq" minimum:"1" maximum:"9007199254740991"`
}) (*body[merkle.Witness], error) {
	c, found, err := s.o.Store.Change(ctx, in.Seq)
	if err == nil && !found {
		return nil, huma.Error404NotFound(fmt.Sprintf("there is no change %d", in.Seq))
	}
	if err != nil {
		return answer(merkle.Witness{}, err)
	}
	reports, err := s.o.Store.ReportsOf(ctx, c.Seq)
	if err != nil {
		return answer(merkle.Witness{}, err)
	}
	return answer(merkle.Testify(ctx, s.o.Store, &c, reports))
}

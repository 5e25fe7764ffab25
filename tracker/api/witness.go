package api

import (
	"context"
	"fmt"

	"github.com/danielgtaylor/huma/v2"

	"shopwatch/storage"
	"shopwatch/storage/merkle"
	"shopwatch/storage/timestamp"
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
	if err != nil {
		return answer(Checkpoint{}, err)
	}
	stamps, err := s.o.Stamped(ctx, mark.Size)
	return answer(Checkpoint{Size: mark.Size, Checkpoint: mark.Text, Key: key, Unwitnessed: tree.Unwitnessed, Stamps: stamps}, err)
}

// mostStamps is how many stamps are shown: those of a day.
const mostStamps = 4

// StampsOf returns the first stamps of the log with a change in it, verified; none
// where no authority saw it yet.
func (o *Options) StampsOf(ctx context.Context, seq uint64) ([]VerifiedStamp, error) {
	list, err := o.Store.Stamps(ctx, storage.StampQuery{From: seq, Limit: mostStamps})
	return verified(ctx, list), err
}

// Stamped returns the newest stamps of the log at a length or less, verified.
func (o *Options) Stamped(ctx context.Context, size uint64) ([]VerifiedStamp, error) {
	list, err := o.Store.Stamps(ctx, storage.StampQuery{Newest: true, Limit: 100})
	for len(list) > 0 && list[0].Size > size {
		list = list[1:]
	}
	return verified(ctx, list[:min(len(list), mostStamps)]), err
}

// verified are those of some stamps that are of the same length as the first.
func verified(ctx context.Context, list []storage.Stamp) []VerifiedStamp {
	stamps := []VerifiedStamp{}
	for i := range list {
		if list[i].Size != list[0].Size {
			break
		}
		st := VerifiedStamp{Stamp: list[i]}
		v, err := timestamp.Verify(ctx, &list[i])
		if err != nil {
			st.Problem = err.Error()
		}
		st.Signer, st.Root, st.RootHash, st.Known = v.Signer, v.Root, v.RootHash, v.Known
		stamps = append(stamps, st)
	}
	return stamps
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

package postgres

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"shopwatch/storage"
)

// AddStamp implements storage.Stamps.
func (db *DB) AddStamp(ctx context.Context, s storage.Stamp) error {
	err := storage.CheckStamp(&s)
	if err == nil {
		err = checkName("authority", s.Authority)
	}
	if err == nil {
		err = db.update(ctx, func(t pgx.Tx) error { return addStamp(ctx, t, &s) })
	}
	if err != nil {
		return fmt.Errorf("keep the stamp of %s: %w", s.Authority, err)
	}
	return nil
}

func addStamp(ctx context.Context, t pgx.Tx, s *storage.Stamp) error {
	chain := s.Chain
	if chain == nil {
		chain = [][]byte{}
	}
	_, err := t.Exec(ctx, "insert into stamps (size, authority, at, checkpoint, token, chain) values ($1, $2, $3, $4, $5, $6) on conflict do nothing",
		number(s.Size), s.Authority, stamp(s.At), s.Checkpoint, s.Token, chain)
	return err
}

// Stamps implements storage.Stamps.
func (db *DB) Stamps(ctx context.Context, q storage.StampQuery) (stamps []storage.Stamp, err error) {
	order := "size, authority"
	if q.Newest {
		order = "size desc, authority desc"
	}
	err = db.view(ctx, func(t pgx.Tx) error {
		stamps, err = list(ctx, t, func(r pgx.CollectableRow) (s storage.Stamp, err error) {
			err = r.Scan(&s.Size, &s.Authority, &s.At, &s.Checkpoint, &s.Token, &s.Chain)
			if s.At = s.At.UTC(); len(s.Chain) == 0 {
				s.Chain = nil
			}
			return s, err
		}, "select size, authority, at, checkpoint, token, chain from stamps where size >= $1 order by "+order+" limit $2", number(q.From), storage.PageSize(q.Limit))
		return err
	})
	return stamps, err
}

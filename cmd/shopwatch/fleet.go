package main

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"shopwatch/cmd/shopwatch/config"
	"shopwatch/storage"
	"shopwatch/storage/postgres"
	"shopwatch/tracker/fleet"
)

// A fleetDatabase is a database on which several machines work.
type fleetDatabase struct{ shared }

var _ fleet.Database = fleetDatabase{}

func (a *app) openFleet(ctx context.Context, c *config.Config) (storage.Store, error) {
	db, err := a.servers.open(ctx, c)
	if err != nil {
		return nil, err
	}
	return fleetDatabase{shared{db}}, nil
}

// Lease takes a lease, or returns who has it.
func (d fleetDatabase) Lease(ctx context.Context, key, holder string, pause time.Duration, begin func(context.Context, pgx.Tx) error) (l fleet.Lease, other string, err error) {
	return leased(d.AcquirePaced(ctx, key, holder, pause, begin))
}

// Enter takes the lease without which nothing is written from then on, or returns
// who has it.
func (d fleetDatabase) Enter(ctx context.Context, key, holder string) (l fleet.Lease, other string, err error) {
	return leased(d.DB.Enter(ctx, key, holder))
}

func leased(l *postgres.Lease, err error) (fleet.Lease, string, error) {
	switch {
	case errors.Is(err, postgres.ErrHeld):
		return nil, err.Error(), nil
	case err != nil:
		return nil, "", err
	}
	return l, "", nil
}

// TakeOver ends the leases that are over of holders who did not release them.
func (fleetDatabase) TakeOver(ctx context.Context, t pgx.Tx, prefix string) error {
	return postgres.TakeOver(ctx, t, prefix)
}

// Alone returns who works on the database alone; empty when nobody does.
func (d fleetDatabase) Alone(ctx context.Context) (who string, err error) {
	if who, _, err = d.Holder(ctx, workLease); who != "" {
		who += " works on the database alone"
	}
	return who, err
}

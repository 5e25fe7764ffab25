package postgres

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"shopwatch/storage"
)

// CoolDown implements storage.CoolDowns.
func (db *DB) CoolDown(ctx context.Context, key string) (c storage.CoolDown, err error) {
	err = db.read(ctx, func(q querier) error {
		c, err = coolDown(ctx, q, key, "")
		return err
	})
	return c, err
}

func coolDown(ctx context.Context, t querier, key, how string) (storage.CoolDown, error) {
	c, _, err := one(ctx, t, func(r pgx.CollectableRow) (c storage.CoolDown, err error) {
		var asked int64
		var until *time.Time
		err = r.Scan(&c.Walls, &asked, &until)
		c.Asked, c.Until = time.Duration(asked)*time.Millisecond, fromStamp(until)
		return c, err
	}, "select walls, asked_ms, until from cooldowns where key = $1"+how, name(key))
	return c, err
}

// ChangeCoolDown implements storage.CoolDowns. What does not change is not
// written.
func (db *DB) ChangeCoolDown(ctx context.Context, key string, change func(*storage.CoolDown)) (storage.CoolDown, error) {
	if key == "" || strings.ContainsRune(key, 0) || checkName("key", key) != nil {
		return storage.CoolDown{}, fmt.Errorf("cool-down of %q: a key must not be empty or hold a zero byte", key)
	}
	was, err := db.CoolDown(ctx, key)
	if err != nil {
		return storage.CoolDown{}, err
	}
	c := was
	if change(&c); c == was {
		return c, nil
	}
	err = db.update(ctx, func(t pgx.Tx) error {
		if _, err := t.Exec(ctx, "insert into cooldowns (key, walls, asked_ms) values ($1, 0, 0) on conflict do nothing", key); err != nil {
			return err
		}
		if c, err = coolDown(ctx, t, key, " for update"); err != nil {
			return err
		}
		change(&c)
		c.Asked, c.Until = c.Asked.Truncate(time.Millisecond), fromStamp(stamp(c.Until))
		_, err := t.Exec(ctx, "update cooldowns set walls = $2, asked_ms = $3, until = $4 where key = $1", key, c.Walls, c.Asked.Milliseconds(), stamp(c.Until))
		return err
	})
	if err != nil {
		return storage.CoolDown{}, fmt.Errorf("cool-down of %s: %w", key, err)
	}
	return c, nil
}

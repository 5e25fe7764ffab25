package bolt

import (
	"context"
	"fmt"
	"strings"
	"time"

	"shopwatch/storage"
)

// A coolDownValue is a cool-down as it is stored.
type coolDownValue struct {
	Walls int   `json:"w,omitempty"`
	Asked int64 `json:"a,omitempty"` // milliseconds
	Until int64 `json:"u,omitempty"`
}

// CoolDown implements storage.CoolDowns.
func (db *DB) CoolDown(ctx context.Context, key string) (c storage.CoolDown, err error) {
	err = db.view(ctx, func(t tx) error {
		c, err = t.coolDown(key)
		return err
	})
	return c, err
}

// ChangeCoolDown implements storage.CoolDowns. What does not change is not
// written.
func (db *DB) ChangeCoolDown(ctx context.Context, key string, change func(*storage.CoolDown)) (storage.CoolDown, error) {
	if key == "" || strings.ContainsRune(key, 0) {
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
	err = db.update(ctx, func(t tx) error {
		if c, err = t.coolDown(key); err != nil {
			return err
		}
		change(&c)
		v := coolDownValue{c.Walls, c.Asked.Milliseconds(), storage.Millis(c.Until)}
		c.Until = storage.FromMillis(v.Until)
		b, err := t.CreateBucketIfNotExists([]byte(inCoolDowns))
		if err != nil {
			return err
		}
		return newBucket(b, inCoolDowns).write([]byte(key), v)
	})
	if err != nil {
		return storage.CoolDown{}, fmt.Errorf("cool-down of %s: %w", key, err)
	}
	return c, nil
}

func (t tx) coolDown(key string) (storage.CoolDown, error) {
	var v coolDownValue
	_, err := t.in(inCoolDowns).read([]byte(key), &v)
	return storage.CoolDown{Walls: v.Walls, Asked: time.Duration(v.Asked) * time.Millisecond, Until: storage.FromMillis(v.Until)}, err
}

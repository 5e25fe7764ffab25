package bolt

import (
	"context"
	"fmt"
	"slices"
	"time"

	"shopwatch/storage"
)

// A channelValue is a channel's place in the log.
type channelValue struct {
	Told   uint64 `json:"t"` // number of the last change that is behind it
	Joined int64  `json:"j"`
	// Left are the recipients that want no more deliveries.
	Left []string `json:"l,omitempty"`
	// Failures and Until are those of the backoff.
	Failures int   `json:"f,omitempty"`
	Until    int64 `json:"u,omitempty"`
}

// Join implements storage.Channels.
func (db *DB) Join(ctx context.Context, channel string) error {
	if err := storage.CheckChannel(channel); err != nil {
		return err
	}
	if _, known, err := db.Channel(ctx, channel); known || err != nil {
		return err
	}
	return db.update(ctx, func(t tx) error {
		b := t.in(inChannels)
		if known, err := b.read([]byte(channel), &channelValue{}); known || err != nil {
			return err
		}
		return b.write([]byte(channel), channelValue{Told: t.last(), Joined: time.Now().UnixMilli()})
	})
}

// Channel implements storage.Channels.
func (db *DB) Channel(ctx context.Context, channel string) (c storage.Channel, found bool, err error) {
	err = db.view(ctx, func(t tx) error {
		var v channelValue
		var err error
		found, err = t.in(inChannels).read([]byte(channel), &v)
		c = v.channel(channel)
		return err
	})
	if !found || err != nil {
		return storage.Channel{}, false, err
	}
	return c, true, nil
}

// Channels implements storage.Channels.
func (db *DB) Channels(ctx context.Context) ([]storage.Channel, error) {
	var list []storage.Channel
	err := db.view(ctx, func(t tx) error {
		cur := t.in(inChannels).cursor()
		for k, _ := cur.First(); k != nil; k, _ = cur.Next() {
			v, err := t.channel(string(k))
			if err != nil {
				return err
			}
			list = append(list, v.channel(string(k)))
		}
		return nil
	})
	return list, err
}

func (v *channelValue) channel(name string) storage.Channel {
	return storage.Channel{
		Name: name, Told: v.Told, Joined: storage.FromMillis(v.Joined), Unsubscribed: v.Left,
		Backoff: storage.Backoff{Failures: v.Failures, Until: storage.FromMillis(v.Until)},
	}
}

// Unsubscribe implements storage.Channels.
func (db *DB) Unsubscribe(ctx context.Context, channel, to string) error {
	return db.changeChannel(ctx, channel, func(v *channelValue) {
		if !slices.Contains(v.Left, to) {
			v.Left = append(v.Left, to)
		}
	})
}

// Resubscribe implements storage.Channels.
func (db *DB) Resubscribe(ctx context.Context, channel, to string) error {
	return db.changeChannel(ctx, channel, func(v *channelValue) {
		v.Left = slices.DeleteFunc(v.Left, func(s string) bool { return s == to })
	})
}

// SetBackoff implements storage.Channels.
func (db *DB) SetBackoff(ctx context.Context, channel string, b storage.Backoff) error {
	return db.changeChannel(ctx, channel, func(v *channelValue) {
		v.Failures, v.Until = b.Failures, storage.Millis(b.Until)
	})
}

func (db *DB) changeChannel(ctx context.Context, channel string, change func(*channelValue)) error {
	return db.update(ctx, func(t tx) error {
		v, err := t.channel(channel)
		if err != nil {
			return err
		}
		change(&v)
		return t.in(inChannels).write([]byte(channel), v)
	})
}

func (t tx) channel(name string) (channelValue, error) {
	var v channelValue
	found, err := t.in(inChannels).read([]byte(name), &v)
	if err == nil && !found {
		err = fmt.Errorf("channel %s never joined", name)
	}
	return v, err
}

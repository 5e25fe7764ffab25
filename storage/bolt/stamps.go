package bolt

import (
	"context"
	"encoding/json"
	"fmt"

	"shopwatch/storage"
)

// A stampValue is a stamp as it is stored.
type stampValue struct {
	At         int64    `json:"a"`
	Checkpoint string   `json:"c"`
	Token      []byte   `json:"t"`
	Chain      [][]byte `json:"x,omitempty"`
}

// AddStamp implements storage.Stamps.
func (db *DB) AddStamp(ctx context.Context, s storage.Stamp) error {
	if err := storage.CheckStamp(&s); err != nil {
		return err
	}
	err := db.update(ctx, func(t tx) error {
		root, err := t.CreateBucketIfNotExists([]byte(inStamps))
		if err != nil {
			return err
		}
		b, key := newBucket(root, inStamps), append(number(s.Size), s.Authority...)
		if p, err := b.get(key); p != nil || err != nil {
			return err
		}
		return b.write(key, stampValue{storage.Millis(s.At), s.Checkpoint, s.Token, s.Chain})
	})
	if err != nil {
		return fmt.Errorf("keep the stamp of %s: %w", s.Authority, err)
	}
	return nil
}

// Stamps implements storage.Stamps.
func (db *DB) Stamps(ctx context.Context, q storage.StampQuery) (list []storage.Stamp, err error) {
	err = db.view(ctx, func(t tx) error {
		list = nil
		b := t.in(inStamps)
		cur := b.cursor()
		if cur == nil {
			return nil
		}
		k, v := cur.Seek(number(q.From))
		next := cur.Next
		if q.Newest {
			k, v = cur.Last()
			next = cur.Prev
		}
		for ; k != nil && numberBefore(k) >= q.From && len(list) < storage.PageSize(q.Limit); k, v = next() {
			payload, err := b.open(k, v)
			if err != nil {
				return err
			}
			s, err := b.stamp(k, payload)
			if err != nil {
				return err
			}
			list = append(list, s)
		}
		return nil
	})
	return list, err
}

// numberBefore reads the number that a key begins with.
func numberBefore(key []byte) uint64 { return numberOf(key[:min(8, len(key))]) }

// stamp decodes a stamp.
func (b bucket) stamp(key, payload []byte) (storage.Stamp, error) {
	var v stampValue
	err := json.Unmarshal(payload, &v)
	s := storage.Stamp{Size: numberBefore(key), Authority: string(key[min(8, len(key)):]), At: storage.FromMillis(v.At), Checkpoint: v.Checkpoint, Token: v.Token, Chain: v.Chain}
	if err == nil {
		err = storage.CheckStamp(&s)
	}
	if err != nil {
		err = b.damaged(key, err)
	}
	return s, err
}

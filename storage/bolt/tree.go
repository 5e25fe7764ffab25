package bolt

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/mod/sumdb/tlog"

	"shopwatch/storage"
	"shopwatch/storage/merkle"
	"shopwatch/tracker"
)

// treeSchema is the first schema with a tree.
const treeSchema = 4

// grow writes the hashes of a change, given as it will be read back: nothing else
// can be verified later.
func (b bucket) grow(kept *tracker.Change) error {
	record, err := merkle.Record(kept)
	if err != nil {
		return err
	}
	hashes, err := merkle.Append(kept.Seq, record, tlog.HashReaderFunc(b.hashes))
	if err != nil {
		return err
	}
	return b.put(number(kept.Seq), hashes)
}

// hashes reads hashes of the tree.
func (b bucket) hashes(indexes []int64) ([]tlog.Hash, error) {
	list := make([]tlog.Hash, len(indexes))
	for i, index := range indexes {
		if index < 0 {
			return nil, fmt.Errorf("the tree has no hash %d", index)
		}
		seq, offset := merkle.Place(index)
		key := number(seq)
		p, err := b.get(key)
		switch {
		case err != nil:
			return nil, err
		case p == nil:
			return nil, fmt.Errorf("%s is missing: %w", b.name(key), storage.ErrDamaged)
		case len(p) != merkle.Stored(seq):
			return nil, b.damaged(key, errors.New("wrong length"))
		}
		copy(list[i][:], p[offset:])
	}
	return list, nil
}

// growTree gives a log that has none its tree, and a key.
func (t tx) growTree() error {
	if _, err := t.CreateBucketIfNotExists([]byte(inTree)); err != nil {
		return err
	}
	tree, log, last := t.in(inTree), t.in(inChanges), t.last()
	tree.FillPercent = appended
	for seq := uint64(1); seq <= last; seq++ {
		key := number(seq)
		p, err := log.get(key)
		if err == nil && p == nil {
			err = fmt.Errorf("%s is missing: %w", log.name(key), storage.ErrDamaged)
		}
		if err != nil {
			return err
		}
		c, err := decodeChange(seq, p)
		if err != nil {
			return log.damaged(key, err)
		}
		if err := tree.grow(&c); err != nil {
			return err
		}
		t.tell(seq)
	}
	var m metaValue
	if _, err := t.in(inMeta).read([]byte("file"), &m); err != nil {
		return err
	}
	signer, err := merkle.NewSigner(m.ID)
	if err != nil {
		return err
	}
	m.Signer, m.Unwitnessed = signer, last
	return t.in(inMeta).write([]byte("file"), m)
}

// Tree implements storage.Log.
func (db *DB) Tree(ctx context.Context) (storage.Tree, error) {
	var tree storage.Tree
	err := db.view(ctx, func(t tx) error {
		m, err := t.meta()
		tree = storage.Tree{Size: t.last(), Unwitnessed: m.Unwitnessed, Signer: m.Signer}
		return err
	})
	return tree, err
}

// TreeHashes implements storage.Log.
func (db *DB) TreeHashes(ctx context.Context, indexes []int64) ([][32]byte, error) {
	list := make([][32]byte, len(indexes))
	err := db.view(ctx, func(t tx) error {
		hashes, err := t.in(inTree).hashes(indexes)
		for i, h := range hashes {
			list[i] = h
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return list, nil
}

// checkLeaf verifies that a change has the hash that the tree keeps of it.
func (t tx) checkLeaf(c *tracker.Change) error {
	record, err := merkle.Record(c)
	if err != nil {
		return err
	}
	b := t.in(inTree)
	kept, err := b.hashes([]int64{tlog.StoredHashIndex(0, int64(c.Seq)-1)})
	if err == nil && kept[0] != tlog.RecordHash(record) {
		err = b.damaged(number(c.Seq), errors.New("not the hash of the change"))
	}
	return err
}

// checkTree verifies that the tree is as long as the log, and that the hashes
// of its inner nodes are those of what is below them.
func (t tx) checkTree(p *problems) {
	b, n := t.in(inTree), uint64(0)
	t.each(p, b, func(k, payload []byte) error {
		n++
		seq := numberOf(k)
		if seq != n || len(payload) != merkle.Stored(seq) {
			return b.damaged(k, errors.New("not the hashes of one change"))
		}
		for level := 1; level < len(payload)/tlog.HashSize; level++ {
			at := int64(seq>>level) - 1
			below, err := b.hashes([]int64{tlog.StoredHashIndex(level-1, 2*at), tlog.StoredHashIndex(level-1, 2*at+1)})
			if err != nil {
				return err
			}
			if tlog.NodeHash(below[0], below[1]) != tlog.Hash(payload[level*tlog.HashSize:]) {
				return b.damaged(k, fmt.Errorf("level %d is not the hash of the two below", level))
			}
		}
		return nil
	})
	if n != t.last() {
		p.addf("%s has %d changes instead of %d", inTree, n, t.last())
	}
}

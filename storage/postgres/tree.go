package postgres

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
	"golang.org/x/mod/sumdb/tlog"

	"shopwatch/storage"
	"shopwatch/storage/merkle"
	"shopwatch/tracker"
)

// A growth appends changes to the log's tree within a transaction. It knows the
// hashes of the complete subtrees, which is all that is needed of what was
// there.
type growth map[int64]tlog.Hash

// newGrowth reads what is needed of the tree over so many changes.
func newGrowth(ctx context.Context, t pgx.Tx, size uint64) (growth, error) {
	var needed []int64
	for level := 0; size>>level > 0; level++ {
		if n := int64(size >> level); n&1 == 1 {
			needed = append(needed, tlog.StoredHashIndex(level, n-1))
		}
	}
	hashes, err := treeHashes(ctx, t, needed)
	if err != nil {
		return nil, err
	}
	g := make(growth)
	for i, index := range needed {
		g[index] = hashes[i]
	}
	return g, nil
}

// append returns the hashes that a change completes, whose encoded value is
// given: of what will be read back, which alone can be verified later.
func (g growth) append(seq uint64, name tracker.StorefrontName, value string) ([]byte, error) {
	var v changeValue
	if err := decode([]byte(value), &v, "change %d", seq); err != nil {
		return nil, err
	}
	c := v.change(seq, name)
	record, err := merkle.Record(&c)
	if err != nil {
		return nil, err
	}
	hashes, err := merkle.Append(seq, record, g)
	for level := range len(hashes) / tlog.HashSize {
		g[tlog.StoredHashIndex(level, int64(seq>>level)-1)] = tlog.Hash(hashes[level*tlog.HashSize:])
	}
	return hashes, err
}

// ReadHashes implements tlog.HashReader.
func (g growth) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	list := make([]tlog.Hash, len(indexes))
	for i, index := range indexes {
		h, ok := g[index]
		if !ok {
			return nil, fmt.Errorf("hash %d of the tree was not read", index)
		}
		list[i] = h
	}
	return list, nil
}

func treeHashes(ctx context.Context, t pgx.Tx, indexes []int64) ([][32]byte, error) {
	wanted := make([]int64, len(indexes))
	for i, index := range indexes {
		if index < 0 {
			return nil, fmt.Errorf("the tree has no hash %d", index)
		}
		seq, _ := merkle.Place(index)
		wanted[i] = number(seq)
	}
	found := make(map[uint64][]byte)
	if len(wanted) > 0 {
		_, err := list(ctx, t, func(r pgx.CollectableRow) (none struct{}, err error) {
			var seq uint64
			var hashes []byte
			err = r.Scan(&seq, &hashes)
			found[seq] = hashes
			return none, err
		}, "select seq, hashes from tree where seq = any($1)", wanted)
		if err != nil {
			return nil, err
		}
	}
	hashes := make([][32]byte, len(indexes))
	for i, index := range indexes {
		seq, offset := merkle.Place(index)
		p := found[seq]
		if len(p) != merkle.Stored(seq) {
			return nil, fmt.Errorf("the hashes of change %d are missing or %w", seq, storage.ErrDamaged)
		}
		hashes[i] = [32]byte(p[offset:])
	}
	return hashes, nil
}

// Tree implements storage.Log.
func (db *DB) Tree(ctx context.Context) (tree storage.Tree, err error) {
	err = db.view(ctx, func(t pgx.Tx) error {
		if tree.Size, err = head(ctx, t, "changes"); err != nil {
			return err
		}
		return t.QueryRow(ctx, "select signer, unwitnessed from instance").Scan(&tree.Signer, &tree.Unwitnessed)
	})
	return tree, err
}

// TreeHashes implements storage.Log.
func (db *DB) TreeHashes(ctx context.Context, indexes []int64) (hashes [][32]byte, err error) {
	err = db.view(ctx, func(t pgx.Tx) error {
		hashes, err = treeHashes(ctx, t, indexes)
		return err
	})
	return hashes, err
}

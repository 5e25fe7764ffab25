// Package merkle makes the change log one that cannot be rewritten unseen. The
// log is a Merkle tree (RFC 6962): its leaves are the records of the changes,
// and a checkpoint, which is the signed hash of the tree at a length, stands in
// every report. Whoever has kept a report can tell whether the changes up to
// that length are still what they were.
//
// The tree is that of golang.org/x/mod/sumdb/tlog, checkpoints have the form of
// golang.org/x/mod/sumdb/note, so that other programs can check both.
package merkle

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"math/bits"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"shopwatch/storage"
	"shopwatch/tracker"
)

// Record is a change as the tree has it: its public JSON without what is
// worked out from other changes. The bytes for a given change must never come
// to differ, or every log that exists would look forged.
func Record(c *tracker.Change) ([]byte, error) {
	own := *c
	own.Prior = tracker.Price{}
	if c.Probe != nil {
		p := *c.Probe
		p.At = p.At.UTC().Truncate(time.Millisecond)
		own.Probe = &p
	}
	return own.MarshalJSON()
}

// Append returns the hashes that the record of a change completes in the tree,
// one behind the other, from its leaf upward. Engines keep them under the
// number of the change, in the transaction that appends it.
func Append(seq uint64, record []byte, tree tlog.HashReader) ([]byte, error) {
	hashes, err := tlog.StoredHashes(int64(seq)-1, record, tree)
	if err != nil {
		return nil, fmt.Errorf("hash change %d: %w", seq, err)
	}
	b := make([]byte, 0, len(hashes)*tlog.HashSize)
	for _, h := range hashes {
		b = append(b, h[:]...)
	}
	return b, nil
}

// Place returns where an engine that keeps what Append returns finds the hash
// with an index of the tree: the number of the change, and how many bytes stand
// before it.
func Place(index int64) (seq uint64, offset int) {
	level, n := tlog.SplitStoredHashIndex(index)
	return uint64(n+1) << level, level * tlog.HashSize
}

// Stored is how many bytes Append returns for a change.
func Stored(seq uint64) int { return (bits.TrailingZeros64(seq) + 1) * tlog.HashSize }

// NewSigner makes up the key of a database. It is named after the instance, and
// so are its checkpoints.
func NewSigner(instance string) (string, error) {
	signer, _, err := note.GenerateKey(rand.Reader, "shopwatch/"+strings.ToLower(instance[:min(len(instance), 10)]))
	return signer, err
}

// A Checkpoint is the signed hash of the log at a length.
type Checkpoint struct {
	Origin string // the name of the log
	Size   uint64 // changes
	Root   tlog.Hash
	Text   string // as it was signed, with the signature
}

// Key is the public part of a signer, as checkpoints are verified with it.
func Key(signer string) (string, error) {
	s, err := note.NewSigner(signer)
	if err != nil {
		return "", fmt.Errorf("the log's key: %w", err)
	}
	v, err := publicKey(signer)
	if err != nil {
		return "", err
	}
	return note.NewEd25519VerifierKey(s.Name(), v)
}

// Sign returns the checkpoint of a log at a length, of the whole log for 0. It
// is the same whenever it is made. An empty log has none: found is false.
func Sign(ctx context.Context, log storage.Log, size uint64) (c Checkpoint, key string, found bool, err error) {
	tree, err := log.Tree(ctx)
	if err != nil || tree.Size == 0 {
		return c, "", false, err
	}
	if size == 0 {
		size = tree.Size
	}
	if size > tree.Size {
		return c, "", false, fmt.Errorf("the log has %d changes, there is no checkpoint of %d", tree.Size, size)
	}
	signer, err := note.NewSigner(tree.Signer)
	if err != nil {
		return c, "", false, fmt.Errorf("the log's key: %w", err)
	}
	if key, err = Key(tree.Signer); err != nil {
		return c, "", false, err
	}
	c = Checkpoint{Origin: signer.Name(), Size: size}
	if c.Root, err = tlog.TreeHash(int64(size), Reader(ctx, log)); err != nil {
		return c, "", false, fmt.Errorf("hash the log: %w", err)
	}
	text, err := note.Sign(&note.Note{Text: fmt.Sprintf("%s\n%d\n%s\n", c.Origin, c.Size, c.Root)}, signer)
	c.Text = string(text)
	return c, key, err == nil, err
}

// Reader reads the hashes of a log's tree.
func Reader(ctx context.Context, log storage.Log) tlog.HashReader {
	return tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		list, err := log.TreeHashes(ctx, indexes)
		if err != nil {
			return nil, err
		}
		hashes := make([]tlog.Hash, len(list))
		for i, h := range list {
			hashes[i] = h
		}
		return hashes, nil
	})
}

// ErrNoCheckpoint is wrapped by the error of Find when there is none in a text.
var ErrNoCheckpoint = errors.New("no checkpoint")

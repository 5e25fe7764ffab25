package merkle

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/mod/sumdb/tlog"

	"shopwatch/storage"
	"shopwatch/tracker"
)

// A Finding is one thing that was verified, or could not be.
type Finding struct {
	Bad  bool   `json:"bad"`  // something is not what it was
	Text string `json:"text"` // one sentence
}

func good(format string, args ...any) Finding { return Finding{Text: fmt.Sprintf(format, args...)} }

func bad(format string, args ...any) Finding {
	return Finding{Bad: true, Text: fmt.Sprintf(format, args...)}
}

// mostNamed is how many changes findings name one by one.
const mostNamed = 10

// Audit reads a whole log, computes its tree anew, and compares it with the
// hashes that were kept and with checkpoints that others have. Each change is
// given to each, which may be nil.
func Audit(ctx context.Context, log storage.Log, marks []Checkpoint, each func(*tracker.Change)) ([]Finding, error) {
	tree, err := log.Tree(ctx)
	if err != nil {
		return nil, err
	}
	a := audit{log: log, tree: tree, roots: make(map[uint64]tlog.Hash)}
	for _, m := range marks {
		a.roots[m.Size] = tlog.Hash{}
	}
	if err := a.read(ctx, each); err != nil {
		return nil, err
	}
	a.compareTree(ctx)
	for _, m := range marks {
		a.compare(m)
	}
	if tree.Unwitnessed > 0 {
		a.found = append(a.found, good("Changes 1 to %d were in the log before it had checkpoints: that they are older is not verified.", tree.Unwitnessed))
	}
	return a.found, nil
}

type audit struct {
	log   storage.Log
	tree  storage.Tree
	full  []tlog.Hash // the complete subtrees up to the present change, largest first
	size  uint64
	roots map[uint64]tlog.Hash // at the lengths that are asked for
	found []Finding
	other int // altered changes that are not named
}

// read goes through the log.
func (a *audit) read(ctx context.Context, each func(*tracker.Change)) error {
	for {
		list, err := a.log.Changes(ctx, storage.Query{After: a.size, Limit: 1000})
		if err != nil {
			return err
		}
		if len(list) == 0 {
			return nil
		}
		indexes := make([]int64, len(list))
		for i := range list {
			indexes[i] = tlog.StoredHashIndex(0, int64(a.size)+int64(i))
		}
		kept, err := a.log.TreeHashes(ctx, indexes)
		if err != nil {
			return err
		}
		for i := range list {
			if err := a.add(&list[i], kept[i]); err != nil {
				return err
			}
			if each != nil {
				each(&list[i])
			}
		}
	}
}

// add takes in the next change.
func (a *audit) add(c *tracker.Change, kept tlog.Hash) error {
	if c.Seq != a.size+1 {
		return fmt.Errorf("change %d follows change %d", c.Seq, a.size)
	}
	record, err := Record(c)
	if err != nil {
		return err
	}
	leaf := tlog.RecordHash(record)
	if leaf != kept {
		if len(a.found) < mostNamed {
			a.found = append(a.found, bad("Change %d was altered: its content does not have the hash that was kept of it.", c.Seq))
		} else {
			a.other++
		}
	}
	a.full = append(a.full, leaf)
	for n := a.size; n&1 == 1; n >>= 1 {
		last := len(a.full) - 1
		a.full = append(a.full[:last-1], tlog.NodeHash(a.full[last-1], a.full[last]))
	}
	a.size++
	if _, asked := a.roots[a.size]; asked {
		a.roots[a.size] = a.root()
	}
	return nil
}

// root is the hash of the tree at the present length.
func (a *audit) root() tlog.Hash {
	h := a.full[len(a.full)-1]
	for i := len(a.full) - 2; i >= 0; i-- {
		h = tlog.NodeHash(a.full[i], h)
	}
	return h
}

// compareTree compares what was computed with the tree that was kept.
func (a *audit) compareTree(ctx context.Context) {
	if a.other > 0 {
		a.found = append(a.found, bad("So were %d more.", a.other))
	}
	if a.size == 0 {
		a.found = append(a.found, good("The log has no changes yet."))
		return
	}
	kept, err := tlog.TreeHash(int64(a.size), Reader(ctx, a.log))
	switch {
	case err != nil:
		a.found = append(a.found, bad("The tree of the log cannot be read: %v.", err))
	case kept == a.root():
		a.found = append(a.found, good("The tree over all %d changes, computed anew, is the one that was kept.", a.size))
	case len(a.found) == 0:
		a.found = append(a.found, bad("The tree that was kept is not that of the %d changes.", a.size))
	}
}

// compare compares the log with a checkpoint.
func (a *audit) compare(m Checkpoint) {
	key, err := Key(a.tree.Signer)
	if err == nil {
		err = m.Verify(key)
	}
	ours := err == nil
	switch {
	case !ours:
		a.found = append(a.found, bad("The checkpoint of %d changes is not signed by this log's key: it is of another log (%s), or was altered.", m.Size, m.Origin))
	case m.Size > a.size:
		a.found = append(a.found, bad("The log has only %d of the %d changes that the checkpoint speaks of: it was cut, or is an older backup; whether those %d are unaltered cannot be told from this checkpoint.", a.size, m.Size, a.size))
	case a.roots[m.Size] != m.Root:
		a.found = append(a.found, bad("The checkpoint of %d changes does not fit: at least one of changes 1 to %d is not what it was when the checkpoint was signed, or the log went on differently from an older backup.", m.Size, m.Size))
	default:
		a.found = append(a.found, good("The checkpoint of %d changes fits: changes 1 to %d are what they were when it was signed.", m.Size, m.Size))
	}
}

// A Proof shows that a change is in the log at the length of a checkpoint.
type Proof struct {
	Report     uint64      `json:"report,omitempty" doc:"the report in which the checkpoint stands; left out for the newest one"`
	Checkpoint string      `json:"checkpoint"`
	Hashes     []tlog.Hash `json:"hashes" doc:"base64, from the leaf upward"`
	// Stamps are what authorities said of the checkpoint.
	Stamps []storage.Stamp `json:"stamps,omitempty" doc:"timestamps of the checkpoint (RFC 3161)"`
}

// A StampedLog is a log with the stamps of its checkpoints.
type StampedLog interface {
	storage.Log
	Stamps(ctx context.Context, q storage.StampQuery) ([]storage.Stamp, error)
}

// mostStamps is how many stamps a witness has at most: those of a day.
const mostStamps = 4

// A Witness is what lets others check one change without the log.
type Witness struct {
	Seq    uint64  `json:"seq"`
	Record string  `json:"record" doc:"the bytes that the log's tree is made of"`
	Key    string  `json:"key" doc:"public key of the log"`
	Proofs []Proof `json:"proofs" doc:"for the checkpoints of the reports that told of the change, and for the newest one"`
}

// Testify makes the witness of a change for lengths of the log: those of
// reports, by their numbers, and the first that was stamped with the change in
// it. Lengths at which the change was not there are left out.
func Testify(ctx context.Context, log StampedLog, c *tracker.Change, reports []tracker.Report) (Witness, error) {
	record, err := Record(c)
	if err != nil {
		return Witness{}, err
	}
	w := Witness{Seq: c.Seq, Record: string(record)}
	tree, err := log.Tree(ctx)
	if err != nil {
		return w, err
	}
	prove := func(report, size uint64, stamps ...storage.Stamp) error {
		if size < c.Seq || size > tree.Size {
			return nil
		}
		mark, key, _, err := Sign(ctx, log, size)
		if err != nil {
			return err
		}
		hashes, err := tlog.ProveRecord(int64(size), int64(c.Seq)-1, Reader(ctx, log))
		w.Key = key
		w.Proofs = append(w.Proofs, Proof{report, mark.Text, hashes, stamps})
		return err
	}
	errs := []error{prove(0, tree.Size)}
	for i := range reports {
		errs = append(errs, prove(reports[i].ID, reports[i].Last))
	}
	stamps, err := log.Stamps(ctx, storage.StampQuery{From: c.Seq, Limit: mostStamps})
	errs = append(errs, err)
	for len(stamps) > 0 && stamps[len(stamps)-1].Size != stamps[0].Size {
		stamps = stamps[:len(stamps)-1]
	}
	if len(stamps) > 0 {
		errs = append(errs, prove(0, stamps[0].Size, stamps...))
	}
	return w, errors.Join(errs...)
}

// Audit checks a witness, also against checkpoints that others have.
func (w *Witness) Audit(marks []Checkpoint) []Finding {
	var found []Finding
	leaf := tlog.RecordHash([]byte(w.Record))
	sizes := make(map[uint64]Checkpoint)
	for _, p := range w.Proofs {
		list, _, err := Find(p.Checkpoint)
		if err != nil || len(list) != 1 || list[0].Text != p.Checkpoint {
			found = append(found, bad("A checkpoint in the file is malformed."))
			continue
		}
		m := list[0]
		if err := m.Verify(w.Key); err != nil {
			found = append(found, bad("The checkpoint of %d changes in the file is not signed by the key in it: %v.", m.Size, err))
			continue
		}
		if err := tlog.CheckRecord(p.Hashes, int64(m.Size), m.Root, int64(w.Seq)-1, leaf); err != nil {
			found = append(found, bad("Change %d is not as it is here in the log of %d changes: %v.", w.Seq, m.Size, err))
			continue
		}
		if told, again := sizes[m.Size]; again && told.Root == m.Root {
			continue // several channels were told at once
		}
		sizes[m.Size] = m
		found = append(found, good("Change %d is in the log of %d changes, unaltered.", w.Seq, m.Size))
	}
	for _, m := range marks {
		own, has := sizes[m.Size]
		switch {
		case m.Verify(w.Key) != nil:
			found = append(found, bad("The checkpoint of %d changes that you hold is not signed by the key in the file: it is of another log (%s), or was altered.", m.Size, m.Origin))
		case m.Size < w.Seq:
			found = append(found, good("The checkpoint of %d changes that you hold is older than change %d: it says nothing of it.", m.Size, w.Seq))
		case !has:
			found = append(found, bad("The file has no proof for the checkpoint of %d changes that you hold: compare it with the report that told of change %d, or with the database.", m.Size, w.Seq))
		case own.Root != m.Root:
			found = append(found, bad("The checkpoint of %d changes that you hold is another one than that in the file: the log was rewritten.", m.Size))
		default:
			found = append(found, good("The checkpoint of %d changes that you hold is the one in the file.", m.Size))
		}
	}
	return found
}

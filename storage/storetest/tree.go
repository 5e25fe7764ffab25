package storetest

import (
	"testing"
	"time"

	"shopwatch/storage/merkle"
)

// A checkpoint of every length stays the same whatever happens later, also when
// the store is closed and when it is put back from a backup.
func (e Engine) testTree(t *testing.T) {
	db := e.Open(t)
	if tree, err := db.Tree(ctx); tree.Size != 0 || tree.Unwitnessed != 0 || tree.Signer == "" || err != nil {
		t.Errorf("Tree of an empty log: %d changes, %d unwitnessed, error %v; want none, and a key", tree.Size, tree.Unwitnessed, err)
	}
	list := Products(3)
	Commit(t, db, Complete("tencent", Day, list...))
	var marks []merkle.Checkpoint
	sign := func(size uint64) merkle.Checkpoint {
		t.Helper()
		c, key, found, err := merkle.Sign(ctx, db, size)
		if err != nil || !found || c.Verify(key) != nil {
			t.Fatalf("checkpoint of %d changes: %v, found %v, signature %v", size, err, found, c.Verify(key))
		}
		return c
	}
	for n := range 11 {
		list[n%3].Price.Low += 100
		list = append(list, Product(20+n))
		Commit(t, db, Complete("tencent", Day.Add(time.Duration(n+1)*time.Hour), list...))
		marks = append(marks, sign(0))
		if e.Restart != nil && n%4 == 3 {
			db = e.Restart(t, db, n == 7)
		}
	}
	for _, m := range marks {
		if again := sign(m.Size); again.Text != m.Text {
			t.Errorf("the checkpoint of %d changes was\n%sand is\n%s", m.Size, m.Text, again.Text)
		}
	}
	found, err := merkle.Audit(ctx, db, marks, nil)
	for _, f := range found {
		if f.Bad {
			t.Errorf("Audit: %s", f.Text)
		}
	}
	if err != nil || len(found) != 1+len(marks) {
		t.Errorf("Audit = %v, %v", found, err)
	}
	if _, err := db.TreeHashes(ctx, []int64{0, 1 << 40}); err == nil {
		t.Error("a hash that is not there is read")
	}
	Sound(t, db)
}

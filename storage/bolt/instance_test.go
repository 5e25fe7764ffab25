package bolt_test

import (
	"path/filepath"
	"testing"

	"shopwatch/storage/bolt"
)

func TestInstanceStaysAndIsUnique(t *testing.T) {
	path := filepath.Join(t.TempDir(), "shopwatch.db")
	db, err := bolt.Open(path, bolt.Options{})
	if err != nil {
		t.Fatal(err)
	}
	first, err := db.Instance(ctx)
	if err != nil || len(first) < 20 {
		t.Fatalf("Instance = %q, %v, want a long name", first, err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if again, err := open(t, path).Instance(ctx); again != first || err != nil {
		t.Errorf("Instance of the file opened again = %q, %v, want %q", again, err, first)
	}
	if other, err := fresh(t).Instance(ctx); other == first || err != nil {
		t.Errorf("Instance of another file = %q, %v, want another one than %q", other, err, first)
	}
}

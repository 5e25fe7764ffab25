package bolt_test

import (
	"encoding/binary"
	"fmt"
	"maps"
	"slices"
	"testing"

	"go.etcd.io/bbolt"

	"shopwatch/storage"
	"shopwatch/storage/bolt"
)

type boltTx = bbolt.Tx

var queryAll = storage.Query{Limit: 1 << 30}

func be(n uint64) []byte { return binary.BigEndian.AppendUint64(nil, n) }

// dump is every key of the file with its value.
func dump(t testing.TB, db *bolt.DB) map[string]string {
	t.Helper()
	all := make(map[string]string)
	var walk func(path string, b *bbolt.Bucket) error
	walk = func(path string, b *bbolt.Bucket) error {
		return b.ForEach(func(k, v []byte) error {
			name := string(k)
			if slices.ContainsFunc(k, func(c byte) bool { return c < ' ' || c > '~' }) {
				name = fmt.Sprintf("%x", k)
			}
			if v == nil {
				return walk(path+"/"+name, b.Bucket(k))
			}
			all[path+"/"+name] = string(k) + string(v)
			return nil
		})
	}
	err := db.Bolt().View(func(tx *bbolt.Tx) error {
		return tx.ForEach(func(name []byte, b *bbolt.Bucket) error { return walk(string(name), b) })
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// written are the keys that are new or have new values.
func written(before, after map[string]string) []string {
	var keys []string
	for _, k := range slices.Sorted(maps.Keys(after)) {
		if v, ok := before[k]; !ok || v != after[k] {
			keys = append(keys, k)
		}
	}
	return keys
}

// newBytes is the length of the keys and values that are new.
func newBytes(before, after map[string]string) int {
	n := 0
	for _, k := range written(before, after) {
		n += len(after[k])
	}
	return n
}

package bolt

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"sync/atomic"
	"time"

	"go.etcd.io/bbolt"

	"shopwatch/storage"
	"shopwatch/tracker"
)

// The layout of the file. Numbers and times (milliseconds since 1970) are
// 8 bytes, big endian, so that cursors walk in order; a product's key in
// history ends with a zero byte because ids differ in length. " / " separates
// buckets and the last key.
//
//	meta        / file                => what the file is: sentinel, schema version
//	meta        / instance            => the name that tells the database from every other
//	storefronts / name                => baseline, episode state, parser version
//	shops       / name / index        => an identity that the storefront stated
//	catalogs    / name / product id   => the product, first seen, missing count, its last changes; written only when it changes
//	scans       / name / began        => verdict, reason, evidence
//	changes     / seq                 => the change log, without gaps from 1
//	tree        / seq                 => the hashes that the change completes in the log's Merkle tree
//	spans       / seq / spanLength    => earliest and latest time in that stretch of the log
//	logs        / name / seq          => time and kind: the changes of one storefront
//	history     / name / product id, 0, seq => nothing: the changes of one product that do not stand with it
//	missing     / name / product id   => nothing: what Suspects returns
//	absences    / name / product id, 0, began of the first scan that missed it => began of the scan that showed it again, 0 while none has
//	titles      / name / product id   => the titles with which the product stands in the log, folded, one a line
//	important   / seq                 => time and kind: the changes that a pattern marks
//	evidence    / file name           => time of the newest change that names the file
//	channels    / name                => number of the last change that is behind the channel, who left, since when it cannot be reached
//	reports     / id                  => channel, range, attempts, outcome
//	mailbox     / channel, 0, id      => nothing: the reports of one channel
//	waiting     / channel, 0, id      => nothing: those with deliveries to be sent
//	told        / seq, id             => nothing: the reports that tell of a change
//	stamps      / size, authority     => what a timestamp authority said of the checkpoint of that length
//	cooldowns   / marketplace         => walls in a row, until when it is left alone
var rootBuckets = []string{
	inMeta, inStorefronts, inShops, inCatalogs, inScans, inChanges, inTree, inSpans, inLogs, inHistory,
	inEvidence, inChannels, inReports, inMailbox, inWaiting, inTold, inCoolDowns,
	inMissing, inAbsences, inTitles, inImportant, inStamps,
}

// lateBuckets are those that a file of an earlier version lacks until it is
// upgraded, or until something is written there.
var lateBuckets = []string{inCoolDowns, inMissing, inAbsences, inTitles, inImportant, inStamps}

const (
	inMeta        = "meta"
	inStorefronts = "storefronts"
	inShops       = "shops"
	inCatalogs    = "catalogs"
	inScans       = "scans"
	inChanges     = "changes"
	inSpans       = "spans"
	inLogs        = "logs"
	inHistory     = "history"
	inEvidence    = "evidence"
	inTree        = "tree"
	inChannels    = "channels"
	inReports     = "reports"
	inMailbox     = "mailbox"
	inWaiting     = "waiting"
	inTold        = "told"
	inCoolDowns   = "cooldowns"
	inMissing     = "missing"
	inAbsences    = "absences"
	inTitles      = "titles"
	inImportant   = "important"
	inStamps      = "stamps"
)

// spanLength is how many changes one entry of spans covers.
const spanLength = 1024

// number is the key of a number.
func number(n uint64) []byte { return binary.BigEndian.AppendUint64(nil, n) }

// numberOf reads the number that a key ends with.
func numberOf(key []byte) uint64 {
	if len(key) < 8 {
		return 0
	}
	return binary.BigEndian.Uint64(key[len(key)-8:])
}

// timeKey is the key of a time. Times before 1970 have none.
func timeKey(t time.Time) []byte { return number(uint64(max(t.UnixMilli(), 0))) }

// under is the beginning of all keys of a composed index.
func under(s string) []byte { return append([]byte(s), 0) }

// underNumber is a key of a composed index.
func underNumber(s string, n uint64) []byte { return binary.BigEndian.AppendUint64(under(s), n) }

// A tx is a transaction.
type tx struct {
	*bbolt.Tx
	read *atomic.Int64 // bytes since memory was released last; nil when nobody counts
	// progress is told how far an upgrade has come; nil for nobody.
	progress func(done, total int)
}

// A bucket is a bbolt bucket whose values are sealed. Its Bucket is nil when
// it does not exist; reading from that finds nothing.
type bucket struct {
	*bbolt.Bucket
	path string
	seed uint32 // checksum of the path
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func newBucket(b *bbolt.Bucket, path string) bucket {
	return bucket{b, path, crc32.Checksum([]byte(path), castagnoli)}
}

// in returns one of the buckets at the root. One of lateBuckets may not exist.
func (t tx) in(name string) bucket { return newBucket(t.Bucket([]byte(name)), name) }

// of returns the bucket of a storefront.
func (t tx) of(name string, sf tracker.StorefrontName) bucket {
	path := name + "/" + string(sf)
	if root := t.Bucket([]byte(name)); root != nil && sf != "" {
		return newBucket(root.Bucket([]byte(sf)), path)
	}
	return newBucket(nil, path)
}

// make returns the bucket of a storefront, made if need be.
func (t tx) make(name string, sf tracker.StorefrontName) (bucket, error) {
	root := t.Bucket([]byte(name))
	if root == nil {
		return bucket{}, fmt.Errorf("bucket %s is missing: %w", name, storage.ErrDamaged)
	}
	b, err := root.CreateBucketIfNotExists([]byte(sf))
	return newBucket(b, name+"/"+string(sf)), err
}

// A sealed value is a version byte, the checksum (CRC32C, big endian) of the
// bucket's path, the key, the version byte and the payload, and the payload.
const (
	sealVersion = 1
	sealLength  = 5
)

func (b bucket) sum(key, payload []byte) uint32 {
	c := crc32.Update(b.seed, castagnoli, key)
	return crc32.Update(c, castagnoli, payload)
}

// put seals a payload and writes it.
func (b bucket) put(key, payload []byte) error {
	v := make([]byte, sealLength, sealLength+len(payload))
	v[0] = sealVersion
	binary.BigEndian.PutUint32(v[1:], b.sum(key, payload)^sealVersion)
	if err := b.Put(key, append(v, payload...)); err != nil {
		return fmt.Errorf("write %s: %w", b.name(key), err)
	}
	return nil
}

// get reads a payload, nil when there is no such key. It lives as long as the
// transaction.
func (b bucket) get(key []byte) ([]byte, error) {
	if b.Bucket == nil || len(key) == 0 {
		return nil, nil
	}
	v := b.Get(key)
	if v == nil {
		return nil, nil
	}
	return b.open(key, v)
}

// open checks a sealed value.
func (b bucket) open(key, v []byte) ([]byte, error) {
	switch {
	case len(v) < sealLength:
		return nil, b.damaged(key, errors.New("too short"))
	case b.sum(key, v[sealLength:])^uint32(v[0]) != binary.BigEndian.Uint32(v[1:]):
		return nil, b.damaged(key, errors.New("wrong checksum"))
	case v[0] != sealVersion:
		return nil, fmt.Errorf("%s has version %d, which this shopwatch does not know", b.name(key), v[0])
	}
	return v[sealLength:], nil
}

// next checks the next value of a walk: also that its key comes after the one
// before, which a damaged page can get wrong.
func (b bucket) next(before, key, v []byte) ([]byte, error) {
	if bytes.Compare(before, key) >= 0 {
		return nil, b.damaged(key, errors.New("out of order"))
	}
	return b.open(key, v)
}

func (b bucket) damaged(key []byte, err error) error {
	return fmt.Errorf("%s is %w (%w)", b.name(key), storage.ErrDamaged, err)
}

// name is how errors and people name a key.
func (b bucket) name(key []byte) string {
	printable := len(key) > 0
	for _, c := range key {
		printable = printable && c > ' ' && c < 0x7f
	}
	switch {
	case printable:
		return fmt.Sprintf("%s/%s", b.path, key)
	case len(key) == 8:
		return fmt.Sprintf("%s/%d", b.path, numberOf(key))
	}
	return fmt.Sprintf("%s/%q", b.path, key)
}

// cursor walks the bucket; nil when it does not exist.
func (b bucket) cursor() *bbolt.Cursor {
	if b.Bucket == nil {
		return nil
	}
	return b.Cursor()
}

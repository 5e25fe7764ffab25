package bolt

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"os"

	"shopwatch/storage"
)

// What must be known of bbolt's file format (version 2) to refuse a file that
// would crash it. A page begins with its id (8 bytes), flags (2), count (2)
// and the number of pages that it runs on for (4), in the byte order of the
// machine; the first two pages hold a meta each, of which the newer valid one
// counts.
const (
	pageHeader  = 16
	metaLength  = 64
	boltMagic   = 0xED0CDAED
	boltVersion = 2

	isMeta     = 0x04
	isFreelist = 0x10
)

// native is the byte order that bbolt writes in: the machine's.
var native = binary.NativeEndian

type boltMeta struct {
	pageSize             int64
	root, freelist, next uint64 // pages; next is the first that was never used
	txid                 uint64
}

// recognise says why a file cannot be opened as a bbolt file: it is empty,
// foreign, cut short, or its first pages or free list make no sense.
func recognise(f *os.File) error {
	st, err := f.Stat()
	switch {
	case err != nil:
		return err
	case !st.Mode().IsRegular():
		return errors.New("is not a file")
	case st.Size() == 0:
		return fmt.Errorf("is an empty file, not a shopwatch database (%w); %s", storage.ErrDamaged, "if it is new, delete it")
	}
	m, err := readMeta(f, st.Size())
	if err != nil {
		return err
	}
	if need := int64(m.next) * m.pageSize; st.Size() < need {
		return fmt.Errorf("is %w: cut short, %d bytes instead of %d", storage.ErrDamaged, st.Size(), need)
	}
	if m.root < 2 || m.root >= m.next || m.freelist < 2 || m.freelist >= m.next {
		return fmt.Errorf("is %w: its first pages name pages that do not exist", storage.ErrDamaged)
	}
	if err := readFreelist(f, m); err != nil {
		return fmt.Errorf("is %w: list of free pages: %w", storage.ErrDamaged, err)
	}
	return nil
}

// readMeta finds the newer valid meta.
func readMeta(f io.ReaderAt, size int64) (boltMeta, error) {
	var best boltMeta
	found, ours := false, false
	head := make([]byte, pageHeader+metaLength)
	try := func(at int64) {
		if n, _ := f.ReadAt(head, at); n < len(head) {
			return
		}
		m := head[pageHeader:]
		if native.Uint32(m) != boltMagic {
			return
		}
		ours = true
		h := fnv.New64a()
		h.Write(m[:56])
		if native.Uint64(m[56:]) != h.Sum64() || native.Uint32(m[4:]) != boltVersion {
			return
		}
		b := boltMeta{
			pageSize: int64(native.Uint32(m[8:])), root: native.Uint64(m[16:]),
			freelist: native.Uint64(m[32:]), next: native.Uint64(m[40:]), txid: native.Uint64(m[48:]),
		}
		if b.pageSize >= 512 && (!found || b.txid > best.txid) {
			best, found = b, true
		}
	}
	try(0)
	for at := int64(1024); at <= 1<<16 && at < size; at *= 2 {
		try(at) // the second page, of whatever size
	}
	switch {
	case found:
		return best, nil
	case ours:
		return best, fmt.Errorf("is %w: neither of its first two pages is whole", storage.ErrDamaged)
	case blank(f):
		return best, fmt.Errorf("is %w: its beginning is all zeros", storage.ErrDamaged)
	}
	return best, fmt.Errorf("is %w", ErrForeign)
}

func blank(f io.ReaderAt) bool {
	b := make([]byte, 4096)
	n, _ := f.ReadAt(b, 0)
	return len(bytes.Trim(b[:n], "\x00")) == 0
}

// readFreelist looks whether bbolt can load the list of free pages.
func readFreelist(f io.ReaderAt, m boltMeta) error {
	at := int64(m.freelist) * m.pageSize
	head := make([]byte, pageHeader+8)
	if _, err := f.ReadAt(head, at); err != nil {
		return err
	}
	count, skip := uint64(native.Uint16(head[10:])), int64(pageHeader)
	if count == 0xFFFF {
		count, skip = native.Uint64(head[pageHeader:]), pageHeader+8
	}
	pages := uint64(native.Uint32(head[12:])) + 1
	switch {
	case native.Uint64(head) != m.freelist:
		return fmt.Errorf("page %d calls itself %d", m.freelist, native.Uint64(head))
	case native.Uint16(head[8:]) != isFreelist:
		return fmt.Errorf("page %d is of another kind", m.freelist)
	case m.freelist+pages > m.next, count > uint64(pages)*uint64(m.pageSize)/8:
		return fmt.Errorf("page %d says that it is longer than the file", m.freelist)
	}
	ids := make([]byte, count*8)
	if _, err := f.ReadAt(ids, at+skip); err != nil {
		return err
	}
	last := uint64(1)
	for ; len(ids) > 0; ids = ids[8:] {
		id := native.Uint64(ids)
		if id <= last || id >= m.next {
			return fmt.Errorf("page %d is no free page", id)
		}
		last = id
	}
	return nil
}

// A tree is a walk over all pages of a file, without trust in any of them:
// bbolt itself runs in circles or out of memory on pages that name each other.
type tree struct {
	f       io.ReaderAt
	m       boltMeta
	used    []bool
	content int64 // bytes of elements in pages that are used
}

const (
	isBranch      = 0x01
	isLeaf        = 0x02
	elementLength = 16
	bucketElement = 0x01
	bucketLength  = 16 // root page and sequence
	maxDepth      = 64
)

// checkTree verifies the pages of a file: each is reached once or free, names
// itself, keeps within its bounds, and has its keys in order. It returns how many
// bytes of them are in use.
func checkTree(f *os.File) (content int64, err error) {
	st, err := f.Stat()
	if err != nil {
		return 0, err
	}
	m, err := readMeta(f, st.Size())
	if err != nil {
		return 0, err
	}
	t := tree{f: f, m: m, used: make([]bool, m.next)}
	t.used[0], t.used[1] = true, true
	if err := t.page(m.root, nil, nil, 0); err != nil {
		return 0, fmt.Errorf("%w: %w", storage.ErrDamaged, err)
	}
	if err := t.free(); err != nil {
		return 0, fmt.Errorf("%w: %w", storage.ErrDamaged, err)
	}
	return t.content, nil
}

// read takes a page with those that it runs on for, as used.
func (t *tree) read(id uint64) ([]byte, error) {
	var head [pageHeader]byte
	if id < 2 || id >= t.m.next {
		return nil, fmt.Errorf("page %d does not exist", id)
	}
	if _, err := t.f.ReadAt(head[:], int64(id)*t.m.pageSize); err != nil {
		return nil, fmt.Errorf("page %d: %w", id, err)
	}
	more := uint64(native.Uint32(head[12:]))
	if native.Uint64(head[:]) != id || id+more >= t.m.next {
		return nil, fmt.Errorf("page %d is not what it should be", id)
	}
	for i := id; i <= id+more; i++ {
		if t.used[i] {
			return nil, fmt.Errorf("page %d is used twice", i)
		}
		t.used[i] = true
	}
	p := make([]byte, int64(more+1)*t.m.pageSize)
	if _, err := t.f.ReadAt(p, int64(id)*t.m.pageSize); err != nil {
		return nil, fmt.Errorf("page %d: %w", id, err)
	}
	return p, nil
}

// page walks a page and all below it, whose keys are at least low and less
// than high (nil for no bound).
func (t *tree) page(id uint64, low, high []byte, depth int) error {
	p, err := t.read(id)
	if err != nil {
		return err
	}
	if depth > maxDepth {
		return fmt.Errorf("page %d is too deep", id)
	}
	used, err := t.elements(p, low, high, depth)
	if err != nil {
		return fmt.Errorf("page %d: %w", id, err)
	}
	if int64(len(p)) > t.m.pageSize {
		used = int64(len(p)) // it runs on for one great value, and has no room for others
	}
	t.content += used
	return nil
}

// elements walks the elements of a page and returns how many bytes they have.
func (t *tree) elements(p, low, high []byte, depth int) (used int64, err error) {
	kind, count := native.Uint16(p[8:]), int(native.Uint16(p[10:]))
	if kind != isBranch && kind != isLeaf {
		return 0, errors.New("is of another kind")
	}
	if pageHeader+count*elementLength > len(p) {
		return 0, errors.New("has more elements than it can hold")
	}
	var before []byte
	for i := range count {
		e := p[pageHeader+i*elementLength:]
		pos, ksize, vsize := native.Uint32(e), native.Uint32(e[4:]), uint32(0)
		if kind == isLeaf {
			pos, ksize, vsize = native.Uint32(e[4:]), native.Uint32(e[8:]), native.Uint32(e[12:])
		}
		if uint64(pos)+uint64(ksize)+uint64(vsize) > uint64(len(e)) || ksize == 0 && (kind == isLeaf || i > 0) {
			return 0, fmt.Errorf("element %d lies outside", i)
		}
		used += elementLength + int64(ksize) + int64(vsize)
		key := e[pos : pos+ksize]
		if i > 0 && bytes.Compare(before, key) >= 0 || low != nil && bytes.Compare(key, low) < 0 || high != nil && bytes.Compare(key, high) >= 0 {
			return 0, fmt.Errorf("element %d is out of order", i)
		}
		before = key
		if kind == isBranch {
			next := high
			if i+1 < count {
				n := e[elementLength:]
				at, size := uint64(native.Uint32(n)), uint64(native.Uint32(n[4:]))
				if at+size > uint64(len(n)) {
					return 0, fmt.Errorf("element %d lies outside", i+1)
				}
				next = n[at : at+size]
			}
			if err := t.page(native.Uint64(e[8:]), key, next, depth+1); err != nil {
				return 0, err
			}
		} else if flags := native.Uint32(e); flags > bucketElement {
			return 0, fmt.Errorf("element %d is of another kind", i)
		} else if flags == bucketElement {
			if err := t.bucket(e[pos+ksize:pos+ksize+vsize], depth); err != nil {
				return 0, fmt.Errorf("bucket %q: %w", key, err)
			}
		}
	}
	return used, nil
}

// bucket walks a bucket within another, which a small one lies in itself.
func (t *tree) bucket(v []byte, depth int) error {
	if len(v) < bucketLength {
		return errors.New("too short")
	}
	if root := native.Uint64(v); root != 0 {
		return t.page(root, nil, nil, depth+1)
	}
	if v = v[bucketLength:]; len(v) < pageHeader || native.Uint64(v) != 0 || native.Uint16(v[8:]) != isLeaf || native.Uint32(v[12:]) != 0 {
		return errors.New("has no page")
	}
	_, err := t.elements(v, nil, nil, depth+1) // which are counted with the element
	return err
}

// free verifies that the pages that are not used are free, and no others.
func (t *tree) free() error {
	if err := readFreelist(t.f, t.m); err != nil {
		return err
	}
	list, err := t.read(t.m.freelist)
	if err != nil {
		return err
	}
	count, ids := int(native.Uint16(list[10:])), list[pageHeader:]
	if count == 0xFFFF {
		count, ids = int(native.Uint64(ids)), ids[8:]
	}
	for i := range count {
		id := native.Uint64(ids[i*8:])
		if t.used[id] {
			return fmt.Errorf("page %d is used and free", id)
		}
		t.used[id] = true
	}
	for id, used := range t.used {
		if !used {
			return fmt.Errorf("page %d is neither used nor free", id)
		}
	}
	return nil
}

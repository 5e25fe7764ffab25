package bolt

import (
	"encoding/binary"
	"encoding/json"
	"errors"

	"shopwatch/storage"
	"shopwatch/tracker"
)

// An itemValue is stored behind a header that a walk of the catalog reads
// without decoding: flags (1 byte), the fingerprint, or when it was removed (8 bytes,
// big endian; files of schema 1 have 0 for the latter), and with flagChanged
// the numbers of the product's last changes: how many (1 byte), the first, and
// of each further one how much greater it is (uvarints).
type itemValue struct {
	productValue
	FirstSeen int64             `json:"f"`
	LastSeen  int64             `json:"s,omitempty"`
	Missing   int               `json:"m,omitempty"`
	Removed   int64             `json:"r,omitempty"`
	Pending   *priceValue       `json:"w,omitempty"`
	NewTitle  string            `json:"wt,omitempty"`
	Probe     *probeValue       `json:"q,omitempty"`
	Look      tracker.ImageHash `json:"k,omitempty"`
	ByName    bool              `json:"n,omitempty"`
	Former    bool              `json:"fo,omitempty"`
}

const (
	itemHeader  = 9
	flagRemoved = 1 << 0
	flagMissing = 1 << 1
	flagChanged = 1 << 2
)

// encodeItem encodes an item with the numbers of its last changes, which
// increase and are at most 255.
func encodeItem(it *tracker.Item, changes []uint64) ([]byte, error) {
	v := itemValue{
		productValue: *newProduct(&it.Product),
		FirstSeen:    storage.Millis(it.FirstSeen), LastSeen: storage.Millis(it.LastSeen), Missing: it.Missing, Removed: storage.Millis(it.Removed),
		Pending: newPrice(it.Pending), NewTitle: it.PendingTitle, Probe: newProbe(it.Probe), Look: it.ImageHash, ByName: it.ByName, Former: it.Former,
	}
	v.ID = "" // the key
	b, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	e := tracker.EntryOf(it)
	h := append(make([]byte, 0, itemHeader+1+10*len(changes)+len(b)), 0) // the flags
	if e.Removed {
		h[0] |= flagRemoved
	} else if it.Missing > 0 {
		h[0] |= flagMissing
	}
	fingerprint := uint64(e.Fingerprint)
	if e.Removed {
		fingerprint = uint64(storage.Millis(e.Gone))
	}
	h = binary.BigEndian.AppendUint64(h, fingerprint)
	if len(changes) > 0 {
		h[0] |= flagChanged
		h = append(h, byte(len(changes)))
		before := uint64(0)
		for _, seq := range changes {
			h = binary.AppendUvarint(h, seq-before)
			before = seq
		}
	}
	return append(h, b...), nil
}

// splitItem reads the numbers of an item's last changes and returns what
// follows them.
func splitItem(p []byte) (changes []uint64, rest []byte, err error) {
	if len(p) < itemHeader {
		return nil, nil, errors.New("too short")
	}
	rest = p[itemHeader:]
	if p[0]&flagChanged == 0 {
		return nil, rest, nil
	}
	if len(rest) == 0 {
		return nil, nil, errors.New("too short")
	}
	changes, rest = make([]uint64, rest[0]), rest[1:]
	before := uint64(0)
	for i := range changes {
		more, n := binary.Uvarint(rest)
		if n <= 0 || more == 0 {
			return nil, nil, errors.New("its last changes make no sense")
		}
		before, rest = before+more, rest[n:]
		changes[i] = before
	}
	return changes, rest, nil
}

func decodeItem(id tracker.ProductID, p []byte) (tracker.Item, error) {
	_, rest, err := splitItem(p)
	if err != nil {
		return tracker.Item{}, err
	}
	var v itemValue
	if err := json.Unmarshal(rest, &v); err != nil {
		return tracker.Item{}, err
	}
	v.ID = id
	return tracker.Item{
		Product:   *v.product(),
		FirstSeen: storage.FromMillis(v.FirstSeen), LastSeen: storage.FromMillis(v.LastSeen), Missing: v.Missing, Removed: storage.FromMillis(v.Removed),
		Pending: v.Pending.price(), PendingTitle: v.NewTitle, Probe: v.Probe.probe(id), ImageHash: v.Look, ByName: v.ByName, Former: v.Former,
	}, nil
}

// decodeEntry reads the header of an item, all but its id.
func decodeEntry(p []byte) (e tracker.Entry, missing bool, err error) {
	if len(p) < itemHeader {
		return e, false, errors.New("too short")
	}
	fingerprint := binary.BigEndian.Uint64(p[1:])
	if p[0]&flagRemoved != 0 {
		e.Removed, e.Gone = true, storage.FromMillis(int64(fingerprint))
	} else {
		e.Fingerprint = tracker.Fingerprint(fingerprint)
	}
	return e, p[0]&flagMissing != 0, nil
}

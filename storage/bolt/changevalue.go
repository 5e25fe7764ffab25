package bolt

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"time"

	"shopwatch/storage"
	"shopwatch/tracker"
)

// A changeValue is stored behind a header that a walk of the log reads
// without decoding: the time (8 bytes, big endian) and the kind's code
// (1 byte).
type changeValue struct {
	Kind       tracker.Kind           `json:"k"`
	Storefront tracker.StorefrontName `json:"n"`
	Scan       int64                  `json:"sc,omitempty"`
	Product    *productValue          `json:"p,omitempty"`
	Before     *beforeValue           `json:"b,omitempty"`
	Proof      tracker.Proof          `json:"o,omitempty"`
	Probe      *probeValue            `json:"q,omitempty"`
	Missing    int                    `json:"m,omitempty"`
	Away       int64                  `json:"aw,omitempty"` // ms
	Reason     string                 `json:"r,omitempty"`
	Verdict    tracker.Verdict        `json:"v,omitempty"`
	SameAs     *tracker.SameAs        `json:"sa,omitempty"`
	Important  string                 `json:"im,omitempty"`
	Ignored    bool                   `json:"ig,omitempty"`
	Corrects   uint64                 `json:"co,omitempty"`
	Pictures   tracker.Evidenced      `json:"pi,omitzero"`
}

const changeHeader = 9

// kindCodes never change; a kind without one is 0.
var kindCodes = map[tracker.Kind]byte{
	tracker.Added: 1, tracker.Removed: 2, tracker.Relisted: 3, tracker.Repriced: 4, tracker.Retitled: 5,
	tracker.Repictured: 6, tracker.Stalled: 7, tracker.Recovered: 8, tracker.Closed: 9, tracker.Corrected: 10, tracker.Soldout: 11, tracker.Restocked: 12,
}

// headOf is the header of a change, which is also its entry in logs.
func headOf(c *tracker.Change) []byte {
	return append(number(uint64(max(storage.Millis(c.At), 0))), kindCodes[c.Kind])
}

// encodeChange encodes a change, and returns it as decodeChange would read it
// back.
func encodeChange(c *tracker.Change) (p []byte, kept tracker.Change, err error) {
	v := changeValue{
		Kind: c.Kind, Storefront: c.Storefront, Scan: storage.Millis(c.Scan), Product: newProduct(c.Product), Before: newBefore(c.Before, c.Product),
		Proof: c.Proof, Probe: newProbe(c.Probe), Missing: c.Missing, Away: c.Away.Milliseconds(), Reason: c.Reason,
		Verdict: c.Verdict, SameAs: c.SameAs, Important: c.Important, Ignored: c.Ignored, Corrects: c.Corrects, Pictures: c.Pictures,
	}
	b, err := json.Marshal(v)
	if err != nil {
		return nil, kept, err
	}
	p = append(headOf(c), b...)
	if bytes.Contains(b, []byte(`\ufffd`)) { // which stands for bytes that are no text
		kept, err = decodeChange(c.Seq, p)
		return p, kept, err
	}
	return p, v.change(c.Seq, p), nil
}

func decodeChange(seq uint64, p []byte) (tracker.Change, error) {
	if len(p) < changeHeader {
		return tracker.Change{}, errors.New("too short")
	}
	var v changeValue
	if err := json.Unmarshal(p[changeHeader:], &v); err != nil {
		return tracker.Change{}, err
	}
	return v.change(seq, p), nil
}

func (v *changeValue) change(seq uint64, head []byte) tracker.Change {
	c := tracker.Change{
		Seq: seq, Kind: v.Kind, Storefront: v.Storefront, At: storage.FromMillis(int64(binary.BigEndian.Uint64(head))), Scan: storage.FromMillis(v.Scan),
		Product: v.Product.product(), Proof: v.Proof, Missing: v.Missing,
		Away: time.Duration(v.Away) * time.Millisecond, Reason: v.Reason, Verdict: v.Verdict, SameAs: v.SameAs,
		Important: v.Important, Ignored: v.Ignored, Corrects: v.Corrects, Pictures: v.Pictures,
	}
	c.Before = v.Before.product(c.Product)
	if c.Product != nil {
		c.Probe = v.Probe.probe(c.Product.ID)
	}
	return c
}

// kindOf is the kind of a code.
func kindOf(code byte) tracker.Kind {
	for k, c := range kindCodes {
		if c == code {
			return k
		}
	}
	return ""
}

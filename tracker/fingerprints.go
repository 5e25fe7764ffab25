package tracker

// fingerprintIndex say where in a scan a product is, by its fingerprint. They are a hash table
// of their own because fingerprints are hashes: with a map a scan in which little
// changed took a third longer.
type fingerprintIndex struct {
	prints []Fingerprint // of the products, in their order
	slots  []uint32      // places, counted from 1; 0 is an empty slot
}

// fingerprintsOf fingerprints products, whose pages are found by names or by
// numbers. index must follow before find.
func fingerprintsOf(list []Product, byName bool) *fingerprintIndex {
	p := &fingerprintIndex{prints: make([]Fingerprint, len(list))}
	for i := range list {
		p.prints[i] = list[i].print(byName)
	}
	return p
}

// index makes find work.
func (p *fingerprintIndex) index() {
	size := 4
	for size < 2*len(p.prints) {
		size *= 2
	}
	p.slots = make([]uint32, size)
	for i, m := range p.prints {
		*p.slot(m) = uint32(i) + 1
	}
}

// slot is where the place of a fingerprint stands or should stand.
func (p *fingerprintIndex) slot(m Fingerprint) *uint32 {
	last := len(p.slots) - 1
	for at := int(m) & last; ; at = (at + 1) & last {
		if i := p.slots[at]; i == 0 || p.prints[i-1] == m {
			return &p.slots[at]
		}
	}
}

// find returns the last place of a fingerprint.
func (p *fingerprintIndex) find(m Fingerprint) (int, bool) {
	i := *p.slot(m)
	return int(i) - 1, i > 0
}

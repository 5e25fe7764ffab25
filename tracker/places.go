package tracker

// places say where in a scan a product is, by its mark. They are a hash table
// of their own because marks are hashes: with a map a scan in which little
// changed took a third longer.
type places struct {
	marks []Mark   // of the products, in their order
	slots []uint32 // places, counted from 1; 0 is an empty slot
}

// placesOf marks products. index must follow before find.
func placesOf(list []Product) *places {
	p := &places{marks: make([]Mark, len(list))}
	for i := range list {
		p.marks[i] = list[i].Mark()
	}
	return p
}

// index makes find work.
func (p *places) index() {
	size := 4
	for size < 2*len(p.marks) {
		size *= 2
	}
	p.slots = make([]uint32, size)
	for i, m := range p.marks {
		*p.slot(m) = uint32(i) + 1
	}
}

// slot is where the place of a mark stands or should stand.
func (p *places) slot(m Mark) *uint32 {
	last := len(p.slots) - 1
	for at := int(m) & last; ; at = (at + 1) & last {
		if i := p.slots[at]; i == 0 || p.marks[i-1] == m {
			return &p.slots[at]
		}
	}
}

// find returns the last place of a mark.
func (p *places) find(m Mark) (int, bool) {
	i := *p.slot(m)
	return int(i) - 1, i > 0
}

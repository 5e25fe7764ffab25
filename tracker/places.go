package tracker

// places say where in a scan a product is, by its id, and what its mark is. It
// is a hash table of its own because marks hash the ids anyway: with a map a
// scan in which little changed took a third longer.
type places struct {
	products []Product
	ids      []mix // of the products
	marks    []Mark
	slots    []uint32 // places, counted from 1; 0 is an empty slot
}

// placesOf marks products, so that all but find and last can be asked.
func placesOf(list []Product) *places {
	p := &places{products: list, ids: make([]mix, len(list)), marks: make([]Mark, len(list))}
	for i := range list {
		p.ids[i] = list[i].ID.mix()
		p.marks[i] = list[i].markAfter(p.ids[i])
	}
	return p
}

// index makes find and last work.
func (p *places) index() {
	size := 4
	for size < 2*len(p.products) {
		size *= 2
	}
	p.slots = make([]uint32, size)
	for i := range p.products {
		*p.slot(p.ids[i], p.products[i].ID) = uint32(i) + 1
	}
}

// slot is where the place of an id stands or should stand.
func (p *places) slot(h mix, id ProductID) *uint32 {
	least := len(p.slots) - 1
	for at := int(h) & least; ; at = (at + 1) & least {
		i := p.slots[at]
		if i == 0 || p.ids[i-1] == h && p.products[i-1].ID == id {
			return &p.slots[at]
		}
	}
}

// find returns the last place of a product.
func (p *places) find(id ProductID) (int, bool) {
	i := *p.slot(id.mix(), id)
	return int(i) - 1, i > 0
}

// last reports whether a place is the last one of its product.
func (p *places) last(i int) bool { return *p.slot(p.ids[i], p.products[i].ID) == uint32(i)+1 }

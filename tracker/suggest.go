package tracker

import (
	"cmp"
	"regexp"
	"slices"
	"strings"
	"unicode"
)

// A Suggestion is products of several storefronts that are probably the same
// thing.
type Suggestion struct {
	// Group is the configured group that lacks the products; empty when they
	// make a new one.
	Group      string       `json:"group,omitempty"`
	Name       string       `json:"name"` // that of the group, or one for a new group: letters, digits and -
	Products   []ProductKey `json:"products"`
	Titles     []string     `json:"titles"` // of the products, in their order
	Confidence float64      `json:"confidence"`
	Because    []string     `json:"because"` // of "number", "picture", "title"
}

// mostTitle is how much of a title is compared, in bytes.
const mostTitle = 600

// leastSure is how sure a suggestion must be.
const leastSure = 0.85

// SuggestGroups finds products of unlike storefronts that are probably the same
// thing, by their titles, by the numbers of models in these, and by their
// pictures; the surest first. Two that name unlike models or unlike amounts are
// never the same, however alike they look. What is in a group already is no
// suggestion, and each storefront has one product of a thing at most.
func SuggestGroups(offers []Offer, groups []Group) []Suggestion {
	s := newSuggester(offers)
	clusters := s.clusters(groups)
	pairs := s.pairs()
	slices.SortStableFunc(pairs, func(a, b pair) int { return -cmp.Compare(a.sure, b.sure) })
	for _, p := range pairs {
		a, b := s.of[p.a], s.of[p.b]
		if a.group != nil {
			a, b = b, a
		}
		if a == b || a.group != nil || s.meet(a, b) {
			continue
		}
		b.take(a, p)
		for _, i := range a.places {
			s.of[i] = b
		}
		a.places, a.because = nil, nil
	}
	var list []Suggestion
	for _, c := range clusters {
		if c.because != nil {
			list = append(list, s.suggestion(c))
		}
	}
	slices.SortStableFunc(list, func(a, b Suggestion) int { return -cmp.Compare(a.Confidence, b.Confidence) })
	return list
}

// A cluster is products that belong together.
type cluster struct {
	group   *Group // that it was; nil for none
	places  []int
	sure    float64
	because []string // nil until some product was found to be the same
}

// clusters puts every product into the cluster of its group, or into one of its
// own.
func (s *suggester) clusters(groups []Group) []*cluster {
	var all []*cluster
	known := make(map[ProductKey]*cluster)
	for i := range groups {
		c := &cluster{group: &groups[i], sure: 1}
		all = append(all, c)
		for _, k := range groups[i].Products {
			known[k] = c
		}
	}
	for i := range s.seen {
		c := known[s.seen[i].key]
		if c == nil {
			c = &cluster{sure: 1}
			all = append(all, c)
		}
		c.places = append(c.places, i)
		s.of = append(s.of, c)
	}
	return all
}

// take takes another cluster in, because of a pair.
func (c *cluster) take(other *cluster, p pair) {
	c.places = append(c.places, other.places...)
	c.sure = min(c.sure, other.sure, p.sure)
	c.because = slices.Concat(c.because, other.because, p.because)
	slices.Sort(c.because)
	c.because = slices.Compact(c.because)
}

// meet reports whether two clusters have a storefront in common.
func (s *suggester) meet(a, b *cluster) bool {
	has := make(map[StorefrontName]bool)
	for _, i := range a.places {
		has[s.seen[i].key.Storefront] = true
	}
	if b.group != nil {
		for _, k := range b.group.Products {
			if has[k.Storefront] {
				return true
			}
		}
	}
	return slices.ContainsFunc(b.places, func(i int) bool { return has[s.seen[i].key.Storefront] })
}

func (s *suggester) suggestion(c *cluster) Suggestion {
	g := Suggestion{Confidence: c.sure, Because: c.because}
	slices.SortFunc(c.places, func(i, j int) int {
		a, b := &s.seen[i], &s.seen[j]
		return cmp.Or(cmp.Compare(a.key.Storefront, b.key.Storefront), cmp.Compare(a.key.ID, b.key.ID))
	})
	g.Name = nameOf(&s.seen[c.places[0]])
	if c.group != nil {
		g.Group, g.Name = c.group.Name, c.group.Name
	}
	for _, i := range c.places {
		p := &s.seen[i]
		if c.group == nil || !slices.Contains(c.group.Products, p.key) {
			g.Products, g.Titles = append(g.Products, p.key), append(g.Titles, p.title)
		}
	}
	return g
}

// nameOf makes the name of a group of one of its products: its model number, or
// the first letters of its title, or its own number where the title has none
// that a name may have.
func nameOf(p *suggested) string {
	for _, text := range append(slices.Clone(p.models), p.title, string(p.key.ID)) {
		var b strings.Builder
		for _, r := range strings.ToLower(text) {
			switch {
			case r >= 'a' && r <= 'z' || r >= '0' && r <= '9':
				b.WriteRune(r)
			case b.Len() > 0 && !strings.HasSuffix(b.String(), "-"):
				b.WriteByte('-')
			}
			if b.Len() >= 32 {
				break
			}
		}
		if name := strings.Trim(b.String(), "-"); len(name) >= 3 {
			return name
		}
	}
	return "group"
}

// A suggester knows the products that are compared.
type suggester struct {
	seen []suggested
	of   []*cluster // of the products, in their order
}

// A suggested is a product with what it is compared by.
type suggested struct {
	key     ProductKey
	title   string
	plain   string
	parts   []string            // words, and pairs of characters where a language has no spaces
	models  []string            // numbers of models and trade items in the title
	amounts map[string][]string // by unit; "" for numbers without one
	picture ImageHash
}

func newSuggester(offers []Offer) *suggester {
	s := &suggester{}
	for i := range offers {
		o := &offers[i]
		if !o.Item.Listed() {
			continue
		}
		p := suggested{
			key: ProductKey{o.Storefront, o.Item.ID}, title: o.Item.Title, plain: plain(o.Item.Title),
			picture: o.Item.ImageHash, amounts: make(map[string][]string),
		}
		for _, w := range words(o.Item.Title[:min(len(o.Item.Title), mostTitle)]) {
			if m := amountForm.FindStringSubmatch(w); m != nil {
				p.amounts[m[2]] = append(p.amounts[m[2]], m[1])
			} else if isModel(w) {
				p.models = append(p.models, strings.ReplaceAll(w, "-", ""))
				continue
			}
			p.parts = append(p.parts, partsOf(w)...)
		}
		slices.Sort(p.parts)
		p.parts = slices.Compact(p.parts)
		s.seen = append(s.seen, p)
	}
	return s
}

var (
	// amountForm is a number, or one with a unit, which says how much of a
	// thing there is.
	amountForm = regexp.MustCompile(`^(\d{1,7}(?:[.,]\d+)?)(|ml|cl|l|g|kg|mg|oz|lb|mm|cm|m|in|inch|pcs|pc|pack|stk|stück|w|kw|v|mah|hz|gb|tb|mb|p|k|mp|` + units + `)$`)
	// standards are words with digits that many things share.
	standards = regexp.MustCompile(`^(wi-?fi\d.*|usb-?\d.*|mp[34]|ipx?\d+|h26[45]|bluetooth-?\d.*|bt\d.*|ddr\d|hdmi\d.*|type-?c|\d+[dgk]|v\d)$`)
	unitForm  = regexp.MustCompile(`^(?:` + units + `)`)
)

// units are those that follow a number without a space in Chinese.
const units = `毫升|千克|公斤|英寸|片|支|只|个|盒|瓶|包|件|寸|升|克|斤|条|袋|粒`

// words are the words of a title in lower case. A hyphen between letters or
// digits is part of a word, and so are a point and a comma between digits.
func words(title string) []string {
	var list []string
	var word []rune
	end := func() {
		if w := strings.Trim(string(word), "-.,"); w != "" {
			list = append(list, w)
		}
		word = word[:0]
	}
	runes := []rune(strings.ToLower(title))
	for i := 0; i < len(runes); i++ {
		r := runes[i]
		digitBefore := len(word) > 0 && unicode.IsDigit(word[len(word)-1])
		switch {
		case unicode.IsLetter(r) || unicode.IsNumber(r):
			if unit := unitForm.FindString(string(runes[i:min(i+2, len(runes))])); digitBefore && unit != "" {
				word = append(word, []rune(unit)...)
				i += len([]rune(unit)) - 1
				end()
				continue
			}
			if len(word) > 0 && spaceless(r) != spaceless(word[len(word)-1]) {
				end()
			}
			word = append(word, r)
		case r == '-' && len(word) > 0, digitBefore && (r == '.' || r == ',') && i+1 < len(runes) && unicode.IsDigit(runes[i+1]):
			word = append(word, r)
		default:
			end()
		}
	}
	end()
	return list
}

// spaceless reports whether a character is of a writing without spaces.
func spaceless(r rune) bool {
	return unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana)
}

// partsOf are what titles are compared by: a word, or the pairs of characters
// of one without spaces.
func partsOf(word string) []string {
	runes := []rune(word)
	if !spaceless(runes[0]) {
		return []string{word}
	}
	var parts []string
	for i := range len(runes) - 1 {
		parts = append(parts, string(runes[i:i+2]))
	}
	return append(parts, string(runes[len(runes)-1:]))
}

// isModel reports whether a word is the number of a model, letters and digits
// mixed, or of a trade item (EAN, UPC), which its last digit confirms.
func isModel(w string) bool {
	if standards.MatchString(w) {
		return false
	}
	letters, digits := 0, 0
	for _, r := range w {
		switch {
		case unicode.IsDigit(r):
			digits++
		case r < 0x80 && unicode.IsLetter(r):
			letters++
		case r != '-':
			return false
		}
	}
	if letters == 0 {
		return isTradeItem(w)
	}
	return digits > 0 && letters+digits >= 4
}

// isTradeItem reports whether a word is a GTIN: EAN-8, UPC-A, EAN-13 or
// GTIN-14.
func isTradeItem(w string) bool {
	if n := len(w); n != 8 && n != 12 && n != 13 && n != 14 {
		return false
	}
	sum := 0
	for i := range len(w) {
		d := w[len(w)-1-i]
		if d < '0' || d > '9' {
			return false
		}
		sum += int(d-'0') * (1 + i%2*2)
	}
	return sum%10 == 0
}

// A pair is two products that are probably the same.
type pair struct {
	a, b    int
	sure    float64
	because []string
}

// pairs compares products that have something rare in common: what all share
// says nothing.
func (s *suggester) pairs() []pair {
	shops := make(map[StorefrontName]bool)
	places := make(map[string][]int)
	for i := range s.seen {
		p := &s.seen[i]
		shops[p.key.Storefront] = true
		for _, key := range slices.Concat(p.parts, p.models, []string{"=" + p.plain}) {
			if at := places[key]; len(at) == 0 || at[len(at)-1] != i {
				places[key] = append(at, i)
			}
		}
	}
	most := max(40, 2*len(shops))
	compared := make(map[[2]int]bool)
	var list []pair
	for i := range s.seen {
		for _, key := range slices.Concat(s.seen[i].parts, s.seen[i].models, []string{"=" + s.seen[i].plain}) {
			if len(places[key]) > most {
				continue
			}
			for _, j := range places[key] {
				if j <= i || compared[[2]int{i, j}] {
					continue
				}
				compared[[2]int{i, j}] = true
				if p, ok := s.compare(i, j); ok {
					list = append(list, p)
				}
			}
		}
	}
	return list
}

// compare says how sure it is that two products are the same.
func (s *suggester) compare(i, j int) (pair, bool) {
	a, b := &s.seen[i], &s.seen[j]
	p := pair{a: i, b: j}
	if a.key.Storefront == b.key.Storefront || unlikeAmounts(a.amounts, b.amounts) {
		return p, false
	}
	doubt := 1.0
	shared := common(a.models, b.models)
	switch {
	case len(shared) < min(len(a.models), len(b.models)):
		return p, false
	case len(shared) > 0:
		p.because = append(p.because, "number")
		doubt *= 0.2
		if slices.ContainsFunc(shared, isTradeItem) {
			doubt *= 0.2
		}
	}
	alike := 2 * float64(len(common(a.parts, b.parts))) / float64(len(a.parts)+len(b.parts))
	switch {
	case a.plain == b.plain && len([]rune(a.plain)) >= 6:
		p.because = append(p.because, "title")
		doubt *= 0.1
	case alike >= 0.4:
		p.because = append(p.because, "title")
		doubt *= 1 - 0.8*alike
	}
	if sure, like := a.picture.Similar(b.picture); like {
		p.because = append(p.because, "picture")
		doubt *= 1 - 0.8*sure
	}
	p.sure = min(1-doubt, 0.99)
	return p, p.sure >= leastSure
}

// common are the texts that two lists share.
func common(a, b []string) []string {
	var shared []string
	for _, s := range a {
		if slices.Contains(b, s) {
			shared = append(shared, s)
		}
	}
	return shared
}

// unlikeAmounts reports whether two titles name only unlike amounts in a unit.
func unlikeAmounts(a, b map[string][]string) bool {
	for unit, amounts := range a {
		if other := b[unit]; len(other) > 0 && len(common(amounts, other)) == 0 {
			return true
		}
	}
	return false
}

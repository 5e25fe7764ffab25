package storage

import (
	"bytes"
	"strconv"
	"strings"
	"unicode/utf8"

	"shopwatch/tracker"
)

// What a commit writes most, items and changes of a plain kind, is put into
// JSON and taken out of it by hand: a tenth of the time of encoding/json, which
// was a quarter of a commit. Whatever is not plain is left to encoding/json,
// which reads and writes the very same.

// A plainJSON gathers an object. bad says that it holds what is not plain.
type plainJSON struct {
	b   []byte
	bad bool
}

func (j *plainJSON) open(name string) {
	j.name(name)
	j.b = append(j.b, '{')
}

func (j *plainJSON) end() { j.b = append(j.b, '}') }

// name begins a member; the empty name begins the whole.
func (j *plainJSON) name(name string) {
	if name == "" {
		return
	}
	if j.b[len(j.b)-1] != '{' {
		j.b = append(j.b, ',')
	}
	j.b = append(j.b, '"')
	j.b = append(j.b, name...)
	j.b = append(j.b, '"', ':')
}

func (j *plainJSON) text(name, s string) {
	j.name(name)
	j.bad = j.bad || !plainText(s)
	j.b = append(j.b, '"')
	j.b = append(j.b, s...)
	j.b = append(j.b, '"')
}

// some writes a text that is left out when empty.
func (j *plainJSON) some(name, s string) {
	if s != "" {
		j.text(name, s)
	}
}

func (j *plainJSON) number(name string, n int64) {
	j.name(name)
	j.b = strconv.AppendInt(j.b, n, 10)
}

// count writes a number that is left out when zero.
func (j *plainJSON) count(name string, n int64) {
	if n != 0 {
		j.number(name, n)
	}
}

func (j *plainJSON) price(name string, v *priceValue) {
	if v == nil {
		return
	}
	j.open(name)
	j.some("k", string(v.Kind))
	j.number("l", v.Low)
	j.count("h", v.High)
	j.some("c", v.Currency)
	j.end()
}

func (j *plainJSON) product(v *productValue) {
	j.some("id", string(v.ID))
	j.text("t", v.Title)
	j.some("u", v.URL)
	j.some("i", v.Image)
	j.price("p", v.Price)
}

// differs writes what of a product was another one.
func (j *plainJSON) differs(name string, s *string) {
	if s != nil {
		j.text(name, *s)
	}
}

// plainText reports whether a string stands in JSON as it is.
func plainText[T string | []byte](s T) bool {
	ascii := true
	for i := range len(s) {
		switch c := s[i]; {
		case c < ' ', c == '"', c == '\\', c == '<', c == '>', c == '&', c == 0x7f:
			return false
		case c >= utf8.RuneSelf:
			ascii = false
		}
	}
	if ascii {
		return true
	}
	t := string(s)
	return utf8.ValidString(t) && !strings.Contains(t, "\u2028") && !strings.Contains(t, "\u2029")
}

// plainItem encodes an item, nil when it is not plain.
func plainItem(v *itemValue) []byte {
	if v.Probe != nil {
		return nil
	}
	j := plainJSON{b: make([]byte, 0, 512)}
	j.open("")
	j.product(&v.productValue)
	j.number("f", v.FirstSeen)
	j.count("s", v.LastSeen)
	j.count("m", int64(v.Missing))
	j.count("r", v.Removed)
	j.price("w", v.Pending)
	j.some("k", string(v.Look))
	j.end()
	if j.bad {
		return nil
	}
	return j.b
}

// plainChange encodes a change, nil when it is not plain.
func plainChange(v *changeValue) []byte {
	rest := *v
	rest.Kind, rest.Storefront, rest.Scan, rest.Product, rest.Before = "", "", 0, nil, nil
	if rest != (changeValue{}) {
		return nil
	}
	j := plainJSON{b: make([]byte, 0, 512)}
	j.open("")
	j.text("k", string(v.Kind))
	j.text("n", string(v.Storefront))
	j.count("sc", v.Scan)
	if v.Product != nil {
		j.open("p")
		j.product(v.Product)
		j.end()
	}
	if b := v.Before; b != nil {
		j.open("b")
		j.differs("t", b.Title)
		j.differs("u", b.URL)
		j.differs("i", b.Image)
		j.price("p", b.Price)
		j.end()
	}
	j.end()
	if j.bad {
		return nil
	}
	return j.b
}

// A plainReader takes values out of JSON that plainJSON wrote. bad says that it
// met something else.
type plainReader struct {
	b   []byte
	bad bool
}

// take passes a byte.
func (r *plainReader) take(c byte) bool {
	if len(r.b) == 0 || r.b[0] != c {
		return false
	}
	r.b = r.b[1:]
	return true
}

// members calls fn with the name of each member of an object, at its value.
func (r *plainReader) members(fn func(name string)) {
	r.bad = r.bad || !r.take('{')
	for first := true; !r.bad && !r.take('}'); first = false {
		r.bad = !first && !r.take(',')
		name := r.raw()
		r.bad = r.bad || !r.take(':')
		if !r.bad {
			fn(string(name))
		}
	}
}

// raw is a text as it stands there.
func (r *plainReader) raw() []byte {
	if !r.take('"') {
		r.bad = true
		return nil
	}
	n := bytes.IndexByte(r.b, '"')
	if n < 0 {
		r.bad = true
		return nil
	}
	s := r.b[:n]
	r.b = r.b[n+1:]
	return s
}

func (r *plainReader) text() string {
	s := r.raw()
	r.bad = r.bad || !plainText(s)
	return string(s)
}

func (r *plainReader) number() int64 {
	minus := r.take('-')
	n, digits := int64(0), 0
	for ; digits < len(r.b) && r.b[digits] >= '0' && r.b[digits] <= '9' && digits < 18; digits++ {
		n = 10*n + int64(r.b[digits]-'0')
	}
	r.bad = r.bad || digits == 0 || digits == 18 || digits > 1 && r.b[0] == '0'
	if r.bad {
		return 0
	}
	if r.b = r.b[digits:]; minus {
		return -n
	}
	return n
}

func (r *plainReader) price() *priceValue {
	v := new(priceValue)
	r.members(func(name string) {
		switch name {
		case "k":
			v.Kind = tracker.PriceKind(r.text())
		case "l":
			v.Low = r.number()
		case "h":
			v.High = r.number()
		case "c":
			v.Currency = r.text()
		default:
			r.bad = true
		}
	})
	return v
}

// readPlainItem decodes an item. It reports false when it is not plain.
func readPlainItem(b []byte, v *itemValue) bool {
	r := plainReader{b: b}
	r.members(func(name string) {
		switch name {
		case "t":
			v.Title = r.text()
		case "u":
			v.URL = r.text()
		case "i":
			v.Image = r.text()
		case "p":
			v.Price = r.price()
		case "f":
			v.FirstSeen = r.number()
		case "s":
			v.LastSeen = r.number()
		case "m":
			v.Missing = int(r.number())
		case "r":
			v.Removed = r.number()
		case "w":
			v.Pending = r.price()
		case "k":
			v.Look = tracker.Look(r.text())
		default:
			r.bad = true
		}
	})
	return !r.bad && len(r.b) == 0
}

package archive

import (
	"bytes"
	"cmp"
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"

	"shopwatch/tracker/secret"
)

// gone stands for what was taken out.
const gone = "redacted"

// A Cookie is one that stood for an account or a session when pages were read.
type Cookie struct{ Name, Value string }

// Names of what holds a session or names an account, in addresses and in what
// pages say of themselves. What a marketplace calls its sellers is not among them.
const secretNames = `_tb_token_|[a-z_\-]*[cx]srf[a-z_\-]*|authenticity_token|access_?token|refresh_?token|id_?token|auth_?token|api_?token|token|` +
	`session_?id|sessionid|sid|jsessionid|phpsessid|x5sec|umidtoken|password|passwd|api_?key|secret|` +
	`login_?nick|user_?nick|nick_?name|tracknick|_nk_|account_?name|login_?id|customer_?(?:name|email|id)|login_?email|user_?email`

// patterns find what has a telling name. They are large, and made when they are
// first needed.
type patterns struct {
	input *regexp.Regexp // a field of a form and its value
	meta  *regexp.Regexp // an element of a page's head and its content
	name  *regexp.Regexp // a whole name
}

var telling = sync.OnceValue(func() *patterns {
	return &patterns{
		input: regexp.MustCompile(`(?i)\bname=["']?(?:` + secretNames + `)["']?[^>]*\bvalue=["']([^"']+)`),
		meta:  regexp.MustCompile(`(?i)\bname=["']?(?:` + secretNames + `)["']?[^>]*\bcontent=["']([^"']+)`),
		name:  regexp.MustCompile(`(?i)^(?:` + secretNames + `|sign)$`),
	}
})

var headerName = regexp.MustCompile(`(?i)^(cookie|authorization|proxy-authorization|.*token.*|.*csrf.*|.*session.*|.*api-?key.*)$`)

// personal are cookies whose value is that of a person, however it looks, and
// nickname those whose value is a name, however short.
var (
	personal = regexp.MustCompile(`(?i)^unb$|^uc\d$|^_pst$|user|login|account|email`)
	nickname = regexp.MustCompile(`(?i)nick|^_nk_$|^lgc$|^dnk$|^sn$|^pin$|^pt_pin$`)
)

// Redact takes out of a capture what identifies an account or a session: the
// values of the given cookies and of those that are set in it, wherever and in
// whatever form they stand, and what has a telling name. It lists what that was.
// Pictures stay as they are: what had to be was covered when they were taken.
func (c *Capture) Redact(cookies []Cookie) {
	r := redaction{counts: make(map[[2]string]int), names: make(names)}
	for i := range c.Records {
		for _, line := range c.Records[i].Header["Set-Cookie"] {
			if k, err := http.ParseSetCookie(line); err == nil {
				cookies = append(cookies, Cookie{k.Name, k.Value})
			}
		}
	}
	r.learn(cookies)
	for i := range c.Records {
		r.record(&c.Records[i])
	}
	c.redactReading(&r)
	for _, k := range slices.SortedFunc(maps.Keys(r.counts), func(a, b [2]string) int { return cmp.Or(cmp.Compare(a[0], b[0]), cmp.Compare(a[1], b[1])) }) {
		c.Reading.Redacted = append(c.Reading.Redacted, Redaction{What: k[0], Where: k[1], Records: r.counts[k]})
	}
}

// A redaction is at work on a capture.
type redaction struct {
	values []secretValue
	counts map[[2]string]int // records, by what and where
	names  names
}

// names are those that were met, and whether they tell something.
type names map[string]bool

// A secretValue is a form of the value of a cookie.
type secretValue struct {
	cookie string
	form   []byte
}

// A Secret is a text that tells whose login pages were read with.
type Secret struct {
	Text string `json:"text"`
	Of   string `json:"of"` // "cookie unb"
	// Within are the characters between which it may not stand to be meant, as
	// in a regular expression.
	Within string `json:"within,omitempty"`
}

// Secrets are the values of cookies that identify an account or a session, and
// what they stand for where they are encoded, the longest first.
func Secrets(cookies []Cookie) (list []Secret) {
	for _, k := range cookies {
		for _, value := range meanings(k.Value) {
			if !tells(k.Name, value) || slices.ContainsFunc(list, func(s Secret) bool { return s.Text == value }) {
				continue
			}
			list = append(list, Secret{Text: value, Of: "cookie " + clip(k.Name), Within: boundOf(value)})
		}
	}
	slices.SortStableFunc(list, func(a, b Secret) int { return cmp.Compare(len(b.Text), len(a.Text)) })
	return list
}

// learn takes in the values of cookies, the longest first.
func (r *redaction) learn(cookies []Cookie) {
	seen := make(map[string]bool)
	for _, s := range Secrets(cookies) {
		forms := []string{s.Text}
		if len(s.Text) >= shortest {
			forms = secret.Forms(s.Text)
		}
		for _, form := range forms {
			if (len(form) >= shortest || form == s.Text) && !seen[form] {
				seen[form] = true
				r.values = append(r.values, secretValue{s.Of, []byte(form)})
			}
		}
	}
	slices.SortStableFunc(r.values, func(a, b secretValue) int { return cmp.Compare(len(b.form), len(a.form)) })
}

// meanings are the value of a cookie and what it stands for where it is encoded.
func meanings(value string) []string {
	all := []string{value}
	if plain, err := url.QueryUnescape(value); err == nil && plain != value {
		all = append(all, plain)
		value = plain
	}
	if plain, err := strconv.Unquote(`"` + value + `"`); err == nil && plain != value && utf8.ValidString(plain) {
		all = append(all, plain)
	}
	return all
}

// shortest is how long a value must be to be looked for in all its forms, and
// within words: a shorter one stands everywhere by chance.
const shortest = 6

// tells reports whether the value of a cookie can identify somebody: words such
// as desktop and zh-CN do not.
func tells(name, value string) bool {
	switch {
	case nickname.MatchString(name):
		return len(value) >= 3
	case personal.MatchString(name):
		return len(value) >= shortest
	}
	digits := strings.ContainsAny(value, "0123456789")
	return len(value) >= 8 && digits || len(value) >= 20
}

// record takes secrets out of one record.
func (r *redaction) record(rec *Record) {
	hit := make(map[[2]string]bool)
	rec.URL = r.string(rec.URL, "address", hit)
	rec.Title = r.string(rec.Title, "body", hit)
	rec.Post = r.text(rec.Post, "address", hit)
	rec.Header = rec.Header.Clone()
	for name, values := range rec.Header {
		for i, v := range values {
			switch {
			case http.CanonicalHeaderKey(name) == "Set-Cookie":
				values[i] = setCookie(v)
				hit[[2]string{"header Set-Cookie", "header"}] = true
			case headerName.MatchString(name):
				values[i] = gone
				hit[[2]string{"header " + clip(name), "header"}] = true
			default:
				values[i] = r.string(v, "header", hit)
			}
		}
	}
	if readable(rec.Header.Get("Content-Type")) {
		rec.Body = r.text(rec.Body, "body", hit)
	}
	for _, what := range rec.Covered {
		hit[[2]string{what, "picture"}] = true
	}
	for k := range hit {
		r.counts[k]++
	}
}

// setCookie keeps of a cookie that is set its name and its bounds.
func setCookie(line string) string {
	pair, rest, more := strings.Cut(line, ";")
	name, _, _ := strings.Cut(pair, "=")
	if more {
		return name + "=" + gone + ";" + rest
	}
	return name + "=" + gone
}

// readable reports whether a body of some media type is text.
func readable(kind string) bool {
	kind = strings.ToLower(kind)
	return kind == "" || strings.HasPrefix(kind, "text/") || strings.Contains(kind, "json") || strings.Contains(kind, "script") || strings.Contains(kind, "xml") || strings.Contains(kind, "form")
}

// text takes the values of cookies out of a text, and what follows telling names
// in it: in addresses, in JSON and in forms. It notes what it has met.
func (r *redaction) text(b []byte, where string, hit map[[2]string]bool) []byte {
	for _, v := range r.values {
		var n int
		if b, n = without(b, v.form); n > 0 {
			hit[[2]string{v.cookie, where}] = true
		}
	}
	return r.names.redact(b, func(name string) { hit[[2]string{name, where}] = true })
}

// string is text for a string.
func (r *redaction) string(s, where string, hit map[[2]string]bool) string {
	return string(r.text([]byte(s), where, hit))
}

// redact takes out what follows telling names, and tells these.
func (m names) redact(b []byte, tell func(name string)) []byte {
	var out []byte
	done := 0 // of b is in out
	for i := 0; ; i++ {
		k := bytes.IndexAny(b[i:], `?&;"<`)
		if k < 0 {
			break
		}
		i += k
		name, from, to := m.value(b, i)
		if to <= from || string(b[from:to]) == gone {
			continue
		}
		tell(strings.ToLower(name))
		out = append(append(out, b[done:from]...), gone...)
		done, i = to, to-1
	}
	if done == 0 {
		return b
	}
	return append(out, b[done:]...)
}

const (
	mostNames   = 10_000
	longestName = 60
	longestTag  = 2000
)

// value finds the value that follows a telling name at a place: of a parameter,
// of a member of an object, of an input or of a meta element. It is empty where
// there is none.
func (m names) value(b []byte, i int) (name string, from, to int) {
	rest := b[i+1:]
	switch b[i] {
	case '<':
		return tagValue(b, i)
	case '&':
		rest = bytes.TrimPrefix(rest, []byte("amp;"))
	}
	n := 0
	for n < len(rest) && n < longestName && isName(rest[n]) {
		n++
	}
	if n < 3 || !m.tells(string(rest[:n])) {
		return "", 0, 0
	}
	name, rest = string(rest[:n]), rest[n:]
	end := "&;#\"' \t\r\n<>\\"
	if b[i] == '"' {
		for _, mark := range []string{`"`, ":", `"`} {
			rest = bytes.TrimLeft(rest, " \t\r\n\\")
			if !bytes.HasPrefix(rest, []byte(mark)) {
				return "", 0, 0
			}
			rest = rest[1:]
		}
		end = `"\`
	} else {
		if !bytes.HasPrefix(rest, []byte("=")) {
			return "", 0, 0
		}
		rest = rest[1:]
	}
	from = len(b) - len(rest)
	if n = bytes.IndexAny(rest, end); n < 0 {
		n = len(rest)
	}
	return name, from, from + n
}

func isName(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c == '-'
}

// tells reports whether what has a name is to be taken out.
func (m names) tells(name string) bool {
	is, known := m[name]
	if !known {
		is = telling().name.MatchString(name)
		if len(m) < mostNames {
			m[name] = is
		}
	}
	return is
}

// tagValue finds the value of an input or a meta element.
func tagValue(b []byte, i int) (name string, from, to int) {
	tag := b[i:min(len(b), i+longestTag)]
	if end := bytes.IndexByte(tag, '>'); end >= 0 {
		tag = tag[:end]
	}
	var at []int
	switch {
	case len(tag) > 6 && strings.EqualFold(string(tag[:6]), "<input"):
		name, at = "an input of a form", telling().input.FindSubmatchIndex(tag)
	case len(tag) > 5 && strings.EqualFold(string(tag[:5]), "<meta"):
		name, at = "a meta element", telling().meta.FindSubmatchIndex(tag)
	}
	if at == nil {
		return "", 0, 0
	}
	return name, i + at[2], i + at[3]
}

// The characters between which a text may not stand to be meant.
const (
	alphanumeric = "0-9A-Za-z"
	digit        = "0-9"
)

// boundOf are those of a secret: a short one within a word is chance, and a number
// within another one is another number.
func boundOf(text string) string {
	switch {
	case len(text) < shortest:
		return alphanumeric
	case strings.Trim(text, "0123456789") == "":
		return digit
	}
	return ""
}

// without replaces a value in a text, but not between characters that bound it.
func without(b, value []byte) ([]byte, int) {
	if !bytes.Contains(b, value) {
		return b, 0
	}
	within := func(byte) bool { return false }
	switch boundOf(string(value)) {
	case alphanumeric:
		within = isAlphanumeric
	case digit:
		within = isDigit
	}
	var out []byte
	n := 0
	for {
		i := bytes.Index(b, value)
		if i < 0 {
			break
		}
		end := i + len(value)
		// What precedes may be an encoded sign, such as %20.
		if before := i > 0 && within(b[i-1]) && !(i >= 3 && b[i-3] == '%'); before || end < len(b) && within(b[end]) {
			out = append(out, b[:end]...)
		} else {
			out = append(append(out, b[:i]...), gone...)
			n++
		}
		b = b[end:]
	}
	return append(out, b...), n
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func isAlphanumeric(c byte) bool { return isName(c) && c != '_' && c != '-' }

// redactReading is record for what was made of the pages.
func (c *Capture) redactReading(r *redaction) {
	var text bytes.Buffer
	enc := json.NewEncoder(&text)
	enc.SetEscapeHTML(false) // which would hide the parameters of addresses
	if enc.Encode(&c.Reading) != nil {
		return // Pack will say so
	}
	hit := make(map[[2]string]bool)
	var clean Reading
	if json.Unmarshal(r.text(text.Bytes(), "body", hit), &clean) == nil && len(hit) > 0 {
		c.Reading = clean
		for k := range hit {
			r.counts[k]++
		}
	}
}

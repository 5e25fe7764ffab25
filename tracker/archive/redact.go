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

// patterns find what follows a telling name. They are large, and made when they
// are first needed.
type patterns struct {
	address *regexp.Regexp
	body    []*regexp.Regexp // with that of addresses
	name    *regexp.Regexp   // a telling name
}

var telling = sync.OnceValue(func() *patterns {
	address := regexp.MustCompile(`(?i)([?&;](?:amp;)?(?:` + secretNames + `|sign)=)([^&;#"'\s<>\\]+)`)
	return &patterns{
		address: address,
		body: []*regexp.Regexp{
			address,
			regexp.MustCompile(`(?i)(\\?"(?:` + secretNames + `)\\?"\s*:\s*\\?")([^"\\]{3,})`),
			regexp.MustCompile(`(?i)(<input[^>]*\bname=["']?(?:` + secretNames + `)["']?[^>]*\bvalue=["'])([^"']+)`),
			regexp.MustCompile(`(?i)(<meta[^>]*\bname=["']?(?:` + secretNames + `)["']?[^>]*\bcontent=["'])([^"']+)`),
		},
		name: regexp.MustCompile(`(?i)(?:` + secretNames + `|sign)`),
	}
})

var headerName = regexp.MustCompile(`(?i)^(cookie|authorization|proxy-authorization|.*token.*|.*csrf.*|.*session.*|.*api-?key.*)$`)

// personal are cookies whose value is that of a person, however it looks.
var personal = regexp.MustCompile(`(?i)nick|^_nk_$|^lgc$|^dnk$|^unb$|^uc\d$|^sn$|^pin$|^_pst$|^pt_pin$|^unick$|user|login|account|email`)

// Redact takes out of a capture what identifies an account or a session: the
// values of the given cookies and of those that are set in it, wherever and in
// whatever form they stand, and what has a telling name. It lists what that was.
// Pictures show what they show.
func (c *Capture) Redact(cookies []Cookie) {
	r := redaction{counts: make(map[[2]string]int)}
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
}

// A secretValue is a form of the value of a cookie.
type secretValue struct {
	cookie string
	form   []byte
}

// learn takes in the values of cookies, the longest first.
func (r *redaction) learn(cookies []Cookie) {
	seen := make(map[string]bool)
	for _, k := range cookies {
		for _, value := range meanings(k.Value) {
			if !tells(k.Name, value) {
				continue
			}
			for _, form := range secret.Forms(value) {
				if len(form) >= shortest && !seen[form] {
					seen[form] = true
					r.values = append(r.values, secretValue{"cookie " + clip(k.Name), []byte(form)})
				}
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

// shortest is how long a value must be to be looked for: a shorter one stands
// everywhere by chance.
const shortest = 6

// tells reports whether the value of a cookie can identify somebody: words such
// as desktop and zh-CN do not.
func tells(name, value string) bool {
	if personal.MatchString(name) {
		return len(value) >= shortest
	}
	digits := strings.ContainsAny(value, "0123456789")
	return len(value) >= 8 && digits || len(value) >= 20
}

// record takes secrets out of one record.
func (r *redaction) record(rec *Record) {
	hit := make(map[[2]string]bool)
	rec.URL = string(r.text([]byte(rec.URL), "address", hit, telling().address))
	rec.Title = string(r.text([]byte(rec.Title), "body", hit))
	rec.Post = r.text(rec.Post, "address", hit, telling().body...)
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
				values[i] = string(r.text([]byte(v), "header", hit, telling().address))
			}
		}
	}
	if readable(rec.Header.Get("Content-Type")) {
		rec.Body = r.text(rec.Body, "body", hit, telling().body...)
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

// text takes out of a text the values of cookies, and what follows a telling
// name. It notes what it has met.
func (r *redaction) text(b []byte, where string, hit map[[2]string]bool, names ...*regexp.Regexp) []byte {
	for _, v := range r.values {
		var n int
		if b, n = without(b, v.form); n > 0 {
			hit[[2]string{v.cookie, where}] = true
		}
	}
	for _, re := range names {
		if !re.Match(b) {
			continue
		}
		b = re.ReplaceAllFunc(b, func(m []byte) []byte {
			p := re.FindSubmatch(m)
			if len(p) != 3 || string(p[2]) == gone {
				return m
			}
			hit[[2]string{strings.ToLower(strings.Trim(string(telling().name.Find(p[1])), `"'`)), where}] = true
			return append(slices.Clone(p[1]), gone...)
		})
	}
	return b
}

// without replaces a value in a text. A number is not replaced within another
// number.
func without(b, value []byte) ([]byte, int) {
	if !bytes.Contains(b, value) {
		return b, 0
	}
	number := !bytes.ContainsFunc(value, func(c rune) bool { return c < '0' || c > '9' })
	var out []byte
	n := 0
	for {
		i := bytes.Index(b, value)
		if i < 0 {
			break
		}
		end := i + len(value)
		if number && (digitBefore(b, i) || end < len(b) && isDigit(b[end])) {
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

// digitBefore reports whether a digit precedes a place that does not belong to
// an encoded sign, such as that of %20.
func digitBefore(b []byte, i int) bool {
	return i > 0 && isDigit(b[i-1]) && !(i >= 3 && b[i-3] == '%')
}

// redactReading takes the values of cookies out of what was made of the pages,
// and telling parameters out of the addresses where looks ended.
func (c *Capture) redactReading(r *redaction) {
	hit := make(map[[2]string]bool)
	for i := range c.Reading.Items {
		p := &c.Reading.Items[i].Probe
		p.URL = string(r.text([]byte(p.URL), "address", hit, telling().address))
	}
	text, err := json.Marshal(&c.Reading)
	if err != nil {
		return // Pack will say so
	}
	var clean Reading
	if json.Unmarshal(r.text(text, "body", hit), &clean) == nil && len(hit) > 0 {
		c.Reading = clean
		for k := range hit {
			r.counts[k]++
		}
	}
}

// redactAddress takes telling parameters out of an address, as Redact does.
func redactAddress(address string) string {
	return telling().address.ReplaceAllString(address, "${1}"+gone)
}

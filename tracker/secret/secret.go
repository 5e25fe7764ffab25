// Package secret knows in which forms a secret may stand in what others wrote, so
// that it can be found there and left out.
package secret

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"html"
	"net/url"
	"strconv"
	"strings"
)

// Forms are the ways in which a text may come back: as it is, and encoded.
func Forms(text string) []string {
	list := []string{
		text, url.PathEscape(text), url.QueryEscape(text), percent(text), html.EscapeString(text),
		inner(strconv.Quote(text)), inner(strconv.QuoteToASCII(text)),
		jsonOf(text, true), jsonOf(text, false), strings.ReplaceAll(jsonOf(text, false), "/", `\/`),
		hex.EncodeToString([]byte(text)),
	}
	if plain, err := url.PathUnescape(text); err == nil && plain != text {
		list = append(list, plain)
	}
	for before := range 3 {
		list = append(list, Within64(text, before), strings.NewReplacer("+", "-", "/", "_").Replace(Within64(text, before)))
	}
	return list
}

// percent encodes every byte as %XX.
func percent(text string) string {
	var b strings.Builder
	for i := range len(text) {
		fmt.Fprintf(&b, "%%%02x", text[i])
	}
	return b.String()
}

// jsonOf is a text within a JSON string, with or without the signs of HTML
// escaped.
func jsonOf(text string, escapeHTML bool) string {
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(escapeHTML)
	if enc.Encode(text) != nil {
		return text
	}
	return inner(strings.TrimSpace(b.String()))
}

// inner is what stands between the marks of a quoted text.
func inner(quoted string) string { return quoted[1 : len(quoted)-1] }

// Within64 is what is the same of a text wherever it stands in something that
// is encoded in base64, when so many bytes, modulo three, come before it.
func Within64(text string, before int) string {
	code := base64.RawStdEncoding.EncodeToString(append(make([]byte, before), text...))
	from := []int{0, 2, 3}[before]
	to := len(code)
	if (before+len(text))%3 != 0 {
		to-- // shared with what comes after
	}
	return code[min(from, to):to]
}

package schemaorg

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// JSONLD reads the JSON-LD blocks of a document. Addresses in them are relative
// to base.
func JSONLD(doc *html.Node, base *url.URL) Data {
	r := newReader(base)
	blocks, size := 0, 0
	for n := range doc.Descendants() {
		if n.Type != html.ElementNode || n.DataAtom != atom.Script || !isJSONLD(n) {
			continue
		}
		text := textOf(n)
		if blocks++; blocks > maxBlocks {
			r.broken(blocks, errors.New("too many blocks"))
			break
		}
		if size += len(text); size > maxBytes {
			r.broken(blocks, errors.New("the blocks are too long"))
			break
		}
		v, err := decode([]byte(text))
		if err != nil {
			r.broken(blocks, err)
			continue
		}
		r.take(v, 0)
	}
	return r.data
}

func (r *reader) broken(block int, err error) {
	r.data.Broken = append(r.data.Broken, fmt.Sprintf("JSON-LD block %d: %s", block, clip(err.Error(), 200)))
}

func isJSONLD(n *html.Node) bool {
	for _, a := range n.Attr {
		if a.Key == "type" {
			t, _, _ := strings.Cut(a.Val, ";")
			return strings.EqualFold(strings.TrimSpace(t), "application/ld+json")
		}
	}
	return false
}

func textOf(n *html.Node) string {
	var b strings.Builder
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		if c.Type == html.TextNode {
			b.WriteString(c.Data)
		}
	}
	return b.String()
}

// decode reads a block as it is, or as it was meant.
func decode(b []byte) (any, error) {
	v, err := decodeStrictly(b)
	if err == nil {
		return v, nil
	}
	if v, again := decodeStrictly(mend(b)); again == nil {
		return v, nil
	}
	return nil, err
}

func decodeStrictly(b []byte) (v any, err error) {
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	if err := d.Decode(&v); err != nil {
		return nil, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("something follows the JSON value")
	}
	return v, nil
}

// mend mends what people get wrong in JSON and what can be meant in one way
// only: a byte order mark, control characters in strings, comments, and commas
// with nothing behind them.
func mend(b []byte) []byte {
	b = bytes.TrimPrefix(b, []byte("\ufeff"))
	out := make([]byte, 0, len(b)+len(b)/16)
	for i := 0; i < len(b); {
		rest := b[i:]
		switch c := b[i]; {
		case c == '"':
			n := len(out)
			i, out = mendString(b, i, out)
			if i < 0 {
				return out[:n] // it does not end
			}
			continue
		case bytes.HasPrefix(rest, []byte("//")):
			i += upTo(rest, "\n", 0)
			continue
		case bytes.HasPrefix(rest, []byte("/*")):
			i += upTo(rest, "*/", 2)
			continue
		case bytes.HasPrefix(rest, []byte("<!--")):
			i += 4 // what a comment of HTML holds is the block itself
			continue
		case bytes.HasPrefix(rest, []byte("-->")):
			i += 3
			continue
		case c == '}' || c == ']':
			for n := len(out); n > 0 && isSpace(out[n-1]); n-- {
				out = out[:n-1]
			}
			out = bytes.TrimSuffix(out, []byte(","))
		}
		out = append(out, b[i])
		i++
	}
	return out
}

// mendString copies the string that begins at i, and returns where it ends, -1
// when it does not.
func mendString(b []byte, i int, out []byte) (int, []byte) {
	out = append(out, '"')
	for i++; i < len(b); i++ {
		switch c := b[i]; {
		case c == '"':
			return i + 1, append(out, '"')
		case c == '\\' && i+1 < len(b):
			out = append(out, c, b[i+1])
			i++
		case c < ' ':
			out = fmt.Appendf(out, `\u%04x`, c)
		default:
			out = append(out, c)
		}
	}
	return -1, out
}

// upTo is how far it is to behind the end of a comment.
func upTo(b []byte, end string, from int) int {
	if i := bytes.Index(b[from:], []byte(end)); i >= 0 {
		return from + i + len(end)
	}
	return len(b)
}

func isSpace(c byte) bool { return c == ' ' || c == '\n' || c == '\r' || c == '\t' }

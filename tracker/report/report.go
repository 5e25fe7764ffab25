package report

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"strings"
)

// Write puts a story into words. An error is a mistake in this package.
func Write(s Story) (*Mail, error) {
	s.Picture, s.Shot = once(s.Picture), once(s.Shot) // a picture is decoded and scaled
	whole := s.view(limits{})
	m := &Mail{Subject: whole.Subject, Text: whole.text(), Brief: whole.brief(), CSV: s.csv()}
	most := limits{shops: 60, rows: maxPictures, scans: 6}
	for {
		v := s.view(most)
		var b bytes.Buffer
		if err := v.html(&b); err != nil {
			return nil, fmt.Errorf("write report %d: %w", s.Report.ID, err)
		}
		m.HTML, m.Pictures = b.String(), v.Pictures
		if len(m.HTML) <= MaxHTML && encoded(m.HTML) <= MaxEncoded || most.shops <= 1 {
			return m, nil
		}
		if most.rows > 3 {
			most.rows -= max(most.rows/8, 1)
		} else {
			most.shops, most.scans = most.shops/2, 2
		}
	}
}

// once asks for each picture only once.
func once(load func(string) []byte) func(string) []byte {
	if load == nil {
		return nil
	}
	known := make(map[string][]byte)
	return func(name string) []byte {
		b, ok := known[name]
		if !ok {
			b = load(name)
			known[name] = b
		}
		return b
	}
}

// encoded is the length of a text in quoted-printable, or a little more.
func encoded(s string) int {
	n := 0
	for i := range len(s) {
		if n++; s[i] >= 0x7f || s[i] == '=' {
			n += 2
		}
	}
	return n + n/70*3 // soft line breaks
}

// Again says, for a chat, that a report may have arrived already.
func Again(lang string) string { return wordsOf(lang).Again }

// Page returns the HTML with the pictures in it, for a browser.
func (m *Mail) Page() string {
	var pairs []string
	for _, p := range m.Pictures {
		pairs = append(pairs, `"cid:`+p.CID()+`"`,
			`"data:`+p.Type+`;base64,`+base64.StdEncoding.EncodeToString(p.Content)+`"`)
	}
	return strings.NewReplacer(pairs...).Replace(m.HTML)
}

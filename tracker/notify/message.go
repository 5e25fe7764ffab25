package notify

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"mime"
	"net/url"
	"strings"

	gomail "github.com/wneessen/go-mail"
)

// message puts a letter into the form of a mail.
func (e *email) message(ctx context.Context, l *Message) (*gomail.Msg, error) {
	host := hostOf(e.from)
	html, pictures, err := l.Mail.HTML(ctx)
	if err != nil {
		return nil, err
	}
	to, err := parseAddress(l.To)
	if err != nil {
		return nil, err
	}
	m := gomail.NewMsg(gomail.WithNoDefaultUserAgent())
	m.FromMailAddress(e.from)
	m.ToMailAddress(to)
	m.SetMessageIDWithValue(l.ID + "@" + host)
	m.SetDateWithValue(l.Story.Report.Created)
	m.SetGenHeaderPreformatted(gomail.HeaderSubject, encodeWords(l.Mail.Subject()))
	m.SetGenHeader("List-Id", fmt.Sprintf("<%s.shopwatch.%s>", e.Channel, host))
	m.SetGenHeader("Auto-Submitted", "auto-generated")
	m.SetGenHeader("X-Auto-Response-Suppress", "All")
	m.SetGenHeader(gomail.HeaderXMailer, "shopwatch")
	if e.Thread {
		root := "<" + l.Thread + "@" + host + ">"
		m.SetGenHeader(gomail.HeaderInReplyTo, root)
		m.SetGenHeader(gomail.HeaderReferences, root)
	}
	end := "mailto:" + mailtoAddress(e.from) + "?subject=" + url.PathEscape("unsubscribe "+e.Channel)
	if l.Leave == "" {
		m.SetListUnsubscribe(end)
	} else if err := m.SetListUnsubscribeOneClick(l.Leave, end); err != nil {
		return nil, err
	}
	m.SetBodyString(gomail.TypeTextPlain, l.Mail.Text())
	m.AddAlternativeString(gomail.TypeTextHTML, html)
	for _, p := range pictures {
		err := m.EmbedReader(p.Name, bytes.NewReader(p.Content),
			gomail.WithFileContentID("<"+p.Name+">"), gomail.WithFileContentType(gomail.ContentType(p.Type)))
		if err != nil {
			return nil, err
		}
	}
	if list := l.Mail.CSV(); len(list) > 0 {
		err := m.AttachReader("changes.csv", bytes.NewReader(list), gomail.WithFileContentType("text/csv; charset=utf-8"))
		if err != nil {
			return nil, err
		}
	}
	return m, nil
}

// encodeWords writes a header's text as encoded words (RFC 2047) on lines of
// at most 76 characters, the first one behind the header's name: go-mail would
// leave that line empty, which some servers take amiss.
func encodeWords(s string) string {
	enc, plain := mime.BEncoding, 0
	for i := range len(s) {
		if s[i] < 0x80 {
			plain++
		}
	}
	if plain > len(s)*2/3 {
		enc = mime.QEncoding // can be read without a decoder
	}
	const most = 64
	var words []string
	word := ""
	for _, r := range s {
		if word != "" && len(enc.Encode("utf-8", word+string(r))) > most {
			words = append(words, encodeWord(enc, word))
			word = ""
		}
		word += string(r)
	}
	return strings.Join(append(words, encodeWord(enc, word)), "\r\n ")
}

// encodeWord also encodes what would do without, so that the spaces between
// words are never part of the text.
func encodeWord(enc mime.WordEncoder, s string) string {
	if e := enc.Encode("utf-8", s); strings.HasPrefix(e, "=?") {
		return e
	}
	return "=?utf-8?b?" + base64.StdEncoding.EncodeToString([]byte(s)) + "?="
}

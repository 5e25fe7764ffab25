package notify

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/textproto"
	"net/url"
	"strings"
	"time"

	"shopwatch/tracker/report"
)

// message writes a delivery as a mail, the same bytes on every attempt but for a
// PDF, which is printed again after a restart:
//
//	mixed
//	    alternative
//	        text
//	        related
//	            HTML
//	            pictures
//	    CSV file
//	    PDF file
//
// What would hold one part only is left out.
func (e *email) message(ctx context.Context, l *Message) ([]byte, error) {
	host := hostOf(e.from)
	to, err := parseAddress(l.To)
	if err != nil {
		return nil, err
	}
	body, err := l.body(ctx, host)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	header := func(name, value string) { b.WriteString(fold(name + ": " + value)) }
	header("Date", l.Story.Report.Created.Format(time.RFC1123Z))
	header("From", e.from.String())
	header("To", to.String())
	header("Subject", encodeWords(l.Mail.Subject()))
	header("Message-ID", "<"+l.ID+"@"+host+">")
	if e.Thread {
		root := "<" + l.Thread + "@" + host + ">"
		header("In-Reply-To", root)
		header("References", root)
	}
	header("List-Id", fmt.Sprintf("<%s.shopwatch.%s>", e.Channel, host))
	end := "<mailto:" + mailtoAddress(e.from) + "?subject=" + url.PathEscape("unsubscribe "+e.Channel) + ">"
	if l.Leave == "" {
		header("List-Unsubscribe", end)
	} else {
		header("List-Unsubscribe", "<"+l.Leave+">, "+end)
		header("List-Unsubscribe-Post", "List-Unsubscribe=One-Click")
	}
	header("Auto-Submitted", "auto-generated")
	header("X-Auto-Response-Suppress", "All")
	header("X-Mailer", "shopwatch")
	header("MIME-Version", "1.0")
	for _, name := range []string{"Content-Type", "Content-Transfer-Encoding"} {
		if v := body.header.Get(name); v != "" {
			header(name, v)
		}
	}
	b.WriteString("\r\n")
	b.Write(body.content)
	return b.Bytes(), nil
}

// body is what stands below the header of a mail.
func (l *Message) body(ctx context.Context, host string) (*part, error) {
	end := report.Foot{Leave: l.Leave}
	pdf := l.pdf(ctx)
	if end.NoPDF = l.PDF != nil && pdf == nil; pdf != nil {
		end.PDF = l.pdfName()
	}
	html, pictures, err := l.Mail.HTML(ctx, end)
	if err != nil {
		return nil, err
	}
	var names []string
	var inline []*part
	for _, p := range pictures {
		id := p.Name + "." + l.ID + "@" + host // unlike that of every picture of every other mail
		names = append(names, `"cid:`+p.Name+`"`, `"cid:`+id+`"`)
		inline = append(inline, filePart(p.Type, "inline", p.Name, p.Content, "Content-Id", "<"+id+">"))
	}
	shown := textPart("text/html", strings.NewReplacer(names...).Replace(html))
	if len(inline) > 0 {
		shown = l.multipart("related", "text/html", append([]*part{shown}, inline...)...)
	}
	all := l.multipart("alternative", "", textPart("text/plain", l.Mail.Text(end)), shown)
	mixed := []*part{all}
	if list := l.Mail.CSV(); len(list) > 0 {
		mixed = append(mixed, filePart("text/csv; charset=utf-8", "attachment", "changes.csv", list))
	}
	if pdf != nil {
		mixed = append(mixed, filePart("application/pdf", "attachment", end.PDF, pdf))
	}
	if len(mixed) > 1 {
		all = l.multipart("mixed", "", mixed...)
	}
	return all, nil
}

// A part is a part of a mail, encoded.
type part struct {
	header  textproto.MIMEHeader
	content []byte
}

// textPart is a part that people read.
func textPart(kind, s string) *part {
	var b bytes.Buffer
	w := quotedprintable.NewWriter(&b)
	_, _ = io.WriteString(w, s) // a bytes.Buffer takes everything
	_ = w.Close()
	return &part{textproto.MIMEHeader{
		"Content-Type": {kind + "; charset=utf-8"}, "Content-Transfer-Encoding": {"quoted-printable"},
	}, b.Bytes()}
}

// filePart is a part that is a file; further are names and values of its header.
func filePart(kind, disposition, name string, content []byte, further ...string) *part {
	h := textproto.MIMEHeader{
		"Content-Type": {kind}, "Content-Transfer-Encoding": {"base64"},
		"Content-Disposition": {mime.FormatMediaType(disposition, map[string]string{"filename": name})},
	}
	for i := 0; i < len(further); i += 2 {
		h.Set(further[i], further[i+1])
	}
	const line = 57 // bytes of a line of 76 characters
	var b bytes.Buffer
	for ; len(content) > line; content = content[line:] {
		b.WriteString(base64.StdEncoding.EncodeToString(content[:line]) + "\r\n")
	}
	b.WriteString(base64.StdEncoding.EncodeToString(content) + "\r\n")
	return &part{h, b.Bytes()}
}

// multipart puts parts together; root, when not empty, is the type of the first
// of them, to which the others belong.
func (l *Message) multipart(kind, root string, parts ...*part) *part {
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	// "=_" stands in no part: each is encoded.
	_ = w.SetBoundary("=_" + kind[:3] + "_" + l.ID)
	for _, p := range parts {
		pw, _ := w.CreatePart(p.header) // a bytes.Buffer takes everything
		_, _ = pw.Write(p.content)
	}
	_ = w.Close()
	params := map[string]string{"boundary": w.Boundary()}
	if root != "" {
		params["type"] = root
	}
	return &part{textproto.MIMEHeader{"Content-Type": {mime.FormatMediaType("multipart/"+kind, params)}}, b.Bytes()}
}

// fold breaks a line of a header at spaces so that no line has more than 76
// characters, as far as that goes.
func fold(line string) string {
	var b strings.Builder
	n := 0
	for i, word := range strings.Split(line, " ") {
		switch {
		case i < 2: // some servers refuse a first line that is empty but for the name
		case n+1+len(word) > 76:
			b.WriteString("\r\n")
			n = 0
		}
		if i > 0 {
			b.WriteByte(' ')
			n++
		}
		b.WriteString(word)
		n += len(word)
	}
	return b.String() + "\r\n"
}

// encodeWords writes a header's text as encoded words (RFC 2047), which have 75
// characters at most: each is short enough for the line of the header's name.
func encodeWords(s string) string {
	plain := 0
	for i := range len(s) {
		if s[i] < 0x80 {
			plain++
		}
	}
	encode := base64Word
	if plain > len(s)*2/3 {
		encode = quotedWord // can be read without a decoder
	}
	const most = 64
	var words []string
	word := ""
	for _, r := range s {
		if word != "" && len(encode(word+string(r))) > most {
			words = append(words, encode(word))
			word = ""
		}
		word += string(r)
	}
	return strings.Join(append(words, encode(word)), " ")
}

func base64Word(s string) string {
	return "=?utf-8?b?" + base64.StdEncoding.EncodeToString([]byte(s)) + "?="
}

func quotedWord(s string) string {
	var b strings.Builder
	for i := range len(s) {
		switch c := s[i]; {
		case c == ' ':
			b.WriteByte('_')
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', strings.IndexByte("!*+-/", c) >= 0:
			b.WriteByte(c)
		default:
			fmt.Fprintf(&b, "=%02X", c)
		}
	}
	return "=?utf-8?q?" + b.String() + "?="
}

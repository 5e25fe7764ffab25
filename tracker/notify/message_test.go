package notify_test

import (
	"bytes"
	"encoding/base64"
	"encoding/csv"
	"fmt"
	escape "html"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"net/textproto"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"shopwatch/fixtures"
	"shopwatch/tracker"
	"shopwatch/tracker/notify"
	"shopwatch/tracker/report"
)

// An entity is a mail, or a part of one, as the standard library reads it.
type entity struct {
	header textproto.MIMEHeader
	kind   string
	parts  []entity
	body   []byte
}

func readEntity(t *testing.T, header textproto.MIMEHeader, r io.Reader) entity {
	t.Helper()
	kind, params, err := mime.ParseMediaType(header.Get("Content-Type"))
	if err != nil {
		t.Fatalf("Content-Type %q: %v", header.Get("Content-Type"), err)
	}
	e := entity{header: header, kind: kind}
	if strings.HasPrefix(kind, "multipart/") {
		for m := multipart.NewReader(r, params["boundary"]); ; {
			p, err := m.NextRawPart()
			if err == io.EOF {
				return e
			}
			if err != nil {
				t.Fatal(err)
			}
			e.parts = append(e.parts, readEntity(t, p.Header, p))
		}
	}
	switch coding := header.Get("Content-Transfer-Encoding"); coding {
	case "quoted-printable":
		r = quotedprintable.NewReader(r)
	case "base64":
		r = base64.NewDecoder(base64.StdEncoding, r)
	default:
		t.Fatalf("%s is encoded as %q", kind, coding)
	}
	if e.body, err = io.ReadAll(r); err != nil {
		t.Fatalf("%s: %v", kind, err)
	}
	return e
}

// shape writes a mail's nesting: "multipart/mixed(text/plain, text/csv)".
func (e *entity) shape() string {
	if e.parts == nil {
		return e.kind
	}
	var parts []string
	for i := range e.parts {
		parts = append(parts, e.parts[i].shape())
	}
	return e.kind + "(" + strings.Join(parts, ", ") + ")"
}

// TestMessageByAnotherParser reads a whole message, as it went over the wire,
// with a parser that knows nothing of the one that wrote it.
func TestMessageByAnotherParser(t *testing.T) {
	db, srv := fresh(t), serveMail(t, fixtures.SMTPOptions{})
	snd := sender(t, "email", mailTo(srv, "王芳 <a+b@example.com>"))
	n, err := notify.New(ctx, db, notify.Options{
		Public: "https://shopwatch.example.com", Channels: []notify.Channel{{Name: "analysts", Lang: "zh", Sender: snd}},
		Shops: map[tracker.StorefrontName]report.StorefrontInfo{"tencent": {Title: "腾讯官方数码旗舰店", URL: "https://tencent.tmall.com/"}},
	}, quietLog())
	if err != nil {
		t.Fatal(err)
	}
	list := []tracker.Product{product("1")}
	commit(t, db, "tencent", nine, list...)
	s := complete("tencent", nine.Add(h), list...)
	s.Pictures = map[tracker.ProductID]tracker.Picture{}
	for i, start := range []string{"=HYPERLINK(\"http://x\")", "+1", "-1", "@SUM(A1)", "\t=1", "\r\n=1", "\u202e=1", "＝1", " =1"} {
		p := product(fmt.Sprint(10 + i))
		p.Title = start + "\r\nBcc: x@example.com\u2028糖大夫血糖仪"
		s.Products = append(s.Products, p)
		file, err := db.KeepEvidence(ctx, noise(200+i, 200), "jpg")
		if err != nil {
			t.Fatal(err)
		}
		s.Pictures[p.ID] = tracker.Picture{Hash: tracker.ImageHash(fmt.Sprint(i)), File: file}
	}
	s.Evidence.Products = len(s.Products)
	if _, err := db.Commit(ctx, s, tracker.DefaultRules()); err != nil {
		t.Fatal(err)
	}
	flushUntil(t, n, db)
	raw := srv.Mails()[0].Raw
	m, err := mail.ReadMessage(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	checkHeaders(t, m.Header, string(raw))
	if created := allReports(t, db)[0].Created; m.Header.Get("Date") != created.Truncate(time.Second).Format(time.RFC1123Z) {
		t.Errorf("Date: %s, want that of the report, %v", m.Header.Get("Date"), created)
	}

	e := readEntity(t, textproto.MIMEHeader(m.Header), m.Body)
	want := "multipart/mixed(multipart/alternative(text/plain, multipart/related(text/html" + strings.Repeat(", image/jpeg", 9) + ")), text/csv)"
	if e.shape() != want {
		t.Fatalf("shape %s\nwant  %s", e.shape(), want)
	}
	related := e.parts[0].parts[1]
	if _, params, err := mime.ParseMediaType(related.header.Get("Content-Type")); err != nil || params["type"] != "text/html" {
		t.Errorf("Content-Type: %s, %v, want the type of its root (RFC 2387)", related.header.Get("Content-Type"), err)
	}
	text, html := string(e.parts[0].parts[0].body), string(related.parts[0].body)
	leave := regexp.MustCompile(`<(https://[^>]+)>`).FindStringSubmatch(m.Header.Get("List-Unsubscribe"))
	if leave == nil || !strings.Contains(text, leave[1]) || !strings.Contains(escape.UnescapeString(html), leave[1]) {
		t.Errorf("people who read the mail are not told of %v", leave)
	}
	if strings.Contains(text, "\nBcc:") || strings.Contains(html, "HYPERLINK(\"") {
		t.Error("a title does what it says")
	}
	shown := make(map[string]int)
	for _, src := range regexp.MustCompile(`src="([^"]*)"`).FindAllStringSubmatch(html, -1) {
		cid, ok := strings.CutPrefix(src[1], "cid:")
		if !ok {
			t.Errorf("the HTML loads %s", src[1])
		}
		shown["<"+cid+">"]++
	}
	for _, p := range related.parts[1:] {
		id := p.header.Get("Content-ID")
		if mail := strings.Trim(m.Header.Get("Message-ID"), "<>"); !strings.HasSuffix(id, "."+mail+">") {
			t.Errorf("Content-ID %s may be that of a picture in another mail than %s", id, mail)
		}
		if shown[id] == 0 || !strings.HasPrefix(p.header.Get("Content-Disposition"), "inline") {
			t.Errorf("picture %s is shown %d times, and is %s", id, shown[id], p.header.Get("Content-Disposition"))
		}
		delete(shown, id)
		if !bytes.HasPrefix(p.body, []byte("\xff\xd8\xff")) {
			t.Errorf("picture %s is no JPEG", id)
		}
	}
	if len(shown) > 0 {
		t.Errorf("pictures that are not there: %v", shown)
	}
	checkTable(t, e.parts[1], 9)
}

// checkHeaders looks at the header of a mail, also in its raw form.
func checkHeaders(t *testing.T, header mail.Header, raw string) {
	t.Helper()
	for name, want := range map[string]string{
		"Auto-Submitted": "auto-generated", "List-Id": "<analysts.shopwatch.example.com>",
		"List-Unsubscribe-Post": "List-Unsubscribe=One-Click", "Mime-Version": "1.0", "Bcc": "",
	} {
		if got := header.Get(name); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
	for name, values := range header {
		if len(values) > 1 {
			t.Errorf("%d headers %s", len(values), name)
		}
	}
	if id := header.Get("Message-ID"); !regexp.MustCompile(`^<[0-9]+\.[0-9a-f]{20}@example\.com>$`).MatchString(id) {
		t.Errorf("Message-ID: %s", id)
	}
	to, err := header.AddressList("To")
	if err != nil || len(to) != 1 || to[0].Name != "王芳" || to[0].Address != "a+b@example.com" {
		t.Errorf("To: %v, %v", to, err)
	}
	leave := regexp.MustCompile(`^<(https://[^>]+)>, <mailto:[^>]+>$`).FindStringSubmatch(header.Get("List-Unsubscribe"))
	if leave == nil {
		t.Fatalf("List-Unsubscribe: %s, want an https address and a mail address", header.Get("List-Unsubscribe"))
	}
	if u, err := url.Parse(leave[1]); err != nil || u.Query().Get("to") != "王芳 <a+b@example.com>" {
		t.Errorf("List-Unsubscribe: %s, %v", leave[1], err)
	}
	const subject = "[腾讯官方数码旗舰店] 上新 9 · 11月22日 10:00"
	words := new(mime.WordDecoder)
	if got, err := words.DecodeHeader(header.Get("Subject")); got != subject || err != nil {
		t.Errorf("Subject: %s, %v, want %s", got, err, subject)
	}
	head, _, _ := strings.Cut(raw, "\r\n\r\n")
	if strings.Contains(strings.ReplaceAll(head, "\r\n", ""), "\n") || strings.Contains(head, "\r\n\r\n") {
		t.Error("the header has a bare line feed")
	}
	whole := ""
	for _, line := range strings.Split(head, "\r\n") {
		if len(line) > 998 || strings.Contains(line, "=?") && len(line) > 76 {
			t.Errorf("a line of %d characters: %s", len(line), line)
		}
		if strings.TrimSpace(strings.TrimPrefix(line, "Subject:")) == "" {
			t.Errorf("an empty line: %q", line)
		}
		for _, word := range regexp.MustCompile(`=\?utf-8\?[^ ]+\?=`).FindAllString(line, -1) {
			if len(word) > 75 {
				t.Errorf("an encoded word of %d characters: %s", len(word), word)
			}
			text, err := words.Decode(word)
			if err != nil || !utf8.ValidString(text) {
				t.Errorf("an encoded word is cut inside of a character: %s", word)
			}
			whole += text
		}
	}
	if !strings.Contains(whole, subject) {
		t.Errorf("the encoded words of the header say %q", whole)
	}
}

// checkTable looks at the attached CSV file.
func checkTable(t *testing.T, e entity, rows int) {
	t.Helper()
	if _, params, err := mime.ParseMediaType(e.header.Get("Content-Disposition")); err != nil || params["filename"] != "changes.csv" {
		t.Errorf("Content-Disposition: %s, %v", e.header.Get("Content-Disposition"), err)
	}
	rest, ok := bytes.CutPrefix(e.body, []byte("\ufeff"))
	if !ok {
		t.Error("no byte order mark: Excel would read it in another encoding")
	}
	table, err := csv.NewReader(bytes.NewReader(rest)).ReadAll()
	if err != nil || len(table) != rows+1 || bytes.Count(rest, []byte("\r\n")) != rows+1 {
		t.Fatalf("%d rows, %v, want %d and lines that end with CR LF", len(table), err, rows+1)
	}
	for _, row := range table[1:] {
		for i, cell := range row {
			if strings.ContainsAny(cell, "\t\r\n\u202e") || cell != "" && strings.ContainsRune("=+-@＝＋－＠", []rune(strings.TrimSpace(cell))[0]) {
				t.Errorf("%s is %q, which a spreadsheet may calculate", table[0][i], cell)
			}
		}
	}
}

// TestEncodedWords: each has 75 characters at most (RFC 2047), stands on a line
// with the header's name, and is cut between characters.
func TestEncodedWords(t *testing.T) {
	for _, s := range []string{
		"plain", "[Tencent flagship] Cannot read the storefront: login needed and more · 22 Nov 09:01",
		"[腾讯官方数码旗舰店] 上新 12，下架 3，重新上架 1 · 11月22日 10:00", strings.Repeat("a", 78), strings.Repeat("店", 78),
		strings.Repeat("a", 60) + "·" + strings.Repeat("b=?_ ", 20), "👨‍👩‍👧" + strings.Repeat(" x", 30), "",
	} {
		coded := notify.EncodeWords(s)
		for _, word := range strings.Fields(coded) {
			if len(word) > 75 || len("Subject: "+word) > 76 {
				t.Errorf("%q: an encoded word of %d characters: %s", s, len(word), word)
			}
			if text, err := new(mime.WordDecoder).Decode(word); err != nil || !utf8.ValidString(text) {
				t.Errorf("%q: the word %s says %q, %v", s, word, text, err)
			}
		}
		if got, err := new(mime.WordDecoder).DecodeHeader(coded); got != s || err != nil {
			t.Errorf("%q comes back as %q, %v", s, got, err)
		}
	}
}

package archive

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/base32"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/textproto"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A warcRecord is one record of a WARC file (ISO 28500), each packed by itself
// so that a viewer can begin at any of them.
type warcRecord struct {
	kind   string // warcinfo, response, request, resource
	url    string
	at     time.Time
	form   string // media type of the block
	digest string // of the payload
	with   string // the record that it belongs to
	fields [][2]string
	block  []byte
}

// id names a record by its content, so that the same capture always makes the
// same file.
func (r *warcRecord) id() string {
	h := sha256.New()
	fmt.Fprintf(h, "%s %s %d\n", r.kind, r.url, r.at.UnixMilli())
	h.Write(r.block)
	b := h.Sum(nil)[:16]
	b[6], b[8] = b[6]&0x0f|0x80, b[8]&0x3f|0x80 // a UUID of version 8: of one's own making
	return fmt.Sprintf("<urn:uuid:%x-%x-%x-%x-%x>", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// payloadDigest is that of a body, as it stands in records.
func payloadDigest(b []byte) string {
	sum := sha256.Sum256(b)
	return "sha256:" + strings.TrimRight(base32.StdEncoding.EncodeToString(sum[:]), "=")
}

// warcTime is how times stand in records.
const warcTime = "2006-01-02T15:04:05.000Z"

// write appends the record.
func (r *warcRecord) write(w io.Writer) error {
	z := gzip.NewWriter(w)
	fmt.Fprintf(z, "WARC/1.1\r\nWARC-Type: %s\r\nWARC-Record-ID: %s\r\nWARC-Date: %s\r\n", r.kind, r.id(), r.at.UTC().Format(warcTime))
	if r.url != "" {
		fmt.Fprintf(z, "WARC-Target-URI: %s\r\n", oneWord(r.url))
	}
	if r.digest != "" {
		fmt.Fprintf(z, "WARC-Payload-Digest: %s\r\n", r.digest)
	}
	if r.with != "" {
		fmt.Fprintf(z, "WARC-Concurrent-To: %s\r\n", r.with)
	}
	for _, f := range r.fields {
		fmt.Fprintf(z, "%s: %s\r\n", f[0], f[1])
	}
	fmt.Fprintf(z, "Content-Type: %s\r\nContent-Length: %d\r\n\r\n", r.form, len(r.block))
	if _, err := z.Write(r.block); err != nil {
		return err
	}
	if _, err := io.WriteString(z, "\r\n\r\n"); err != nil {
		return err
	}
	return z.Close()
}

// infoOf is the record that says how the others came about.
func infoOf(c *Capture) *warcRecord {
	lacks := ""
	if len(c.Reading.Left) > 0 {
		lacks = " Not everything that was answered is in this file: see left in scan.json."
	}
	text := "software: " + oneLine(c.Reading.Software) + "\r\n" +
		"format: WARC File Format 1.1\r\n" +
		"conformsTo: https://iipc.github.io/warc-specifications/specifications/warc-format/warc-1.1/\r\n" +
		"description: Read through the protocol of a browser or by an HTTP client. Bodies are decoded (no transfer or content encoding, text as UTF-8 where a browser read it) " +
		"and headers are rebuilt; neither is what came over the wire. Cookies, tokens and what names an account were taken out: see redacted in scan.json." + lacks + "\r\n"
	return &warcRecord{kind: "warcinfo", at: c.Reading.Began, form: "application/warc-fields", block: []byte(text)}
}

// records are those of one answer: it, and what was sent along with its question.
func (r *Record) records() []*warcRecord {
	if r.Status == 0 {
		return []*warcRecord{{kind: "resource", url: r.URL, at: r.At, form: contentType(r.Header), digest: payloadDigest(r.Body), block: r.Body}}
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "HTTP/1.1 %d %s\r\n", r.Status, http.StatusText(r.Status))
	writeHeader(&b, r.Header)
	fmt.Fprintf(&b, "Content-Length: %d\r\n\r\n", len(r.Body))
	b.Write(r.Body)
	answer := &warcRecord{kind: "response", url: r.URL, at: r.At, form: "application/http; msgtype=response", digest: payloadDigest(r.Body), block: b.Bytes()}
	if r.Page {
		answer.fields = append(answer.fields, [2]string{"WARC-Resource-Type", "document"})
	}
	if r.method() == http.MethodGet && len(r.Post) == 0 {
		return []*warcRecord{answer}
	}
	var q bytes.Buffer
	fmt.Fprintf(&q, "%s / HTTP/1.1\r\nContent-Length: %d\r\n\r\n", r.method(), len(r.Post))
	q.Write(r.Post)
	question := &warcRecord{kind: "request", url: r.URL, at: r.At, form: "application/http; msgtype=request", with: answer.id(), block: q.Bytes()}
	return []*warcRecord{answer, question}
}

func (r *Record) method() string {
	if r.Method == "" {
		return http.MethodGet
	}
	return r.Method
}

// rebuilt are headers that speak of the wire, where the body was another one.
var rebuilt = []string{"Content-Encoding", "Content-Length", "Transfer-Encoding", "Connection", "Keep-Alive", "Trailer"}

// writeHeader writes headers in the order of their names.
func writeHeader(b *bytes.Buffer, h http.Header) {
	for _, name := range slices.Sorted(maps.Keys(h)) {
		if slices.Contains(rebuilt, http.CanonicalHeaderKey(name)) || !token(name) {
			continue
		}
		for _, v := range h[name] {
			fmt.Fprintf(b, "%s: %s\r\n", name, oneLine(v))
		}
	}
}

// token reports whether a text can be the name of a header.
func token(name string) bool {
	return name != "" && !strings.ContainsFunc(name, func(c rune) bool {
		return c <= ' ' || c >= 0x7f || strings.ContainsRune(`"(),/:;<=>?@[\]{}`, c)
	})
}

// oneLine makes a text one that cannot begin another line.
func oneLine(text string) string {
	return strings.Map(func(c rune) rune {
		if c < ' ' && c != '\t' || c == 0x7f {
			return ' '
		}
		return c
	}, text)
}

func contentType(h http.Header) string {
	if t := oneLine(h.Get("Content-Type")); t != "" {
		return t
	}
	return "application/octet-stream"
}

// errBounds says that a file is larger than any capture.
var errBounds = errors.New("it is larger than any capture of shopwatch")

// readWARC reads the records of a WARC file.
func readWARC(data io.Reader) (records []Record, err error) {
	in := bufio.NewReader(data)
	z := new(gzip.Reader)
	left := int64(mostBodies + mostRecords*mostHeader)
	posts := make(map[string]*http.Request)
	ids := make(map[string]int)
	for n := 0; ; n++ {
		if _, err := in.Peek(1); errors.Is(err, io.EOF) {
			break
		}
		if n > 2*mostRecords {
			return nil, errBounds
		}
		if err := z.Reset(in); err != nil {
			return nil, fmt.Errorf("record %d: %w", n+1, err)
		}
		z.Multistream(false)
		whole, err := io.ReadAll(io.LimitReader(z, left+1))
		if err != nil {
			return nil, fmt.Errorf("record %d: %w", n+1, err)
		}
		if left -= int64(len(whole)); left < 0 {
			return nil, errBounds
		}
		head, block, err := splitRecord(whole)
		if err != nil {
			return nil, fmt.Errorf("record %d: %w", n+1, err)
		}
		if head.Get("Warc-Type") == "request" {
			q, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(block)))
			if err != nil {
				return nil, fmt.Errorf("record %d: %w", n+1, err)
			}
			posts[head.Get("Warc-Concurrent-To")] = q
			continue
		}
		r, err := recordOf(head, block)
		if err != nil {
			return nil, fmt.Errorf("record %d: %w", n+1, err)
		}
		if r != nil {
			ids[head.Get("Warc-Record-Id")] = len(records)
			records = append(records, *r)
		}
	}
	for id, q := range posts {
		i, known := ids[id]
		if !known {
			return nil, errors.New("a question has no answer")
		}
		records[i].Method = q.Method
		if records[i].Post, err = io.ReadAll(io.LimitReader(q.Body, mostAddress)); err != nil {
			return nil, err
		}
	}
	return records, nil
}

// splitRecord takes the head of a record from its block.
func splitRecord(whole []byte) (head textproto.MIMEHeader, block []byte, err error) {
	first, rest, found := bytes.Cut(whole, []byte("\r\n"))
	if !found || !bytes.HasPrefix(first, []byte("WARC/1.")) {
		return nil, nil, errors.New("it is no WARC record")
	}
	end := bytes.Index(rest, []byte("\r\n\r\n"))
	if end < 0 || end > 4*mostAddress {
		return nil, nil, errors.New("its head does not end")
	}
	head, err = textproto.NewReader(bufio.NewReader(bytes.NewReader(rest[:end+4]))).ReadMIMEHeader()
	if err != nil {
		return nil, nil, err
	}
	block = rest[end+4:]
	length, err := strconv.Atoi(head.Get("Content-Length"))
	if err != nil || length < 0 || length > len(block) {
		return nil, nil, errors.New("it is cut short")
	}
	return head, block[:length], nil
}

// recordOf is the answer or the thing in a record, nil where it holds neither.
func recordOf(head textproto.MIMEHeader, block []byte) (*Record, error) {
	at, err := time.Parse(time.RFC3339Nano, head.Get("Warc-Date"))
	if err != nil {
		return nil, err
	}
	r := &Record{URL: head.Get("Warc-Target-Uri"), At: at.UTC(), Page: head.Get("Warc-Resource-Type") == "document"}
	switch head.Get("Warc-Type") {
	case "resource":
		r.Header = http.Header{"Content-Type": {head.Get("Content-Type")}}
		r.Body = block
	case "response":
		resp, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(block)), nil)
		if err != nil {
			return nil, err
		}
		r.Status, r.Header = resp.StatusCode, resp.Header
		r.Body, err = io.ReadAll(io.LimitReader(resp.Body, mostBody+1))
		if err = errors.Join(err, resp.Body.Close()); err != nil {
			return nil, err
		}
		delete(r.Header, "Content-Length")
	default:
		return nil, nil
	}
	if len(r.Body) > mostBody {
		return nil, errBounds
	}
	if head.Get("Warc-Payload-Digest") != payloadDigest(r.Body) {
		return nil, fmt.Errorf("the body of %s does not have the digest of its record", clip(r.URL))
	}
	return r, nil
}

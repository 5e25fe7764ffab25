package archive

import (
	"archive/zip"
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"
)

// The files of a capture.
const (
	warcFile    = "archive/data.warc.gz"
	indexFile   = "indexes/index.cdx"
	pagesFile   = "pages/pages.jsonl"
	readingFile = "scan.json"
	packageFile = "datapackage.json"
	digestName  = "datapackage-digest.json"
)

// Pack writes a capture as a WACZ file: the same file for the same capture and
// key. Redact it before.
func (c *Capture) Pack(s *Signer) ([]byte, error) {
	if c.Reading.Redacted == nil {
		c.Reading.Redacted = []Redaction{}
	}
	c.Reading.Began = c.Reading.Began.UTC().Truncate(time.Millisecond)
	warc, index, err := c.warc()
	if err != nil {
		return nil, err
	}
	pages, err := c.pages()
	if err != nil {
		return nil, err
	}
	reading, err := json.MarshalIndent(&c.Reading, "", "  ")
	if err != nil {
		return nil, err
	}
	files := []File{{warcFile, warc}, {indexFile, index}, {pagesFile, pages}, {readingFile, append(reading, '\n')}}
	list, err := json.MarshalIndent(c.dataPackage(files), "", "  ")
	if err != nil {
		return nil, err
	}
	digest, err := s.sign(hashOf(list), c.Reading.Software, c.Reading.Began)
	if err != nil {
		return nil, err
	}
	signed, err := json.MarshalIndent(digest, "", "  ")
	if err != nil {
		return nil, err
	}
	return pack(append(files, File{packageFile, list}, File{digestName, append(signed, '\n')}), c.Reading.Began)
}

// pack writes the files of a capture. They are not compressed, so that a viewer
// can read a part of one.
func pack(files []File, at time.Time) ([]byte, error) {
	return Zip(files, at.Truncate(2*time.Second), zip.Store)
}

func hashOf(b []byte) string { return fmt.Sprintf("sha256:%x", sha256.Sum256(b)) }

// warc writes the records, and the index by which a viewer finds them.
func (c *Capture) warc() (warc, index []byte, err error) {
	var b bytes.Buffer
	if err := infoOf(c).write(&b); err != nil {
		return nil, nil, err
	}
	var lines []string
	for i := range c.Records {
		r := &c.Records[i]
		for n, w := range r.records() {
			from := b.Len()
			if err := w.write(&b); err != nil {
				return nil, nil, err
			}
			if n > 0 {
				continue // found by the record before
			}
			line, err := r.indexLine(from, b.Len()-from, w.digest)
			if err != nil {
				return nil, nil, err
			}
			lines = append(lines, line)
		}
	}
	slices.Sort(lines)
	return b.Bytes(), []byte(strings.Join(lines, "")), nil
}

// indexLine is the line of a record in the index (CDXJ).
func (r *Record) indexLine(offset, length int, digest string) (string, error) {
	kind, _, _ := strings.Cut(contentType(r.Header), ";")
	entry, err := json.Marshal(struct {
		URL      string `json:"url"`
		Mime     string `json:"mime"`
		Status   string `json:"status"`
		Digest   string `json:"digest"`
		Length   string `json:"length"`
		Offset   string `json:"offset"`
		Filename string `json:"filename"`
	}{r.URL, strings.TrimSpace(kind), fmt.Sprint(cmp.Or(r.Status, 200)), digest, fmt.Sprint(length), fmt.Sprint(offset), "data.warc.gz"})
	return fmt.Sprintf("%s %s %s\n", indexKey(r.URL), r.At.UTC().Format("20060102150405"), entry), err
}

// indexKey is an address with its host from the right to the left, by which the
// index is ordered.
func indexKey(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return oneWord(address)
	}
	parts := strings.Split(strings.TrimPrefix(strings.ToLower(u.Hostname()), "www."), ".")
	slices.Reverse(parts)
	key := strings.Join(parts, ",")
	if p := u.Port(); p != "" {
		key += ":" + p
	}
	key += ")" + cmp.Or(strings.ToLower(u.EscapedPath()), "/")
	if u.RawQuery != "" {
		pairs := strings.Split(strings.ToLower(u.RawQuery), "&")
		slices.Sort(pairs)
		key += "?" + strings.Join(pairs, "&")
	}
	return oneWord(key)
}

func oneWord(text string) string { return strings.ReplaceAll(oneLine(text), " ", "%20") }

// pages writes the list of the pages that a viewer offers.
func (c *Capture) pages() ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err := enc.Encode(map[string]any{"format": "json-pages-1.0", "id": "pages", "title": "Pages", "hasText": false})
	shown := c.shown()
	for i, r := range shown {
		title := cmp.Or(r.Title, r.URL)
		err = errors.Join(err, enc.Encode(map[string]any{"id": fmt.Sprint("page", i+1), "url": r.URL, "title": title, "ts": r.At.UTC().Format(warcTime)}))
	}
	return b.Bytes(), err
}

// shown are the records with which a viewer can begin: documents or, where none
// was shown, the answers of an API.
func (c *Capture) shown() (list []*Record) {
	for _, page := range []bool{true, false} {
		for i := range c.Records {
			r := &c.Records[i]
			if r.Page == page && r.Status != 0 && (r.Status < 300 || r.Status >= 400) {
				list = append(list, r)
			}
		}
		if len(list) > 0 {
			break
		}
	}
	return list
}

// A dataPackage is the list of the files with their digests.
type dataPackage struct {
	Profile   string     `json:"profile"`
	Version   string     `json:"wacz_version"`
	Title     string     `json:"title"`
	Created   string     `json:"created"`
	Software  string     `json:"software"`
	Resources []resource `json:"resources"`
}

type resource struct {
	Name  string `json:"name"`
	Path  string `json:"path"`
	Hash  string `json:"hash"`
	Bytes int    `json:"bytes"`
}

func (c *Capture) dataPackage(files []File) *dataPackage {
	r := &c.Reading
	title := fmt.Sprintf("%s, %s, %s", r.Storefront.Name, r.Scope, r.Began.Format("2006-01-02 15:04 UTC"))
	if len(r.Items) == 1 && r.Scope == OfItem {
		title += ": " + r.Items[0].Product.Title
	}
	p := &dataPackage{Profile: "data-package", Version: "1.1.1", Title: title, Created: r.Began.Format(time.RFC3339), Software: r.Software}
	for _, f := range files {
		name := f.Name[strings.LastIndex(f.Name, "/")+1:]
		p.Resources = append(p.Resources, resource{Name: name, Path: f.Name, Hash: hashOf(f.Content), Bytes: len(f.Content)})
	}
	return p
}

// ReadFile reads a file that may be a capture, but no more than shows that it is
// too large for one.
func ReadFile(name string) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, mostFile+1))
}

// Open reads a WACZ file of shopwatch. Its digests and signatures are those that
// it claims: otherwise the error says which are not.
func Open(content []byte) (*Capture, error) {
	p, err := unpack(content)
	if err != nil {
		return nil, err
	}
	c := new(Capture)
	if err := json.Unmarshal(p.files[readingFile], &c.Reading); err != nil {
		return nil, fmt.Errorf("%s: %w", readingFile, err)
	}
	if c.Records, err = readWARC(bytes.NewReader(p.files[warcFile])); err != nil {
		return nil, fmt.Errorf("%s: %w", warcFile, err)
	}
	return c, nil
}

// A packed is a WACZ file that is taken apart.
type packed struct {
	files  map[string][]byte
	order  []string
	at     time.Time
	digest digestFile
}

// mostFiles is how many files a capture has at most, with those that it has got
// later.
const mostFiles = 20

// unpack takes a file apart and verifies it.
func unpack(content []byte) (*packed, error) {
	if len(content) > mostFile {
		return nil, errBounds
	}
	z, err := zip.NewReader(bytes.NewReader(content), int64(len(content)))
	if err != nil {
		return nil, fmt.Errorf("it is no WACZ file: %w", err)
	}
	if len(z.File) > mostFiles {
		return nil, errors.New("it is no capture of shopwatch: it has too many files")
	}
	p := &packed{files: make(map[string][]byte)}
	left := int64(mostFile) // of all together: files of an archive may overlap
	for _, f := range z.File {
		if _, twice := p.files[f.Name]; twice || f.Method != zip.Store {
			return nil, fmt.Errorf("it is no capture of shopwatch: %.50q is compressed or there twice", f.Name)
		}
		r, err := f.Open()
		if err != nil {
			return nil, err
		}
		b, err := io.ReadAll(io.LimitReader(r, left+1))
		if err = errors.Join(err, r.Close()); err != nil {
			return nil, fmt.Errorf("%.50q: %w", f.Name, err)
		}
		if left -= int64(len(b)); left < 0 {
			return nil, errBounds
		}
		p.files[f.Name], p.order, p.at = b, append(p.order, f.Name), f.Modified
	}
	for _, name := range []string{warcFile, readingFile, packageFile, digestName} {
		if _, there := p.files[name]; !there {
			return nil, fmt.Errorf("it is no capture of shopwatch: it has no %s: %w", name, fs.ErrNotExist)
		}
	}
	if err := json.Unmarshal(p.files[digestName], &p.digest); err != nil {
		return nil, fmt.Errorf("%s: %w", digestName, err)
	}
	if err := p.verify(); err != nil {
		return nil, err
	}
	return p, nil
}

// verify compares the files with their digests, and these with the signatures.
func (p *packed) verify() error {
	var list dataPackage
	if err := json.Unmarshal(p.files[packageFile], &list); err != nil {
		return fmt.Errorf("%s: %w", packageFile, err)
	}
	listed := map[string]bool{packageFile: true, digestName: true}
	for _, r := range list.Resources {
		listed[r.Path] = true
		b, there := p.files[r.Path]
		switch {
		case !there:
			return fmt.Errorf("%.50q is missing in it", r.Path)
		case hashOf(b) != r.Hash || len(b) != r.Bytes:
			return fmt.Errorf("%.50q is not what it was when it was captured", r.Path)
		}
	}
	for name := range p.files {
		if !listed[name] && !slices.Contains(added, name) {
			return fmt.Errorf("%.50q was put into it later", name)
		}
	}
	return p.digest.verify(hashOf(p.files[packageFile]))
}

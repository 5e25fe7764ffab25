package notify

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/xml"
	"errors"
	"fmt"
	escape "html"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"shopwatch/tracker"
	"shopwatch/tracker/atomicfile"
	"shopwatch/tracker/report"
)

var feedKind = Kind{
	Name: "feed", Need: []string{"path"}, May: []string{"url"},
	new: func(s Settings) (Sender, error) {
		if s.Path == "" {
			return nil, badSetting("path", "name a folder")
		}
		if s.Address != "" {
			if _, err := webAddress(s.Address); err != nil {
				return nil, err
			}
		}
		return &feed{s}, nil
	},
}

// A feed keeps an Atom file for each storefront in a folder, the newest report
// first, and the pictures of its entries beside it. A report that is in it
// already is not written again. Its key url
// says where people find the folder.
type feed struct{ Settings }

func (f *feed) Recipients() []string { return []string{filepath.Base(f.Path)} }

// feedEntries is how many reports a feed keeps.
const feedEntries = 100

type atomFeed struct {
	XMLName   xml.Name    `xml:"http://www.w3.org/2005/Atom feed"`
	Lang      string      `xml:"http://www.w3.org/XML/1998/namespace lang,attr"`
	ID        string      `xml:"id"`
	Title     string      `xml:"title"`
	Updated   string      `xml:"updated"`
	Author    string      `xml:"author>name"`
	Generator string      `xml:"generator"`
	Links     []atomLink  `xml:"link"`
	Entries   []atomEntry `xml:"entry"`
}

type atomEntry struct {
	ID      string      `xml:"id"`
	Title   string      `xml:"title"`
	Updated string      `xml:"updated"`
	Link    *atomLink   `xml:"link"`
	Content atomContent `xml:"content"`
}

type atomLink struct {
	Rel  string `xml:"rel,attr,omitempty"`
	Type string `xml:"type,attr,omitempty"`
	Href string `xml:"href,attr"`
}

type atomContent struct {
	Type string `xml:"type,attr"`
	Body string `xml:",chardata"`
}

func (f *feed) Send(ctx context.Context, l *Message) (string, error) {
	if err := os.MkdirAll(f.Path, 0o755); err != nil {
		return "", &Unreachable{err}
	}
	about := names(l.Story)
	for _, q := range l.Story.Quiet {
		about = append(about, q.Storefront)
	}
	for _, name := range about {
		if err := f.add(ctx, name, l, report.New(only(l.Story, name))); err != nil {
			return "", &Unreachable{fmt.Errorf("feed of %s: %w", name, err)}
		}
	}
	return "written", nil
}

// only is the part of a story that is about one storefront.
func only(s *report.Story, name tracker.StorefrontName) report.Story {
	part := *s
	part.Changes, part.Scans, part.Suspects, part.Quiet = nil, nil, nil, nil
	for i := range s.Changes {
		if s.Changes[i].Storefront == name {
			part.Changes = append(part.Changes, s.Changes[i])
		}
	}
	for i := range s.Scans {
		if s.Scans[i].Storefront == name {
			part.Scans = append(part.Scans, s.Scans[i])
		}
	}
	for _, suspect := range s.Suspects {
		if suspect.Storefront == name {
			part.Suspects = append(part.Suspects, suspect)
		}
	}
	for _, q := range s.Quiet {
		if q.Storefront == name {
			part.Quiet = append(part.Quiet, q)
		}
	}
	return part
}

// add puts an entry on top of the feed of a storefront.
func (f *feed) add(ctx context.Context, name tracker.StorefrontName, l *Message, m *report.Mail) error {
	base := filepath.Base(string(name))
	path := filepath.Join(f.Path, base+".xml")
	var a atomFeed
	text, err := os.ReadFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return err
	default:
		if err := xml.Unmarshal(text, &a); err != nil {
			return fmt.Errorf("%s is no Atom feed, move it away: %w", path, err)
		}
	}
	id := "urn:shopwatch:" + l.ID
	for _, e := range a.Entries {
		if e.ID == id {
			return nil
		}
	}
	body, err := f.body(ctx, base, m)
	if err != nil {
		return err
	}
	at := l.Story.Report.Created.UTC().Format(time.RFC3339)
	e := atomEntry{ID: id, Title: m.Title(), Updated: at, Content: atomContent{"html", body}}
	a.XMLName, a.Lang = xml.Name{}, report.Language(l.Story.Lang)
	a.ID = "urn:shopwatch:" + l.Instance + ":" + l.Story.Report.Channel + ":" + string(name)
	a.Title, a.Updated, a.Author, a.Generator, a.Links = m.Heading(), at, "shopwatch", "shopwatch", nil
	if self := f.address(base + ".xml"); self != "" {
		a.Links = append(a.Links, atomLink{"self", "application/atom+xml", self})
	}
	if u := l.Story.Shops[name].URL; u != "" {
		e.Link = &atomLink{"alternate", "text/html", u}
		a.Links = append(a.Links, *e.Link)
	}
	a.Entries = append([]atomEntry{e}, a.Entries...)
	a.Entries = a.Entries[:min(len(a.Entries), feedEntries)]
	out, err := xml.MarshalIndent(&a, "", " ")
	if err != nil {
		return err
	}
	if err := atomicfile.Write(path, append([]byte(xml.Header), append(out, '\n')...), forAll); err != nil {
		return err
	}
	return f.sweep(base, a.Entries)
}

// address is where people find a file of the folder; empty where nobody knows.
func (f *feed) address(file string) string {
	if f.Address == "" {
		return ""
	}
	return strings.TrimSuffix(f.Address, "/") + "/" + file
}

// body is what an entry says, with its pictures in files beside the feed. Where
// nobody knows the address of the folder they are left out.
func (f *feed) body(ctx context.Context, base string, m *report.Mail) (string, error) {
	html, pictures, err := m.Feed(ctx)
	if err != nil {
		return "", err
	}
	var places []string
	for _, p := range pictures {
		sum := sha256.Sum256(p.Content)
		name := base + "-" + hex.EncodeToString(sum[:8]) + filepath.Ext(p.Name)
		if _, err := os.Stat(filepath.Join(f.Path, name)); err != nil {
			if err := atomicfile.Write(filepath.Join(f.Path, name), p.Content, forAll); err != nil {
				return "", err
			}
		}
		places = append(places, `"cid:`+p.Name+`"`, `"`+escape.EscapeString(cmp.Or(f.address(name), name))+`"`)
	}
	return strings.NewReplacer(places...).Replace(html), nil
}

// forAll is the mode of what a web server reads too.
const forAll = 0o644

// feedPicture is how the names of pictures end, behind that of the storefront.
var feedPicture = regexp.MustCompile(`-[0-9a-f]{16}\.(?:jpg|png|gif)`)

// sweep removes the pictures of a feed that no entry shows any more.
func (f *feed) sweep(base string, entries []atomEntry) error {
	files, err := os.ReadDir(f.Path)
	if err != nil {
		return err
	}
	shown := make(map[string]bool)
	for i := range entries {
		for _, m := range feedPicture.FindAllString(entries[i].Content.Body, -1) {
			shown[m] = true
		}
	}
	for _, file := range files {
		ending, ok := strings.CutPrefix(file.Name(), base)
		if !ok || feedPicture.FindString(ending) != ending || shown[ending] {
			continue
		}
		if err := os.Remove(filepath.Join(f.Path, file.Name())); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

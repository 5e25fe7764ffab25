package notify

import (
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"html"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"shopwatch/tracker"
	"shopwatch/tracker/report"
)

var feedKind = Kind{
	Name: "feed", Need: []string{"path"},
	new: func(s Settings) (Sender, error) {
		if s.Path == "" {
			return nil, badSetting("path", "name a folder")
		}
		return &feed{s}, nil
	},
}

// A feed keeps an Atom file for each storefront in a folder, the newest report
// first. A report that is in it already is not written again.
type feed struct{ Settings }

func (f *feed) Recipients() []string { return []string{filepath.Base(f.Path)} }

// feedEntries is how many reports a feed keeps.
const feedEntries = 100

type atomFeed struct {
	XMLName xml.Name    `xml:"http://www.w3.org/2005/Atom feed"`
	ID      string      `xml:"id"`
	Title   string      `xml:"title"`
	Updated string      `xml:"updated"`
	Author  string      `xml:"author>name"`
	Entries []atomEntry `xml:"entry"`
}

type atomEntry struct {
	ID      string      `xml:"id"`
	Title   string      `xml:"title"`
	Updated string      `xml:"updated"`
	Link    *atomLink   `xml:"link"`
	Content atomContent `xml:"content"`
}

type atomLink struct {
	Href string `xml:"href,attr"`
}

type atomContent struct {
	Type string `xml:"type,attr"`
	Body string `xml:",chardata"`
}

func (f *feed) Send(_ context.Context, l *Message) (string, error) {
	if err := os.MkdirAll(f.Path, 0o755); err != nil {
		return "", &Unreachable{err}
	}
	about := names(l.Story)
	for _, q := range l.Story.Quiet {
		about = append(about, q.Storefront)
	}
	for _, name := range about {
		if err := f.add(name, l, report.New(only(l.Story, name))); err != nil {
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
func (f *feed) add(name tracker.StorefrontName, l *Message, m *report.Mail) error {
	path := filepath.Join(f.Path, filepath.Base(string(name))+".xml")
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
	at := l.Story.Report.Created.UTC().Format(time.RFC3339)
	id := "urn:shopwatch:" + l.ID
	for _, e := range a.Entries {
		if e.ID == id {
			return nil
		}
	}
	e := atomEntry{ID: id, Title: m.Subject(), Updated: at, Content: atomContent{"html", feedHTML(m.Text(""))}}
	if u := l.Story.Shops[name].URL; u != "" {
		e.Link = &atomLink{u}
	}
	a.XMLName = xml.Name{}
	a.ID = "urn:shopwatch:" + l.Story.Report.Channel + ":" + string(name)
	a.Title = strings.TrimSpace("shopwatch " + title(l.Story, name))
	a.Updated, a.Author = at, "shopwatch"
	a.Entries = append([]atomEntry{e}, a.Entries...)
	a.Entries = a.Entries[:min(len(a.Entries), feedEntries)]
	out, err := xml.MarshalIndent(&a, "", " ")
	if err != nil {
		return err
	}
	return replace(path, append([]byte(xml.Header), append(out, '\n')...))
}

func title(s *report.Story, name tracker.StorefrontName) string {
	if t := s.Shops[name].Title; t != "" {
		return t
	}
	return string(name)
}

var webLink = regexp.MustCompile(`https?://[^\s<>"&]+(?:&amp;[^\s<>"&]+)*`)

// feedHTML writes the text of a report for a feed reader, its addresses as
// links.
func feedHTML(text string) string {
	body, _, _ := strings.Cut(text, "\n-- \n")
	return `<div style="white-space:pre-line">` +
		webLink.ReplaceAllString(html.EscapeString(strings.TrimSpace(body)), `<a href="$0">$0</a>`) + `</div>`
}

// replace writes a file so that a reader sees the old or the new one whole.
func replace(path string, content []byte) (err error) {
	tmp, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(tmp.Name()) // what is left of the attempt
		}
	}()
	_, err = tmp.Write(content)
	if err = errors.Join(err, tmp.Chmod(0o644), tmp.Sync(), tmp.Close()); err != nil {
		return err
	}
	return os.Rename(tmp.Name(), path)
}

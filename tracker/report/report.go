package report

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"strings"
	"sync"

	"shopwatch/tracker"
)

// A Mail is a report in words. Each form is written when it is asked for, and
// then kept: who wants a few lines for a chat pays for no HTML, no pictures and
// no CSV file.
type Mail struct {
	story  Story
	net    []tracker.Change // what the report tells
	undone [][]tracker.Change

	subject func() string
	text    func() string
	brief   func() string
	csv     func() []byte

	drawing  sync.Mutex // guards what follows
	drawn    bool
	html     string // but for its foot
	pictures []Picture
}

// New returns the report of a story. Nothing of it is written yet.
func New(s Story) *Mail {
	s = s.grouped()
	m := &Mail{story: s, net: s.Changes}
	if s.Net {
		m.net, m.undone = Net(s.Changes)
	}
	m.subject = sync.OnceValue(func() string { v := m.viewer(limits{}); return v.subject(v.at()) })
	m.text = sync.OnceValue(func() string { return m.viewer(limits{}).view().text() })
	m.brief = sync.OnceValue(func() string { return m.viewer(limits{rows: briefRows, scans: 1}).view().brief() })
	m.csv = sync.OnceValue(s.csv)
	return m
}

// Subject is one line of at most 78 characters, not encoded.
func (m *Mail) Subject() string { return m.subject() }

// A Foot is what a report ends with beside what is the same for all its readers.
type Foot struct {
	Leave string // address at which its reader unsubscribes; empty for none
	PDF   string // name of the Document that is attached; empty for none
	NoPDF bool   // one should be attached, and could not be made
}

// Text is everything in plain text, lines ended by "\n".
func (m *Mail) Text(f Foot) string {
	v := m.viewer(limits{})
	lines := v.foot(f)
	w := v.witness()
	if w.MethodURL != "" {
		w.Method += ": " + w.MethodURL
	}
	lines = append(lines, w.Method)
	if f.Leave != "" {
		lines = append(lines, v.w.Leave+": "+f.Leave)
	}
	if len(w.Checkpoint) > 0 {
		lines = append(lines, "", w.Why, "")
		lines = append(lines, w.Checkpoint...)
		lines = append(lines, w.Key)
	}
	return m.text() + "\n-- \n" + strings.Join(append(lines, ""), "\n")
}

// Checkpoint is the signed state of the change log in one line, for chats; empty
// when the report names none.
func (m *Mail) Checkpoint() string { return strings.Join(strings.Fields(m.story.Checkpoint), " ") }

// Method is the address at which people read how a verdict comes about, and what
// that is called; empty where they can reach none.
func (m *Mail) Method() (words, url string) {
	if words, url = m.viewer(limits{}).method(); url == "" {
		return "", ""
	}
	return words, url
}

// Brief is the report in a few lines, for chats: the subject is not repeated.
func (m *Mail) Brief() string { return m.brief() }

// CSV is every change in a file for spreadsheets; nil when there are none.
func (m *Mail) CSV() []byte { return m.csv() }

// HTML returns at most MaxHTML bytes, which refer to the pictures as "cid:" and
// their names. The error is that of ctx when it ended before all pictures were
// loaded, else a mistake in this package.
func (m *Mail) HTML(ctx context.Context, end Foot) (string, []Picture, error) {
	m.drawing.Lock()
	defer m.drawing.Unlock()
	if err := m.draw(ctx); err != nil {
		return "", nil, err
	}
	v := m.viewer(limits{})
	b := bytes.NewBufferString(m.html)
	f := foot{Lines: v.foot(end), Leave: link(end.Leave), Words: v.w.Leave, witness: v.witness()}
	if err := write(b, "foot", f); err != nil {
		return "", nil, fmt.Errorf("write report %d: %w", m.story.Report.ID, err)
	}
	return b.String(), m.pictures, nil
}

// footRoom is how many bytes of the HTML are kept free for its foot, which may
// hold a long address.
const footRoom = 3000

// draw writes the HTML but for its foot.
func (m *Mail) draw(ctx context.Context) error {
	if m.drawn {
		return nil
	}
	load := once(ctx, m.story.Picture) // a picture is decoded and scaled
	shot := once(ctx, m.story.Shot)
	most := limits{shops: 60, rows: maxPictures, scans: 6}
	for {
		vr := m.viewer(most)
		vr.load, vr.loadShot = load, shot
		v := vr.view()
		var b bytes.Buffer
		if err := write(&b, "mail.html", v); err != nil {
			return fmt.Errorf("write report %d: %w", m.story.Report.ID, err)
		}
		if err := ctx.Err(); err != nil {
			return err // pictures may be missing
		}
		if b.Len() <= MaxHTML-footRoom && encoded(b.Bytes()) <= MaxEncoded-footRoom || most.shops <= 1 {
			m.drawn, m.html, m.pictures = true, b.String(), v.Pictures
			return nil
		}
		if most.rows > 3 {
			most.rows -= max(most.rows/8, 1)
		} else {
			most.shops, most.scans = most.shops/2, 2
		}
	}
}

// feedRows is how many rows of a section a feed shows at most.
const feedRows = 200

// Feed returns the report for a reader of feeds: paragraphs and lists without
// any style, which refer to the pictures as HTML does, and say nothing of files
// that are attached. Its title is that of Title.
func (m *Mail) Feed(ctx context.Context) (string, []Picture, error) {
	return m.as(ctx, "feed", limits{rows: feedRows, scans: 6, pictures: 12, shots: 4})
}

// as writes the report, with what it ends with, by a template. The error is that
// of ctx when pictures may be missing.
func (m *Mail) as(ctx context.Context, template string, most limits) (string, []Picture, error) {
	vr := m.viewer(most)
	vr.load, vr.loadShot = once(ctx, m.story.Picture), once(ctx, m.story.Shot)
	v := vr.view()
	v.witness = vr.witness()
	var b bytes.Buffer
	if err := write(&b, template, v); err != nil {
		return "", nil, fmt.Errorf("write report %d as a %s: %w", m.story.Report.ID, template, err)
	}
	return b.String(), v.Pictures, ctx.Err()
}

// Title is the outcome of the subject alone: a feed is about one storefront, and
// its reader shows the time.
func (m *Mail) Title() string {
	v := m.viewer(limits{})
	title := strings.Join(v.outcome(), v.w.Comma)
	if m.story.Sample {
		title = v.w.Sample + title
	}
	return cut(title, 120)
}

// Heading is what people call the storefront, or the storefronts.
func (m *Mail) Heading() string {
	v := m.viewer(limits{})
	title, _ := v.heading(v.storefronts())
	return title
}

// Language is that of a report in which lang was asked for, as documents name
// it: "en", "zh-CN".
func Language(lang string) string { return wordsOf(lang).Lang }

// Page returns the HTML with the pictures in it, for a browser.
func (m *Mail) Page(ctx context.Context) (string, error) {
	html, pictures, err := m.HTML(ctx, Foot{})
	if err != nil {
		return "", err
	}
	return within(html, pictures), nil
}

// within puts the pictures into the HTML that refers to them.
func within(html string, pictures []Picture) string {
	var pairs []string
	for _, p := range pictures {
		pairs = append(pairs, `"cid:`+p.Name+`"`,
			`"data:`+p.Type+`;base64,`+base64.StdEncoding.EncodeToString(p.Content)+`"`)
	}
	return strings.NewReplacer(pairs...).Replace(html)
}

// documentLimits are what a document shows at most: some hundred sheets.
var documentLimits = limits{rows: 1000, scans: 60, pictures: 300, shots: 60}

// Document returns the report as a page that stands alone, to be printed: what it
// tells of each product, also where a mail has no room for it. Its pictures are
// in it.
func (m *Mail) Document(ctx context.Context) ([]byte, error) {
	html, pictures, err := m.as(ctx, "document", documentLimits)
	if err != nil {
		return nil, err
	}
	return []byte(within(html, pictures)), nil
}

// once asks for each picture only once, and for none when ctx is done.
func once(ctx context.Context, load func(context.Context, string) []byte) func(string) []byte {
	if load == nil {
		return nil
	}
	known := make(map[string][]byte)
	return func(name string) []byte {
		b, ok := known[name]
		if !ok && ctx.Err() == nil {
			b = load(ctx, name)
			known[name] = b
		}
		return b
	}
}

// encoded is the length of a text in quoted-printable, or a little more.
func encoded(text []byte) int {
	n := 0
	for _, c := range text {
		if n++; c >= 0x7f || c == '=' {
			n += 2
		}
	}
	return n + n/70*3 // soft line breaks
}

// Again says, for a chat, that a report may have arrived already.
func Again(lang string) string { return wordsOf(lang).Again }

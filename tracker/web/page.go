package web

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2/negotiation"

	"shopwatch/tracker"
	"shopwatch/tracker/api"
	"shopwatch/tracker/report"
)

// A page is what all pages have. Templates call its methods.
type page struct {
	report.Phrases
	Name     string // of the template
	Title    string
	Root     string // the way from the page to the address of the dashboard
	Self     string // the way back
	Theme    string // "light", "dark" or empty
	Role     api.Role
	Version  string
	Now      time.Time
	Window   string // of its charts, by its name
	Machines bool   // several work on the database
	Refresh  int    // seconds until it is loaded again; 0: never
	Printed  bool   // stands alone on paper
	query    url.Values
	titles   map[tracker.StorefrontName]string
	pictures func(name string) template.URL // of a page that stands alone
}

func (p *Pages) page(r *http.Request, name, title string) *page {
	pg := &page{
		Name: name, Role: api.RoleOf(r), Version: p.o.Version, Now: time.Now(),
		Machines: p.o.Fleet != nil,
		Root:     root(r.URL.Path), query: r.URL.Query(), titles: make(map[tracker.StorefrontName]string),
	}
	pg.Phrases = report.Phrases{Lang: language(r), Zone: p.o.Zone}
	pg.Title = pg.T(title)
	pg.Self = strings.TrimPrefix(r.URL.EscapedPath(), "/")
	if r.URL.RawQuery != "" {
		pg.Self += "?" + r.URL.RawQuery
	}
	if c, err := r.Cookie("theme"); err == nil && (c.Value == "light" || c.Value == "dark") {
		pg.Theme = c.Value
	}
	for _, shop := range p.o.Shops {
		pg.titles[shop.Name] = shop.Title
	}
	return pg
}

// HTMLLang is the language for the lang attribute.
func (p *page) HTMLLang() string {
	if p.Lang == "zh" {
		return "zh-CN"
	}
	return "en"
}

// Viewer reports whether who looks may know the recipients of reports.
func (p *page) Viewer() bool { return p.Role >= api.Viewer }

// Operator reports whether who looks may change things.
func (p *page) Operator() bool { return p.Role >= api.Operator }

// render sends a page; v holds a *page.
func (p *Pages) render(w http.ResponseWriter, r *http.Request, status int, pg *page, v any) error {
	var b bytes.Buffer
	if err := templates()[pg.Name].ExecuteTemplate(&b, "frame", v); err != nil {
		return fmt.Errorf("page %s: %w", pg.Name, err)
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Language", pg.HTMLLang())
	w.Header().Set("Vary", "Accept-Language, Accept-Encoding, Cookie")
	if negotiation.SelectQValue(r.Header.Get("Accept-Encoding"), []string{"identity", "gzip"}) != "gzip" {
		w.WriteHeader(status)
		_, _ = w.Write(b.Bytes()) // the reader may be gone
		return nil
	}
	// A page holds no secret that a stranger could guess by its packed length.
	w.Header().Set("Content-Encoding", "gzip")
	w.WriteHeader(status)
	z, err := gzip.NewWriterLevel(w, gzip.BestSpeed)
	if err != nil {
		return err
	}
	_, _ = z.Write(b.Bytes())
	_ = z.Close()
	return nil
}

package web

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"html/template"
	"log/slog"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"
	"sync"
	"time"

	"shopwatch/tracker"
	"shopwatch/tracker/api"
	"shopwatch/tracker/report"
)

// Options of New.
type Options struct {
	api.Options
	// Settings are the configuration as it was read, without its secrets.
	Settings []Setting
	// Scarce says how little space is left for the data, "" while there is
	// enough. Nil when nobody knows.
	Scarce func() string
	// Backups says that a backup of the store is made each day.
	Backups bool
	// PDF prints a page that stands alone. Nil when no Chrome is there.
	PDF func(ctx context.Context, html []byte) ([]byte, error)
}

// A Setting is a key of the configuration with its value.
type Setting struct{ Key, Value string }

// Pages are those of one server.
type Pages struct {
	o     Options
	log   *slog.Logger
	scans scanning
}

// New returns the pages that show what a server with the options knows.
func New(o Options, log *slog.Logger) *Pages {
	o.Zone = cmp.Or(o.Zone, time.UTC)
	p := &Pages{o: o, log: log}
	p.scans.begun = make(map[tracker.StorefrontName]*begun)
	return p
}

// Routes are the addresses of the pages.
func (p *Pages) Routes() map[string]http.Handler {
	routes := map[string]http.Handler{
		"GET /static/{file}": http.HandlerFunc(static),
		"POST /preferences":  http.HandlerFunc(p.preferences),
		"GET /method":        p.Method(),
	}
	for pattern, serve := range map[string]func(http.ResponseWriter, *http.Request) error{
		"GET /{$}":               p.overview,
		"GET /s/{name}":          p.shelf,
		"GET /s/{name}/{file}":   p.shelfFile,
		"GET /s/{name}/p/{id}":   p.product,
		"GET /s/{name}/diff":     p.diff,
		"POST /s/{name}/scan":    p.scan,
		"GET /changes":           p.changes,
		"GET /changes.csv":       p.changesCSV,
		"GET /changes.xlsx":      p.changesXLSX,
		"GET /changes.jsonl":     p.changesJSON,
		"GET /changes.atom":      p.changesAtom,
		"GET /changes/{seq}":     p.proof,
		"POST /changes/{seq}":    p.dispute,
		"GET /scans":             p.scanList,
		"GET /scans/{name}/{at}": p.scanPage,
		"GET /suspects":          p.suspects,
		"GET /machines":          p.machines,
		"GET /reports":           p.reports,
		"GET /reports/{id}":      p.report,
		"POST /reports/{id}":     p.retry,
		"GET /settings":          p.settings,
		"GET /help/keys":         p.keys,
		"GET /signin":            p.signIn,
	} {
		routes[pattern] = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if err := serve(w, r); err != nil {
				p.fail(w, r, err)
			}
		})
	}
	return routes
}

//go:embed pages/*.html
var pageFiles embed.FS

//go:embed static
var staticFiles embed.FS

// templates are the pages by their names, each with the frame around it. They
// are parsed when the first page is asked for.
var templates = sync.OnceValue(parse)

func parse() map[string]*template.Template {
	frame := template.Must(template.New("frame").Funcs(template.FuncMap{
		"shape": markShape,
		"kind":  func(p framed, k any) kindWords { return p.kindWords(fmt.Sprint(k)) },
		"pair": func(p framed, c tracker.Change) changeOf {
			return changeOf{P: p.self(), C: &c, Kind: true, Name: true, Shop: true}
		},
		"entry": func(p framed, c tracker.Change) changeOf { return changeOf{P: p.self(), C: &c, Kind: true, Name: true} },
		"ofDay": func(p framed, c tracker.Change) changeOf {
			return changeOf{P: p.self(), C: &c, Kind: true, Name: true, Clock: true, Shop: p.self().Get("storefront") == ""}
		},
		"ofKind":    func(p framed, c tracker.Change) changeOf { return changeOf{P: p.self(), C: &c, Name: true} },
		"ofProduct": func(p framed, c tracker.Change) changeOf { return changeOf{P: p.self(), C: &c, Kind: true} },
		"health":    func(p framed, h *health) healthIn { return healthIn{p.self(), h} },
		"line":      func(p framed, t timeline) lineOf { return lineOf{p.self(), t} },
	}).ParseFS(pageFiles, "pages/frame.html", "pages/parts.html"))
	all := make(map[string]*template.Template)
	entries, err := pageFiles.ReadDir("pages")
	if err != nil {
		panic(err) // it is in the binary
	}
	for _, e := range entries {
		name := strings.TrimSuffix(e.Name(), ".html")
		if name == "frame" || name == "parts" {
			continue
		}
		all[name] = template.Must(template.Must(frame.Clone()).ParseFS(pageFiles, "pages/"+e.Name()))
	}
	return all
}

// versions are the hashes of static files, which change their addresses.
var versions = sync.OnceValue(func() map[string]string {
	all := make(map[string]string)
	for _, name := range []string{"style.css", "app.js", "icon.svg"} {
		b, err := staticFiles.ReadFile("static/" + name)
		if err != nil {
			panic(err) // it is in the binary
		}
		sum := sha256.Sum256(b)
		all[name] = hex.EncodeToString(sum[:6])
	}
	return all
})

func static(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("file")
	b, err := staticFiles.ReadFile("static/" + name)
	if err != nil {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Cache-Control", "private, max-age=31536000, immutable")
	http.ServeContent(w, r, name, time.Time{}, bytes.NewReader(b))
}

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

// root is the way from a path up to the top, which holds under every prefix.
func root(path string) string {
	if n := strings.Count(path, "/") - 1; n > 0 {
		return strings.Repeat("../", n)
	}
	return "./"
}

// language is the one that was chosen, else the first that the browser asks for
// and we know.
func language(r *http.Request) string {
	if c, err := r.Cookie("lang"); err == nil && (c.Value == "en" || c.Value == "zh") {
		return c.Value
	}
	for part := range strings.SplitSeq(r.Header.Get("Accept-Language"), ",") {
		tag, _, _ := strings.Cut(strings.TrimSpace(part), ";")
		switch base, _, _ := strings.Cut(strings.ToLower(tag), "-"); base {
		case "zh", "en":
			return base
		}
	}
	return "en"
}

// render sends a page; v holds a *page.
func (p *Pages) render(w http.ResponseWriter, r *http.Request, status int, pg *page, v any) error {
	var b bytes.Buffer
	if err := templates()[pg.Name].ExecuteTemplate(&b, "frame", v); err != nil {
		return fmt.Errorf("page %s: %w", pg.Name, err)
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Language", pg.HTMLLang())
	w.Header().Set("Vary", "Accept-Language, Accept-Encoding, Cookie")
	if !strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
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

// A notFound is an error about something that is not there.
type notFound string

func (n notFound) Error() string { return string(n) }

// A refusal is an error about something that cannot be done.
type refusal string

func (r refusal) Error() string { return string(r) }

// fail shows an error.
func (p *Pages) fail(w http.ResponseWriter, r *http.Request, err error) {
	status := http.StatusInternalServerError
	switch err.(type) {
	case notFound:
		status = http.StatusNotFound
	case refusal:
		status = http.StatusUnprocessableEntity
	default:
		if r.Context().Err() != nil {
			return // nobody waits for it
		}
		p.log.Error("page not made", "url", r.URL.Path, "err", err)
		err = errors.New("This page could not be made. The log of shopwatch says why.") //nolint:staticcheck // a sentence for people
	}
	p.Refuse(w, r, status, err.Error())
}

// Refuse says no to a person. It is a Refusal of api.Options.
func (p *Pages) Refuse(w http.ResponseWriter, r *http.Request, status int, detail string) {
	title := map[int]string{
		http.StatusUnauthorized: "Sign in", http.StatusNotFound: "Not found", http.StatusForbidden: "Not allowed",
		http.StatusTooManyRequests: "Too many tries", http.StatusUnprocessableEntity: "That cannot be done",
	}[status]
	pg := p.page(r, "refusal", cmp.Or(title, "Something went wrong"))
	next := pg.Self
	if r.URL.Path == "/signin" {
		next = r.PostFormValue("next")
	}
	v := struct {
		*page
		Status       int
		Detail, Next string
		SignIn       bool
		WrongToken   bool
	}{pg, status, detail, next, status == http.StatusUnauthorized || status == http.StatusForbidden && pg.Role != api.Nobody, strings.HasPrefix(detail, "wrong token")}
	if err := p.render(w, r, status, pg, v); err != nil {
		p.log.Error("page not made", "err", err)
		http.Error(w, detail, status)
	}
}

// signIn asks for a token.
func (p *Pages) signIn(w http.ResponseWriter, r *http.Request) error {
	pg := p.page(r, "refusal", "Sign in")
	return p.render(w, r, http.StatusOK, pg, struct {
		*page
		Status       int
		Detail, Next string
		SignIn       bool
		WrongToken   bool
	}{pg, http.StatusOK, "", r.URL.Query().Get("next"), true, false})
}

// preferences keeps language and colours in cookies.
func (p *Pages) preferences(w http.ResponseWriter, r *http.Request) {
	for name, allowed := range map[string][]string{"lang": {"en", "zh"}, "theme": {"light", "dark", "auto"}} {
		for _, value := range allowed {
			if r.PostFormValue(name) == value {
				http.SetCookie(w, &http.Cookie{
					Name: name, Value: value, Path: p.cookiePath(r), MaxAge: 400 * 24 * 3600, HttpOnly: true, SameSite: http.SameSiteLaxMode,
				})
			}
		}
	}
	w.Header().Set("Location", api.Below(r.PostFormValue("back")))
	w.WriteHeader(http.StatusSeeOther)
}

// cookiePath is for which addresses what was chosen is kept: those of the
// dashboard alone where a proxy serves more beside it.
func (p *Pages) cookiePath(r *http.Request) string {
	if u := p.o.Public; u != nil && strings.EqualFold(r.Host, u.Host) {
		return path.Clean("/" + u.Path)
	}
	return "/"
}

// HTMLLang is the language for the lang attribute.
func (p *page) HTMLLang() string {
	if p.Lang == "zh" {
		return "zh-CN"
	}
	return "en"
}

// Static is the address of a static file.
func (p *page) Static(name string) string {
	return p.Root + "static/" + name + "?v=" + versions()[name]
}

// Viewer reports whether who looks may know the recipients of reports.
func (p *page) Viewer() bool { return p.Role >= api.Viewer }

// Operator reports whether who looks may change things.
func (p *page) Operator() bool { return p.Role >= api.Operator }

// Time is a time for people, to the minute.
func (p *page) Time(t time.Time) template.HTML {
	if t.IsZero() {
		return "–"
	}
	form := "2 Jan 15:04"
	if p.Lang == "zh" {
		form = "1月2日 15:04"
	}
	t = t.In(p.Zone)
	if t.Year() != p.Now.In(p.Zone).Year() {
		form = "2 Jan 2006 15:04"
		if p.Lang == "zh" {
			form = "2006年1月2日 15:04"
		}
	}
	return timeElement(t, form)
}

// Clock is the time of a day.
func (p *page) Clock(t time.Time) template.HTML { return timeElement(t.In(p.Zone), "15:04") }

func timeElement(t time.Time, form string) template.HTML {
	return template.HTML(`<time datetime="` + t.Format(time.RFC3339) + `">` + t.Format(form) + `</time>`) //nolint:gosec // made here
}

// Stamp is a time for attributes.
func (p *page) Stamp(t time.Time) string { return t.In(p.Zone).Format("2006-01-02 15:04") }

// Day is a day for people.
func (p *page) Day(t time.Time) string { return t.In(p.Zone).Format(time.DateOnly) }

// Ago is how long a time is over.
func (p *page) Ago(t time.Time) string { return p.T("%s ago", p.Took(p.Now.Sub(t))) }

// ZoneName is the time zone of the page with its distance from UTC.
func (p *page) ZoneName() string {
	name := p.Zone.String()
	if o := p.Offset(p.Now); o != name {
		return name + " · " + o
	}
	return name
}

// Shop is what people call a storefront.
func (p *page) Shop(name tracker.StorefrontName) string {
	return cmp.Or(report.Cut(report.Clean(p.titles[name]), 60), string(name))
}

// Clean makes what others wrote fit for a line of a page.
func (p *page) Clean(v any) string { return report.Cut(report.Clean(fmt.Sprint(v)), 300) }

// Whole is Clean for what is not cut.
func (p *page) Whole(v any) string { return report.Clean(fmt.Sprint(v)) }

// Short is Clean for narrow places.
func (p *page) Short(v any) string { return report.Cut(report.Clean(fmt.Sprint(v)), 60) }

// Ends are a title in two parts, of which the first is cut where there is little
// room: models differ in their ends.
func (p *page) Ends(title string) (ends struct{ Start, End string }) {
	const most, end = 64, 8
	r := []rune(report.Clean(title))
	if len(r) > most {
		r = slices.Concat(r[:most-end-1], []rune("…"), r[len(r)-end:])
	}
	at := max(len(r)-end, 0)
	ends.Start, ends.End = string(r[:at]), string(r[at:])
	return ends
}

// ThemeNext is what follows the colours of now when they are changed.
func (p *page) ThemeNext() string {
	return map[string]string{"": "dark", "dark": "light", "light": "auto"}[p.Theme]
}

// ThemeName names the colours of now.
func (p *page) ThemeName() string {
	switch p.Theme {
	case "dark":
		return p.T("Colours: dark")
	case "light":
		return p.T("Colours: light")
	}
	return p.T("Colours: automatic")
}

// Link is an address of the web that others wrote, "" for any other.
func (p *page) Link(s string) string { return report.Link(s) }

// Evidence is the address of an evidence file.
func (p *page) Evidence(name string) template.URL {
	if name == "" {
		return ""
	}
	if p.pictures != nil {
		return p.pictures(name)
	}
	return template.URL(p.Root + "evidence/" + url.PathEscape(name)) //nolint:gosec // made here
}

// ShelfURL is the way to the shelf of a storefront.
func (p *page) ShelfURL(name tracker.StorefrontName) string {
	return p.Root + "s/" + url.PathEscape(string(name))
}

// ProductURL is the way to the page of a product.
func (p *page) ProductURL(name tracker.StorefrontName, id tracker.ProductID) string {
	return p.ShelfURL(name) + "/p/" + url.PathEscape(string(id))
}

// ScanURL is the way to the page of a scan.
func (p *page) ScanURL(name tracker.StorefrontName, began time.Time) string {
	return p.Root + "scans/" + url.PathEscape(string(name)) + "/" + began.UTC().Format("20060102T150405.000Z")
}

// With is the address of the page with other values in its query: pairs of a
// name and a value, which is left out when it is empty. The page of a list is
// the first again, unless it is what changes.
func (p *page) With(pairs ...any) string {
	q := url.Values{}
	for k, v := range p.query {
		if k != "page" && k != "before" {
			q[k] = v
		}
	}
	for i := 0; i+1 < len(pairs); i += 2 {
		name, value := fmt.Sprint(pairs[i]), fmt.Sprint(pairs[i+1])
		if value == "" {
			q.Del(name)
		} else {
			q.Set(name, value)
		}
	}
	if len(q) == 0 {
		return "?"
	}
	return "?" + q.Encode()
}

// Query is the query of the page for another address.
func (p *page) Query() string {
	if s := p.With(); s != "?" {
		return s
	}
	return ""
}

// Get is a value of the query.
func (p *page) Get(name string) string { return p.query.Get(name) }

// Has reports whether a value stands in the query.
func (p *page) Has(name string, value any) bool {
	for _, v := range p.query[name] {
		if v == fmt.Sprint(value) {
			return true
		}
	}
	return false
}

// Something framed is the data of a page: it holds a *page.
type framed interface {
	self() *page
	kindWords(kind string) kindWords
}

func (p *page) self() *page { return p }

// kindWords, changeOf, healthIn and lineOf are what parts of pages need.
type (
	kindWords struct {
		Kind  tracker.Kind
		Words string
	}
	changeOf struct {
		P                       *page
		C                       *tracker.Change
		Clock, Kind, Name, Shop bool // what is shown of it
	}
	healthIn struct {
		P      *page
		Health *health
	}
	lineOf struct {
		P    *page
		Line timeline
	}
)

func (p *page) kindWords(kind string) kindWords {
	return kindWords{tracker.Kind(kind), p.Kind(tracker.Kind(kind))}
}

// Presence is what complete scans say of a product, in words.
func (p *page) Presence(is presence) string {
	switch is {
	case seen:
		return p.T("on the shelf")
	case missing:
		return p.T("missing, not proven")
	}
	return p.T("removed")
}

// PageState is what an item page says of its product, in words.
func (p *page) PageState(s tracker.PageState) string {
	switch s {
	case tracker.PageGone:
		return p.T("the product does not exist")
	case tracker.PageOffshelf:
		return p.T("the product is off the shelf")
	case tracker.PageSold:
		return p.T("the product is sold")
	}
	return p.T("nothing: it could not be read")
}

// Took is how long something took.
func (p *page) Took(d time.Duration) string {
	if d < time.Minute {
		return fmt.Sprintf("%.1f s", d.Seconds())
	}
	return d.Round(time.Second).String()
}

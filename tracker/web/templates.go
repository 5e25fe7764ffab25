package web

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"html/template"
	"net/http"
	"strings"
	"sync"
	"time"

	"shopwatch/tracker"
)

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

package web

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"html/template"
	"net/http"
)

// methodFiles are docs/method.md in each language as HTML, which the test of this
// page makes of it.
//
//go:embed method/*.html
var methodFiles embed.FS

// Method serves the page that says how a verdict comes about. Every report leads
// to it, so everybody may read it: it tells nothing of this shopwatch, and asks
// for no other file.
func (p *Pages) Method() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			http.Error(w, "GET or HEAD", http.StatusMethodNotAllowed)
			return
		}
		if err := p.method(w, r); err != nil {
			p.fail(w, r, err)
		}
	})
}

func (p *Pages) method(w http.ResponseWriter, r *http.Request) error {
	pg := p.page(r, "method", "")
	if lang := r.URL.Query().Get("lang"); lang == "en" || lang == "zh" {
		pg.Lang = lang
	}
	pg.Title = pg.T("How a verdict comes about")
	css, err := staticFiles.ReadFile("static/style.css")
	if err != nil {
		return err
	}
	text, err := methodFiles.ReadFile("method/" + pg.Lang + ".html")
	if err != nil {
		return err
	}
	var b bytes.Buffer
	if err := templates()[pg.Name].ExecuteTemplate(&b, "bare", struct {
		*page
		Style template.CSS
		Text  template.HTML
	}{pg, template.CSS(css), template.HTML(text)}); err != nil { //nolint:gosec // both ours
		return err
	}
	sum := sha256.Sum256(css)
	h := w.Header()
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'sha256-"+base64.StdEncoding.EncodeToString(sum[:])+"'; frame-ancestors 'none'; base-uri 'none'")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Language", pg.HTMLLang())
	h.Set("Vary", "Accept-Language, Cookie")
	_, _ = w.Write(b.Bytes()) // the reader may be gone
	return nil
}

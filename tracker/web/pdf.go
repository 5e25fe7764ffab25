package web

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"html/template"
	"mime"
	"net/http"
	"path"
	"strings"
	"time"
)

// standAlone makes a page carry its style and its pictures itself.
func (p *Pages) standAlone(ctx context.Context, pg *page) (template.CSS, error) {
	css, err := staticFiles.ReadFile("static/style.css")
	if err != nil {
		return "", err
	}
	pg.Printed, pg.Theme = true, "light"
	pg.pictures = func(name string) template.URL {
		content, found, err := p.o.Store.Evidence(ctx, name)
		if err != nil || !found {
			return ""
		}
		kind := mime.TypeByExtension(path.Ext(name))
		if !strings.HasPrefix(kind, "image/") {
			return ""
		}
		return template.URL("data:" + kind + ";base64," + base64.StdEncoding.EncodeToString(content)) //nolint:gosec // a picture
	}
	return template.CSS(css), nil //nolint:gosec // ours
}

// alone renders a page that stands alone.
func (p *Pages) alone(pg *page, v any) ([]byte, error) {
	var b bytes.Buffer
	err := templates()[pg.Name].ExecuteTemplate(&b, "alone", v)
	return b.Bytes(), err
}

func (p *Pages) proofPDF(w http.ResponseWriter, r *http.Request, v *proofPage) error {
	if p.o.PDF == nil {
		return refusal("this shopwatch has no Chrome that prints; print the page in the browser")
	}
	var err error
	if v.Style, err = p.standAlone(r.Context(), v.page); err != nil {
		return err
	}
	html, err := p.alone(v.page, v)
	if err != nil {
		return err
	}
	return p.sendPDF(w, r, html, fmt.Sprintf("change-%d.pdf", v.Change.Seq))
}

// shelfFile is what a shelf has beside its pages: a report over some days as
// PDF.
func (p *Pages) shelfFile(w http.ResponseWriter, r *http.Request) error {
	if r.PathValue("file") != "report.pdf" {
		return notFound("there is nothing at this address")
	}
	if p.o.PDF == nil {
		return refusal("this shopwatch has no Chrome that prints; print the page in the browser")
	}
	v, err := p.diffPage(r)
	if err != nil {
		return err
	}
	if v.Style, err = p.standAlone(r.Context(), v.page); err != nil {
		return err
	}
	html, err := p.alone(v.page, v)
	if err != nil {
		return err
	}
	return p.sendPDF(w, r, html, fmt.Sprintf("%s-%s-%s.pdf", v.Shop, v.From, v.To))
}

func (p *Pages) sendPDF(w http.ResponseWriter, r *http.Request, html []byte, name string) error {
	ctx, cancel := context.WithTimeout(r.Context(), time.Minute)
	defer cancel()
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(90 * time.Second))
	pdf, err := p.o.PDF(ctx, html)
	if err != nil {
		return fmt.Errorf("print: %w", err)
	}
	w.Header().Set("Content-Type", "application/pdf")
	w.Header().Set("Content-Disposition", mime.FormatMediaType("inline", map[string]string{"filename": name}))
	_, _ = w.Write(pdf) // the reader may be gone
	return nil
}

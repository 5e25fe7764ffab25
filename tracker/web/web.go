package web

import (
	"cmp"
	"context"
	"log/slog"
	"net/http"
	"time"

	"shopwatch/tracker"
	"shopwatch/tracker/api"
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

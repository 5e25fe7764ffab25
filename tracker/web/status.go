package web

import (
	"cmp"
	"context"
	_ "embed"
	"html/template"
	"log/slog"
	"net/http"
	"time"

	"shopwatch/storage"
	"shopwatch/tracker"
	"shopwatch/tracker/api"
)

// The status page is for a person who wants to see in a browser whether all is
// well. It needs no script.
var (
	//go:embed status.html
	statusHTML string
	//go:embed status.css
	statusCSS []byte

	statusPage = template.Must(template.New("status").Funcs(template.FuncMap{"line": tracker.SingleLine}).Parse(statusHTML))
)

// statusChanges is how many of the newest changes the page shows.
const statusChanges = 30

// A status is what the page shows.
type status struct {
	Version     string
	Now         time.Time
	Storefronts []api.Storefront
	Changes     []tracker.Change
	Waiting     int // deliveries
	Titles      map[tracker.StorefrontName]string
	zone        *time.Location
}

// At prints a time in the zone of the configuration.
func (s *status) At(t time.Time) string {
	if t.IsZero() {
		return "—"
	}
	return t.In(s.zone).Format("2 Jan 15:04")
}

// Pages are those of one server.
type Pages struct {
	o   api.Options
	log *slog.Logger
}

// New returns the pages that show what a server with the options knows.
func New(o api.Options, log *slog.Logger) *Pages { return &Pages{o, log} }

// Routes are the addresses of the pages.
func (p *Pages) Routes() map[string]http.Handler {
	return map[string]http.Handler{
		"GET /{$}":        http.HandlerFunc(p.status),
		"GET /status.css": http.HandlerFunc(p.style),
	}
}

func (p *Pages) status(w http.ResponseWriter, r *http.Request) {
	st := status{Version: p.o.Version, Now: time.Now(), Titles: map[tracker.StorefrontName]string{}, zone: cmp.Or(p.o.Zone, time.UTC)}
	var err error
	if st.Storefronts, err = p.o.List(r.Context()); err == nil {
		st.Changes, err = p.o.Store.Changes(r.Context(), storage.Query{Newest: true, Limit: statusChanges})
	}
	if err == nil {
		st.Waiting, err = p.waiting(r.Context())
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	for _, sf := range st.Storefronts {
		st.Titles[sf.Name] = sf.Title
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	if err := statusPage.Execute(w, &st); err != nil {
		p.log.Debug("status page not sent", "err", err)
	}
}

// waiting counts the deliveries that wait.
func (p *Pages) waiting(ctx context.Context) (n int, err error) {
	for r, err := range storage.AllReports(ctx, p.o.Store, storage.ReportQuery{With: tracker.Waiting, Limit: 1000}) {
		if err != nil {
			return 0, err
		}
		for _, l := range r.Deliveries {
			if l.State == tracker.Waiting {
				n++
			}
		}
	}
	return n, nil
}

func (p *Pages) style(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/css; charset=utf-8")
	_, _ = w.Write(statusCSS)
}

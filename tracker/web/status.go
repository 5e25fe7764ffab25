package web

import (
	"cmp"
	_ "embed"
	"html/template"
	"net/http"
	"time"

	"shopwatch/storage"
	"shopwatch/tracker"
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
	Storefronts []Storefront
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

func (s *Server) status(w http.ResponseWriter, r *http.Request) {
	st := status{Version: s.o.Version, Now: time.Now(), Titles: map[tracker.StorefrontName]string{}, zone: cmp.Or(s.o.Zone, time.UTC)}
	var err error
	if st.Storefronts, err = s.list(r.Context()); err == nil {
		st.Changes, err = s.o.Store.Changes(r.Context(), storage.Query{Newest: true, Limit: statusChanges})
	}
	var reports []tracker.Report
	if err == nil {
		reports, err = s.allReports(r.Context(), nil, storage.ReportQuery{With: tracker.Waiting})
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	for i := range reports {
		for _, l := range reports[i].Deliveries {
			if l.State == tracker.Waiting {
				st.Waiting++
			}
		}
	}
	for _, sf := range st.Storefronts {
		st.Titles[sf.Name] = sf.Title
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	if err := statusPage.Execute(w, &st); err != nil {
		s.log.Debug("status page not sent", "err", err)
	}
}

func (s *Server) style(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/css; charset=utf-8")
	_, _ = w.Write(statusCSS)
}

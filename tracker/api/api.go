package api

import (
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"shopwatch/tracker"
)

// bearer is the name of the token in the OpenAPI document.
const bearer = "token"

// routes are all addresses of the API, and the patterns of those that need no
// token on this machine. Of the operations in the OpenAPI document they are
// those that are marked as open.
func (s *Server) routes() (mux *http.ServeMux, open map[string]bool) {
	mux, open = http.NewServeMux(), make(map[string]bool)
	for pattern, handler := range map[string]http.HandlerFunc{
		"GET /healthz":                func(w http.ResponseWriter, r *http.Request) { fmt.Fprintln(w, "ok") },
		"GET /readyz":                 s.ready,
		"GET /evidence/{name}":        s.evidence,
		"GET /feeds/{channel}/{file}": s.feed,
		"GET /metrics":                s.metrics.handler().ServeHTTP,
	} {
		mux.HandleFunc(pattern, handler)
		open[pattern] = true
	}
	if len(s.o.Pages) > 0 {
		mux.HandleFunc("POST /signout", s.signOut)
	}
	for pattern, page := range s.o.Pages {
		mux.Handle(pattern, page)
		open[pattern] = true
	}

	config := s.config()
	for _, form := range []string{"", "-3.0"} {
		open["GET "+config.OpenAPIPath+form+".json"], open["GET "+config.OpenAPIPath+form+".yaml"] = true, true
	}
	api := humago.New(mux, config)
	huma.Get(api, "/api/storefronts", s.storefronts, about("storefronts", "Storefronts and what they wait for"), forAll)
	huma.Get(api, "/api/storefronts/{name}/products", s.products, about("products", "The catalog of a storefront, also what was removed"), forAll)
	huma.Get(api, "/api/fleet", s.fleet, about("fleet", "The machines that work on a PostgreSQL database, and what each is at"), forAll)
	huma.Get(api, "/api/groups", s.groups, about("groups", "Groups of the same product: who offers it, and who for the lowest price"), forAll)
	huma.Get(api, "/api/suspects", s.suspects, about("suspects", "Products that are missing without proof"), forAll)
	huma.Get(api, "/api/changes", s.changes, about("changes", "The change log"), forAll)
	huma.Get(api, "/api/changes/{seq}", s.why, about("why", "The whole story of one change, with the reports that told of it"))
	huma.Get(api, "/api/changes/{seq}/proof", s.proof, about("proof", "What shows others that a change is in the log, without the log"), forAll)
	huma.Register(api, captureOperation(), s.capture)
	huma.Get(api, "/api/checkpoint", s.checkpoint, about("checkpoint", "The signed state of the change log"), forAll)
	huma.Post(api, "/api/changes/{seq}/dispute", s.dispute, about("dispute", "Mark a change as wrong, set the catalog right and send a correction"))
	huma.Get(api, "/api/scans", s.scans, about("scans", "Scans, newest first"), forAll)
	huma.Register(api, streaming("scan", "/api/scans", "application/x-ndjson",
		"Scan now. Each line of the answer is an object with progress, result or error"), s.scan)
	huma.Register(api, streaming("lend", "/api/profile/lend", "application/x-ndjson",
		"Lend the profile of Chrome to a login until the connection is closed. A line with lent says when"), s.lend)
	huma.Post(api, "/api/profile/login", s.loginMade, about("login", "Say that a login was made in the profile that was lent"))
	huma.Register(api, streaming("backup", "/api/backup", "application/vnd.shopwatch",
		"A verified copy of the database"), s.backup)
	huma.Get(api, "/api/reports", s.reports, about("reports", "Reports with their deliveries, newest first"))
	huma.Get(api, "/api/unsubscribed", s.unsubscribed, about("unsubscribed", "Recipients that unsubscribed from a channel"))
	huma.Get(api, "/api/channels/{name}/preview", s.preview, about("preview", "A report in words, which is not sent"))
	huma.Post(api, "/api/channels/{name}/test", s.test, about("test", "Send a sample"))
	huma.Post(api, "/api/retry", s.retry, about("retry", "Try deliveries again now"))
	huma.Post(api, "/api/check", s.check, about("check", "Verify the database and the evidence beside it"))
	huma.Post(api, "/api/compact", s.compact, about("compact", "Give free space in the database file back"))
	for path, item := range api.OpenAPI().Paths {
		if item.Get != nil && isForAll(item.Get) {
			open["GET "+path] = true
		}
	}
	return mux, open
}

// config describes the API as a whole.
func (s *Server) config() huma.Config {
	config := huma.DefaultConfig("shopwatch", s.o.Version)
	config.OpenAPIPath, config.DocsPath, config.SchemasPath = "/api/openapi", "", ""
	config.CreateHooks = nil // no $schema in answers
	config.RejectUnknownQueryParameters = true
	config.Transformers = append(config.Transformers, sayWhy)
	config.Info.Description = "What shopwatch knows of storefronts, and scans on demand. " +
		"What changes something or names the recipients of reports needs the token; " +
		"everything does when shopwatch listens on an address that other machines reach. " +
		"Requests that a proxy has forwarded are refused."
	config.Servers = []*huma.Server{{URL: "/"}}
	config.Components.SecuritySchemes = map[string]*huma.SecurityScheme{bearer: {
		Type: "http", Scheme: "bearer", Description: "The token of the configuration, or else what the file data/token holds.",
	}}
	for t, doc := range map[any]any{
		tracker.Product{}: ProductDoc{}, &tracker.Item{}: itemDoc{}, &tracker.Scan{}: scanDoc{}, &tracker.Change{}: changeDoc{},
	} {
		config.Components.Schemas.RegisterTypeAlias(reflect.Indirect(reflect.ValueOf(t)).Type(), reflect.TypeOf(doc))
	}
	return config
}

// about describes an operation. It needs the token unless forAll follows.
func about(id, summary string) func(*huma.Operation) {
	return func(o *huma.Operation) {
		o.OperationID, o.Summary, o.Security = id, summary, []map[string][]string{{bearer: {}}}
	}
}

// forAll marks an operation whose answer everybody on this machine may read.
func forAll(o *huma.Operation) { o.Security = []map[string][]string{{}, {bearer: {}}} }

// isForAll reports whether an operation needs no token on this machine.
func isForAll(o *huma.Operation) bool {
	return slices.ContainsFunc(o.Security, func(s map[string][]string) bool { return len(s) == 0 })
}

// streaming describes an operation that writes its answer bit by bit.
func streaming(id, path, content, summary string) huma.Operation {
	o := huma.Operation{
		Method: http.MethodPost, Path: path,
		Responses: map[string]*huma.Response{"200": {Description: "OK", Content: map[string]*huma.MediaType{content: {}}}},
	}
	about(id, summary)(&o)
	return o
}

// sayWhy puts all that is wrong with a request into the sentence of the
// problem, which says no more than that something is.
func sayWhy(_ huma.Context, _ string, v any) (any, error) {
	m, ok := v.(*huma.ErrorModel)
	if !ok || len(m.Errors) == 0 {
		return v, nil
	}
	parts := make([]string, len(m.Errors))
	for i, e := range m.Errors {
		parts[i] = strings.TrimPrefix(e.Location+": "+e.Message, ": ")
	}
	m.Detail += ": " + strings.Join(parts, "; ")
	return m, nil
}

// A body is an answer.
type body[T any] struct{ Body T }

func answer[T any](v T, err error) (*body[T], error) {
	if err != nil {
		return nil, huma.Error500InternalServerError(err.Error())
	}
	return &body[T]{v}, nil
}

// array is a list for JSON: [] when it is empty, not null, which clients would have
// to tell from a list.
func array[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

func (s *Server) ready(w http.ResponseWriter, r *http.Request) {
	err := s.o.Store.Ping(r.Context())
	if err == nil && s.o.Daemon != nil {
		err = s.o.Daemon.Ready()
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return
	}
	fmt.Fprintln(w, "ready")
}

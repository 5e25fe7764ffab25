package api

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash"
	"mime"
	"net/http"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"shopwatch/storage"
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

var feedPicture = regexp.MustCompile(`^[A-Za-z0-9_-]+-[0-9a-f]{16}\.(jpg|png|gif)$`)

// feed serves the Atom file of a storefront, such as tencent.xml, and the
// pictures beside it.
func (s *Server) feed(w http.ResponseWriter, r *http.Request) {
	dir, file := s.o.Feeds[r.PathValue("channel")], r.PathValue("file")
	if picture := feedPicture.FindStringSubmatch(file); dir != "" && picture != nil {
		w.Header().Set("Content-Type", mime.TypeByExtension("."+picture[1]))
		serveFile(w, r, dir, file, "private, max-age=31536000, immutable")
		return
	}
	if dir == "" || strings.ContainsAny(file, `/\`) || strings.HasPrefix(file, ".") || !strings.HasSuffix(file, ".xml") {
		problem(w, http.StatusNotFound, "there is no such feed; they are called /feeds/CHANNEL/STOREFRONT.xml")
		return
	}
	w.Header().Set("Content-Type", "application/atom+xml; charset=utf-8")
	serveFile(w, r, dir, file, "private, no-cache") // readers ask whether it changed
}

// evidence serves a picture or a capture. Its name is the hash of its content.
func (s *Server) evidence(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("name")
	content, found, err := s.o.Store.Evidence(r.Context(), name)
	switch {
	case err != nil:
		problem(w, http.StatusInternalServerError, err.Error())
		return
	case !found:
		problem(w, http.StatusNotFound, "there is no such evidence file; their names are in the fields pictures and probe of changes, and evidence.capture of scans")
		return
	}
	w.Header().Set("Cache-Control", "private, max-age=31536000, immutable")
	w.Header().Set("ETag", `"`+name+`"`)
	if strings.HasSuffix(name, ".wacz") {
		w.Header().Set("Content-Type", CaptureType)
		w.Header().Set("Content-Disposition", `attachment; filename="`+name+`"`)
	}
	http.ServeContent(w, r, name, time.Time{}, bytes.NewReader(content))
}

func (s *Server) storefronts(ctx context.Context, _ *struct{}) (*body[[]Storefront], error) {
	return answer(s.o.List(ctx))
}

// List returns the storefronts of the configuration, then those that were in
// it once.
func (o *Options) List(ctx context.Context) ([]Storefront, error) {
	known, err := o.Store.Storefronts(ctx)
	if err != nil {
		return nil, err
	}
	list := make([]Storefront, 0, len(o.Shops))
	at := make(map[tracker.StorefrontName]int, len(o.Shops))
	for _, shop := range o.Shops {
		at[shop.Name] = len(list)
		list = append(list, Storefront{Name: shop.Name, Title: shop.Title, URL: shop.URL, Marketplace: shop.Marketplace, Watched: true})
	}
	for _, k := range known {
		i, ok := at[k.Name]
		if !ok {
			i = len(list)
			at[k.Name] = i
			list = append(list, Storefront{Name: k.Name})
		}
		sf, st := &list[i], k.State
		sf.Listed, sf.Removed, sf.Incomplete, sf.Stalled, sf.Closed = st.Listed, st.Removed, st.Incomplete, st.Stalled, st.Closed
		sf.Baseline, sf.LastScan, sf.LastComplete, sf.Verdict = st.Baseline, st.LastScan, st.LastComplete, st.LastVerdict
	}
	if o.Daemon == nil {
		return list, nil
	}
	for _, w := range o.Daemon.Status(ctx) {
		i, ok := at[w.Name]
		if !ok {
			continue
		}
		list[i].Next, list[i].Cooling, list[i].Waits = w.Next, w.Cooling, w.Waits
		if !w.Began.IsZero() {
			list[i].Scanning = &w.Progress
		}
	}
	return list, nil
}

// known refuses a storefront that nobody has heard of.
func (s *Server) known(ctx context.Context, name tracker.StorefrontName) error {
	list, err := s.o.List(ctx)
	if err != nil {
		return huma.Error500InternalServerError(err.Error())
	}
	var names []string
	for _, sf := range list {
		if sf.Name == name {
			return nil
		}
		names = append(names, string(sf.Name))
	}
	return huma.Error404NotFound(fmt.Sprintf("there is no storefront %q; there are %s", name, strings.Join(names, ", ")))
}

func (s *Server) products(ctx context.Context, in *struct {
	Limit  int    `query:"limit" minimum:"1" maximum:"1000" default:"100"`
	Name   string `path:"name" maxLength:"64"`
	After  string `query:"after" maxLength:"1000" doc:"the next of the part before"`
	Hashes bool   `query:"image_hashes" doc:"with those of the main pictures"`
}) (*body[Products], error) {
	name := tracker.StorefrontName(in.Name)
	if err := s.known(ctx, name); err != nil {
		return nil, err
	}
	items, err := s.o.Store.Products(ctx, name, tracker.ProductID(in.After), in.Limit)
	p := Products{Products: items}
	if len(items) == in.Limit {
		p.Next = items[len(items)-1].ID
	}
	for i := range items {
		if it := &items[i]; in.Hashes && it.ImageHash != "" {
			if p.ImageHashes == nil {
				p.ImageHashes = make(map[tracker.ProductID]tracker.ImageHash)
			}
			p.ImageHashes[it.ID] = it.ImageHash
		}
	}
	return answer(p, err)
}

// groups tells who offers the products of the configured groups. An offer is
// lowest among those with which it can be compared.
func (s *Server) groups(ctx context.Context, in *struct {
	Name string `query:"name" maxLength:"64" doc:"only this group"`
}) (*body[Groups], error) {
	all, found := Groups{Groups: []Group{}}, in.Name == ""
	for i := range s.o.Groups {
		g := &s.o.Groups[i]
		if in.Name != "" && g.Name != in.Name {
			continue
		}
		found = true
		offers, err := storage.Offers(ctx, s.o.Store, g)
		if err != nil {
			return answer(all, err)
		}
		lowest := tracker.Lowest(offers)
		told := Group{Name: g.Name, Offers: []Offer{}}
		for _, k := range g.Products {
			told.Offers = append(told.Offers, Offer{
				Storefront: k.Storefront, ID: k.ID, Product: itemOf(k, offers), Lowest: itemOf(k, lowest) != nil,
			})
		}
		all.Groups = append(all.Groups, told)
	}
	if !found {
		return nil, huma.Error404NotFound(fmt.Sprintf("there is no group %q in the configuration", in.Name))
	}
	return answer(all, nil)
}

// itemOf finds the product of a key among offers, nil when it is not there.
func itemOf(k tracker.ProductKey, offers []tracker.Offer) *tracker.Item {
	for i := range offers {
		if o := &offers[i]; o.Storefront == k.Storefront && o.Item.ID == k.ID {
			return &o.Item
		}
	}
	return nil
}

func (s *Server) suspects(ctx context.Context, in *struct {
	Storefront string `query:"storefront" maxLength:"64"`
}) (*body[Suspects], error) {
	list, err := s.o.List(ctx)
	if in.Storefront != "" {
		if err := s.known(ctx, tracker.StorefrontName(in.Storefront)); err != nil {
			return nil, err
		}
		list = slices.DeleteFunc(list, func(sf Storefront) bool { return sf.Name != tracker.StorefrontName(in.Storefront) })
	}
	if err != nil {
		return answer(Suspects{}, err)
	}
	all := Suspects{Suspects: []Suspect{}}
	for _, sf := range list {
		misses := tracker.DefaultRules().Misses
		if i := slices.IndexFunc(s.o.Shops, func(shop StorefrontInfo) bool { return shop.Name == sf.Name }); i >= 0 {
			misses = s.o.Shops[i].Misses
		}
		for it, err := range storage.AllSuspects(ctx, s.o.Store, sf.Name) {
			if err != nil {
				return answer(all, err)
			}
			all.Suspects = append(all.Suspects, Suspect{Storefront: sf.Name, Product: it, Misses: misses, Why: whyNotGone(&it, misses)})
		}
	}
	return answer(all, nil)
}

// whyNotGone says why the removal of a missing product is not believed yet.
func whyNotGone(it *tracker.Item, misses int) string {
	left := fmt.Sprintf("missed by %d of %d required scans", it.Missing, misses)
	switch {
	case it.Probe == nil:
		return left + "; its page was not opened yet"
	case it.Probe.State == tracker.PageSold:
		return left + "; its page still sells it"
	case it.Probe.State == tracker.PageUnknown:
		return left + "; its page could not be read: " + it.Probe.Reason
	}
	return left + "; the next complete scan decides"
}

func (s *Server) changes(ctx context.Context, in *struct {
	Limit      int       `query:"limit" minimum:"1" maximum:"1000" default:"100"`
	Storefront string    `query:"storefront" maxLength:"64"`
	Kinds      []string  `query:"kind" doc:"kinds of change, with commas between"`
	Since      time.Time `query:"since"`
	Until      time.Time `query:"until"`
	Text       string    `query:"text" maxLength:"200" doc:"any part of a title or an id that the product had"`
	Important  bool      `query:"important" doc:"only those that are watched for"`
	After      uint64    `query:"after" maximum:"9007199254740991" doc:"only greater numbers"`
	Before     uint64    `query:"before" maximum:"9007199254740991" doc:"only smaller numbers"`
	Newest     bool      `query:"newest" doc:"from the newest down"`
}) (*body[Changes], error) {
	q := storage.Query{
		Storefront: tracker.StorefrontName(in.Storefront), Since: in.Since, Until: in.Until, Text: in.Text, Important: in.Important,
		After: in.After, Before: in.Before, Limit: in.Limit, Newest: in.Newest,
	}
	if q.Storefront != "" {
		if err := s.known(ctx, q.Storefront); err != nil {
			return nil, err
		}
	}
	for _, k := range in.Kinds {
		if !slices.Contains(tracker.Kinds, tracker.Kind(k)) {
			return nil, huma.Error422UnprocessableEntity(fmt.Sprintf("%q is no kind of change; there are %s", k, kinds()))
		}
		q.Kinds = append(q.Kinds, tracker.Kind(k))
	}
	list, err := s.o.Store.Changes(ctx, q)
	if err == nil {
		err = storage.WithPrior(ctx, s.o.Store, list)
	}
	c := Changes{Changes: list}
	if len(list) == in.Limit {
		c.Next = list[len(list)-1].Seq
	}
	return answer(c, err)
}

func kinds() string {
	var s []string
	for _, k := range tracker.Kinds {
		s = append(s, string(k))
	}
	return strings.Join(s, ", ")
}

func (s *Server) scans(ctx context.Context, in *struct {
	Limit      int       `query:"limit" minimum:"1" maximum:"1000" default:"100"`
	Storefront string    `query:"storefront" maxLength:"64"`
	Since      time.Time `query:"since"`
	Before     time.Time `query:"before" doc:"the next of the part before"`
}) (*body[Scans], error) {
	name := tracker.StorefrontName(in.Storefront)
	if name != "" {
		if err := s.known(ctx, name); err != nil {
			return nil, err
		}
	}
	list, err := s.o.Store.Scans(ctx, storage.ScanQuery{Storefront: name, Since: in.Since, Before: storage.ScanPlace{Began: in.Before}, Limit: in.Limit})
	a := Scans{Scans: list}
	if len(list) == in.Limit {
		a.Next = list[len(list)-1].Began
	}
	return answer(a, err)
}

// A wish is for scans now.
type wish struct {
	Body struct {
		Storefronts []string `json:"storefronts,omitempty" maxItems:"1000" doc:"all of the configuration when left out"`
		DryRun      bool     `json:"dry_run,omitempty" doc:"show what the scan would change, and keep nothing"`
		Capture     bool     `json:"capture,omitempty" doc:"capture all that is read: the scan names the file in evidence.capture, and /evidence/NAME returns it"`
	}
}

// isBaseline reports whether a scan is the first complete one of its storefront,
// or would be if it were kept.
func (s *Server) isBaseline(ctx context.Context, scan *tracker.Scan) bool {
	if scan.Verdict != tracker.Complete {
		return false
	}
	st, err := s.o.Store.State(ctx, scan.Storefront)
	return err == nil && (st.Baseline.IsZero() || st.Baseline.Equal(scan.Began))
}

// scan scans one storefront after another and tells how far it has come.
func (s *Server) scan(ctx context.Context, in *wish) (*huma.StreamResponse, error) {
	if s.o.Daemon == nil {
		return nil, huma.Error501NotImplemented("this shopwatch does not scan")
	}
	var names []tracker.StorefrontName
	for _, shop := range s.o.Shops {
		names = append(names, shop.Name)
	}
	if len(in.Body.Storefronts) > 0 {
		all := names
		names = nil
		for _, name := range in.Body.Storefronts {
			if !slices.Contains(all, tracker.StorefrontName(name)) {
				return nil, huma.Error404NotFound(fmt.Sprintf("there is no storefront %q in the configuration; there are %s", name, join(all)))
			}
			names = append(names, tracker.StorefrontName(name))
		}
	}
	return &huma.StreamResponse{Body: func(hc huma.Context) {
		hc.SetHeader("Content-Type", "application/x-ndjson")
		_, w := humago.Unwrap(hc)
		rc := http.NewResponseController(w)
		enc := json.NewEncoder(w)
		say := func(l line) {
			// A scan takes as long as the pace wants; a client that does not
			// read is not waited for.
			_ = rc.SetWriteDeadline(time.Now().Add(20 * time.Second))
			if enc.Encode(l) == nil {
				_ = rc.Flush()
			}
		}
		_ = rc.SetReadDeadline(time.Time{})
		_ = rc.Flush()
		for _, name := range names {
			scan, changes, err := s.o.Daemon.Scan(ctx, name, HowToScan{in.Body.DryRun, in.Body.Capture}, func(p tracker.Progress) { say(line{Progress: &p}) })
			switch {
			case scan == nil:
				say(line{Error: fmt.Sprintf("scan %s: %v", name, err)})
			case err != nil:
				say(line{Error: fmt.Sprintf("%s was scanned (%s), but nothing was kept: %v", name, scan.Verdict, err)})
			default:
				say(line{Result: &Result{*scan, changes, s.isBaseline(ctx, scan)}})
			}
			if ctx.Err() != nil {
				return
			}
		}
	}}, nil
}

func join(names []tracker.StorefrontName) string {
	var s []string
	for _, n := range names {
		s = append(s, string(n))
	}
	return strings.Join(s, ", ")
}

// hashTrailer follows a backup: the SHA-256 of what was sent. A backup without
// it was cut short.
const hashTrailer = "X-Content-Sha256"

// backup sends a copy of the database, with its hash behind it.
func (s *Server) backup(context.Context, *struct{}) (*huma.StreamResponse, error) {
	if s.o.Maintainer == nil {
		return nil, noMaintainer("back it up")
	}
	return &huma.StreamResponse{Body: func(hc huma.Context) {
		_, w := humago.Unwrap(hc)
		b := &backupWriter{w: w, hash: sha256.New()}
		err := s.o.Maintainer.Backup(hc.Context(), b)
		switch {
		case err == nil:
			w.Header().Set(hashTrailer, hex.EncodeToString(b.hash.Sum(nil)))
		case !b.begun:
			problem(w, http.StatusInternalServerError, err.Error())
		default:
			s.log.Error("backup not sent", "err", err)
		}
	}}, nil
}

// A backupWriter sends a backup and takes its hash. What is sent is preceded by
// a copy that takes as long as the database is large: the time to send it in
// runs from its first byte.
type backupWriter struct {
	w     http.ResponseWriter
	hash  hash.Hash
	begun bool
}

func (b *backupWriter) Write(p []byte) (int, error) {
	if !b.begun {
		b.begun = true
		b.w.Header().Set("Content-Type", "application/vnd.shopwatch")
		b.w.Header().Set("Trailer", hashTrailer)
		_ = http.NewResponseController(b.w).SetWriteDeadline(time.Now().Add(10 * time.Minute))
	}
	n, err := b.w.Write(p)
	b.hash.Write(p[:n])
	return n, err
}

// noMaintainer refuses what a database that is not shopwatch's own to look after
// does not need, or does with other tools.
func noMaintainer(do string) error {
	return huma.Error501NotImplemented("the database is not a file of shopwatch; " + do + " with the tools of its server")
}

func (s *Server) compact(ctx context.Context, _ *struct{}) (*body[Space], error) {
	if s.o.Maintainer == nil {
		return nil, noMaintainer("compact it")
	}
	before, after, err := s.o.Maintainer.Compact(ctx)
	return answer(Space{before, after}, err)
}

// evidenceRead is how many bytes of evidence one check reads.
const evidenceRead = 256 << 20

func (s *Server) check(ctx context.Context, _ *struct{}) (*body[Check], error) {
	var c Check
	var err error
	if m := s.o.Maintainer; m != nil {
		if err := m.Check(ctx); err != nil {
			c.Damage = err.Error()
			return answer(c, nil)
		}
		if c.Size, c.Free, err = m.Size(ctx); err != nil {
			return answer(c, err)
		}
	}
	c.Evidence, err = s.o.Store.CheckEvidence(ctx, evidenceRead)
	return answer(c, err)
}

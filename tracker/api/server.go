package api

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"shopwatch/storage"
	"shopwatch/tracker"
)

// A StorefrontInfo is a storefront of the configuration.
type StorefrontInfo struct {
	tracker.Storefront
	Title       string
	Marketplace string
	Misses      int // complete scans in a row that must miss a product
}

// A Waiting is what a storefront waits for; see watch.Status.
type Waiting struct {
	tracker.Storefront
	Next, Cooling, Began time.Time
	Progress             tracker.Progress
}

// A Store is what a server needs of one.
type Store interface {
	storage.Catalogs
	storage.Scans
	storage.Log
	storage.Channels
	storage.Outbox
	storage.Evidence
	Dispute(ctx context.Context, seq uint64, reason string, now time.Time) (tracker.Change, error)
	Ping(context.Context) error
}

// Options of a Server. Store and Token must be set.
type Options struct {
	Store Store
	// Maintainer looks after the files of the store. Nil when it has none.
	Maintainer storage.Maintainer
	Shops      []StorefrontInfo
	Groups     []tracker.Group
	Version    string
	Zone       *time.Location // of the status page; UTC when nil
	// Token is demanded of everything that changes or starts something, and of
	// what names the recipients of reports.
	Token string
	// Closed demands the token of every request but /healthz: for an address
	// that other machines reach.
	Closed bool
	// Connections is how many may be open at once at the listener of Run; 64
	// when zero.
	Connections int
	// Daemon works on the database while the server answers. Nil when nothing
	// does: then nothing is scanned, sent or waited for.
	Daemon Daemon
	// Channels are the names of the configured channels.
	Channels []string
	// Feeds are the folders of the Atom files of channels, by their names.
	Feeds map[string]string
	// Pages are what people see, by patterns of http.ServeMux. Everybody on this
	// machine may read them; what they change needs the token.
	Pages map[string]http.Handler
	// Unguarded answer everybody, by their paths: links in mails, which carry a
	// token of their own.
	Unguarded map[string]http.Handler
}

// A Daemon is what scans and sends reports beside a server.
type Daemon interface {
	// Status returns what the storefronts wait for.
	Status(ctx context.Context) []Waiting
	// Scan scans a storefront now. A dry scan is not kept.
	Scan(ctx context.Context, name tracker.StorefrontName, dry bool, progress func(tracker.Progress)) (*tracker.Scan, []tracker.Change, error)
	// Preview puts a report of a channel into words without sending it: of
	// change seq, with last the last one that was made, else what comes next.
	Preview(ctx context.Context, channel string, seq uint64, last bool) (Preview, error)
	// Test sends a sample and returns what the receiving side said.
	Test(ctx context.Context, channel string) (answer string, err error)
	// Retry has deliveries tried again now, those of one report or with 0 all
	// that wait.
	Retry(ctx context.Context, report uint64) (deliveries int, err error)
	// Disputed has the channels told of a correction.
	Disputed()
	// Ready says why the daemon cannot do its work.
	Ready() error
	// Chrome returns how many processes it has and how many bytes of memory
	// they take.
	Chrome() (processes int, memory int64)
}

// A Server answers questions about what is known, and starts scans.
type Server struct {
	latest  atomic.Pointer[Server] // that took the place of this one; nil for none
	o       Options
	log     *slog.Logger
	handler http.Handler
	local   http.Handler
	mux     *http.ServeMux
	open    map[string]bool // patterns of the routes that need no token on this machine
	metrics *metrics
}

// New returns a server.
func New(o Options, log *slog.Logger) *Server { return newServer(o, newCounted(), log) }

func newServer(o Options, c *counted, log *slog.Logger) *Server {
	s := &Server{o: o, log: log}
	s.metrics = &metrics{s, c}
	s.mux, s.open = s.routes()
	s.local = checked(s.mux)
	s.handler = s.guard(s.local)
	if len(o.Unguarded) > 0 {
		open := http.NewServeMux()
		for path, h := range o.Unguarded {
			open.Handle(path, h)
		}
		open.Handle("/", s.handler)
		s.handler = open
	}
	return s
}

// ServeHTTP answers a request that came over a network.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.newest().handler.ServeHTTP(w, r)
}

func (s *Server) newest() *Server {
	if l := s.latest.Load(); l != nil {
		return l
	}
	return s
}

// Replace gives a server other options while it runs. Requests under way end
// with the old ones; what was counted goes on.
func (s *Server) Replace(o Options) {
	s.latest.Store(newServer(o, s.metrics.counted, s.log))
}

// Run serves on the listener, which it closes, until ctx is done and the
// requests under way have ended. Scans that clients wait for are cut short.
// There are never more connections than Options.Connections.
func (s *Server) Run(ctx context.Context, l net.Listener) error {
	c := newConnections(cmp.Or(s.o.Connections, 64), s.log)
	return s.serve(ctx, tellingListener{l, c}, s, c.changed)
}

// RunSocket is Run for the listener of ListenSocket, at which no token is
// needed.
func (s *Server) RunSocket(ctx context.Context, l net.Listener) error {
	return s.serve(ctx, l, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.newest().local.ServeHTTP(w, r)
	}), nil)
}

func (s *Server) serve(ctx context.Context, l net.Listener, h http.Handler, changed func(net.Conn, http.ConnState)) error {
	srv := &http.Server{
		Handler:           h,
		ConnState:         changed,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       20 * time.Second,
		WriteTimeout:      5 * time.Minute, // a sample mail may wait for its server
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    32 << 10,
		BaseContext:       func(net.Listener) context.Context { return ctx },
		ErrorLog:          slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
	}
	ended := make(chan error, 1)
	stop := context.AfterFunc(ctx, func() {
		grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		ended <- srv.Shutdown(grace)
	})
	err := srv.Serve(l)
	if stop() {
		return fmt.Errorf("serve the API: %w", err)
	}
	if err := <-ended; errors.Is(err, context.DeadlineExceeded) {
		return srv.Close() // who holds on to a connection makes no failure of the end
	} else if err != nil {
		return errors.Join(err, srv.Close())
	}
	return nil
}

// guard lets nobody in who has no business here: web pages of others that a
// browser on this machine shows, other machines, also behind a proxy, and other
// users of this machine where an answer names people.
func (s *Server) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", "default-src 'none'; img-src 'self'; style-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Cache-Control", "no-store")
		given, sent := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		known := sent && subtle.ConstantTimeCompare([]byte(given), []byte(s.o.Token)) == 1
		if why := forwarded(r); why != "" {
			problem(w, http.StatusForbidden, fmt.Sprintf("this request came through a proxy, as %s shows, and shopwatch answers only those who ask it directly; let nothing but /unsubscribe through", why))
			return
		}
		if !s.o.Closed && !loopback(r.Host) {
			// A page that made its own name point to this machine, or a proxy.
			problem(w, http.StatusForbidden, "open this at 127.0.0.1 or localhost")
			return
		}
		if !known && r.URL.Path != "/healthz" {
			h.Set("WWW-Authenticate", "Bearer")
			switch {
			case sent:
				problem(w, http.StatusUnauthorized, "wrong token; a different shopwatch may be listening here")
				return
			case s.needsToken(r):
				problem(w, http.StatusUnauthorized, "send the token of this shopwatch: Authorization: Bearer TOKEN")
				return
			}
			h.Del("WWW-Authenticate")
		}
		if !known {
			// Nothing that is open to all takes long; a failure is found by the
			// write itself.
			_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(30 * time.Second))
		}
		next.ServeHTTP(w, r)
	})
}

// needsToken reports whether a request is not open to everybody on this
// machine: one that changes or starts something, or whose answer names the
// recipients of reports.
func (s *Server) needsToken(r *http.Request) bool {
	if s.o.Closed || r.Method != http.MethodGet && r.Method != http.MethodHead {
		return true
	}
	_, pattern := s.mux.Handler(r)
	return pattern != "" && !s.open[pattern]
}

// forwarded says by what a request shows that a proxy passed it on; "" when
// nothing does. nginx adds no header unless it is told to, but it speaks an old
// version of HTTP, as few others do: tools that look whether the daemon lives.
func forwarded(r *http.Request) string {
	for name := range r.Header {
		if strings.HasPrefix(name, "X-Forwarded") || slices.Contains([]string{"Forwarded", "Via", "X-Real-Ip"}, name) {
			return name
		}
	}
	if !r.ProtoAtLeast(1, 1) && r.URL.Path != "/healthz" && r.URL.Path != "/readyz" {
		return r.Proto
	}
	return ""
}

func loopback(host string) bool {
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	ip, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return host == "localhost" || err == nil && ip.IsLoopback()
}

// Token returns the token that is kept in the data directory, and makes one
// where there is none.
func Token(data string) (string, error) {
	path := filepath.Join(data, "token")
	b, err := os.ReadFile(path)
	if err == nil && len(strings.TrimSpace(string(b))) >= 16 {
		return strings.TrimSpace(string(b)), nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("read the token of the API: %w", err)
	}
	random := make([]byte, 24)
	rand.Read(random)
	token := hex.EncodeToString(random)
	if err := os.WriteFile(path, []byte(token+"\n"), 0o600); err != nil {
		return "", fmt.Errorf("keep a token for the API: %w", err)
	}
	return token, nil
}

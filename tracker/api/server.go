package api

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"

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
	Waits                string
}

// A Store is what a server needs of one.
type Store interface {
	storage.Catalogs
	storage.Scans
	storage.Log
	storage.Channels
	storage.Outbox
	storage.Evidence
	storage.Views
	Stamps(ctx context.Context, q storage.StampQuery) ([]storage.Stamp, error)
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
	// Token is that of operators: it is demanded of everything that changes or
	// starts something.
	Token string
	// ViewerToken is that of people who only look; the token of operators does
	// too. One of them is demanded of what names the recipients of reports.
	// Empty for none.
	ViewerToken string
	// Closed demands a token of every request but /healthz: for an address
	// that other machines reach.
	Closed bool
	// Public is the address under which a proxy serves this server; nil when
	// none does. Whoever comes from there needs a token.
	Public *url.URL
	// Hosts are further names with which requests may ask, each with its port.
	Hosts []string
	// Connections is how many may be open at once at the listener of Run; 64
	// when zero.
	Connections int
	// Daemon works on the database while the server answers. Nil when nothing
	// does: then nothing is scanned, sent or waited for.
	Daemon Daemon
	// Waiting tells what the storefronts wait for where there is no Daemon. Nil when
	// nothing works on the database.
	Waiting func(context.Context) ([]Waiting, error)
	// Fleet tells what the machines are at that work on the database. Nil when one
	// works alone.
	Fleet func(context.Context) (*Fleet, error)
	// Channels are the names of the configured channels.
	Channels []string
	// Feeds are the folders of the Atom files of channels, by their names.
	Feeds map[string]string
	// Pages are what people see, by patterns of http.ServeMux. Everybody on this
	// machine may read them; what they change needs the token.
	Pages map[string]http.Handler
	// Refusal says no to a person in a page. Nil when there are no pages.
	Refusal func(w http.ResponseWriter, r *http.Request, status int, detail string)
	// Unguarded answer everybody, by their paths: links in mails, which carry a
	// token of their own.
	Unguarded map[string]http.Handler
}

// A Daemon is what scans and sends reports beside a server.
type Daemon interface {
	// Status returns what the storefronts wait for.
	Status(ctx context.Context) []Waiting
	// Scan scans a storefront now.
	Scan(ctx context.Context, name tracker.StorefrontName, how HowToScan, progress func(tracker.Progress)) (*tracker.Scan, []tracker.Change, error)
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
	// Lend gives the profile of Chrome to a login, from the call of lent until
	// ctx is done. LoginMade takes note that a login was made meanwhile, and
	// reports false when nobody has the profile.
	Lend(ctx context.Context, lent func()) error
	LoginMade() bool
	// Ready says why the daemon cannot do its work.
	Ready() error
	// Vitals are what else is worth measuring.
	Vitals() Vitals
}

// HowToScan says what is done beside an ordinary scan, or is not.
type HowToScan struct {
	DryRun  bool // nothing is kept but for evidence files, which nothing names
	Capture bool // all that is read is captured
}

// Vitals are facts of a daemon that are not in its database.
type Vitals struct {
	ChromeProcesses int
	ChromeMemory    int64                // bytes
	Logins          map[string]time.Time // when the login to a marketplace was made
	LastBackup      time.Time            // zero for none
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
	wrong   *rate.Limiter // of wrong tokens
}

// New returns a server.
func New(o Options, log *slog.Logger) *Server { return newServer(o, newCounted(), log) }

func newServer(o Options, c *counted, log *slog.Logger) *Server {
	s := &Server{o: o, log: log, wrong: rate.NewLimiter(1, wrongTokens)}
	s.metrics = &metrics{s, c}
	s.mux, s.open = s.routes()
	s.local = s.checked(s.mux)
	s.handler = s.guard(s.local)
	if len(o.Unguarded) > 0 {
		open := http.NewServeMux()
		for path, h := range o.Unguarded {
			open.Handle(path, h)
			if prefix := s.prefix(); prefix != "" {
				open.Handle(prefix+path, http.StripPrefix(prefix, h))
			}
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
		s.newest().local.ServeHTTP(w, withRole(r, Operator))
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

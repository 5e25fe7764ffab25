// Package fetch asks marketplaces for answers over plain HTTP, where no browser
// is needed: without cookies, following redirects one by one, and never into the
// user's own network.
package fetch

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"golang.org/x/net/http/httpproxy"

	"shopwatch/tracker/netrange"
)

const (
	maxRedirects = 5
	maxHeader    = 256 << 10
	dialTimeout  = 10 * time.Second
)

// Agent is the name under which the client is known to the owners of shops, and
// in their robots.txt.
const Agent = "shopwatch"

// Options say how a Client asks. The zero value asks directly.
type Options struct {
	// UserAgent is how the client names itself. Agent is added where it lacks.
	UserAgent string
	// Proxy returns the proxy for an address, nil for none. The variables of
	// the environment say it when it is nil.
	Proxy func(*url.URL) (*url.URL, error)
	// Hosts say where hosts are; what they do not name is looked up.
	Hosts Hosts
	// Answer answers requests in the place of the network. Nil for the network.
	Answer http.RoundTripper
	// Pins are the SHA-256 hashes, in base64, of public keys whose
	// certificates are trusted whoever has signed them.
	Pins []string
}

// A Client asks for answers. It keeps connections for the next request and is
// safe for concurrent use.
type Client struct {
	userAgent string
	transport *http.Transport
	answerer  http.RoundTripper // the transport, or what answers in its place
	proxied   bool
}

// New returns a client.
func New(o Options) *Client {
	c := &Client{userAgent: o.UserAgent, proxied: o.Proxy != nil}
	if !strings.Contains(strings.ToLower(c.userAgent), Agent) {
		c.userAgent = strings.TrimSpace(c.userAgent + " " + Agent)
	}
	if o.Proxy == nil {
		env := httpproxy.FromEnvironment()
		o.Proxy = env.ProxyFunc()
		c.proxied = env.HTTPProxy != "" || env.HTTPSProxy != ""
	}
	c.transport = &http.Transport{
		Proxy:                  func(r *http.Request) (*url.URL, error) { return o.Proxy(r.URL) },
		DialContext:            (&dialer{o.Hosts, c.proxied}).dial,
		TLSClientConfig:        tlsConfig(o.Pins),
		ForceAttemptHTTP2:      true,
		MaxIdleConnsPerHost:    1,
		IdleConnTimeout:        90 * time.Second,
		TLSHandshakeTimeout:    dialTimeout,
		ResponseHeaderTimeout:  time.Minute,
		MaxResponseHeaderBytes: maxHeader,
	}
	if c.answerer = o.Answer; c.answerer == nil {
		c.answerer = c.transport
	}
	return c
}

// Close ends the connections that are kept.
func (c *Client) Close() { c.transport.CloseIdleConnections() }

// A Request is what is asked for.
type Request struct {
	URL    string
	Header http.Header
	// Home reports which hosts may be anywhere; others must be on the public
	// internet. Nil for none.
	Home func(host string) bool
	// Follow is asked before a redirect is followed; its error ends the
	// request. Nil for none.
	Follow func(to *url.URL) error
	// Most is the longest body that is taken, in bytes, once unpacked.
	Most int64
}

// An Answer is what came of a request.
type Answer struct {
	URL    string   // that answered in the end
	Via    []string // addresses that led on to it
	Status int
	Header http.Header
	Body   []byte
}

// A RefusedError is an address that is not asked.
type RefusedError struct{ Text string }

func (e *RefusedError) Error() string { return e.Text }

// Get asks for an address with GET and follows its redirects. Cookies are
// neither sent nor kept, but for those of the request's own header.
func (c *Client) Get(ctx context.Context, req Request) (*Answer, error) {
	return c.ask(ctx, &req, http.MethodGet, nil)
}

// Post is like Get for a question that is posted. It is posted again where a
// redirect leads, but for one that says to look there with GET.
func (c *Client) Post(ctx context.Context, req Request, question []byte) (*Answer, error) {
	return c.ask(ctx, &req, http.MethodPost, question)
}

func (c *Client) ask(ctx context.Context, req *Request, method string, question []byte) (*Answer, error) {
	u, err := url.Parse(req.URL)
	if err != nil {
		return nil, err
	}
	if err := c.allowed(u, req.Home); err != nil {
		return nil, err
	}
	a := &Answer{URL: req.URL}
	for {
		next, err := c.once(ctx, req, method, question, u, a)
		if err != nil {
			return nil, explain(err)
		}
		if next == nil {
			return a, nil
		}
		if len(a.Via) == maxRedirects {
			return nil, fmt.Errorf("redirected more than %d times", maxRedirects)
		}
		if err := c.allowed(next, req.Home); err != nil {
			return nil, err
		}
		if req.Follow != nil {
			if err := req.Follow(next); err != nil {
				return nil, err
			}
		}
		if a.Status == http.StatusSeeOther {
			method, question = http.MethodGet, nil
		}
		u, a.Via, a.URL = next, append(a.Via, a.URL), next.String()
	}
}

// once asks for u, and returns where it leads on to, nil when it has answered.
func (c *Client) once(ctx context.Context, req *Request, method string, question []byte, u *url.URL, a *Answer) (next *url.URL, err error) {
	ctx = context.WithValue(ctx, homeKey{}, req.Home)
	r, err := http.NewRequestWithContext(ctx, method, u.String(), bytes.NewReader(question))
	if err != nil {
		return nil, err
	}
	if req.Header != nil {
		r.Header = req.Header.Clone()
	}
	r.Header.Set("User-Agent", c.userAgent)
	resp, err := c.answerer.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	a.Status = resp.StatusCode
	if to, err := resp.Location(); err == nil && redirects(resp.StatusCode) {
		if u.Scheme == "https" && to.Scheme != "https" {
			return nil, &RefusedError{fmt.Sprintf("redirected from https to %s, where anybody could answer", to.Scheme)}
		}
		to.Fragment = ""
		return to, nil
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, req.Most+1))
	if err != nil {
		return nil, fmt.Errorf("the answer was cut off: %w", err)
	}
	if int64(len(body)) > req.Most {
		return nil, fmt.Errorf("the answer is longer than %d bytes", req.Most)
	}
	a.Header, a.Body = resp.Header, body
	return nil, nil
}

func redirects(status int) bool {
	switch status {
	case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther, http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
		return true
	}
	return false
}

// allowed refuses an address that says by itself that it is none of the public
// internet. Where a name leads is seen when it is dialled.
func (c *Client) allowed(u *url.URL, home func(string) bool) error {
	if u.Scheme != "https" && u.Scheme != "http" {
		return &RefusedError{fmt.Sprintf("the page leads to a %s: address; it was not opened", u.Scheme)}
	}
	host := strings.TrimSuffix(strings.ToLower(u.Hostname()), ".")
	if home != nil && home(host) {
		return nil
	}
	ip, err := netip.ParseAddr(host)
	if err == nil && !netrange.Public(ip) || err != nil && netrange.LocalName(host) {
		return insideError(host)
	}
	return nil
}

func insideError(where string) error {
	return &RefusedError{fmt.Sprintf("the page leads to %s, an address of this machine or its network; it was not opened", where)}
}

// homeKey is that of the request's Home in the context of its connection.
type homeKey struct{}

// A dialer connects to hosts where Hosts say or the system finds them.
type dialer struct {
	hosts   Hosts
	proxied bool
}

func (d *dialer) dial(ctx context.Context, network, address string) (net.Conn, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	n := net.Dialer{Timeout: dialTimeout}
	to, known, err := d.hosts.find(host, port)
	if err != nil {
		return nil, err
	}
	if known {
		return n.DialContext(ctx, network, to)
	}
	// The user chose the proxy, and the proxy finds the hosts.
	if home, _ := ctx.Value(homeKey{}).(func(string) bool); !d.proxied && (home == nil || !home(host)) {
		n.ControlContext = func(_ context.Context, _, address string, _ rawConn) error {
			at, err := netip.ParseAddrPort(address)
			if err != nil || !netrange.Public(at.Addr()) {
				return insideError(fmt.Sprintf("%s (%s)", host, at.Addr()))
			}
			return nil
		}
	}
	return n.DialContext(ctx, network, address)
}

// explain leaves of an error what a person can use.
func explain(err error) error {
	var refused *RefusedError
	if errors.As(err, &refused) {
		return refused
	}
	var cert *tls.CertificateVerificationError
	if errors.As(err, &cert) {
		return fmt.Errorf("its certificate is not trusted: %w", cert.Err)
	}
	var dns *net.DNSError
	if errors.As(err, &dns) && dns.IsNotFound {
		return fmt.Errorf("%s is not known", dns.Name)
	}
	return err
}

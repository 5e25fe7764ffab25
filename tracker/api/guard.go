package api

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"path"
	"slices"
	"strings"
	"time"
)

// A Role says what somebody may do.
type Role int

// The roles, each of which may do what those before it may.
const (
	Nobody   Role = iota
	Passer        // on this machine, without a token: looks, but is told no recipient
	Viewer        // has a token to look at everything
	Operator      // has the token: changes and starts things
)

type roleKey struct{}

// RoleOf returns who makes a request that came through the guard.
func RoleOf(r *http.Request) Role {
	role, _ := r.Context().Value(roleKey{}).(Role)
	return role
}

func withRole(r *http.Request, role Role) *http.Request {
	return r.WithContext(context.WithValue(r.Context(), roleKey{}, role))
}

// cookieName is that of the cookie that keeps who signed in. A browser gives a cookie
// to all ports of a host, where another shopwatch may answer.
func cookieName(r *http.Request) string {
	name := "shopwatch"
	if _, port, err := net.SplitHostPort(r.Host); err == nil {
		name += "-" + port
	}
	return name
}

// wrongTokens is how many wrong tokens are looked at before more are turned
// away, one a second.
const wrongTokens = 60

// policy is the Content-Security-Policy of every answer.
const policy = "default-src 'none'; img-src 'self'; style-src 'self'; script-src 'self'; connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"

// guard lets nobody in who has no business here: web pages of others that a
// browser on this machine shows, other machines, also behind a proxy, and other
// users of this machine where an answer names people.
func (s *Server) guard(next http.Handler) http.Handler {
	csrf := http.NewCrossOriginProtection()
	if u := s.o.Public; u != nil {
		_ = csrf.AddTrustedOrigin("https://" + u.Host) // it is an origin
	}
	csrf.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.refuse(w, r, http.StatusForbidden, "this request came from a page of another site")
	}))
	guarded := csrf.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { s.admit(w, r, next) }))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cache-Control", "no-store")
		if prefix := s.prefix(); prefix != "" && r.URL.Path == prefix {
			// The links of a page at this address would lead past the prefix.
			u := url.URL{Path: prefix + "/", RawQuery: r.URL.RawQuery}
			http.Redirect(w, r, u.RequestURI(), http.StatusPermanentRedirect)
			return
		}
		guarded.ServeHTTP(w, s.below(r))
	})
}

// prefix is the path of the public address, without a slash at its end.
func (s *Server) prefix() string {
	if s.o.Public == nil {
		return ""
	}
	return strings.TrimRight(s.o.Public.Path, "/")
}

// below takes the path of the public address off that of a request, for proxies
// that hand it on as it is.
func (s *Server) below(r *http.Request) *http.Request {
	rest, ok := strings.CutPrefix(r.URL.Path, s.prefix())
	if s.prefix() == "" || !ok || !strings.HasPrefix(rest, "/") {
		return r
	}
	r2 := r.Clone(r.Context())
	r2.URL.Path = rest
	r2.URL.RawPath = ""
	return r2
}

// admit finds out who makes a request, and hands it on or refuses it.
func (s *Server) admit(w http.ResponseWriter, r *http.Request, next http.Handler) {
	proxied := forwarded(r)
	if s.atPublic(r) {
		proxied = ""
	}
	if proxied != "" {
		s.refuse(w, r, http.StatusForbidden, fmt.Sprintf("this request came through a proxy, as %s shows, and shopwatch answers only those who ask it directly; set public: to the address under which the proxy serves it, or let nothing but /unsubscribe through", proxied))
		return
	}
	outside := s.o.Closed || s.atPublic(r)
	role, wrong := s.roleOf(r)
	_, sent := tokenOf(r)
	alive := r.URL.Path == "/healthz"
	switch {
	case !s.atPublic(r) && !s.knownHost(r.Host) && !(alive && s.o.Closed) && !(s.o.Closed && sent && role > Nobody):
		// A page that made its own name point to this machine, or a proxy.
		s.refuse(w, r, http.StatusForbidden, "open this at 127.0.0.1 or localhost, or set public: to the address that leads here")
		return
	case wrong && !alive:
		if !s.wrong.Allow() {
			w.Header().Set("Retry-After", "1")
			s.refuse(w, r, http.StatusTooManyRequests, "too many wrong tokens; wait a second")
			return
		}
		challenge(w, r)
		s.refuse(w, r, http.StatusUnauthorized, "wrong token; a different shopwatch may be listening here")
		return
	}
	if r.URL.Path == "/signin" && r.Method == http.MethodPost {
		s.signIn(w, r)
		return
	}
	if role == Nobody && !outside {
		role = Passer
	}
	if need := s.needs(r); role < need && !alive {
		challenge(w, r)
		switch {
		case role >= Viewer:
			s.refuse(w, withRole(r, role), http.StatusForbidden, "this is for operators; sign in with their token")
		default:
			s.refuse(w, withRole(r, role), http.StatusUnauthorized, "send the token of this shopwatch: Authorization: Bearer TOKEN")
		}
		return
	}
	if role < Viewer {
		// Nothing that is open to all takes long; a failure is found by the
		// write itself.
		_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(30 * time.Second))
	}
	next.ServeHTTP(w, withRole(r, role))
}

// needs is the least role for a request: one that changes or starts something
// is for operators, one whose answer names the recipients of reports for who has
// a token.
func (s *Server) needs(r *http.Request) Role {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		if r.URL.Path == "/preferences" || r.URL.Path == "/signout" {
			return Nobody // they change a cookie only
		}
		return Operator
	}
	_, pattern := s.mux.Handler(r)
	if pattern == "GET /signin" || strings.HasPrefix(pattern, "GET /static/") {
		return Nobody // who must sign in sees a page that looks like one
	}
	if pattern != "" && !s.open[pattern] {
		return Viewer
	}
	return Passer
}

// roleOf says who makes a request by its token or cookie. It reports true when the
// token is wrong; a cookie that no longer holds is none.
func (s *Server) roleOf(r *http.Request) (role Role, wrong bool) {
	token, sent := tokenOf(r)
	if sent {
		role = s.roleByToken(token)
	}
	if c, err := r.Cookie(cookieName(r)); err == nil && role == Nobody {
		role = s.roleByCookie(c.Value)
	}
	return role, sent && role == Nobody
}

// tokenOf is the token that a request sends along. User and password (Basic) are for a
// proxy on the way: browsers send them with every request. But feed readers know nothing
// else, so that at a feed the password may be the token.
func tokenOf(r *http.Request) (token string, sent bool) {
	if _, password, ok := r.BasicAuth(); ok && isFeed(r) {
		return password, true
	}
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	return strings.TrimSpace(token), strings.EqualFold(scheme, "Bearer")
}

// isFeed reports whether a request is for a feed, of changes or of a channel.
func isFeed(r *http.Request) bool {
	return (r.Method == http.MethodGet || r.Method == http.MethodHead) && (r.URL.Path == "/changes.atom" || strings.HasPrefix(r.URL.Path, "/feeds/"))
}

// challenge says how a token is sent.
func challenge(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("WWW-Authenticate", "Bearer")
	if isFeed(r) && !strings.Contains(r.Header.Get("Accept"), "text/html") { // a person sees the page to sign in
		w.Header().Add("WWW-Authenticate", `Basic realm="shopwatch", charset="UTF-8"`)
	}
}

func (s *Server) roleByToken(token string) Role {
	role := Nobody
	if v := s.o.ViewerToken; v != "" && subtle.ConstantTimeCompare([]byte(token), []byte(v)) == 1 {
		role = Viewer
	}
	if subtle.ConstantTimeCompare([]byte(token), []byte(s.o.Token)) == 1 {
		role = Operator
	}
	return role
}

func (s *Server) roleByCookie(value string) Role {
	for _, role := range []Role{Operator, Viewer} {
		if want := s.cookieOf(role); want != "" && subtle.ConstantTimeCompare([]byte(value), []byte(want)) == 1 {
			return role
		}
	}
	return Nobody
}

// cookieOf is the value of the cookie of who signed in as a role, "" when nobody
// can. It says nothing of the token, and holds as long as that.
func (s *Server) cookieOf(role Role) string {
	token := map[Role]string{Operator: s.o.Token, Viewer: s.o.ViewerToken}[role]
	if token == "" {
		return ""
	}
	m := hmac.New(sha256.New, []byte(token))
	fmt.Fprintf(m, "signed in as %d", role)
	return hex.EncodeToString(m.Sum(nil))
}

// signIn takes a token and keeps who has it in a cookie.
func (s *Server) signIn(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, 4<<10)
	role := s.roleByToken(strings.TrimSpace(r.PostFormValue("token")))
	switch {
	case role == Nobody && !s.wrong.Allow():
		w.Header().Set("Retry-After", "1")
		s.refuse(w, r, http.StatusTooManyRequests, "too many wrong tokens; wait a second")
		return
	case role == Nobody:
		s.refuse(w, r, http.StatusUnauthorized, "wrong token")
		return
	}
	http.SetCookie(w, s.cookie(r, s.cookieOf(role), 400*24*time.Hour))
	w.Header().Set("Location", Below(r.PostFormValue("next")))
	w.WriteHeader(http.StatusSeeOther)
}

// signOut forgets who signed in.
func (s *Server) signOut(w http.ResponseWriter, r *http.Request) {
	http.SetCookie(w, s.cookie(r, "", -1))
	w.Header().Set("Location", "./")
	w.WriteHeader(http.StatusSeeOther)
}

func (s *Server) cookie(r *http.Request, value string, age time.Duration) *http.Cookie {
	c := &http.Cookie{
		Name: cookieName(r), Value: value, Path: "/", MaxAge: int(age / time.Second),
		HttpOnly: true, SameSite: http.SameSiteStrictMode, Secure: r.TLS != nil || s.atPublic(r),
	}
	if age < 0 {
		c.MaxAge = -1
	}
	if s.atPublic(r) {
		c.Path = cookiePath(s.o.Public.Path)
	}
	return c
}

func cookiePath(p string) string {
	if p == "" {
		return "/"
	}
	return path.Clean(p)
}

// Below returns an address below that of the dashboard, relative to it, "./" for
// anything else.
func Below(next string) string {
	u, err := url.Parse(next)
	if err != nil || u.IsAbs() || u.Host != "" || strings.HasPrefix(next, "/") || strings.ContainsAny(next, "\\\r\n") || strings.Contains(u.Path, "..") {
		return "./"
	}
	return "./" + next
}

// refuse says no, to people in a page.
func (s *Server) refuse(w http.ResponseWriter, r *http.Request, status int, detail string) {
	page := strings.Contains(r.Header.Get("Accept"), "text/html") && !strings.HasPrefix(r.URL.Path, "/api/")
	if s.o.Refusal == nil || !page {
		problem(w, status, detail)
		return
	}
	s.o.Refusal(w, r, status, detail)
}

// atPublic reports whether a request came to the public address, through the
// proxy that serves it.
func (s *Server) atPublic(r *http.Request) bool {
	u := s.o.Public
	if u == nil {
		return false
	}
	return strings.EqualFold(r.Host, u.Host) || forwarded(r) != ""
}

// knownHost reports whether a name leads here as far as the configuration
// knows.
func (s *Server) knownHost(host string) bool {
	if loopback(host) || slices.Contains(s.o.Hosts, host) {
		return true
	}
	if !s.o.Closed {
		return false
	}
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	_, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return err == nil // no name that somebody could point here
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

package fetch_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"shopwatch/tracker/fetch"
)

// A site is a server that is found at shop.example, and at evil.example.
type site struct {
	*httptest.Server
	asked atomic.Int64
}

func newSite(t *testing.T, h http.HandlerFunc) *site {
	t.Helper()
	s := new(site)
	s.Server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.asked.Add(1)
		h(w, r)
	}))
	t.Cleanup(s.Close)
	return s
}

// client finds the site by its names, and whatever else by looking it up.
func (s *site) client(t *testing.T, more map[string]any) *fetch.Client {
	t.Helper()
	sum := sha256.Sum256(s.Certificate().RawSubjectPublicKeyInfo)
	flags := map[string]any{
		"host-resolver-rules":                 "MAP *.example " + s.Listener.Addr().String(),
		"ignore-certificate-errors-spki-list": base64.StdEncoding.EncodeToString(sum[:]),
	}
	for k, v := range more {
		flags[k] = v
	}
	o, err := fetch.FromFlags(flags)
	if err != nil {
		t.Fatal(err)
	}
	c := fetch.New(o)
	t.Cleanup(c.Close)
	return c
}

func get(t *testing.T, c *fetch.Client, address string) (*fetch.Answer, error) {
	t.Helper()
	return c.Get(t.Context(), fetch.Request{URL: address, Most: 1 << 20})
}

func TestGet(t *testing.T) {
	s := newSite(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/moved":
			http.SetCookie(w, &http.Cookie{Name: "a", Value: "b"})
			http.Redirect(w, r, "https://www.shop.example/list?page=1#x", http.StatusMovedPermanently)
		default:
			w.Header().Set("X-Total", "7")
			fmt.Fprintf(w, "%s %s cookie=%q agent=%q country=%q", r.Host, r.URL.RequestURI(), r.Header.Get("Cookie"), r.UserAgent(), r.Header.Get("X-Country"))
		}
	})
	c := s.client(t, map[string]any{"user-agent": "shopwatch/9"})
	a, err := c.Get(t.Context(), fetch.Request{URL: "https://shop.example/moved", Header: http.Header{"X-Country": {"DE"}}, Most: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	if want := `www.shop.example /list?page=1 cookie="" agent="shopwatch/9" country="DE"`; string(a.Body) != want {
		t.Errorf("body = %s, want %s", a.Body, want)
	}
	if a.Status != 200 || a.Header.Get("X-Total") != "7" || a.URL != "https://www.shop.example/list?page=1" || len(a.Via) != 1 || a.Via[0] != "https://shop.example/moved" {
		t.Errorf("answer = %+v", a)
	}
}

// A question is posted again where a redirect leads, with its headers, unless
// the answer is to be looked at elsewhere.
func TestPost(t *testing.T) {
	s := newSite(t, func(w http.ResponseWriter, r *http.Request) {
		if status, err := strconv.Atoi(strings.Trim(r.URL.Path, "/")); err == nil {
			w.Header().Set("Location", "https://www.shop.example/graphql")
			w.WriteHeader(status)
			return
		}
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		fmt.Fprintf(w, "%s %s %s %q", r.Method, r.URL.Path, r.Header.Get("Store"), body)
	})
	c := s.client(t, nil)
	for path, want := range map[string]string{
		"/graphql": `POST /graphql en "question"`, "/301": `POST /graphql en "question"`, "/302": `POST /graphql en "question"`,
		"/307": `POST /graphql en "question"`, "/308": `POST /graphql en "question"`, "/303": `GET /graphql en ""`,
	} {
		a, err := c.Post(t.Context(), fetch.Request{URL: "https://shop.example" + path, Header: http.Header{"Store": {"en"}}, Most: 100}, []byte("question"))
		if err != nil || string(a.Body) != want || a.Status != http.StatusOK {
			t.Errorf("%s: %+v, %v, want %s", path, a, err, want)
		}
	}
	if a, err := get(t, c, "https://shop.example/graphql"); err != nil || string(a.Body) != `GET /graphql  ""` {
		t.Errorf("GET: %+v, %v", a, err)
	}
}

func TestBounds(t *testing.T) {
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	for range 64 {
		z.Write(make([]byte, 1<<20))
	}
	z.Close()
	s := newSite(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/loop":
			http.Redirect(w, r, "/loop?"+r.URL.RawQuery+"x", http.StatusFound)
		case "/bomb":
			w.Header().Set("Content-Encoding", "gzip")
			w.Write(zipped.Bytes())
		case "/endless":
			for r.Context().Err() == nil {
				if _, err := w.Write(make([]byte, 64<<10)); err != nil {
					return
				}
			}
		case "/header":
			w.Header().Set("X-Long", strings.Repeat("x", 1<<20))
		case "/cut":
			w.Header().Set("Content-Length", "100")
			w.Write([]byte("half"))
		case "/mute":
			<-r.Context().Done()
		}
	})
	c := s.client(t, nil)
	for path, want := range map[string]string{
		"/loop": "redirected more than 5 times", "/bomb": "longer than 1048576 bytes", "/endless": "longer than 1048576 bytes", "/cut": "cut off",
		"/header": "header",
	} {
		if _, err := get(t, c, "https://shop.example"+path); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", path, err, want)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := c.Get(ctx, fetch.Request{URL: "https://shop.example/mute", Most: 1}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a server that says nothing: %v", err)
	}
}

// Neither a page nor a redirect leads into the user's own network, unless the
// user has named the host.
func TestOwnNetwork(t *testing.T) {
	inside := newSite(t, func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "secret") })
	s := newSite(t, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, r.URL.Query().Get("to"), http.StatusFound)
	})
	c := s.client(t, nil)
	_, port, _ := strings.Cut(inside.Listener.Addr().String(), ":")
	for _, to := range []string{
		inside.URL, "https://localhost:" + port + "/", "https://[::1]:" + port + "/", "https://0x7f000001:" + port + "/", "https://2130706433:" + port + "/",
		"https://127.1:" + port + "/", "https://router.lan/", "https://router/", "https://169.254.169.254/latest/meta-data/", "https://[::ffff:127.0.0.1]:" + port + "/",
		"https://[64:ff9b::7f00:1]:" + port + "/", "http://shop.example/plain", "file:///etc/passwd", "ftp://shop.example/",
	} {
		_, err := get(t, c, "https://shop.example/?to="+url.QueryEscape(to))
		var refused *fetch.RefusedError
		if err == nil || !errors.As(err, &refused) && !strings.Contains(err.Error(), "not known") {
			t.Errorf("%s: %v, want that it is refused", to, err)
		}
	}
	if n := inside.asked.Load(); n > 0 {
		t.Errorf("the machine itself was asked %d times", n)
	}
	a, err := inside.client(t, nil).Get(t.Context(), fetch.Request{URL: inside.URL, Most: 100, Home: func(host string) bool { return host == "127.0.0.1" }})
	if err != nil || string(a.Body) != "secret" {
		t.Errorf("a host that the user has named: %v", err)
	}
}

func TestFlags(t *testing.T) {
	if _, err := fetch.FromFlags(map[string]any{"host-resolver-rules": "MAP x"}); err == nil || !strings.Contains(err.Error(), "MAP PATTERN HOST") {
		t.Errorf("half a rule: %v", err)
	}
	s := newSite(t, func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "ok") })
	rules := func(r string) map[string]any { return map[string]any{"host-resolver-rules": r} }
	for r, want := range map[string]string{
		"MAP *.example " + s.Listener.Addr().String() + ", MAP * ~NOTFOUND": "",
		"MAP * ~NOTFOUND": "shop.example is not known",
		"EXCLUDE shop.example, MAP *.example " + s.Listener.Addr().String(): "not known",
	} {
		_, err := get(t, s.client(t, rules(r)), "https://shop.example/")
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %v, want %q", r, err, want)
		}
	}
	// Without its key the certificate is that of a stranger.
	if _, err := get(t, s.client(t, map[string]any{"ignore-certificate-errors-spki-list": ""}), "https://shop.example/"); err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("a stranger's certificate: %v", err)
	}
	if _, err := get(t, s.client(t, map[string]any{"ignore-certificate-errors-spki-list": "AAAA"}), "https://shop.example/"); err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("a stranger's certificate beside another key: %v", err)
	}
}

// The way out is a proxy's where the user says so: it finds the hosts.
func TestProxy(t *testing.T) {
	s := newSite(t, func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "ok") })
	var connected atomic.Value
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user, password, _ := (&http.Request{Header: http.Header{"Authorization": r.Header["Proxy-Authorization"]}}).BasicAuth()
		connected.Store(r.Method + " " + r.Host + " " + user + ":" + password)
		w.WriteHeader(http.StatusBadGateway)
	}))
	defer proxy.Close()
	c := s.client(t, map[string]any{"proxy-server": strings.Replace(proxy.URL, "//", "//me:s3cret@", 1), "host-resolver-rules": ""})
	_, err := get(t, c, "https://shop.example/")
	if err == nil || strings.Contains(err.Error(), "s3cret") {
		t.Errorf("a proxy that fails: %v", err)
	}
	if got := connected.Load(); got != "CONNECT shop.example:443 me:s3cret" {
		t.Errorf("the proxy was asked %v", got)
	}
	if s.asked.Load() > 0 {
		t.Error("the shop was asked past the proxy")
	}
}

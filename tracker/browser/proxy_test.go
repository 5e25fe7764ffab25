package browser_test

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/netip"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"shopwatch/fixtures/deadline"
	"shopwatch/tracker/browser"
)

// A way out is a proxy that leads to the mall, whatever it is asked for.
type wayOut struct {
	net.Listener
	greet func(net.Conn, *bufio.Reader) (host string) // "" for what is no request of a proxy
	let   atomic.Int64

	mu    sync.Mutex
	asked map[string]bool // for which hosts
}

// note notes a host that the proxy was asked for.
func (p *wayOut) note(host string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.asked[host] = true
}

func newWayOut(t *testing.T, network string, config *tls.Config, greet func(net.Conn, *bufio.Reader) string) *wayOut {
	t.Helper()
	l, err := net.Listen("tcp", network)
	if err != nil {
		t.Skipf("NOT TESTED: no proxy at %s: %v", network, err)
	}
	if config != nil {
		l = tls.NewListener(l, config)
	}
	p := &wayOut{Listener: l, greet: greet, asked: map[string]bool{}}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go p.serve(c)
		}
	}()
	return p
}

func (p *wayOut) serve(c net.Conn) {
	defer c.Close()
	r := bufio.NewReader(c)
	host := p.greet(c, r)
	if host == "" {
		return
	}
	p.note(host)
	p.let.Add(1)
	out, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", mall.Port()))
	if err != nil {
		return
	}
	defer out.Close()
	go func() {
		io.Copy(out, r)
		out.Close()
	}()
	io.Copy(c, out)
}

// connect is the greeting of an HTTP proxy, one that asks for a user when there
// is one.
func connect(user, password string) func(net.Conn, *bufio.Reader) string {
	return func(c net.Conn, r *bufio.Reader) string {
		for {
			req, err := http.ReadRequest(r)
			if err != nil || req.Method != http.MethodConnect && !req.URL.IsAbs() {
				return ""
			}
			want := "Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+password))
			if user == "" || req.Header.Get("Proxy-Authorization") == want {
				io.WriteString(c, "HTTP/1.1 200 OK\r\n\r\n")
				return req.Host
			}
			io.WriteString(c, "HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm=\"proxy\"\r\nContent-Length: 0\r\n\r\n")
		}
	}
}

func socks5(c net.Conn, r *bufio.Reader) string {
	hello := make([]byte, 2)
	if _, err := io.ReadFull(r, hello); err != nil || hello[0] != 5 {
		return ""
	}
	r.Discard(int(hello[1]))
	c.Write([]byte{5, 0})
	request := make([]byte, 5)
	if _, err := io.ReadFull(r, request); err != nil {
		return ""
	}
	if request[3] != 3 {
		return "a number"
	}
	name := make([]byte, int(request[4])+2)
	if _, err := io.ReadFull(r, name); err != nil {
		return ""
	}
	c.Write([]byte{5, 0, 0, 1, 0, 0, 0, 0, 0, 0})
	port := int(name[len(name)-2])<<8 | int(name[len(name)-1])
	return fmt.Sprintf("%s:%d", name[:len(name)-2], port)
}

// elsewhere is where Chrome finds the hosts of the mall without a proxy, and
// asks a proxy of SOCKS 4 for.
var elsewhere = [4]byte{93, 184, 215, 14}

func socks4(c net.Conn, r *bufio.Reader) string {
	request := make([]byte, 8)
	if _, err := io.ReadFull(r, request); err != nil || request[0] != 4 {
		return ""
	}
	if _, err := r.ReadBytes(0); err != nil {
		return ""
	}
	if [4]byte(request[4:]) != elsewhere {
		return "a number"
	}
	c.Write([]byte{0, 90, 0, 0, 0, 0, 0, 0})
	return "a host of tmall.com:443"
}

// Pages come through the proxy in every form that is understood, also when it
// asks for a password, which no command line shows.
func TestProxies(t *testing.T) {
	short(t)
	const user, password = "me", "s3cr:t%/@ü"
	for _, tt := range []struct {
		name, value string // PROXY: its host and port
		address     string
		tls         bool
		greet       func(net.Conn, *bufio.Reader) string
	}{
		{"no scheme", "PROXY", "127.0.0.1:0", false, connect("", "")},
		{"http", "http://PROXY", "127.0.0.1:0", false, connect("", "")},
		{"http, a slash behind it", "HTTP://PROXY/", "127.0.0.1:0", false, connect("", "")},
		{"http, by IPv6", "http://PROXY", "[::1]:0", false, connect("", "")},
		{"http, a password", "http://me:s3cr%3At%25%2F%40%C3%BC@PROXY", "127.0.0.1:0", false, connect(user, password)},
		{"http, a password, no scheme", "me:s3cr%3At%25%2F%40%c3%bc@PROXY", "127.0.0.1:0", false, connect(user, password)},
		{"http, a user", "http://me@PROXY", "127.0.0.1:0", false, connect(user, "")},
		{"https", "https://PROXY", "127.0.0.1:0", true, connect("", "")},
		{"https, a password", "https://me:s3cr:t%25%2F%40%C3%BC@PROXY", "127.0.0.1:0", true, connect(user, password)},
		{"socks5", "socks5://PROXY", "127.0.0.1:0", false, socks5},
		{"socks4", "socks4://PROXY", "127.0.0.1:0", false, socks4},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var config *tls.Config
			if tt.tls {
				config = mall.TLS()
			}
			p := newWayOut(t, tt.address, config, tt.greet)
			// Past the proxy the mall is not to be found: at its addresses is
			// nothing.
			flags := maps.Clone(mall.Flags())
			flags["host-resolver-rules"] = fmt.Sprintf("MAP *.tmall.com %s:443, MAP * ~NOTFOUND", netip.AddrFrom4(elsewhere))
			flags["proxy-server"] = strings.Replace(tt.value, "PROXY", p.Addr().String(), 1)
			b := browser.New(browser.Options{Flags: flags})
			t.Cleanup(func() { b.Close() })
			usable(t, tab(t, b, browser.TabOptions{}))
			if p.let.Load() == 0 {
				t.Error("nothing came through the proxy")
			}
			if tt.name == "http" || tt.name == "socks5" {
				noneInside(t, b)
			}
			p.mu.Lock()
			defer p.mu.Unlock()
			for host := range p.asked {
				if !strings.HasSuffix(host, "tmall.com:443") && !strings.HasSuffix(host, ".taobao.com:443") {
					t.Errorf("the proxy was asked for %s", host)
				}
			}
			for _, pid := range pids("--type=", "chrom") {
				showsPassword(t, b, pid)
			}
			showsPassword(t, b, b.PID())
		})
	}
}

// noneInside fails the test when a page that comes through a proxy reaches
// inside, be it past the proxy.
func noneInside(t *testing.T, b *browser.Browser) {
	t.Helper()
	hits := mall.InsideHits()
	var all strings.Builder
	for _, to := range append(insideAddresses()[:8], "http://router/", "http://router.local/") {
		for _, w := range otherWays {
			fmt.Fprintf(&all, w.html, to)
		}
	}
	address := page(t, "<!DOCTYPE html><title>a</title><body>"+all.String())
	err := browser.ErrCrashed // see TestNoPageReachesInside
	for try := 0; errors.Is(err, browser.ErrCrashed) && try < 5; try++ {
		tb := tab(t, b, browser.TabOptions{})
		if _, err = title(t, tb, address); err == nil {
			err = tb.Wait(deadline.Context(t), `new Promise(done => setTimeout(done, 1000))`, nil)
		}
		tb.Close()
	}
	if n := mall.InsideHits() - hits; err != nil || n > 0 {
		t.Errorf("a page reached inside %d times (%v)", n, err)
	}
}

// showsPassword fails the test when a process of the browser has the password on its
// command line.
func showsPassword(t *testing.T, b *browser.Browser, pid int) {
	t.Helper()
	if !below(pid, b.PID()) {
		return
	}
	line, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	if err == nil && (bytes.Contains(line, []byte("s3cr")) || bytes.Contains(line, []byte("me@"))) {
		t.Errorf("the password is on the command line of %d", pid)
	}
}

// What is not understood word for word is refused, and not repeated.
func TestCheckProxy(t *testing.T) {
	for _, value := range []any{nil, false, "proxy", "proxy:3128", "http://10.0.0.1:3128", "socks5://[fd00::1]:1080", "https://a-b.example", "http://u:p%40@proxy:1"} {
		if err := browser.CheckProxy(value); err != nil {
			t.Errorf("%v: %v", value, err)
		}
	}
	for value, says := range map[any]string{
		true: "http://HOST:PORT", "": "want one proxy",
		"http=http://u:t0p@a:1;https=http://u:t0p@b:2": "want one proxy", "http=a:1": "want one proxy", "http=a:1;https=b:2": "want one proxy", "socks=a:1": "want one proxy",
		"a:1;b:2": "want one proxy", "a:1,b:2": "want one proxy", "http://a:1,direct://": "want one proxy", "http://u:t0p@a:1,http://u:t0p@b:1": "write %25",
		"direct://": "want one proxy", "quic://a:1": "want one proxy", "socks://a:1": "want one proxy", "socks5h://a:1": "want one proxy", "http://": "want one proxy", "://a:1": "want one proxy",
		"http://a:0": "want one proxy", "http://a:65536": "want one proxy", "http://a:b": "want one proxy", "http://a b:1": "want one proxy", "http://a:1/path": "want one proxy", "http://a:1?x": "want one proxy",
		"http://u:50%@a:1": "write %25", "http://u:5%zz@a:1": "write %25", "http://u:t0p@t0p@a:1": "write %25", "http://u:t0p/@a:1": "write %25", "http://:t0p@a:1": "write %25", "http://u:t0p;x@a:1": "write %25",
		"socks5://u:t0p@a:1": "socks5 proxy no user", "socks4://u@a:1": "socks4 proxy no user",
	} {
		err := browser.CheckProxy(value)
		if err == nil || !strings.Contains(err.Error(), says) || strings.Contains(err.Error(), "t0p") {
			t.Errorf("%v: %v, want an error that says %q and no secret", value, err, says)
		}
		flags := maps.Clone(mall.Flags())
		flags["proxy-server"] = value
		b := browser.New(browser.Options{Flags: flags})
		if _, err := b.Tab(t.Context(), browser.TabOptions{}); err == nil || b.PID() != 0 || strings.Contains(err.Error(), "t0p") {
			t.Errorf("%v: Tab = %v, want no Chrome", value, err)
		}
	}
}

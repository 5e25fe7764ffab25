package browser

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/fetch"
)

// A proxy is the value of Chrome's switch proxy-server taken apart: Chrome
// takes no user and password in it and asks for them instead.
type proxy struct {
	server         string // for the switch; empty for none
	host           string // without the brackets of IPv6
	user, password string // empty for a proxy that asks for none
}

// proxySchemes are the ways to talk to a proxy, with the port of each when none
// is named.
var proxySchemes = map[string]string{"http": "80", "https": "443", "socks5": "1080", "socks4": "1080"}

var (
	proxyHost = regexp.MustCompile(`^[A-Za-z0-9._-]+$`)
	proxyUser = regexp.MustCompile(`^[A-Za-z0-9._~!$&'()*+=%-]+$`)
	proxyPass = regexp.MustCompile(`^[A-Za-z0-9._~!$&'()*+=%:-]*$`)
)

// parseProxy takes the value of the switch apart. What it does not understand
// to the letter is an error: Chrome would be given the password on its command
// line, or would go past the proxy for some addresses. The error does not
// repeat the value, which may be a secret.
func parseProxy(value any) (proxy, error) {
	s, ok := value.(string)
	if !ok {
		if value == nil || value == false {
			return proxy{}, nil
		}
		return proxy{}, errors.New("name the proxy: http://HOST:PORT")
	}
	scheme, rest, ok := strings.Cut(s, "://")
	if !ok {
		scheme, rest = "http", s
	}
	scheme = strings.ToLower(scheme)
	port, known := proxySchemes[scheme]
	userinfo, address, asks := "", rest, false
	if i := strings.LastIndexByte(rest, '@'); i >= 0 {
		userinfo, address, asks = rest[:i], rest[i+1:], true
	}
	address = strings.TrimSuffix(address, "/")
	host := strings.Trim(address, "[]")
	if h, p, err := net.SplitHostPort(address); err == nil {
		host, port = h, p
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if !known || err != nil || n == 0 || !proxyHost.MatchString(host) && net.ParseIP(host) == nil {
		return proxy{}, errors.New("want one proxy for everything, as scheme://HOST:PORT or scheme://USER:PASSWORD@HOST:PORT with the scheme http, https, socks5 or socks4")
	}
	p := proxy{server: scheme + "://" + net.JoinHostPort(host, port), host: host}
	if !asks {
		return p, nil
	}
	if strings.HasPrefix(scheme, "socks") {
		return proxy{}, fmt.Errorf("Chrome gives a %s proxy no user and password; use an http or https proxy, or one that asks for none", scheme)
	}
	user, password, _ := strings.Cut(userinfo, ":")
	p.user, err = url.PathUnescape(user)
	if err == nil {
		p.password, err = url.PathUnescape(password)
	}
	if err != nil || !proxyUser.MatchString(user) || !proxyPass.MatchString(password) {
		return proxy{}, errors.New("in user and password write %25 for %, %40 for @, %2F for /, %3A for : in the user, and so on for whatever is no letter, digit or one of -._~!$&'()*+=")
	}
	return p, nil
}

// CheckProxy says what is wrong with a value of the switch proxy-server, in
// words that do not repeat it.
func CheckProxy(value any) error {
	_, err := parseProxy(value)
	return err
}

// asks reports whether the proxy has to be answered.
func (p proxy) asks() bool { return p.user != "" }

// resolverRule lets Chrome find the proxy where a rule would keep it from there:
// by its port alone, because a page may talk to what is found.
func (p proxy) resolverRule() string {
	_, at, _ := strings.Cut(p.server, "://")
	return "MAP " + at + " " + at
}

// pattern is that of all addresses at the proxy's host, in the syntax of
// URLPattern, which wants colons to be escaped.
func (p proxy) pattern() string {
	host := p.host
	if strings.Contains(host, ":") {
		host = "[" + strings.ReplaceAll(host, ":", `\:`) + "]"
	}
	return "*://" + host + ":*/*"
}

// proxied reports whether a Chrome with these switches may leave it to a proxy
// to find hosts.
func proxied(flags map[string]any) bool {
	for _, name := range []string{"proxy-server", "proxy-pac-url", "proxy-auto-detect"} {
		if v := flags[name]; v != nil && v != false && v != "" {
			return true
		}
	}
	return slices.ContainsFunc([]string{"http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"},
		func(name string) bool { return os.Getenv(name) != "" })
}

// answerProxy answers the proxy's question for user and password, and nobody
// else's.
func (t *Tab) answerProxy(e *fetch.EventAuthRequired) {
	answer := &fetch.AuthChallengeResponse{Response: fetch.AuthChallengeResponseResponseCancelAuth}
	if e.AuthChallenge.Source == fetch.AuthChallengeSourceProxy {
		answer = &fetch.AuthChallengeResponse{
			Response: fetch.AuthChallengeResponseResponseProvideCredentials,
			Username: t.proc.proxy.user, Password: t.proc.proxy.password,
		}
	}
	t.ask(func(ctx context.Context, s cdp.Session) error {
		return call(ctx, s, fetch.ContinueWithAuth, fetch.ContinueWithAuthParams{RequestID: e.RequestID, AuthChallengeResponse: answer})
	})
}

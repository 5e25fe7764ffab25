package browser

import (
	"context"
	"net/url"
	"strings"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/fetch"
)

// A proxy is the value of Chrome's switch proxy-server taken apart: Chrome
// takes no user and password in it and asks for them instead.
type proxy struct {
	server         string // for the switch; empty for none
	host           string
	user, password string // empty for a proxy that asks for none
}

func parseProxy(value any) proxy {
	s, ok := value.(string)
	if !ok || s == "" {
		return proxy{}
	}
	withScheme := s
	if !strings.Contains(s, "://") {
		withScheme = "http://" + s
	}
	u, err := url.Parse(withScheme)
	if err != nil || u.Host == "" {
		return proxy{server: s} // for Chrome to understand or to refuse
	}
	p := proxy{server: s, host: u.Hostname()}
	if u.User != nil {
		p.user = u.User.Username()
		p.password, _ = u.User.Password()
		p.server = u.Scheme + "://" + u.Host
	}
	return p
}

// asks reports whether the proxy has to be answered.
func (p proxy) asks() bool { return p.user != "" }

// answerProxy makes the tab answer the proxy's question for user and password.
// Every request of the tab then waits for a word from here.
func (t *Tab) answerProxy(ctx context.Context, s cdp.Session) error {
	return call(ctx, s, fetch.Enable, fetch.EnableParams{HandleAuthRequests: new(true)})
}

// proxied takes in the events of a tab that answers a proxy.
func (t *Tab) proxied(ev any) {
	switch e := ev.(type) {
	case *fetch.EventRequestPaused:
		go t.ask(func(ctx context.Context, s cdp.Session) error {
			return call(ctx, s, fetch.ContinueRequest, fetch.ContinueRequestParams{RequestID: e.RequestID})
		})
	case *fetch.EventAuthRequired:
		answer := &fetch.AuthChallengeResponse{Response: fetch.AuthChallengeResponseResponseCancelAuth}
		if e.AuthChallenge.Source == fetch.AuthChallengeSourceProxy {
			answer = &fetch.AuthChallengeResponse{
				Response: fetch.AuthChallengeResponseResponseProvideCredentials,
				Username: t.proc.proxy.user, Password: t.proc.proxy.password,
			}
		}
		go t.ask(func(ctx context.Context, s cdp.Session) error {
			return call(ctx, s, fetch.ContinueWithAuth, fetch.ContinueWithAuthParams{RequestID: e.RequestID, AuthChallengeResponse: answer})
		})
	}
}

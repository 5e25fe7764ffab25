package notify

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// httpClient returns a client that follows no redirects: a signed delivery goes
// where the configuration says or nowhere.
func (s *Settings) httpClient() *http.Client {
	return &http.Client{
		Timeout: s.Timeout,
		Transport: &http.Transport{
			Proxy:             http.ProxyFromEnvironment,
			TLSClientConfig:   &tls.Config{RootCAs: s.Roots, MinVersion: tls.VersionTLS12},
			DisableKeepAlives: true, // a delivery now and then
			ForceAttemptHTTP2: true,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// lingering is a context that ends a little later than another one, so that
// what is under way can come to its end.
func lingering(ctx context.Context) (context.Context, context.CancelFunc) {
	longer, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() { time.AfterFunc(grace, cancel) })
	return longer, func() {
		stop()
		cancel()
	}
}

// post sends a body and returns the status and the beginning of the answer.
func post(ctx context.Context, c *http.Client, to string, header http.Header, body []byte) (status int, answer string, err error) {
	ctx, cancel := lingering(ctx)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, to, bytes.NewReader(body))
	if err != nil {
		return 0, "", err
	}
	req.Header = header
	req.Header.Set("User-Agent", "shopwatch")
	resp, err := c.Do(req)
	if err != nil {
		return 0, "", unreachable(req.URL.Host, err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, 4096))
	if err != nil && resp.StatusCode/100 != 2 {
		return 0, "", unreachable(req.URL.Host, err)
	}
	return resp.StatusCode, strings.TrimSpace(string(text)), nil
}

// unreachable says that there was no answer, and whether the delivery was on its
// way.
func unreachable(host string, err error) error {
	var ue *url.Error
	if errors.As(err, &ue) {
		err = ue.Err // the address may hold a secret
	}
	if onItsWay(err) {
		return &Unreachable{&Unsure{fmt.Errorf("no answer from %s: %w", host, err)}}
	}
	return &Unreachable{fmt.Errorf("reach %s: %w", host, err)}
}

// onItsWay reports whether an error struck after the connection stood.
func onItsWay(err error) bool {
	var op *net.OpError
	var dns *net.DNSError
	var cert *tls.CertificateVerificationError
	return !(errors.As(err, &op) && op.Op == "dial" || errors.As(err, &dns) || errors.As(err, &cert))
}

// judge says what an HTTP status means for a delivery.
func judge(status int, answer string) error {
	if status/100 == 2 {
		return nil
	}
	said := strings.TrimSpace(fmt.Sprintf("%d %s %s", status, http.StatusText(status), answer))
	if final(status) {
		return &Refused{said}
	}
	return errors.New(said)
}

// final reports whether a status is about the delivery and will not change. A
// wrong login or address is for somebody to mend.
func final(status int) bool {
	switch status {
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound, http.StatusProxyAuthRequired,
		http.StatusRequestTimeout, http.StatusConflict, http.StatusLocked, http.StatusTooEarly, http.StatusTooManyRequests:
		return false
	}
	return status/100 == 4
}

// webAddress checks that an address is one of the web.
func webAddress(s string) (*url.URL, error) {
	u, err := url.Parse(s)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, badSetting("url", "want an address that begins with https://")
	}
	return u, nil
}

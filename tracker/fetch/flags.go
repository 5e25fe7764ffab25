package fetch

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/url"
	"path"
	"slices"
	"strings"
	"syscall"
)

type rawConn = syscall.RawConn

// FromFlags returns options that go the way of a Chrome with these switches:
// proxy-server, host-resolver-rules, user-agent and
// ignore-certificate-errors-spki-list. Others say nothing of it.
func FromFlags(flags map[string]any) (o Options, err error) {
	text := func(name string) string { s, _ := flags[name].(string); return s }
	o.UserAgent = text("user-agent")
	if s := text("proxy-server"); s != "" {
		if !strings.Contains(s, "://") {
			s = "http://" + s
		}
		proxy, err := url.Parse(s)
		if err != nil {
			return o, errors.New("proxy-server: want scheme://HOST:PORT")
		}
		o.Proxy = func(*url.URL) (*url.URL, error) { return proxy, nil }
	}
	for pin := range strings.SplitSeq(text("ignore-certificate-errors-spki-list"), ",") {
		if pin = strings.TrimSpace(pin); pin != "" {
			o.Pins = append(o.Pins, pin)
		}
	}
	o.Hosts, err = parseHosts(text("host-resolver-rules"))
	return o, err
}

// Hosts are rules that say where hosts are; the first that fits counts.
type Hosts []hostRule

type hostRule struct {
	pattern string // "*.tmall.com"
	to      string // a host, with a port or without; "" for the host itself, "~NOTFOUND" for none
}

func parseHosts(rules string) (h Hosts, err error) {
	for rule := range strings.SplitSeq(rules, ",") {
		switch words := strings.Fields(rule); {
		case len(words) == 0:
		case len(words) == 3 && strings.EqualFold(words[0], "MAP"):
			h = append(h, hostRule{words[1], words[2]})
		case len(words) == 2 && strings.EqualFold(words[0], "EXCLUDE"):
			h = append(h, hostRule{pattern: words[1]})
		default:
			return nil, fmt.Errorf("host-resolver-rules: %q is no rule; write MAP PATTERN HOST or EXCLUDE PATTERN", strings.TrimSpace(rule))
		}
	}
	return h, nil
}

// find returns where a host is, when a rule says it.
func (h Hosts) find(host, port string) (address string, known bool, err error) {
	i := slices.IndexFunc(h, func(r hostRule) bool {
		ok, err := path.Match(r.pattern, host)
		return ok && err == nil
	})
	switch {
	case i < 0, h[i].to == "":
		return "", false, nil
	case h[i].to == "~NOTFOUND":
		return "", false, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
	}
	if _, _, err := net.SplitHostPort(h[i].to); err == nil {
		return h[i].to, true, nil
	}
	return net.JoinHostPort(h[i].to, port), true, nil
}

// tlsConfig trusts what the system trusts, and certificates of the pinned keys.
func tlsConfig(pins []string) *tls.Config {
	if len(pins) == 0 {
		return &tls.Config{MinVersion: tls.VersionTLS12}
	}
	return &tls.Config{
		MinVersion:         tls.VersionTLS12,
		InsecureSkipVerify: true, // VerifyConnection does it
		VerifyConnection: func(s tls.ConnectionState) error {
			for _, c := range s.PeerCertificates {
				sum := sha256.Sum256(c.RawSubjectPublicKeyInfo)
				if slices.Contains(pins, base64.StdEncoding.EncodeToString(sum[:])) {
					return nil
				}
			}
			o := x509.VerifyOptions{DNSName: s.ServerName, Intermediates: x509.NewCertPool()}
			for _, c := range s.PeerCertificates[1:] {
				o.Intermediates.AddCert(c)
			}
			_, err := s.PeerCertificates[0].Verify(o)
			return err
		},
	}
}

package notify

import (
	"errors"
	"fmt"
	"net/mail"
	"net/url"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/idna"
)

// parseAddress reads a mail address and writes its host as the network knows
// it: servers that know no SMTPUTF8 take 例子.中国 only as
// xn--fsqu00a.xn--fiqs8s, and a Message-ID is ASCII for all of them.
func parseAddress(s string) (*mail.Address, error) {
	a, err := mail.ParseAddress(s)
	if err != nil {
		return nil, fmt.Errorf("%q is not a mail address; write one such as team@example.com, or \"A name\" <team@example.com>", s)
	}
	at := strings.LastIndexByte(a.Address, '@')
	host, err := asciiHost(a.Address[at+1:])
	if err != nil {
		return nil, fmt.Errorf("%q is not a mail address: there can be no host %s", s, a.Address[at+1:])
	}
	a.Address = a.Address[:at+1] + host
	return a, nil
}

// envelope is an address as servers speak of it, in angle brackets.
func envelope(a *mail.Address) string { return (&mail.Address{Address: a.Address}).String() }

// hostOf is what stands behind the @ of an address.
func hostOf(a *mail.Address) string { return a.Address[strings.LastIndexByte(a.Address, '@')+1:] }

// asciiHost writes the name of a host in ASCII (punycode).
func asciiHost(host string) (string, error) {
	if isASCII(host) {
		return host, nil
	}
	ascii, err := idna.Lookup.ToASCII(host)
	if err == nil && !isASCII(ascii) {
		err = errors.New("not in ASCII")
	}
	return ascii, err
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// mailtoAddress is an address as it stands in a link (RFC 6068).
func mailtoAddress(a *mail.Address) string {
	at := strings.LastIndexByte(a.Address, '@')
	return url.PathEscape(a.Address[:at]) + a.Address[at:]
}

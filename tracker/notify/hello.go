package notify

import (
	"net"
	"net/netip"
	"os"
	"regexp"
	"strings"
)

// hello is the name by which this machine greets a mail server on a connection:
// that of the configuration, else its full name, else the address from which
// it calls, in brackets. Many servers refuse mail from "mybox" (RFC 5321, 4.1.4).
func (e *email) hello(local net.Addr) string {
	if e.Hello != "" {
		return e.Hello
	}
	name, err := os.Hostname()
	if err != nil {
		name = ""
	}
	return greeting(name, local)
}

func greeting(hostname string, local net.Addr) string {
	if name := strings.TrimSuffix(hostname, "."); fullName.MatchString(name) && !privateName.MatchString(name) {
		return name
	}
	if at, err := netip.ParseAddrPort(local.String()); err == nil {
		return literal(at.Addr())
	}
	return literal(netip.AddrFrom4([4]byte{127, 0, 0, 1}))
}

// literal is an address as it stands in the place of a name (RFC 5321, 4.1.3).
func literal(a netip.Addr) string {
	if a = a.Unmap().WithZone(""); a.Is4() {
		return "[" + a.String() + "]"
	}
	return "[IPv6:" + a.String() + "]"
}

var (
	fullName = regexp.MustCompile(`^(?i)[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*\.[a-z][a-z0-9-]*[a-z0-9]$`)
	// privateName is one that no server can look up.
	privateName = regexp.MustCompile(`(?i)\.(?:local|localdomain|localhost|lan|home|internal|home\.arpa)$`)
	// aboutHello tells that an answer is about the greeting, whatever it
	// answers to: many servers wait with it until they hear of a recipient.
	aboutHello = regexp.MustCompile(`(?i)\b(?:helo|ehlo)\b`)
)

// checkHello reports whether a greeting may be sent.
func checkHello(name string) bool {
	if inside, ok := strings.CutPrefix(name, "["); ok {
		a, err := netip.ParseAddr(strings.TrimPrefix(strings.TrimSuffix(inside, "]"), "IPv6:"))
		return err == nil && literal(a) == name
	}
	return fullName.MatchString(name)
}

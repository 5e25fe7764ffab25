// Package netrange tells addresses and names of the public internet from those of
// a machine and the network round it.
package netrange

import (
	"net/netip"
	"slices"
	"strings"
)

// Local4 are the ranges of IPv4 that are not the public internet's.
var Local4 = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"),        // this machine
	netip.MustParsePrefix("10.0.0.0/8"),       // private
	netip.MustParsePrefix("100.64.0.0/10"),    // carriers; metadata of a cloud
	netip.MustParsePrefix("127.0.0.0/8"),      // this machine
	netip.MustParsePrefix("168.63.129.16/32"), // metadata of a cloud
	netip.MustParsePrefix("169.254.0.0/16"),   // this link; metadata of clouds
	netip.MustParsePrefix("172.16.0.0/12"),    // private
	netip.MustParsePrefix("192.0.0.0/24"),     // protocols; metadata of a cloud
	netip.MustParsePrefix("192.0.2.0/24"),     // documentation
	netip.MustParsePrefix("192.168.0.0/16"),   // private
	netip.MustParsePrefix("198.18.0.0/15"),    // measurements within a network
	netip.MustParsePrefix("198.51.100.0/24"),  // documentation
	netip.MustParsePrefix("203.0.113.0/24"),   // documentation
	netip.MustParsePrefix("224.0.0.0/4"),      // multicast
	netip.MustParsePrefix("240.0.0.0/4"),      // reserved, broadcast
}

// Local6 are those of IPv6 within the range that is given out. It leaves out
// NAT64 and SixToFour, whose addresses hold one of IPv4.
var (
	given6 = netip.MustParsePrefix("2000::/3")
	Local6 = []netip.Prefix{
		netip.MustParsePrefix("2001::/23"),     // protocols, such as tunnels through a NAT
		netip.MustParsePrefix("2001:db8::/32"), // documentation
		netip.MustParsePrefix("3fff::/20"),     // documentation
	}
	NAT64     = netip.MustParsePrefix("64:ff9b::/96")
	SixToFour = netip.MustParsePrefix("2002::/16")
)

// LocalNames are names of this machine and of the network round it, and what
// the names of other machines there end in.
var LocalNames = []string{"localhost", "local", "localdomain", "internal", "lan", "home.arpa"}

// Public reports whether an address is one of the public internet.
func Public(a netip.Addr) bool {
	a = a.Unmap().WithZone("")
	if a.Is6() {
		b := a.As16()
		switch {
		case NAT64.Contains(a):
			a = netip.AddrFrom4([4]byte(b[12:]))
		case SixToFour.Contains(a):
			a = netip.AddrFrom4([4]byte(b[2:6]))
		default:
			return given6.Contains(a) && !within(a, Local6)
		}
	}
	return a.Is4() && !within(a, Local4)
}

func within(a netip.Addr, ranges []netip.Prefix) bool {
	return slices.ContainsFunc(ranges, func(p netip.Prefix) bool { return p.Contains(a) })
}

// LocalName reports whether a name says by itself that it is none of the
// public internet.
func LocalName(host string) bool {
	return !strings.Contains(host, ".") || slices.ContainsFunc(LocalNames, func(name string) bool {
		return host == name || strings.HasSuffix(host, "."+name)
	})
}

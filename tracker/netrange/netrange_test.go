package netrange_test

import (
	"net/netip"
	"testing"

	"shopwatch/tracker/netrange"
)

func TestPublic(t *testing.T) {
	for address, want := range map[string]bool{
		"93.184.215.14": true, "8.8.8.8": true, "172.15.255.255": true, "172.32.0.0": true, "100.63.255.255": true, "100.128.0.0": true,
		"192.0.1.0": true, "198.17.255.255": true, "198.20.0.0": true, "168.63.129.17": true, "223.255.255.255": true,
		"2606:4700:4700::1111": true, "2a03:2880::1": true, "64:ff9b::808:808": true, "2002:808:808::1": true, "::ffff:8.8.8.8": true,

		"0.0.0.0": false, "0.1.2.3": false, "10.0.0.1": false, "127.0.0.1": false, "127.255.255.254": false, "169.254.169.254": false,
		"172.16.0.1": false, "172.31.255.255": false, "192.168.1.1": false, "100.64.0.1": false, "100.100.100.200": false, "100.127.255.255": false,
		"192.0.0.8": false, "198.18.0.1": false, "198.19.255.255": false, "168.63.129.16": false, "224.0.0.1": false, "255.255.255.255": false,
		"::": false, "::1": false, "::ffff:127.0.0.1": false, "::ffff:10.0.0.1": false, "::10.0.0.1": false, "fc00::1": false, "fd00:1:2:3:4:5:6:7": false,
		"fe80::1": false, "fe80::1%eth0": false, "fec0::1": false, "ff02::1": false, "64:ff9b::a00:1": false, "64:ff9b::7f00:1": false, "64:ff9b:1::1": false,
		"2001::1": false, "2001:db8::1": false, "2002:a00:1::1": false, "2002:7f00:1::1": false, "3fff::1": false,
	} {
		if got := netrange.Public(netip.MustParseAddr(address)); got != want {
			t.Errorf("Public(%s) = %v, want %v", address, got, want)
		}
	}
}

func TestLocalName(t *testing.T) {
	for host, want := range map[string]bool{
		"tmall.com": false, "internal.example": false, "lan.example": false,
		"localhost": true, "x.localhost": true, "printer.local": true, "router.lan": true, "metadata.google.internal": true, "nas.home.arpa": true, "router": true,
	} {
		if got := netrange.LocalName(host); got != want {
			t.Errorf("LocalName(%s) = %v, want %v", host, got, want)
		}
	}
}

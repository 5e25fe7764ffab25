package notify

import "net"

// Greeting is greeting: what a machine of that name says on a connection.
func Greeting(hostname string, local net.Addr) string { return greeting(hostname, local) }

// EncodeWords is encodeWords.
func EncodeWords(s string) string { return encodeWords(s) }

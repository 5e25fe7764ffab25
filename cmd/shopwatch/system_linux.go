package main

// lacking is what shopwatch cannot do on this system. It is made for Linux.
func lacking() []string { return nil }

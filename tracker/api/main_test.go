package api_test

import (
	"fmt"
	"io"
	"net"
	"os"
	"testing"
)

// TestMain lets the test binary be a process of another user: one that listens
// at a socket, or one that calls it.
func TestMain(m *testing.M) {
	path := os.Getenv("SHOPWATCH_TEST_SOCKET")
	switch os.Getenv("SHOPWATCH_TEST_AS") {
	case "listener":
		os.Exit(listenAt(path))
	case "caller":
		os.Exit(callAt(path))
	}
	os.Exit(m.Run())
}

// listenAt waits for one caller and prints all that it sends.
func listenAt(path string) int {
	l, err := net.Listen("unix", path)
	if err == nil {
		err = os.Chmod(path, 0o777)
	}
	if err != nil {
		fmt.Println(err)
		return 1
	}
	fmt.Println("listening")
	c, err := l.Accept()
	if err != nil {
		fmt.Println(err)
		return 1
	}
	fmt.Println("called")
	io.Copy(os.Stdout, c)
	return 0
}

// callAt prints what it is answered.
func callAt(path string) int {
	c, err := net.Dial("unix", path)
	if err != nil {
		fmt.Println(err)
		return 1
	}
	fmt.Fprint(c, "GET /api/reports HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
	io.Copy(os.Stdout, c)
	return 0
}

package api_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"shopwatch/fixtures/deadline"
	"shopwatch/tracker"
	"shopwatch/tracker/api"
)

// A safeBuffer is a log that is read while it is written.
type safeBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *safeBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *safeBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// healthy asks on a connection of its own.
func healthy(address string) error {
	c := http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := c.Get("http://" + address + "/healthz")
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != 200 {
		return fmt.Errorf("healthz = %s", resp.Status)
	}
	return nil
}

// until waits until something is so.
func until(t *testing.T, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !is(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not within 20s: %s", what)
		}
	}
}

// Connections that only wait give way to new ones, whether they have asked
// something before or not; those that are being answered do not.
func TestConnections(t *testing.T) {
	const limit = 8
	o := options(database(t))
	o.Connections = limit
	begun, end := make(chan bool), make(chan bool)
	o.Daemon = &daemon{scan: func(context.Context, tracker.StorefrontName, api.HowToScan, func(tracker.Progress)) (*tracker.Scan, []tracker.Change, error) {
		begun <- true
		<-end
		return &tracker.Scan{Storefront: "tencent", Verdict: tracker.Complete}, nil, nil
	}}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var log safeBuffer
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	s := api.New(o, slog.New(slog.NewTextHandler(&log, nil)))
	go func() { ended <- s.Run(ctx, l) }()
	address := l.Addr().String()
	defer func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}()

	var idle []net.Conn
	for i := range 5 * limit {
		c, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if i%2 == 0 {
			fmt.Fprint(c, "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
			if _, err := http.ReadResponse(bufio.NewReader(c), nil); err != nil {
				t.Fatalf("connection %d is not answered: %v", i, err)
			}
		}
		idle = append(idle, c)
	}
	if err := healthy(address); err != nil {
		t.Errorf("with %d connections that wait: %v", len(idle), err)
	}
	closed := make(chan error, len(idle))
	for _, c := range idle {
		c.SetReadDeadline(time.Now().Add(10 * time.Second))
		go func() { _, err := io.Copy(io.Discard, c); closed <- err }()
	}
	for range len(idle) - limit {
		if err := <-closed; err != nil {
			t.Fatalf("more than %d connections stay open: %v", limit, err)
		}
	}

	// As many as there may be are being answered.
	var scans []*http.Response
	for late := time.Now().Add(10 * time.Second); len(scans) < limit; {
		c, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		const body = `{"storefronts":["tencent"]}`
		fmt.Fprintf(c, "POST /api/scans HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", token, len(body), body)
		resp, err := http.ReadResponse(bufio.NewReader(c), nil) // what is sent before the scan begins
		if err != nil {
			if time.Now().After(late) { // the answer to healthy may not have ended yet
				t.Fatal(err)
			}
			continue
		}
		deadline.Receive(t, "the scan begins", begun)
		scans = append(scans, resp)
	}
	if err := healthy(address); err == nil {
		t.Errorf("a connection more than %d is answered", limit)
	}
	close(end)
	for _, resp := range scans {
		if b, err := io.ReadAll(resp.Body); err != nil || !bytes.Contains(b, []byte(`"complete"`)) {
			t.Errorf("a scan under way is told %s, %v", b, err)
		}
	}
	until(t, "it answers after the scans", func() bool { return healthy(address) == nil })
	if n := strings.Count(log.String(), "too many connections"); n != 1 {
		t.Errorf("it is logged %d times, want once:\n%s", n, log.String())
	}
}

// Who holds a connection open when the server ends makes no failure of that.
func TestStopWithConnection(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- api.New(options(database(t)), slog.New(slog.DiscardHandler)).Run(ctx, l) }()
	held, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer held.Close()
	fmt.Fprint(held, "GET /healthz HTTP/1.1\r\n")
	if err := healthy(l.Addr().String()); err != nil { // so the one before was accepted
		t.Fatal(err)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Errorf("Run = %v, want nil", err)
	}
}

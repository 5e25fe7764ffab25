package api

import (
	"errors"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"syscall"
	"time"
)

// connections keeps the connections of a server below a limit, so that those
// who connect do not use up the files that the database, Chrome and mail need.
// A connection that waits for a request is closed in favour of a new one: who
// only holds connections locks nobody out.
type connections struct {
	limit int
	log   *slog.Logger

	mu      sync.Mutex
	waiting map[net.Conn]time.Time // since when it waits for a request; zero while it is answered
	told    map[string]time.Time   // when something was logged last
}

func newConnections(limit int, log *slog.Logger) *connections {
	return &connections{limit: limit, log: log, waiting: make(map[net.Conn]time.Time), told: make(map[string]time.Time)}
}

// changed is told by the server what a connection does now.
func (c *connections) changed(conn net.Conn, state http.ConnState) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch state {
	case http.StateNew:
		if len(c.waiting) >= c.limit {
			c.tell("too many connections; those that wait are closed in favour of new ones", "limit", c.limit)
			if !c.closeOldest() {
				conn.Close() // all others are being answered
				return
			}
		}
		c.waiting[conn] = time.Now()
	case http.StateIdle:
		c.waiting[conn] = time.Now()
	case http.StateActive:
		c.waiting[conn] = time.Time{}
	case http.StateClosed, http.StateHijacked:
		delete(c.waiting, conn)
	}
}

// closeOldest closes the connection that has waited longest. It reports false
// when none waits.
func (c *connections) closeOldest() bool {
	var oldest net.Conn
	for conn, since := range c.waiting {
		if !since.IsZero() && (oldest == nil || since.Before(c.waiting[oldest])) {
			oldest = conn
		}
	}
	if oldest == nil {
		return false
	}
	oldest.Close()
	delete(c.waiting, oldest)
	return true
}

// tell logs something once an hour at most, because others decide how often it
// happens.
func (c *connections) tell(message string, facts ...any) {
	if last, ok := c.told[message]; ok && time.Since(last) < time.Hour {
		return
	}
	c.told[message] = time.Now()
	c.log.Warn(message, facts...)
}

// A tellingListener logs when the process has too many files open to accept a
// connection.
type tellingListener struct {
	net.Listener
	connections *connections
}

func (l tellingListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE) {
		l.connections.mu.Lock()
		l.connections.tell("no connection can be accepted: raise the limit of open files (ulimit -n; LimitNOFILE= of systemd)", "err", err)
		l.connections.mu.Unlock()
	}
	return conn, err
}

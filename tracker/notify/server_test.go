package notify_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"io"
	"log"
	"math/big"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
	"github.com/jhillyerd/enmime/v2"
)

// A mailServer is a real SMTP server that keeps what it gets. Its fields are
// set before it is used.
type mailServer struct {
	tls       bool // STARTTLS is offered
	smtps     bool // TLS from the first byte
	auth      []string
	user, pwd string
	// fault may answer a step ("mail", "rcpt", "data") of the n-th session,
	// counted from 1, with an error. errDrop cuts the connection after the
	// letter was taken; errStall never answers.
	fault func(session int, step, rcpt string) error

	addr  string
	roots *x509.CertPool

	mu       sync.Mutex
	sessions int // greetings: STARTTLS begins anew
	got      []received
}

type received struct {
	to  string
	raw []byte
}

var errDrop, errStall = errors.New("drop"), errors.New("stall")

func serveMail(t testing.TB, s *mailServer) *mailServer {
	t.Helper()
	cert, roots := certificate(t)
	s.roots = roots
	srv := smtp.NewServer(smtp.BackendFunc(func(c *smtp.Conn) (smtp.Session, error) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.sessions++
		return &mailSession{s: s, conn: c, n: s.sessions}, nil
	}))
	srv.Domain = "mail.example.com"
	srv.AllowInsecureAuth = true
	srv.ErrorLog = log.New(io.Discard, "", 0)
	conf := &tls.Config{Certificates: []tls.Certificate{cert}}
	if s.tls {
		srv.TLSConfig = conf
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.addr = l.Addr().String()
	if s.smtps {
		l = tls.NewListener(l, conf)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = srv.Serve(l) // ends with an error when it is closed
	}()
	t.Cleanup(func() {
		_ = srv.Close()
		<-done
	})
	return s
}

// letters are those that the server took, in their order.
func (s *mailServer) letters(t testing.TB) []letter {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	var ls []letter
	for _, r := range s.got {
		env, err := enmime.ReadEnvelope(bytes.NewReader(r.raw))
		if err != nil {
			t.Fatalf("a letter cannot be read: %v", err)
		}
		ls = append(ls, letter{Envelope: env, to: r.to, raw: string(r.raw)})
	}
	return ls
}

type letter struct {
	*enmime.Envelope
	to, raw string
}

type mailSession struct {
	s    *mailServer
	conn *smtp.Conn
	n    int
	rcpt string
}

func (m *mailSession) AuthMechanisms() []string { return m.s.auth }

func (m *mailSession) Auth(mech string) (sasl.Server, error) {
	check := func(user, pwd string) error {
		if user != m.s.user || pwd != m.s.pwd {
			return smtp.ErrAuthFailed
		}
		return nil
	}
	switch mech {
	case "PLAIN":
		return sasl.NewPlainServer(func(_, user, pwd string) error { return check(user, pwd) }), nil
	case "LOGIN":
		return &loginServer{check: check}, nil
	}
	return nil, smtp.ErrAuthUnknownMechanism
}

// A loginServer is the server's side of AUTH LOGIN.
type loginServer struct {
	check func(user, pwd string) error
	step  int
	user  string
}

func (l *loginServer) Next(response []byte) ([]byte, bool, error) {
	l.step++
	switch l.step {
	case 1:
		return []byte("Username:"), false, nil
	case 2:
		l.user = string(response)
		return []byte("Password:"), false, nil
	}
	return nil, true, l.check(l.user, string(response))
}

func (m *mailSession) Mail(string, *smtp.MailOptions) error { return m.step("mail") }

func (m *mailSession) Rcpt(to string, _ *smtp.RcptOptions) error {
	m.rcpt = to
	return m.step("rcpt")
}

func (m *mailSession) Data(r io.Reader) error {
	raw, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	err = m.step("data")
	if err == nil || errors.Is(err, errDrop) {
		m.s.mu.Lock()
		m.s.got = append(m.s.got, received{m.rcpt, raw})
		m.s.mu.Unlock()
	}
	if errors.Is(err, errDrop) {
		_ = m.conn.Conn().Close()
	}
	return err
}

func (m *mailSession) step(name string) error {
	if m.s.fault == nil {
		return nil
	}
	err := m.s.fault(m.n, name, m.rcpt)
	if errors.Is(err, errStall) {
		_, _ = m.conn.Conn().Read(make([]byte, 1)) // until the client gives up
	}
	return err
}

func (m *mailSession) Reset()        {}
func (m *mailSession) Logout() error { return nil }

// refuse is an answer of an SMTP server.
func refuse(code int, text string) error {
	return &smtp.SMTPError{Code: code, EnhancedCode: smtp.NoEnhancedCode, Message: text}
}

// certificate makes a certificate for 127.0.0.1 and localhost, signed by
// itself.
func certificate(t testing.TB) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "mail.example.com"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, DNSNames: []string{"localhost"},
		IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(leaf)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, roots
}

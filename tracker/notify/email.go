package notify

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/mail"
	"net/textproto"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	gomail "github.com/wneessen/go-mail"
	"github.com/wneessen/go-mail/smtp"
)

var emailKind = Kind{
	Name: "email", Need: []string{"server", "from", "to"}, May: []string{"username", "password", "plaintext", "hello", "thread", "attach"},
	new: func(s Settings) (Sender, error) { return newEmail(s) },
}

// An email sends deliveries by SMTP, a session for each: a server that chokes on
// one does not spoil the others.
type email struct {
	Settings
	server *url.URL
	host   string // of the server, in ASCII
	from   *mail.Address
}

func newEmail(s Settings) (*email, error) {
	u, err := url.Parse(s.Server)
	switch {
	case err != nil || u.Scheme != "smtp" && u.Scheme != "smtps" || u.Hostname() == "" || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || !isPort(u.Port()):
		return nil, badSetting("server", "want smtps://HOST[:PORT] for TLS or smtp://HOST[:PORT] for STARTTLS")
	case u.User != nil:
		return nil, badSetting("server", "write the user name and password as username and password")
	case (s.Username == "") != (s.Password == ""):
		return nil, badSetting("username", "username and password come together")
	case s.Plaintext && u.Scheme == "smtps":
		return nil, badSetting("plaintext", "smtps is TLS from the first byte; write smtp:// or leave plaintext out")
	case s.Hello != "" && !checkHello(s.Hello):
		return nil, badSetting("hello", "want the full name of this machine, such as shopwatch.example.com, or its address in brackets, such as [192.0.2.1]")
	}
	host, err := asciiHost(u.Hostname())
	if err != nil {
		return nil, badSetting("server", "there can be no host %s", u.Hostname())
	}
	from, err := parseAddress(s.From)
	if err != nil {
		return nil, &SettingError{"from", err}
	}
	for i, to := range s.To {
		key := fmt.Sprintf("to[%d]", i)
		if _, err := parseAddress(to); err != nil {
			return nil, &SettingError{key, err}
		}
		if slices.ContainsFunc(s.To[:i], func(other string) bool { return address(other) == address(to) }) {
			return nil, badSetting(key, "%s stands there already, and would get every mail twice", address(to))
		}
	}
	if len(s.To) == 0 {
		return nil, badSetting("to", "name at least one recipient")
	}
	return &email{Settings: s, server: u, host: host, from: from}, nil
}

// isPort reports whether a port of an address can be one; it may be left out.
func isPort(port string) bool {
	n, err := strconv.ParseUint(port, 10, 16)
	return port == "" || err == nil && n > 0
}

// Recipients returns the addresses of the configuration.
func (e *email) Recipients() []string { return e.To }

// Send delivers a delivery in an SMTP session of its own.
func (e *email) Send(ctx context.Context, l *Message) (answer string, err error) {
	if err := former(e.To, l.To); err != nil {
		return "", err
	}
	s, err := e.session(ctx)
	if err != nil {
		return "", err
	}
	defer s.end()
	answer, err = e.handOver(ctx, s, l)
	return answer, err
}

// Check opens a session, logs in and names the sender and the first recipient,
// without sending anything. Many servers say only then that they refuse the name
// by which this machine greeted them. That a recipient must wait is no fault.
func (e *email) Check(ctx context.Context) error {
	s, err := e.session(ctx)
	if err != nil {
		return err
	}
	defer s.end()
	for _, address := range append([]string{e.from.String()}, e.To...) {
		if err := e.canCarry(s.smtp, address); err != nil {
			return err
		}
	}
	a, err := parseAddress(e.To[0])
	if err != nil {
		return err
	}
	if err := s.smtp.Mail(envelope(e.from)); err != nil {
		return e.refusal(s.name, "does not take mail from "+envelope(e.from), err)
	}
	var said *textproto.Error
	if err := s.smtp.Rcpt(envelope(a)); errors.As(err, &said) && said.Code < 500 && !badGreeting(said) {
		return nil // greylisted, say
	} else if err != nil {
		return e.refusal(s.name, "refuses "+envelope(a), err)
	}
	return nil
}

// canCarry reports as an error that the server takes no mail from or to an
// address.
func (e *email) canCarry(c *smtp.Client, address string) error {
	a, err := parseAddress(address)
	if err != nil || isASCII(a.Address) {
		return err
	}
	if ok, _ := c.Extension("SMTPUTF8"); !ok {
		return fmt.Errorf("%s offers no SMTPUTF8, which %s needs: use an address in ASCII, or another server", e.server.Host, a.Address)
	}
	return nil
}

// A session is a connection to the server that is logged in.
type session struct {
	smtp *smtp.Client
	name string // by which this machine greeted the server
	end  func()
}

// session connects, starts TLS and logs in. It must be ended.
func (e *email) session(ctx context.Context) (*session, error) {
	var conn watched
	client, err := e.client(&conn)
	if err != nil {
		return nil, &Unreachable{err}
	}
	stop := context.AfterFunc(ctx, func() { conn.deadline(time.Now().Add(grace)) })
	c, err := client.DialToSMTPClientWithContext(ctx)
	if err != nil {
		stop()
		conn.close()
		return nil, &Unreachable{e.explain(err, conn.name)}
	}
	return &session{c, conn.name, func() {
		conn.deadline(time.Now().Add(time.Second))
		_ = client.CloseWithSMTPClient(c) // what counts has been said
		stop()
		conn.close()
	}}, nil
}

// handOver gives a delivery to the server and returns its answer. It is written
// when the server takes the recipient: one that is away for days costs nothing.
func (e *email) handOver(ctx context.Context, s *session, l *Message) (answer string, err error) {
	a, err := parseAddress(l.To)
	if err != nil {
		return "", &Refused{err.Error()}
	}
	c, from, to := s.smtp, envelope(e.from), envelope(a)
	if err := errors.Join(c.UpdateDeadline(e.Timeout), ctx.Err()); err != nil {
		return "", &Unreachable{err}
	}
	if err := e.canCarry(c, from); err != nil {
		return "", &Unreachable{err}
	}
	if err := e.canCarry(c, to); err != nil {
		return "", err
	}
	if err := c.Mail(from); err != nil {
		// The sender is that of every delivery, and somebody can mend it.
		return "", &Unreachable{e.refusal(s.name, "does not take mail from "+from, err)}
	}
	if err := c.Rcpt(to); err != nil {
		return "", e.judge(s.name, "refuses "+to, err)
	}
	msg, err := e.message(ctx, l)
	switch {
	case ctx.Err() != nil:
		return "", ctx.Err()
	case err != nil:
		return "", &Refused{err.Error()}
	}
	if err := c.UpdateDeadline(e.Timeout); err != nil { // a great report takes long to write
		return "", &Unreachable{err}
	}
	w, err := c.Data()
	if err != nil {
		return "", e.judge(s.name, "refuses the message", err)
	}
	_, err = w.Write(msg)
	if err := errors.Join(err, w.Close()); err != nil {
		var said *textproto.Error
		if errors.As(err, &said) {
			return "", e.judge(s.name, "refuses the message", err)
		}
		return "", &Unsure{fmt.Errorf("no answer to the message (%w); it may have arrived, and is sent again under the same Message-ID", e.network(err))}
	}
	if d, ok := w.(*smtp.DataCloser); ok {
		answer = d.ServerResponse()
	}
	return answer, nil
}

// judge says what the server's answer means for the delivery.
func (e *email) judge(name, what string, err error) error {
	var said *textproto.Error
	switch {
	case !errors.As(err, &said), said.Code == 421, said.Code == 530, badGreeting(said):
		// A broken connection, a busy server, a login or a name that is missing.
		return &Unreachable{e.refusal(name, what, err)}
	case said.Code >= 500:
		return &Refused{e.refusal(name, what, err).Error()}
	}
	return e.refusal(name, what+" for now", err)
}

// badGreeting reports whether a server refuses the name by which this machine
// greeted it, which is about no delivery and for somebody to mend.
func badGreeting(said *textproto.Error) bool {
	return said.Code == 504 || said.Code >= 400 && aboutHello.MatchString(said.Msg)
}

// refusal is the server's answer with what it is about. Name is that by which
// this machine greeted it.
func (e *email) refusal(name, what string, err error) error {
	var said *textproto.Error
	switch {
	case !errors.As(err, &said):
		return e.network(err)
	case badGreeting(said):
		return fmt.Errorf("%s takes no mail from a machine that calls itself %s: set hello to a full name of this machine that the server can look up (%d %s)", e.server.Host, name, said.Code, said.Msg)
	}
	return fmt.Errorf("%s %s: %d %s", e.server.Host, what, said.Code, said.Msg)
}

// explain says what to do about a session that could not be opened.
func (e *email) explain(err error, name string) error {
	s := err.Error()
	var said *textproto.Error
	answered := errors.As(err, &said)
	switch {
	case strings.Contains(s, "does not support STARTTLS"):
		return fmt.Errorf("%s offers no STARTTLS: use smtps://, or set plaintext: true to send without encryption", e.server.Host)
	case strings.Contains(s, "not support SMTP AUTH"), errors.Is(err, gomail.ErrNoSupportedAuthDiscovered):
		return fmt.Errorf("%s takes no login, or none of the kinds that are known here: check server, or leave username and password out", e.server.Host)
	case strings.Contains(s, "SMTP AUTH failed") && answered && said.Code < 500:
		return e.refusal(name, "takes no login now", err)
	case strings.Contains(s, "SMTP AUTH failed") && answered:
		return e.refusal(name, "does not accept the login of "+e.Username+", check username and password", err)
	case strings.Contains(s, "SMTP AUTH failed"):
		return fmt.Errorf("log in to %s: %w", e.server.Host, err)
	case answered:
		return e.refusal(name, "answers", err)
	}
	return e.network(err)
}

// network says in words why the server cannot be reached.
func (e *email) network(err error) error {
	var (
		dns       *net.DNSError
		timeout   net.Error
		noTLS     tls.RecordHeaderError
		cert      *tls.CertificateVerificationError
		name      x509.HostnameError
		authority x509.UnknownAuthorityError
	)
	host := e.server.Host
	switch {
	case errors.As(err, &dns) && dns.IsNotFound:
		return fmt.Errorf("there is no host %s: check server", e.server.Hostname())
	case errors.As(err, &dns):
		return fmt.Errorf("the address of %s cannot be looked up: %w", e.server.Hostname(), err)
	case errors.As(err, &timeout) && timeout.Timeout() && e.server.Scheme == "smtp" && e.server.Port() == "465":
		return fmt.Errorf("%s does not answer within %v: port 465 is for smtps://", host, e.Timeout)
	case errors.As(err, &timeout) && timeout.Timeout():
		return fmt.Errorf("%s does not answer within %v", host, e.Timeout)
	case errors.Is(err, syscall.ECONNREFUSED):
		return fmt.Errorf("%s: connection refused: nobody listens there; check server", host)
	case errors.Is(err, io.EOF), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return fmt.Errorf("%s closed the connection", host)
	case errors.As(err, &noTLS):
		return fmt.Errorf("%s speaks no TLS on this port: write smtp:// for STARTTLS, or another port", host)
	case errors.As(err, &name):
		return fmt.Errorf("the certificate of %s is for another host (%w): check server", host, name)
	case errors.As(err, &authority):
		return fmt.Errorf("the certificate of %s is signed by nobody whom this machine trusts: install ca-certificates, or the certificate of the server's own authority", host)
	case errors.As(err, &cert):
		return fmt.Errorf("the certificate of %s is not good: %w", host, cert.Err)
	}
	return fmt.Errorf("reach %s: %w", host, err)
}

// client returns a client for one session.
func (e *email) client(conn *watched) (*gomail.Client, error) {
	secure := e.server.Scheme == "smtps"
	conf := &tls.Config{ServerName: e.host, MinVersion: tls.VersionTLS12, RootCAs: e.Roots}
	var client *gomail.Client
	opts := []gomail.Option{
		gomail.WithTimeout(e.Timeout), gomail.WithTLSConfig(conf), gomail.WithoutNoop(),
		gomail.WithDialContextFunc(func(ctx context.Context, network, address string) (net.Conn, error) {
			c, err := conn.dial(ctx, network, address, secure, conf)
			if err == nil {
				conn.name = e.hello(c.LocalAddr())
				err = gomail.WithHELO(conn.name)(client)
			}
			return c, err
		}),
	}
	switch {
	case secure:
		opts = append(opts, gomail.WithSSL(), gomail.WithPort(465))
	case e.Plaintext:
		opts = append(opts, gomail.WithTLSPolicy(gomail.TLSOpportunistic), gomail.WithPort(25))
	default:
		opts = append(opts, gomail.WithTLSPolicy(gomail.TLSMandatory), gomail.WithPort(587))
	}
	if p, err := strconv.Atoi(e.server.Port()); err == nil {
		opts = append(opts, gomail.WithPort(p))
	}
	if e.Username != "" {
		auth := []gomail.SMTPAuthType{
			gomail.SMTPAuthSCRAMSHA256PLUS, gomail.SMTPAuthSCRAMSHA256, gomail.SMTPAuthSCRAMSHA1PLUS, gomail.SMTPAuthSCRAMSHA1,
			gomail.SMTPAuthCramMD5, gomail.SMTPAuthPlain, gomail.SMTPAuthLogin,
		}
		if e.Plaintext {
			auth = append(auth[:5], gomail.SMTPAuthPlainNoEnc, gomail.SMTPAuthLoginNoEnc)
		}
		opts = append(opts, gomail.WithUsername(e.Username), gomail.WithPassword(e.Password), gomail.WithOpportunisticSMTPAuth(auth...))
	}
	client, err := gomail.NewClient(e.host, opts...)
	return client, err
}

// A watched connection can be closed from outside: go-mail leaves it open when
// it gives up in the middle of a greeting.
type watched struct {
	name string // by which this machine greets the other one; known when it is connected

	mu   sync.Mutex
	conn net.Conn
}

func (w *watched) dial(ctx context.Context, network, address string, secure bool, conf *tls.Config) (net.Conn, error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	w.mu.Lock()
	w.conn = conn
	w.mu.Unlock()
	if !secure {
		return conn, nil
	}
	t := tls.Client(conn, conf)
	if err := t.HandshakeContext(ctx); err != nil {
		return nil, err
	}
	return t, nil
}

func (w *watched) deadline(t time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.conn != nil {
		_ = w.conn.SetDeadline(t)
	}
}

func (w *watched) close() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.conn != nil {
		_ = w.conn.Close()
	}
}

package notify

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"mime"
	"net"
	"net/mail"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	gomail "github.com/wneessen/go-mail"
	"github.com/wneessen/go-mail/smtp"
)

var emailKind = Kind{
	Name: "email", Need: []string{"server", "from", "to"}, May: []string{"username", "password", "plaintext", "thread"},
	New: func(s Settings) (Sender, error) { return newEmail(s) },
}

// smtpGrace is how long a session under way may go on at shutdown.
const smtpGrace = 5 * time.Second

// An email sends letters by SMTP, a session for each: a server that chokes on
// one does not spoil the others.
type email struct {
	Settings
	server *url.URL
	from   *mail.Address
}

func newEmail(s Settings) (*email, error) {
	u, err := url.Parse(s.Server)
	switch {
	case err != nil || u.Scheme != "smtp" && u.Scheme != "smtps" || u.Hostname() == "" || strings.Trim(u.Path, "/") != "" || u.RawQuery != "":
		return nil, badSetting("server", "want smtps://HOST[:PORT] for TLS or smtp://HOST[:PORT] for STARTTLS")
	case u.User != nil:
		return nil, badSetting("server", "write the user name and password as username and password")
	case (s.Username == "") != (s.Password == ""):
		return nil, badSetting("username", "username and password come together")
	case s.Plaintext && u.Scheme == "smtps":
		return nil, badSetting("plaintext", "smtps is TLS from the first byte; write smtp:// or leave plaintext out")
	}
	from, err := mail.ParseAddress(s.From)
	if err != nil {
		return nil, badSetting("from", "%q is not a mail address", s.From)
	}
	for i, to := range s.To {
		if _, err := mail.ParseAddress(to); err != nil {
			return nil, badSetting(fmt.Sprintf("to[%d]", i), "%q is not a mail address", to)
		}
	}
	if len(s.To) == 0 {
		return nil, badSetting("to", "name at least one recipient")
	}
	return &email{Settings: s, server: u, from: from}, nil
}

// Recipients returns the addresses of the configuration.
func (e *email) Recipients() []string { return e.To }

// Send delivers a letter in an SMTP session of its own.
func (e *email) Send(ctx context.Context, l *Letter) (answer string, err error) {
	msg, err := e.message(l)
	if err != nil {
		return "", &Refused{err.Error()}
	}
	answer, err = e.deliver(ctx, msg)
	return answer, hide(err, e.Password)
}

// Check opens a session and logs in, without sending anything.
func (e *email) Check(ctx context.Context) error {
	s, err := e.session(ctx)
	if err != nil {
		return hide(err, e.Password)
	}
	s.end()
	return nil
}

// A session is a connection to the server that is logged in.
type session struct {
	client *gomail.Client
	smtp   *smtp.Client
	end    func()
}

func (e *email) deliver(ctx context.Context, msg *gomail.Msg) (answer string, err error) {
	s, err := e.session(ctx)
	if err != nil {
		return "", err
	}
	defer s.end()
	err = s.client.SendWithSMTPClient(s.smtp, msg)
	if msg.IsDelivered() { // also when the good-bye failed
		return msg.ServerResponse(), nil
	}
	var se *gomail.SendError
	if errors.As(err, &se) {
		return "", classify(se)
	}
	return "", err
}

// classify tells what a failed transaction means for the letter.
func classify(se *gomail.SendError) error {
	text := strings.TrimSpace(strings.ReplaceAll(se.Error(), ", affected message ID: "+se.MessageID(), ""))
	switch {
	case se.ErrorCode() >= 500:
		return &Refused{text}
	case se.ErrorCode() >= 400, se.Reason == gomail.ErrWriteContent, se.Reason == gomail.ErrSMTPDataClose:
		return errors.New(text)
	}
	return &Unreachable{errors.New(text)}
}

// session connects, starts TLS and logs in. It must be ended.
func (e *email) session(ctx context.Context) (*session, error) {
	var conn watched
	client, err := e.client(&conn)
	if err != nil {
		return nil, &Unreachable{err}
	}
	stop := context.AfterFunc(ctx, func() { conn.deadline(time.Now().Add(smtpGrace)) })
	c, err := client.DialToSMTPClientWithContext(ctx)
	if err != nil {
		stop()
		conn.close()
		return nil, &Unreachable{e.explain(err)}
	}
	return &session{client, c, func() {
		_ = client.CloseWithSMTPClient(c) // what counts has been said
		stop()
		conn.close()
	}}, nil
}

// explain says what to do about a session that could not be opened.
func (e *email) explain(err error) error {
	s := err.Error()
	var cert *tls.CertificateVerificationError
	switch {
	case strings.Contains(s, "does not support STARTTLS"):
		return fmt.Errorf("%s offers no STARTTLS: use smtps://, or set plaintext: true to send without encryption", e.server.Host)
	case strings.Contains(s, "SMTP AUTH failed"), strings.Contains(s, "not support SMTP AUTH"), errors.Is(err, gomail.ErrNoSupportedAuthDiscovered):
		return fmt.Errorf("%s does not accept the login of %s: check username and password: %w", e.server.Host, e.Username, err)
	case errors.As(err, &cert):
		return fmt.Errorf("the certificate of %s is not good: %w", e.server.Host, err)
	}
	return fmt.Errorf("reach %s: %w", e.server.Host, err)
}

// client returns a client for one session.
func (e *email) client(conn *watched) (*gomail.Client, error) {
	host, secure := e.server.Hostname(), e.server.Scheme == "smtps"
	conf := &tls.Config{ServerName: host, MinVersion: tls.VersionTLS12, RootCAs: e.Roots}
	opts := []gomail.Option{
		gomail.WithTimeout(e.Timeout), gomail.WithTLSConfig(conf), gomail.WithoutNoop(),
		gomail.WithDialContextFunc(func(ctx context.Context, network, address string) (net.Conn, error) {
			return conn.dial(ctx, network, address, secure, conf)
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
	return gomail.NewClient(host, opts...)
}

// A watched connection can be closed from outside: go-mail leaves it open when
// it gives up in the middle of a greeting.
type watched struct {
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

// message puts a letter into the form of a mail.
func (e *email) message(l *Letter) (*gomail.Msg, error) {
	host := "localhost"
	if _, h, ok := strings.Cut(e.from.Address, "@"); ok && h != "" {
		host = h
	}
	m := gomail.NewMsg(gomail.WithNoDefaultUserAgent())
	if err := m.From(e.from.String()); err != nil {
		return nil, fmt.Errorf("from %s: %w", e.From, err)
	}
	if err := m.To(l.To); err != nil {
		return nil, fmt.Errorf("to %s: %w", l.To, err)
	}
	m.SetMessageIDWithValue(l.ID + "@" + host)
	m.SetDateWithValue(l.Story.Report.Created)
	m.SetGenHeaderPreformatted(gomail.HeaderSubject, encodeWords(l.Mail.Subject))
	m.SetGenHeader("List-Id", fmt.Sprintf("<%s.shopwatch.%s>", e.Channel, host))
	m.SetGenHeader("Auto-Submitted", "auto-generated")
	m.SetGenHeader("X-Auto-Response-Suppress", "All")
	m.SetGenHeader(gomail.HeaderXMailer, "shopwatch")
	if e.Thread {
		root := "<" + l.Thread + "@" + host + ">"
		m.SetGenHeader(gomail.HeaderInReplyTo, root)
		m.SetGenHeader(gomail.HeaderReferences, root)
	}
	end := "mailto:" + e.from.Address + "?subject=" + url.QueryEscape("unsubscribe "+e.Channel)
	end = strings.ReplaceAll(end, "+", "%20")
	if l.Leave == "" {
		m.SetListUnsubscribe(end)
	} else if err := m.SetListUnsubscribeOneClick(l.Leave, end); err != nil {
		return nil, err
	}
	m.SetBodyString(gomail.TypeTextPlain, l.Mail.Text)
	m.AddAlternativeString(gomail.TypeTextHTML, l.Mail.HTML)
	for _, p := range l.Mail.Pictures {
		err := m.EmbedReader(p.Name, bytes.NewReader(p.Content),
			gomail.WithFileContentID("<"+p.CID()+">"), gomail.WithFileContentType(gomail.ContentType(p.Type)))
		if err != nil {
			return nil, err
		}
	}
	if len(l.Mail.CSV) > 0 {
		err := m.AttachReader("changes.csv", bytes.NewReader(l.Mail.CSV), gomail.WithFileContentType("text/csv; charset=utf-8"))
		if err != nil {
			return nil, err
		}
	}
	return m, nil
}

// encodeWords writes a header's text as encoded words (RFC 2047) on lines of
// at most 76 characters, the first one behind the header's name: go-mail would
// leave that line empty, which some servers take amiss.
func encodeWords(s string) string {
	enc, plain := mime.BEncoding, 0
	for i := range len(s) {
		if s[i] < 0x80 {
			plain++
		}
	}
	if plain > len(s)*2/3 {
		enc = mime.QEncoding // can be read without a decoder
	}
	const most = 64
	var words []string
	word := ""
	for _, r := range s {
		if word != "" && len(enc.Encode("utf-8", word+string(r))) > most {
			words = append(words, encodeWord(enc, word))
			word = ""
		}
		word += string(r)
	}
	return strings.Join(append(words, encodeWord(enc, word)), "\r\n ")
}

// encodeWord also encodes what would do without, so that the spaces between
// words are never part of the text.
func encodeWord(enc mime.WordEncoder, s string) string {
	if e := enc.Encode("utf-8", s); strings.HasPrefix(e, "=?") {
		return e
	}
	return "=?utf-8?b?" + base64.StdEncoding.EncodeToString([]byte(s)) + "?="
}

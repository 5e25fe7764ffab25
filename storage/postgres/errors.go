package postgres

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"strings"
	"syscall"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"shopwatch/storage"
)

// ErrAway is wrapped by errors of calls that did not reach the database, or lost
// it before anything was written. A later call may succeed.
var ErrAway = errors.New("cannot be reached")

// A server is how people know the database, without its password.
type server struct{ database, user, address string }

func serverOf(c *pgx.ConnConfig) server {
	address := net.JoinHostPort(c.Host, fmt.Sprint(c.Port))
	if strings.HasPrefix(c.Host, "/") {
		address = c.Host
	}
	return server{database: c.Database, user: c.User, address: address}
}

func (s server) String() string {
	return fmt.Sprintf("PostgreSQL database %s at %s", s.database, s.address)
}

// Name is how people are told of the database at a URL, without its password.
func Name(url string) string {
	c, err := pgx.ParseConfig(url)
	if err != nil {
		return "the PostgreSQL database"
	}
	return serverOf(c).String()
}

// badURL is what is wrong with a URL, without the URL: it may hold a password.
func badURL(err error) error {
	why := err
	for {
		if _, file := why.(*fs.PathError); file || errors.Unwrap(why) == nil { // of a certificate
			break
		}
		why = errors.Unwrap(why)
	}
	return fmt.Errorf("the address of the PostgreSQL database makes no sense: %w; write postgres://USER:PASSWORD@HOST:5432/DATABASE", why)
}

// An undone error says that a transaction was not written, though its end was
// not answered.
type undone struct{ error }

func (u *undone) Unwrap() error { return u.error }

// answered reports whether the database itself said that something cannot be
// done.
func answered(err error) bool {
	var p *pgconn.PgError
	return errors.As(err, &p)
}

// conflict reports whether a transaction was undone because another one was in
// its way, so that it may run again.
func conflict(err error) bool {
	switch code(err) {
	case "40001", "40P01": // serialization failure, deadlock
		return true
	}
	return false
}

// unprepared reports whether the session is another one than that in which a statement
// was prepared.
func unprepared(err error) bool {
	switch code(err) {
	case "26000", "42P05": // it has no such statement, or has one of that name already
		return true
	}
	return false
}

func code(err error) string {
	var p *pgconn.PgError
	if !errors.As(err, &p) {
		return ""
	}
	return p.Code
}

// away reports whether the database cannot be reached now, so that nothing was
// written.
func away(err error) bool {
	switch code(err) {
	case "":
	case "57P01", "57P02", "57P03", "53300", "25P03": // ends, crashed, starts, is full of clients, has ended a transaction that slept
		return true
	default:
		return false
	}
	if errors.Is(err, pgx.ErrNoRows) {
		return false
	}
	var u *undone
	var refused *pgconn.ConnectError
	var broken net.Error
	return errors.As(err, &u) || errors.As(err, &refused) || errors.As(err, &broken) || pgconn.SafeToRetry(err) ||
		isBroken(err)
}

// isBroken reports whether a connection ended within a call.
func isBroken(err error) bool {
	for _, end := range []error{syscall.ECONNRESET, syscall.EPIPE, syscall.ECONNREFUSED, net.ErrClosed} {
		if errors.Is(err, end) {
			return true
		}
	}
	return strings.Contains(err.Error(), "unexpected EOF") || strings.Contains(err.Error(), "conn closed")
}

// explain says in one line what a person can do about an error.
func (db *DB) explain(err error) error {
	var p *pgconn.PgError
	s := db.server
	say := func(kind error, format string, args ...any) error {
		return &explained{s.String() + " " + fmt.Sprintf(format, args...), errors.Join(kind, err)}
	}
	if errors.Is(err, errReadOnly) {
		return say(storage.ErrFull, "only lets read: it is a standby, or set to be read-only; name the primary server in database, what was stored before is safe")
	}
	if !errors.As(err, &p) {
		switch {
		case err == nil || db.closed.Load() || errors.Is(err, context.Canceled) || errors.Is(err, storage.ErrRefused) || errors.Is(err, storage.ErrDamaged):
			return err
		case away(err):
			return say(ErrAway, "cannot be reached (%s); nothing was written: start it, or correct database in the configuration", reason(err))
		}
		return err
	}
	switch p.Code {
	case "28P01":
		return say(nil, "does not take the password of user %s; correct it in the configuration (database)", s.user)
	case "28000":
		return say(nil, "does not let user %s in (%s); allow the user in pg_hba.conf, or name another one in the configuration (database)", s.user, p.Message)
	case "3D000":
		return say(nil, "does not exist; make it: createdb -O %s %s", s.user, s.database)
	case "42501":
		return say(nil, "does not let user %s do what is needed (%s); make the user its owner: alter database %s owner to %s", s.user, p.Message, s.database, s.user)
	case "53100":
		return say(storage.ErrFull, "has no disk space left; nothing was written: free some, what was stored before is safe")
	case "58030":
		return say(storage.ErrFull, "cannot write (%s); nothing was written: look after its disk, what was stored before is safe", p.Message)
	case "25006":
		return say(storage.ErrFull, "only lets read; nothing was written: it is a standby, or set to be read-only; name the primary server in database")
	case "53300":
		return say(ErrAway, "has too many clients; nothing was written: raise max_connections, or add pool_max_conns=4 to database in the configuration")
	case "57P01", "57P02", "57P03", "25P03":
		return say(ErrAway, "cannot be reached (%s); nothing was written: wait until it has started", p.Message)
	case "55P03":
		return say(nil, "is busy: another process holds what is needed for more than 30 s (%s)", p.Message)
	case "XX001", "XX002":
		return say(storage.ErrDamaged, "is damaged (%s); restore a backup of it", p.Message)
	}
	return fmt.Errorf("%s: %w", s, err)
}

// reason is why a database cannot be reached, without what everybody knows.
func reason(err error) string {
	var errno syscall.Errno
	var dns *net.DNSError
	var unknown x509.UnknownAuthorityError
	var name x509.HostnameError
	switch {
	case errors.As(err, &unknown):
		return "its certificate is signed by nobody whom this machine trusts; name who signed it in the address, with sslrootcert=FILE"
	case errors.As(err, &name):
		return strings.TrimPrefix(name.Error(), "x509: ")
	case errors.As(err, &dns):
		return fmt.Sprintf("there is no host %s", dns.Name)
	case errors.As(err, &errno):
		return errno.Error()
	case errors.Is(err, context.DeadlineExceeded):
		return "it does not answer"
	}
	text := err.Error()
	if i := strings.LastIndex(text, ": "); i >= 0 {
		text = text[i+2:]
	}
	return strings.ReplaceAll(text, "\n", " ")
}

// An explained error is an error in words for people.
type explained struct {
	text  string
	cause error
}

func (e *explained) Error() string { return e.text }
func (e *explained) Unwrap() error { return e.cause }

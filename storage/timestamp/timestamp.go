// Package timestamp has authorities say when a checkpoint of the log existed
// (RFC 3161), and verifies what they said. So whoever runs shopwatch cannot date
// a log back that was made later.
package timestamp

import (
	"context"
	"crypto"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/notaryproject/tspclient-go"

	"shopwatch/storage"
	"shopwatch/tracker"
)

const (
	// patience is how long an authority may take.
	patience = 30 * time.Second
	// clockError is how far the clocks of an authority and of this machine may
	// be apart.
	clockError = time.Hour
	// mostChain is how many certificates a chain may have.
	mostChain = 10
)

// Ask has an authority stamp a checkpoint of a log of so many changes, and
// verifies the answer.
func Ask(ctx context.Context, client *http.Client, authority string, size uint64, checkpoint string) (storage.Stamp, error) {
	s := storage.Stamp{Size: size, Checkpoint: checkpoint, Authority: authority}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	req, err := tspclient.NewRequest(tspclient.RequestOptions{Content: []byte(checkpoint), HashAlgorithm: crypto.SHA256})
	if err != nil {
		return s, err
	}
	asker, err := tspclient.NewHTTPTimestamper(client, authority)
	if err != nil {
		return s, err
	}
	answer, err := asker.Timestamp(ctx, req) // compared with the request
	if err != nil {
		return s, fmt.Errorf("%s: %w", authority, err)
	}
	s.Token = answer.TimestampToken.FullBytes
	chain, info, err := verify(ctx, &s, nil)
	if err != nil {
		return s, fmt.Errorf("the stamp of %s is not good: %w", authority, err)
	}
	if off := time.Since(info.GenTime).Abs(); off > clockError {
		return s, fmt.Errorf("%s says that it is %s: its clock or that of this machine is wrong", authority, info.GenTime.UTC().Format(time.RFC3339))
	}
	s.At = info.GenTime.UTC().Truncate(time.Millisecond)
	for _, c := range chain {
		s.Chain = append(s.Chain, c.Raw)
	}
	return s, nil
}

// A Verified stamp is one that was verified.
type Verified struct {
	At     time.Time // when the authority saw the checkpoint
	Signer string    // name of the certificate that signed
	Root   string    // name of the one that it rests on
	// RootHash is the SHA-256 of that certificate, by which others know it.
	RootHash string
	// Known says that this machine trusts the root. Otherwise the stamp is worth
	// as much as the root, which its owner publishes.
	Known bool
}

// Verify verifies a stamp with what was kept of it alone: that the authority signed
// this checkpoint, and by which root. The error says what is wrong.
func Verify(ctx context.Context, s *storage.Stamp) (v Verified, err error) {
	if len(s.Chain) == 0 || len(s.Chain) > mostChain {
		return v, errors.New("its certificates are missing")
	}
	root, err := x509.ParseCertificate(s.Chain[len(s.Chain)-1])
	if err != nil {
		return v, fmt.Errorf("its root cannot be read: %w", err)
	}
	chain, info, err := verify(ctx, s, root)
	if err != nil {
		return v, err
	}
	if !s.At.Equal(info.GenTime.UTC().Truncate(time.Millisecond)) {
		return v, fmt.Errorf("it was made at %s, not at %s", info.GenTime.UTC().Format(time.RFC3339), s.At.Format(time.RFC3339))
	}
	sum := sha256.Sum256(root.Raw)
	_, _, unknown := verifyBy(ctx, s, systemRoots())
	return Verified{At: s.At, Signer: nameOf(chain[0]), Root: nameOf(root), RootHash: hex.EncodeToString(sum[:]), Known: unknown == nil}, nil
}

// nameOf is what people call a certificate.
func nameOf(c *x509.Certificate) string {
	name := c.Subject.CommonName
	if name == "" {
		name = c.Subject.String()
	}
	return tracker.SingleLine(name[:min(len(name), 200)])
}

func systemRoots() *x509.CertPool {
	if pool, err := x509.SystemCertPool(); err == nil {
		return pool
	}
	return x509.NewCertPool()
}

// verify verifies the token of a stamp by a root or, without one, by those that
// this machine trusts, else by the self-signed ones that came with the token.
func verify(ctx context.Context, s *storage.Stamp, root *x509.Certificate) ([]*x509.Certificate, *tspclient.TSTInfo, error) {
	if root != nil {
		roots := x509.NewCertPool()
		roots.AddCert(root)
		return verifyBy(ctx, s, roots)
	}
	chain, info, err := verifyBy(ctx, s, systemRoots())
	var unknown x509.UnknownAuthorityError
	if err == nil || !errors.As(err, &unknown) {
		return chain, info, err
	}
	token, err2 := tspclient.ParseSignedToken(s.Token)
	if err2 != nil {
		return nil, nil, err2
	}
	brought, n := x509.NewCertPool(), 0
	for _, c := range token.Certificates {
		if c.CheckSignatureFrom(c) == nil {
			brought.AddCert(c)
			n++
		}
	}
	if n == 0 {
		return nil, nil, fmt.Errorf("%w; install the authority's root certificate on this machine, or name an authority that sends it along", err)
	}
	return verifyBy(ctx, s, brought)
}

// verifyBy verifies the token of a stamp: that it is about the checkpoint, and
// signed by a certificate for timestamps that was valid then and rests on one of
// the roots.
func verifyBy(ctx context.Context, s *storage.Stamp, roots *x509.CertPool) ([]*x509.Certificate, *tspclient.TSTInfo, error) {
	token, err := tspclient.ParseSignedToken(s.Token)
	if err != nil {
		return nil, nil, err
	}
	info, err := token.Info()
	if err != nil {
		return nil, nil, err
	}
	if _, err := info.Validate([]byte(s.Checkpoint)); err != nil {
		return nil, nil, err
	}
	chain, err := token.Verify(ctx, x509.VerifyOptions{Roots: roots, CurrentTime: info.GenTime})
	if err == nil && (len(chain) == 0 || len(chain) > mostChain) {
		err = errors.New("its chain of certificates is too long")
	}
	return chain, info, err
}

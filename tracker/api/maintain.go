package api

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"hash"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
)

// noMaintainer refuses what a database that is not shopwatch's own to look after
// does not need, or does with other tools.
func noMaintainer(do string) error {
	return huma.Error501NotImplemented("the database is not a file of shopwatch; " + do + " with the tools of its server")
}

// hashTrailer follows a backup: the SHA-256 of what was sent. A backup without
// it was cut short.
const hashTrailer = "X-Content-Sha256"

// backup sends a copy of the database, with its hash behind it.
func (s *Server) backup(context.Context, *struct{}) (*huma.StreamResponse, error) {
	if s.o.Maintainer == nil {
		return nil, noMaintainer("back it up")
	}
	return &huma.StreamResponse{Body: func(hc huma.Context) {
		_, w := humago.Unwrap(hc)
		b := &backupWriter{w: w, hash: sha256.New()}
		err := s.o.Maintainer.Backup(hc.Context(), b)
		switch {
		case err == nil:
			w.Header().Set(hashTrailer, hex.EncodeToString(b.hash.Sum(nil)))
		case !b.begun:
			problem(w, http.StatusInternalServerError, err.Error())
		default:
			s.log.Error("backup not sent", "err", err)
		}
	}}, nil
}

// A backupWriter sends a backup and takes its hash. What is sent is preceded by
// a copy that takes as long as the database is large: the time to send it in
// runs from its first byte.
type backupWriter struct {
	w     http.ResponseWriter
	hash  hash.Hash
	begun bool
}

func (b *backupWriter) Write(p []byte) (int, error) {
	if !b.begun {
		b.begun = true
		b.w.Header().Set("Content-Type", "application/vnd.shopwatch")
		b.w.Header().Set("Trailer", hashTrailer)
		_ = http.NewResponseController(b.w).SetWriteDeadline(time.Now().Add(10 * time.Minute))
	}
	n, err := b.w.Write(p)
	b.hash.Write(p[:n])
	return n, err
}

func (s *Server) compact(ctx context.Context, _ *struct{}) (*body[Space], error) {
	if s.o.Maintainer == nil {
		return nil, noMaintainer("compact it")
	}
	before, after, err := s.o.Maintainer.Compact(ctx)
	return answer(Space{before, after}, err)
}

// evidenceRead is how many bytes of evidence one check reads.
const evidenceRead = 256 << 20

func (s *Server) check(ctx context.Context, _ *struct{}) (*body[Check], error) {
	var c Check
	var err error
	if m := s.o.Maintainer; m != nil {
		if err := m.Check(ctx); err != nil {
			c.Damage = err.Error()
			return answer(c, nil)
		}
		if c.Size, c.Free, err = m.Size(ctx); err != nil {
			return answer(c, err)
		}
	}
	c.Evidence, err = s.o.Store.CheckEvidence(ctx, evidenceRead)
	c.Evidence.Files = array(c.Evidence.Files)
	return answer(c, err)
}

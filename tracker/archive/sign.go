package archive

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hkdf"
	"crypto/sha256"
	"crypto/x509"
	"encoding/asn1"
	"encoding/base64"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"

	"shopwatch/storage/merkle"
)

// A Signer signs captures with the key that signs checkpoints of the change log
// (Ed25519). Viewers of WACZ know no Ed25519 but ECDSA on P-384, so a key of
// that kind is derived from the log's, which vouches for it.
type Signer struct {
	log    note.Signer
	key    string // public part of log
	viewer *ecdsa.PrivateKey
	spki   string // public part of viewer, as viewers read it
}

// NewSigner returns the signer of a log by its key: storage.Tree.Signer.
func NewSigner(secret string) (*Signer, error) {
	log, err := note.NewSigner(secret)
	if err != nil {
		return nil, fmt.Errorf("the log's key: %w", err)
	}
	s := &Signer{log: log}
	if s.key, err = merkle.Key(secret); err != nil {
		return nil, err
	}
	if s.viewer, err = derive(secret); err != nil {
		return nil, err
	}
	der, err := x509.MarshalPKIXPublicKey(&s.viewer.PublicKey)
	s.spki = base64.StdEncoding.EncodeToString(der)
	return s, err
}

// derive makes the key for viewers out of a log's key: always the same one.
func derive(secret string) (*ecdsa.PrivateKey, error) {
	for n := range 100 { // a number that is no key comes up once in 2^190
		b, err := hkdf.Key(sha256.New, []byte(secret), nil, fmt.Sprintf("shopwatch capture P-384 %d", n), 48)
		if err != nil {
			return nil, err
		}
		if key, err := ecdsa.ParseRawPrivateKey(elliptic.P384(), b); err == nil {
			return key, nil
		}
	}
	return nil, errors.New("no key for captures can be derived from the log's")
}

// A digestFile is the file datapackage-digest.json. The part signedData is the
// anonymous signature of the specification WACZ Signing and Verification; Log
// is that of the change log.
type digestFile struct {
	Path   string     `json:"path"`
	Hash   string     `json:"hash"`
	Signed signedData `json:"signedData"`
	Log    logSigned  `json:"shopwatch"`
}

type signedData struct {
	Hash      string `json:"hash"`
	Created   string `json:"created"`
	Software  string `json:"software"`
	Signature string `json:"signature"` // of Hash
	PublicKey string `json:"publicKey"`
	Version   string `json:"version"`
}

// A logSigned is a note in the form of golang.org/x/mod/sumdb/note, which names
// hash and viewer's key.
type logSigned struct {
	Key  string `json:"key"`
	Note string `json:"note"`
}

// noteTitle is the first line of notes that sign captures. No checkpoint begins
// like that.
const noteTitle = "shopwatch capture"

func noteText(hash, spki string) string { return noteTitle + "\n" + hash + "\n" + spki + "\n" }

// sign signs the hash of a data package. The same hash has the same signatures.
func (s *Signer) sign(hash, software string, at time.Time) (*digestFile, error) {
	sum := sha256.Sum256([]byte(hash))
	der, err := s.viewer.Sign(nil, sum[:], crypto.SHA256)
	if err != nil {
		return nil, err
	}
	var rs struct{ R, S *big.Int }
	if _, err := asn1.Unmarshal(der, &rs); err != nil {
		return nil, err
	}
	raw := make([]byte, 96)
	rs.R.FillBytes(raw[:48])
	rs.S.FillBytes(raw[48:])
	text, err := note.Sign(&note.Note{Text: noteText(hash, s.spki)}, s.log)
	if err != nil {
		return nil, err
	}
	return &digestFile{
		Path: packageFile, Hash: hash,
		Signed: signedData{
			Hash: hash, Created: at.UTC().Format(time.RFC3339), Software: software, Version: "0.1.0",
			Signature: base64.StdEncoding.EncodeToString(raw), PublicKey: s.spki,
		},
		Log: logSigned{Key: s.key, Note: string(text)},
	}, nil
}

// verify says what is wrong with the signatures of a hash.
func (d *digestFile) verify(hash string) error {
	if d.Path != packageFile || d.Hash != hash || d.Signed.Hash != hash {
		return errors.New("another list of files was signed")
	}
	v, err := note.NewVerifier(d.Log.Key)
	if err != nil {
		return fmt.Errorf("the key in it: %w", err)
	}
	n, err := note.Open([]byte(d.Log.Note), note.VerifierList(v))
	if err != nil {
		return fmt.Errorf("the log's signature: %w", err)
	}
	if n.Text != noteText(hash, d.Signed.PublicKey) {
		return errors.New("the log's signature is of something else")
	}
	der, err := base64.StdEncoding.DecodeString(d.Signed.PublicKey)
	if err != nil {
		return err
	}
	key, err := x509.ParsePKIXPublicKey(der)
	if err != nil {
		return err
	}
	public, ok := key.(*ecdsa.PublicKey)
	raw, err := base64.StdEncoding.DecodeString(d.Signed.Signature)
	if !ok || err != nil || len(raw) != 96 {
		return errors.New("the signature for viewers is malformed")
	}
	sum := sha256.Sum256([]byte(hash))
	if !ecdsa.Verify(public, sum[:], new(big.Int).SetBytes(raw[:48]), new(big.Int).SetBytes(raw[48:])) {
		return errors.New("the signature for viewers is not that of the files")
	}
	return nil
}

// nameOf is the name of a log's key, for people.
func nameOf(key string) string {
	name, _, _ := strings.Cut(key, "+")
	return name
}

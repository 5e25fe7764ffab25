package timestamp_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"shopwatch/fixtures/tsa"
	"shopwatch/storage"
	"shopwatch/storage/timestamp"
)

// authority starts one that answers by openssl.
func authority(t *testing.T) *tsa.Authority {
	t.Helper()
	if _, err := exec.LookPath("openssl"); err != nil && os.Getenv("CI") == "" {
		t.Skip(err)
	}
	a, err := tsa.New(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(a.Close)
	return a
}

const checkpoint = "shopwatch/abcdefghij\n12\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n\n— shopwatch/abcdefghij 3mVnHAECAwQ=\n"

// What openssl stamped is verified at once and later, offline, with nothing but
// what was kept; and openssl verifies what was kept.
func TestAuthority(t *testing.T) {
	auth := authority(t)
	s, err := timestamp.Ask(t.Context(), http.DefaultClient, auth.URL, 12, checkpoint)
	if err != nil {
		t.Fatal(err)
	}
	if time.Since(s.At).Abs() > time.Minute || s.Size != 12 || s.Authority != auth.URL || s.Checkpoint != checkpoint || len(s.Chain) != 2 {
		t.Errorf("stamp of %d changes at %s by %s with %d certificates", s.Size, s.At, s.Authority, len(s.Chain))
	}
	auth.Close()
	v, err := timestamp.Verify(t.Context(), &s)
	sum := sha256.Sum256(auth.Root.Raw)
	if want := (timestamp.Verified{At: s.At, Signer: "Simulated Time Stamping", Root: "Simulated Time Root", RootHash: hex.EncodeToString(sum[:])}); v != want || err != nil {
		t.Errorf("Verify = %+v, %v; want %+v", v, err, want)
	}
	dir := t.TempDir()
	for name, content := range map[string][]byte{"token": s.Token, "data": []byte(checkpoint)} {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	out, err := exec.Command("openssl", "x509", "-inform", "DER", "-in", writeFile(t, s.Chain[1]), "-out", filepath.Join(dir, "root.pem")).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	verify := exec.Command("openssl", "ts", "-verify", "-token_in", "-in", "token", "-data", "data", "-CAfile", "root.pem")
	verify.Dir = dir
	if out, err := verify.CombinedOutput(); err != nil || !bytes.Contains(out, []byte("Verification: OK")) {
		t.Errorf("openssl ts -verify: %v\n%s", err, out)
	}
	for what, alter := range map[string]func(*storage.Stamp){
		"another checkpoint":    func(s *storage.Stamp) { s.Checkpoint = strings.Replace(s.Checkpoint, "12", "13", 1) },
		"another time":          func(s *storage.Stamp) { s.At = s.At.Add(-24 * time.Hour) },
		"another root":          func(s *storage.Stamp) { s.Chain = [][]byte{s.Chain[0], authority(t).Root.Raw} },
		"no root":               func(s *storage.Stamp) { s.Chain = nil },
		"a root that is no one": func(s *storage.Stamp) { s.Chain = [][]byte{{1, 2, 3}} },
		"a token that is none":  func(s *storage.Stamp) { s.Token = []byte("x") },
		"an altered signature":  func(s *storage.Stamp) { s.Token = bytes.Clone(s.Token); s.Token[len(s.Token)-10] ^= 1 },
	} {
		altered := s
		if alter(&altered); what != "" {
			if v, err := timestamp.Verify(t.Context(), &altered); err == nil {
				t.Errorf("with %s it is verified: %+v", what, v)
			}
		}
	}
}

func writeFile(t *testing.T, content []byte) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// An answer that is not to this question, not whole, or by somebody whom nobody
// knows is none.
func TestBadAuthorities(t *testing.T) {
	auth := authority(t)
	ask := func(ctx context.Context) error {
		_, err := timestamp.Ask(ctx, http.DefaultClient, auth.URL, 12, checkpoint)
		return err
	}
	if err := ask(t.Context()); err != nil {
		t.Fatal(err)
	}
	for fault, says := range map[string]string{
		"down": "503", "old": "nonce", "altered": "", "garbage": "", "rootless": "install the authority's root certificate",
	} {
		auth.Fault(fault)
		if err := ask(t.Context()); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v, want an error with %q", fault, err, says)
		}
	}
	auth.Fault("")
	if err := ask(t.Context()); err != nil {
		t.Error(err)
	}
	if _, err := timestamp.Ask(t.Context(), http.DefaultClient, "ftp://example.com", 12, checkpoint); err == nil {
		t.Error("an address of another kind is asked")
	}
}

// What is in a database or an archive may be made by anybody.
func FuzzVerify(f *testing.F) {
	f.Add([]byte{0x30, 0x80}, []byte{0x30, 0})
	f.Fuzz(func(t *testing.T, token, cert []byte) {
		s := storage.Stamp{Size: 1, Authority: "a", At: time.Now(), Checkpoint: checkpoint, Token: token, Chain: [][]byte{cert}}
		if v, err := timestamp.Verify(context.Background(), &s); err == nil {
			t.Errorf("verified: %+v", v)
		}
	})
}

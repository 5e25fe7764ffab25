package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"shopwatch/cmd/shopwatch/term"
	"shopwatch/storage"
	"shopwatch/storage/bolt"
	"shopwatch/storage/merkle"
	"shopwatch/storage/timestamp"
	"shopwatch/tracker"
)

// A verifyCommand verifies the change log, or the evidence of one change.
type verifyCommand struct {
	Checkpoint []string `placeholder:"FILE" help:"A mail or another text in which a checkpoint stands; - reads standard input. May be repeated."`
	File       string   `arg:"" optional:"" help:"A database or a backup, what shopwatch evidence wrote (.zip, .wacz), or another capture; the database of the configuration when left out."`
}

// Help tells what is verified and what is not.
func (verifyCommand) Help() string {
	return `Nothing is asked of a network or a daemon, and the file is not written to. Every report ends with a checkpoint: the signed state of the change log. Save one, or copy its lines, and hand it in: if a change that is older than the report was altered since, or the log was cut, verify says so. What is shown is that shopwatch held these records when the report was sent and has not changed them; not that the marketplace served them.

Exit status: 0 when all that was verified is as it was, 1 otherwise.

Examples:
  shopwatch verify --checkpoint report.eml
  shopwatch verify --checkpoint - backup.db < report.txt
  shopwatch verify change7.zip
  shopwatch verify --checkpoint report.eml change7.wacz`
}

var errDoubtful = errors.New("not everything could be shown to be what it was: see the lines with NOT OK")

// Run prints a sentence per finding.
func (v *verifyCommand) Run(ctx context.Context, a *app) error {
	marks, err := v.marks()
	if err != nil {
		return err
	}
	var found []merkle.Finding
	switch strings.ToLower(filepath.Ext(v.File)) {
	case ".zip":
		found, err = verifyArchive(ctx, v.File, marks)
	case ".wacz":
		found, err = verifyCapture(ctx, v.File, marks)
	default:
		found, err = v.verifyDatabase(ctx, a, marks)
	}
	if err != nil {
		return err
	}
	if len(marks) == 0 && !slices.Contains(found, noChange) {
		found = append(found, merkle.Finding{Text: "No checkpoint from a report was compared, so a log that was rewritten as a whole would not be noticed: hand one in with --checkpoint."})
	}
	doubtful := false
	for _, f := range found {
		doubtful = doubtful || f.Bad
		if a.json {
			err = errors.Join(err, a.print(f))
			continue
		}
		mark := term.Paint(a.out, term.Green, "ok    ")
		if f.Bad {
			mark = term.Paint(a.out, term.Red, "NOT OK")
		}
		_, printed := fmt.Fprintf(a.out, "%s  %s\n", mark, term.Plain(f.Text))
		err = errors.Join(err, printed)
	}
	if err == nil && doubtful {
		err = errDoubtful
	}
	return err
}

// marks are the checkpoints that were handed in.
func (v *verifyCommand) marks() (all []merkle.Checkpoint, err error) {
	for _, file := range v.Checkpoint {
		in := io.Reader(os.Stdin)
		if file != "-" {
			f, err := os.Open(file)
			if err != nil {
				return nil, err
			}
			defer f.Close()
			in = f
		}
		text, err := io.ReadAll(io.LimitReader(in, 64<<20))
		if err != nil {
			return nil, err
		}
		found, _, err := merkle.Find(string(text))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		all = append(all, found...)
	}
	return all, nil
}

// verifyDatabase verifies a copy of a database, so that neither a daemon nor
// the file itself is touched, and the evidence files beside the original.
func (v *verifyCommand) verifyDatabase(ctx context.Context, a *app, marks []merkle.Checkpoint) (found []merkle.Finding, err error) {
	dir, err := os.MkdirTemp("", "shopwatch-verify-*")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	path := filepath.Join(dir, "shopwatch.db")
	from, err := v.copyDatabase(ctx, a, path)
	if err != nil {
		return nil, err
	}
	db, err := bolt.Open(path, bolt.Options{Maintain: true})
	if err != nil {
		return nil, errors.New(strings.ReplaceAll(err.Error(), path, from)) // nobody knows the copy
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	names := make(map[string]uint64)
	found, err = merkle.Audit(ctx, db, marks, func(c *tracker.Change) {
		for _, name := range c.Files() {
			names[name] = c.Seq
		}
	})
	if err != nil {
		return nil, err
	}
	stamped, err := verifyStamps(ctx, db)
	if err != nil {
		return nil, err
	}
	found = append(found, stamped...)
	return append(found, verifyFiles(filepath.Join(filepath.Dir(from), "evidence"), names)...), nil
}

// verifyStamps verifies all timestamps of a database with what was kept of them.
func verifyStamps(ctx context.Context, db *bolt.DB) (found []merkle.Finding, err error) {
	var first, last storage.Stamp
	good := 0
	roots := make(map[string]timestamp.Verified)
	for s, err := range storage.AllStamps(ctx, db) {
		if err != nil {
			return nil, err
		}
		mark, _, _, err := merkle.Sign(ctx, db, s.Size)
		if err != nil || mark.Text != s.Checkpoint {
			found = append(found, merkle.Finding{Bad: true, Text: fmt.Sprintf("The log of %d changes that %s stamped is not this one: it was rewritten, or went on differently from an older backup.", s.Size, s.Authority)})
			continue
		}
		v, err := timestamp.Verify(ctx, &s)
		if err != nil {
			found = append(found, badStamp(&s, err))
			continue
		}
		if good++; good == 1 {
			first = s
		}
		last, roots[v.RootHash] = s, v
	}
	if good == 0 {
		return found, nil
	}
	text := fmt.Sprintf("%s good: the log of %d changes existed at %s", are(good, "timestamp"), first.Size, first.At.Format(time.RFC3339))
	if last.Size != first.Size {
		text += fmt.Sprintf(", that of %d changes at %s", last.Size, last.At.Format(time.RFC3339))
	}
	return append(append(found, merkle.Finding{Text: text + "."}), rootsOf(roots)...), nil
}

func badStamp(s *storage.Stamp, err error) merkle.Finding {
	return merkle.Finding{Bad: true, Text: fmt.Sprintf("The timestamp by %s of the log of %d changes is not good: %v.", s.Authority, s.Size, err)}
}

// rootsOf says on which certificates timestamps rest.
func rootsOf(roots map[string]timestamp.Verified) (found []merkle.Finding) {
	for _, hash := range slices.Sorted(maps.Keys(roots)) {
		text := "They rest on the certificate %q, which this machine trusts (SHA-256 %s)."
		if !roots[hash].Known {
			text = "They rest on the certificate %q, which this machine does not know: compare its SHA-256, %s, with what the authority publishes."
		}
		found = append(found, merkle.Finding{Text: fmt.Sprintf(text, roots[hash].Root, hash)})
	}
	return found
}

// auditWitness verifies what shows that a change is in the log, and the timestamps
// of that.
func auditWitness(ctx context.Context, w *merkle.Witness, marks []merkle.Checkpoint) []merkle.Finding {
	return append(w.Audit(marks), stampsIn(ctx, w)...)
}

// stampsIn verifies the timestamps of a witness.
func stampsIn(ctx context.Context, w *merkle.Witness) (found []merkle.Finding) {
	roots := make(map[string]timestamp.Verified)
	for i := range w.Proofs {
		p := &w.Proofs[i]
		for j := range p.Stamps {
			s := &p.Stamps[j]
			v, err := timestamp.Verify(ctx, s)
			switch {
			case err != nil:
				found = append(found, badStamp(s, err))
			case s.Checkpoint != p.Checkpoint:
				found = append(found, badStamp(s, errors.New("it is of another checkpoint than the one in the file")))
			default:
				roots[v.RootHash] = v
				found = append(found, merkle.Finding{Text: fmt.Sprintf("%s saw the log with change %d in it at %s.", v.Signer, w.Seq, s.At.Format(time.RFC3339))})
			}
		}
	}
	return append(found, rootsOf(roots)...)
}

// copyDatabase copies the database and returns where the original lies. One
// that a daemon has open is asked of that.
func (v *verifyCommand) copyDatabase(ctx context.Context, a *app, to string) (from string, err error) {
	from = v.File
	c, unconfigured := a.load()
	switch {
	case unconfigured == nil && (from == "" || same(from, databasePath(c))):
		from = databasePath(c)
		if client := a.daemon(ctx, c); client != nil {
			defer client.Close()
			f, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
			if err != nil {
				return "", err
			}
			return from, errors.Join(client.Backup(ctx, f), f.Close())
		}
	case from == "":
		return "", unconfigured
	}
	in, err := os.Open(from)
	if err != nil {
		return "", err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return "", err
	}
	_, err = io.Copy(out, in)
	return from, errors.Join(err, out.Close())
}

func same(a, b string) bool {
	sa, errA := os.Stat(a)
	sb, errB := os.Stat(b)
	return errA == nil && errB == nil && os.SameFile(sa, sb)
}

// verifyFiles compares evidence files with their names, which are hashes and
// stand in the changes.
func verifyFiles(dir string, names map[string]uint64) (found []merkle.Finding) {
	if len(names) == 0 {
		return nil
	}
	whole, missing := 0, 0
	root, err := os.OpenRoot(dir)
	if err != nil {
		return []merkle.Finding{{Text: fmt.Sprintf("%s named by changes and not beside this database: not verified.", are(len(names), "evidence file"))}}
	}
	defer root.Close()
	for name, seq := range names {
		sum, err := hashOf(root, name)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			missing++
		case err != nil:
			found = append(found, merkle.Finding{Bad: true, Text: fmt.Sprintf("Evidence %s of change %d cannot be read: %v.", name, seq, err)})
		case !strings.HasPrefix(name, sum+"."):
			found = append(found, merkle.Finding{Bad: true, Text: fmt.Sprintf("Evidence %s of change %d was exchanged: it does not have the hash that the change names.", name, seq)})
		default:
			whole++
		}
	}
	if whole > 0 {
		found = append(found, merkle.Finding{Text: fmt.Sprintf("%s as the changes name them.", are(whole, "evidence file"))})
	}
	if missing > 0 {
		found = append(found, merkle.Finding{Text: fmt.Sprintf("%s not there (deleted after retention.evidence, or never copied): not verified.", are(missing, "evidence file"))})
	}
	return found
}

// are says how many things are in some state.
func are(n int, what string) string {
	if n == 1 {
		return "1 " + what + " is"
	}
	return term.Count(n, 0, what) + " are"
}

// hashOf is the SHA-256 of an evidence file, in the folder of its first two
// letters.
func hashOf(root *os.Root, name string) (string, error) {
	if len(name) < 2*sha256.Size || filepath.Base(name) != name {
		return "", errors.New("it has no name of an evidence file")
	}
	path := filepath.Join(name[:2], name)
	st, err := root.Lstat(path)
	if err != nil {
		return "", err
	}
	if !st.Mode().IsRegular() {
		return "", errors.New("it is no ordinary file")
	}
	f, err := root.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	return sumOf(f)
}

func sumOf(r io.Reader) (string, error) {
	h := sha256.New()
	_, err := io.Copy(h, r)
	return hex.EncodeToString(h.Sum(nil)), err
}

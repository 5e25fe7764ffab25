package main

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
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
	"shopwatch/tracker/api"
	"shopwatch/tracker/archive"
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

var errAltered = errors.New("not everything is what it was, see above")

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
	if len(marks) == 0 {
		found = append(found, merkle.Finding{Text: "No checkpoint from a report was compared, so a log that was rewritten as a whole would not be noticed: hand one in with --checkpoint."})
	}
	altered := false
	for _, f := range found {
		altered = altered || f.Bad
		if a.json {
			err = errors.Join(err, a.print(f))
			continue
		}
		mark := term.Paint(a.out, term.Green, "ok     ")
		if f.Bad {
			mark = term.Paint(a.out, term.Red, "ALTERED")
		}
		_, printed := fmt.Fprintf(a.out, "%s  %s\n", mark, term.Plain(f.Text))
		err = errors.Join(err, printed)
	}
	if err == nil && altered {
		err = errAltered
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
		return nil, err
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
		return []merkle.Finding{{Text: fmt.Sprintf("The %s that changes name are not beside this file: they were not verified.", term.Count(len(names), 0, "evidence file"))}}
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

// Bounds of an archive that is verified: somebody else made it.
const (
	mostWitness = 16 << 20
	mostPicture = 64 << 20
)

// verifyArchive verifies what the evidence command wrote.
func verifyArchive(ctx context.Context, file string, marks []merkle.Checkpoint) ([]merkle.Finding, error) {
	z, err := zip.OpenReader(file)
	if err != nil {
		return nil, err
	}
	defer z.Close()
	w, err := witnessIn(&z.Reader)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	c, err := changeOf(&w)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	found := auditWitness(ctx, &w, marks)
	told, err := storyIn(&z.Reader, &c)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return append(append(found, told), picturesIn(&z.Reader, &c)...), nil
}

// unpack reads a file of an archive, up to so many bytes.
func unpack(z *zip.Reader, name string, most int64) ([]byte, error) {
	f, err := z.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	content, err := io.ReadAll(io.LimitReader(f, most+1))
	if err == nil && int64(len(content)) > most {
		err = fmt.Errorf("%s is too large", name)
	}
	return content, err
}

func witnessIn(z *zip.Reader) (w merkle.Witness, err error) {
	content, err := unpack(z, archive.WitnessFile, mostWitness)
	if errors.Is(err, fs.ErrNotExist) {
		return w, fmt.Errorf("it has no %s: an earlier shopwatch made it, or it is no archive of shopwatch evidence", archive.WitnessFile)
	}
	if err == nil {
		err = json.Unmarshal(content, &w)
	}
	return w, err
}

// changeOf is the change that a witness is of.
func changeOf(w *merkle.Witness) (c tracker.Change, err error) {
	if err := json.Unmarshal([]byte(w.Record), &c); err != nil || c.Seq != w.Seq {
		return c, fmt.Errorf("the record in %s is not one of change %d", archive.WitnessFile, w.Seq)
	}
	return c, nil
}

// verifyCapture verifies a WACZ file, and the change with which it was exported.
func verifyCapture(ctx context.Context, file string, marks []merkle.Checkpoint) ([]merkle.Finding, error) {
	content, err := archive.ReadFile(file)
	if err != nil {
		return nil, err
	}
	e, err := archive.Verify(content)
	if err != nil {
		return []merkle.Finding{{Bad: true, Text: fmt.Sprintf("The capture cannot be verified: %v.", err)}}, nil
	}
	found := []merkle.Finding{{Text: fmt.Sprintf("The capture is what it was when %s signed it: every file has its digest, and both signatures are right.", e.Log)}}
	if e.Witness == nil {
		return append(found, merkle.Finding{Text: "No change is in the file, so nothing is said about the change log: shopwatch evidence SEQ FILE.wacz exports one with its change."}), nil
	}
	var w merkle.Witness
	if err := json.Unmarshal(e.Witness, &w); err != nil {
		return nil, fmt.Errorf("%s: %s: %w", file, archive.WitnessFile, err)
	}
	c, err := changeOf(&w)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	found = append(found, auditWitness(ctx, &w, marks)...)
	if w.Key != e.Key {
		found = append(found, merkle.Finding{Bad: true, Text: "The capture is signed by another log than that of the change."})
	}
	sum, err := sumOf(bytes.NewReader(e.Capture))
	switch {
	case err != nil:
		return nil, err
	case c.Probe == nil || c.Probe.Capture != sum+".wacz":
		found = append(found, merkle.Finding{Bad: true, Text: fmt.Sprintf("The capture is not the one that change %d names.", c.Seq)})
	default:
		found = append(found, merkle.Finding{Text: fmt.Sprintf("The capture is the one that change %d names.", c.Seq)})
	}
	told, err := sameStory(e.Story, &c)
	return append(found, told), err
}

// storyIn compares the change of the story, which people read, with the one
// that the log has.
func storyIn(z *zip.Reader, c *tracker.Change) (merkle.Finding, error) {
	content, err := unpack(z, archive.StoryFile, mostWitness)
	if err != nil {
		return merkle.Finding{}, err
	}
	return sameStory(content, c)
}

// sameStory is storyIn for the content of the file.
func sameStory(content []byte, c *tracker.Change) (merkle.Finding, error) {
	var story struct{ Change tracker.Change }
	if err := json.Unmarshal(content, &story); err != nil {
		return merkle.Finding{}, fmt.Errorf("story.json: %w", err)
	}
	told, err := merkle.Record(&story.Change)
	if err != nil {
		return merkle.Finding{}, err
	}
	is, err := merkle.Record(c)
	if string(told) != string(is) || err != nil {
		return merkle.Finding{Bad: true, Text: "The change in story.json is not the one in the log."}, err
	}
	return merkle.Finding{Text: "The change in story.json is the one in the log; the rest of the story is not part of the log and was not verified."}, nil
}

// picturesIn compares the evidence files of an archive with the hashes that the
// change names.
func picturesIn(z *zip.Reader, c *tracker.Change) (found []merkle.Finding) {
	whole := 0
	for _, name := range c.Files() {
		content, err := unpack(z, api.EvidencePath(name), mostPicture)
		sum, _ := sumOf(strings.NewReader(string(content)))
		switch {
		case errors.Is(err, fs.ErrNotExist):
			found = append(found, merkle.Finding{Text: fmt.Sprintf("Evidence %s is not in the archive: it was not verified.", name)})
		case err != nil:
			found = append(found, merkle.Finding{Bad: true, Text: fmt.Sprintf("Evidence %s cannot be read: %v.", name, err)})
		case !strings.HasPrefix(name, sum+"."):
			found = append(found, merkle.Finding{Bad: true, Text: fmt.Sprintf("Evidence %s was exchanged: it does not have the hash that the change names.", name)})
		default:
			whole++
		}
	}
	if whole > 0 {
		found = append(found, merkle.Finding{Text: fmt.Sprintf("%s as the change names them.", are(whole, "evidence file"))})
	}
	return found
}

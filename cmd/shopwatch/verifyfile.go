package main

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"

	"shopwatch/storage/merkle"
	"shopwatch/tracker"
	"shopwatch/tracker/api"
	"shopwatch/tracker/archive"
	"shopwatch/tracker/report"
)

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
	if found := twofold(&z.Reader); len(found) > 0 {
		return found, nil
	}
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
	found = append(append(found, told), picturesIn(&z.Reader, &c)...)
	if others := unnamed(&z.Reader, &c); len(others) > 0 {
		found = append(found, merkle.Finding{Text: fmt.Sprintf("Not part of the log, so not verified: %s.", strings.Join(others, ", "))})
	}
	return found, nil
}

// twofold finds what different programs unpack differently, so that people may see
// another file than the one that is verified here: a name that is there twice, also
// where a file system takes two names for one, or that leads elsewhere.
func twofold(z *zip.Reader) (found []merkle.Finding) {
	seen := make(map[string]bool)
	for _, f := range z.File {
		name := strings.TrimSuffix(f.Name, "/") // of a folder
		if lower := strings.ToLower(name); seen[lower] || !fs.ValidPath(name) || strings.ContainsAny(name, `\:`) {
			found = append(found, merkle.Finding{Bad: true, Text: fmt.Sprintf("%.80q is there twice or leads out of the archive: what else is in it was not verified.", f.Name)})
		} else {
			seen[lower] = true
		}
	}
	return found
}

// unnamed are the files that the log says nothing of, such as the story as text.
func unnamed(z *zip.Reader, c *tracker.Change) (list []string) {
	named := []string{archive.WitnessFile, archive.StoryFile}
	for _, name := range c.Files() {
		named = append(named, api.EvidencePath(name))
	}
	for _, f := range z.File {
		switch {
		case strings.HasSuffix(f.Name, "/") || slices.Contains(named, f.Name):
		case len(list) == 10:
			return append(list, "…")
		default:
			list = append(list, report.Cut(f.Name, 80))
		}
	}
	return list
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

// noChange is found of a capture that was not exported with a change.
var noChange = merkle.Finding{Text: "No change is in the file, so it is compared with no checkpoint, and nothing is said about the change log: shopwatch evidence SEQ FILE.wacz exports one with its change."}

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
		return append(found, noChange), nil
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
	if name := nameTwice(json.NewDecoder(bytes.NewReader(content))); name != "" {
		return merkle.Finding{Bad: true, Text: fmt.Sprintf("%.50q is there twice in story.json: programs differ in which of them they read.", name)}, nil
	}
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

// nameTwice returns a name that an object of a JSON text has twice, also where only
// its case differs, which Go does not tell apart; empty when there is none.
func nameTwice(d *json.Decoder) string {
	var objects []map[string]bool // that are open, by their names; nil for a list
	isName := false
	for {
		token, err := d.Token()
		if err != nil {
			return ""
		}
		switch token {
		case json.Delim('{'):
			objects = append(objects, make(map[string]bool))
		case json.Delim('['):
			objects = append(objects, nil)
		case json.Delim('}'), json.Delim(']'):
			objects = objects[:len(objects)-1]
		default:
			if name, ok := token.(string); ok && isName {
				names, lower := objects[len(objects)-1], strings.ToLower(name)
				if names[lower] {
					return name
				}
				names[lower], isName = true, false
				continue
			}
		}
		isName = len(objects) > 0 && objects[len(objects)-1] != nil // a value has ended, or an object begun
	}
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

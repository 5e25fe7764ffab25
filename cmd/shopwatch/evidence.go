package main

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"path"
	"strings"

	"shopwatch/cmd/shopwatch/config"
	"shopwatch/cmd/shopwatch/term"
	"shopwatch/tracker/api"
	"shopwatch/tracker/archive"
)

// An evidenceCommand packs the story of a change for others.
type evidenceCommand struct {
	Seq  Seq    `arg:"" help:"The number of the change, as shopwatch changes prints it."`
	File string `arg:"" complete:"file" help:"The archive to write (.zip, or .wacz for what the page was answered); a file that is there is not replaced."`
}

// Help tells what is in it.
func (evidenceCommand) Help() string {
	return `The archive holds the story as text and as JSON, every picture that is kept of it, SHA256SUMS over all of them (sha256sum -c SHA256SUMS checks it), and log.json, by which shopwatch verify shows that the change is in the log as it was reported. Who was told of the change is not in it.

A .wacz holds what the item page that proves a removal was answered, as shopwatch read it: documents, scripts, answers of APIs, the document as it was parsed, and a picture. The viewers of the web's archivists open it, such as https://replayweb.page, and shopwatch replay reads it again. What identifies your account was taken out; scan.json in it lists what that was.

Examples:
  shopwatch evidence 7 change7.zip
  shopwatch evidence 7 change7.wacz`
}

// Run writes the archive.
func (e *evidenceCommand) Run(ctx context.Context, a *app) error {
	if err := isNew(e.File); err != nil {
		return err
	}
	switch strings.ToLower(path.Ext(e.File)) { // by which verify knows it again
	case ".zip":
	case ".wacz":
		return a.ask(ctx, func(_ *config.Config, client *api.Client) error { return e.capture(ctx, a, client) })
	default:
		return fmt.Errorf("%s: name a file that ends in .zip or .wacz", e.File)
	}
	return a.ask(ctx, func(c *config.Config, client *api.Client) error {
		st, err := client.Why(ctx, uint64(e.Seq))
		if err != nil {
			return err
		}
		files, err := packed(ctx, a, c, client, &st)
		if err != nil {
			return err
		}
		content, err := archive.Zip(files, st.Change.At, zip.Deflate)
		if err != nil {
			return fmt.Errorf("pack the evidence: %w", err)
		}
		if err := writeNew(e.File, content); err != nil {
			return fmt.Errorf("write the evidence: %w", err)
		}
		if !a.json {
			fmt.Fprintf(a.out, "%s: %s, SHA-256 %x\n", e.File, term.Count(len(files), 0, "file"), sha256.Sum256(content))
			return nil
		}
		return a.print(map[string]any{"file": e.File, "files": len(files), "sha256": fmt.Sprintf("%x", sha256.Sum256(content))})
	})
}

// capture writes the capture of the change.
func (e *evidenceCommand) capture(ctx context.Context, a *app, client *api.Client) error {
	var b bytes.Buffer
	if err := client.Capture(ctx, uint64(e.Seq), &b); err != nil {
		return err
	}
	if err := writeNew(e.File, b.Bytes()); err != nil {
		return fmt.Errorf("write the capture: %w", err)
	}
	sum := fmt.Sprintf("%x", sha256.Sum256(b.Bytes()))
	if a.json {
		return a.print(map[string]any{"file": e.File, "sha256": sum})
	}
	fmt.Fprintf(a.out, "%s: SHA-256 %s\n", e.File, sum)
	return nil
}

// packed are the files of the story, the sums of the others last.
func packed(ctx context.Context, a *app, c *config.Config, client *api.Client, st *api.Story) ([]archive.File, error) {
	var text bytes.Buffer
	tellStory(&text, st, c.Timezone.Location, false, api.EvidencePath)
	story, err := st.ForOthers()
	if err != nil {
		return nil, err
	}
	witness, err := client.Proof(ctx, st.Change.Seq)
	if err != nil {
		return nil, err
	}
	proof, err := json.MarshalIndent(witness, "", "  ")
	if err != nil {
		return nil, err
	}
	files := []archive.File{
		{Name: "story.txt", Content: text.Bytes()},
		{Name: archive.StoryFile, Content: story},
		{Name: archive.WitnessFile, Content: append(proof, '\n')},
	}
	for _, address := range st.Evidence {
		var picture bytes.Buffer
		if err := client.Evidence(ctx, address, &picture); err != nil {
			return nil, fmt.Errorf("evidence %s: %w", path.Base(address), err)
		}
		files = append(files, archive.File{Name: api.EvidencePath(path.Base(address)), Content: picture.Bytes()})
	}
	var sums strings.Builder
	for _, f := range files {
		fmt.Fprintf(&sums, "%x  %s\n", sha256.Sum256(f.Content), f.Name)
	}
	return append(files, archive.File{Name: "SHA256SUMS", Content: []byte(sums.String())}), nil
}

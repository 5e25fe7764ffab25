package main

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"time"

	"shopwatch/cmd/shopwatch/config"
	"shopwatch/cmd/shopwatch/term"
	"shopwatch/tracker"
	"shopwatch/tracker/api"
	"shopwatch/tracker/archive"
	"shopwatch/tracker/browser"
)

// A problemCommand makes a file to send when a page was misread.
type problemCommand struct {
	Name tracker.StorefrontName `arg:"" optional:"" complete:"storefront" help:"The storefront; all when left out."`
	File string                 `placeholder:"FILE" complete:"file" help:"The archive to write (.zip); shopwatch-problem-DATE.zip when left out."`
}

// Help tells what is in the file.
func (problemCommand) Help() string {
	return `The file holds what is needed to find out why a page was misread: the newest capture of a scan that was not complete, for each storefront and reason, the last scans, the version of shopwatch, of its system and Chrome, the configuration without channels and secrets, and what shopwatch check says. Nothing is sent: look at it, then attach it to your report. A capture shows which storefront you watch; what is known to belong to your account was taken out, of pictures too, and scan.json in it lists what that was. An avatar, or the last digits of a phone number on a page that asked you for them, are not known.

Examples:
  shopwatch report-problem
  shopwatch report-problem tencent --file tencent.zip`
}

// mostProblems is how many captures one file has at most.
const mostProblems = 5

// Run writes the file.
func (p *problemCommand) Run(ctx context.Context, a *app) error {
	now := time.Now()
	if p.File == "" {
		p.File = "shopwatch-problem-" + now.Format("20060102-1504") + ".zip"
	}
	if err := isNew(p.File); err != nil {
		return err
	}
	c, err := a.load()
	if err != nil {
		return err
	}
	if p.Name != "" && c.Storefront(p.Name) == nil {
		return fmt.Errorf("there is no storefront %q in %s; there are %s", p.Name, a.file, term.List(c.Names()))
	}
	files := []archive.File{
		{Name: "about.txt", Content: []byte(about(ctx, c))},
		{Name: "configuration.txt", Content: []byte(shownForOthers(c, p.Name))},
		{Name: "check.txt", Content: []byte(a.checked(ctx))},
	}
	scans, captures, err := p.captures(ctx, a)
	if err != nil {
		return err
	}
	files = append(append(files, archive.File{Name: "scans.jsonl", Content: scans}), captures...)
	content, err := archive.Zip(files, now, zip.Deflate)
	if err != nil {
		return err
	}
	if err := writeNew(p.File, content); err != nil {
		return err
	}
	if a.json {
		return a.print(map[string]any{"file": p.File, "captures": len(captures)})
	}
	fmt.Fprintf(a.out, "%s: %s\n", p.File, term.Count(len(captures), 0, "capture"))
	if len(captures) == 0 {
		fmt.Fprintln(a.out, "No scan that was not complete has a capture. If a complete scan reads something wrong, capture it: shopwatch scan NAME --capture FILE.wacz")
	}
	return nil
}

// captures are the last scans, a JSON object a line, and the newest captures of
// those that were not complete.
func (p *problemCommand) captures(ctx context.Context, a *app) (scans []byte, captures []archive.File, err error) {
	err = a.ask(ctx, func(_ *config.Config, client *api.Client) error {
		var b bytes.Buffer
		n := 0
		for s, err := range client.Scans(ctx, api.Filter{Storefront: p.Name, Limit: 300}) {
			if err != nil {
				return err
			}
			if n++; n <= 100 {
				line, err := json.Marshal(s)
				if err != nil {
					return err
				}
				b.Write(append(line, '\n'))
			}
			if s.Verdict == tracker.Complete || s.Evidence.Capture == "" || len(captures) == mostProblems {
				continue
			}
			name := fmt.Sprintf("captures/%s-%s.wacz", s.Storefront, s.Began.UTC().Format("20060102-150405"))
			var file bytes.Buffer
			if client.Evidence(ctx, "/evidence/"+s.Evidence.Capture, &file) == nil { // or it was dropped
				captures = append(captures, archive.File{Name: name, Content: file.Bytes()})
			}
		}
		scans = b.Bytes()
		return nil
	})
	return scans, captures, err
}

// about says what runs where.
func about(ctx context.Context, c *config.Config) string {
	b := browser.New(browser.Options{Path: c.Browser.Path})
	_, chrome, err := b.Version(ctx)
	if err != nil {
		chrome = err.Error()
	}
	return fmt.Sprintf("shopwatch %s\n%s %s/%s\n%s\n", version, runtime.Version(), runtime.GOOS, runtime.GOARCH, chrome)
}

var emailForm = regexp.MustCompile(`[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+`)

// shownForOthers are the keys of the configuration without secrets, and without
// what says whom reports go to; of storefronts those of the one with the name,
// of all when it is empty.
func shownForOthers(c *config.Config, name tracker.StorefrontName) string {
	var b strings.Builder
	for _, kv := range c.Shown() {
		key, value := kv[0], kv[1]
		switch i := place(key, "storefronts["); {
		case strings.HasPrefix(key, "channels[") && !strings.HasSuffix(key, "].kind"):
			continue
		case slices.Contains([]string{"database", "data", "listen", "public", "browser.profile"}, key):
			continue
		case i >= 0 && i < len(c.Storefronts) && name != "" && c.Storefronts[i].Name != name:
			continue
		}
		fmt.Fprintf(&b, "%s: %s\n", key, emailForm.ReplaceAllString(value, "…@…"))
	}
	return b.String()
}

// place is the number of the entry of a list that a key belongs to, -1 for none.
func place(key, list string) int {
	i := -1
	if rest, found := strings.CutPrefix(key, list); found {
		if _, err := fmt.Sscanf(rest, "%d]", &i); err != nil {
			return -1
		}
	}
	return i
}

// checked is what shopwatch check says, without addresses of mail.
func (a *app) checked(ctx context.Context) string {
	var b bytes.Buffer
	own := *a
	own.out, own.err, own.json = &b, &b, false
	if err := (checkCommand{}).Run(ctx, &own); err != nil && !errors.Is(err, errUnwell) {
		fmt.Fprintf(&b, "%v\n", err)
	}
	return emailForm.ReplaceAllString(b.String(), "…@…")
}

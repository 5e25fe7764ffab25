package web_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"shopwatch/storage/merkle"
	"shopwatch/tracker"
	"shopwatch/tracker/archive"
)

// The page of a removal offers what its item page answered: the capture that the
// change names, with what shows that it is in the log, and without the reports.
func TestProofHasCapture(t *testing.T) {
	db := database(t)
	capture, err := os.ReadFile("../../fixtures/captures/item-gone.wacz")
	if err != nil {
		t.Fatal(err)
	}
	file, err := db.KeepEvidence(ctx, capture, "wacz")
	if err != nil {
		t.Fatal(err)
	}
	s := &tracker.Scan{
		Storefront: "tencent", Began: began.Add(3 * time.Hour), Verdict: tracker.Complete,
		Evidence: tracker.Evidence{Pages: 1, Products: 3, Parser: 1},
		Products: []tracker.Product{{ID: "45123456784", Title: "a", URL: "x"}, {ID: "45123456785", Title: "b", URL: "x"}, {ID: "45123456786", Title: "c", URL: "x"}},
		Probes:   []tracker.Probe{{Product: "45123456783", State: tracker.PageGone, At: began, URL: "https://detail.tmall.com/", Capture: file}},
	}
	changes, err := db.Commit(ctx, s, tracker.DefaultRules())
	if err != nil {
		t.Fatal(err)
	}
	seq := uint64(0)
	for _, c := range changes {
		if c.Kind == tracker.Removed && c.Product.ID == "45123456783" {
			seq = c.Seq
		}
	}
	address := "http://" + serve(t, options(db))
	get := func(path string, status int) (string, http.Header) {
		t.Helper()
		resp, err := http.Get(address + path)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		if err != nil || resp.StatusCode != status {
			t.Fatalf("%s = %s, %v: %.200s", path, resp.Status, err, body)
		}
		return string(body), resp.Header
	}
	link := fmt.Sprintf(`href="%d.wacz"`, seq)
	if page, _ := get(fmt.Sprintf("/changes/%d", seq), 200); !strings.Contains(page, link) {
		t.Errorf("the page does not offer %s", link)
	}
	for _, path := range []string{fmt.Sprintf("/changes/%d.wacz", seq), fmt.Sprintf("/api/changes/%d/capture", seq)} {
		body, header := get(path, 200)
		if header.Get("Content-Type") != "application/wacz" || !strings.HasPrefix(header.Get("Content-Disposition"), "attachment") {
			t.Errorf("%s comes as %q, %q", path, header.Get("Content-Type"), header.Get("Content-Disposition"))
		}
		e, err := archive.Verify([]byte(body))
		if err != nil {
			t.Fatal(err)
		}
		var w merkle.Witness
		if err := json.Unmarshal(e.Witness, &w); err != nil || w.Seq != seq {
			t.Errorf("%s: witness of %d, %v", path, w.Seq, err)
		}
		if !bytes.Equal(e.Capture, capture) || bytes.Contains(e.Story, []byte(`"reports"`)) || !bytes.Contains(e.Story, []byte(file)) {
			t.Errorf("%s is not the capture with its story: %.300s", path, e.Story)
		}
	}
	if body, header := get("/evidence/"+file, 200); body != string(capture) || header.Get("Content-Type") != "application/wacz" {
		t.Errorf("the file itself comes as %q", header.Get("Content-Type"))
	}
	// Change 1 has no capture, and one that was deleted is offered no more.
	get("/changes/1.wacz", 404)
	get("/api/changes/1/capture", 404)
	if err := db.DropEvidence(ctx, file); err != nil {
		t.Fatal(err)
	}
	get(fmt.Sprintf("/changes/%d.wacz", seq), 404)
	if page, _ := get(fmt.Sprintf("/changes/%d", seq), 200); strings.Contains(page, link) {
		t.Error("the page offers a capture that was deleted")
	}
}

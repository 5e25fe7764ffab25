package tmall_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"shopwatch/tracker"
	"shopwatch/tracker/market"
	"shopwatch/tracker/market/tmall"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// A recorded answer is what a scan was given when it read a page of the
// simulated mall: what the page script reported of it, and what the page's own
// calls were answered.
type recorded struct {
	Storefront string            `json:"storefront"`
	Ask        string            `json:"ask"` // list or item
	Page       int               `json:"page"`
	Product    tracker.ProductID `json:"product"`
	Step       bool              `json:"step"` // the page had been read before, and something was done with it
	URL        string            `json:"url"`
	Status     int               `json:"status"`
	Report     json.RawMessage   `json:"report"`
	Calls      []struct {
		URL    string `json:"url"`
		Status int    `json:"status"`
		Err    string `json:"err"`
		Body   string `json:"body"`
	} `json:"calls"`
}

func (r *recorded) answer() *market.Answer {
	a := &market.Answer{
		Request: market.Request{URL: r.URL, Page: r.Page, Product: r.Product},
		URL:     r.URL, Status: r.Status, Body: r.Report,
	}
	if r.Step {
		a.Request.URL = ""
	}
	for _, c := range r.Calls {
		a.Calls = append(a.Calls, &market.Call{URL: c.URL, Status: c.Status, Err: c.Err, Body: []byte(c.Body)})
	}
	return a
}

// recordings are the recorded answers, by name.
func recordings(t testing.TB) map[string]*recorded {
	t.Helper()
	files, err := filepath.Glob("testdata/*.json")
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]*recorded{}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".json")
		if strings.HasSuffix(name, ".want") {
			continue
		}
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		r := new(recorded)
		if err := json.Unmarshal(text, r); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		all[name] = r
	}
	if len(all) < 20 {
		t.Fatalf("%d recordings, want more", len(all))
	}
	return all
}

// A golden is what is read of an answer, in the form of the golden files. What
// it does not say is left out.
type golden struct {
	More     string                  `json:"more,omitempty"` // to be done before the page is read again
	Verdict  tracker.Verdict         `json:"verdict,omitempty"`
	State    string                  `json:"state,omitempty"`
	Reason   string                  `json:"reason,omitempty"`
	Says     string                  `json:"says,omitempty"`
	Item     tracker.PageState       `json:"item,omitempty"`
	Layout   string                  `json:"layout,omitempty"`
	Page     int                     `json:"page,omitempty"`
	Pages    int                     `json:"pages,omitempty"`
	Total    int                     `json:"total,omitempty"`
	Next     int                     `json:"next,omitempty"`
	Last     bool                    `json:"last,omitempty"`
	Empty    bool                    `json:"empty,omitempty"`
	Cells    int                     `json:"cells,omitempty"`
	Repeated []tracker.ProductID     `json:"repeated,omitempty"`
	Problems []string                `json:"problems,omitempty"`
	Cut      string                  `json:"cut,omitempty"`
	Seller   *tracker.SellerIdentity `json:"seller,omitempty"`
	Products []tracker.Product       `json:"products,omitempty"`
}

func goldenOf(t *testing.T, r *recorded) golden {
	t.Helper()
	sf, err := tmall.Market().Storefront(r.Storefront, "")
	if err != nil {
		t.Fatal(err)
	}
	if r.Ask == "item" {
		f := sf.ReadItem(r.answer())
		got := golden{Item: f.State, Reason: f.Reason, Says: f.Says}
		if f.Wall != nil {
			got.State, got.Verdict = f.Wall.Name, f.Wall.Verdict
		}
		return got
	}
	reading, err := sf.Read(r.answer())
	switch {
	case err != nil:
		t.Fatal(err)
	case reading.More != nil:
		return golden{Page: reading.More.Page, More: reading.More.Turn + "; " + reading.More.Wait}
	case reading.State != nil:
		return golden{Verdict: reading.State.Verdict, State: reading.State.Name, Reason: reading.State.Reason}
	}
	l := &reading.Listing
	return golden{
		Layout: l.Layout, Page: l.Page, Pages: l.Pages, Total: l.Total, Next: l.Next, Last: l.Last, Empty: l.Empty,
		Cells: l.Cells, Repeated: l.Repeated, Problems: l.Problems, Cut: l.Cut, Seller: &l.Seller, Products: l.Products,
	}
}

// Each recording is read as its golden file says; -update rewrites them.
func TestRecordings(t *testing.T) {
	for name, r := range recordings(t) {
		t.Run(name, func(t *testing.T) {
			var b bytes.Buffer
			enc := json.NewEncoder(&b)
			enc.SetEscapeHTML(false)
			enc.SetIndent("", " ")
			if err := enc.Encode(goldenOf(t, r)); err != nil {
				t.Fatal(err)
			}
			file := filepath.Join("testdata", name+".want.json")
			if *update {
				if err := os.WriteFile(file, b.Bytes(), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(b.Bytes(), want) {
				t.Errorf("read as\n%s\nwant\n%s", b.Bytes(), want)
			}
		})
	}
}

package tracker_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"shopwatch/tracker"
)

func patterns(t *testing.T, texts ...string) (ps tracker.Patterns) {
	t.Helper()
	for _, text := range texts {
		p, err := tracker.ParsePattern(text)
		if err != nil {
			t.Fatal(err)
		}
		ps = append(ps, p)
	}
	return ps
}

func TestPatterns(t *testing.T) {
	ps := patterns(t, "补差价|邮费", "(?i)wifi$", "45100000002")
	for _, tt := range []struct {
		product tracker.Product
		want    string
	}{
		{tracker.Product{ID: "1", Title: "专用补差价链接"}, "补差价|邮费"},
		{tracker.Product{ID: "1", Title: "全民WiFi"}, "(?i)wifi$"},
		{tracker.Product{ID: "1", Title: "WiFi 随身"}, ""},
		{tracker.Product{ID: "45100000002", Title: "音箱"}, "45100000002"},
		{tracker.Product{ID: "451000000021", Title: "音箱"}, ""},
		{tracker.Product{ID: "1", Title: "配件 45100000002 专用"}, "45100000002"},
		{tracker.Product{ID: "1", Title: ""}, ""},
	} {
		if got := ps.Picks(&tt.product); got != tt.want {
			t.Errorf("%s %q is picked by %q, want %q", tt.product.ID, tt.product.Title, got, tt.want)
		}
	}
	p := tracker.Product{ID: "", Title: ""}
	if (tracker.Pattern{}).Picks(&p) || tracker.Patterns(nil).Picks(&p) != "" {
		t.Error("no pattern picks a product")
	}
	for text, want := range map[string]string{"": "every title", "a*": "every title", "(": "regular expression"} {
		if _, err := tracker.ParsePattern(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("ParsePattern(%q) = %v, want an error about %q", text, err, want)
		}
	}
}

// Rules are data: who reconciles on another machine has the same.
func TestRulesAreWrittenAndRead(t *testing.T) {
	r := tracker.DefaultRules()
	r.Ignored, r.Important = patterns(t, "补差价"), patterns(t, "音箱", "45100000002")
	b, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"misses":3,"max_loss":0.3,"probes":20,"stalled_after":3,"ignored":["补差价"],"important":["音箱","45100000002"]}`
	if string(b) != want {
		t.Errorf("written as %s, want %s", b, want)
	}
	var read tracker.Rules
	if err := json.Unmarshal(b, &read); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(r, read, cmp.Comparer(func(a, b tracker.Pattern) bool { return a.String() == b.String() })); diff != "" {
		t.Errorf("read otherwise (-written +read):\n%s", diff)
	}
	if !read.Important[0].Picks(&tracker.Product{Title: "蓝牙音箱"}) {
		t.Error("a pattern that was read picks nothing")
	}
	if err := json.Unmarshal([]byte(`{"ignored":["("]}`), &read); err == nil {
		t.Error("a bad pattern was read")
	}
}

// A product that loses the word that is watched for is news, and so is one that
// gets it.
func TestImportantByEitherTitle(t *testing.T) {
	rules := tracker.DefaultRules()
	rules.Important = patterns(t, "音箱")
	catalog := &tracker.Items{}
	var got []string
	for i, st := range []step{whole("a title=音箱", "b title=手表"), whole("a title=喇叭 price=89", "b title=小音箱"), whole("a title=喇叭 price=79", "b title=小音箱")} {
		s := &tracker.Scan{Storefront: "s", Began: day0.Add(time.Duration(i) * time.Hour)}
		st(s)
		o := catalog.Reconcile(s, rules)
		catalog.Apply(o)
		for _, c := range o.Changes {
			got = append(got, string(c.Kind)+" "+string(c.Product.ID)+" "+c.Important)
		}
	}
	want := []string{"repriced a 音箱", "retitled a 音箱", "retitled b 音箱", "repriced a "}
	slices.Sort(got[:3])
	if !slices.Equal(got, want) {
		t.Errorf("changes = %q, want %q", got, want)
	}
}

package scan_test

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"shopwatch/fixtures"
	"shopwatch/fixtures/truth"
	"shopwatch/tracker"
	"shopwatch/tracker/scan"
)

// A trial is one fault at one place of one layout: a baseline is taken, things
// change or not, a scan meets the fault, and another comes after it has passed.
type trial struct {
	kind    fixtures.Kind
	layout  fixtures.Layout
	place   fixtures.Place
	times   int // 0: it lasts for the whole scan
	changes bool
}

func (tr trial) String() string {
	length, truth := "lasting", "nothing changed"
	if tr.times > 0 {
		length = "once"
	}
	if tr.changes {
		truth = "things changed"
	}
	return fmt.Sprintf("%s, %s, %s, %s, %s", tr.kind.Name, tr.layout, tr.place, length, truth)
}

func trials() (all []trial) {
	for _, k := range fixtures.Faults {
		for _, layout := range k.Layouts {
			for _, place := range k.Places {
				for _, times := range []int{1, 0} {
					for _, changes := range []bool{true, false} {
						if times == 0 && k.OnceOnly || place == fixtures.ItemPage && !changes {
							continue // nothing is probed when nothing is missing
						}
						all = append(all, trial{k, layout, place, times, changes})
					}
				}
			}
		}
	}
	return all
}

// A tally counts what went wrong.
type tally struct {
	scans, falseAdded, falseRemoved, missed, verdicts atomic.Int64
	naive                                             struct{ trials, right, falseAdded, falseRemoved, missed atomic.Int64 }
}

// naiveScore says how a naive reader does in the same trials.
func (sum *tally) naiveScore() string {
	n := &sum.naive
	return fmt.Sprintf("the set difference of two lists in the same scans: %d false additions, %d false removals, %d missed changes, %d of %d trials right",
		n.falseAdded.Load(), n.falseRemoved.Load(), n.missed.Load(), n.right.Load(), n.trials.Load())
}

// A naive reader compares each list that a scan read with the one before, and
// believes the difference.
type naive struct {
	take func(truth.Reading) []truth.Told
	told []string
}

func newNaive() *naive { return &naive{take: truth.Rules()[0].New()} }

func (n *naive) look(s *tracker.Scan) {
	r := truth.Reading{Failed: s.Verdict != tracker.Complete && s.Verdict != tracker.Partial}
	for _, p := range s.Products {
		l := truth.Listed{ID: string(p.ID), Title: p.Title, Image: p.Image, Availability: string(p.Availability)}
		if price := p.Price.String() + p.Price.Currency; p.Price.Known() {
			l.Price = &price
		}
		r.Products = append(r.Products, l)
	}
	for _, t := range n.take(r) {
		n.told = append(n.told, t.Kind+" "+t.Product)
	}
}

// score counts what the naive reader told wrongly, of what is true.
func (n *naive) score(want []string, sum *tally) {
	wrong := false
	for i, c := range n.told {
		if slices.Contains(want, c) && !slices.Contains(n.told[:i], c) {
			continue
		}
		wrong = true
		if strings.HasPrefix(c, "removed") {
			sum.naive.falseRemoved.Add(1)
		} else {
			sum.naive.falseAdded.Add(1)
		}
	}
	for _, c := range want {
		if !slices.Contains(n.told, c) {
			wrong = true
			sum.naive.missed.Add(1)
		}
	}
	sum.naive.trials.Add(1)
	if !wrong {
		sum.naive.right.Add(1)
	}
}

// TestFaults plays a fair sample of the trials: one of each fault. With
// SHOPWATCH_FAULTS it plays that many, spread over all of them (make faults), or
// "all", which takes about an hour.
func TestFaults(t *testing.T) {
	short(t)
	t.Parallel()
	all := trials()
	switch want := os.Getenv("SHOPWATCH_FAULTS"); want {
	case "all":
	case "":
		all = sample(all)
	default:
		n, err := strconv.Atoi(want)
		if err != nil {
			t.Fatal(err)
		}
		all = spread(all, n)
	}
	var sum tally
	var wg sync.WaitGroup
	for i := range all {
		tabs <- struct{}{}
		wg.Go(func() {
			defer func() { <-tabs }()
			play(t, i, all[i], &sum)
		})
	}
	wg.Wait()
	if n := mall.InsideHits(); n != 0 {
		t.Errorf("pages reached machines behind the firewall %d times", n)
	}
	fmt.Printf("%d trials, %d scans: %d false additions, %d false removals, %d missed changes, %d wrong verdicts\n", len(all), sum.scans.Load(),
		sum.falseAdded.Load(), sum.falseRemoved.Load(), sum.missed.Load(), sum.verdicts.Load())
	fmt.Println(sum.naiveScore())
}

// sample picks one trial of each fault, at another layout and place for each.
func sample(all []trial) (some []trial) {
	byKind := map[string][]trial{}
	for _, tr := range all {
		byKind[tr.kind.Name] = append(byKind[tr.kind.Name], tr)
	}
	for i, k := range fixtures.Faults {
		these := byKind[k.Name]
		some = append(some, these[i*7%len(these)])
	}
	return some
}

// spread picks n trials, evenly.
func spread(all []trial, n int) (some []trial) {
	for i := range min(n, len(all)) {
		some = append(some, all[i*len(all)/n])
	}
	return some
}

// play plays one trial.
func play(t *testing.T, n int, tr trial, sum *tally) {
	wrong := func(count *atomic.Int64, format string, a ...any) {
		count.Add(1)
		t.Errorf("%s: %s", tr, fmt.Sprintf(format, a...))
	}
	domain := "tmall.com"
	if tr.layout == fixtures.CShop {
		domain = "taobao.com"
	}
	d := fixtures.Shop{Host: fmt.Sprintf("trial%d.%s", n, domain), Title: "试验", Layout: tr.layout, PageSize: 6, PerRow: 3, Delay: -1}
	id := func(i int) string { return fmt.Sprint(800000000000 + n*1000 + i) }
	for i := range 16 {
		d.Products = append(d.Products, product(id(i), fmt.Sprintf("产品 %d", i)))
	}
	shop := mall.Open(d)
	sh := newShopper(t, func(o *scan.Options) { o.Retries = 1 })
	var told []string
	other := newNaive()
	look := func() *tracker.Scan {
		sum.scans.Add(1)
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
		defer cancel()
		s, changes := sh.scanWith(ctx, shop.URL())
		other.look(s)
		if ctx.Err() != nil {
			t.Errorf("%s: a scan did not end", tr)
		}
		for _, c := range changes {
			if c.Product == nil {
				continue // of the storefront itself
			}
			told = append(told, string(c.Kind)+" "+string(c.Product.ID))
		}
		return s
	}
	if s := look(); s.Verdict != tracker.Complete {
		wrong(&sum.verdicts, "baseline %s (%s)", s.Verdict, s.Reason)
		return
	}

	var want []string
	if tr.changes {
		shop.Take(id(7), fixtures.Gone)
		shop.PutFirst(product(id(99), "新到"))
		shop.Update(id(3), func(p *fixtures.Product) { p.Price = "79.00" })
		want = []string{"removed " + id(7), "added " + id(99), "repriced " + id(3)}
	}
	f := fixtures.Fault{Name: tr.kind.Name, Place: tr.place, Times: tr.times, Delay: 8 * time.Second}
	if tr.place == fixtures.ItemPage {
		f.Item = id(7)
	}
	shop.Fault(f)
	v := tr.kind.Verdicts(tr.place, tr.times)
	sh.wait(waitUnder(func(right tracker.Verdict) bool { return slices.Contains(v, string(right)) }))
	s := look()
	if !slices.Contains(v, string(s.Verdict)) {
		wrong(&sum.verdicts, "%s (%s), want %s; %+v", s.Verdict, s.Reason, strings.Join(v, " or "), s.Evidence)
	}
	if tr.place == fixtures.ItemPage && tr.kind.Blind && tr.times == 0 && slices.Contains(told, want[0]) {
		wrong(&sum.falseRemoved, "removed by a page that tells nothing: %+v", s.Probes)
	}
	shop.Heal()
	sh.wait(patientWait)
	// What was met may wait for another scan, a reading in passing for one more.
	for range 2 {
		if s := look(); s.Verdict != tracker.Complete {
			wrong(&sum.verdicts, "afterwards %s (%s)", s.Verdict, s.Reason)
		}
		if len(told) >= len(want) {
			break
		}
	}
	other.score(want, sum)
	slices.Sort(told)
	slices.Sort(want)
	for _, c := range told {
		if !slices.Contains(want, c) {
			count := &sum.falseAdded
			if strings.HasPrefix(c, "removed") {
				count = &sum.falseRemoved
			}
			wrong(count, "told %s, which is not true", c)
		}
	}
	for _, c := range want {
		if n := count(told, c); n != 1 {
			wrong(&sum.missed, "told %s %d times, want once", c, n)
		}
	}
}

func count(all []string, s string) (n int) {
	for _, a := range all {
		if a == s {
			n++
		}
	}
	return n
}

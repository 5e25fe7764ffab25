//go:build unix

package postgres_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"shopwatch/storage"
	"shopwatch/storage/bolt"
	"shopwatch/storage/storetest"
	"shopwatch/tracker"
)

// TestSameAsBolt plays random histories on both engines. What is known in the
// end, the change log above all, is the same byte for byte.
func TestSameAsBolt(t *testing.T) {
	const histories, steps = 6, 60
	kinds := make(map[tracker.Kind]int)
	for seed := range uint64(histories) {
		file, err := bolt.Open(filepath.Join(t.TempDir(), "shopwatch.db"), bolt.Options{})
		must(t, err)
		p := &player{Rand: rand.New(rand.NewPCG(seed, 18)), t: t, stores: []storage.Store{file, fresh(t)}, now: storetest.Day, parser: 1}
		p.list = storetest.Products(40)
		p.each(func(s storage.Store) (any, error) { return nil, s.Join(ctx, "analysts") })
		for range steps {
			p.step()
		}
		logs := p.each(func(s storage.Store) (any, error) { return s.Changes(ctx, storage.Query{Limit: 1 << 20}) })
		p.each(func(s storage.Store) (any, error) { return s.PriorPrices(ctx, logs.([]tracker.Change)) })
		for _, c := range logs.([]tracker.Change) {
			kinds[c.Kind]++
		}
		p.each(func(s storage.Store) (any, error) { return s.Scans(ctx, storage.ScanQuery{Limit: 1 << 20}) })
		p.each(func(s storage.Store) (any, error) { return s.Reports(ctx, storage.ReportQuery{Limit: 1 << 20}) })
		p.each(func(s storage.Store) (any, error) { return s.Storefronts(ctx) })
		p.each(func(s storage.Store) (any, error) {
			return s.Overviews(ctx, storage.OverviewQuery{Scans: 5, Since: storetest.Day})
		})
		for _, sf := range names {
			p.each(func(s storage.Store) (any, error) { return s.Products(ctx, sf, "", 1<<20) })
			p.each(func(s storage.Store) (any, error) { return s.Suspects(ctx, sf, "", 1<<20) })
			p.each(func(s storage.Store) (any, error) { return s.Tally(ctx, sf, time.Time{}, time.Time{}, time.UTC) })
			for _, order := range []storage.ShelfOrder{storage.OrderChanged, storage.OrderRemoved, storage.OrderTitle, storage.OrderPrice} {
				p.each(func(s storage.Store) (any, error) {
					return s.Shelf(ctx, storage.ShelfQuery{Storefront: sf, Order: order, Limit: 1 << 20})
				})
			}
			for _, text := range []string{"新", "\x00", "{}", "💥"} {
				p.each(func(s storage.Store) (any, error) {
					return s.Changes(ctx, storage.Query{Storefront: sf, Text: text, Limit: 1 << 20})
				})
				p.each(func(s storage.Store) (any, error) {
					return s.Shelf(ctx, storage.ShelfQuery{Storefront: sf, Text: text, Limit: 1 << 20})
				})
			}
		}
		p.moves(file)
		must(t, file.Close())
	}
	t.Logf("changes: %v", kinds)
	for _, k := range tracker.Kinds {
		if kinds[k] == 0 && k != tracker.Closed {
			t.Errorf("no history had a change of kind %s", k)
		}
	}
}

var names = []tracker.StorefrontName{"tencent", "旗舰店"}

// A player does the same to several stores and compares what they say.
type player struct {
	*rand.Rand
	t      *testing.T
	stores []storage.Store
	now    time.Time
	parser int
	list   []tracker.Product
	seq    uint64
}

// each calls all stores and returns what the first says. Errors are compared by
// whether there is one: they name the engine.
func (p *player) each(call func(storage.Store) (any, error)) any {
	p.t.Helper()
	first, err := call(p.stores[0])
	for _, s := range p.stores[1:] {
		other, err2 := call(s)
		if (err == nil) != (err2 == nil) {
			p.t.Fatalf("errors differ: %v, %v", err, err2)
		}
		if err != nil {
			continue
		}
		if diff := cmp.Diff(first, other); diff != "" {
			p.t.Fatalf("the stores differ (-bolt +postgres):\n%s", diff)
		}
		if a, b := p.json(first), p.json(other); a != b {
			p.t.Fatalf("the stores print\n%s\nand\n%s", a, b)
		}
	}
	return first
}

func (p *player) json(v any) string {
	b, err := json.Marshal(v)
	must(p.t, err)
	return string(b)
}

func (p *player) step() {
	p.now = p.now.Add(time.Duration(1+p.IntN(100_000)) * time.Second / 7)
	switch {
	case p.IntN(20) == 0:
		p.now = p.now.Add(-3 * time.Hour) // the clock is put back
	case p.IntN(40) == 0:
		p.parser++
	case p.IntN(8) == 0 && p.seq > 0:
		seq := 1 + p.Uint64N(p.seq)
		if c, ok := p.each(func(s storage.Store) (any, error) { return s.Dispute(ctx, seq, " not true\x00 \xff", p.now) }).(tracker.Change); ok {
			p.seq = max(p.seq, c.Seq)
		}
		return
	case p.IntN(8) == 0:
		p.each(func(s storage.Store) (any, error) {
			made, err := storage.NextReports(ctx, s, "analysts", []string{"a@example.com"}, p.now, 0, func(pending []tracker.Change) []storage.Portion {
				return []storage.Portion{{Take: len(pending), Tell: storetest.Numbers(pending)[:len(pending)/2]}}
			})
			return made, err
		})
		return
	}
	for range p.IntN(6) {
		p.alter(p.IntN(len(p.list)))
	}
	scan := p.scan()
	preview := *scan
	p.each(func(s storage.Store) (any, error) { return s.Preview(ctx, &preview, storetest.Rules) })
	log := p.each(func(s storage.Store) (any, error) {
		mine := *scan
		changes, err := s.Commit(ctx, &mine, storetest.Rules)
		mine.Products = nil // whose JSON is not compared
		return []any{changes, mine.Began, mine.Verdict, mine.Reason, mine.Changes, mine.Doubted}, err
	})
	if changes := log.([]any)[0].([]tracker.Change); len(changes) > 0 {
		p.seq = changes[len(changes)-1].Seq
	}
}

// alter changes a product of the world.
func (p *player) alter(i int) {
	list := slices.Clone(p.list)
	switch it := &list[i]; p.IntN(8) {
	case 0:
		it.Price.Low = it.Price.Low*int64(1+p.IntN(30))/2 + 1
	case 1:
		it.Price = tracker.Price{Kind: []tracker.PriceKind{"", tracker.PriceFrom, tracker.PriceRange}[p.IntN(3)], Low: 100, High: 900, Currency: []string{"", "CNY", "EUR"}[p.IntN(3)]}
	case 2:
		it.Title += []string{"新", "\x00", "'\"\\u0000{}", "💥"}[p.IntN(4)] // JSON, of which scans are made, is valid UTF-8
	case 3:
		it.Image += "x"
	case 4:
		another := storetest.Product(p.IntN(60))
		if !slices.ContainsFunc(list, func(x tracker.Product) bool { return x.ID == another.ID }) {
			list = append(list, another)
		}
	case 5:
		list = slices.Delete(list, i, i+1)
	case 6:
		it.Availability = []tracker.Availability{"", tracker.Available, tracker.SoldOut}[p.IntN(3)]
		it.Variants = p.IntN(4)
	case 7:
		it.Price.Basis = tracker.Basis{Market: []string{"", "DE", "FR"}[p.IntN(3)], Tax: []tracker.Tax{"", tracker.TaxIncluded}[p.IntN(2)]}
	}
	if len(list) > 10 {
		p.list = list
	}
}

// keep keeps a picture that is told from others by a number.
func (p *player) keep(n int) string {
	return p.each(func(s storage.Store) (any, error) { return s.KeepEvidence(ctx, fmt.Append(nil, "picture ", n), "jpg") }).(string)
}

// scan is one of the world, or a part of it, or none.
func (p *player) scan() *tracker.Scan {
	name := names[p.IntN(len(names))]
	began := p.now.Add(time.Duration(p.IntN(1_000_000)) * time.Nanosecond)
	list := slices.Clone(p.list)
	p.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
	var s *tracker.Scan
	switch p.IntN(10) {
	case 0, 1:
		s = storetest.Walled(name, began)
	case 2, 3:
		s = storetest.Partial(name, began, list[:p.IntN(len(list))]...)
	case 4:
		s = storetest.Complete(name, began, append(list, list[0])...) // listed twice
	case 5:
		s = storetest.Complete(name, began, list[p.IntN(5):]...)
	default:
		s = storetest.Complete(name, began, list...)
	}
	s.Evidence.Parser, s.Evidence.Opened, s.Evidence.Warnings = p.parser, p.IntN(9), []string{"a \x00 warning"}
	s.Pictures = make(map[tracker.ProductID]tracker.Picture)
	for i := range p.IntN(len(list)) {
		s.Pictures[list[i].ID] = tracker.Picture{File: p.keep(i), Card: fmt.Sprintf("%064x.webp", i)} // that one is missing
	}
	for i := range 60 {
		id := storetest.Product(i).ID
		if p.IntN(2) == 0 && !slices.ContainsFunc(list, func(x tracker.Product) bool { return x.ID == id }) {
			s.Probes = append(s.Probes, tracker.Probe{
				Product: id, State: []tracker.PageState{tracker.PageGone, tracker.PageOffshelf, tracker.PageSold, tracker.PageUnknown}[p.IntN(4)],
				At: began.Truncate(time.Millisecond).UTC(), URL: "https://detail.tmall.com/", Says: "已下架", Picture: p.keep(1000 + i),
			})
		}
	}
	return s
}

// moves moves what was played from bolt to PostgreSQL and back.
func (p *player) moves(file *bolt.DB) {
	p.t.Helper()
	server, back := fresh(p.t), filepath.Join(p.t.TempDir(), "shopwatch.db")
	_, err := p.stores[0].ChangeCoolDown(ctx, "tmall", func(c *storage.CoolDown) { c.Walls, c.Until = 3, storetest.Day })
	must(p.t, err)
	for _, authority := range []string{"https://a.example/", "https://b.example/"} {
		for _, s := range p.stores {
			must(p.t, s.AddStamp(ctx, storetest.Stamp(3, authority)))
		}
	}
	var there, here storage.Moved
	must(p.t, server.Load(ctx, func(to storage.Loader) (err error) {
		there, err = storage.Move(ctx, file, to, []string{"tmall", "jd"})
		return err
	}))
	must(p.t, storage.Compare(ctx, file, server))
	again, err := bolt.Open(back, bolt.Options{})
	must(p.t, err)
	must(p.t, again.Load(ctx, func(to storage.Loader) (err error) {
		here, err = storage.Move(ctx, server, to, []string{"tmall", "jd"})
		return err
	}))
	must(p.t, storage.Compare(ctx, file, again))
	must(p.t, again.Check(ctx))
	if there != here || there.Changes != int(p.seq) || there.Evidence == 0 || there.Missing == 0 || there.Reports == 0 {
		p.t.Errorf("moved %+v there and %+v back, of %d changes", there, here, p.seq)
	}
	for _, s := range []storage.Store{server, again} {
		if c, err := s.CoolDown(ctx, "tmall"); c.Walls != 3 || !c.Until.Equal(storetest.Day) || err != nil {
			p.t.Errorf("cool-down %+v, %v", c, err)
		}
		if err := storage.Compare(ctx, s, p.stores[0]); err != nil {
			p.t.Error(err)
		}
	}
	// They go on alike, and a database that is not empty takes nothing.
	if err := server.Load(ctx, func(storage.Loader) error { return nil }); err == nil {
		p.t.Error("a database that is not empty is loaded")
	}
	if err := again.Load(ctx, func(storage.Loader) error { return nil }); err == nil {
		p.t.Error("a file that is not empty is loaded")
	}
	p.stores = append(p.stores, server, again)
	for range 10 {
		p.step()
	}
	last := p.seq
	p.each(func(s storage.Store) (any, error) { c, _, err := s.Change(ctx, last); return c, err })
	if err := storage.Compare(ctx, p.stores[0], again); err != nil {
		p.t.Error(err)
	}
	_, err = server.Commit(ctx, storetest.Walled("oppo", p.now), storetest.Rules)
	must(p.t, err)
	if err := storage.Compare(ctx, server, again); err == nil {
		p.t.Error("two stores that differ compare as the same")
	}
	must(p.t, again.Close())
}

// TestMoveOfAnAlteredLog: who altered a change in the database is found out by a
// move, which makes the tree anew and does not cover it up.
func TestMoveOfAnAlteredLog(t *testing.T) {
	db := fresh(t)
	list := storetest.Products(3)
	storetest.Commit(t, db, storetest.Complete("tencent", storetest.Day, list...))
	list = append(list, storetest.Product(9))
	storetest.Commit(t, db, storetest.Complete("tencent", storetest.Day.Add(time.Hour), list...))
	move := func() error {
		to := fresh(t)
		must(t, to.Load(ctx, func(l storage.Loader) error {
			_, err := storage.Move(ctx, db, l, nil)
			return err
		}))
		storetest.Sound(t, to)
		return storage.Compare(ctx, db, to)
	}
	must(t, move())
	must(t, cluster.Exec(ctx, db.Name(), "update changes set change = replace(change::text, '\"low\":', '\"low\":1')::json where seq = (select max(seq) from changes where product is not null)"))
	if err := move(); err == nil || !strings.Contains(err.Error(), "hashes of changes differ") {
		t.Errorf("the move of an altered log says %v", err)
	}
}

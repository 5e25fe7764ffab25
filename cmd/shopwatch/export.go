package main

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"slices"
	"time"

	"shopwatch/cmd/shopwatch/config"
	"shopwatch/tracker"
	"shopwatch/tracker/api"
	"shopwatch/tracker/report"
	"shopwatch/tracker/web"
)

// An exportCommand writes everything that is known, for other programs.
type exportCommand struct {
	What       string                 `arg:"" enum:"changes,products,prices" help:"changes, products or prices."`
	File       string                 `arg:"" optional:"" help:"Where to; standard output when left out."`
	Format     string                 `enum:"csv,xlsx,jsonl" default:"csv" help:"csv, xlsx or jsonl (${default})."`
	Storefront tracker.StorefrontName `complete:"storefront" help:"Only of this storefront." placeholder:"NAME"`
	Since      When                   `help:"Only changes since then: 24h, 7d, 2026-11-22." placeholder:"TIME"`
	Until      When                   `help:"Only changes before then." placeholder:"TIME"`
	Kind       []tracker.Kind         `complete:"kind" help:"Only changes of these kinds: ${kinds}." placeholder:"KIND"`
	Search     string                 `help:"Only changes of products that had this part of a title or number." placeholder:"TEXT"`
	Important  bool                   `help:"Only changes of products that are watched for."`
}

// Help gives examples.
func (exportCommand) Help() string {
	return `Prices are every price of every product: from the scan that saw it first to the one that saw another price or found the product removed.

Examples:
  shopwatch export changes --since 30d > changes.csv
  shopwatch export changes --kind removed --search 血糖仪 --format jsonl
  shopwatch export prices prices.xlsx --format xlsx --storefront tencent
  shopwatch export products --format jsonl`
}

// Run writes the file.
func (e *exportCommand) Run(ctx context.Context, a *app) error {
	out := a.out
	if a.json && e.Format == "csv" {
		e.Format = "jsonl"
	}
	if e.File != "" {
		if err := isNew(e.File); err != nil {
			return err
		}
	}
	return a.ask(ctx, func(c *config.Config, client *api.Client) (err error) {
		since, err := e.Since.in(c.Timezone.Location)
		if err != nil {
			return err
		}
		until, err := e.Until.in(c.Timezone.Location)
		if err != nil {
			return err
		}
		if e.What != "changes" && (!since.IsZero() || !until.IsZero() || len(e.Kind) > 0 || e.Search != "" || e.Important) {
			return fmt.Errorf("--since, --until, --kind, --search and --important select changes, not %s", e.What)
		}
		if e.File != "" {
			f, opened := os.OpenFile(e.File, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
			if opened != nil {
				return fmt.Errorf("write the export: %w", opened)
			}
			defer func() {
				if err = errors.Join(err, f.Close()); err != nil {
					os.Remove(e.File) // nobody takes half of it for all
				}
			}()
			out = f
		}
		x := &exporter{client: client, zone: c.Timezone.Location, filter: api.Filter{
			Storefront: e.Storefront, Kinds: e.Kind, Since: since, Until: until, Text: e.Search, Important: e.Important,
		}}
		names, rows := x.table(ctx, e.What)
		switch e.Format {
		case "xlsx":
			return web.WriteXLSX(out, e.What, names, rows)
		case "jsonl":
			return x.json(ctx, &app{out: out}, e.What)
		}
		return writeCSV(out, names, rows)
	})
}

func writeCSV(w io.Writer, names []string, rows iter.Seq2[[]string, error]) error {
	if _, err := io.WriteString(w, "\ufeff"); err != nil {
		return err
	}
	out := csv.NewWriter(w)
	out.UseCRLF = true
	if err := out.Write(names); err != nil {
		return err
	}
	for row, err := range rows {
		if err != nil {
			return err
		}
		if err := out.Write(row); err != nil {
			return err
		}
	}
	out.Flush()
	return out.Error()
}

// An exporter reads what is exported.
type exporter struct {
	client *api.Client
	filter api.Filter
	zone   *time.Location
}

// table is what is asked for as rows.
func (x *exporter) table(ctx context.Context, what string) (names []string, rows iter.Seq2[[]string, error]) {
	switch what {
	case "products":
		return []string{"storefront", "id", "title", "url", "image", "currency", "price", "price_high", "availability", "first_seen", "last_seen", "removed", "missing"}, x.productRows(ctx)
	case "prices":
		return []string{"storefront", "id", "title", "currency", "price", "price_high", "from", "to"}, x.priceRows(ctx)
	}
	return report.Columns(), func(yield func([]string, error) bool) {
		words := report.Phrases{Lang: "en", Zone: x.zone}
		for ch, err := range x.client.Changes(ctx, x.filter) {
			if err != nil {
				yield(nil, err)
				return
			}
			if !yield(words.Cells(&ch), nil) {
				return
			}
		}
	}
}

// items are the products of all storefronts.
func (x *exporter) items(ctx context.Context, yield func(tracker.StorefrontName, tracker.Item, error) bool) {
	list, err := x.client.Storefronts(ctx)
	if err != nil {
		yield("", tracker.Item{}, err)
		return
	}
	if only := x.filter.Storefront; only != "" {
		list = []api.Storefront{{Name: only}} // the API says whether there is such a one
	}
	for i := range list {
		for it, err := range x.client.Products(ctx, list[i].Name) {
			if !yield(list[i].Name, it, err) || err != nil {
				return
			}
		}
	}
}

func (x *exporter) stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.In(x.zone).Format(time.DateTime)
}

// bounds are the ends of a price, "" where there is none.
func bounds(p tracker.Price) (low, high string) {
	if !p.Known() {
		return "", ""
	}
	exact := p
	exact.Kind, exact.High = tracker.PriceExact, 0
	low = exact.String()
	if p.Kind == tracker.PriceRange {
		exact.Low = p.High
		high = exact.String()
	}
	return low, high
}

func (x *exporter) productRows(ctx context.Context) iter.Seq2[[]string, error] {
	return func(yield func([]string, error) bool) {
		x.items(ctx, func(name tracker.StorefrontName, it tracker.Item, err error) bool {
			if err != nil {
				return yield(nil, err)
			}
			low, high := bounds(it.Price)
			return yield([]string{
				string(name), report.Cell(string(it.ID)), report.Cell(it.Title), report.Link(it.URL), report.Link(it.Image), it.Price.Currency, low, high,
				string(it.Availability), x.stamp(it.FirstSeen), x.stamp(it.LastSeen), x.stamp(it.Removed), fmt.Sprint(it.Missing),
			}, nil)
		})
	}
}

// A pricedFor is a price for as long as it was listed.
type pricedFor struct {
	Storefront tracker.StorefrontName `json:"storefront"`
	ID         tracker.ProductID      `json:"id"`
	Title      string                 `json:"title"`
	Price      string                 `json:"price"`
	High       string                 `json:"price_high,omitempty"`
	Currency   string                 `json:"currency"`
	From       time.Time              `json:"from"`
	To         time.Time              `json:"to,omitzero"`
}

// prices are every price of every product, oldest first of each.
func (x *exporter) prices(ctx context.Context, yield func(pricedFor, error) bool) {
	type product struct {
		name tracker.StorefrontName
		id   tracker.ProductID
	}
	changed := make(map[product][]tracker.Change) // newest first
	wrong := make(map[uint64]bool)                // what a correction took back
	for ch, err := range x.client.Changes(ctx, api.Filter{
		Storefront: x.filter.Storefront, Kinds: []tracker.Kind{tracker.Repriced, tracker.Removed, tracker.Relisted, tracker.Corrected},
	}) {
		if err != nil {
			yield(pricedFor{}, err)
			return
		}
		if ch.Kind == tracker.Corrected {
			wrong[ch.Corrects] = true
		}
		if ch.Kind != tracker.Corrected && ch.Product != nil && !wrong[ch.Seq] {
			p := product{ch.Storefront, ch.Product.ID}
			changed[p] = append(changed[p], ch)
		}
	}
	x.items(ctx, func(name tracker.StorefrontName, it tracker.Item, err error) bool {
		if err != nil {
			return yield(pricedFor{}, err)
		}
		for _, p := range pricesOf(name, &it, changed[product{name, it.ID}]) {
			if !yield(p, nil) {
				return false
			}
		}
		return true
	})
}

// pricesOf are the prices of a product by its changes, which come newest first.
// While it was removed it had none.
func pricesOf(name tracker.StorefrontName, it *tracker.Item, changes []tracker.Change) []pricedFor {
	price, from := it.Price, it.FirstSeen
	for _, c := range changes {
		if c.Kind == tracker.Repriced && c.Before != nil {
			price = c.Before.Price // of the oldest at last
		}
	}
	var list []pricedFor
	end := func(to time.Time) {
		if low, high := bounds(price); low != "" && !from.IsZero() {
			list = append(list, pricedFor{name, it.ID, it.Title, low, high, price.Currency, from, to})
		}
	}
	for _, c := range slices.Backward(changes) {
		switch c.Kind {
		case tracker.Removed:
			end(c.Scan)
			from = time.Time{}
		case tracker.Relisted:
			from = c.Scan
		case tracker.Repriced:
			if from.Before(c.Scan) {
				end(c.Scan)
			}
			price, from = c.Product.Price, c.Scan
		}
	}
	end(time.Time{})
	return list
}

func (x *exporter) priceRows(ctx context.Context) iter.Seq2[[]string, error] {
	return func(yield func([]string, error) bool) {
		x.prices(ctx, func(p pricedFor, err error) bool {
			if err != nil {
				return yield(nil, err)
			}
			return yield([]string{string(p.Storefront), report.Cell(string(p.ID)), report.Cell(p.Title), p.Currency, p.Price, p.High, x.stamp(p.From), x.stamp(p.To)}, nil)
		})
	}
}

// json writes what is asked for as lines of JSON.
func (x *exporter) json(ctx context.Context, a *app, what string) error {
	var failed error
	note := func(v any, err error) bool {
		if err == nil {
			err = a.print(v)
		}
		failed = err
		return err == nil
	}
	switch what {
	case "products":
		x.items(ctx, func(name tracker.StorefrontName, it tracker.Item, err error) bool { return note(it, err) })
	case "prices":
		x.prices(ctx, func(p pricedFor, err error) bool { return note(p, err) })
	default:
		for ch, err := range x.client.Changes(ctx, x.filter) {
			if !note(ch, err) {
				break
			}
		}
	}
	return failed
}

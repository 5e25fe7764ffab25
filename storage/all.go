package storage

import (
	"context"
	"fmt"
	"iter"

	"shopwatch/tracker"
)

// movePage is how many entries are read at a time.
const movePage = 500

// AllStamps reads all stamps, oldest first.
func AllStamps(ctx context.Context, s Stamps) iter.Seq2[Stamp, error] {
	return func(yield func(Stamp, error) bool) {
		for q := (StampQuery{Limit: movePage}); ; {
			page, err := s.Stamps(ctx, q)
			if err != nil {
				yield(Stamp{}, err)
				return
			}
			full := len(page) == q.Limit
			if full {
				// The next page begins with the last length, whole.
				last := page[len(page)-1].Size
				whole := page
				for len(whole) > 0 && whole[len(whole)-1].Size == last {
					whole = whole[:len(whole)-1]
				}
				if len(whole) == 0 {
					q.Limit *= 2
					continue
				}
				page, q.From = whole, last
			}
			for i := range page {
				if !yield(page[i], nil) {
					return
				}
			}
			if !full {
				return
			}
		}
	}
}

// products reads a whole catalog, with absences and without changes.
func products(ctx context.Context, s Store, name tracker.StorefrontName) iter.Seq2[ShelfRow, error] {
	return all(movePage, func(last *ShelfRow) ([]ShelfRow, error) {
		var after tracker.ProductID
		if last != nil {
			after = last.ID
		}
		items, err := s.Products(ctx, name, after, movePage)
		if err != nil {
			return nil, err
		}
		rows := make([]ShelfRow, len(items))
		for i := range items {
			shelf, err := s.Shelf(ctx, ShelfQuery{Storefront: name, ID: items[i].ID})
			if err == nil && len(shelf.Rows) != 1 {
				err = fmt.Errorf("product %s of %s is in the catalog and not on its shelf", items[i].ID, name)
			}
			if err != nil {
				return nil, err
			}
			rows[i] = ShelfRow{Item: items[i], Absences: shelf.Rows[0].Absences}
		}
		return rows, nil
	})
}

// scans reads all scans of a storefront, newest first.
func scans(ctx context.Context, s Store, name tracker.StorefrontName) iter.Seq2[tracker.Scan, error] {
	return all(movePage, func(last *tracker.Scan) ([]tracker.Scan, error) {
		q := ScanQuery{Storefront: name, Limit: movePage}
		if last != nil {
			q.Before = ScanPlace{Began: last.Began, Storefront: last.Storefront}
		}
		return s.Scans(ctx, q)
	})
}

// changes reads the whole log.
func changes(ctx context.Context, s Store) iter.Seq2[tracker.Change, error] {
	return all(movePage, func(last *tracker.Change) ([]tracker.Change, error) {
		q := Query{Limit: movePage}
		if last != nil {
			q.After = last.Seq
		}
		return s.Changes(ctx, q)
	})
}

// pagesOf gathers what is read one by one. An error ends it.
func pagesOf[T any](each iter.Seq2[T, error]) iter.Seq2[[]T, error] {
	return func(yield func([]T, error) bool) {
		var page []T
		for v, err := range each {
			if err != nil {
				yield(nil, err)
				return
			}
			if page = append(page, v); len(page) == movePage {
				if !yield(page, nil) {
					return
				}
				page = nil
			}
		}
		if len(page) > 0 {
			yield(page, nil)
		}
	}
}

// AllReports reads all reports that a query selects, part by part. An error
// ends them.
func AllReports(ctx context.Context, o Outbox, q ReportQuery) iter.Seq2[tracker.Report, error] {
	return all(PageSize(q.Limit), func(last *tracker.Report) ([]tracker.Report, error) {
		switch {
		case last == nil:
		case q.Newest:
			q.Before = last.ID
		default:
			q.After = last.ID
		}
		return o.Reports(ctx, q)
	})
}

// AllSuspects reads all suspects of a storefront, part by part. An error ends
// them.
func AllSuspects(ctx context.Context, c Catalogs, name tracker.StorefrontName) iter.Seq2[tracker.Item, error] {
	const limit = 1000
	return all(limit, func(last *tracker.Item) ([]tracker.Item, error) {
		var after tracker.ProductID
		if last != nil {
			after = last.ID
		}
		return c.Suspects(ctx, name, after, limit)
	})
}

// all reads a list to its end. read returns the entries behind the last one
// that was read, nil at first.
func all[T any](limit int, read func(last *T) ([]T, error)) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for last := (*T)(nil); ; {
			page, err := read(last)
			if err != nil {
				var none T
				yield(none, err)
				return
			}
			for i := range page {
				if !yield(page[i], nil) {
					return
				}
			}
			if len(page) < limit {
				return
			}
			last = &page[len(page)-1]
		}
	}
}

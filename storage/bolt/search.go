package bolt

import (
	"bytes"
	"slices"
	"strings"

	"shopwatch/storage"
	"shopwatch/tracker"
)

// noteChange takes a change into the indexes of marked changes and of titles.
func (t tx) noteChange(c *tracker.Change) error {
	if c.Important != "" {
		b := t.in(inImportant)
		b.FillPercent = appended
		if err := b.put(number(c.Seq), headOf(c)); err != nil {
			return err
		}
	}
	if c.Product == nil {
		return nil
	}
	b, err := t.make(inTitles, c.Storefront)
	if err != nil {
		return err
	}
	known, err := b.get([]byte(c.Product.ID))
	if err != nil {
		return err
	}
	text := string(known)
	add := func(title string) {
		title = strings.ReplaceAll(storage.Fold(title), "\n", " ")
		for line := range strings.SplitSeq(text, "\n") {
			if line == title {
				return
			}
		}
		text = strings.TrimPrefix(text+"\n"+title, "\n")
	}
	add(c.Product.Title)
	if c.Before != nil {
		add(c.Before.Title)
	}
	if text == string(known) {
		return nil
	}
	return b.put([]byte(c.Product.ID), []byte(text))
}

// search is find for a query with a text: few products are looked up one by one,
// for many the log is walked.
func (t tx) search(q storage.Query, take func(seq uint64) (bool, error)) error {
	const few = 500
	names := []tracker.StorefrontName{q.Storefront}
	if q.Storefront == "" {
		names = t.names(inTitles)
	}
	text := []byte(storage.Fold(q.Text))
	var seqs []uint64
	found := 0
	for _, name := range names {
		b := t.of(inTitles, name)
		cur := b.cursor()
		if cur == nil {
			continue
		}
		for k, v := cur.First(); k != nil; k, v = cur.Next() {
			if !bytes.Contains(v, text) && !bytes.Contains(bytes.ToLower(k), text) {
				continue
			}
			if found++; found > few {
				return t.find(q, take)
			}
			for seq, err := range t.numbers(name, tracker.ProductID(k), q.After) {
				if err != nil {
					return err
				}
				if q.Before == 0 || seq < q.Before {
					seqs = append(seqs, seq)
				}
			}
		}
	}
	slices.Sort(seqs)
	if q.Newest {
		slices.Reverse(seqs)
	}
	n := 0
	for _, seq := range seqs {
		if n == storage.PageSize(q.Limit) {
			return nil
		}
		c, err := t.change(seq)
		if err != nil {
			return err
		}
		if !q.Since.IsZero() && c.At.Before(q.Since) || !q.Until.IsZero() && !c.At.Before(q.Until) ||
			len(q.Kinds) > 0 && !slices.Contains(q.Kinds, c.Kind) {
			continue
		}
		taken, err := take(seq)
		if err != nil {
			return err
		}
		if taken {
			n++
		}
	}
	return nil
}

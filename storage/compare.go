package storage

import (
	"context"
	"fmt"
	"iter"
	"math/bits"
	"reflect"
)

// Compare returns in what two stores differ: in what is known of storefronts, in
// catalogs, scans, the change log, channels, reports, or the evidence that
// changes name.
func Compare(ctx context.Context, a, b Store) error {
	first, err := a.Storefronts(ctx)
	if err != nil {
		return err
	}
	second, err := b.Storefronts(ctx)
	if err != nil {
		return err
	}
	if !reflect.DeepEqual(first, second) {
		return fmt.Errorf("storefronts differ")
	}
	for _, sf := range first {
		if err := same("products of "+string(sf.Name), products(ctx, a, sf.Name), products(ctx, b, sf.Name)); err != nil {
			return err
		}
		if err := same("scans of "+string(sf.Name), scans(ctx, a, sf.Name), scans(ctx, b, sf.Name)); err != nil {
			return err
		}
	}
	if err := same("changes", changes(ctx, a), changes(ctx, b)); err != nil {
		return err
	}
	q := ReportQuery{Limit: movePage}
	if err := same("reports", AllReports(ctx, a, q), AllReports(ctx, b, q)); err != nil {
		return err
	}
	if err := sameLists(ctx, "channels", a.Channels, b.Channels); err != nil {
		return err
	}
	if err := same("stamps", AllStamps(ctx, a), AllStamps(ctx, b)); err != nil {
		return err
	}
	is := func(s Store) func(context.Context) (Identity, error) {
		return func(ctx context.Context) (Identity, error) { return identity(ctx, s) }
	}
	if err := sameLists(ctx, "names of the database", is(a), is(b)); err != nil {
		return err
	}
	if err := same("hashes of changes", leaves(ctx, a), leaves(ctx, b)); err != nil {
		return err
	}
	return sameEvidence(ctx, a, b)
}

// same compares two lists, which are read part by part.
func same[T any](what string, a, b iter.Seq2[T, error]) error {
	next, stop := iter.Pull2(b)
	defer stop()
	n := 0
	for v, err := range a {
		n++
		w, err2, ok := next()
		switch {
		case err != nil:
			return err
		case err2 != nil:
			return err2
		case !ok || !reflect.DeepEqual(v, w):
			return fmt.Errorf("%s differ at number %d", what, n)
		}
	}
	_, err, more := next()
	if err == nil && more {
		err = fmt.Errorf("%s differ: there are more than %d", what, n)
	}
	return err
}

func sameLists[T any](ctx context.Context, what string, a, b func(context.Context) (T, error)) error {
	v, err := a(ctx)
	if err != nil {
		return err
	}
	w, err := b(ctx)
	if err != nil {
		return err
	}
	if !reflect.DeepEqual(v, w) {
		return fmt.Errorf("%s differ", what)
	}
	return nil
}

// sameEvidence compares the pictures of all changes.
func sameEvidence(ctx context.Context, a, b Store) error {
	for c, err := range changes(ctx, a) {
		if err != nil {
			return err
		}
		for _, name := range c.Files() {
			// A store reads no content that does not fit its name.
			_, found, damaged := a.Evidence(ctx, name)
			_, there, err := b.Evidence(ctx, name)
			if err == nil && found && damaged == nil && !there {
				err = fmt.Errorf("evidence %s is missing", name)
			}
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// leaves reads the hashes that the log's tree keeps of the changes. One that was
// altered has another than what is made of it.
func leaves(ctx context.Context, s Store) iter.Seq2[[32]byte, error] {
	return func(yield func([32]byte, error) bool) {
		tree, err := s.Tree(ctx)
		for seq := uint64(0); err == nil && seq < tree.Size; seq += movePage {
			var indexes []int64
			for i := seq; i < min(seq+movePage, tree.Size); i++ {
				indexes = append(indexes, 2*int64(i)-int64(bits.OnesCount64(i)))
			}
			var hashes [][32]byte
			hashes, err = s.TreeHashes(ctx, indexes)
			for _, h := range hashes {
				if !yield(h, nil) {
					return
				}
			}
		}
		if err != nil {
			yield([32]byte{}, err)
		}
	}
}

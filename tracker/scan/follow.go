package scan

import (
	"context"
	"errors"
	"fmt"
	"time"

	"shopwatch/tracker"
	"shopwatch/tracker/archive"
	"shopwatch/tracker/market"
)

// follow looks after what the scan would change: it probes the item pages of
// missing products, so that a removal is proven in the same scan, and of those that
// are back, and looks at the pictures of those that changed.
func (r *reading) follow(ctx context.Context) error {
	if r.opts.Preview == nil {
		return nil
	}
	r.scan.Took = time.Since(r.began)
	out, err := r.opts.Preview(r.scan, r.rules)
	if err != nil {
		return fmt.Errorf("compare with the catalog: %w", err)
	}
	err = r.probe(ctx, out.Looks())
	r.pictures(ctx, out)
	if err != nil {
		return err
	}
	return r.cards(ctx, out)
}

// probe opens the item pages of products, the most urgent first. At the first wall
// it stops: the rest could not be read either.
func (r *reading) probe(ctx context.Context, items []tracker.Item) error {
	if len(items) > r.rules.Probes {
		items = items[:max(r.rules.Probes, 0)]
	}
	for i, it := range items {
		p, wall, err := r.judgeItem(ctx, it)
		if ctx.Err() != nil {
			return fmt.Errorf("interrupted: %w", ctx.Err())
		}
		if err != nil {
			p.Reason = err.Error()
		}
		r.scan.Probes = append(r.scan.Probes, p)
		r.items = append(r.items, archive.Item{Product: it.Product, Probe: p})
		r.scan.Evidence.Probed++
		r.done.Probed++
		if r.tell != nil {
			r.tell(r.done)
		}
		if wall == "" {
			continue
		}
		r.scan.Evidence.Wall = wall
		for _, rest := range items[i+1:] {
			r.scan.Probes = append(r.scan.Probes, tracker.Probe{
				Product: rest.ID, State: tracker.PageUnknown, At: p.At, URL: rest.URL,
				Reason: "not opened: " + p.Reason + " on the page before",
			})
		}
		return errors.New("item pages: " + p.Reason)
	}
	return nil
}

// judgeItem opens one item page. A wall that it meets is returned as the
// verdict that the wall stands for.
func (r *reading) judgeItem(ctx context.Context, it tracker.Item) (tracker.Probe, tracker.Verdict, error) {
	p := tracker.Probe{Product: it.ID, State: tracker.PageUnknown, At: r.now(), URL: it.URL}
	req := r.storefront.ItemPage(&it.Product)
	p.URL = req.URL
	if r.answers = nil; r.opts.Archive != nil {
		r.item = new(archive.Capture)
		defer func() { r.item, r.shot, r.hidden = nil, nil, nil }()
	}
	a, f, err := r.findItem(ctx, req)
	if err != nil {
		return p, "", err
	}
	p.At, p.URL, p.State, p.Reason, p.Says = r.now(), a.URL, f.State, f.Reason, f.Says
	proves := f.State == tracker.PageGone || f.State == tracker.PageOffshelf
	if proves && r.opts.Keep != nil {
		if p.Picture, p.Detail, err = r.keepPage(ctx, &f); err != nil {
			r.scan.Evidence.Warnings = append(r.scan.Evidence.Warnings, fmt.Sprintf("no picture of the page of %s: %v", it.ID, err))
		}
	}
	if proves && r.item != nil {
		r.keepItem(ctx, &it.Product, &p)
	}
	if f.Wall != nil {
		return p, f.Wall.Verdict, nil
	}
	return p, "", nil
}

// mostLooks is how many answers are asked for to judge one product.
const mostLooks = 6

// findItem asks for the page of a product and whatever else is needed to judge
// it, and returns the last answer with what it says.
func (r *reading) findItem(ctx context.Context, req market.Request) (*market.Answer, market.ItemFinding, error) {
	for looks := 1; ; looks++ {
		a, err := r.bring(ctx, req)
		if err != nil {
			return nil, market.ItemFinding{}, err
		}
		f := r.storefront.ReadItem(a)
		if f.More == nil {
			return a, f, nil
		}
		if r.item != nil && r.all == nil {
			r.gather(ctx, r.item) // before another page takes its place
		}
		if looks == mostLooks {
			return a, market.ItemFinding{State: tracker.PageUnknown, Reason: "its pages lead on and on"}, nil
		}
		req = *f.More
	}
}

// bring brings one page, whatever it takes: its turn, what robots.txt asks, and a
// reader that is fit to go on.
func (r *reading) bring(ctx context.Context, req market.Request) (*market.Answer, error) {
	for {
		if err := r.ask(ctx, req.URL); err != nil {
			return nil, err
		}
		a, err := r.readOnce(ctx, req)
		again, err := r.askFirst(ctx, err)
		if !again && !r.again(err) {
			return a, err
		}
	}
}

// readOnce asks for a page within the time for one.
func (r *reading) readOnce(ctx context.Context, req market.Request) (*market.Answer, error) {
	within, cancel := context.WithTimeout(ctx, r.opts.PageTimeout)
	defer cancel()
	a, err := r.reader.Read(within, req)
	if err != nil {
		return nil, r.failed(err)
	}
	r.noteAnswer(ctx, a)
	return a, nil
}

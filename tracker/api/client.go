package api

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"shopwatch/storage/merkle"
	"shopwatch/tracker"
)

// A Client asks a server. The zero value asks nobody: use Dial or Local.
type Client struct{ http *http.Client }

// Dial returns a client of the daemon that works in a data directory, whether
// or not there is one: see Healthy. Nothing is sent to a process of another
// user that listens in its place.
func Dial(data string) *Client {
	t := &http.Transport{
		ResponseHeaderTimeout: 2 * time.Minute, DisableCompression: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) { return dialSocket(ctx, data) },
	}
	return &Client{&http.Client{Transport: t}}
}

// Local returns a client of a server in this process.
func Local(s *Server) *Client { return &Client{&http.Client{Transport: direct{s.local}}} }

// Close ends connections that are kept for the next request.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Healthy reports whether the server answers.
func (c *Client) Healthy(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	resp, err := c.send(ctx, http.MethodGet, "/healthz", nil)
	return err == nil && resp.Body.Close() == nil
}

// Storefronts are all that are watched or were once.
func (c *Client) Storefronts(ctx context.Context) ([]Storefront, error) {
	var list []Storefront
	return list, c.get(ctx, "/api/storefronts", nil, &list)
}

// Products walks through the catalog of a storefront.
func (c *Client) Products(ctx context.Context, name tracker.StorefrontName) iter.Seq2[tracker.Item, error] {
	return c.walk(ctx, name, false)
}

// walk is Products, on demand with the hashes of pictures.
func (c *Client) walk(ctx context.Context, name tracker.StorefrontName, hashes bool) iter.Seq2[tracker.Item, error] {
	return func(yield func(tracker.Item, error) bool) {
		q := url.Values{"limit": {"1000"}}
		if hashes {
			q.Set("image_hashes", "true")
		}
		for {
			var p Products
			if err := c.get(ctx, "/api/storefronts/"+url.PathEscape(string(name))+"/products", q, &p); err != nil {
				yield(tracker.Item{}, err)
				return
			}
			for _, it := range p.Products {
				it.ImageHash = p.ImageHashes[it.ID]
				if !yield(it, nil) {
					return
				}
			}
			if p.Next == "" {
				return
			}
			q.Set("after", string(p.Next))
		}
	}
}

// Groups are the configured groups of products, or the one of a name.
func (c *Client) Groups(ctx context.Context, name string) ([]Group, error) {
	var g Groups
	err := c.get(ctx, "/api/groups", filter("name", name), &g)
	return g.Groups, err
}

// Offers are the products of all storefronts that are watched, with the hashes of
// their pictures, for tracker.SuggestGroups.
func (c *Client) Offers(ctx context.Context) ([]tracker.Offer, error) {
	list, err := c.Storefronts(ctx)
	if err != nil {
		return nil, err
	}
	var offers []tracker.Offer
	for i := range list {
		if !list[i].Watched {
			continue
		}
		for it, err := range c.walk(ctx, list[i].Name, true) {
			if err != nil {
				return nil, err
			}
			if it.Listed() {
				offers = append(offers, tracker.Offer{Storefront: list[i].Name, Item: it})
			}
		}
	}
	return offers, nil
}

// Suspects are the missing products of a storefront, of all when name is empty.
func (c *Client) Suspects(ctx context.Context, name tracker.StorefrontName) ([]Suspect, error) {
	var s Suspects
	err := c.get(ctx, "/api/suspects", filter("storefront", string(name)), &s)
	return s.Suspects, err
}

// A Filter selects changes or scans. The zero value selects all.
type Filter struct {
	Storefront tracker.StorefrontName
	Kinds      []tracker.Kind // of changes
	Since      time.Time
	Until      time.Time // of changes: before then
	Text       string    // of changes: part of a title or an id
	Important  bool      // of changes: only those that are watched for
	Limit      int       // at most, the newest; 0 for all
}

func (f Filter) values() url.Values {
	q := filter("storefront", string(f.Storefront))
	for _, k := range f.Kinds {
		q.Set("kind", q.Get("kind")+","+string(k))
	}
	if k := q.Get("kind"); k != "" {
		q.Set("kind", k[1:])
	}
	if !f.Since.IsZero() {
		q.Set("since", f.Since.UTC().Format(time.RFC3339Nano))
	}
	if !f.Until.IsZero() {
		q.Set("until", f.Until.UTC().Format(time.RFC3339Nano))
	}
	if f.Text != "" {
		q.Set("text", f.Text)
	}
	if f.Important {
		q.Set("important", "true")
	}
	q.Set("limit", "1000")
	if f.Limit > 0 {
		q.Set("limit", strconv.Itoa(min(f.Limit, 1000)))
	}
	return q
}

func filter(key, value string) url.Values {
	q := url.Values{}
	if value != "" {
		q.Set(key, value)
	}
	return q
}

// Changes walks through the change log from the newest down.
func (c *Client) Changes(ctx context.Context, f Filter) iter.Seq2[tracker.Change, error] {
	return func(yield func(tracker.Change, error) bool) {
		q := f.values()
		q.Set("newest", "true")
		for n := 0; ; {
			var part Changes
			if err := c.get(ctx, "/api/changes", q, &part); err != nil {
				yield(tracker.Change{}, err)
				return
			}
			for _, ch := range part.Changes {
				if n++; f.Limit > 0 && n > f.Limit || !yield(ch, nil) {
					return
				}
			}
			if part.Next == 0 {
				return
			}
			q.Set("before", strconv.FormatUint(part.Next, 10))
		}
	}
}

// Scans walks through the scans from the newest down.
func (c *Client) Scans(ctx context.Context, f Filter) iter.Seq2[tracker.Scan, error] {
	return func(yield func(tracker.Scan, error) bool) {
		q := f.values()
		for n := 0; ; {
			var part Scans
			if err := c.get(ctx, "/api/scans", q, &part); err != nil {
				yield(tracker.Scan{}, err)
				return
			}
			for _, s := range part.Scans {
				if n++; f.Limit > 0 && n > f.Limit || !yield(s, nil) {
					return
				}
			}
			if part.Next.IsZero() {
				return
			}
			q.Set("before", part.Next.UTC().Format(time.RFC3339Nano))
		}
	}
}

// Why tells the story of a change.
func (c *Client) Why(ctx context.Context, seq uint64) (Story, error) {
	var s Story
	return s, c.get(ctx, "/api/changes/"+strconv.FormatUint(seq, 10), nil, &s)
}

// Proof returns what shows others that a change is in the log.
func (c *Client) Proof(ctx context.Context, seq uint64) (merkle.Witness, error) {
	var w merkle.Witness
	return w, c.get(ctx, "/api/changes/"+strconv.FormatUint(seq, 10)+"/proof", nil, &w)
}

// Checkpoint returns the signed state of the log as it is now.
func (c *Client) Checkpoint(ctx context.Context) (Checkpoint, error) {
	var mark Checkpoint
	return mark, c.get(ctx, "/api/checkpoint", nil, &mark)
}

// Dispute says that a change is wrong, and returns its correction.
func (c *Client) Dispute(ctx context.Context, seq uint64, reason string) (tracker.Change, error) {
	var fixed tracker.Change
	resp, err := c.post(ctx, "/api/changes/"+strconv.FormatUint(seq, 10)+"/dispute", map[string]string{"reason": reason})
	if err != nil {
		return fixed, err
	}
	defer resp.Body.Close()
	return fixed, json.NewDecoder(resp.Body).Decode(&fixed)
}

// Evidence writes the file behind an address of a Story to w.
func (c *Client) Evidence(ctx context.Context, address string, w io.Writer) error {
	resp, err := c.send(ctx, http.MethodGet, address, nil)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	_, err = io.Copy(w, resp.Body)
	return err
}

// Undelivered are the reports with deliveries that wait, the oldest first.
func (c *Client) Undelivered(ctx context.Context) ([]tracker.Report, error) {
	var r Reports
	err := c.get(ctx, "/api/reports", url.Values{"undelivered": {"true"}}, &r)
	return r.Reports, err
}

// Dead are the reports of the last 30 days with deliveries that were refused for
// good or given up, the oldest first.
func (c *Client) Dead(ctx context.Context) ([]tracker.Report, error) {
	var r Reports
	err := c.get(ctx, "/api/reports", url.Values{"dead": {"true"}}, &r)
	return r.Reports, err
}

// Reports are the newest reports of a channel, of all when it is empty.
func (c *Client) Reports(ctx context.Context, channel string, limit int) ([]tracker.Report, error) {
	q := filter("channel", channel)
	q.Set("limit", strconv.Itoa(limit))
	var r Reports
	err := c.get(ctx, "/api/reports", q, &r)
	return r.Reports, err
}

// Preview puts a report of a channel into words: of change seq, with last the
// last one that was made, else what comes next.
func (c *Client) Preview(ctx context.Context, channel string, seq uint64, last bool) (Preview, error) {
	var p Preview
	q := url.Values{"seq": {strconv.FormatUint(seq, 10)}, "last": {strconv.FormatBool(last)}}
	return p, c.get(ctx, "/api/channels/"+url.PathEscape(channel)+"/preview", q, &p)
}

// Test sends a sample to the recipients of a channel and returns what the
// receiving side said.
func (c *Client) Test(ctx context.Context, channel string) (answer string, err error) {
	var t Tested
	err = c.change(ctx, "/api/channels/"+url.PathEscape(channel)+"/test", &t)
	return t.Answer, err
}

// Unsubscribed are the recipients of a channel, of all when it is empty, that
// want nothing more.
func (c *Client) Unsubscribed(ctx context.Context, channel string) ([]Recipient, error) {
	var u Unsubscribed
	err := c.get(ctx, "/api/unsubscribed", filter("channel", channel), &u)
	return u.Recipients, err
}

// Retry has deliveries tried again now: those of a report, with 0 all that wait.
func (c *Client) Retry(ctx context.Context, report uint64) (deliveries int, err error) {
	var r Retried
	err = c.change(ctx, "/api/retry?report="+strconv.FormatUint(report, 10), &r)
	return r.Deliveries, err
}

// Scan scans storefronts now, all that are watched when none is named, one
// after another. What becomes of each is told as soon as it is known: a result
// or an error. The error returned is one of the conversation itself.
func (c *Client) Scan(ctx context.Context, names []tracker.StorefrontName, how HowToScan, progress func(tracker.Progress), done func(*Result, error)) error {
	resp, err := c.post(ctx, "/api/scans", map[string]any{"storefronts": names, "dry_run": how.DryRun, "capture": how.Capture})
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	dec := json.NewDecoder(resp.Body)
	for {
		var l line
		err := dec.Decode(&l)
		switch {
		case errors.Is(err, io.EOF) && ctx.Err() == nil:
			return nil
		case ctx.Err() != nil:
			return errors.New("interrupted; the scan under way was not kept")
		case err != nil:
			return fmt.Errorf("the daemon ended while it scanned: %w", err)
		case l.Progress != nil:
			progress(*l.Progress)
		case l.Result != nil:
			done(l.Result, nil)
		case l.Error != "":
			done(nil, errors.New(l.Error))
		}
	}
}

// Backup writes a verified copy of the database to w.
func (c *Client) Backup(ctx context.Context, w io.Writer) error {
	resp, err := c.post(ctx, "/api/backup", nil)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	h := sha256.New()
	if _, err := io.Copy(io.MultiWriter(w, h), resp.Body); err != nil {
		return fmt.Errorf("receive the backup: %w", err)
	}
	if got, want := hex.EncodeToString(h.Sum(nil)), resp.Trailer.Get(hashTrailer); got != want {
		return errors.New("the backup arrived damaged or cut short; try again")
	}
	return nil
}

// Check verifies the database and the evidence beside it.
func (c *Client) Check(ctx context.Context) (Check, error) {
	var r Check
	return r, c.change(ctx, "/api/check", &r)
}

// Compact gives free space in the database file back.
func (c *Client) Compact(ctx context.Context) (Space, error) {
	var s Space
	return s, c.change(ctx, "/api/compact", &s)
}

func (c *Client) get(ctx context.Context, path string, q url.Values, v any) error {
	if len(q) > 0 {
		path += "?" + q.Encode()
	}
	resp, err := c.send(ctx, http.MethodGet, path, nil)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	return json.NewDecoder(resp.Body).Decode(v)
}

// change posts nothing but the address and reads the answer.
func (c *Client) change(ctx context.Context, path string, v any) error {
	resp, err := c.post(ctx, path, nil)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	return json.NewDecoder(resp.Body).Decode(v)
}

func (c *Client) post(ctx context.Context, path string, v any) (*http.Response, error) {
	if v == nil {
		return c.send(ctx, http.MethodPost, path, nil)
	}
	b, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	return c.send(ctx, http.MethodPost, path, b)
}

func (c *Client) send(ctx context.Context, method, path string, b []byte) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, method, "http://localhost"+path, bytes.NewReader(b))
	if err != nil {
		return nil, err
	}
	if b != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, fmt.Errorf("ask the daemon: %w", err)
	}
	if resp.StatusCode < 300 {
		return resp, nil
	}
	defer resp.Body.Close()
	return nil, explain(resp)
}

// explain makes an error of an answer that is one.
func explain(resp *http.Response) error {
	var p struct{ Detail string }
	text, _ := io.ReadAll(io.LimitReader(resp.Body, 64<<10))
	if json.Unmarshal(text, &p) != nil || p.Detail == "" {
		return fmt.Errorf("the daemon answered %s", resp.Status)
	}
	return errors.New(p.Detail)
}

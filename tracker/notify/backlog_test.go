package notify_test

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"shopwatch/storage"
	"shopwatch/storage/bolt"
	"shopwatch/tracker"
	"shopwatch/tracker/notify"
)

// stretch commits scans one after another with so many changes each.
func stretch(t testing.TB, db *bolt.DB, changes ...int) {
	t.Helper()
	list := []tracker.Product{product("1")}
	commit(t, db, "tencent", nine, list...)
	for i, n := range changes {
		list[0].Price.Low++
		for range n - 1 {
			list = append(list, product(fmt.Sprint(len(list)+1)))
		}
		commit(t, db, "tencent", nine.Add(time.Duration(i+1)*time.Minute), list...)
	}
}

// writes is how many transactions have written to a database.
func writes(t testing.TB, db *bolt.DB) int {
	t.Helper()
	from, err := os.Open(db.Path())
	if err != nil {
		t.Fatal(err)
	}
	defer from.Close()
	path := filepath.Join(t.TempDir(), "copy.db")
	to, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(to, from); err != nil {
		t.Fatal(err)
	}
	to.Close()
	b, err := bbolt.Open(path, 0o600, &bbolt.Options{ReadOnly: true, Timeout: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	n := 0
	if err := b.View(func(tx *bbolt.Tx) error { n = tx.ID(); return nil }); err != nil {
		t.Fatal(err)
	}
	return n
}

// reported are the numbers of changes in each report of a channel.
func reported(t testing.TB, db *bolt.DB) (sizes []int) {
	t.Helper()
	var seqs []uint64
	for _, r := range allReports(t, db) {
		seqs = append(seqs, r.Changes...)
		sizes = append(sizes, len(r.Changes))
	}
	for i, seq := range seqs {
		if seq != uint64(i+1) {
			t.Fatalf("change %d is told where change %d should be", seq, i+1)
		}
	}
	return sizes
}

// TestReportsOfABacklog: however many scans there were while nobody looked, and
// however great one was, each makes one report.
func TestReportsOfABacklog(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a while, and one goroutine does it")
	}
	t.Parallel()
	many := slices.Repeat([]int{1}, 1100)
	tests := []struct {
		name    string
		channel notify.Channel
		scans   []int // changes of each
		want    []int // changes of each report
		writes  int   // at most, beside those of deliveries
	}{
		{"small ones", notify.Channel{}, []int{1, 2, 3}, []int{1, 2, 3}, 1},
		{"one that is only half in what is read at once", notify.Channel{}, []int{600, 600, 1}, []int{600, 600, 1}, 2},
		{"one that ends where that ends", notify.Channel{}, []int{999, 1, 1}, []int{999, 1, 1}, 2},
		{"a great one among small ones", notify.Channel{}, []int{1, 2500, 1}, []int{1, 2500, 1}, 3},
		{"very many", notify.Channel{}, many, many, 2},
		{"a digest of very many", notify.Channel{Digest: daily(0)}, many, []int{1100}, 1},
		{"more than a report can cover", notify.Channel{}, []int{10_500}, []int{10_000, 500}, 2},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			db := fresh(t)
			tt.channel.Name, tt.channel.Sender = "analysts", nobody{}
			n := notifier(t, db, quietLog(), tt.channel)
			stretch(t, db, tt.scans...)
			before := writes(t, db)
			if err := n.Flush(t.Context()); err != nil {
				t.Fatal(err)
			}
			if got := writes(t, db) - before; got > tt.writes {
				t.Errorf("%d transactions, want %d", got, tt.writes)
			}
			if got := reported(t, db); !slices.Equal(got, tt.want) {
				t.Errorf("reports have %v changes, want %v", got, tt.want)
			}
		})
	}
}

// A nobody is a sender without recipients.
type nobody struct{}

func (nobody) Recipients() []string                                  { return nil }
func (nobody) Send(context.Context, *notify.Message) (string, error) { return "", nil }

// TestCorrectionOfWhatWaits: a channel is told of a correction also when the
// wrong change waits with it, and whatever its filter.
func TestCorrectionOfWhatWaits(t *testing.T) {
	db := fresh(t)
	book := &notebook{}
	n := notifier(t, db, quietLog(), notify.Channel{Name: "analysts", Sender: book, Filter: notify.Filter{Kinds: []tracker.Kind{tracker.Added}}})
	two(t, db)
	price := product("2")
	price.Price.Low += 100
	commit(t, db, "tencent", nine.Add(2*time.Hour), product("1"), price)
	for seq := range uint64(2) {
		if _, err := db.Dispute(ctx, seq+1, "a misprint", nine.Add(3*time.Hour)); err != nil {
			t.Fatal(err)
		}
	}
	flushUntil(t, n, db)
	var got [][]uint64
	for _, r := range allReports(t, db) {
		got = append(got, r.Changes)
	}
	if want := [][]uint64{{1}, {3}}; !slices.EqualFunc(got, want, slices.Equal[[]uint64]) {
		t.Errorf("reports tell %v, want %v: the new product, and its correction alone", got, want)
	}
}

// TestTheEndIsHeardAmongManyReports: a daemon that is told to end while it
// divides a long log ends, and the next one goes on.
func TestTheEndIsHeardAmongManyReports(t *testing.T) {
	db := fresh(t)
	ctx, end := context.WithCancel(t.Context())
	c := notify.Channel{Name: "analysts", Sender: nobody{}}
	c.Filter.Watched = func(*tracker.Product) bool {
		end()
		return true
	}
	n := notifier(t, db, quietLog(), c)
	stretch(t, db, slices.Repeat([]int{1}, 1500)...)
	if err := n.Flush(ctx); err == nil {
		t.Error("Flush said nothing of its end")
	}
	if got := len(allReports(t, db)); got >= 1500 {
		t.Errorf("%d reports, want none after the portion in which the end came", got)
	}
	n = notifier(t, db, quietLog(), notify.Channel{Name: "analysts", Sender: nobody{}})
	if err := n.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := len(reported(t, db)); got != 1500 {
		t.Errorf("%d reports, want 1,500", got)
	}
}

// A stuck sender is in the middle of a delivery until it is let go.
type stuck struct {
	notebook
	began chan struct{} // of capacity 1
	letGo chan struct{}
	once  sync.Once
}

func (s *stuck) Send(ctx context.Context, l *notify.Message) (string, error) {
	s.once.Do(func() {
		s.began <- struct{}{}
		<-s.letGo
	})
	return s.notebook.Send(ctx, l)
}

// TestRetryWaitsForNobody: also when the channel is in the middle of a delivery,
// and for many reports it takes few transactions. The deliveries follow.
func TestRetryWaitsForNobody(t *testing.T) {
	const reports = 1200
	db := fresh(t)
	snd := &stuck{began: make(chan struct{}, 1), letGo: make(chan struct{})}
	snd.fail = func() error { return fmt.Errorf("not now") }
	n, err := notify.New(ctx, db, notify.Options{
		Channels:   []notify.Channel{{Name: "analysts", Sender: snd}},
		RetryFirst: time.Hour, RetryMost: time.Hour,
	}, quietLog())
	if err != nil {
		t.Fatal(err)
	}
	stretch(t, db, slices.Repeat([]int{1}, reports)...)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- n.Run(ctx) }()
	letGo := sync.OnceFunc(func() { close(snd.letGo) })
	defer func() {
		letGo()
		stop()
		<-ended
	}()
	<-snd.began
	before := writes(t, db)
	answered := make(chan int, 2)
	go func() {
		all, err1 := n.RetryAll(ctx)
		one, err2 := n.Retry(ctx, 1)
		if err1 != nil || err2 != nil {
			t.Error(err1, err2)
		}
		answered <- all
		answered <- one
	}()
	select {
	case all := <-answered:
		if one := <-answered; all != reports || one != 1 {
			t.Errorf("%d deliveries and then %d are tried again, want %d and 1", all, one, reports)
		}
	case <-time.After(20 * time.Second):
		t.Fatal("no answer while a delivery is on its way")
	}
	if got := writes(t, db) - before; got > 3 {
		t.Errorf("%d transactions, want 3 at most", got)
	}
	snd.mu.Lock()
	snd.fail = nil
	snd.mu.Unlock()
	letGo()
	for end := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
		if left, err := db.Reports(ctx, storage.ReportQuery{With: tracker.Waiting}); err != nil || len(left) == 0 {
			break
		}
		if time.Now().After(end) {
			t.Fatal("the deliveries do not follow")
		}
	}
	snd.mu.Lock()
	defer snd.mu.Unlock()
	if got := len(snd.texts); got != reports {
		t.Errorf("%d deliveries, want %d", got, reports)
	}
}

// TestRetryAfterAFailure: a channel whose receiving side could not be reached is
// tried again at once.
func TestRetryAfterAFailure(t *testing.T) {
	db := fresh(t)
	book := &notebook{fail: func() error { return &notify.Unreachable{Err: fmt.Errorf("away")} }}
	n, err := notify.New(ctx, db, notify.Options{Channels: []notify.Channel{{Name: "analysts", Sender: book}}, RetryFirst: time.Hour, RetryMost: time.Hour}, quietLog())
	if err != nil {
		t.Fatal(err)
	}
	stretch(t, db, 1, 1, 1)
	for range 2 {
		if err := n.Flush(t.Context()); err == nil {
			t.Fatal("the deliveries got through")
		}
	}
	if l := allReports(t, db)[0].Deliveries[0]; l.Attempts != 1 {
		t.Errorf("%d attempts, want 1: it is left alone for an hour", l.Attempts)
	}
	book.mu.Lock()
	book.fail = nil
	book.mu.Unlock()
	if got, err := n.RetryAll(ctx); got != 3 || err != nil {
		t.Errorf("RetryAll = %d, %v, want 3 deliveries", got, err)
	}
	if err := n.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := len(book.texts); got != 3 {
		t.Errorf("%d deliveries, want 3", got)
	}
}

// TestWhereNobodyListens one delivery is tried, and not each of those that wait.
func TestWhereNobodyListens(t *testing.T) {
	const nobody = "127.0.0.1:1"
	for kind, s := range map[string]notify.Settings{
		"email":    {Server: "smtp://" + nobody, Plaintext: true, From: "shop@example.com", To: []string{"a@example.com"}},
		"webhook":  {URL: "http://" + nobody + "/hook"},
		"dingtalk": {URL: "http://" + nobody + "/robot/send?access_token=t0kent0ken"},
		"telegram": {URL: "telegram://110201543:AAHdqTcvCH1v@telegram?chats=@shop&api=http%3A%2F%2F" + nobody},
		"ntfy":     {URL: "ntfy://" + nobody + "/topic?disabletls=yes"},
	} {
		t.Run(kind, func(t *testing.T) {
			db := fresh(t)
			n := notifier(t, db, quietLog(), notify.Channel{Name: "analysts", Sender: sender(t, kind, s)})
			stretch(t, db, 1, 1, 1)
			err := n.Flush(t.Context())
			if err == nil || !strings.Contains(err.Error(), "connection refused") {
				t.Errorf("Flush = %v, want one that says that nobody listens", err)
			}
			tried := 0
			for _, r := range allReports(t, db) {
				tried += r.Deliveries[0].Attempts
				if r.Deliveries[0].Unsure {
					t.Errorf("report %d may have arrived, it is said", r.ID)
				}
			}
			if tried != 1 {
				t.Errorf("%d deliveries were tried, want one", tried)
			}
		})
	}
}

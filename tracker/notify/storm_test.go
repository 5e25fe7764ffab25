package notify_test

import (
	"bufio"
	"bytes"
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/jhillyerd/enmime/v2"
	"go.uber.org/goleak"

	"shopwatch/fixtures"
	"shopwatch/fixtures/deadline"
	"shopwatch/storage"
	"shopwatch/storage/bolt"
	"shopwatch/tracker"
	"shopwatch/tracker/notify"
)

// TestMain is the whole program of the daemons that TestStorm kills.
func TestMain(m *testing.M) {
	if path := os.Getenv("SHOPWATCH_STORM_DB"); path != "" {
		if err := stormDaemon(path, os.Getenv("SHOPWATCH_STORM_SMTP"), os.Getenv("SHOPWATCH_STORM_SCANS")); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	goleak.VerifyTestMain(m)
}

var stormChannels = map[string][]string{
	"all":    {"a@example.com", "b@example.com"},
	"prices": {"c@example.com"},
}

func stormNotifier(db *bolt.DB, server string) (*notify.Notifier, error) {
	var channels []notify.Channel
	for name, to := range stormChannels {
		s, err := notify.NewSender("email", notify.Settings{
			Channel: name, Server: server, Plaintext: true, From: "shopwatch@example.com", To: to, Timeout: 5 * time.Second,
		})
		if err != nil {
			return nil, err
		}
		c := notify.Channel{Name: name, Sender: s}
		if name == "prices" {
			c.Filter.Kinds = []tracker.Kind{tracker.Repriced}
		}
		channels = append(channels, c)
	}
	return notify.New(ctx, db, notify.Options{
		Channels: channels, RetryFirst: 2 * time.Millisecond, RetryMost: 20 * time.Millisecond,
	}, quietLog())
}

// stormDaemon commits scans where the daemon before it was killed, and reports
// them. It writes a line for each step of that, and ends when all is said.
func stormDaemon(path, server, scans string) error {
	total, err := strconv.Atoi(scans)
	if err != nil {
		return err
	}
	db, err := bolt.Open(path, bolt.Options{Timeout: 10 * time.Second})
	if err != nil {
		return err
	}
	n, err := stormNotifier(db, server)
	if err != nil {
		return err
	}
	go func() { _ = n.Run(context.Background()) }() // ends with the process
	it, _, err := db.Product(ctx, "tencent", "1")
	if err != nil {
		return err
	}
	at := int(max(it.Price.Low-10000, -1)) + 1 // the price tells how far the daemons before came
	for ; at <= total; at++ {
		p := product("1")
		p.Price.Low = 10000 + int64(at)
		list := []tracker.Product{p}
		for i := range at/10 + 1 {
			list = append(list, product(fmt.Sprint(100+i)))
		}
		_, err := db.Commit(ctx, &tracker.Scan{
			Storefront: "tencent", Began: nine.Add(time.Duration(at) * time.Minute), Took: time.Second,
			Verdict: tracker.Complete, Products: list,
			Evidence: tracker.Evidence{Parser: 1, Pages: 1, Products: len(list)},
		}, tracker.DefaultRules())
		if err != nil {
			return err
		}
		n.Wake()
		fmt.Println("scanned")
	}
	for {
		n.Wake()
		time.Sleep(10 * time.Millisecond)
		channels, err := db.Channels(ctx)
		if err != nil {
			return err
		}
		left, err := db.Reports(ctx, storage.ReportQuery{With: tracker.Waiting})
		if err != nil {
			return err
		}
		last, err := db.Changes(ctx, storage.Query{Newest: true, Limit: 1})
		if err != nil {
			return err
		}
		behind := slices.ContainsFunc(channels, func(c storage.Channel) bool { return c.Told < last[0].Seq })
		if len(left) == 0 && !behind {
			return db.Close()
		}
		fmt.Println(len(left), "deliveries left")
	}
}

// Each scan makes a report on each of two channels; make storm runs 500.
var stormScans = flag.Int("storm", 100, "scans that TestStorm reports")

// TestStorm sends reports through a mail server that fails at random,
// with daemons that are killed at random: every change is in exactly one
// report of each channel that wants it, every delivery is delivered, and what
// arrives twice arrives under the same Message-ID.
func TestStorm(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a while")
	}
	scans := *stormScans
	srv := serveMail(t, fixtures.SMTPOptions{})
	path := filepath.Join(t.TempDir(), "shopwatch.db")
	seed := uint64(time.Now().UnixNano())
	r := rand.New(rand.NewPCG(seed, 0))
	t.Logf("seed %d", seed)

	kills := 0
	for began := time.Now(); ; {
		if time.Since(began) > 5*time.Minute {
			t.Fatal("the daemons do not come to an end")
		}
		faults := []fixtures.MailFault{
			{}, {Data: 451}, {DropKept: true}, {DropLost: true}, {HangUp: true}, {Refuse: map[string]int{"*": 450}}, {Sender: 451},
		}
		fault := faults[r.IntN(len(faults))]
		fault.Share, fault.Seed = 0.3, r.Uint64()
		srv.Fault(fault)
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), "SHOPWATCH_STORM_DB="+path, "SHOPWATCH_STORM_SMTP="+srv.URL(), fmt.Sprint("SHOPWATCH_STORM_SCANS=", scans))
		var said bytes.Buffer
		cmd.Stderr = &said
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		stuck := time.AfterFunc(deadline.Most, func() { _ = cmd.Process.Signal(syscall.SIGQUIT) })
		// It is killed a little after so many steps, which are few on a machine
		// that is busy; one of four while it begins.
		steps, lines := r.IntN(30), bufio.NewScanner(out)
		if r.IntN(4) == 0 {
			steps = 0
		}
		for ; steps > 0 && lines.Scan(); steps-- {
		}
		kill := time.AfterFunc(time.Duration(r.IntN(100))*time.Millisecond, func() { _ = cmd.Process.Kill() })
		for lines.Scan() {
		}
		err = cmd.Wait()
		kill.Stop()
		stuck.Stop()
		switch {
		case err == nil:
			check(t, path, srv, scans)
			t.Logf("%d kills, %d mails in %v", kills, len(srv.Mails()), time.Since(began).Round(time.Second))
			return
		case cmd.ProcessState.Exited():
			t.Fatalf("a daemon failed: %v\n%s", err, said.String())
		}
		kills++
	}
}

func check(t *testing.T, path string, srv *fixtures.SMTP, scans int) {
	t.Helper()
	db := open(t, path)
	changes, err := db.Changes(ctx, storage.Query{Limit: 10 * scans})
	if err != nil {
		t.Fatal(err)
	}
	if want := scans + scans/10; len(changes) != want {
		t.Errorf("%d changes, want %d", len(changes), want)
	}
	told := make(map[string]int) // channel and change: reports
	deliveries := 0
	for _, r := range allReports(t, db) {
		for _, seq := range r.Changes {
			told[fmt.Sprint(r.Channel, seq)]++
		}
		for _, l := range r.Deliveries {
			deliveries++
			if l.State != tracker.Sent {
				t.Errorf("report %d to %s is %s: %s", r.ID, l.To, l.State, l.Answer)
			}
		}
	}
	for _, c := range changes {
		want := 0
		if c.Kind == tracker.Repriced {
			want = 1
		}
		if got := told[fmt.Sprint("prices", c.Seq)]; got != want {
			t.Errorf("change %d, %s, is in %d reports of prices, want %d", c.Seq, c.Kind, got, want)
		}
		if got := told[fmt.Sprint("all", c.Seq)]; got != 1 {
			t.Errorf("change %d is in %d reports of all, want 1", c.Seq, got)
		}
	}
	arrived := make(map[string]string) // Message-ID: recipient and words
	for _, m := range srv.Mails() {
		env, err := enmime.ReadEnvelope(bytes.NewReader(m.Raw))
		if err != nil {
			t.Fatal(err)
		}
		id, what := env.GetHeader("Message-ID"), fmt.Sprint(m.To, env.GetHeader("Subject"), env.Text)
		if before := arrived[id]; before != "" && before != what {
			t.Errorf("Message-ID %s is of two deliveries:\n%s\n%s", id, before, what)
		}
		arrived[id] = what
	}
	if len(arrived) != deliveries {
		t.Errorf("%d different deliveries arrived, want %d", len(arrived), deliveries)
	}
	whats := make([]string, 0, len(arrived))
	for _, what := range arrived {
		whats = append(whats, what)
	}
	slices.Sort(whats)
	if n := len(slices.Compact(whats)); n != deliveries {
		t.Errorf("%d deliveries differ in words, want %d: some report arrived under two Message-IDs", n, deliveries)
	}
}

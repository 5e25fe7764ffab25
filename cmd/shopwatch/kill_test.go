package main

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net/mail"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"

	"shopwatch/fixtures"
	"shopwatch/fixtures/deadline"
	"shopwatch/storage"
	"shopwatch/storage/bolt"
	"shopwatch/tracker"
)

// TestKilledDaemon kills the whole daemon with SIGKILL at random points of its
// scans while the storefront changes, and compares the end with an account of
// its own of what the mall showed: every change that lasted is in the log once,
// in one report, and that report arrived; a mail that came twice has the same
// Message-ID. SHOPWATCH_KILLS says how many times (make killtest: 1,000).
func TestKilledDaemon(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	rounds := 4
	if n, err := strconv.Atoi(os.Getenv("SHOPWATCH_KILLS")); err == nil {
		rounds = n
	}
	w.want(0, "scan")
	baseline := w.shop.Products()
	r := rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 1))
	killed := 0
	for i := range rounds {
		w.shop.Put(fixtures.Product{ID: strconv.Itoa(46000000001 + i), Title: fmt.Sprintf("新到 %d", i), Price: "59.00"})
		if all := w.shop.Products(); len(all) > 12 {
			w.shop.Take(all[r.IntN(3)].ID, fixtures.Gone)
		}
		w.shop.Update(w.shop.Products()[r.IntN(3)].ID, func(p *fixtures.Product) { p.Price = fmt.Sprintf("%d.00", 50+r.IntN(40)) })
		daemon := w.process("run")
		scanned := make(chan struct{})
		go func() { w.do("scan"); close(scanned) }()
		// Half of them within the scan, half when it is kept and told.
		if i%2 == 0 {
			select {
			case <-scanned:
			case <-time.After(time.Duration(r.IntN(2500)) * time.Millisecond):
			}
		} else {
			<-scanned
			time.Sleep(time.Duration(r.IntN(150)) * time.Millisecond)
		}
		if err := daemon.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		daemon.Wait()
		<-scanned
		killed++
	}
	// What is missing is told by two scans of a daemon that lives, and by what
	// it sends before it ends.
	w.want(0, "scan")
	w.want(0, "scan")

	db, err := bolt.Open(filepath.Join(w.dir, "data", "shopwatch.db"), bolt.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	changes, err := db.Changes(t.Context(), storage.Query{Limit: 100_000})
	if err != nil {
		t.Fatal(err)
	}
	listed := map[tracker.ProductID]string{}
	for _, p := range baseline {
		listed[tracker.ProductID(p.ID)] = p.Price
	}
	for _, c := range changes {
		_, there := listed[c.Product.ID]
		switch c.Kind {
		case tracker.Added:
			if there {
				t.Errorf("change %d: %s added, but it was listed", c.Seq, c.Product.ID)
			}
			listed[c.Product.ID] = c.Product.Price.String()
		case tracker.Removed:
			if !there || c.Proof != tracker.ProofGone {
				t.Errorf("change %d: %s removed (%s), listed before: %v", c.Seq, c.Product.ID, c.Proof, there)
			}
			delete(listed, c.Product.ID)
		case tracker.Repriced:
			if listed[c.Product.ID] != c.Before.Price.String() {
				t.Errorf("change %d: %s repriced from %s, it was %s", c.Seq, c.Product.ID, c.Before.Price, listed[c.Product.ID])
			}
			listed[c.Product.ID] = c.Product.Price.String()
		default:
			t.Errorf("change %d is %s, which did not happen", c.Seq, c.Kind)
		}
	}
	want := w.shop.Products()
	for _, p := range want {
		if got, ok := listed[tracker.ProductID(p.ID)]; !ok || got != p.Price {
			t.Errorf("product %s costs %s in the mall, by the log it is %q", p.ID, p.Price, got)
		}
	}
	if len(listed) != len(want) {
		t.Errorf("the log comes to %d products, the mall has %d", len(listed), len(want))
	}

	reports, err := db.Reports(t.Context(), storage.ReportQuery{Channel: "analysts", Limit: 100_000})
	if err != nil {
		t.Fatal(err)
	}
	var told []uint64
	for _, rep := range reports {
		told = append(told, rep.Changes...)
		if !rep.Delivered || rep.Deliveries[0].State != tracker.Sent {
			t.Errorf("report %d = %+v, want it sent", rep.ID, rep)
		}
	}
	slices.Sort(told)
	if len(told) != len(changes) || len(slices.Compact(told)) != len(changes) {
		t.Errorf("reports tell of %d changes, the log has %d", len(told), len(changes))
	}
	ids := map[string]int{}
	for _, m := range w.mail.Mails() {
		msg, err := mail.ReadMessage(bytes.NewReader(m.Raw))
		if err != nil {
			t.Fatal(err)
		}
		ids[msg.Header.Get("Message-ID")]++
	}
	if len(ids) != len(reports) {
		t.Errorf("%d Message-IDs arrived for %d reports", len(ids), len(reports))
	}
	t.Logf("%d kills, %d changes, %d reports, %d mails", killed, len(changes), len(reports), len(w.mail.Mails()))
}

// process starts the program as a process of its own and waits until it
// answers, or has ended.
func (w *world) process(args ...string) *exec.Cmd {
	w.t.Helper()
	return w.serveProcess(w.command(args...))
}

// command is the program as a process of its own.
func (w *world) command(args ...string) *exec.Cmd {
	cmd := exec.Command(os.Args[0], append([]string{"-c", filepath.Join(w.dir, "shopwatch.yaml")}, args...)...)
	cmd.Env = append(os.Environ(), "SHOPWATCH_TEST_RUN=1")
	return cmd
}

// serveProcess starts a daemon and waits until it answers.
func (w *world) serveProcess(cmd *exec.Cmd) *exec.Cmd {
	w.t.Helper()
	var out bytes.Buffer
	errs := log{said: make(chan bool)}
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Start(); err != nil {
		w.t.Fatal(err)
	}
	select {
	case <-errs.said:
	case <-time.After(deadline.Most):
		_ = cmd.Process.Kill()
		w.t.Fatalf("the daemon did not start:\n%s%s", out.String(), errs.String())
	}
	return cmd
}

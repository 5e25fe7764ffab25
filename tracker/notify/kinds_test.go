package notify_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"shopwatch/storage/bolt"
	"shopwatch/tracker"
	"shopwatch/tracker/notify"
	"shopwatch/tracker/report"
)

func TestEveryKindIsTested(t *testing.T) {
	for _, k := range notify.Kinds() {
		if receivers[k.Name] == nil {
			t.Errorf("kind %s has no receiver in the conformance test", k.Name)
		}
	}
	if len(receivers) != len(notify.Kinds()) {
		t.Errorf("%d receivers for %d kinds", len(receivers), len(notify.Kinds()))
	}
}

// TestConformance holds every kind of channel to the same promises.
func TestConformance(t *testing.T) {
	for _, k := range notify.Kinds() {
		t.Run(k.Name, func(t *testing.T) {
			t.Run("a report arrives once", func(t *testing.T) {
				r, db, n := receive(t, k.Name)
				two(t, db)
				flushUntil(t, n, db)
				flushUntil(t, n, db)
				got := r.arrived()
				if len(got) != 1 || !strings.Contains(got[0].text, "糖大夫 血糖仪 2") {
					t.Errorf("arrived: %v, want one delivery that names the new product", got)
				}
				wantState(t, db, tracker.Sent)
			})
			t.Run("a title calls nobody and leads nowhere", func(t *testing.T) {
				r, db, n := receive(t, k.Name)
				if !r.shown {
					t.Skip("shows no markup")
				}
				p := product("2")
				p.Title = "血糖仪 @everyone <at>x</at> <!channel> `c` [free](http://x.cn)" // a chat shows 60 characters
				commit(t, db, "tencent", nine, product("1"))
				commit(t, db, "tencent", nine.Add(time.Hour), product("1"), p)
				flushUntil(t, n, db)
				got := fmt.Sprint(r.arrived())
				for _, bad := range []string{"@everyone", "<at", "<!channel", "`", "](http"} {
					if strings.Contains(got, bad) {
						t.Errorf("arrived: %s, which has %q", got, bad)
					}
				}
				if !strings.Contains(got, "血糖仪") {
					t.Errorf("arrived: %s, want the title", got)
				}
			})
			t.Run("a failure is tried again", func(t *testing.T) {
				r, db, n := receive(t, k.Name)
				if !r.be(breaks) {
					t.Skip("cannot fail")
				}
				two(t, db)
				err := n.Flush(t.Context())
				if err == nil {
					t.Error("Flush said nothing of the failure")
				}
				wantState(t, db, tracker.Waiting)
				if l := allReports(t, db)[0].Deliveries[0]; l.Answer == "" {
					t.Error("no reason is kept")
				}
				wantNoSecrets(t, r, fmt.Sprint(err, allReports(t, db)))
				r.be(takes)
				flushUntil(t, n, db)
				got := r.arrived()
				if len(got) != 1 {
					t.Fatalf("arrived: %v, want one delivery", got)
				}
				if r.shown && !strings.Contains(got[0].text, report.Again("en")) {
					t.Errorf("arrived: %v, want it said that the first attempt may have arrived", got)
				}
				wantState(t, db, tracker.Sent)
			})
			t.Run("the end of the program waits for a delivery on its way", func(t *testing.T) {
				r, db, n := receive(t, k.Name)
				if r.interrupted == nil {
					t.Skip("nothing is on its way")
				}
				two(t, db)
				ctx, end := context.WithCancel(t.Context())
				r.interrupted(end)
				_ = n.Flush(ctx) // it is cut short
				wantState(t, db, tracker.Sent)
				flushUntil(t, n, db)
				if got := r.arrived(); len(got) != 1 {
					t.Errorf("arrived: %v, want one delivery", got)
				}
			})
			t.Run("a refusal is final", func(t *testing.T) {
				r, db, n := receive(t, k.Name)
				if !r.be(refuses) {
					t.Skip("refuses nothing")
				}
				two(t, db)
				flushUntil(t, n, db)
				r.be(takes)
				flushUntil(t, n, db)
				if got := r.arrived(); len(got) != 0 {
					t.Errorf("arrived: %v, want none", got)
				}
				wantState(t, db, tracker.Dead)
				wantNoSecrets(t, r, fmt.Sprint(allReports(t, db)))
			})
			t.Run("a crash sends the same again", func(t *testing.T) {
				r := receivers[k.Name](t)
				db := fresh(t)
				ctx, crash := context.WithCancel(t.Context())
				ch := notify.Channel{Name: "analysts", Sender: crashing{sender(t, k.Name, r.settings), crash}}
				n := notifier(t, db, quietLog(), ch)
				two(t, db)
				_ = n.Flush(ctx) // it crashes
				wantState(t, db, tracker.Waiting)
				ch.Sender = sender(t, k.Name, r.settings)
				n = notifier(t, db, quietLog(), ch)
				flushUntil(t, n, db)
				got, want := r.arrived(), 2
				if r.once {
					want = 1
				}
				if len(got) != want {
					t.Fatalf("arrived: %v, want %d", got, want)
				}
				first, last := got[0], got[len(got)-1]
				if again := report.Again("en"); r.shown {
					if strings.Contains(first.text, again) || !strings.Contains(last.text, again) {
						t.Errorf("arrived: %v, want the second one to say that it is sent again", got)
					}
					last.id = strings.ReplaceAll(last.id, " "+again, "")
				}
				first.id, last.id = signature.ReplaceAllString(first.id, ""), signature.ReplaceAllString(last.id, "")
				if first.id != last.id {
					t.Errorf("arrived under %s and %s, want the same", first.id, last.id)
				}
				wantState(t, db, tracker.Sent)
			})
		})
	}
}

func receive(t *testing.T, kind string) (*receiver, *bolt.DB, *notify.Notifier) {
	t.Helper()
	r, db := receivers[kind](t), fresh(t)
	r.settings.Channel = "analysts"
	return r, db, notifier(t, db, quietLog(), notify.Channel{Name: "analysts", Sender: sender(t, kind, r.settings)})
}

// two commits a baseline and a scan with one new product.
func two(t *testing.T, db *bolt.DB) {
	t.Helper()
	commit(t, db, "tencent", nine, product("1"))
	commit(t, db, "tencent", nine.Add(time.Hour), product("1"), product("2"))
}

func wantState(t *testing.T, db *bolt.DB, want tracker.DeliveryState) {
	t.Helper()
	rs := allReports(t, db)
	if len(rs) != 1 || len(rs[0].Deliveries) != 1 || rs[0].Deliveries[0].State != want {
		t.Errorf("reports = %+v, want one with a delivery that is %s", rs, want)
	}
}

func wantNoSecrets(t *testing.T, r *receiver, said string) {
	t.Helper()
	for _, secret := range []string{
		"t0kent0ken", "AAHdqTcvCH1", "Webc4MAvoacrp", "F20DUQND3RQ", "7aoc-4bc4", "0ec2sifa5aaa", "s3crets3cret", "d3vicek3y", "topictopic",
	} {
		if strings.Contains(said, secret) {
			t.Errorf("a secret of %s is in %s", r.settings.URL, said)
		}
	}
}

func TestFileTakesBackHalfALine(t *testing.T) {
	tests := []struct{ name, before, want string }{
		{"half a line of a crash goes", "{\"id\":\"1.a\",\"x\":1}\n{\"id\":\"1.b\",\"rep", "{\"id\":\"1.a\",\"x\":1}\n"},
		{"whole lines stay", "{\"id\":\"1.a\",\"x\":1}\n", "{\"id\":\"1.a\",\"x\":1}\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "changes.jsonl")
			if err := os.WriteFile(path, []byte(tt.before), 0o600); err != nil {
				t.Fatal(err)
			}
			db := fresh(t)
			n := notifier(t, db, quietLog(), notify.Channel{Name: "a", Sender: sender(t, "file", notify.Settings{Path: path})})
			two(t, db)
			flushUntil(t, n, db)
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			rest, ok := strings.CutPrefix(string(text), tt.want)
			if !ok || strings.Count(rest, "\n") != 1 || !json.Valid([]byte(rest)) {
				t.Errorf("file:\n%s\nwant %q and one line more", text, tt.want)
			}
		})
	}
	t.Run("a file of somebody else is left alone", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "diary.txt")
		if err := os.WriteFile(path, []byte("dear diary"), 0o600); err != nil {
			t.Fatal(err)
		}
		db := fresh(t)
		n := notifier(t, db, quietLog(), notify.Channel{Name: "a", Sender: sender(t, "file", notify.Settings{Path: path})})
		two(t, db)
		if err := n.Flush(t.Context()); err == nil || !strings.Contains(err.Error(), "name another file") {
			t.Errorf("Flush = %v, want an error that says what to do", err)
		}
		if text, _ := os.ReadFile(path); string(text) != "dear diary" {
			t.Errorf("the file is now %q", text)
		}
	})
}

func TestSettingsAreChecked(t *testing.T) {
	tests := []struct {
		name, kind string
		settings   notify.Settings
		key        string
	}{
		{"mail server without a scheme", "email", notify.Settings{Server: "mail.example.com"}, "server"},
		{"sender that is no address", "email", notify.Settings{Server: "smtps://m", From: "x", To: []string{"a@b"}}, "from"},
		{"recipient that is no address", "email", notify.Settings{Server: "smtps://m", From: "a@b", To: []string{"a@b", "x"}}, "to[1]"},
		{"nobody to write to", "email", notify.Settings{Server: "smtps://m", From: "a@b"}, "to"},
		{"webhook without an address", "webhook", notify.Settings{URL: "example.com"}, "url"},
		{"chat of another kind", "slack", notify.Settings{URL: "discord://t@i"}, "url"},
		{"robot without a token", "dingtalk", notify.Settings{URL: "https://oapi.dingtalk.com/robot/send"}, "url"},
		{"file without a name", "file", notify.Settings{}, "path"},
		{"feed without a folder", "feed", notify.Settings{}, "path"},
		{"no such kind", "fax", notify.Settings{}, "kind"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := notify.NewSender(tt.kind, tt.settings)
			var se *notify.SettingError
			if !errors.As(err, &se) || se.Key != tt.key {
				t.Errorf("NewSender = %v, want an error about %s", err, tt.key)
			}
		})
	}
}

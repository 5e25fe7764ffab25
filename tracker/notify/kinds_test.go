package notify_test

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/tls"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"shopwatch/fixtures"
	"shopwatch/storage/bolt"
	"shopwatch/tracker"
	"shopwatch/tracker/notify"
	"shopwatch/tracker/report"
)

// What a receiver does with the next deliveries.
type mood int

const (
	takes     mood = iota
	breaks         // fails in a way that may pass
	refuses        // says that this delivery will never be taken
	cannotSay      // of a receiver that knows no refusal: skip
)

// A receiver is a real, local receiving side of one kind of channel.
type receiver struct {
	settings notify.Settings
	be       func(mood) bool // false: it cannot
	// arrived are the deliveries that arrived, each as what tells it from others
	// for the receiving side, and its words.
	arrived func() []arrival
	// once says that the receiving side keeps a delivery that comes twice once.
	once bool
	// shown says that people see a delivery twice that comes twice, and are told
	// so.
	shown bool
	// interrupted has the program end while the next delivery is on its way; nil
	// where that makes no difference.
	interrupted func(context.CancelFunc)
}

type arrival struct{ id, text string }

// receivers are one for every kind.
var receivers = map[string]func(t *testing.T) *receiver{
	"email":    emailReceiver,
	"webhook":  webhookReceiver,
	"file":     fileReceiver,
	"feed":     feedReceiver,
	"dingtalk": dingtalkReceiver,
	"slack":    chatReceiver("slack://hook:WNA3PBYV6-F20DUQND3RQ-Webc4MAvoacrpPakR8phF0zi@webhook", "hooks.slack.com", "ok"),
	"discord":  chatReceiver("discord://t0kent0kent0ken@123456789012", "discord.com", `{}`),
	"telegram": telegramReceiver,
	"wecom":    chatReceiver("wecom://693axxx6-7aoc-4bc4-97a0-0ec2sifa5aaa", "qyapi.weixin.qq.com", `{"errcode":0,"errmsg":"ok"}`),
	"lark":     chatReceiver("lark://open.feishu.cn/t0kent0ken?secret=s3crets3cret", "open.feishu.cn", `{"code":0,"msg":"success"}`),
	"bark":     chatReceiver("bark://:d3vicek3yd3vicek3y@api.day.app/", "api.day.app", `{"code":200,"message":"success"}`),
	"ntfy":     ntfyReceiver,
}

// signature is what lark adds to a message: of the second in which it is sent.
var signature = regexp.MustCompile(`,"timestamp":"\d+","sign":"[^"]+"`)

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

func emailReceiver(t *testing.T) *receiver {
	srv := serveMail(t, fixtures.SMTPOptions{})
	return &receiver{
		settings: mailTo(srv, "a@example.com"),
		be: func(m mood) bool {
			srv.Fault(map[mood]fixtures.MailFault{breaks: {Data: 452}, refuses: {Data: 552}}[m])
			return true
		},
		arrived: func() (as []arrival) {
			for _, l := range deliveries(t, srv) {
				as = append(as, arrival{l.GetHeader("Message-ID"), l.Text})
			}
			return as
		},
	}
}

func fileReceiver(t *testing.T) *receiver {
	dir := t.TempDir()
	path := filepath.Join(dir, "there", "changes.jsonl")
	if err := os.Mkdir(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	return &receiver{
		once: true, settings: notify.Settings{Path: path},
		be: func(m mood) bool {
			var err error
			switch m {
			case breaks:
				err = os.Rename(filepath.Dir(path), filepath.Join(dir, "away"))
			case takes:
				if err = os.Rename(filepath.Join(dir, "away"), filepath.Dir(path)); errors.Is(err, fs.ErrNotExist) {
					err = nil
				}
			case refuses:
				return false
			}
			if err != nil {
				t.Fatal(err)
			}
			return true
		},
		arrived: func() (as []arrival) {
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			for _, line := range strings.Split(strings.TrimSuffix(string(text), "\n"), "\n") {
				var v struct{ ID string }
				if err := json.Unmarshal([]byte(line), &v); err != nil {
					t.Fatalf("line %q: %v", line, err)
				}
				as = append(as, arrival{v.ID, line})
			}
			return as
		},
	}
}

func feedReceiver(t *testing.T) *receiver {
	dir := filepath.Join(t.TempDir(), "feeds")
	blocked := false
	return &receiver{
		once: true, settings: notify.Settings{Path: dir},
		be: func(m mood) bool {
			var err error
			switch {
			case m == refuses:
				return false
			case m == breaks:
				blocked = true
				err = os.WriteFile(dir, nil, 0o600) // where the folder should be
			case blocked:
				blocked = false
				err = os.Remove(dir)
			}
			if err != nil {
				t.Fatal(err)
			}
			return true
		},
		arrived: func() (as []arrival) {
			text, err := os.ReadFile(filepath.Join(dir, "tencent.xml"))
			if err != nil {
				t.Fatal(err)
			}
			var feed struct {
				XMLName xml.Name `xml:"http://www.w3.org/2005/Atom feed"`
				Entries []struct {
					ID      string `xml:"id"`
					Content string `xml:"content"`
				} `xml:"entry"`
			}
			if err := xml.Unmarshal(text, &feed); err != nil {
				t.Fatal(err)
			}
			for _, e := range feed.Entries {
				as = append(as, arrival{e.ID, e.Content})
			}
			return as
		},
	}
}

// A web receiver takes deliveries by HTTP.
type web struct {
	mu     sync.Mutex
	now    mood
	answer string // to a delivery that is taken
	got    []arrival
	check  func(r *http.Request, body []byte) error
	during func() // called while a delivery is on its way
}

func (w *web) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	w.mu.Lock()
	defer w.mu.Unlock()
	body, err := io.ReadAll(r.Body)
	if w.during != nil {
		w.during()
		time.Sleep(50 * time.Millisecond) // longer than somebody needs who does not wait
	}
	if err == nil && w.check != nil {
		err = w.check(r, body)
	}
	switch {
	case w.now == breaks:
		panic(http.ErrAbortHandler) // cuts the connection
	case w.now == refuses || err != nil:
		rw.WriteHeader(http.StatusBadRequest)
		if err != nil {
			fmt.Fprint(rw, err)
		}
		return
	}
	id := r.Header.Get("Idempotency-Key")
	if id == "" {
		id = string(body)
	}
	var words bytes.Buffer // JSON writes some signs as \u003c
	enc := json.NewEncoder(&words)
	enc.SetEscapeHTML(false)
	var v any
	if json.Unmarshal(body, &v) == nil {
		_ = enc.Encode(v)
	} else {
		words.Write(body)
	}
	w.got = append(w.got, arrival{id, words.String()})
	rw.Header().Set("Content-Type", "application/json")
	fmt.Fprint(rw, w.answer)
}

func (w *web) interrupted(end context.CancelFunc) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.during = end
}

func (w *web) be(m mood) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = m
	return true
}

func (w *web) arrived() []arrival {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]arrival(nil), w.got...)
}

func webhookReceiver(t *testing.T) *receiver {
	w := &web{answer: "thanks", check: func(r *http.Request, body []byte) error {
		mac := hmac.New(sha256.New, []byte("s3crets3cret"))
		mac.Write([]byte(r.Header.Get("X-Shopwatch-Time") + "."))
		mac.Write(body)
		if got, want := r.Header.Get("X-Shopwatch-Signature"), "sha256="+hex.EncodeToString(mac.Sum(nil)); got != want {
			return fmt.Errorf("signature %s, want %s", got, want)
		}
		return nil
	}}
	srv := httptest.NewServer(w)
	t.Cleanup(srv.Close)
	return &receiver{
		settings: notify.Settings{URL: srv.URL + "/hook/t0kent0ken", Secret: "s3crets3cret"},
		be:       w.be, arrived: w.arrived, interrupted: w.interrupted,
	}
}

func dingtalkReceiver(t *testing.T) *receiver {
	w := &web{answer: `{"errcode":0,"errmsg":"ok"}`, check: func(r *http.Request, _ []byte) error {
		q := r.URL.Query()
		mac := hmac.New(sha256.New, []byte("s3crets3cret"))
		mac.Write([]byte(q.Get("timestamp") + "\ns3crets3cret"))
		if got, want := q.Get("sign"), base64.StdEncoding.EncodeToString(mac.Sum(nil)); got != want || q.Get("access_token") != "t0kent0ken" {
			return fmt.Errorf("sign %s, want %s", got, want)
		}
		return nil
	}}
	srv := httptest.NewServer(w)
	t.Cleanup(srv.Close)
	return &receiver{
		settings: notify.Settings{URL: srv.URL + "/robot/send?access_token=t0kent0ken", Secret: "s3crets3cret"},
		be:       w.be, arrived: w.arrived, interrupted: w.interrupted, shown: true,
	}
}

// chatReceiver answers as a chat at its real address, which shoutrrr has built
// in: while the test runs, the program's default transport leads there.
func chatReceiver(address, host, answer string) func(t *testing.T) *receiver {
	return func(t *testing.T) *receiver {
		w := &web{answer: answer, check: func(r *http.Request, _ []byte) error {
			if r.Host != host {
				return fmt.Errorf("asked for %s, want %s", r.Host, host)
			}
			return nil
		}}
		srv := httptest.NewTLSServer(w)
		t.Cleanup(srv.Close)
		old := http.DefaultTransport
		t.Cleanup(func() { http.DefaultTransport = old })
		http.DefaultTransport = &http.Transport{
			DisableKeepAlives: true,
			DialTLSContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
				d := tls.Dialer{Config: &tls.Config{InsecureSkipVerify: true}} // the receiver's own certificate
				u, err := url.Parse(srv.URL)
				if err != nil {
					return nil, err
				}
				return d.DialContext(ctx, network, u.Host)
			},
		}
		return &receiver{settings: notify.Settings{URL: address}, be: w.be, arrived: w.arrived, interrupted: w.interrupted, shown: true}
	}
}

func telegramReceiver(t *testing.T) *receiver {
	w := &web{answer: `{"ok":true,"result":{}}`, check: func(r *http.Request, _ []byte) error {
		if want := "/bot110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaww/sendMessage"; r.URL.Path != want {
			return fmt.Errorf("asked for %s, want %s", r.URL.Path, want)
		}
		return nil
	}}
	srv := httptest.NewServer(w)
	t.Cleanup(srv.Close)
	return &receiver{
		settings: notify.Settings{URL: "telegram://110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaww@telegram?chats=@shop&api=" + url.QueryEscape(srv.URL)},
		be:       w.be, arrived: w.arrived, interrupted: w.interrupted, shown: true,
	}
}

func ntfyReceiver(t *testing.T) *receiver {
	w := &web{answer: `{}`, check: func(r *http.Request, _ []byte) error {
		if r.URL.Path != "/topictopictopic" {
			return fmt.Errorf("asked for %s", r.URL.Path)
		}
		return nil
	}}
	srv := httptest.NewServer(w)
	t.Cleanup(srv.Close)
	host := strings.TrimPrefix(srv.URL, "http://")
	return &receiver{settings: notify.Settings{URL: "ntfy://" + host + "/topictopictopic?disabletls=yes"}, be: w.be, arrived: w.arrived, interrupted: w.interrupted, shown: true}
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

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
	"shopwatch/tracker/notify"
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

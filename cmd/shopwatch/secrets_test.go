package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"html"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/goccy/go-yaml"

	"shopwatch/cmd/shopwatch/config"
	"shopwatch/fixtures/deadline"
	"shopwatch/tracker/api"
	"shopwatch/tracker/notify"
)

// Secrets as people have them, with signs that are written in another way in
// addresses, JSON and HTML.
const (
	userSecret  = "usr-Q7xW2mZ9kT"
	passSecret  = `Zk8&w"Q<3/é+xP5%41vB`
	pathSecret  = "T0K3N-9a8b7c6d5e4f_Path"
	querySecret = "k=Yq/2+Wb7Zt1~Query9"
	signSecret  = "SECf00ba4s1gn1ng-of-it"
	keySecret   = "a1b2c3d4-e5f6-4711-8899-0a1b2c3d4e5f"
	slackSecret = "WNA3PBYV6-F20DUQND3RQ-Webc4MAvoacrpPakR8phF0zi"
	tokenSecret = "110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaww"
)

// A kept is the settings of a channel of a kind with secrets, and these. Every
// kind has one: who adds a kind adds what to look for.
type kept struct {
	keys    map[string]any
	secrets []string
	not     string // an answer that takes the sender half a minute
}

// keptBy are settings that lead to an echo server, which answers at an address
// (host and port) of its own and, for chats, at the address of each.
func keptBy(web, mail string) map[string]kept {
	channel := func(kind, address string, secrets ...string) kept {
		return kept{map[string]any{"kind": kind, "url": address}, secrets, ""}
	}
	hook := (&url.URL{
		Scheme: "http", User: url.UserPassword(userSecret, passSecret), Host: web, Path: "/hooks/" + pathSecret + "/in",
		RawQuery: url.Values{"key": {querySecret}}.Encode(),
	}).String()
	all := map[string]kept{
		"email": {map[string]any{
			"kind": "email", "server": "smtp://" + mail, "plaintext": true, "from": "shop@example.com", "to": []string{"a@example.com"},
			"username": "shop", "password": passSecret,
		}, []string{passSecret, wire(passSecret)}, ""},
		"webhook": {map[string]any{"kind": "webhook", "url": hook, "secret": signSecret},
			[]string{userSecret, passSecret, wire(userSecret + ":" + passSecret), pathSecret, querySecret, signSecret}, ""},
		"dingtalk": {map[string]any{"kind": "dingtalk", "url": "http://" + web + "/robot/send?access_token=" + url.QueryEscape(querySecret), "secret": signSecret},
			[]string{querySecret, signSecret}, ""},
		"telegram": channel("telegram", "telegram://"+tokenSecret+"@telegram?chats=@shop&api="+url.QueryEscape("http://"+web), strings.Split(tokenSecret, ":")...),
		"slack":    channel("slack", "slack://hook:"+slackSecret+"@webhook", strings.Split(slackSecret, "-")...),
		"discord":  channel("discord", "discord://"+pathSecret+"@123456789012345", pathSecret, "123456789012345"),
		"wecom":    channel("wecom", "wecom://"+keySecret, keySecret),
		"lark":     channel("lark", "lark://open.feishu.cn/"+pathSecret+"?secret="+signSecret, pathSecret, signSecret),
		"bark":     channel("bark", "bark://:"+pathSecret+"@api.day.app/", pathSecret),
		"ntfy":     channel("ntfy", "ntfy://"+userSecret+":"+url.QueryEscape(pathSecret)+"@"+web+"/topic-"+keySecret+"?disabletls=yes", userSecret, pathSecret, wire(userSecret+":"+pathSecret), keySecret),
		"file":     {map[string]any{"kind": "file", "path": "changes.jsonl"}, nil, ""},
		"feed":     {map[string]any{"kind": "feed", "path": "feeds"}, nil, ""},
	}
	discord := all["discord"]
	discord.not = "500"
	all["discord"] = discord
	return all
}

// wire is how a login goes over the wire, without its end, which depends on
// what follows.
func wire(login string) string {
	return strings.TrimRight(base64.StdEncoding.EncodeToString([]byte(login)), "=")
}

// styles are how servers write what they were told.
var styles = []func(string) string{
	func(s string) string { return s },
	func(s string) string {
		if plain, err := url.PathUnescape(s); err == nil {
			return plain
		}
		return s
	},
	url.QueryEscape,
	func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) },
	func(s string) string { return base64.URLEncoding.EncodeToString([]byte(s)) },
	func(s string) string { b, _ := json.Marshal(s); return string(b) },
	html.EscapeString,
	func(s string) string { return hex.EncodeToString([]byte(s)) },
}

// An echo is a server that says in every way what it was told. It answers with
// taken, 200, 400 and 500, and breaks the connection, one after another.
type echo struct {
	mu    sync.Mutex
	n     int
	not   string
	signs []string // signatures in addresses that were asked for
	mail  net.Listener
	web   *httptest.Server
	tls   *httptest.Server
}

var moods = []string{"taken", "200", "400", "500", "broken"}

// round is how many answers differ.
func (e *echo) round() int { return len(moods) * len(styles) * 3 }

// next is how to answer now.
func (e *echo) next() (mood string, style func(string) string, part int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	n := e.n
	e.n++
	if mood = moods[n%len(moods)]; mood == e.not {
		mood = "400"
	}
	return mood, styles[n/len(moods)%len(styles)], n / len(moods) / len(styles) % 3
}

func (e *echo) answered() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.n
}

func (e *echo) start(t *testing.T, not string) {
	e.mu.Lock()
	e.n, e.not, e.signs = 0, not, nil
	e.mu.Unlock()
}

func newEcho(t *testing.T) *echo {
	t.Helper()
	e := &echo{}
	e.web, e.tls = httptest.NewServer(e), httptest.NewTLSServer(e)
	t.Cleanup(e.web.Close)
	t.Cleanup(e.tls.Close)
	// Chats are asked at addresses that shoutrrr has built in.
	old := http.DefaultTransport
	t.Cleanup(func() { http.DefaultTransport = old })
	http.DefaultTransport = &http.Transport{
		DisableKeepAlives: true,
		DialTLSContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			d := tls.Dialer{Config: &tls.Config{InsecureSkipVerify: true}} // the server's own certificate
			return d.DialContext(ctx, network, e.tls.Listener.Addr().String())
		},
	}
	var err error
	if e.mail, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	var conns sync.WaitGroup
	conns.Go(func() {
		for {
			c, err := e.mail.Accept()
			if err != nil {
				return
			}
			conns.Go(func() { e.smtp(c) })
		}
	})
	t.Cleanup(func() {
		e.mail.Close()
		conns.Wait()
	})
	return e
}

func (e *echo) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	mood, style, part := e.next()
	if sign := r.URL.Query().Get("sign"); sign != "" {
		e.mu.Lock()
		e.signs = append(e.signs, sign)
		e.mu.Unlock()
	}
	var head bytes.Buffer
	fmt.Fprintf(&head, "Authorization: %s\r\n", r.Header.Get("Authorization"))
	if user, pass, ok := r.BasicAuth(); ok {
		fmt.Fprintf(&head, "%s:%s\r\n", user, pass)
	}
	r.Header.Write(&head)
	parts := []string{r.Method + " " + r.RequestURI, head.String(), string(body)}
	var said strings.Builder
	for i := range parts { // another one first each time: answers are cut off
		said.WriteString(style(parts[(part+i)%3]) + " ")
	}
	text := said.String()
	switch mood {
	case "taken":
		w.Header().Set("Content-Type", "application/json")
		code := 0
		if r.Host == "api.day.app" {
			code = 200
		}
		json.NewEncoder(w).Encode(map[string]any{"ok": true, "errcode": 0, "code": code, "errmsg": text, "message": text, "msg": text, "description": text})
	case "broken":
		c, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			return
		}
		fmt.Fprintf(c, "%s\r\n\r\n", text) // no answer in the form of HTTP
		c.Close()
	default:
		if mood != "200" {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(map[string]int{"400": 400, "500": 500}[mood])
			json.NewEncoder(w).Encode(map[string]any{"ok": false, "errcode": 9, "code": 9, "errmsg": text, "message": text, "msg": text, "description": text, "error": text})
			return
		}
		io.WriteString(w, text)
	}
}

// smtp is a session with a mail server that adds to every answer what it was
// told.
func (e *echo) smtp(c net.Conn) {
	defer c.Close()
	c.SetDeadline(time.Now().Add(time.Minute))
	mood, style, _ := e.next()
	var told []string
	say := func(code string) {
		text := strings.NewReplacer("\r", " ", "\n", " ").Replace(style(strings.Join(told, " ")))
		fmt.Fprintf(c, "%s you said %s\r\n", code, text)
	}
	say("220")
	lines := bufio.NewReader(c)
	for {
		line, err := lines.ReadString('\n')
		if err != nil {
			return
		}
		line = strings.TrimSpace(line)
		if plain, err := base64.StdEncoding.DecodeString(line[strings.LastIndexByte(line, ' ')+1:]); err == nil {
			told = append(told, strings.Trim(string(plain), "\x00")) // the password in clear
		}
		told = append(told, line)
		switch verb, _, _ := strings.Cut(strings.ToUpper(line), " "); verb {
		case "EHLO":
			fmt.Fprint(c, "250-hello\r\n250 AUTH PLAIN\r\n")
		case "AUTH":
			if mood == "200" {
				say("535")
				return
			}
			if mood == "broken" {
				fmt.Fprintf(c, "%s\r\n", style(strings.Join(told, " ")))
				return
			}
			say("235")
		case "RCPT":
			say(map[string]string{"400": "450", "500": "550"}[mood] + map[bool]string{true: "250"}[mood == "taken"])
		case "DATA":
			say("354")
			for line != "." {
				if line, err = lines.ReadString('\n'); err != nil {
					return
				}
				line = strings.TrimSpace(line)
			}
			say("250")
		case "QUIT":
			say("221")
			return
		default:
			say("250")
		}
	}
}

// leaks are the parts of secrets, of eight characters and more, that a text has:
// as they are, as in an address, in base64, or in hexadecimal, where eight
// characters are sixteen digits: fewer are found in any time.
func leaks(text string, secrets []string) (found []string) {
	look := func(form string, length int) {
		for i := 0; i+length <= len(form); i++ {
			if part := form[i : i+length]; strings.Contains(text, part) && !slices.Contains(found, part) {
				found = append(found, part)
			}
		}
	}
	for _, secret := range secrets {
		look(secret, 8)
		look(url.QueryEscape(secret), 8)
		look(url.PathEscape(secret), 8)
		look(hex.EncodeToString([]byte(secret)), 16)
		for before := range 3 {
			code := base64.StdEncoding.EncodeToString([]byte(strings.Repeat("x", before) + secret))
			look(code[4:len(code)-4], 8)
		}
	}
	return found
}

// TestNoSecretLeaks: whatever kind a channel is of, and whatever its server
// answers, no part of a password, a key or an address that holds one is in the
// log, in the database, in answers of the API or in what commands print.
func TestNoSecretLeaks(t *testing.T) { // not beside others: newEcho changes their HTTP
	if testing.Short() {
		t.Skip("takes a while")
	}
	e := newEcho(t)
	all := keptBy(e.web.Listener.Addr().String(), e.mail.Addr().String())
	for _, kind := range notify.Kinds() {
		k, ok := all[kind.Name]
		if !ok {
			t.Errorf("kind %s is not tested: add its settings, with a secret in every place where it can have one", kind.Name)
			continue
		}
		t.Run(kind.Name, func(t *testing.T) { k.test(t, e) })
	}
}

func (k kept) test(t *testing.T, e *echo) {
	w := &world{t: t, dir: t.TempDir()}
	k.keys["name"] = "analysts"
	text, err := yaml.Marshal(map[string]any{
		"listen": "127.0.0.1:0", "browser": map[string]any{"path": filepath.Join(w.dir, "no-chrome"), "flags": map[string]any{"no-sandbox": true}},
		"storefronts": []any{map[string]any{"name": "tencent", "url": "https://tencent.tmall.com/"}},
		"channels":    []any{k.keys},
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(w.dir, "shopwatch.yaml"), text, 0o600); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(w.dir, "data", "shopwatch.db")
	backlogOf(t, path, e.round(), "analysts")
	e.start(t, k.not)

	said := map[string]string{} // by whom
	ctx, stop := context.WithCancel(t.Context())
	errs := log{said: make(chan bool)}
	a := &app{file: filepath.Join(w.dir, "shopwatch.yaml"), out: io.Discard, err: &errs, timing: faster(60_000), read: config.Load, servers: &servers{}}
	ended := make(chan error, 1)
	go func() { ended <- (&runCommand{Debug: true}).Run(ctx, a) }()
	stopped := sync.OnceFunc(func() {
		stop()
		if err := deadline.Receive(t, "the daemon ends", ended); err != nil {
			t.Errorf("the daemon ended with %v", err)
		}
	})
	defer stopped()
	select {
	case <-errs.said:
	case <-time.After(2 * time.Minute):
		t.Fatalf("the daemon did not start: %s", errs.String())
	}
	for end := time.Now().Add(10 * time.Minute); len(k.secrets) > 0 && e.answered() < e.round(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%d answers, want %d", e.answered(), e.round())
		}
	}
	for range 2 * len(moods) {
		out, errs, _ := w.do("mail", "test")
		said["mail test"] += out + errs
	}
	for _, args := range [][]string{{"mail", "outbox"}, {"mail", "outbox", "-n", "1000"}, {"check"}, {"mail", "outbox", "-n", "1000", "--json"}, {"why", "1"}} {
		out, errs, _ := w.do(args...)
		said[strings.Join(args, " ")] = out + errs
	}
	for _, path := range []string{
		"/api/reports?limit=1000", "/api/reports?undelivered=true", "/api/reports?dead=true", "/api/changes/1", "/api/channels/analysts/preview", "/metrics", "/", "/api/openapi.json",
	} {
		resp, err := w.get(path)
		if err == nil {
			var b []byte
			b, err = io.ReadAll(resp.Body)
			resp.Body.Close()
			said[path] = string(b)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	stopped()
	said["log"] = errs.String()
	out, problem, _ := w.do("mail", "retry")
	said["mail retry"] = out + problem
	err = filepath.WalkDir(filepath.Join(w.dir, "data"), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		said[path] = string(b)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(k.secrets) > 0 && (!strings.Contains(said[path], "analysts") || !strings.Contains(said["/api/reports?limit=1000"], `"answer"`)) {
		t.Errorf("nothing was kept of what the server answered: %s", said["/api/reports?limit=1000"])
	}
	k.secrets = append(k.secrets, e.signs[:min(len(e.signs), 20)]...)
	for who, text := range said {
		if found := leaks(text, k.secrets); len(found) > 0 {
			i := strings.Index(text, found[0])
			t.Errorf("%s: %d parts of secrets, such as %q in …%q…", who, len(found), found[0], text[max(i-100, 0):min(i+200, len(text))])
		}
	}
	snd, err := notify.NewSender(k.keys["kind"].(string), settingsOf(k.keys))
	if err != nil {
		t.Fatal(err)
	}
	if found := leaks(strings.Join(snd.Recipients(), " "), k.secrets); len(found) > 0 {
		t.Errorf("recipients are %q, which has %q", snd.Recipients(), found)
	}
}

// get asks the daemon, with its token.
func (w *world) get(path string) (*http.Response, error) {
	token, err := api.Token(filepath.Join(w.dir, "data"))
	if err != nil {
		return nil, err
	}
	r, err := http.NewRequest(http.MethodGet, "http://"+w.address()+path, nil)
	if err != nil {
		return nil, err
	}
	r.Header.Set("Authorization", "Bearer "+token)
	return http.DefaultClient.Do(r)
}

// settingsOf are the settings of the keys of a configuration.
func settingsOf(keys map[string]any) notify.Settings {
	text := func(key string) string { s, _ := keys[key].(string); return s }
	to, _ := keys["to"].([]string)
	return notify.Settings{
		Server: text("server"), Username: text("username"), Password: text("password"), Plaintext: keys["plaintext"] == true, Hello: text("hello"),
		From: text("from"), To: to, URL: text("url"), Secret: text("secret"), Path: text("path"),
	}
}

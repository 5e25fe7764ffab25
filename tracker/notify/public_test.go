package notify_test

import (
	"encoding/json"
	"fmt"
	"io"
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
	"shopwatch/storage/merkle"
	"shopwatch/tracker"
	"shopwatch/tracker/notify"
)

// Where people can reach the dashboard, what arrives leads to the proof of each
// change. A chat that has no room for all of them is cut between two lines: half
// an address leads to another change.
func TestReportsLeadToTheDashboard(t *testing.T) {
	db, srv, dir := fresh(t), serveMail(t, fixtures.SMTPOptions{}), t.TempDir()
	var mu sync.Mutex
	var chat string
	bot := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		var said struct{ Text string }
		if err := json.Unmarshal(body, &said); err != nil {
			t.Error(err)
		}
		mu.Lock()
		chat = said.Text
		mu.Unlock()
		_, _ = fmt.Fprint(w, `{"ok":true,"result":{}}`)
		if err != nil {
			t.Error(err)
		}
	}))
	t.Cleanup(bot.Close)
	public := "https://watch.example.com/" + strings.Repeat("a", 400) + "/"
	n, err := notify.New(ctx, db, notify.Options{
		Public: public, RetryFirst: time.Millisecond, RetryMost: 2 * time.Millisecond,
		Channels: []notify.Channel{
			{Name: "analysts", Sender: sender(t, "email", mailTo(srv, "team@example.com"))},
			{Name: "chat", Sender: sender(t, "telegram", notify.Settings{URL: "telegram://1:AA@telegram?chats=@shop&api=" + url.QueryEscape(bot.URL)})},
			{Name: "readers", Sender: sender(t, "feed", notify.Settings{Path: dir})},
		},
	}, quietLog())
	if err != nil {
		t.Fatal(err)
	}
	list := []tracker.Product{product("1")}
	commit(t, db, "tencent", nine, list...)
	var many []tracker.Product
	for i := range 12 {
		many = append(many, product(fmt.Sprint(100+i)))
	}
	commit(t, db, "tencent", nine.Add(time.Hour), append(many, list...)...)
	flushUntil(t, n, db)
	mails := deliveries(t, srv)
	if len(mails) != 1 {
		t.Fatalf("%d mails, want 1", len(mails))
	}
	entries := readFeed(t, filepath.Join(dir, "tencent.xml")).Entries
	if len(entries) != 1 {
		t.Fatalf("%d entries in the feed, want 1", len(entries))
	}
	for seq := range 12 {
		for form, got := range map[string]string{"text": mails[0].Text, "HTML": mails[0].HTML, "feed": entries[0].Content} {
			if !regexp.MustCompile(fmt.Sprintf(`/changes/%d["\s]`, seq+1)).MatchString(got) {
				t.Errorf("%s does not lead to change %d", form, seq+1)
			}
		}
	}
	if !strings.Contains(entries[0].Content, "\n— shopwatch/") {
		t.Errorf("the feed has no checkpoint:\n%s", entries[0].Content)
	}
	mu.Lock()
	defer mu.Unlock()
	lines := strings.Split(chat, "\n")
	if lines[len(lines)-1] != "…" || len(chat) > 4010 {
		t.Errorf("the chat has %d bytes and ends with %q, want it cut", len(chat), lines[len(lines)-1])
	}
	whole := 0
	for _, line := range lines {
		if at := strings.Index(line, "https://watch"); at >= 0 {
			whole++
			if !regexp.MustCompile(`^` + regexp.QuoteMeta(public) + `changes/\d+$`).MatchString(line[at:]) {
				t.Errorf("the chat leads to %s", line[at:])
			}
		}
	}
	if whole < 3 {
		t.Errorf("the chat leads to %d changes, want more:\n%s", whole, chat)
	}
}

// Whatever a report is sent as, it holds the signed state of the log in a form in
// which verify finds it, and leads to how a verdict comes about.
func TestEveryReportCanBeVerified(t *testing.T) {
	db, srv, dir := fresh(t), serveMail(t, fixtures.SMTPOptions{}), t.TempDir()
	var mu sync.Mutex
	got := make(map[string]string)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		said := string(body)
		var chat struct{ Text string }
		if json.Unmarshal(body, &chat) == nil && chat.Text != "" && !strings.HasPrefix(r.URL.Path, "/hook") {
			said = chat.Text // as the chat shows it
		}
		mu.Lock()
		got[strings.Split(r.URL.Path, "/")[1]] = said
		mu.Unlock()
		_, _ = fmt.Fprint(w, `{"ok":true,"result":{},"errcode":0}`)
	}))
	t.Cleanup(server.Close)
	n, err := notify.New(ctx, db, notify.Options{
		Public: "https://watch.example.com/", RetryFirst: time.Millisecond, RetryMost: 2 * time.Millisecond,
		Channels: []notify.Channel{
			{Name: "analysts", Sender: sender(t, "email", mailTo(srv, "team@example.com"))},
			{Name: "chat", Sender: sender(t, "telegram", notify.Settings{URL: "telegram://1:AA@telegram?chats=@shop&api=" + url.QueryEscape(server.URL)})},
			{Name: "hook", Sender: sender(t, "webhook", notify.Settings{URL: server.URL + "/hook"})},
			{Name: "readers", Sender: sender(t, "feed", notify.Settings{Path: dir})},
			{Name: "notes", Sender: sender(t, "file", notify.Settings{Path: filepath.Join(dir, "notes.jsonl")})},
		},
	}, quietLog())
	if err != nil {
		t.Fatal(err)
	}
	commit(t, db, "tencent", nine, product("1"))
	commit(t, db, "tencent", nine.Add(time.Hour), product("1"), product("2"))
	flushUntil(t, n, db)
	mail := deliveries(t, srv)[0]
	notes, err := os.ReadFile(filepath.Join(dir, "notes.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	mu.Lock()
	defer mu.Unlock()
	got["mail"], got["text"], got["HTML"], got["notes"] = string(mail.raw), mail.Text, mail.HTML, string(notes)
	got["feed"] = readFeed(t, filepath.Join(dir, "tencent.xml")).Entries[0].Content
	tree, err := db.Tree(ctx)
	if err != nil {
		t.Fatal(err)
	}
	key, err := merkle.Key(tree.Signer)
	if err != nil || len(got) != 7 {
		t.Fatalf("%d forms of the report, want 7: %v", len(got), err)
	}
	for form, text := range got {
		marks, _, err := merkle.Find(text)
		if err != nil || len(marks) != 1 || marks[0].Size != tree.Size || marks[0].Verify(key) != nil {
			t.Errorf("%s: checkpoints %+v, %v; want the one of %d changes\n%s", form, marks, err, tree.Size, text)
		}
		if form != "mail" && !strings.Contains(text, "https://watch.example.com/method?lang=en") {
			t.Errorf("%s does not lead to how a verdict comes about:\n%s", form, text)
		}
	}
}

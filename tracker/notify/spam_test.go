package notify_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"testing"

	"shopwatch/fixtures"
	"shopwatch/tracker/notify"
)

// TestSpamAssassin: a mail has no points by its form alone.
func TestSpamAssassin(t *testing.T) {
	spamassassin, err := exec.LookPath("spamassassin")
	if err != nil {
		const why = "there is no SpamAssassin here, so nobody looked what it makes of the mails: install spamassassin"
		if os.Getenv("CI") != "" {
			t.Fatal(why)
		}
		fmt.Fprintln(os.Stderr, "SKIPPED: TestSpamAssassin:", why)
		t.Skip(why)
	}
	for _, lang := range []string{"en", "zh"} {
		srv := serveMail(t, fixtures.SMTPOptions{})
		n := notifier(t, fresh(t), quietLog(), notify.Channel{Name: "analysts", Lang: lang, Sender: sender(t, "email", mailTo(srv, "a@example.com"))})
		p, err := n.Preview(ctx, "analysts", 0, false)
		if err != nil {
			t.Fatal(err)
		}
		home := t.TempDir()
		cmd := exec.CommandContext(t.Context(), spamassassin, "--local", "--nocreate-prefs", "--prefspath="+home+"/prefs", "--test-mode")
		cmd.Stdin, cmd.Env = bytes.NewReader(p.EML), append(os.Environ(), "HOME="+home)
		said, err := cmd.Output()
		if err != nil {
			t.Fatalf("SpamAssassin: %v", err)
		}
		m := regexp.MustCompile(`score=(-?[0-9.]+)`).FindSubmatch(said)
		if m == nil {
			t.Fatalf("SpamAssassin gives no score:\n%s", said)
		}
		if score, err := strconv.ParseFloat(string(m[1]), 64); err != nil || score > 0.2 {
			_, why, _ := bytes.Cut(said, []byte("Content analysis details"))
			t.Errorf("%s: score %s, %v, want next to none:\n%s", lang, m[1], err, why)
		}
	}
}

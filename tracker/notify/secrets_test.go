package notify_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"shopwatch/fixtures"
	"shopwatch/tracker/notify"
)

// TestAnswersStayReadable: what a server says without telling a secret is kept
// as it is, also where it uses the words of an address.
func TestAnswersStayReadable(t *testing.T) {
	var status int
	var said string
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		fmt.Fprint(w, said)
	}))
	t.Cleanup(srv.Close)
	const token = "5f4e3d2c1b0a99887766"
	tests := []struct {
		name, kind, url string
		status          int
		said            string
		answer, err     string // HOST stands for the server's address
	}{
		{"taken", "webhook", srv.URL + "/robot/send/" + token, 200, "thanks, the robot has it", "thanks, the robot has it", ""},
		{"refused", "webhook", srv.URL + "/robot/send/" + token, 400, "the robot does not send this", "", "refused for good: 400 Bad Request the robot does not send this"},
		{"not there", "webhook", srv.URL + "/robot/send/" + token, 404, "no /robot/send/" + token + " here", "", "404 Not Found no … here"},
		{"a part of the token", "webhook", srv.URL + "/robot/send/" + token, 403, "bad token " + token[5:14] + "...", "", "403 Forbidden bad token …..."},
		{"capitals", "webhook", srv.URL + "/robot/send/" + token, 403, "bad token " + strings.ToUpper(token), "", "403 Forbidden bad token …"},
		{"another answer", "dingtalk", srv.URL + "/robot/send?access_token=" + token, 200, "what robot?", "", `the robot answers "what robot?"`},
		{"token refused", "dingtalk", srv.URL + "/robot/send?access_token=" + token, 200, `{"errcode":300001,"errmsg":"token is not exist"}`, "", "300001 token is not exist"},
		{"no such chat", "telegram", "telegram://110201543:" + token + "@telegram?chats=@shop&api=" + url.QueryEscape(srv.URL), 400,
			`{"ok":false,"description":"Bad Request: chat not found"}`, "", "refused for good: 400 Bad Request Bad Request: chat not found"},
		{"nobody listens", "telegram", "telegram://110201543:" + token + "@telegram?chats=@shop&api=http%3A%2F%2F127.0.0.1%3A1", 0, "",
			"", "reach 127.0.0.1:1: dial tcp 127.0.0.1:1: connect: connection refused"},
		{"a short key", "webhook", srv.URL + "/in?key=" + url.QueryEscape(`"a"`), 409, `"\"a\"" is bad, "a" too`, "", `409 Conflict "…" is bad, … too`},
		{"short words", "webhook", srv.URL + "/in?key=" + token + "&v=2&on=yes", 409, "2 more of key, yes", "", "409 Conflict 2 more of key, …"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			status, said = tt.status, tt.said
			db := fresh(t)
			n := notifier(t, db, quietLog(), notify.Channel{Name: "analysts", Sender: sender(t, tt.kind, notify.Settings{URL: tt.url})})
			two(t, db)
			answer, err := n.Test(t.Context(), "analysts")
			got := ""
			if err != nil {
				_, got, _ = strings.Cut(err.Error(), ": ") // the recipient
			}
			if answer != tt.answer || got != tt.err {
				t.Errorf("Test = %q, %q, want %q, %q", answer, got, tt.answer, tt.err)
			}
		})
	}
}

// TestLoginsStayReadable: the name of an account is often an address, and part
// of those that an error is about.
func TestLoginsStayReadable(t *testing.T) {
	srv := serveMail(t, fixtures.SMTPOptions{Security: fixtures.StartTLS, Auth: []string{"PLAIN"}, Username: "shopwatch@example.com", Password: "right-s3cret"})
	settings := mailTo(srv, "a@example.com")
	settings.Username, settings.Password, settings.Plaintext = "shopwatch@example.com", "wrong-s3cret", false
	n := notifier(t, fresh(t), quietLog(), notify.Channel{Name: "analysts", Sender: sender(t, "email", settings)})
	_, err := n.Test(t.Context(), "analysts")
	want := "a@example.com: " + srv.Addr() + " does not accept the login of shopwatch@example.com, check username and password: 535 5.7.8 Authentication failed"
	if err == nil || err.Error() != want {
		t.Errorf("Test = %v, want %s", err, want)
	}
}

// TestBadSettingsTellNoSecret: also not where the secret itself is what is bad.
func TestBadSettingsTellNoSecret(t *testing.T) {
	const secret = "t0kent0ken-t0kent0ken"
	for _, kind := range notify.Kinds() {
		for _, address := range []string{
			kind.Name + "://" + secret, kind.Name + "://x:" + secret + "@%zz/", kind.Name + "://" + secret + ":y@host:port/" + secret, "https://" + secret + "@h/" + secret + "\x7f", secret,
		} {
			_, err := notify.NewSender(kind.Name, notify.Settings{URL: address, Server: address, Path: secret, Secret: secret, Password: secret, From: "a@b"})
			if err != nil && (strings.Contains(err.Error(), secret[:8]) || strings.Contains(err.Error(), secret[11:])) {
				t.Errorf("%s with %s: %v", kind.Name, address, err)
			}
		}
	}
}

package web_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"shopwatch/storage"
	"shopwatch/tracker/api"
	"shopwatch/tracker/web"
)

// A leaver is a function that is a web.Leaver.
type leaver func(channel, to, token string, act, back bool) (bool, error)

func (l leaver) Leave(_ context.Context, channel, to, token string, act, back bool) (bool, error) {
	return l(channel, to, token, act, back)
}

// TestUnsubscribe: a look asks, a click acts, a strange token does nothing; no
// token of the API is needed, and it opens nothing else.
func TestUnsubscribe(t *testing.T) {
	var did []string
	leave := leaver(func(channel, to, token string, act, back bool) (bool, error) {
		if token == "broken" {
			return true, fmt.Errorf("write: %w", storage.ErrFull)
		}
		if token != "good" {
			return false, nil
		}
		did = append(did, fmt.Sprint(channel, " ", to, " ", act, " ", back))
		return true, nil
	})
	var log safeBuffer
	logger := slog.New(slog.NewTextHandler(&log, nil))
	o := options(database(t))
	o.Closed, o.Unguarded = true, map[string]http.Handler{"/unsubscribe": web.Unsubscribe(leave, logger)}
	srv := httptest.NewServer(api.New(o, logger))
	t.Cleanup(srv.Close)
	link := func(token string) string {
		return srv.URL + "/unsubscribe?" + url.Values{"channel": {"analysts"}, "to": {`"><script>@x`}, "token": {token}}.Encode()
	}
	tests := []struct {
		name, method, url, body string
		status                  int
		did, says               string
	}{
		{"a look asks", "GET", link("good"), "", 200, `analysts "><script>@x false false`, "Unsubscribe"},
		{"a scanner of mails looks", "HEAD", link("good"), "", 200, `analysts "><script>@x false false`, ""},
		{"a mail program clicks", "POST", link("good"), "List-Unsubscribe=One-Click", 200, `analysts "><script>@x true false`, "Undo"},
		{"undo", "POST", link("good"), "back=1", 200, `analysts "><script>@x true true`, "again"},
		{"strange token", "POST", link("bad"), "", 403, "", "not one of ours"},
		{"full disk", "POST", link("broken"), "", 503, "", "Try again later"},
		{"other methods", "PUT", link("good"), "", 405, "", ""},
		{"the API stays closed", "GET", srv.URL + "/api/changes", "", 401, "", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			did = nil
			req, err := http.NewRequestWithContext(t.Context(), tt.method, tt.url, strings.NewReader(tt.body))
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			resp, err := srv.Client().Do(req)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			text, err := io.ReadAll(resp.Body)
			if err != nil {
				t.Fatal(err)
			}
			if resp.StatusCode != tt.status || strings.Join(did, ";") != tt.did || !strings.Contains(string(text), tt.says) {
				t.Errorf("%d, did %q, said %s\nwant %d, %q, %q", resp.StatusCode, did, text, tt.status, tt.did, tt.says)
			}
			if strings.Contains(string(text), "<script>") {
				t.Error("the address is markup in the page")
			}
		})
	}
	// Strangers do not fill the log.
	if text := log.String(); strings.Count(text, "\n") != 1 || !strings.Contains(text, "cannot unsubscribe") {
		t.Errorf("the log says\n%s\nwant one line, about the disk", text)
	}
}

// TestUnsubscribedAreListed: who runs shopwatch learns who is told nothing any
// more; others do not.
func TestUnsubscribedAreListed(t *testing.T) {
	db := database(t)
	for _, channel := range []string{"analysts", "buyers"} {
		if err := db.Join(t.Context(), channel); err != nil {
			t.Fatal(err)
		}
		if err := db.Unsubscribe(t.Context(), channel, "a@"+channel+".example.com"); err != nil {
			t.Fatal(err)
		}
	}
	o := options(db)
	o.Channels = []string{"buyers"} // analysts were a channel once
	s := api.New(o, slog.New(slog.DiscardHandler))
	for channel, want := range map[string]string{
		"":         "[{analysts a@analysts.example.com} {buyers a@buyers.example.com}]",
		"analysts": "[{analysts a@analysts.example.com}]", "buyers": "[{buyers a@buyers.example.com}]",
	} {
		got, err := api.Local(s).Unsubscribed(t.Context(), channel)
		if err != nil || fmt.Sprint(got) != want {
			t.Errorf("of %q: %v, %v, want %s", channel, got, err, want)
		}
	}
	if got, err := api.Local(s).Unsubscribed(t.Context(), "nobody"); err == nil {
		t.Errorf("of a channel that never was: %v", got)
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, httptest.NewRequest("GET", "http://127.0.0.1/api/unsubscribed", nil))
	if w.Code != 401 {
		t.Errorf("without the token: %d, want 401", w.Code)
	}
}

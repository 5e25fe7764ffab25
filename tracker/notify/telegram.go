package notify

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

var telegramKind = Kind{
	Name: "telegram", Need: []string{"url"},
	new: func(s Settings) (Sender, error) {
		u, err := url.Parse(s.URL)
		if err != nil || u.Scheme != "telegram" || u.User == nil || u.Query().Get("chats") == "" {
			return nil, badSetting("url", "want telegram://TOKEN@telegram?chats=@CHANNEL,NUMBER")
		}
		api := u.Query().Get("api") // of a Bot API server of one's own
		if api == "" {
			api = "https://api.telegram.org"
		}
		return &telegram{
			s, strings.TrimSuffix(api, "/") + "/bot" + u.User.String() + "/sendMessage",
			strings.Split(u.Query().Get("chats"), ","), s.httpClient(),
		}, nil
	},
}

// A telegram sends to chats through a bot, by itself: shoutrrr v0.13.2 reports
// success when the connection breaks. Its url is that of shoutrrr.
type telegram struct {
	Settings
	method string
	chats  []string
	client *http.Client
}

func (t *telegram) Recipients() []string { return t.chats }

// telegramMost is how long a message may be: 4,096 characters.
const telegramMost = 4000

func (t *telegram) Send(ctx context.Context, l *Message) (string, error) {
	if err := former(t.chats, l.To); err != nil {
		return "", err
	}
	body, err := json.Marshal(map[string]any{
		"chat_id": l.To, "text": chatText(l, telegramMost), "disable_web_page_preview": true,
	})
	if err != nil {
		return "", &Refused{err.Error()}
	}
	status, answer, err := post(ctx, t.client, t.method, http.Header{"Content-Type": {"application/json"}}, body)
	if err != nil {
		return "", err
	}
	var a struct {
		OK          bool   `json:"ok"`
		Description string `json:"description"`
	}
	switch err := json.Unmarshal([]byte(answer), &a); {
	case err == nil && a.OK:
		return "ok", nil
	case err == nil && a.Description != "":
		answer = a.Description
	}
	if err := judge(status, answer); err != nil {
		return "", err
	}
	return "", fmt.Errorf("the bot answers %q", cutTo(answer, 100))
}

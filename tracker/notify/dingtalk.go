package notify

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"
)

var dingtalkKind = Kind{
	Name: "dingtalk", Need: []string{"url"}, May: []string{"secret"},
	new: func(s Settings) (Sender, error) {
		u, err := webAddress(s.URL)
		if err != nil {
			return nil, err
		}
		if u.Query().Get("access_token") == "" {
			return nil, badSetting("url", "want the whole address of the robot, https://oapi.dingtalk.com/robot/send?access_token=…")
		}
		return &dingtalk{s, u, s.httpClient()}, nil
	},
}

// A dingtalk sends to a robot of a DingTalk group. The secret is that of the
// robot's signature check, if it has one.
type dingtalk struct {
	Settings
	url    *url.URL
	client *http.Client
}

func (d *dingtalk) Recipients() []string { return []string{d.url.Host} }

// dingtalkMost is how long a message may be: the robot takes 20,000 bytes.
const dingtalkMost = 15_000

func (d *dingtalk) Send(ctx context.Context, l *Message) (string, error) {
	body, err := json.Marshal(map[string]any{
		"msgtype": "text", "text": map[string]string{"content": chatText(l, dingtalkMost)},
	})
	if err != nil {
		return "", &Refused{err.Error()}
	}
	u := *d.url
	var signature secrets
	if d.Secret != "" {
		at := fmt.Sprint(time.Now().UnixMilli())
		mac := hmac.New(sha256.New, []byte(d.Secret))
		mac.Write([]byte(at + "\n" + d.Secret))
		q := u.Query()
		q.Set("timestamp", at)
		q.Set("sign", base64.StdEncoding.EncodeToString(mac.Sum(nil)))
		signature.add(q.Get("sign"))
		u.RawQuery = q.Encode()
	}
	status, answer, err := post(ctx, d.client, u.String(), http.Header{"Content-Type": {"application/json"}}, body)
	if err == nil {
		err = d.judge(status, answer)
	}
	return cutTo(signature.hide(answer), 200), signature.hideIn(err)
}

// judge reads the robot's answer, which says in JSON what went wrong while the
// status is 200.
func (d *dingtalk) judge(status int, answer string) error {
	if err := judge(status, answer); err != nil {
		return err
	}
	var a struct {
		Code int    `json:"errcode"`
		Text string `json:"errmsg"`
	}
	if err := json.Unmarshal([]byte(answer), &a); err != nil {
		return fmt.Errorf("the robot answers %q", cutTo(answer, 100))
	}
	said := fmt.Sprintf("%d %s", a.Code, a.Text)
	switch {
	case a.Code == 0:
		return nil
	case a.Code == 40035, a.Code >= 460100 && a.Code < 460110: // a parameter, or the text itself, is not good
		return &Refused{said}
	}
	return errors.New(said)
}

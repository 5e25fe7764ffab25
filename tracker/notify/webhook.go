package notify

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"shopwatch/tracker"
)

var webhookKind = Kind{
	Name: "webhook", Need: []string{"url"}, May: []string{"secret"},
	new: func(s Settings) (Sender, error) {
		u, err := webAddress(s.URL)
		if err != nil {
			return nil, err
		}
		return &webhook{s, u, s.httpClient()}, nil
	},
}

// A webhook posts reports as JSON. With a secret it signs them: the header
// X-Shopwatch-Signature is "sha256=" and the HMAC-SHA256, in hexadecimal, of
// the header X-Shopwatch-Time, a dot and the body. The header Idempotency-Key
// is the same on every attempt at one report.
type webhook struct {
	Settings
	url    *url.URL
	client *http.Client
}

func (w *webhook) Recipients() []string { return []string{w.url.Host} }

func (w *webhook) Send(ctx context.Context, l *Message) (string, error) {
	body, err := json.Marshal(publicOf(l))
	if err != nil {
		return "", &Refused{err.Error()}
	}
	h := http.Header{}
	h.Set("Content-Type", "application/json")
	h.Set("Idempotency-Key", l.ID)
	if w.Secret != "" {
		at := fmt.Sprint(time.Now().Unix())
		h.Set("X-Shopwatch-Time", at)
		h.Set("X-Shopwatch-Signature", "sha256="+sign(w.Secret, at, body))
	}
	status, answer, err := post(ctx, w.client, w.URL, h, body)
	if err == nil {
		err = judge(status, answer)
	}
	if answer == "" {
		answer = http.StatusText(status)
	}
	return cutTo(answer, 200), err
}

func sign(secret, at string, body []byte) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(at + "."))
	mac.Write(body)
	return hex.EncodeToString(mac.Sum(nil))
}

// A publicReport is a report in JSON, for webhooks and files. Fields may be
// added to it, never renamed.
type publicReport struct {
	ID      string           `json:"id"` // the same on every attempt
	Report  uint64           `json:"report"`
	Channel string           `json:"channel"`
	Created string           `json:"created"`
	About   string           `json:"about,omitempty"` // "heartbeat" for a report without changes
	Subject string           `json:"subject"`
	Text    string           `json:"text"` // a few lines, for a chat
	Sample  bool             `json:"sample,omitempty"`
	Changes []tracker.Change `json:"changes"`
	Scans   []tracker.Scan   `json:"scans"` // that the changes rest on
	Quiet   []publicQuiet    `json:"quiet,omitempty"`

	Checkpoint string `json:"checkpoint,omitempty"` // the signed state of the change log
	LogKey     string `json:"log_key,omitempty"`    // the log's public key
	Method     string `json:"method,omitempty"`     // address of how a verdict comes about
}

type publicQuiet struct {
	Storefront tracker.StorefrontName `json:"storefront"`
	Scans      int                    `json:"scans"`
	Complete   int                    `json:"complete"`
	Products   int                    `json:"products"`
}

func publicOf(l *Message) *publicReport {
	s := l.Story
	p := &publicReport{
		ID: l.ID, Report: s.Report.ID, Channel: s.Report.Channel, About: s.Report.About, Sample: s.Sample,
		Created: s.Report.Created.UTC().Format(tracker.TimeFormat), Subject: l.Mail.Subject(), Text: l.Mail.Brief(),
		Changes: append([]tracker.Change{}, s.Changes...), Scans: []tracker.Scan{},
		Checkpoint: s.Checkpoint, LogKey: s.Key,
	}
	_, p.Method = l.Mail.Method()
	for i := range s.Scans {
		p.Scans = append(p.Scans, s.Scans[i].Scan)
	}
	for _, q := range s.Quiet {
		p.Quiet = append(p.Quiet, publicQuiet{q.Storefront, q.Scans, q.Complete, q.Products})
	}
	return p
}

// cutTo shortens a string to about n bytes without cutting a character.
func cutTo(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && s[n]&0xC0 == 0x80 {
		n--
	}
	return s[:n] + "…"
}

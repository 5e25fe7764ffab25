package web

import (
	"context"
	"html/template"
	"log/slog"
	"net/http"
	"time"
)

// A Leaver ends deliveries to people who ask for it.
type Leaver interface {
	// Leave ends the deliveries of a channel to a recipient, or with back begins
	// them again, for whoever has the token; without act it looks at the token
	// only. It reports false for a token that was not made for them.
	Leave(ctx context.Context, channel, to, token string, act, back bool) (known bool, err error)
}

// Unsubscribe serves the links by which people leave a channel. It stands
// outside of what the token guards: mail programs post to it (RFC 8058), and
// the link's own token says who may. GET and HEAD change nothing, because
// scanners of mails follow every link.
func Unsubscribe(l Leaver, log *slog.Logger) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { unsubscribe(l, log, w, r) })
}

func unsubscribe(l Leaver, log *slog.Logger, w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Robots-Tag", "noindex")
	switch r.Method {
	case http.MethodGet, http.MethodHead, http.MethodPost:
	default:
		h.Set("Allow", "GET, HEAD, POST")
		http.Error(w, "GET or POST", http.StatusMethodNotAllowed)
		return
	}
	// Anybody may ask. A failure is found by the reading itself.
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(5 * time.Second))
	r.Body = http.MaxBytesReader(w, r.Body, 4<<10)
	q := r.URL.Query()
	p := leavePage{Channel: q.Get("channel"), To: q.Get("to"), Query: "?" + r.URL.RawQuery}
	act := r.Method == http.MethodPost
	if act {
		p.State = "left"
		if r.PostFormValue("back") != "" {
			p.State = "back"
		}
	}
	status := http.StatusOK
	switch known, err := l.Leave(r.Context(), p.Channel, p.To, q.Get("token"), act, p.State == "back"); {
	case err != nil:
		log.Error("a recipient cannot unsubscribe", "channel", p.Channel, "err", err)
		p, status = leavePage{State: "later"}, http.StatusServiceUnavailable
	case !known: // and nothing of what strangers write is logged
		p, status = leavePage{State: "bad"}, http.StatusForbidden
	}
	h.Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_ = leaveTemplate.Execute(w, p) // the client is gone
}

// A leavePage is what the page says. State is "left", "back", "bad", "later" or,
// for a question, empty.
type leavePage struct{ Channel, To, Query, State string }

var leaveTemplate = template.Must(template.New("leave").Parse(`<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark"><title>shopwatch</title>
<style>
body { margin: 0; font: 16px/1.5 -apple-system, BlinkMacSystemFont, "Segoe UI", Roboto, "PingFang SC", "Microsoft YaHei", "Noto Sans CJK SC", sans-serif; color: #1d1c1a; background: #f4f3f0 }
main { max-width: 26rem; margin: 12vh auto; padding: 2rem; background: #fff; border-radius: 12px }
p { margin: 0 0 1rem; overflow-wrap: anywhere } .mut { color: #6f6d68; font-size: 14px; margin: 1rem 0 0 }
button { font: inherit; padding: .6rem 1.2rem; border: 0; border-radius: 8px; background: #1d1c1a; color: #fff; cursor: pointer }
@media (prefers-color-scheme: dark) { body { color: #efedea; background: #131312 } main { background: #1e1d1b } .mut { color: #a5a19a } button { background: #efedea; color: #131312 } }
</style></head><body><main>
{{- if eq .State "bad"}}
<p>This link is not one of ours any more. Ask whoever runs this shopwatch.</p>
<p lang="zh-CN">链接已失效，请联系 shopwatch 的管理员。</p>
{{- else if eq .State "later"}}
<p>Nothing was changed: this shopwatch has trouble with its database. Try again later.</p>
<p lang="zh-CN">暂时无法处理，请稍后再试。</p>
{{- else if eq .State "left"}}
<p>{{.To}} gets no more reports of “{{.Channel}}”.</p>
<p lang="zh-CN">已退订，不会再收到“{{.Channel}}”的报告。</p>
<form method="post" action="{{.Query}}"><button name="back" value="1">Undo · 撤销</button></form>
{{- else if eq .State "back"}}
<p>{{.To}} gets the reports of “{{.Channel}}” again.</p>
<p lang="zh-CN">已恢复订阅“{{.Channel}}”的报告。</p>
{{- else}}
<p>Send no more reports of “{{.Channel}}” to {{.To}}?</p>
<p lang="zh-CN">不再向该地址发送“{{.Channel}}”的报告？</p>
<form method="post" action="{{.Query}}"><button>Unsubscribe · 退订</button></form>
{{- end}}
<p class="mut">shopwatch</p>
</main></body></html>
`))

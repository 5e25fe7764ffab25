package login

import (
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"shopwatch/fixtures"
	"shopwatch/tracker/browser"
	"shopwatch/tracker/market/all"
)

// A login page that hangs, or shows no code that can be read, is not the end of
// the time that a person has. It is opened again, some times.
func TestLoginPageThatIsOfNoUse(t *testing.T) {
	if testing.Short() {
		t.Skip("needs Chrome")
	}
	if _, err := browser.Find(""); err != nil {
		t.Fatal(err)
	}
	m, err := all.Markets().ByName("tmall")
	if err != nil {
		t.Fatal(err)
	}
	const (
		// Chrome ends a request when the machine's network changes, as it does
		// beside tests that cut networks: another follows.
		hanging = "<body>登录<script>for (;;) try { const r = new XMLHttpRequest(); r.open('GET', '/never', false); r.send() } catch {}</script></body>"
		empty   = "<body>登录</body>"
	)
	for _, tt := range []struct {
		name           string
		page           string
		pages          int64 // of that kind; those that follow show a challenge
		look, patience time.Duration
		want           string
		told           int // how often it is told that a page hangs
	}{
		{"hangs once", hanging, 1, 8 * time.Second, 0, "shows a challenge (slider)", 1},
		{"hangs for ever", hanging, mostHung + 1, 100 * time.Millisecond, 0, "look at the login page: ", mostHung},
		{"no code once", empty, 1, 0, time.Second, "shows a challenge (slider)", 0},
		{"never a code", empty, mostUnread + 1, 0, time.Second, "shows no code that can be read", 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			mall, err := fixtures.NewMall()
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { mall.Close() })
			mall.Handle("login.taobao.com", "/never", http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }))
			var shown atomic.Int64
			mall.Handle("login.taobao.com", "/member/login.jhtml", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				page := tt.page
				if shown.Add(1) > tt.pages {
					page = `<body><div id="nocaptcha" class="nc-container" style="width:300px;height:40px">请按住滑块</div></body>`
				}
				w.Header().Set("Content-Type", "text/html; charset=utf-8")
				io.WriteString(w, page)
			}))
			var out strings.Builder
			s := Session{
				Market: m, Out: &out, Prompt: io.Discard, lookTimeout: tt.look, patience: tt.patience,
				Browser: browser.Options{Profile: filepath.Join(t.TempDir(), "profile"), Flags: mall.Flags()},
			}
			err = s.ByPhone(t.Context(), 10*time.Minute)
			if err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "10m") {
				t.Errorf("the login ends with %v, want %q", err, tt.want)
			}
			if n := strings.Count(out.String(), "is opened again"); n != tt.told {
				t.Errorf("it is told %d times that it hangs, want %d:\n%s", n, tt.told, &out)
			}
			want := tt.pages
			if strings.Contains(tt.want, "challenge") {
				want++
			}
			if n := shown.Load(); n != want {
				t.Errorf("%d pages were shown, want %d", n, want)
			}
		})
	}
}

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

// A login page that hangs is not the end of the time that a person has. It is
// opened again, some times.
func TestLoginPageThatHangs(t *testing.T) {
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
	for _, tt := range []struct {
		name  string
		look  time.Duration
		hangs int64 // pages; those that follow show a challenge
		want  string
	}{
		{"once", 3 * time.Second, 1, "shows a challenge (slider)"},
		{"for ever", 100 * time.Millisecond, 1000, "look at the login page: "},
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
				page := "<body>登录<script>const r = new XMLHttpRequest(); r.open('GET', '/never', false); r.send()</script></body>"
				if shown.Add(1) > tt.hangs {
					page = `<body><div id="nocaptcha" class="nc-container" style="width:300px;height:40px">请按住滑块</div></body>`
				}
				w.Header().Set("Content-Type", "text/html; charset=utf-8")
				io.WriteString(w, page)
			}))
			var out strings.Builder
			s := Session{
				Market: m, Out: &out, Prompt: io.Discard, lookTimeout: tt.look,
				Browser: browser.Options{Profile: filepath.Join(t.TempDir(), "profile"), Flags: mall.Flags()},
			}
			err = s.ByPhone(t.Context(), 10*time.Minute)
			if err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "10m") {
				t.Errorf("the login ends with %v, want %q", err, tt.want)
			}
			again := min(tt.hangs, mostHung)
			if n := int64(strings.Count(out.String(), "is opened again")); n != again || shown.Load() != again+1 {
				t.Errorf("%d pages were shown, and it is told %d times, want %d and one more:\n%s", shown.Load(), n, again, &out)
			}
		})
	}
}

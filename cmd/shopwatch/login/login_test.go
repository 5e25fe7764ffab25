package login

import (
	"image"
	"strings"
	"testing"
	"time"

	"shopwatch/fixtures"
	"shopwatch/tracker/browser"
	"shopwatch/tracker/market/all"
)

func TestQRCode(t *testing.T) {
	for _, text := range []string{"a", "https://login.m.taobao.com/qrcodeCheck.htm?lgToken=0123456789abcdef", strings.Repeat("https://x.taobao.com/?k=", 20), "扫一扫",
		// Codes that a reader misses which looks for the code in the picture.
		"https://qr.m.jd.com/p?k=125bc88eeacab647", "https://qr.m.jd.com/p?k=f71b6e8ae0aed6dd"} {
		code, err := encodeQR(text)
		if err != nil {
			t.Fatal(err)
		}
		if got := readQR(code.image(3)); got != text {
			t.Errorf("the picture of %q reads %q", text, got)
		}
		var b strings.Builder
		if err := code.print(&b, false); err != nil {
			t.Fatal(err)
		}
		if got := fixtures.ReadTerminalQR(b.String()); len(got) != 1 || got[0] != text {
			t.Errorf("the blocks of %q read %q", text, got)
		}
		b.Reset()
		if err := code.print(&b, true); err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(b.String()) {
			if !strings.HasPrefix(line, "\x1b[") || !strings.HasSuffix(line, "\x1b[0m\n") {
				t.Fatalf("a line in colour = %q, want both colours set and reset", line)
			}
		}
	}
	if got := readQR(image.NewGray(image.Rect(0, 0, 300, 300))); got != "" {
		t.Errorf("an empty picture reads %q", got)
	}
}

func TestState(t *testing.T) {
	m, err := all.Markets().ByName("tmall")
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	day := func(n int) time.Time { return now.Add(time.Duration(n) * 24 * time.Hour) }
	cookie := func(domain, name string, end time.Time) browser.Cookie {
		return browser.Cookie{Domain: domain, Name: name, Expires: end}
	}
	for _, tt := range []struct {
		name    string
		made    time.Time
		cookies []browser.Cookie
		want    string
	}{
		{"never", time.Time{}, nil, "Not logged in to tmall: shopwatch login tmall"},
		{"of a visitor", time.Time{}, []browser.Cookie{cookie(".tmall.com", "cookie2", day(9))}, "Not logged in to tmall: shopwatch login tmall"},
		{"in two domains, half each", time.Time{}, []browser.Cookie{cookie(".tmall.com", "cookie2", day(9)), cookie(".taobao.com", "lgc", day(9))},
			"Not logged in to tmall: shopwatch login tmall"},
		{"of another's domain", day(-3), []browser.Cookie{cookie(".nottmall.com", "cookie2", day(9)), cookie(".nottmall.com", "lgc", day(9))},
			"Logged in to tmall 3 days ago (qr), but its cookies are gone or have expired: shopwatch login tmall"},
		{"expired", day(-3), []browser.Cookie{cookie(".tmall.com", "cookie2", day(9)), cookie(".tmall.com", "lgc", day(-1))},
			"Logged in to tmall 3 days ago (qr), but its cookies are gone or have expired: shopwatch login tmall"},
		{"ends with the first cookie that counts", day(-3), []browser.Cookie{cookie(".tmall.com", "isg", day(1)), cookie(".tmall.com", "lgc", day(2)),
			cookie(".tmall.com", "tracknick", day(5)), cookie(".tmall.com", "cookie2", day(9))},
			"Logged in to tmall 3 days ago (qr); its cookies are kept until " + day(5).Format(time.DateOnly)},
		{"not made here", time.Time{}, []browser.Cookie{cookie(".taobao.com", "cookie2", day(9)), cookie(".taobao.com", "sn", day(8))},
			"Cookies of a login to tmall are there until " + day(8).Format(time.DateOnly)},
		{"session cookies", now.Add(-5 * time.Hour), []browser.Cookie{cookie(".tmall.com", "cookie2", time.Time{}), cookie(".tmall.com", "lgc", time.Time{})},
			"Logged in to tmall 5 hours ago (qr); its cookies are kept as long as Chrome runs"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := State{Marketplace: "tmall", At: tt.made}
			if !tt.made.IsZero() {
				s.Method = "qr"
			}
			s.judge(m, tt.cookies, now)
			if got := s.String(); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}

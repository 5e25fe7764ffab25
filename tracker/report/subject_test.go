package report_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"shopwatch/tracker"
	"shopwatch/tracker/report"
)

func TestEverySubjectFits(t *testing.T) {
	for _, lang := range []string{"en", "zh"} {
		for name, s := range stories(lang) {
			for _, title := range []string{"", "T", strings.Repeat("很长的店名", 30)} {
				s.Shops = map[tracker.StorefrontName]report.StorefrontInfo{"tencent": {Title: title}}
				m := write(t, s)
				if n := utf8.RuneCountInString(m.Subject); n > 78 {
					t.Errorf("%s.%s: subject of %d characters, want at most 78: %q", name, lang, n, m.Subject)
				}
				if strings.ContainsAny(m.Subject, "\r\n\u2028\u202e\x00") {
					t.Errorf("%s.%s: subject %q holds a character that can break a header", name, lang, m.Subject)
				}
			}
		}
	}
}

func TestSubjectSaysTheOutcome(t *testing.T) {
	added := tracker.Change{Kind: tracker.Added, Product: product("1", "a", 1)}
	added2 := tracker.Change{Kind: tracker.Added, Product: product("2", "b", 1)}
	gone := tracker.Change{Kind: tracker.Removed, Product: product("3", "c", 1)}
	price := func(id string) tracker.Change {
		return tracker.Change{Kind: tracker.Repriced, Product: product(id, "d", 1), Before: product(id, "d", 2)}
	}
	tests := []struct {
		name, lang string
		changes    []tracker.Change
		want       string
	}{
		{"products, most important first", "en", []tracker.Change{price("4"), added, gone, price("5"), added2, price("6")}, "[Tencent flagship] +2 new, -1 removed, 3 price changes · 22 Nov 09:01"},
		{"one is one", "en", []tracker.Change{price("4")}, "[Tencent flagship] 1 price change · 22 Nov 09:01"},
		{"chinese", "zh", []tracker.Change{added, added2, gone}, "[Tencent flagship] 上新 2，下架 1 · 11月22日 09:01"},
		{"stalled comes first", "en", []tracker.Change{added, {Kind: tracker.Stalled, Verdict: tracker.Login}}, "[Tencent flagship] Cannot read the storefront: login needed … · 22 Nov 09:01"},
		{"closed", "en", []tracker.Change{{Kind: tracker.Closed}}, "[Tencent flagship] Storefront closed · 22 Nov 09:01"},
		{"recovered in the end", "en", []tracker.Change{{Kind: tracker.Stalled, Verdict: tracker.Login}, {Kind: tracker.Recovered}}, "[Tencent flagship] Readable again · 22 Nov 09:01"},
		{"stalled in the end", "en", []tracker.Change{{Kind: tracker.Recovered}, {Kind: tracker.Stalled, Verdict: tracker.Login}}, "[Tencent flagship] Cannot read the storefront: login needed · 22 Nov 09:01"},
		{"recovered with what it brings", "en", []tracker.Change{{Kind: tracker.Recovered}, gone}, "[Tencent flagship] Readable again, -1 removed · 22 Nov 09:01"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := stories(tt.lang)["proofs"]
			s.Changes = number(tt.changes)
			m := write(t, s)
			if strings.Contains(m.Text, "What to do") && strings.Contains(m.Subject, "Readable") {
				t.Errorf("the report says what to do about what is over:\n%s", m.Text)
			}
			if m.Subject != tt.want {
				t.Errorf("Subject = %q, want %q", m.Subject, tt.want)
			}
		})
	}
}

package merkle_test

import (
	"encoding/base64"
	"errors"
	"strings"
	"testing"
	"time"

	"shopwatch/storage/merkle"
	"shopwatch/tracker"
)

// The record of a change must stay as it is for ever: the hashes of every log
// that exists are made of these bytes. A new field is left out of the records
// of changes that do not have it.
func TestRecordStaysAsItIs(t *testing.T) {
	at := time.Date(2026, 11, 26, 9, 0, 0, 123456789, time.UTC)
	p := tracker.Product{
		ID: "45123456789", Title: "糖大夫 <b>&\"", URL: "https://detail.tmall.com/item.htm?id=45123456789&a=1", Image: "https://img.example/1.jpg",
		Price: tracker.Price{Kind: tracker.PriceExact, Low: 29900, Currency: "CNY"},
	}
	before := p
	before.Price.Low = 19900
	for _, tt := range []struct {
		name string
		c    tracker.Change
		want string
	}{
		{"of a storefront", tracker.Change{Seq: 1, Kind: tracker.Stalled, Storefront: "tencent", At: at, Scan: at, Reason: "login", Verdict: tracker.Login},
			`{"seq":1,"kind":"stalled","storefront":"tencent","at":"2026-11-26T09:00:00.123Z","scan":"2026-11-26T09:00:00.123Z","product":null,"before":null,"reason":"login","verdict":"login"}`},
		{"of a product", tracker.Change{
			Seq: 7, Kind: tracker.Removed, Storefront: "tencent", At: at, Scan: at, Product: &p, Before: &before, Proof: tracker.ProofGone, Missing: 1,
			Probe:    &tracker.Probe{Product: p.ID, State: tracker.PageGone, At: at.In(time.FixedZone("", 3600)), URL: p.URL, Reason: "gone", Says: "已下架", Picture: "ab.webp"},
			Pictures: tracker.Evidenced{Page: "ab.webp"}, Prior: before.Price,
		},
			`{"seq":7,"kind":"removed","storefront":"tencent","at":"2026-11-26T09:00:00.123Z","scan":"2026-11-26T09:00:00.123Z","proof":"gone","product":{"id":"45123456789","title":"糖大夫 \u003cb\u003e\u0026\"","url":"https://detail.tmall.com/item.htm?id=45123456789\u0026a=1","image":"https://img.example/1.jpg","price":"299.00","currency":"CNY"},"before":{"id":"45123456789","title":"糖大夫 \u003cb\u003e\u0026\"","url":"https://detail.tmall.com/item.htm?id=45123456789\u0026a=1","image":"https://img.example/1.jpg","price":"199.00","currency":"CNY"},"probe":{"product":"45123456789","state":"gone","at":"2026-11-26T09:00:00.123Z","url":"https://detail.tmall.com/item.htm?id=45123456789\u0026a=1","reason":"gone","says":"已下架","picture":"ab.webp"},"missing":1,"pictures":{"page":"ab.webp"}}`},
	} {
		got, err := merkle.Record(&tt.c)
		if string(got) != tt.want || err != nil {
			t.Errorf("%s: Record = %s, %v, want %s", tt.name, got, err, tt.want)
		}
	}
}

const signed = "shopwatch/abcdefghij\n12\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n\n" +
	"— shopwatch/abcdefghij URcOKP9p3WqRh8X5gws2anwpB2AFpcfhJm9nypvIrUlK1z26PL/77f0n+cc96vQPuqnZvKrd3CqC/Tbexb3BozsiUw0=\n"

// People hand in a checkpoint as they have it: the mail as a file, a copy from
// a window, an answer in which it is quoted, the HTML.
func TestFind(t *testing.T) {
	quoted := strings.NewReplacer("=", "=3D", "—", "=E2=80=94").Replace(signed)
	for name, text := range map[string]string{
		"by itself":   signed,
		"with CRLF":   strings.ReplaceAll(signed, "\n", "\r\n"),
		"quoted":      "On Monday shopwatch wrote:\n> " + strings.ReplaceAll(signed, "\n", "\n> "),
		"in one line": strings.Join(strings.Fields(signed), " "),
		"in a mail":   "Subject: x\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\nHello=\r\n\r\n" + strings.ReplaceAll(quoted[:60]+"=\n"+quoted[60:], "\n", "\r\n"),
		"in a part of a mail": "MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: multipart/alternative; boundary=c\r\n\r\n--c\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n" +
			base64.StdEncoding.EncodeToString([]byte(signed)) + "\r\n--c--\r\n--b--\r\n",
		"in JSON": strings.ReplaceAll(strings.ReplaceAll(`{"checkpoint":"`+signed+`","log_key":""}`, "\n", `\n`), "—", `\u2014`),
		// As a template writes it: a part of the signature is none.
		"in HTML with its signs escaped": "<pre>" + strings.ReplaceAll(signed, "+", "&#43;") + "</pre>",
		"in HTML":                        "<p>Hello</p><pre style=\"x\">" + strings.ReplaceAll(strings.ReplaceAll(signed, "\n", "<br>\n"), "—", "&mdash;") + "</pre>",
		"twice, as text and HTML":        signed + "<pre>" + signed + "</pre>",
	} {
		got, _, err := merkle.Find(text)
		if err != nil || len(got) != 1 || got[0].Text != signed || got[0].Size != 12 || got[0].Origin != "shopwatch/abcdefghij" {
			t.Errorf("%s: Find = %+v, %v", name, got, err)
		}
	}
	for name, text := range map[string]string{"nothing": "", "a root that is too short": strings.Replace(signed, "AAAAAAA", "", 1), "no length": strings.Replace(signed, "12", "x", 1)} {
		if got, _, err := merkle.Find(text); !errors.Is(err, merkle.ErrNoCheckpoint) {
			t.Errorf("%s: Find = %+v, %v, want none", name, got, err)
		}
	}
}

// What arrives by mail is hostile.
func FuzzFind(f *testing.F) {
	f.Add(signed)
	f.Add("shopwatch/a+01234567+" + strings.Repeat("A", 44))
	f.Fuzz(func(t *testing.T, text string) {
		found, keys, _ := merkle.Find(text)
		for _, c := range found {
			if again, _, err := merkle.Find(c.Text); err != nil || len(again) != 1 || again[0].Text != c.Text {
				t.Errorf("%q is found in %q, and not in itself: %v", c.Text, text, err)
			}
			for _, key := range keys {
				_ = c.Verify(key)
			}
		}
	})
}

func TestPlace(t *testing.T) {
	// Change 4 completes its leaf, the node over 3 and 4, and that over 1 to 4:
	// the hashes 4, 5 and 6 behind those of 1 to 3.
	for index, want := range [][2]int{{1, 0}, {2, 0}, {2, 32}, {3, 0}, {4, 0}, {4, 32}, {4, 64}, {5, 0}} {
		if seq, offset := merkle.Place(int64(index)); int(seq) != want[0] || offset != want[1] {
			t.Errorf("Place(%d) = %d, %d, want %v", index, seq, offset, want)
		}
	}
	if merkle.Stored(4) != 96 || merkle.Stored(5) != 32 {
		t.Errorf("Stored = %d, %d", merkle.Stored(4), merkle.Stored(5))
	}
}

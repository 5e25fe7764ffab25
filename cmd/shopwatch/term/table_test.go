package term_test

import (
	"bytes"
	"testing"

	"shopwatch/cmd/shopwatch/term"
)

// Columns line up, also where characters are as wide as two.
func TestTable(t *testing.T) {
	tb := term.Table{Right: map[int]bool{1: true}}
	tb.Row("NAME", "N", "TITLE")
	tb.Row("糖大夫", "5", "血糖仪")
	tb.Row("wifi", "12", "全民\x1b[31mWiFi\u202e\n2")
	var out bytes.Buffer
	if err := tb.Print(&out); err != nil {
		t.Fatal(err)
	}
	want := "NAME     N  TITLE\n糖大夫   5  血糖仪\nwifi    12  全民[31mWiFi 2\n"
	if out.String() != want {
		t.Errorf("print =\n%q, want\n%q", out.String(), want)
	}
}

// On a narrow terminal columns that can be spared go before the last one is
// cut short; a note is broken.
func TestNarrowTable(t *testing.T) {
	tb := term.Table{Spare: []int{1, 0}}
	tb.Row("NAME", "SINCE", "TITLE")
	tb.Row("tencent", "2026-11-23 09:41", "腾讯糖大夫血糖仪 家用微信智能血糖测试仪")
	tb.Note("still sold on its page, but the list of the storefront does not show it")
	for columns, want := range map[int]string{
		0: "NAME     SINCE             TITLE\ntencent  2026-11-23 09:41  腾讯糖大夫血糖仪 家用微信智能血糖测试仪\n" +
			"        still sold on its page, but the list of the storefront does not show it\n",
		60: "NAME     TITLE\ntencent  腾讯糖大夫血糖仪 家用微信智能血糖测试仪\n" +
			"        still sold on its page, but the list of the\n        storefront does not show it\n",
		40: "TITLE\n腾讯糖大夫血糖仪 家用微信智能血糖测试仪\n" +
			"        still sold on its page, but the\n        list of the storefront does not\n        show it\n",
		30: "TITLE\n腾讯糖大夫血糖仪 家用微信智能…\n" +
			"        still sold on its\n        page, but the list of\n        the storefront does\n        not show it\n",
	} {
		var out bytes.Buffer
		if err := tb.PrintTo(&out, columns); err != nil {
			t.Fatal(err)
		}
		if out.String() != want {
			t.Errorf("%d columns:\n%s\nwant\n%s", columns, out.String(), want)
		}
	}
}

// A column that matters is cut rather than lost.
func TestCutTable(t *testing.T) {
	tb := term.Table{Short: []int{1}}
	tb.Row("SEQ", "STOREFRONT", "WHAT")
	tb.Row("7", "the-flagship-store-of-lining", "李宁运动鞋 男子跑步鞋 2026 新款 轻便透气")
	for columns, want := range map[int]string{
		80: "SEQ  STOREFRONT                    WHAT\n7    the-flagship-store-of-lining  李宁运动鞋 男子跑步鞋 2026 新款 轻便透气\n",
		60: "SEQ  STOREFRONT         WHAT\n7    the-flagship-sto…  李宁运动鞋 男子跑步鞋 2026 新款 轻…\n",
		40: "SEQ  STOREFRONT    WHAT\n7    the-flagshi…  李宁运动鞋 男子跑步…\n",
	} {
		var out bytes.Buffer
		if err := tb.PrintTo(&out, columns); err != nil {
			t.Fatal(err)
		}
		if out.String() != want {
			t.Errorf("%d columns:\n%s\nwant\n%s", columns, out.String(), want)
		}
	}
}

// What a change says at its end, the proof, is not cut off.
func TestWholeTable(t *testing.T) {
	tb := term.Table{Right: map[int]bool{0: true}, Whole: true}
	tb.Row("SEQ", "KIND", "WHAT")
	tb.Row("3", "removed", "Qrobot小Q机器人 智能语音聊天  (its page says 已下架)")
	var out bytes.Buffer
	if err := tb.PrintTo(&out, 44); err != nil {
		t.Fatal(err)
	}
	want := "SEQ  KIND     WHAT\n  3  removed  Qrobot小Q机器人 智能语音聊天\n              (its page says 已下架)\n"
	if out.String() != want {
		t.Errorf("print =\n%s\nwant\n%s", out.String(), want)
	}
}

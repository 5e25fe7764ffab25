package report_test

import (
	"fmt"
	"time"

	"shopwatch/tracker"
	"shopwatch/tracker/report"
)

// A report is made of changes and of the scans that they rest on.
func ExampleNew() {
	at := time.Date(2026, 11, 22, 9, 1, 0, 0, time.UTC)
	robot := tracker.Product{
		ID: "520384177451", Title: "Qrobot", URL: "https://detail.tmall.com/item.htm?id=520384177451",
		Price: tracker.Price{Kind: tracker.PriceExact, Low: 69900, Currency: "CNY"},
	}
	mail := report.New(report.Story{
		Report: tracker.Report{ID: 1, Channel: "analysts", Created: at},
		Shops:  map[tracker.StorefrontName]report.StorefrontInfo{"tencent": {Title: "Tencent flagship"}},
		Changes: []tracker.Change{{
			Seq: 7, Kind: tracker.Removed, Storefront: "tencent", At: at, Product: &robot, Proof: tracker.ProofGone,
			Probe: &tracker.Probe{Product: robot.ID, State: tracker.PageGone, At: at, URL: robot.URL, Reason: "sent to error.item.taobao.com"},
		}},
		Scans: []report.Scan{{Scan: tracker.Scan{
			Storefront: "tencent", Began: at, Verdict: tracker.Complete,
			Evidence: tracker.Evidence{Pages: 1, Products: 5, Declared: tracker.Declared{Pages: 1}, Probed: 1},
		}}},
	})
	fmt.Println(mail.Subject())
	fmt.Println(mail.Brief())
	// Output:
	// [Tencent flagship] -1 removed · 22 Nov 09:01
	// Removed: Qrobot  ¥699.00 (its page says that it does not exist)
}

// The sample that a person gets before anything has changed, in Chinese.
func ExampleSample() {
	at := time.Date(2026, 11, 22, 9, 1, 0, 0, time.UTC)
	mail := report.New(report.Sample("analysts", "zh", time.UTC, at))
	fmt.Println(mail.Subject())
	// Output: 示例：[腾讯官方数码旗舰店] 上新 2，下架 1，重新上架 1，调价 2，改标题 1，换主图 1 · 11月22日 08:58
}

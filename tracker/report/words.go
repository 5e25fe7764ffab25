package report

import (
	"fmt"
	"strings"
	"time"

	"shopwatch/tracker"
)

// words are all words of a report in one language. Entries with a % take the
// values named in the comment, in this order.
type words struct {
	Lang  string
	Day   string // layout of a day and time without the year
	Full  string // layout with the year
	Fonts string // font families of the HTML

	// What happened, of one change and of several.
	Kinds map[tracker.Kind][2]string
	// The same for the subject; the number. One and several.
	Subjects map[tracker.Kind][2]string
	Comma    string // between two of them

	PriceHidden string // an unknown price
	PriceFrom   string // the price of which others begin
	Number      string // the product's number
	Before      string
	After       string

	// What a removal rests on; in brackets the words that lead to the item page.
	ProofGone     string
	ProofOffshelf string
	ProofUnlisted [2]string // complete scans that did not list it
	ProofUnseen   [2]string // complete scans that did not list it
	ProofSeen     string    // behind the first three: when the page was seen
	ProofReason   string    // behind the last: why the page could not be read
	ProofSays     string    // the page's own words for it
	ProofMark     string    // the words or marks of the page that prove it
	ShotAlt       string    // when it was seen
	Back          string    // how long it was away
	SameAs        string    // the old number, percent
	Watched       string    // the rule
	SoldOut       string    // of a product that is new or back
	TaxIncluded   string
	TaxExcluded   string
	Unlike        string // of a changed price: it cannot be compared
	Prior         string // of a price cut
	GroupLowest   string // group, offers
	OfferAt       string // price, storefront

	Stalled   map[tracker.Verdict]string // heading
	StalledDo map[tracker.Verdict]string // what to do; the argument of `shopwatch login`, the storefront's name
	Do        string                     // before what to do
	StalledIs string                     // nothing is concluded meanwhile
	Reason    string                     // the scan's own words
	LastWhole string                     // the last complete scan, how long before
	NeverRead string                     // no complete scan yet
	Recovered string
	Kept      string // scans are written again after a full disk
	Unkept    string // from when, to when, why
	KeptIs    string // what became of the changes
	Closed    string
	ClosedDo  string // the storefront's name
	Corrected string // the number of the wrong change, why
	WrongOne  string // what the wrong change said, when

	SubjectStalled   map[tracker.Verdict]string
	SubjectRecovered string
	SubjectKept      string
	SubjectClosed    string
	SubjectCorrected string // the product
	SubjectNoNet     string // several changes that undid each other
	SubjectQuiet     string // complete scans, all scans
	SubjectUnquiet   string // complete scans, all scans
	FilteredQuiet    string // the same two for a channel that is not told of everything
	FilteredUnquiet  string

	Suspects     string // heading
	SuspectsNote string
	Suspect      string    // complete scans in a row that missed it
	LastSeen     string    // when a scan last saw it
	More         [2]string // rows that are only in the CSV
	NetNote      [2]string // changes that undid each other or were merged
	NoNet        string
	InCSV        string    // behind either of them, where the file is attached
	Left         [2]string // rows left out where none is
	Undone       string    // heading of what changed and changed back
	UndoneKinds  map[tracker.Kind]string
	UndoneStep   string    // what became of it, when
	MoreShops    [2]string // storefronts that are only in the text and the CSV file
	MoreScans    [2]string // scans that are only in the text

	Evidence  string                     // heading
	Verdicts  map[tracker.Verdict]string // of a scan
	PagesOf   [2]string                  // read, declared
	Pages     [2]string                  // read
	Products  [2]string                  // seen
	ProdsOf   [2]string                  // seen, declared
	NoneTwice string
	Twice     [2]string // met again
	Probed    [2]string // item pages opened
	Doubted   string
	LastScan  string // how long before
	FirstScan string

	QuietLine string // complete scans, all scans, products listed
	QuietNone string // no scan at all
	QuietLast string // time of the last complete scan
	Period    string // begin and end

	Storefronts string // number, in a subject about several
	Minutes     string
	Hours       string
	Days        [2]string
	Ago         string // a length of time

	Sample     string // before a subject
	SampleNote string
	Why        string // the channel
	Which      string // the report's number
	Again      string // before a report that may have arrived already
	Attached   string
	PDF        string // the file
	NoPDF      string
	Leave      string // what ends the reports to one recipient
	Checkpoint string // what the checkpoint is for
	Key        string
	ProofPage  string // what leads to the page of a change in the dashboard
	Method     string // what leads to how a verdict comes about
	InSource   string // before the name of a file
}

func wordsOf(lang string) *words {
	if lang == "zh" {
		return &chinese
	}
	return &english
}

var english = words{
	Lang:  "en",
	Day:   "2 Jan 15:04",
	Full:  "2 Jan 2006 15:04",
	Fonts: `-apple-system, BlinkMacSystemFont, "Segoe UI", Roboto, "Helvetica Neue", Arial, "PingFang SC", "Hiragino Sans GB", "Microsoft YaHei", "Noto Sans CJK SC", "Noto Sans SC", sans-serif`,

	Kinds: map[tracker.Kind][2]string{
		tracker.Added: {"New", "New"}, tracker.Removed: {"Removed", "Removed"}, tracker.Relisted: {"Back again", "Back again"},
		tracker.Repriced: {"Price change", "Price changes"}, tracker.Retitled: {"Title change", "Title changes"},
		tracker.Repictured: {"Picture change", "Picture changes"},
		tracker.Stalled:    {"Cannot read", "Cannot read"}, tracker.Recovered: {"Readable again", "Readable again"},
		tracker.Closed: {"Closed", "Closed"}, tracker.Corrected: {"Corrected", "Corrected"},
		tracker.Soldout: {"Sold out", "Sold out"}, tracker.Restocked: {"In stock again", "In stock again"},
	},
	Subjects: map[tracker.Kind][2]string{
		tracker.Added: {"+%d new", "+%d new"}, tracker.Removed: {"-%d removed", "-%d removed"},
		tracker.Relisted: {"%d back again", "%d back again"}, tracker.Repriced: {"%d price change", "%d price changes"},
		tracker.Retitled: {"%d title change", "%d title changes"}, tracker.Repictured: {"%d picture change", "%d picture changes"},
		tracker.Soldout: {"%d sold out", "%d sold out"}, tracker.Restocked: {"%d in stock again", "%d in stock again"},
	},
	Comma: ", ",

	PriceHidden: "price not shown",
	PriceFrom:   "from %s",
	Number:      "No. %s",
	Before:      "Before",
	After:       "Now",

	ProofGone:     "[its page] says that it does not exist",
	ProofOffshelf: "[its page] says that it is off the shelf",
	ProofUnlisted: [2]string{"%d complete scan did not list it; [its page] still sold it", "%d complete scans in a row did not list it; [its page] still sold it"},
	ProofUnseen:   [2]string{"%d complete scan did not list it; [its page] could not be read", "%d complete scans in a row did not list it; [its page] could not be read"},
	ProofSeen:     ", seen %s",
	ProofReason:   " (%s)",
	ProofSays:     " (“%s”)",
	ProofMark:     "Proof: %s",
	ShotAlt:       "Its page as it looked at %s",
	Back:          "Back after %s",
	SameAs:        "Probably the product removed as No. %s (%d%% sure)",
	Watched:       "Watched: %s",
	SoldOut:       "Sold out",
	TaxIncluded:   "incl. tax",
	TaxExcluded:   "excl. tax",
	Unlike:        "Not compared: was in %s, is now in %s",
	Prior:         "Lowest price of the 30 days before: %s",
	GroupLowest:   "Lowest price of the group \"%s\": %s",
	OfferAt:       "%s at %s",

	Stalled: map[tracker.Verdict]string{
		tracker.Login:   "Cannot read the storefront: login needed",
		tracker.Blocked: "Cannot read the storefront: the marketplace refuses to answer",
		tracker.Partial: "Cannot read the whole product list of the storefront",
		tracker.Gone:    "Cannot find the storefront",
		tracker.Failed:  "Cannot read the storefront: the scans fail",
	},
	StalledDo: map[tracker.Verdict]string{
		tracker.Login:   "Run \"shopwatch login %[1]s\" on the machine that runs shopwatch and log in with your own account. The next scan then continues by itself.",
		tracker.Blocked: "shopwatch pauses for a while and tries again by itself. If this lasts, scan less often, or run \"shopwatch login %[1]s\" and pass the check by hand.",
		tracker.Partial: "\"shopwatch scans %[2]s\" shows how far each scan came. shopwatch keeps trying and reports what it does see.",
		tracker.Gone:    "Open the address in a browser. If the storefront moved, change its url in the configuration.",
		tracker.Failed:  "Run \"shopwatch check\" on the machine that runs shopwatch: it names what is broken and how to fix it.",
	},
	Do:        "What to do:",
	StalledIs: "Until then, nothing will be reported as removed.",
	Reason:    "The scan says: %s",
	LastWhole: "Last complete scan %s, %s.",
	NeverRead: "There has been no complete scan yet.",
	Recovered: "The storefront is readable again",
	Kept:      "Scans are being saved again",
	Unkept:    "From %s to %s: %s.",
	KeptIs:    "Changes of that time were found by the first scan that was saved.",
	Closed:    "The marketplace says that this storefront does not exist or is closed",
	ClosedDo:  "If it moved, change its url in the configuration; if it is gone for good, remove \"%s\" from it. Its history stays.",
	Corrected: "Change %d was wrong: %s",
	WrongOne:  "It said: %s, %s.",

	SubjectStalled: map[tracker.Verdict]string{
		tracker.Login:   "Cannot read the storefront: login needed",
		tracker.Blocked: "Cannot read the storefront: blocked",
		tracker.Partial: "Cannot read the whole storefront",
		tracker.Gone:    "Cannot find the storefront",
		tracker.Failed:  "Cannot read the storefront: scans fail",
	},
	SubjectRecovered: "Readable again",
	SubjectKept:      "Scans are being saved again",
	SubjectClosed:    "Storefront closed",
	SubjectCorrected: "Correction: %s",
	SubjectNoNet:     "No net change",
	SubjectQuiet:     "No change: %d of %d scans complete",
	SubjectUnquiet:   "No change seen: only %d of %d scans complete",
	FilteredQuiet:    "Nothing to report: %d of %d scans complete",
	FilteredUnquiet:  "Nothing to report: only %d of %d scans complete",

	Suspects:     "Not seen, not confirmed",
	SuspectsNote: "Still counted as listed. Each will be reported as removed only when its page or further scans prove it.",
	Suspect:      "missed %d×",
	LastSeen:     "last seen %s",
	More:         [2]string{"%d more is in the attached changes.csv", "%d more are in the attached changes.csv"},
	NetNote:      [2]string{"%d change of this period was undone or overtaken by a later one.", "%d changes of this period were undone or overtaken by later ones."},
	NoNet:        "Everything that changed in this period changed back.",
	InCSV:        " changes.csv lists all changes.",
	Left:         [2]string{"and %d more", "and %d more"},
	Undone:       "Changed and changed back",
	UndoneKinds: map[tracker.Kind]string{
		tracker.Added: "new", tracker.Removed: "removed", tracker.Relisted: "back",
		tracker.Retitled: "another title", tracker.Repictured: "another picture",
		tracker.Soldout: "sold out", tracker.Restocked: "in stock",
	},
	UndoneStep: "%s (%s)",
	MoreShops:  [2]string{"%d more storefront is in the attached changes.csv", "%d more storefronts are in the attached changes.csv"},
	MoreScans:  [2]string{"and %d earlier scan", "and %d earlier scans"},

	Evidence: "Evidence",
	Verdicts: map[tracker.Verdict]string{
		tracker.Complete: "Complete scan", tracker.Partial: "Partial scan", tracker.Login: "Login wall",
		tracker.Blocked: "Blocked", tracker.Gone: "Storefront not found", tracker.Failed: "Failed scan",
	},
	PagesOf:   [2]string{"%d of %d page", "%d of %d pages"},
	Pages:     [2]string{"%d page", "%d pages"},
	Products:  [2]string{"%d product", "%d products"},
	ProdsOf:   [2]string{"%d of %d product", "%d of %d products"},
	NoneTwice: "no duplicates",
	Twice:     [2]string{"%d duplicate", "%d duplicates"},
	Probed:    [2]string{"%d item page opened", "%d item pages opened"},
	Doubted:   "lost more than usual, so only pages that prove it count",
	LastScan:  "last complete scan %s",
	FirstScan: "the first complete scan",

	QuietLine: "%d of %d scans complete, %s listed",
	QuietNone: "Not scanned in this period",
	QuietLast: "last complete scan %s",
	Period:    "%s to %s",

	Storefronts: "%d storefronts",
	Minutes:     "%d min",
	Hours:       "%d h",
	Days:        [2]string{"%d day", "%d days"},
	Ago:         "%s earlier",

	Sample:     "Sample: ",
	SampleNote: "This is a sample. The storefront is real, the changes are made up.",
	Why:        "Sent by shopwatch for the channel \"%s\".",
	Which:      "Report %d.",
	Again:      "(Sent again after an interruption: you may already have this report.)",
	Attached:   "Every change with its evidence is in changes.csv.",
	PDF:        "The whole report for paper is in %s.",
	NoPDF:      "The PDF of this report is missing: Chrome could not make it. shopwatch check says what Chrome lacks.",
	Leave:      "Unsubscribe",
	Checkpoint: "Keep this message: with the lines below, shopwatch verify shows whether what was reported was altered later.",
	Key:        "Public key",
	ProofPage:  "Proof page",
	Method:     "How a verdict comes about, and what it does not prove",
	InSource:   ": in the source of shopwatch, ",
}

var chinese = words{
	Lang:  "zh-CN",
	Day:   "1月2日 15:04",
	Full:  "2006年1月2日 15:04",
	Fonts: `-apple-system, BlinkMacSystemFont, "PingFang SC", "Hiragino Sans GB", "Microsoft YaHei", "Noto Sans CJK SC", "Noto Sans SC", "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif`,

	Kinds: map[tracker.Kind][2]string{
		tracker.Added: {"上新", "上新"}, tracker.Removed: {"下架", "下架"}, tracker.Relisted: {"重新上架", "重新上架"},
		tracker.Repriced: {"调价", "调价"}, tracker.Retitled: {"改标题", "改标题"}, tracker.Repictured: {"换主图", "换主图"},
		tracker.Stalled: {"无法读取", "无法读取"}, tracker.Recovered: {"恢复读取", "恢复读取"}, tracker.Closed: {"店铺关闭", "店铺关闭"},
		tracker.Corrected: {"更正", "更正"},
		tracker.Soldout:   {"售罄", "售罄"}, tracker.Restocked: {"恢复有货", "恢复有货"},
	},
	Subjects: map[tracker.Kind][2]string{
		tracker.Added: {"上新 %d", "上新 %d"}, tracker.Removed: {"下架 %d", "下架 %d"},
		tracker.Relisted: {"重新上架 %d", "重新上架 %d"},
		tracker.Soldout:  {"售罄 %d", "售罄 %d"}, tracker.Restocked: {"恢复有货 %d", "恢复有货 %d"},
		tracker.Repriced: {"调价 %d", "调价 %d"},
		tracker.Retitled: {"改标题 %d", "改标题 %d"}, tracker.Repictured: {"换主图 %d", "换主图 %d"},
	},
	Comma: "，",

	PriceHidden: "未显示价格",
	PriceFrom:   "%s 起",
	Number:      "商品编号 %s",
	Before:      "原来",
	After:       "现在",

	ProofGone:     "[商品页]显示该商品不存在",
	ProofOffshelf: "[商品页]显示该商品已下架",
	ProofUnlisted: [2]string{"%d 次完整扫描未在店铺列出；[商品页]仍在售", "连续 %d 次完整扫描未在店铺列出；[商品页]仍在售"},
	ProofUnseen:   [2]string{"%d 次完整扫描未在店铺列出；[商品页]无法读取", "连续 %d 次完整扫描未在店铺列出；[商品页]无法读取"},
	ProofSeen:     "（%s 查看）",
	ProofReason:   "（%s）",
	ProofSays:     "（“%s”）",
	ProofMark:     "证据：%s",
	ShotAlt:       "商品页截图（%s）",
	Back:          "下架 %s后重新上架",
	SameAs:        "很可能就是已下架的商品 %s（把握 %d%%）",
	Watched:       "关注：%s",
	SoldOut:       "已售罄",
	TaxIncluded:   "含税",
	TaxExcluded:   "不含税",
	Unlike:        "无法比较：原为 %s，现为 %s",
	Prior:         "此前 30 天最低价：%s",
	GroupLowest:   "“%s”组最低价：%s",
	OfferAt:       "%s（%s）",

	Stalled: map[tracker.Verdict]string{
		tracker.Login:   "无法读取店铺：需要登录",
		tracker.Blocked: "无法读取店铺：平台拒绝访问",
		tracker.Partial: "无法读完店铺的商品列表",
		tracker.Gone:    "找不到店铺",
		tracker.Failed:  "无法读取店铺：扫描失败",
	},
	StalledDo: map[tracker.Verdict]string{
		tracker.Login:   "请在运行 shopwatch 的电脑上执行“shopwatch login %[1]s”，用自己的账号登录；之后的扫描会自动继续。",
		tracker.Blocked: "shopwatch 会暂停访问该平台，稍后自动重试。如果一直如此，请降低扫描频率，或执行“shopwatch login %[1]s”手动通过验证。",
		tracker.Partial: "执行“shopwatch scans %[2]s”可查看每次扫描读到哪里。shopwatch 会继续尝试，读到的变化照常报告。",
		tracker.Gone:    "请在浏览器中打开该网址；如果店铺搬家了，请修改配置中的 url。",
		tracker.Failed:  "请在运行 shopwatch 的电脑上执行“shopwatch check”，它会指出问题和解决办法。",
	},
	Do:        "怎么办：",
	StalledIs: "在此期间不会把任何商品报告为下架。",
	Reason:    "扫描记录：%s",
	LastWhole: "上次完整扫描：%s（%s）。",
	NeverRead: "还没有过完整扫描。",
	Recovered: "店铺已恢复完整读取",
	Kept:      "扫描结果已恢复保存",
	Unkept:    "%s 至 %s：%s。",
	KeptIs:    "期间发生的变化已由恢复后的扫描发现。",
	Closed:    "平台显示该店铺不存在或已关闭",
	ClosedDo:  "如果店铺搬家了，请修改配置中的 url；如果不再经营，请从配置中删除“%s”，历史记录会保留。",
	Corrected: "第 %d 号变化有误：%s",
	WrongOne:  "原报告：%s，%s。",

	SubjectStalled: map[tracker.Verdict]string{
		tracker.Login:   "无法读取店铺：需要登录",
		tracker.Blocked: "无法读取店铺：平台拒绝访问",
		tracker.Partial: "无法读完店铺的商品列表",
		tracker.Gone:    "找不到店铺",
		tracker.Failed:  "无法读取店铺：扫描失败",
	},
	SubjectRecovered: "恢复读取",
	SubjectKept:      "扫描结果恢复保存",
	SubjectClosed:    "店铺关闭",
	SubjectCorrected: "更正：%s",
	SubjectNoNet:     "总体无变化",
	SubjectQuiet:     "无变化：%[2]d 次扫描中 %[1]d 次完整",
	SubjectUnquiet:   "未见变化：%[2]d 次扫描中仅 %[1]d 次完整",
	FilteredQuiet:    "没有要报告的变化：%[2]d 次扫描中 %[1]d 次完整",
	FilteredUnquiet:  "未见要报告的变化：%[2]d 次扫描中仅 %[1]d 次完整",

	Suspects:     "未见到，尚未证实",
	SuspectsNote: "目前仍视为在售。只有商品页或更多次扫描证实之后，才会报告为下架。",
	Suspect:      "缺席 %d 次",
	LastSeen:     "最近见到：%s",
	More:         [2]string{"另有 %d 项，见附件 changes.csv", "另有 %d 项，见附件 changes.csv"},
	NetNote:      [2]string{"本期另有 %d 项变化被后来的变化抵消或取代。", "本期另有 %d 项变化被后来的变化抵消或取代。"},
	NoNet:        "本期的变化都已恢复原状。",
	InCSV:        "全部记录见 changes.csv。",
	Left:         [2]string{"另有 %d 项", "另有 %d 项"},
	Undone:       "变化后又恢复",
	UndoneKinds: map[tracker.Kind]string{
		tracker.Added: "上新", tracker.Removed: "下架", tracker.Relisted: "重新上架",
		tracker.Retitled: "改标题", tracker.Repictured: "换主图",
		tracker.Soldout: "售罄", tracker.Restocked: "恢复有货",
	},
	UndoneStep: "%s（%s）",
	MoreShops:  [2]string{"另有 %d 家店铺，见附件 changes.csv", "另有 %d 家店铺，见附件 changes.csv"},
	MoreScans:  [2]string{"以及更早的 %d 次扫描", "以及更早的 %d 次扫描"},

	Evidence: "依据",
	Verdicts: map[tracker.Verdict]string{
		tracker.Complete: "完整扫描", tracker.Partial: "部分扫描", tracker.Login: "要求登录",
		tracker.Blocked: "被拒绝", tracker.Gone: "店铺不存在", tracker.Failed: "扫描失败",
	},
	PagesOf:   [2]string{"已读 %d/%d 页", "已读 %d/%d 页"},
	Pages:     [2]string{"%d 页", "%d 页"},
	Products:  [2]string{"%d 件商品", "%d 件商品"},
	ProdsOf:   [2]string{"%d/%d 件商品", "%d/%d 件商品"},
	NoneTwice: "无重复",
	Twice:     [2]string{"%d 件重复出现", "%d 件重复出现"},
	Probed:    [2]string{"查看了 %d 个商品页", "查看了 %d 个商品页"},
	Doubted:   "缺少的商品异常多，因此只采信商品页的证明",
	LastScan:  "上一次完整扫描在 %s",
	FirstScan: "首次完整扫描",

	QuietLine: "%[2]d 次扫描中 %[1]d 次完整，在售 %[3]s",
	QuietNone: "本期没有扫描",
	QuietLast: "最近一次完整扫描：%s",
	Period:    "%s 至 %s",

	Storefronts: "%d 家店铺",
	Minutes:     "%d 分钟",
	Hours:       "%d 小时",
	Days:        [2]string{"%d 天", "%d 天"},
	Ago:         "%s前",

	Sample:     "示例：",
	SampleNote: "这是一封示例报告。店铺是真实的，其中的变化是虚构的。",
	Why:        "由 shopwatch 发送至频道“%s”。",
	Which:      "报告编号 %d。",
	Again:      "（发送曾中断，现重新发送，您可能已收到过本报告。）",
	Attached:   "全部变化及依据见附件 changes.csv。",
	PDF:        "可打印的完整报告见附件 %s。",
	NoPDF:      "本次未附 PDF：Chrome 未能生成。原因可用 shopwatch check 查看。",
	Leave:      "退订",
	Checkpoint: "请保留本报告：凭以下几行，可用 shopwatch verify 验证所报告的内容此后是否被改动。",
	Key:        "公钥",
	ProofPage:  "证据页",
	Method:     "结论如何得出，又不能证明什么",
	InSource:   "：见 shopwatch 源代码中的 ",
}

// form picks the form for one or for several.
func form(forms [2]string, n int) string {
	if n == 1 {
		return forms[0]
	}
	return forms[1]
}

// many picks the form of a count and fills it in.
func many(forms [2]string, n int) string { return fmt.Sprintf(form(forms, n), n) }

// span says how long something took, roughly.
func (w *words) span(d time.Duration) string {
	switch {
	case d < 90*time.Minute:
		return fmt.Sprintf(w.Minutes, max(int(d.Round(time.Minute)/time.Minute), 1))
	case d < 48*time.Hour:
		return fmt.Sprintf(w.Hours, int(d.Round(time.Hour)/time.Hour))
	}
	return many(w.Days, int(d.Round(24*time.Hour)/(24*time.Hour)))
}

// offset names a time zone by its distance from UTC: abbreviations are not
// clear (CST is in China, America and Cuba).
func offset(t time.Time) string {
	_, s := t.Zone()
	sign := "+"
	if s < 0 {
		sign, s = "−", -s
	}
	switch {
	case s == 0:
		return "UTC"
	case s%3600 == 0:
		return fmt.Sprintf("UTC%s%d", sign, s/3600)
	}
	return fmt.Sprintf("UTC%s%d:%02d", sign, s/3600, s%3600/60)
}

// basis says what a price is for: "DE, incl. tax"; empty when that is not known.
func (w *words) basis(b tracker.Basis) string {
	tax := map[tracker.Tax]string{tracker.TaxIncluded: w.TaxIncluded, tracker.TaxExcluded: w.TaxExcluded}[b.Tax]
	market := cut(clean(b.Market), 10)
	if market == "" || tax == "" {
		return market + tax
	}
	return market + w.Comma + tax
}

// unlike says how two prices differ that cannot be compared.
func (w *words) unlike(before, after tracker.Price) string {
	say := func(p tracker.Price) string {
		s := cut(clean(p.Currency), 10)
		if b := w.basis(p.Basis); b != "" {
			s += " (" + b + ")"
		}
		return s
	}
	return fmt.Sprintf(w.Unlike, say(before), say(after))
}

// price writes a price for people: "¥1,299", "¥199.50 – ¥299", "from ¥199".
func (w *words) price(p tracker.Price) string {
	low := money(p.Low, p.Currency)
	switch p.Kind {
	case tracker.PriceUnknown:
		return w.PriceHidden
	case tracker.PriceFrom:
		return fmt.Sprintf(w.PriceFrom, low)
	case tracker.PriceRange:
		return low + " – " + money(p.High, p.Currency)
	}
	return low
}

var signs = map[string]string{"CNY": "¥", "USD": "$", "EUR": "€", "GBP": "£", "HKD": "HK$", "TWD": "NT$", "": ""}

func money(minor int64, currency string) string {
	s := tracker.FormatMinor(minor, currency)
	point := strings.IndexByte(s, '.')
	if point < 0 {
		point = len(s)
	}
	for i := point - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	if sign, ok := signs[currency]; ok {
		return sign + s
	}
	return currency + " " + s
}

// Percent returns by how much of the old price the price changed; false when
// either is unknown or they cannot be compared. Of ranges the low ends are
// compared, and the high ends when the low ones are equal.
func Percent(before, after tracker.Price) (float64, bool) {
	if !before.Known() || !after.Known() || !before.Comparable(after) {
		return 0, false
	}
	a, b := before.Low, after.Low
	if a == b {
		a, b = max(before.Low, before.High), max(after.Low, after.High)
	}
	if a == 0 {
		return 0, false
	}
	return 100 * float64(b-a) / float64(a), true
}

// percent writes a share with its sign: "−13.4%".
func percent(p float64) string {
	if p >= 1000 {
		return "> +999%"
	}
	s := fmt.Sprintf("%+.1f%%", p)
	if s == "+0.0%" || s == "-0.0%" {
		s = strings.Replace(fmt.Sprintf("%+.2f%%", p), "-0.00", "+0.00", 1)
	}
	return strings.Replace(s, "-", "−", 1)
}

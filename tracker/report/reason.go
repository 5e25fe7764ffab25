package report

import (
	"regexp"
	"strings"
	"sync"
	"time"
)

// Reason is why something is as it is, as whoever found it wrote it down, for
// people: in their language as far as its words are known, its times in their
// zone.
func Reason(lang string, zone *time.Location, s string) string {
	return wordsOf(lang).reason(zone, clean(s))
}

// reasonTime is the form of the times in reasons.
const reasonTime = "2006-01-02 15:04 UTC"

var inUTC = regexp.MustCompile(`\b\d{4}-\d\d-\d\d \d\d:\d\d UTC\b`)

func (w *words) reason(zone *time.Location, s string) string {
	s = inUTC.ReplaceAllStringFunc(s, func(at string) string {
		t, err := time.Parse(reasonTime, at)
		if err != nil {
			return at
		}
		return t.In(zone).Format(w.Full) + " " + offset(t.In(zone))
	})
	if w.Lang == english.Lang {
		return s
	}
	return translate(s)
}

// A phrase is a reason in English and in Chinese. In English %d stands for a
// number, %s for anything, %r for another reason; in Chinese $1 is the first of
// them.
type phrase struct{ english, chinese string }

// phrases are the reasons that scans write down, the more special ones first. One
// that is not here stays in English.
var phrases = []phrase{
	// Of a scan as a whole.
	{"stopped after page %d: %r", "读完第 $1 页后停止：$2"},
	{"interrupted: %s", "扫描中断"},
	{"a bug in shopwatch: no scan", "shopwatch 程序错误：没有扫描结果"},
	{"a bug in shopwatch: %s", "shopwatch 程序错误：$1"},
	{"another shop answers at this address: %s (%s) instead of %s (%s); give it a storefront of its own", "该网址现在是另一家店铺：$1（$2），原为 $3（$4）；请为它另建一个店铺配置"},
	{"read completely for the first time: %d products; this is the baseline, changes from now on are news", "首次完整读取：$1 件商品，以此为基准，今后的变化才会通知"},
	{"read completely again; the last complete scan before this one: none", "已恢复完整读取；此前没有过完整扫描"},
	{"read completely again; the last complete scan before this one: %s", "已恢复完整读取；此前最近一次完整扫描：$1"},
	{"1 scan could not be kept: %r", "1 次扫描结果未能保存：$1"},
	{"%d scans could not be kept: %r", "$1 次扫描结果未能保存：$2"},
	{"%s could not be kept: %r", "$1未能保存：$2"},
	{"no space left on device", "磁盘已满"},
	{"disk quota exceeded", "磁盘配额已用完"},
	{"input/output error", "磁盘读写错误"},
	{"read-only file system", "文件系统为只读"},
	{"count the pages of the day: %s", "无法统计当天打开的页数：$1"},
	{"compare with the catalog: %s", "无法与已知商品比对：$1"},
	{"%s: %d pages were asked for within 24 hours; raise browser.daily_pages or scan less often", "24 小时内已打开 $2 页，达到上限；请调高 browser.daily_pages 或降低扫描频率"},
	{"enough for today", "已达到当天上限"},
	{"the list does not end after %d products; watch categories of the shop instead", "列表超过 $1 件商品仍未结束；请改为关注店铺的分类"},
	{"%s is read in a browser, and there is none", "$1 需要用浏览器读取，但没有可用的浏览器"},
	{"%s is read over HTTP, and there is no client for it", "$1 需要通过 HTTP 读取，但没有可用的客户端"},
	{"%s is read in a way that shopwatch does not know", "shopwatch 不知道如何读取 $1"},

	// Of a page.
	{"the page did not load: the page leads to an address that cannot be read; it was not opened", "页面未能打开：页面指向的地址无法识别，未打开"},
	{"the page did not load: the page leads to a %s: address; it was not opened", "页面未能打开：页面指向 $1: 地址，未打开"},
	{"the page did not load: the page leads to %s, whose address is not known; it was not opened", "页面未能打开：页面指向 $1，其地址未知，未打开"},
	{"the page did not load: the page leads to %s, an address of this machine or its network; it was not opened", "页面未能打开：页面指向本机或内网地址 $1，未打开"},
	{"the page did not load: the address is a download", "页面未能打开：该网址是下载文件"},
	{"the page did not load: redirected from https to %s, where anybody could answer", "页面未能打开：从 https 跳转到不安全的 $1"},
	{"the page did not load: %s", "页面未能打开（$1）"},
	{"the page was not ready after %s", "页面在 $1 内未加载完成"},
	{"the page is not open any more", "页面已关闭"},
	{"no page is open", "没有打开的页面"},
	{"it was answered with status %d", "服务器返回状态 $1"},
	{"%s came from %s and not from the marketplace; it was asked for again without Chrome's cache", "$1 来自 $2 而非平台，已跳过浏览器缓存重新读取"},
	{"%s came from %s and not from the marketplace", "$1 来自 $2 而非平台"},
	{"the page crashed", "页面崩溃"},
	{"the page makes more noise than any page needs", "页面请求过多"},
	{"chrome ended unexpectedly", "浏览器意外退出"},
	{"read the page: %d bytes are more than any page has", "页面过大（$1 字节）"},
	{"read the page: %s", "无法读取页面：$1"},
	{"too many open files%s", "打开的文件过多$1"},

	// Of a list.
	{"the list is empty now and then", "列表时而为空"},
	{"no page was read", "一页也没有读到"},
	{"the list changed while it was read: %r, then %r", "读取期间列表有变化：先是 $1，后是 $2"},
	{"%d products", "$1 件商品"},
	{"%d pages", "$1 页"},
	{"page %d is empty", "第 $1 页为空"},
	{"page %d calls itself the last of %d", "第 $1 页自称是共 $2 页中的最后一页"},
	{"page %d calls itself %d", "第 $1 页自称是第 $2 页"},
	{"page %d has %d products, page 1 has %d", "第 $1 页有 $2 件商品，而第 1 页有 $3 件"},
	{"%d of %d pages were read", "读了 $1/$2 页"},
	{"page %d does not say that it is the last", "第 $1 页没有说明它是最后一页"},
	{"%d listed twice on different pages, so as many may have been missed", "有 $1 件商品在不同页上重复出现，因此可能漏掉了同样多的商品"},
	{"%d listed twice on one page, the same in two passes", "有 $1 件商品在同一页上重复出现，读两遍都如此"},
	{"%d products are taken off without a report: only the address or the options before the change listed them", "有 $1 件商品不另行报告而移出：只有更改之前的地址或选项列出它们"},
	{"%d listed twice on one page", "有 $1 件商品在同一页上重复出现"},
	{"%d products are declared, %d were seen", "店铺称有 $1 件商品，实际见到 $2 件"},
	{"read again, because at first %r", "重读了一遍，因为第一遍：$1"},
	{"the list moved while it was read (%r); two passes together saw all of it", "读取期间列表有变动（$1）；两遍合起来已读全"},
	{"%r, the same in two passes", "$1，读两遍都如此"},
	{"it repeats page %d", "与第 $1 页内容重复"},
	{"the counter says page %d, the pagination page %d", "计数显示第 $1 页，分页显示第 $2 页"},
	{"the empty list has no filter bar", "空列表上没有筛选栏"},
	{"the list is empty, but %d pages are declared", "列表为空，但店铺称有 $1 页"},
	{"the list is cut off: its end mark is missing", "列表不完整：缺少结尾标记"},
	{"the page count is missing or 0", "缺少页数，或页数为 0"},
	{"asked for page %d, got page %d", "请求第 $1 页，得到第 $2 页"},
	{"the list was not asked for", "列表没有发出请求"},
	{"row %d has %d of %d products", "第 $1 行只有 $2/$3 件商品"},
	{"%s does not name product %s", "$1 中没有商品 $2"},
	{"%s names %d products, the page shows %d", "$1 中有 $2 件商品，页面显示 $3 件"},
	{"page %d of the shelf was not answered", "第 $1 页没有返回"},
	{"the answer does not say whether more follows", "返回的内容没有说明后面是否还有"},
	{"the answer does not say how many products there are", "返回的内容没有说明商品总数"},
	{"page %d has %d of %d products, yet more follows", "第 $1 页只有 $2/$3 件商品，后面却还有"},
	{"the marketplace shows %d pages at most, so the list may be cut", "平台最多显示 $1 页，列表可能不全"},
	{"an entry has no usable number (%s)", "有一项没有可用的商品编号（$1）"},
	{"entry %s links to product %s", "商品 $1 的链接指向商品 $2"},
	{"entry %s has no title", "商品 $1 没有标题"},

	// Of item pages and pictures.
	{"item pages: %r", "商品页：$1"},
	{"not opened: %r on the page before", "未打开：前一页$1"},
	{"no picture of the page of %s: %s", "没有商品 $1 页面的截图"},
	{"the cookies of the account: %s", "无法读取账号的登录信息"},
	{"the page does not stop to show whose login it is read with", "页面不断显示登录账号"},
	{"shopwatch was killed when it looked at it, or twice in a scan of this storefront", "shopwatch 读取它时曾被终止，或在本次扫描中两次被终止"},
	{"no pictures of cards: %r", "没有列表中商品的截图：$1"},
	{"the page could not be read", "页面无法读取"},
	{"the page leads to %s, which says nothing of the product", "页面跳转到 $1，与该商品无关"},
	{"the page speaks of product %s", "页面是关于商品 $1 的"},
	{"the page shows product %s", "页面显示的是商品 $1"},
	{"sent to %s", "页面跳转到 $1"},
	{"the page sells it and says that it is off the shelf", "页面既在销售，又称已下架"},
	{"its page sells it", "商品页仍在销售"},
	{"add to cart", "可加入购物车"},
	{"the page came with status %d", "页面返回状态 $1"},
	{"its data says that it is not online", "页面数据显示商品不在线"},
	{"the page says neither that it is sold nor that it is gone", "页面既没有说在售，也没有说已下架"},

	// Walls and other states of a marketplace.
	{"%s asks for a login: run shopwatch login %s", "$1 要求登录：请执行 shopwatch login $2"},
	{"%s refuses to answer (unusual traffic): open the shop in an ordinary browser, wait some hours, and scan less often", "$1 拒绝访问（流量异常）：请用普通浏览器打开店铺，等待数小时，并降低扫描频率"},
	{"%s says that this shop does not exist; check the address", "$1 显示该店铺不存在，请检查网址"},
	{"%s sends this machine to its foreign site; use a connection in its home market", "$1 把本机带到了海外站点，请使用其本国网络"},
	{"the shop says that it has closed", "店铺显示已关闭"},
	{"%s answered with a server error", "$1 返回服务器错误"},
	{"the list of products did not come", "商品列表没有返回"},
	{"the page shows no list of products in a layout that shopwatch knows", "页面上没有 shopwatch 认识的商品列表"},
	{"the list of products did not appear in time", "商品列表没有及时出现"},
	{"login wall", "要求登录"},
	{"login page", "登录页"},
	{"login overlay", "登录浮层"},
	{"login dialog", "登录对话框"},
	{"slider page", "滑块验证页"},
	{"slider", "滑块验证"},
	{"guard dialog", "安全验证对话框"},
	{"deny page", "拒绝访问页"},
	{"list refused: login", "列表要求登录"},
	{"list refused", "列表被拒绝"},
	{"session expired", "登录已过期"},
	{"API risk answer", "接口风控"},
	{"no such shop", "店铺不存在"},
	{"closed shop", "店铺已关闭"},
	{"foreign site", "海外站点"},
	{"server error", "服务器错误"},
	{"list call failed", "列表请求失败"},
	{"not a list", "不是商品列表"},
	{"list missing", "缺少商品列表"},

	// Of shops that are read over HTTP.
	{"its pages lead on and on", "页面不停地跳转"},
	{"the pages lead to more and more hosts", "页面不断跳转到新的主机"},
	{"the robots.txt of %s asks programs not to open %s: ask the shop for permission, then write %s", "$1 的 robots.txt 要求程序不要打开 $2：请先征得店铺同意，再写上 $3"},
	{"the robots.txt of %s cannot be read (%r), so nothing is asked for; when the shop has none, write %s", "无法读取 $1 的 robots.txt（$2），因此未作请求；如果店铺没有该文件，请写上 $3"},
	{"%d products are declared on %d pages of %d", "店铺称有 $1 件商品，分 $2 页，每页 $3 件"},
	{"%s leads to %s: when the shop has moved there, write that address", "$1 跳转到 $2：如果店铺已搬到那里，请改用该网址"},
	{"the shop leads to %s: when it has moved there, write that address", "店铺跳转到 $1：如果店铺已搬到那里，请改用该网址"},
	{"redirects between the hosts of the shop forget what was asked for: write the address at which the shop answers", "店铺的主机之间跳转时丢失了请求内容：请写上店铺实际应答的网址"},
	{"a page with status %d that does not say which product it shows", "页面返回状态 $1，且没有说明显示的是哪件商品"},
	{"a plug-in of the shop has closed the API to guests (%s); ask its owner to open %s", "店铺的插件对访客关闭了接口（$1）；请店主开放 $2"},
	{"no WooCommerce Store API answers there: check the address of the shop's front page; when it is right, the shop is no WooCommerce shop or has shut the API off", "没有 WooCommerce Store 接口应答：请检查店铺首页的网址；如果无误，则该店铺不是 WooCommerce 店铺，或关闭了接口"},
	{"no GraphQL API answers there (status %d): check the address, write that of the API in options: {endpoint: …}; or the shop is no Magento shop or has shut the API off", "没有 GraphQL 接口应答（状态 $1）：请检查网址，或在 options: {endpoint: …} 中写上接口网址；也可能该店铺不是 Magento 店铺，或关闭了接口"},
	{"the shop answers with a page where its GraphQL API should be: check the address, or write that of the API in options: {endpoint: …}", "GraphQL 接口处返回的是网页：请检查网址，或在 options: {endpoint: …} 中写上接口网址"},
	{"the shop answers with a page where its API should be", "接口处返回的是网页"},
	{"the shop answers with a page where its list should be: check that the address is one of a category, as the browser shows it; the shop may be no PrestaShop shop, or its theme brings lists in another way", "商品列表处返回的是网页：请确认网址是浏览器中显示的分类网址；也可能该店铺不是 PrestaShop 店铺，或其主题以其他方式显示列表"},
	{"the shop answers with status %d and no list of products%s", "店铺返回状态 $1，没有商品列表$2"},
	{"the shop answers without a list of products", "店铺返回的内容中没有商品列表"},
	{"the shop answered with status %d", "店铺返回状态 $1"},
	{"there is no category at this address (status %d)", "该网址没有分类（状态 $1）"},
	{"store view %s answers, not %s", "应答的是店铺视图 $1，而不是 $2"},
	{"Shopify lists 25,000 products and no more, so the list may be cut: watch collections of the shop instead", "Shopify 最多列出 25,000 件商品，列表可能不全：请改为关注店铺的系列"},
	{"the shop counts no more than %d products", "店铺最多计数 $1 件商品"},
	{"the shop has closed its list of products, and its sitemap says nothing: %r", "店铺关闭了商品列表，站点地图也没有说明：$1"},
	{"the shop refuses it: %r", "店铺拒绝了请求：$1"},
	{"the shop refuses to answer (%s): %r", "店铺拒绝应答（$1）：$2"},
	{"the shop shows its products only to customers who are logged in (%s); ask its owner to open them", "店铺只向已登录的客户显示商品（$1）；请店主开放"},
	{"the shop shows its products only to people who are logged in; ask its owner to open them", "店铺只向已登录的人显示商品；请店主开放"},
	{"the shop wants a login before it answers (status 401); ask its owner to open it", "店铺要求先登录（状态 401）；请店主开放"},
	{"the shop asks for a password", "店铺要求密码"},
	{"the owner has closed the shop with a password; wait until it opens, or ask them", "店主用密码关闭了店铺；请等店铺开放，或联系店主"},
	{"the owner has closed the shop for the time being (coming soon, or maintenance); wait until it opens", "店主暂时关闭了店铺（即将开放或维护中）；请等店铺开放"},
	{"the API does not know it", "接口查不到该商品"},
	{"the API does not say enough of other products", "接口没有充分说明其他商品"},
	{"the API does not say how many products there are", "接口没有说明商品总数"},
	{"the API does not say whether it knows the product", "接口没有说明是否有该商品"},
	{"the API refuses with status %d: %r", "接口拒绝请求（状态 $1）：$2"},
	{"the API refuses: %s", "接口拒绝请求：$1"},
	{"the API reports an error beside the list: %s", "接口在列表之外报告错误：$1"},
	{"the API reports: %s", "接口报告：$1"},
	{"the API still knows it as in stock", "接口中仍有该商品，且有货"},
	{"the API still knows it", "接口中仍有该商品"},
	{"the address of its page is not known", "不知道商品页的网址"},
	{"the answer does not say whether it is in stock", "返回的内容没有说明是否有货"},
	{"the answer is about product %s", "返回的内容是关于商品 $1 的"},
	{"the declared totals %s and %s are no numbers", "店铺给出的总数 $1 和 $2 不是数字"},
	{"the list does not name another product", "列表中没有其他商品"},
	{"the list does not say how many products there are", "列表没有说明商品总数"},
	{"the list does not show it", "列表中没有该商品"},
	{"the list is empty, and the shop does not say that it has no products", "列表为空，但店铺没有说明没有商品"},
	{"the list shows it again", "列表中又有该商品"},
	{"it has %d products and says that it shows %d to %d", "有 $1 件商品，却称显示第 $2 至 $3 件"},
	{"it has %d products where %d are declared", "有 $1 件商品，而店铺称有 $2 件"},
	{"it has %d products where none are declared", "有 $1 件商品，而店铺称没有商品"},
	{"it is the last page and shows up to product %d of %d", "这是最后一页，却只显示到第 $1 件（共 $2 件）"},
	{"the pager does not say whether a page follows", "分页没有说明后面是否还有"},
	{"page 1 did not come again", "第 1 页没有再次返回"},
	{"its address belongs to product %s now", "其网址现属于商品 $1"},
	{"its page answers with status %d", "商品页返回状态 $1"},
	{"its page does not exist, and the API does not know it", "商品页不存在，接口也查不到该商品"},
	{"its page does not exist", "商品页不存在"},
	{"its page is there, though its data is not", "商品页还在，但没有商品数据"},
	{"its page leads elsewhere, where status %d answers", "商品页跳转到别处，返回状态 $1"},
	{"its page still shows it, though the shop lists it no more: sold out and hidden, perhaps", "商品页仍显示该商品，但店铺不再列出：可能售罄并隐藏"},
	{"its page still shows it", "商品页仍显示该商品"},
	{"neither its data nor its page is there (status %d)", "商品数据和商品页都不存在（状态 $1）"},
	{"leads to %s", "跳转到 $1"},
	{"no data", "没有数据"},
	{"sold out, and not listed", "售罄，且不再列出"},
	{"sold out, hidden by the shop", "售罄，被店铺隐藏"},
	{"status %d comes with a page that is not the shop's own", "状态 $1，且页面不是店铺自己的"},
	{"status %d", "状态 $1"},
	{"the page does not say that it is sold", "页面没有说在售"},
	{"the page leads to %s, which is not yet known to prove anything of the product", "页面跳转到 $1，尚不知道这能证明什么"},
	{"the page lists no products, and it is not known how JD says that there are none", "页面上没有商品，尚不知道京东如何表示没有商品"},
	{"the page says %s, which is not yet known to be a proof", "页面显示 $1，尚不知道这能否作为证据"},
	{"the page shows no list of products in a form that shopwatch knows", "页面上没有 shopwatch 认识的商品列表"},
	{"the page shows no shop of JD; check the address", "页面上没有京东店铺，请检查网址"},
	{"the page wants a login", "页面要求登录"},
	{"the pages of other products cannot be read either", "其他商品的页面也无法读取"},
	{"%s sends this machine to its foreign site; use a connection in its home market, or log in", "$1 把本机带到了海外站点，请使用其本国网络，或登录"},
	{"%s answered with status %d", "$1 返回状态 $2"},
	{"%s asks for a login (%r), so its list is not open to all", "$1 要求登录（$2），其列表不对所有人开放"},
	{"%s refuses to answer (%r): open it in an ordinary browser, wait some hours, and scan less often", "$1 拒绝访问（$2）：请用普通浏览器打开，等待数小时，并降低扫描频率"},
	{"%s says that this list is gone for good (status 410); check the address", "$1 显示该列表已永久删除（状态 410），请检查网址"},
	{"its structured data offers it", "其结构化数据显示在售"},
	{"its structured data says that it is discontinued", "其结构化数据显示已停售"},
	{"the link to the next page leads to %s, which is another website", "下一页的链接指向另一网站 $1"},
	{"the list did not appear in time: %r", "列表没有及时出现：$1"},
	{"the list is not there (status 404); check the address", "列表不存在（状态 404），请检查网址"},
	{"the page came with status %d, which by the configuration does not say that it is gone", "页面返回状态 $1，按配置这不表示商品已不存在"},
	{"the page is cut off: its end is missing", "页面不完整：缺少结尾"},
	{"the page says that there are no products, and that there are %d", "页面既称没有商品，又称有 $1 件"},
	{"the page sells it and says that it is gone", "页面既在销售，又称已不存在"},
	{"the page shows no list: %r", "页面上没有列表：$1"},
	{"the page was not ready in time", "页面没有及时加载完成"},

	// What is left of a reason about one page of several.
	{"page %d: %r", "第 $1 页：$2"},
}

// A pattern is a phrase that is ready for use.
type pattern struct {
	phrase
	expr   *regexp.Regexp
	nested []bool // by placeholder: whether it stands for a reason
}

var placeholder = regexp.MustCompile(`%[dsr]`)

// patterns are made of the phrases when they are first needed.
var patterns = sync.OnceValue(func() []pattern {
	all := make([]pattern, len(phrases))
	for i, p := range phrases {
		all[i].phrase = p
		parts := placeholder.FindAllString(p.english, -1)
		expr := regexp.QuoteMeta(p.english)
		for _, part := range parts {
			group := `(.+)`
			if part == "%d" {
				group = `(\d+)`
			}
			expr = strings.Replace(expr, part, group, 1)
			all[i].nested = append(all[i].nested, part == "%r")
		}
		all[i].expr = regexp.MustCompile(`^` + expr + `$`)
	}
	return all
})

// translate writes a reason in Chinese.
func translate(s string) string {
	for _, p := range patterns() {
		m := p.expr.FindStringSubmatch(s)
		if m == nil {
			continue
		}
		var pairs []string
		for i := len(m) - 1; i > 0; i-- {
			value := m[i]
			if p.nested[i-1] {
				value = translate(value)
			}
			pairs = append(pairs, "$"+string(rune('0'+i)), value)
		}
		return strings.NewReplacer(pairs...).Replace(p.chinese)
	}
	return s
}

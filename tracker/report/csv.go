package report

import (
	"bytes"
	"fmt"
	"strings"
	"time"

	"shopwatch/tracker"
)

// A column is one of the CSV file. Its names are for people, in the language of
// the report; what stands in it is the same in all languages, but for reasons.
type column struct {
	name, chinese string
	cell          func(*tracker.Change, *Story) string
}

// columns are those of the CSV file. Who reads the files counts on their order:
// new ones are added at the end.
var columns = []column{
	{"seq", "序号", func(c *tracker.Change, _ *Story) string { return number(c.Seq) }},
	{"kind", "类型", func(c *tracker.Change, _ *Story) string { return string(c.Kind) }},
	{"storefront", "店铺", func(c *tracker.Change, _ *Story) string { return cell(string(c.Storefront)) }},
	{"time", "时间", func(c *tracker.Change, s *Story) string { return stamp(c.At, s.Zone) }},
	{"scan", "扫描", func(c *tracker.Change, s *Story) string { return stamp(c.Scan, s.Zone) }},
	{"id", "商品编号", ofProduct(func(p *tracker.Product) string { return identifier(string(p.ID)) })},
	{"title", "标题", ofProduct(func(p *tracker.Product) string { return cell(p.Title) })},
	{"url", "商品链接", ofProduct(func(p *tracker.Product) string { return address(link(p.URL)) })},
	{"image", "主图链接", ofProduct(func(p *tracker.Product) string { return address(link(p.Image)) })},
	{"currency", "货币", ofProduct(func(p *tracker.Product) string { return cell(p.Price.Currency) })},
	{"price", "价格", ofProduct(func(p *tracker.Product) string { return amount(p.Price.Known(), p.Price.Low, p.Price.Currency) })},
	{"price_before", "原价", before(tracker.Repriced, func(p *tracker.Product) string { return amount(p.Price.Known(), p.Price.Low, p.Price.Currency) })},
	{"percent", "涨跌幅%", func(c *tracker.Change, _ *Story) string {
		if c.Kind == tracker.Repriced && c.Before != nil && c.Product != nil {
			if pc, ok := Percent(c.Before.Price, c.Product.Price); ok {
				return fmt.Sprintf("%.2f", pc)
			}
		}
		return ""
	}},
	{"title_before", "原标题", before(tracker.Retitled, func(p *tracker.Product) string { return cell(p.Title) })},
	{"image_before", "原主图链接", before(tracker.Repictured, func(p *tracker.Product) string { return address(link(p.Image)) })},
	{"proof", "下架依据", func(c *tracker.Change, _ *Story) string { return string(c.Proof) }},
	{"page_says", "商品页状态", ofProbe(func(p *tracker.Probe, _ *Story) string { return cell(string(p.State)) })},
	{"page_seen", "商品页查看时间", ofProbe(func(p *tracker.Probe, s *Story) string { return stamp(p.At, s.Zone) })},
	{"page_url", "商品页链接", ofProbe(func(p *tracker.Probe, _ *Story) string { return address(link(p.URL)) })},
	{"scans_missed", "缺席扫描次数", func(c *tracker.Change, _ *Story) string { return number(uint64(max(c.Missing, 0))) }},
	{"days_away", "离开天数", func(c *tracker.Change, _ *Story) string {
		if c.Away <= 0 {
			return ""
		}
		return fmt.Sprintf("%.1f", c.Away.Hours()/24)
	}},
	{"same_as", "疑似原商品", func(c *tracker.Change, _ *Story) string {
		if c.SameAs == nil {
			return ""
		}
		return identifier(string(c.SameAs.ID))
	}},
	{"watched", "关注规则", func(c *tracker.Change, _ *Story) string { return cell(c.Important) }},
	{"reason", "原因", func(c *tracker.Change, s *Story) string {
		if c.Kind == tracker.Corrected {
			return cell(c.Reason) // the words of a person
		}
		return cell(Reason(s.Lang, s.Zone, c.Reason))
	}},
	{"corrects", "更正序号", func(c *tracker.Change, _ *Story) string { return number(c.Corrects) }},
	{"verdict", "扫描结果", func(c *tracker.Change, _ *Story) string { return string(c.Verdict) }},
	{"evidence", "证据文件", func(c *tracker.Change, _ *Story) string { return cell(c.Pictures.Page) }},
	{"utc_offset", "时区", func(c *tracker.Change, s *Story) string {
		if c.At.IsZero() {
			return ""
		}
		return offset(c.At.In(s.Zone))
	}},
	{"price_kind", "价格类型", ofProduct(func(p *tracker.Product) string { return string(p.Price.Kind) })},
	{"price_high", "最高价", ofProduct(func(p *tracker.Product) string {
		return amount(p.Price.Kind == tracker.PriceRange, p.Price.High, p.Price.Currency)
	})},
	{"price_high_before", "原最高价", before(tracker.Repriced, func(p *tracker.Product) string {
		return amount(p.Price.Kind == tracker.PriceRange, p.Price.High, p.Price.Currency)
	})},
	{"page_words", "商品页原文", ofProbe(func(p *tracker.Probe, _ *Story) string { return cell(p.Says) })},
	{"page_reason", "商品页判断依据", ofProbe(func(p *tracker.Probe, s *Story) string { return cell(Reason(s.Lang, s.Zone, p.Reason)) })},
	{"same_as_percent", "把握%", func(c *tracker.Change, _ *Story) string {
		if c.SameAs == nil {
			return ""
		}
		return fmt.Sprintf("%.0f", 100*c.SameAs.Confidence)
	}},
	{"availability", "库存状态", ofProduct(func(p *tracker.Product) string { return string(p.Availability) })},
	{"variants", "款式数", ofProduct(func(p *tracker.Product) string { return number(uint64(max(p.Variants, 0))) })},
	{"price_market", "价格所属市场", ofProduct(func(p *tracker.Product) string { return cell(p.Price.Market) })},
	{"price_tax", "是否含税", ofProduct(func(p *tracker.Product) string { return string(p.Price.Tax) })},
	{"price_30_days", "30天最低价", func(c *tracker.Change, _ *Story) string { return c.Prior.String() }},
	{"group", "同款组", func(c *tracker.Change, s *Story) string {
		if g := s.group(c); g != nil {
			return cell(g.Name)
		}
		return ""
	}},
	{"group_lowest", "同款最低价", func(c *tracker.Change, s *Story) string {
		g := s.group(c)
		if g == nil {
			return ""
		}
		var all []string
		for _, o := range tracker.Lowest(g.Offers) {
			all = append(all, o.Item.Price.String()+" "+o.Item.Price.Currency+" "+string(o.Storefront))
		}
		return cell(strings.Join(all, " / "))
	}},
}

func ofProduct(of func(*tracker.Product) string) func(*tracker.Change, *Story) string {
	return func(c *tracker.Change, _ *Story) string {
		if c.Product == nil {
			return ""
		}
		return of(c.Product)
	}
}

// before is of the product as it was, for changes of a kind.
func before(kind tracker.Kind, of func(*tracker.Product) string) func(*tracker.Change, *Story) string {
	return func(c *tracker.Change, _ *Story) string {
		if c.Kind != kind || c.Before == nil {
			return ""
		}
		return of(c.Before)
	}
}

func ofProbe(of func(*tracker.Probe, *Story) string) func(*tracker.Change, *Story) string {
	return func(c *tracker.Change, s *Story) string {
		if c.Probe == nil {
			return ""
		}
		return of(c.Probe, s)
	}
}

// csv writes every change of the story for a spreadsheet: UTF-8 with a byte
// order mark, cells in quotation marks separated by commas, lines ended by CR LF
// (RFC 4180), no cell that is taken for a formula, whichever separator the
// spreadsheet expects.
func (s Story) csv() []byte {
	if len(s.Changes) == 0 {
		return nil
	}
	if s.Zone == nil {
		s.Zone = time.UTC
	}
	var b bytes.Buffer
	b.WriteString("\ufeff")
	row := make([]string, len(columns))
	for i, c := range columns {
		if row[i] = c.name; s.Lang == "zh" {
			row[i] = c.chinese
		}
	}
	writeRow(&b, row)
	for i := range s.Changes {
		for j, c := range columns {
			row[j] = c.cell(&s.Changes[i], &s)
		}
		writeRow(&b, row)
	}
	return b.Bytes()
}

func writeRow(b *bytes.Buffer, row []string) {
	for i, c := range row {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteByte('"')
		b.WriteString(strings.ReplaceAll(c, `"`, `""`))
		b.WriteByte('"')
	}
	b.WriteString("\r\n")
}

// stamp is a time as spreadsheets know it. Of which zone it is stands in a
// column of its own, because with it they take it for a text.
func stamp(t time.Time, zone *time.Location) string {
	if t.IsZero() {
		return ""
	}
	return t.In(zone).Format(time.DateTime)
}

// amount is a price if it is known.
func amount(known bool, minor int64, currency string) string {
	if !known {
		return ""
	}
	return tracker.Price{Kind: tracker.PriceExact, Low: minor, Currency: currency}.String()
}

func number(n uint64) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprint(n)
}

// exactDigits is how many digits of a number spreadsheets keep.
const exactDigits = 15

// identifier is the cell of a product's number. One that is too long for a
// spreadsheet's numbers has an apostrophe before it, which makes it a text.
func identifier(s string) string {
	s = cell(s)
	if len(s) > exactDigits && strings.Trim(s, "0123456789") == "" {
		return "'" + s
	}
	return s
}

// address is the cell of a link: an apostrophe would lead it astray.
func address(link string) string {
	if cell(link) == link {
		return link
	}
	return cell(strings.NewReplacer(";", "%3B", "|", "%7C").Replace(link))
}

// cell makes a string that others wrote safe for a spreadsheet: one line, and
// an apostrophe before what would start a formula. In a spreadsheet whose
// separator is not the comma a cell of its own also begins behind a separator
// within the string, whatever quotation marks stand around it.
func cell(s string) string {
	var b strings.Builder
	begins := true // a cell, but for what spreadsheets trim
	for _, r := range clean(s) {
		switch {
		case begins && strings.ContainsRune("=+-@＝＋－＠−", r):
			b.WriteByte('\'')
			begins = false
		case strings.ContainsRune(";|", r):
			begins = true
		case r != ' ' && r != '"' && r != '\u200d':
			begins = false
		}
		b.WriteRune(r)
	}
	return b.String()
}

package browser

import (
	"context"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/page"
)

// PDF prints a page that stands alone, on A4 with numbered sheets. The page is
// opened with scripts off, in a tab of its own, and loads nothing.
func (b *Browser) PDF(ctx context.Context, html []byte) (pdf []byte, err error) {
	t, err := b.Tab(ctx, TabOptions{Blocked: []string{"*://*:*/*"}})
	if err != nil {
		return nil, err
	}
	defer t.Close()
	err = t.within(ctx, func(ctx context.Context, s cdp.Session) error {
		if err := call(ctx, s, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true}); err != nil {
			return err
		}
		if err := call(ctx, s, page.SetDocumentContent, page.SetDocumentContentParams{FrameID: t.frame, HTML: string(html)}); err != nil {
			return err
		}
		res, err := cdp.Call(ctx, s, page.PrintToPDF, page.PrintToPDFParams{
			PrintBackground: new(true), PreferCSSPageSize: new(true), GenerateTaggedPDF: new(true), DisplayHeaderFooter: new(true),
			PaperWidth: 8.27, PaperHeight: 11.69, MarginTop: new(0.6), MarginBottom: new(0.7), MarginLeft: new(0.6), MarginRight: new(0.6),
			HeaderTemplate: "<span></span>",
			FooterTemplate: `<div style="font-size:8px;width:100%;text-align:right;padding-right:14mm;color:#666"><span class="pageNumber"></span> / <span class="totalPages"></span></div>`,
		})
		pdf = res.Data
		return err
	})
	return pdf, err
}

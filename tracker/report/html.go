package report

import (
	"embed"
	"fmt"
	"html/template"
	"io"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"shopwatch/tracker"
)

//go:embed mail.html feed.html document.html
var files embed.FS

// styles are the inline styles, by name. Mail clients drop style sheets, so
// every element carries its own; what a client does understand of the sheet
// below is for dark mode and narrow screens only.
var styles = map[string]template.CSS{
	"body":      "margin:0;padding:0;background-color:#f4f3f0",
	"page":      "background-color:#f4f3f0",
	"hidden":    "display:none;mso-hide:all",
	"out":       "padding:32px 8px 40px",
	"column":    "width:100%;max-width:600px;text-align:left;overflow-wrap:anywhere;word-break:break-word",
	"sample":    "padding:12px 28px;background-color:#fbf4e2;border-radius:10px;font-size:13px;line-height:20px;color:#6b4e00",
	"gap":       "font-size:0;line-height:0",
	"card":      "background-color:#ffffff;border-radius:12px",
	"head":      "padding:32px 28px 0",
	"brand":     "margin:0 0 20px;font-size:12px;line-height:16px;font-weight:600;letter-spacing:0.4px;color:#6f6d68",
	"h1":        "margin:0;font-size:25px;line-height:33px;font-weight:600;color:#1d1c1a",
	"when":      "margin:5px 0 0;font-size:14px;line-height:20px;color:#6f6d68",
	"plainlink": "color:#1d1c1a;text-decoration:none",
	"top":       "padding:24px 28px 0",
	"fixed":     "table-layout:fixed;width:100%",
	"count":     "padding:0 8px 8px 0",
	"number":    "font-size:28px;line-height:34px;font-weight:600;font-variant-numeric:tabular-nums",
	"label":     "font-size:13px;line-height:18px;color:#6f6d68",
	"part":      "padding:28px 28px 0",
	"shop":      "padding:40px 28px 0",
	"h2":        "margin:0;font-size:19px;line-height:26px;font-weight:600;color:#1d1c1a",
	"h3":        "margin:0;padding:0 0 10px;font-size:14px;line-height:20px;font-weight:600",
	"h3gray":    "margin:0;padding:0 0 10px;font-size:14px;line-height:20px;font-weight:600;color:#6f6d68",
	"n":         "font-weight:400;color:#6f6d68",
	"cell":      "padding:14px 0 15px;border-top:1px solid #e9e7e2",
	"piccell":   "width:80px;padding:16px 0 15px;border-top:1px solid #e9e7e2",
	"pricecell": "width:84px;padding:14px 0 15px 8px;border-top:1px solid #e9e7e2;text-align:right",
	"sharecell": "width:56px;padding:14px 0 15px 12px;border-top:1px solid #e9e7e2;text-align:right",
	"graycell":  "padding:8px 0;border-top:1px solid #e9e7e2",
	"pic":       "display:block;width:64px;height:64px;border-radius:8px;font-size:11px;line-height:14px;color:#6f6d68;overflow:hidden",
	"nopic":     "width:64px;height:64px;border-radius:8px;background-color:#f1efeb;font-size:0;line-height:64px",
	"big":       "width:112px;height:112px;border-radius:8px;font-size:11px;line-height:14px;color:#6f6d68",
	"shotline":  "margin:10px 0 2px;font-size:0;line-height:0",
	"shot":      "box-sizing:border-box;width:100%;max-width:240px;height:auto;border:1px solid #e9e7e2;border-radius:8px;font-size:11px;line-height:14px;color:#6f6d68",
	"frame":     "padding:10px 0 0;font-size:12px",
	"arrow":     "padding:10px 0 22px;font-size:16px;color:#6f6d68",
	"caption":   "font-size:12px;line-height:20px;color:#6f6d68",
	"title":     "margin:0;font-size:15px;line-height:22px;font-weight:400;color:#1d1c1a",
	"old":       "margin:2px 0 2px;font-size:13px;line-height:20px;color:#6f6d68",
	"small":     "margin:0;font-size:13px;line-height:20px;color:#6f6d68",
	"proof":     "margin:2px 0 0;font-size:13px;line-height:20px;color:#3a3833",
	"more":      "color:#3a3833;text-decoration:underline",
	"rest":      "margin:0;padding:14px 0 0;border-top:1px solid #e9e7e2;font-size:13px;line-height:20px;color:#6f6d68",
	"watched":   "margin:2px 0 0;font-size:13px;line-height:20px;font-weight:600;color:#3a3833",
	"seen":      "font-size:12px;line-height:18px;color:#6f6d68",
	"graylink":  "font-size:13px;line-height:20px;color:#6f6d68;text-decoration:none",
	"price":     "font-size:15px;line-height:22px;font-weight:600;color:#1d1c1a;font-variant-numeric:tabular-nums",
	"was":       "font-size:13px;line-height:20px;color:#6f6d68;text-decoration:line-through;font-variant-numeric:tabular-nums",
	"percent":   "font-size:13px;line-height:20px;font-weight:600;font-variant-numeric:tabular-nums",
	"ins":       "text-decoration:underline;background-color:#d9f0e2;color:#0f5c36;border-radius:3px",
	"del":       "text-decoration:line-through;background-color:#fbe3df;color:#8f2318;border-radius:3px",
	"box":       "padding:16px 20px 18px;border-radius:10px",
	"boxhead":   "margin:0;font-size:16px;line-height:23px;font-weight:600;color:#1d1c1a",
	"boxline":   "margin:6px 0 0;font-size:14px;line-height:21px;color:#3a3833",
	"boxdo":     "margin:12px 0 0;font-size:14px;line-height:21px;color:#1d1c1a",
	"lead":      "margin:0 0 16px;font-size:17px;line-height:24px;font-weight:600",
	"phone":     "display:none;margin:4px 0 0;mso-hide:all",
	"well":      "padding:16px 20px 18px;background-color:#f7f6f3;border-radius:10px",
	"wellhead":  "margin:0 0 4px;font-size:12px;line-height:18px;font-weight:600;color:#6f6d68",
	"wellline":  "margin:6px 0 0;font-size:13px;line-height:20px;color:#3a3833",
	"foot":      "padding:20px 28px 0",
	"footline":  "margin:0 0 4px;font-size:12px;line-height:18px;color:#6f6d68",
	"proofline": "margin:16px 0 4px;font-size:12px;line-height:18px;color:#6f6d68",
	"proofs":    "margin:0;font-family:Consolas,Menlo,monospace;font-size:10px;line-height:15px;color:#6f6d68;overflow-wrap:anywhere;word-break:break-all",
	"footlink":  "color:#6f6d68;text-decoration:underline",
}

// dark are the colours of dark mode.
const dark template.CSS = `.bg { background-color: #131312 !important; }
.card { background-color: #1e1d1b !important; }
.well { background-color: #282724 !important; }
.note { background-color: #33290f !important; color: #ecd9a3 !important; }
.ink { color: #efedea !important; }
.mut { color: #a5a19a !important; }
.line { border-color: #35332f !important; }
.nopic { background-color: #2b2a27 !important; }
.shot { border-color: #35332f !important; }
.k-good { color: #6fce9c !important; }
.k-bad { color: #f2968a !important; }
.k-warn { color: #e3b85c !important; }
.k-info { color: #8fbcf0 !important; }
.k-plain { color: #d6d2cb !important; }
.k-good-box { background-color: #17301f !important; }
.k-bad-box { background-color: #3a1b17 !important; }
.k-warn-box { background-color: #33290f !important; }
.k-plain-box { background-color: #282724 !important; }
.ins { background-color: #1d4630 !important; color: #a5e6c2 !important; }
.del { background-color: #4d241e !important; color: #f6b8ae !important; }
`

// sheet is for clients that read style sheets: dark mode and phones.
const sheet template.CSS = "@media (prefers-color-scheme: dark) {\n" + dark + "}\n" + `@media (max-width: 480px) {
.out { padding: 12px 8px 24px !important; }
.px { padding-left: 20px !important; padding-right: 20px !important; }
.cp { width: 64px !important; }
.cq { display: none !important; }
.cm { display: block !important; }
.cm .cr { display: none !important; }
.pic { width: 52px !important; height: 52px !important; line-height: 52px !important; }
.big { width: 88px !important; height: 88px !important; }
}
`

// outlook makes Outlook for Windows, which draws mails with Word, use fonts
// that it has, and keep the resolution of pictures.
const outlook template.HTML = `<!--[if mso]><style>table,td,p,span,a,h1,h2,h3{font-family:'Microsoft YaHei','Segoe UI',Arial,sans-serif !important;mso-line-height-rule:exactly}</style><noscript><xml><o:OfficeDocumentSettings xmlns:o="urn:schemas-microsoft-com:office:office"><o:PixelsPerInch>96</o:PixelsPerInch></o:OfficeDocumentSettings></xml></noscript><![endif]-->`

// An accent is the colour of a kind of change: a class for dark mode, a colour
// of words and a colour of boxes.
type accent struct{ class, color, box string }

var (
	good  = accent{"k-good", "#1b7f4d", "#edf7f1"}
	bad   = accent{"k-bad", "#b42318", "#fdf0ee"}
	warn  = accent{"k-warn", "#8a5a00", "#fbf4e2"}
	info  = accent{"k-info", "#1f5fa8", "#eef4fb"}
	quiet = accent{"k-plain", "#3a3833", "#f7f6f3"}
)

func accentOf(k tracker.Kind) accent {
	switch k {
	case tracker.Added, tracker.Recovered:
		return good
	case tracker.Removed, tracker.Closed:
		return bad
	case tracker.Stalled, tracker.Soldout:
		return warn
	case tracker.Relisted, tracker.Restocked:
		return info
	}
	return quiet
}

// HasPictures reports whether some row of the section shows a small picture.
// Those of changed pictures stand below the title.
func (s section) HasPictures() bool {
	for i := range s.Rows {
		if s.Rows[i].Picture != "" && s.Kind != tracker.Repictured {
			return true
		}
	}
	return false
}

// Wide reports whether the rows of the section need the room of the price
// column.
func (s section) Wide() bool { return s.Kind == tracker.Repictured }

// PriceRoom is how wide the column of prices is, in pixels: 84 for amounts of up to
// ten signs, and more for longer ones, such as NT$32,900.00, so that none is broken.
func (s section) PriceRoom() int {
	longest := 10
	for i := range s.Rows {
		for word := range strings.FieldsSeq(s.Rows[i].Price) {
			longest = max(longest, utf8.RuneCountInString(word))
		}
	}
	return 84 + 12*min(longest-10, 7)
}

// A heading is one in the template: below the title of a storefront where the
// report has one.
type heading struct {
	Deep  bool
	Class string
	Style template.CSS
	Text  string
	N     int // behind it; zero for none
}

// A shown is a picture in the template.
type shown struct{ Name, Alt, Link string }

var funcs = template.FuncMap{
	"css": func(name string) (template.CSS, error) {
		s, ok := styles[name]
		if !ok {
			return "", fmt.Errorf("no style %q", name)
		}
		return s, nil
	},
	"join":    func(a, b template.CSS) template.CSS { return a + ";" + b },
	"sheet":   func() template.CSS { return sheet },
	"outlook": func() template.HTML { return outlook },
	"filler": func() template.HTML { // keeps the first lines of the mail out of its preview
		return template.HTML(strings.Repeat("&#847; &zwnj; ", 30))
	},
	"fonts": func(w *words) template.CSS {
		return template.CSS("font-family:" + strings.ReplaceAll(w.Fonts, `"`, "'"))
	},
	"accent":   func(k tracker.Kind) string { return accentOf(k).class },
	"tint":     func(k tracker.Kind) template.CSS { return template.CSS("color:" + accentOf(k).color) },
	"boxcolor": func(k tracker.Kind) string { return accentOf(k).box },
	"boxtint":  func(k tracker.Kind) template.CSS { return template.CSS("background-color:" + accentOf(k).box) },
	"cid":      func(name string) template.URL { return template.URL("cid:" + name) },
	"short":    func(s string) string { return cut(s, 120) },
	"lang":     lang,
	"heading": func(deep bool, class string, style template.CSS, text string, n int) heading {
		return heading{deep, class, style, text, n}
	},
	"pic": func(name, alt string, link ...string) shown {
		return shown{name, cut(alt, 80), strings.Join(link, "")}
	},
	// counts puts at most four counts into a row, six into two rows of three.
	"counts": func(cs []count) [][]count {
		per := 4
		if len(cs) == 5 || len(cs) == 6 {
			per = 3
		}
		var rows [][]count
		for len(cs) > 0 {
			n := min(per, len(cs))
			row := append([]count(nil), cs[:n]...)
			cs = cs[n:]
			for len(rows) > 0 && len(row) < per {
				row = append(row, count{})
			}
			rows = append(rows, row)
		}
		return rows
	},
}

// mailTemplate is parsed when it is first needed.
var mailTemplate = sync.OnceValues(func() (*template.Template, error) {
	t, err := template.New("mail.html").Funcs(funcs).ParseFS(files, "mail.html", "feed.html", "document.html")
	if err != nil {
		return nil, fmt.Errorf("the template of mails: %w", err)
	}
	return t, nil
})

// lang is the language of a title, so that Chinese characters have their
// Chinese forms in a mail that is in another language.
func lang(title string) string {
	if strings.ContainsFunc(title, func(r rune) bool { return unicode.Is(unicode.Han, r) }) {
		return "zh-CN"
	}
	return "mul" // several, or nobody knows
}

// write writes a view, or a foot, by the template of this name.
func write(w io.Writer, name string, data any) error {
	t, err := mailTemplate()
	if err != nil {
		return err
	}
	return t.ExecuteTemplate(w, name, data)
}

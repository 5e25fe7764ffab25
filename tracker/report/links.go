package report

import (
	"strconv"
	"strings"

	"shopwatch/tracker"
)

// methodDocument is where the source of shopwatch says how a verdict comes
// about, for readers who cannot open the dashboard.
const methodDocument = "docs/method.md"

// public is an address below that of the dashboard, "" where people cannot reach
// it.
func (v *viewer) public(path string) string {
	if v.Public == "" {
		return ""
	}
	return link(strings.TrimSuffix(v.Public, "/") + "/" + path)
}

// page is the address of the page that shows the proof of a change. What a
// sample tells is in no dashboard.
func (v *viewer) page(c *tracker.Change) string {
	if c.Seq == 0 || v.Sample {
		return ""
	}
	return v.public("changes/" + strconv.FormatUint(c.Seq, 10))
}

// method says where it is written how a verdict comes about: in words and, where
// there is one, by an address.
func (v *viewer) method() (words, url string) {
	lang, _, _ := strings.Cut(v.w.Lang, "-")
	if url = v.public("method?lang=" + lang); url != "" {
		return v.w.Method, url
	}
	return v.w.Method + v.w.InSource + methodDocument, ""
}

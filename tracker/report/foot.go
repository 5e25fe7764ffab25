package report

import (
	"fmt"
	"strings"
)

func (v *viewer) foot(end Foot) []string {
	var f []string
	if len(v.Changes) > 0 {
		f = append(f, v.w.Attached)
	}
	switch {
	case end.PDF != "":
		f = append(f, fmt.Sprintf(v.w.PDF, end.PDF))
	case end.NoPDF:
		f = append(f, v.w.NoPDF)
	}
	why := ""
	if v.Report.Channel != "" {
		why = fmt.Sprintf(v.w.Why, clean(v.Report.Channel))
	}
	if v.Report.ID > 0 {
		if why != "" && v.w.Lang == "en" {
			why += " "
		}
		why += fmt.Sprintf(v.w.Which, v.Report.ID)
	}
	if why != "" {
		f = append(f, why)
	}
	return f
}

// A witness is what a report ends with, by which others can check it.
type witness struct {
	Method, MethodURL string   // where it is written how a verdict comes about
	Why               string   // what the checkpoint is for
	Checkpoint        []string // lines; none for no checkpoint
	Key               string
}

func (v *viewer) witness() (w witness) {
	w.Method, w.MethodURL = v.method()
	if v.Story.Checkpoint != "" {
		w.Why, w.Checkpoint, w.Key = v.w.Checkpoint, strings.Split(strings.TrimSpace(v.Story.Checkpoint), "\n"), v.w.Key+": "+v.Story.Key
	}
	return w
}

// A foot ends the HTML.
type foot struct {
	Lines        []string
	Leave, Words string // where one recipient unsubscribes; empty for nowhere
	witness
}

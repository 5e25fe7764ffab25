package report

import (
	"fmt"
	"strings"

	"shopwatch/tracker"
)

// text writes the view as plain text, with everything but the foot.
func (v *view) text() string {
	var b strings.Builder
	line := func(format string, a ...any) { fmt.Fprintf(&b, format+"\n", a...) }
	if v.Sample {
		line("%s\n", v.W.SampleNote)
	}
	line("%s", v.Heading)
	line("%s", strings.ReplaceAll(v.When, "\u00a0", " "))
	if v.URL != "" {
		line("%s", v.URL)
	}
	if len(v.Counts) > 0 {
		var cs []string
		for _, c := range v.Counts {
			cs = append(cs, many(v.W.Subjects[c.Kind], c.N))
		}
		line("\n%s", strings.Join(cs, v.W.Comma))
	}
	if v.NetNote != "" {
		line("\n%s%s", v.NetNote, v.InCSV)
	}
	if v.Lead != "" {
		line("\n%s", v.Lead)
	}
	for _, q := range v.Quiet {
		line("\n%s\n  %s", q.Title, q.Line)
		if q.Last != "" {
			line("  %s", q.Last)
		}
	}
	for i := range v.Shops {
		v.Shops[i].text(v.W, line)
	}
	return b.String()
}

func (s *shopView) text(w *words, line func(string, ...any)) {
	if s.Title != "" {
		line("\n\n=== %s ===", s.Title)
		if s.URL != "" {
			line("%s", s.URL)
		}
	}
	for _, h := range s.Health {
		line("\n! %s", h.Head)
		for _, l := range h.Lines {
			line("  %s", l)
		}
		if h.Do != "" {
			line("  %s %s", w.Do, h.Do)
		}
		proofPage(w, h.Page, line)
	}
	for _, sec := range s.Sections {
		line("\n%s (%d)", strings.ToUpper(sec.Title), sec.N)
		for i := range sec.Rows {
			sec.Rows[i].text(w, line)
		}
	}
	if len(s.Undone) > 0 {
		line("\n%s (%d)", w.Undone, len(s.Undone))
		for _, u := range s.Undone {
			line("\n~ %s\n  %s", u.Title, u.Line)
			if u.URL != "" {
				line("  %s", u.URL)
			}
			proofPage(w, u.Page, line)
		}
	}
	if len(s.Suspects) > 0 {
		line("\n%s (%d)", w.Suspects, len(s.Suspects))
		line("%s", w.SuspectsNote)
		for _, r := range s.Suspects {
			line("\n? %s", r.Title)
			line("  "+w.Number+" · %s", r.ID, strings.TrimSuffix(r.Missing+", "+r.Seen, ", "))
			if r.URL != "" {
				line("  %s", r.URL)
			}
		}
	}
	if len(s.Evidence) > 0 {
		line("\n%s", w.Evidence)
		for _, e := range s.Evidence {
			what := e.When + " · " + e.Verdict
			if e.Line != "" {
				what += w.Colon + e.Line
			}
			line("  %s", what)
			for _, warning := range e.Warnings {
				line("    %s", warning)
			}
		}
	}
}

// signs before a product in the text, by kind.
var rowSigns = map[string]string{"added": "+", "removed": "-"}

func (r *row) text(w *words, line func(string, ...any)) {
	sign := rowSigns[string(r.Kind)]
	if sign == "" {
		sign = "*"
	}
	line("\n%s %s", sign, r.Title)
	price := r.Price
	if r.Basis != "" {
		price += " (" + r.Basis + ")"
	}
	switch {
	case r.Was != "":
		line("  %s", strings.TrimRight(fmt.Sprintf("%s -> %s  %s", r.Was, price, r.Percent), " "))
		line("  "+w.Number, r.ID)
	default:
		line("  %s · "+w.Number, price, r.ID)
	}
	if len(r.OldTitle) > 0 {
		line("  %s: %s", w.Before, marked(r.OldTitle, "[-", "-]"))
		line("  %s: %s", w.After, marked(r.NewTitle, "{+", "+}"))
	}
	if r.WasImage != "" {
		line("  %s: %s", w.Before, r.WasImage)
		line("  %s: %s", w.After, r.Image)
	}
	for i := range r.Notes {
		n := &r.Notes[i]
		line("  %s", n.String())
		if n.URL != "" && n.URL != r.URL {
			line("  %s", n.URL)
		}
	}
	if r.Watched != "" {
		line("  "+w.Watched, r.Watched)
	}
	if r.URL != "" {
		line("  %s", r.URL)
	}
	proofPage(w, r.Page, line)
}

// proofPage writes where the proof of a change is, if anywhere.
func proofPage(w *words, page string, line func(string, ...any)) {
	if page != "" {
		line("  %s: %s", w.ProofPage, page)
	}
}

// marked writes a title with its marked parts between signs.
func marked(ps []part, open, end string) string {
	var b strings.Builder
	for _, p := range ps {
		if p.Mark {
			b.WriteString(open + p.Text + end)
		} else {
			b.WriteString(p.Text)
		}
	}
	return b.String()
}

// briefRows is how many products a brief names.
const briefRows = 12

// brief writes the view for a chat: the first products by name, one line each.
func (v *view) brief() string {
	var ls []string
	left := 0
	for _, s := range v.Shops {
		if s.Title != "" {
			ls = append(ls, "", s.Title)
		}
		for _, h := range s.Health {
			ls = append(ls, "! "+h.Head)
			if h.Kind == tracker.Corrected {
				for _, l := range h.Lines {
					ls = append(ls, "  "+l)
				}
			}
			if h.Do != "" {
				ls = append(ls, "  "+h.Do)
			}
			if h.Page != "" {
				ls = append(ls, "  "+h.Page)
			}
		}
		for _, sec := range s.Sections {
			room := min(max(briefRows-len(ls), 0), len(sec.Rows))
			for i := range sec.Rows[:room] {
				ls = append(ls, strings.TrimSpace(sec.Rows[i].brief(v.W)+"  "+sec.Rows[i].Page))
			}
			left += sec.N - room
		}
		room := min(max(briefRows-len(ls), 0), len(s.Undone))
		for _, u := range s.Undone[:room] {
			ls = append(ls, strings.TrimSpace(cut(u.Title, 60)+": "+u.Line+"  "+u.Page))
		}
		left += s.Back - room
	}
	for _, q := range v.Quiet {
		ls = append(ls, q.Title+": "+q.Line)
	}
	if v.NetNote != "" {
		ls = append(ls, v.NetNote)
	}
	if left > 0 {
		ls = append(ls, fmt.Sprintf("+ %d …", left))
	}
	if v.URL != "" {
		ls = append(ls, v.URL)
	}
	return strings.TrimSpace(strings.Join(ls, "\n"))
}

func (r *row) brief(w *words) string {
	s := w.Kinds[r.Kind][0] + ": " + cut(r.Title, 60)
	switch {
	case r.Was != "":
		return strings.TrimRight(fmt.Sprintf("%s  %s → %s  %s", s, r.Was, r.Price, r.Percent), " ")
	case r.Proof != "":
		return s + "  " + r.Price + fmt.Sprintf(w.ProofReason, r.Proof)
	}
	return s + "  " + r.Price
}

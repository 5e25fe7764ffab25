package report

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"shopwatch/tracker"
)

// Proof says in one line what a removal rests on: "its page says that the
// product does not exist". These are the words of everything that tells of it.
func Proof(lang string, c *tracker.Change) string { return wordsOf(lang).proof(c).String() }

// A note is a line under a product. Part of it may lead somewhere.
type note struct{ Text, Link, Rest, URL string }

func (n *note) String() string { return n.Text + n.Link + n.Rest }

// linked makes a note of a text, whose first words in brackets lead to an
// address.
func linked(text, url string) *note {
	before, rest, ok := strings.Cut(text, "[")
	words, after, closed := strings.Cut(rest, "]")
	if !ok || !closed {
		return &note{Text: text}
	}
	return &note{before, words, after, url}
}

// proof says what a removal rests on, with a link to the item page.
func (w *words) proof(c *tracker.Change) *note {
	url := ""
	if c.Probe != nil {
		url = link(c.Probe.URL)
	}
	switch c.Proof {
	case tracker.ProofGone:
		return linked(w.ProofGone, url)
	case tracker.ProofOffshelf:
		return linked(w.ProofOffshelf, url)
	case tracker.ProofUnlisted:
		return linked(many(w.ProofUnlisted, c.Missing), url)
	}
	return linked(many(w.ProofUnseen, c.Missing), url)
}

// proof says what a removal rests on, when that was seen, and on which words or
// marks of the page it rests.
func (v *viewer) proof(c *tracker.Change) []note {
	n := v.w.proof(c)
	reason, says, seen := "", "", c.At
	if c.Probe != nil {
		reason, says, seen = v.reason(c.Probe.Reason), clean(c.Probe.Says), c.Probe.At
	}
	switch c.Proof {
	case tracker.ProofGone, tracker.ProofOffshelf, tracker.ProofUnlisted:
		if says != "" && !said(n, says) {
			n.Rest += fmt.Sprintf(v.w.ProofSays, cut(says, 80))
		}
		n.Rest += fmt.Sprintf(v.w.ProofSeen, v.when(seen))
	default:
		if reason != "" {
			n.Rest += fmt.Sprintf(v.w.ProofReason, cut(reason, 80))
		}
	}
	if n.Text != "" {
		n.Text = upperFirst(n.Text)
	} else {
		n.Link = upperFirst(n.Link)
	}
	notes := []note{*n}
	if (c.Proof == tracker.ProofGone || c.Proof == tracker.ProofOffshelf) && says == "" && reason != "" && !said(n, reason) {
		notes = append(notes, note{Text: fmt.Sprintf(v.w.ProofMark, cut(reason, 80))})
	}
	return notes
}

// said reports whether a note says what a page says.
func said(n *note, words string) bool {
	return strings.Contains(n.String(), strings.TrimPrefix(words, "商品"))
}

// upperFirst begins a sentence.
func upperFirst(s string) string {
	r, n := utf8.DecodeRuneInString(s)
	return string(unicode.ToUpper(r)) + s[n:]
}

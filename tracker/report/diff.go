package report

import "unicode"

// A part is a stretch of a title; Mark says that the other title lacks it.
type part struct {
	Text string
	Mark bool
}

// maxTokens bounds the work of a comparison. Titles have 30 to 60 characters;
// longer ones are compared as wholes.
const maxTokens = 600

// diff compares two titles and returns both as parts, marked where they
// differ. Chinese is compared by character, other scripts by word.
func diff(before, after string) (was, is []part) {
	a, b := tokens(before), tokens(after)
	if len(a) > maxTokens || len(b) > maxTokens {
		return []part{{before, true}}, []part{{after, true}}
	}
	// keep[i][j] is the length of the longest common part of a[i:] and b[j:].
	keep := make([][]int, len(a)+1)
	for i := range keep {
		keep[i] = make([]int, len(b)+1)
	}
	for i := len(a) - 1; i >= 0; i-- {
		for j := len(b) - 1; j >= 0; j-- {
			if a[i] == b[j] {
				keep[i][j] = keep[i+1][j+1] + 1
			} else {
				keep[i][j] = max(keep[i+1][j], keep[i][j+1])
			}
		}
	}
	pairs := make([]int, len(a)) // the index in b of each token of a, -1 for none
	for i, j := 0, 0; i < len(a); i++ {
		pairs[i] = -1
		for j < len(b) && a[i] != b[j] && keep[i][j+1] == keep[i][j] {
			j++
		}
		if j < len(b) && a[i] == b[j] {
			pairs[i] = j
			j++
		}
	}
	unpairLoners(a, b, pairs)
	paired := make([]bool, len(b))
	for i, j := range pairs {
		was = appendPart(was, a[i], j < 0)
		if j >= 0 {
			paired[j] = true
		}
	}
	for j := range b {
		is = appendPart(is, b[j], !paired[j])
	}
	return was, is
}

// unpairLoners gives up single tokens that stayed while what is on both sides
// of them changed: a shared space or 的 amid two different phrases is chance,
// and marking around it makes the titles hard to read.
func unpairLoners(a, b []string, pairs []int) {
	for i, j := range pairs {
		if j < 0 || len([]rune(a[i])) > 1 {
			continue
		}
		next := i+1 < len(pairs) && pairs[i+1] == j+1
		prev := i > 0 && j > 0 && pairs[i-1] == j-1
		edge := i == 0 && j == 0 || i == len(a)-1 && j == len(b)-1
		if !next && !prev && !edge {
			pairs[i] = -1
		}
	}
}

func appendPart(ps []part, s string, mark bool) []part {
	if n := len(ps); n > 0 && ps[n-1].Mark == mark {
		ps[n-1].Text += s
		return ps
	}
	return append(ps, part{s, mark})
}

// tokens cuts a title into words of letters and digits; every Chinese
// character, space and mark is a token of its own.
func tokens(s string) []string {
	var ts []string
	word := false
	for _, r := range s {
		w := !unicode.Is(unicode.Han, r) && (unicode.IsLetter(r) || unicode.IsNumber(r) || unicode.IsMark(r))
		if w && word {
			ts[len(ts)-1] += string(r)
		} else {
			ts = append(ts, string(r))
		}
		word = w
	}
	return ts
}

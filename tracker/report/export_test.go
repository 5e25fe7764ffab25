package report

// The tables of words, for the test that compares them.
var English, Chinese = english, chinese

// Styles are the inline styles by name, for tests that would rather read names.
var Styles = styles

// Diff compares two titles; marked parts stand in brackets.
func Diff(before, after string) (was, is string) {
	a, b := diff(before, after)
	return marked(a, "[", "]"), marked(b, "[", "]")
}

var Money = money

package report

// reason is why something is as it is, in the words of whoever found it.
func (w *words) reason(s string) string { return clean(s) }

// Package report puts changes into words: the subject, the plain text, the
// HTML and the CSV file of a report, in English and in Chinese.
//
// It is pure: a [Story] goes in, a [Mail] comes out. Everything that came from
// a marketplace is treated as hostile: titles are stripped of what could break
// a line, turn the direction of text or start a formula before they are put
// anywhere, and the HTML is written by html/template.
package report

package config

import (
	"errors"
	"strings"
	"testing"
)

// An either is a value that may be given as text, or written out.
type either struct {
	CSS  string  `json:"css"`
	Attr eithers `json:"attr"`
}

func (e *either) UnmarshalText(b []byte) error {
	if len(b) == 0 {
		return errors.New("names nothing")
	}
	e.CSS = string(b)
	return nil
}

type eithers []string

func (e *eithers) UnmarshalText(b []byte) error {
	*e = eithers{string(b)}
	return nil
}

func TestValuesThatMayBeTextOrWrittenOut(t *testing.T) {
	type options struct {
		List struct {
			Title either   `json:"title"`
			Links []either `json:"links"`
		} `json:"list"`
		Unseen int
	}
	for _, tt := range []struct {
		name, text string
		want       options
		says       string // part of the error; empty when there is none
	}{
		{name: "text", text: "list: {title: .a}", want: func() (o options) { o.List.Title.CSS = ".a"; return }()},
		{name: "keys", text: "list:\n  title:\n    css: .a\n    attr: [x, y]", want: func() (o options) { o.List.Title = either{".a", eithers{"x", "y"}}; return }()},
		{name: "one key", text: "list: {title: {attr: x}}", want: func() (o options) { o.List.Title.Attr = eithers{"x"}; return }()},
		{name: "a list of both", text: "list: {links: [.a, {css: .b}]}", want: func() (o options) { o.List.Links = []either{{CSS: ".a"}, {CSS: ".b"}}; return }()},
		{name: "an unknown key", text: "list:\n  title:\n    csss: .a", says: "c.yaml:3:5: list.title.csss: unknown key (did you mean css?); allowed here: css, attr"},
		{name: "the key of nothing", text: "list:\n  title:\n    \"\": .a", says: "c.yaml:3:5: list.title.: unknown key"},
		{name: "a bad text", text: "list:\n  title: ''", says: `c.yaml:2:10: list.title: "" names nothing`},
		{name: "a list for a mapping", text: "list:\n  title: [a]", says: "c.yaml:2:10: list.title: want a single value"},
		{name: "a mapping for a list", text: "list:\n  title: {attr: {a: b}}", says: "c.yaml:2:17: list.title.attr: want a single value"},
		{name: "a list within", text: "list:\n  title:\n    attr:\n    - [x]", says: "list.title.attr[0]: want a single value"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var got options
			_, err := readYAML("c.yaml", []byte(tt.text), nothing, &got)
			if tt.says != "" {
				if err == nil || !strings.Contains(err.Error(), tt.says) {
					t.Errorf("err = %v, want %q", err, tt.says)
				}
				return
			}
			if err != nil || got.List.Title.CSS != tt.want.List.Title.CSS || len(got.List.Title.Attr) != len(tt.want.List.Title.Attr) || len(got.List.Links) != len(tt.want.List.Links) {
				t.Errorf("read %+v, %v; want %+v", got, err, tt.want)
			}
		})
	}
}

// nothing is an environment without variables.
func nothing(string) (string, bool) { return "", false }

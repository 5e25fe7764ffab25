package config

import (
	"bytes"
	"cmp"
	"encoding"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// A place is where something stands in a configuration file.
type place struct{ line, col int }

// A source is a configuration file that was read: it knows where everything
// stands, so that what is found wrong later can be shown to a person.
type source struct {
	file string
	env  func(string) (string, bool)
	// at holds the place of every value by its path ("storefronts[0].url"),
	// and is how it is known which keys were written.
	at map[string]place
	// empty are the paths of lists that are written without an entry.
	empty map[string]bool
	// taken are the environment variables that were put in, value and form.
	taken []string
	// later reports whether the variables of a value may be missing until the
	// value is needed; missing are the errors about those that are, by path.
	later   func(path string) bool
	missing map[string]error
}

// errorf makes an error about the value with the path. If it was left out, the
// error is about what it should stand in.
func (s *source) errorf(path, format string, args ...any) error {
	p, ok := s.at[path]
	for up := path; !ok && up != ""; p, ok = s.at[up] {
		up = up[:max(strings.LastIndexAny(up, ".["), 0)]
	}
	p.line, p.col = max(p.line, 1), max(p.col, 1)
	what := strings.NewReplacer(s.taken...).Replace(fmt.Errorf(format, args...).Error())
	return fmt.Errorf("%s:%d:%d: %s: %s", s.file, p.line, p.col, path, what)
}

// ofUse are the paths of values that count only when something is sent, or when
// evidence in the bucket is used.
var ofUse = regexp.MustCompile(`^(channels\[[0-9]+\]\.(server|username|password|from|to\[[0-9]+\]|url|secret)|bucket\.(access|secret)_key)$`)

// ofMachine are the paths of values that are about a machine.
var ofMachine = regexp.MustCompile(`^(data|database|bucket\..*|listen|token|viewer_token|public|fleet\.(worker|egress)|browser\.(path|profile|remote|flags\..*))$`)

// lacks returns the error about a variable that is missing below a path, nil
// when none is.
func (s *source) lacks(path string) error {
	for _, p := range slices.Sorted(maps.Keys(s.missing)) {
		if strings.HasPrefix(p, path+".") {
			return s.missing[p]
		}
	}
	return nil
}

// has reports whether the path was written.
func (s *source) has(path string) bool {
	_, ok := s.at[path]
	return ok
}

// readYAML reads text into the struct that v points to. It knows every key
// from the yaml tags and refuses all others. ${NAME} in a value is replaced
// after the file was understood, so that no secret can change what the file
// means; $${ stands for ${. Messages show values as they are written, never
// what an environment variable holds.
func readYAML(file string, text []byte, env func(string) (string, bool), v any) (*source, error) {
	return read(file, text, env, v, ofUse.MatchString)
}

// readMerged is readYAML where values that are about a machine do not count.
func readMerged(file string, text []byte, env func(string) (string, bool), v any) (*source, error) {
	return read(file, text, env, v, func(path string) bool { return ofUse.MatchString(path) || ofMachine.MatchString(path) })
}

// keyTwice is how the parser says that a key is written twice.
var keyTwice = regexp.MustCompile(`^mapping key "(.+)" already defined at \[(\d+):\d+\]$`)

func read(file string, text []byte, env func(string) (string, bool), v any, later func(path string) bool) (*source, error) {
	s := &source{file: file, env: env, at: map[string]place{}, empty: map[string]bool{}, missing: map[string]error{}, later: later}
	text = bytes.TrimPrefix(text, []byte("\ufeff")) // some editors begin a file with it
	if err := checkEncoding(file, text); err != nil {
		return nil, err
	}
	f, err := parser.ParseBytes(text, 0)
	if err != nil {
		var y yaml.Error
		if !errors.As(err, &y) || y.GetToken() == nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		p, says := position(y.GetToken()), strings.ReplaceAll(y.GetMessage(), "\n", " ")
		if strings.Contains(says, "\t") {
			says = "a tab; indent with blanks"
		}
		says = keyTwice.ReplaceAllString(says, "the key $1 stands in line $2 already; put both under one")
		return nil, fmt.Errorf("%s:%d:%d: %s", file, p.line, p.col, says)
	}
	if len(f.Docs) > 1 {
		p := position(f.Docs[1].GetToken())
		return nil, fmt.Errorf("%s:%d:%d: a second document; write one configuration per file", file, p.line, p.col)
	}
	if len(f.Docs) == 0 || f.Docs[0].Body == nil {
		return s, nil
	}
	return s, s.decode(f.Docs[0].Body, "", reflect.ValueOf(v).Elem())
}

// checkEncoding finds the first line that is not in UTF-8. In UTF-16 every other byte
// of English text is zero.
func checkEncoding(file string, text []byte) error {
	line := 0
	for l := range bytes.Lines(text) {
		if line++; !utf8.Valid(l) || bytes.IndexByte(l, 0) >= 0 {
			return fmt.Errorf("%s:%d:1: this line is not in UTF-8; save the file in that encoding", file, line)
		}
	}
	return nil
}

func position(t *token.Token) place {
	if t == nil || t.Position == nil {
		return place{1, 1}
	}
	return place{t.Position.Line, t.Position.Column}
}

func (s *source) decode(n ast.Node, path string, v reflect.Value) error {
	s.at[path] = position(n.GetToken())
	if _, ok := n.(*ast.NullNode); ok {
		return nil
	}
	if o, ok := v.Addr().Interface().(*Options); ok {
		o.Node = n
		return nil
	}
	if u, ok := v.Addr().Interface().(encoding.TextUnmarshaler); ok && !writtenOut(n, v) {
		text, raw, err := s.scalar(n, path)
		if err != nil {
			return err
		}
		if err := u.UnmarshalText([]byte(text)); err != nil {
			return s.errorf(path, "%q %w", raw, err)
		}
		return nil
	}
	switch v.Kind() {
	case reflect.Struct:
		return s.decodeStruct(n, path, v)
	case reflect.Slice:
		seq, ok := n.(*ast.SequenceNode)
		if !ok {
			return s.errorf(path, "want a list: [a, b], or a line with - for each")
		}
		s.empty[path] = len(seq.Values) == 0
		for i, item := range seq.Values {
			e := reflect.New(v.Type().Elem()).Elem()
			if err := s.decode(item, fmt.Sprintf("%s[%d]", path, i), e); err != nil {
				return err
			}
			v.Set(reflect.Append(v, e))
		}
		return nil
	case reflect.Map: // of strings
		v.Set(reflect.MakeMap(v.Type()))
		return s.pairs(n, path, func(key string, _, value ast.Node) error {
			e := reflect.New(v.Type().Elem()).Elem()
			if err := s.decode(value, path+"."+key, e); err != nil {
				return err
			}
			v.SetMapIndex(reflect.ValueOf(key), e)
			return nil
		})
	}
	text, raw, err := s.scalar(n, path)
	if err != nil {
		return err
	}
	switch v.Kind() {
	case reflect.Interface: // a switch of Chrome: true, false or text
		v.Set(reflect.ValueOf(text))
		if b, ok := n.(*ast.BoolNode); ok {
			v.Set(reflect.ValueOf(b.Value))
		}
	case reflect.String:
		v.SetString(text)
	case reflect.Bool:
		if text != "true" && text != "false" {
			return s.errorf(path, "%q is neither true nor false", raw)
		}
		v.SetBool(text == "true")
	case reflect.Int:
		i, err := strconv.Atoi(text)
		if err != nil {
			return s.errorf(path, "%q is not a whole number", raw)
		}
		v.SetInt(int64(i))
	case reflect.Float64:
		f, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return s.errorf(path, "%q is not a number", raw)
		}
		v.SetFloat(f)
	default:
		panic("no way to read a " + v.Type().String())
	}
	return nil
}

// writtenOut reports whether a value that may be given as text, such as
// price: ".price", is given as the keys or the list that it stands for.
func writtenOut(n ast.Node, v reflect.Value) bool {
	switch n.(type) {
	case *ast.MappingNode, *ast.MappingValueNode:
		return v.Kind() == reflect.Struct && len(keys(v)) > 0
	case *ast.SequenceNode:
		return v.Kind() == reflect.Slice
	}
	return false
}

// keys are the keys of a struct, in its order. Options of marketplaces have
// json tags.
func keys(v reflect.Value) (known []string) {
	for i := range v.NumField() {
		tag := v.Type().Field(i).Tag
		if key := cmp.Or(tag.Get("yaml"), tag.Get("json")); key != "" {
			known = append(known, key)
		}
	}
	return known
}

func (s *source) decodeStruct(n ast.Node, path string, v reflect.Value) error {
	fields := map[string]reflect.Value{}
	for i := range v.NumField() {
		tag := v.Type().Field(i).Tag
		fields[cmp.Or(tag.Get("yaml"), tag.Get("json"))] = v.Field(i)
	}
	known := keys(v)
	return s.pairs(n, path, func(key string, at, value ast.Node) error {
		f, ok := fields[key], slices.Contains(known, key)
		full := strings.TrimPrefix(path+"."+key, ".")
		if !ok {
			s.at[full] = position(at.GetToken())
			return s.errorf(full, "unknown key%s; allowed here: %s", nearest(key, known), strings.Join(known, ", "))
		}
		return s.decode(value, full, f)
	})
}

// pairs calls f for every key of a mapping.
func (s *source) pairs(n ast.Node, path string, f func(key string, at, value ast.Node) error) error {
	var all []*ast.MappingValueNode
	switch m := n.(type) {
	case *ast.MappingNode:
		all = m.Values
	case *ast.MappingValueNode:
		all = []*ast.MappingValueNode{m}
	default:
		return s.errorf(cmp.Or(path, "configuration"), "want keys with values, such as name: value")
	}
	if len(all) > 0 { // the place of a mapping is its first key
		s.at[path] = position(all[0].Key.GetToken())
	}
	for _, kv := range all {
		key, ok := kv.Key.(ast.ScalarNode)
		if !ok {
			return s.errorf(cmp.Or(path, "configuration"), "%s is not a plain key", kv.Key.String())
		}
		if err := f(fmt.Sprint(key.GetValue()), kv.Key, kv.Value); err != nil {
			return err
		}
	}
	return nil
}

// scalar returns the text of a single value, and how it is written.
func (s *source) scalar(n ast.Node, path string) (text, raw string, err error) {
	switch n := n.(type) {
	case *ast.StringNode:
		raw = n.Value
	case *ast.LiteralNode:
		raw = n.Value.Value
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.InfinityNode, *ast.NanNode:
		raw = n.GetToken().Value
	case *ast.AliasNode, *ast.AnchorNode, *ast.TagNode:
		return "", "", s.errorf(path, "anchors, aliases and tags are not understood; write the value out")
	default:
		return "", "", s.errorf(path, "want a single value")
	}
	if strings.ContainsFunc(raw, func(r rune) bool { return unicode.IsControl(r) && !strings.ContainsRune("\n\r\t", r) }) {
		return "", "", s.errorf(path, "there is a control character in it; take that out")
	}
	text, err = expand(raw, func(name string) (string, bool) {
		value, ok := s.env(name)
		if value != "" {
			s.taken = append(s.taken, value, "${"+name+"}")
		}
		return value, ok
	})
	var unset *unsetError
	if errors.As(err, &unset) && s.later != nil && s.later(path) {
		s.missing[path] = s.errorf(path, "%w", err)
		return raw, raw, nil
	}
	if err != nil {
		return "", "", s.errorf(path, "%w", err)
	}
	return text, raw, nil
}

// An unsetError is about an environment variable that is not set.
type unsetError struct{ name string }

func (e *unsetError) Error() string {
	return fmt.Sprintf("the environment variable %s is not set", e.name)
}

// expand replaces ${NAME} by what env knows under the name.
func expand(text string, env func(string) (string, bool)) (string, error) {
	var b strings.Builder
	for {
		before, rest, found := strings.Cut(text, "${")
		if !found {
			b.WriteString(text)
			return b.String(), nil
		}
		if plain, escaped := strings.CutSuffix(before, "$"); escaped {
			b.WriteString(plain + "${")
			text = rest
			continue
		}
		name, after, closed := strings.Cut(rest, "}")
		if !closed || !isName(name) {
			return "", errors.New("write ${NAME} for an environment variable, or $${ for the characters themselves")
		}
		value, ok := env(name)
		if !ok {
			return "", &unsetError{name}
		}
		b.WriteString(before + value)
		text = after
	}
}

func isName(s string) bool {
	for i, r := range s {
		if r != '_' && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z') && (i == 0 || r < '0' || r > '9') {
			return false
		}
	}
	return s != ""
}

// nearest names the known key that was probably meant.
func nearest(key string, known []string) string {
	best := slices.MinFunc(known, func(a, b string) int { return cmp.Compare(distance(key, a), distance(key, b)) })
	if distance(key, best) > 2 {
		return ""
	}
	return fmt.Sprintf(" (did you mean %s?)", best)
}

// distance counts the letters that must be changed, added or left out to turn
// a into b.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			d := diagonal
			if a[i] != b[j] {
				d++
			}
			diagonal = row[j+1]
			row[j+1] = min(d, row[j]+1, diagonal+1)
		}
	}
	return row[len(b)]
}

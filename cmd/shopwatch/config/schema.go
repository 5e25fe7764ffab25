package config

import (
	"cmp"
	"encoding"
	"encoding/json"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"shopwatch/tracker"
	"shopwatch/tracker/market"
	"shopwatch/tracker/notify"
)

// A schema is a part of a JSON Schema.
type schema map[string]any

// Schema is the JSON Schema of configurations for editors. It is made from the
// types by which a file is read: keys, kinds of channels, marketplaces and their
// options are those that Parse knows. What Parse says of ranges, names and
// addresses it does not know.
func Schema(markets market.Set) ([]byte, error) {
	s := schemaOf(reflect.TypeFor[Config]())
	s["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	s["title"] = "shopwatch.yaml"
	s["anyOf"] = []schema{{"required": []string{"storefronts"}}, {"required": []string{"database"}}}
	properties := s["properties"].(schema)
	properties["storefronts"] = schema{"type": "array", "minItems": 1, "items": storefrontSchema(markets)}
	properties["channels"] = schema{"type": []string{"array", "null"}, "items": channelSchema()}
	s.describe("", explanations())
	return json.MarshalIndent(s, "", "  ")
}

// A value may be written as ${NAME} of an environment variable.
const variable = `^\$\{[A-Za-z_][A-Za-z0-9_]*\}$`

// schemaOf describes what source.decode takes for a type.
func schemaOf(t reflect.Type) schema {
	if t == reflect.TypeFor[Options]() {
		return schema{"type": []string{"object", "null"}}
	}
	if reflect.PointerTo(t).Implements(reflect.TypeFor[encoding.TextUnmarshaler]()) {
		text := textSchema(t)
		switch {
		case t.Kind() == reflect.Struct && len(keys(reflect.New(t).Elem())) > 0:
			return schema{"anyOf": []schema{text, structSchema(t)}}
		case t.Kind() == reflect.Slice:
			return schema{"anyOf": []schema{text, {"type": "array", "items": schemaOf(t.Elem())}}}
		}
		return text
	}
	switch t.Kind() {
	case reflect.Struct:
		return structSchema(t)
	case reflect.Slice:
		return schema{"type": []string{"array", "null"}, "items": schemaOf(t.Elem())}
	case reflect.Map:
		return schema{"type": []string{"object", "null"}, "additionalProperties": schemaOf(t.Elem())}
	case reflect.Bool:
		return schema{"enum": []any{true, false, "true", "false", nil}}
	case reflect.Int:
		return schema{"type": []string{"integer", "string", "null"}, "pattern": `^[+-]?[0-9]+$|` + variable}
	case reflect.Float64:
		return schema{"type": []string{"number", "string", "null"}, "pattern": `^[0-9.eE+-]+$|` + variable}
	}
	return textSchema(t)
}

// textSchema is that of a single value: YAML takes some texts for numbers.
func textSchema(t reflect.Type) schema {
	const duration = `([0-9]+d|([0-9]+(\.[0-9]*)?(ns|us|µs|ms|s|m|h))+|0)`
	forms := map[reflect.Type]string{
		reflect.TypeFor[Duration](): "^" + duration + "$",
		reflect.TypeFor[Bytes]():    "^([0-9]+ *(GiB|MiB|KiB)|0)$",
		reflect.TypeFor[Pace]():     "^ *" + duration + " *(- *" + duration + " *)?$",
		reflect.TypeFor[Hours]():    `^ *[0-9]{1,2}:[0-9]{2} *- *[0-9]{1,2}:[0-9]{2} *$`,
	}
	switch form, known := forms[t]; {
	case known:
		return schema{"anyOf": []schema{{"const": 0}, {"type": []string{"string", "null"}, "pattern": form + "|" + variable}}}
	case t == reflect.TypeFor[tracker.Kind]():
		return schema{"anyOf": []schema{{"enum": tracker.Kinds}, {"pattern": variable}}}
	}
	return schema{"type": []string{"string", "number", "boolean", "null"}}
}

func structSchema(t reflect.Type) schema {
	properties := schema{}
	for i := range t.NumField() {
		f := t.Field(i)
		if key := cmp.Or(f.Tag.Get("yaml"), f.Tag.Get("json")); key != "" {
			properties[key] = schemaOf(f.Type)
		}
	}
	return schema{"type": []string{"object", "null"}, "properties": properties, "additionalProperties": false}
}

// storefrontSchema knows the marketplaces, and the options of one that is named.
func storefrontSchema(markets market.Set) schema {
	s := schemaOf(reflect.TypeFor[Storefront]())
	s["required"] = []string{"name", "url"}
	s["properties"].(schema)["marketplace"] = oneOf(markets.Names()...)
	var each []schema
	for _, m := range markets {
		options := schema{"type": []string{"object", "null"}, "maxProperties": 0}
		if m.Options != nil {
			options = structSchema(reflect.TypeOf(m.Options()).Elem())
		}
		each = append(each, when("marketplace", m.Name, schema{"properties": schema{"options": options}}))
	}
	s["allOf"] = each
	return s
}

// channelSchema knows which keys a kind of channel needs, and which it may have.
func channelSchema() schema {
	s := schemaOf(reflect.TypeFor[Channel]())
	var names []string
	var each []schema
	for _, k := range notify.Kinds() {
		names = append(names, k.Name)
		each = append(each, when("kind", k.Name, schema{
			"required":      append([]string{}, k.Need...),
			"propertyNames": schema{"enum": slices.Concat(channelKeys, k.Need, k.May)},
		}))
	}
	s["required"] = []string{"name", "kind"}
	properties := s["properties"].(schema)
	properties["kind"] = schema{"enum": names}
	for _, key := range pickingKeys {
		properties[key].(schema)["minItems"] = 1
	}
	properties["attach"] = oneOf("pdf")
	properties["lang"] = oneOf("en", "zh")
	s["allOf"] = each
	return s
}

// oneOf is a schema for a key that may be left empty.
func oneOf(values ...string) schema {
	all := []any{"", nil}
	for _, v := range values {
		all = append(all, v)
	}
	return schema{"enum": all}
}

// when is a schema for objects whose key has a value.
func when(key, value string, then schema) schema {
	return schema{"if": schema{"properties": schema{key: schema{"const": value}}, "required": []string{key}}, "then": then}
}

// describe puts explanations beside keys, also those of lists.
func (s schema) describe(path string, texts map[string]string) {
	properties, _ := s["properties"].(schema)
	for key, value := range properties {
		inner := value.(schema)
		if text := texts[path+key]; text != "" {
			inner["description"] = text
		}
		inner.describe(path+key+".", texts)
		if items, ok := inner["items"].(schema); ok {
			items.describe(path+key+".", texts)
		}
	}
}

var sampleLine = regexp.MustCompile(`^([# -]*)([a-z_]+):(?: [^#]*?)?(?: +# (.*))?$`)

// explanations are what the sample says of each key, by its path without
// places in lists: "storefronts.title".
func explanations() map[string]string {
	texts := make(map[string]string)
	section, above := "", []string(nil)
	for line := range strings.Lines(string(Sample)) {
		line = strings.TrimSuffix(line, "\n")
		m := sampleLine.FindStringSubmatch(line)
		switch {
		case line == "":
			above = nil
		case m == nil:
			above = append(above, strings.TrimPrefix(line, "# "))
		case strings.TrimPrefix(m[1], "#") == "":
			section = m[2]
			texts[section] = cmp.Or(strings.Join(above, " "), m[3])
			above = nil
		case texts[section+"."+m[2]] == "":
			texts[section+"."+m[2]] = m[3]
		}
	}
	maps.DeleteFunc(texts, func(_, text string) bool { return text == "" })
	return texts
}

package config_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/google/jsonschema-go/jsonschema"

	"shopwatch/cmd/shopwatch/config"
	"shopwatch/tracker/market/all"
)

// resolved is the schema as an editor has it.
func resolved(t *testing.T) *jsonschema.Resolved {
	t.Helper()
	text, err := config.Schema(all.Markets())
	if err != nil {
		t.Fatal(err)
	}
	var s jsonschema.Schema
	if err := json.Unmarshal(text, &s); err != nil {
		t.Fatal(err)
	}
	r, err := s.Resolve(nil)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// valid says what an editor finds wrong with a file.
func valid(t *testing.T, r *jsonschema.Resolved, text []byte) error {
	t.Helper()
	asJSON, err := yaml.YAMLToJSON(text)
	if err != nil {
		return err
	}
	var v any
	if err := json.Unmarshal(asJSON, &v); err != nil {
		t.Fatal(err)
	}
	return r.Validate(v)
}

// What Parse takes the schema takes, and of the rest it refuses what shows in
// keys, kinds and forms.
func TestSchema(t *testing.T) {
	r := resolved(t)
	if err := valid(t, r, config.Sample); err != nil {
		t.Errorf("the sample: %v", err)
	}
	files, _ := filepath.Glob("testdata/*.yaml")
	// The rest is about ranges, names, addresses, times, what is there twice,
	// what belongs together, and what the environment holds.
	shows := strings.Fields(`attach bool duplicate_key duration empty_list group_key kind kind_key kind_need lang no_storefronts no_url
		not_a_list not_a_mapping number pages_key pages_number pages_total quiet syntax tab unknown_key unknown_key_top unknown_kind`)
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		name, bad := strings.CutSuffix(filepath.Base(file), ".bad.yaml")
		err = valid(t, r, text)
		switch {
		case !bad && err != nil:
			t.Errorf("%s: %v, want it taken", file, err)
		case bad && (err != nil) != slices.Contains(shows, name):
			t.Errorf("%s: %v, which the list of what shows does not say", file, err)
		}
	}
}

// Keys are explained where the sample explains them.
func TestSchemaExplains(t *testing.T) {
	text, err := config.Schema(all.Markets())
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"a greater loss in one scan is doubted", "what reports call it", "or zh", "Of schedules and reports."} {
		if !strings.Contains(string(text), want) {
			t.Errorf("the schema lacks %q", want)
		}
	}
}

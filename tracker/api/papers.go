package api

import (
	"context"
	"encoding/json"
	"path"

	"shopwatch/storage/merkle"
)

// EvidencePath is where a file of evidence is in the archive of a change.
func EvidencePath(name string) string {
	if path.Ext(name) == ".wacz" {
		return "captures/" + name
	}
	return "pictures/" + name
}

// ForOthers is a story as JSON without the reports that told of it: they hold the
// recipients and what mail servers answered.
func (st *Story) ForOthers() ([]byte, error) {
	text, err := json.MarshalIndent(struct {
		*Story
		Reports []struct{} `json:"reports,omitempty"` // always empty, in the place of those of the story
	}{Story: st}, "", "  ")
	return append(text, '\n'), err
}

// Papers are what goes along with the evidence of a change, as JSON: its story, for
// others, and what shows that it is in the log.
func (o *Options) Papers(ctx context.Context, st *Story) (story, witness []byte, err error) {
	if story, err = st.ForOthers(); err != nil {
		return nil, nil, err
	}
	w, err := merkle.Testify(ctx, o.Store, &st.Change, st.Reports)
	if err != nil {
		return nil, nil, err
	}
	witness, err = json.MarshalIndent(w, "", "  ")
	return story, append(witness, '\n'), err
}

package archive

import (
	"fmt"
	"slices"
)

// The files that an exported capture has beside its own.
const (
	WitnessFile = "log.json"   // shows that the change is in the log
	StoryFile   = "story.json" // the story of the change, for people
)

// added are files that are put beside those of a capture. They are not among
// those that are signed with it.
var added = []string{StoryFile, WitnessFile}

// Export returns a capture with the story of the change that names it, and what
// shows that the change is in the log. Without these it is the capture again,
// byte by byte.
func Export(content, story, witness []byte) ([]byte, error) {
	p, err := unpack(content)
	if err != nil {
		return nil, err
	}
	return pack(append(p.list(), File{StoryFile, story}, File{WitnessFile, witness}), p.at)
}

// list are the files of the capture itself.
func (p *packed) list() (files []File) {
	for _, name := range p.order {
		if !slices.Contains(added, name) {
			files = append(files, File{name, p.files[name]})
		}
	}
	return files
}

// An Exported is a capture that was taken apart to verify it.
type Exported struct {
	Key            string // of the log that signed it
	Log            string // its name
	Capture        []byte // as the change names it
	Story, Witness []byte // nil where it was not exported with a change
}

// Verify verifies a capture by itself, exported or not. What is in it may still
// be the capture of another change: see Exported.
func Verify(content []byte) (*Exported, error) {
	p, err := unpack(content)
	if err != nil {
		return nil, err
	}
	e := &Exported{Key: p.digest.Log.Key, Log: nameOf(p.digest.Log.Key), Story: p.files[StoryFile], Witness: p.files[WitnessFile], Capture: content}
	if e.Story == nil && e.Witness == nil {
		return e, nil
	}
	if e.Capture, err = pack(p.list(), p.at); err != nil {
		return nil, fmt.Errorf("take it apart: %w", err)
	}
	return e, nil
}

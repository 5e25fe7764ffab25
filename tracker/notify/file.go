package notify

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

var fileKind = Kind{
	Name: "file", Need: []string{"path"},
	new: func(s Settings) (Sender, error) {
		if s.Path == "" {
			return nil, badSetting("path", "name a file")
		}
		return &file{s}, nil
	},
}

// A file gets a line of JSON for each report. A report that is in it already
// is not written again, and half a line that a crash left is taken back.
type file struct{ Settings }

func (f *file) Recipients() []string { return []string{filepath.Base(f.Path)} }

// lookBackBytes is how far before its end a file is searched for a report.
const lookBackBytes = 8 << 20

func (f *file) Send(_ context.Context, l *Message) (string, error) {
	line, err := json.Marshal(publicOf(l))
	if err != nil {
		return "", &Refused{err.Error()}
	}
	if err := f.append(l.ID, append(line, '\n')); err != nil {
		return "", &Unreachable{err}
	}
	return "written", nil
}

func (f *file) append(id string, line []byte) (err error) {
	w, err := os.OpenFile(f.Path, os.O_RDWR|os.O_CREATE, 0o600)
	if errors.Is(err, fs.ErrNotExist) { // a disk that is away, perhaps: it is not for us to make it
		err = fmt.Errorf("%w; make the folder", err)
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.Close()) }()
	size, err := w.Seek(0, io.SeekEnd)
	if err != nil {
		return err
	}
	tail := make([]byte, min(size, lookBackBytes))
	if _, err := w.ReadAt(tail, size-int64(len(tail))); err != nil && err != io.EOF {
		return err
	}
	whole := tail[:bytes.LastIndexByte(tail, '\n')+1]
	if bytes.Contains(whole, []byte(`{"id":"`+id+`",`)) {
		return nil
	}
	if half := tail[len(whole):]; len(half) > 0 {
		if !bytes.HasPrefix(half, []byte(`{"id":"`)) {
			return fmt.Errorf("%s does not end with a line of shopwatch: name another file", f.Path)
		}
		size -= int64(len(half))
		if err := w.Truncate(size); err != nil {
			return err
		}
	}
	if _, err := w.WriteAt(line, size); err != nil {
		return errors.Join(err, w.Truncate(size)) // a full disk keeps no half line
	}
	return w.Sync()
}

package archive

import (
	"archive/zip"
	"bytes"
	"time"
)

// A File is one of a ZIP archive.
type File struct {
	Name    string
	Content []byte
}

// Zip writes a ZIP archive that depends on nothing but its files. The method is
// zip.Store or zip.Deflate.
func Zip(files []File, at time.Time, method uint16) ([]byte, error) {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, f := range files {
		w, err := z.CreateHeader(&zip.FileHeader{Name: f.Name, Method: method, Modified: at.UTC()})
		if err != nil {
			return nil, err
		}
		if _, err := w.Write(f.Content); err != nil {
			return nil, err
		}
	}
	err := z.Close()
	return b.Bytes(), err
}

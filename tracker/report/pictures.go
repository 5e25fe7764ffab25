package report

import (
	"cmp"
	"fmt"
	"net/url"

	"shopwatch/tracker"
)

// maxPictures and maxShots are how many pictures of products and of pages a
// mail embeds at most.
const (
	maxPictures = 40
	maxShots    = 12
)

// picture embeds the small picture of an evidence file and returns its name,
// "" when there is none or there are enough.
func (v *viewer) picture(file string) string {
	if v.load == nil || len(v.pictures)-v.shots >= cmp.Or(v.most.pictures, maxPictures) && v.names[file] == "" {
		return ""
	}
	return v.embed(file, v.load)
}

// shot embeds the picture of the page that proves a removal: of the words that
// decide, where it is known where they stand.
func (v *viewer) shot(r *row, c *tracker.Change) {
	if c.Probe == nil {
		return
	}
	if v.loadShot == nil || v.shots >= cmp.Or(v.most.shots, maxShots) {
		return
	}
	if r.Shot = v.embed(c.Probe.Detail, v.loadShot); r.Shot == "" {
		r.Shot = v.embed(c.Pictures.Page, v.loadShot)
	}
	if r.Shot != "" {
		v.shots++
		r.ShotAlt = fmt.Sprintf(v.w.ShotAlt, v.when(c.Probe.At))
		r.Whole = r.URL
		if whole := v.public("evidence/" + url.PathEscape(c.Pictures.Page)); c.Pictures.Page != "" && whole != "" && !v.Sample {
			r.Whole = whole
		}
	}
}

// embed takes a picture into the mail, once, and returns its name.
func (v *viewer) embed(file string, load func(string) []byte) string {
	if file == "" {
		return ""
	}
	if name, ok := v.names[file]; ok {
		return name
	}
	content := load(file)
	kind, ext := pictureType(content)
	if kind == "" {
		v.names[file] = ""
		return ""
	}
	name := fmt.Sprintf("p%d.%s", len(v.pictures)+1, ext)
	v.names[file] = name
	v.pictures = append(v.pictures, Picture{Name: name, Type: kind, Content: content})
	return name
}

// pictureType knows the kinds of picture that every mail client shows.
func pictureType(b []byte) (kind, ext string) {
	switch {
	case len(b) > 3 && string(b[:3]) == "\xff\xd8\xff":
		return "image/jpeg", "jpg"
	case len(b) > 8 && string(b[:8]) == "\x89PNG\r\n\x1a\n":
		return "image/png", "png"
	case len(b) > 6 && (string(b[:6]) == "GIF89a" || string(b[:6]) == "GIF87a"):
		return "image/gif", "gif"
	}
	return "", ""
}

package merkle

import (
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"fmt"
	"html"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"net/textproto"
	"regexp"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// publicKey is the public part of a signer of package note.
func publicKey(signer string) (ed25519.PublicKey, error) {
	parts := strings.SplitN(signer, "+", 5) // PRIVATE, KEY, name, hash, key
	secret, err := base64.StdEncoding.DecodeString(parts[len(parts)-1])
	if err != nil || len(secret) != 1+ed25519.SeedSize {
		return nil, errors.New("the log's key is malformed")
	}
	return ed25519.NewKeyFromSeed(secret[1:]).Public().(ed25519.PublicKey), nil
}

// mostText is how much Find reads of a text.
const mostText = 32 << 20

// inJSON is what stands for a checkpoint's line ends and its dash in JSON.
var inJSON = strings.NewReplacer(`\n`, "\n", `\u2014`, "—")

// Find returns the checkpoints and the public keys in a text: a mail as it was
// copied from a window or saved as a file, what a webhook or the API said, or a
// checkpoint by itself. Their
// signatures are not yet verified. The error wraps ErrNoCheckpoint when there is
// none.
func Find(text string) (found []Checkpoint, keys []string, err error) {
	if len(text) > mostText {
		return nil, nil, fmt.Errorf("%w: the text has %d bytes, a mail has less", ErrNoCheckpoint, len(text))
	}
	// A checkpoint in a mail may be quoted, indented and torn apart at blanks. Its
	// signature has 68 bytes: what is shorter was cut, or holds signs of HTML.
	// Made here, the patterns cost no start of the program anything.
	anyCheckpoint := regexp.MustCompile(`(shopwatch/[a-z0-9]{1,26})[\s>]+([0-9]{1,18})[\s>]+([A-Za-z0-9+/]{43}=)[\s>]+—[\s>]+(shopwatch/[a-z0-9]{1,26})[\s>]+([A-Za-z0-9+/]{91}=)`)
	anyKey := regexp.MustCompile(`shopwatch/[a-z0-9]{1,26}\+[0-9a-f]{8}\+[A-Za-z0-9+/]{43,44}={0,2}`)
	anyTag := regexp.MustCompile(`<[^<>]{0,400}>`)
	seen := make(map[string]bool)
	for _, form := range append([]string{text}, decoded(text)...) {
		for _, t := range []string{form, inJSON.Replace(form), html.UnescapeString(anyTag.ReplaceAllString(form, " "))} {
			for _, m := range anyCheckpoint.FindAllStringSubmatch(t, -1) {
				c, err := checkpoint(m)
				if err == nil && !seen[c.Text] {
					seen[c.Text] = true
					found = append(found, c)
				}
			}
			for _, key := range anyKey.FindAllString(t, -1) {
				if !seen[key] {
					seen[key] = true
					keys = append(keys, key)
				}
			}
		}
	}
	if len(found) == 0 {
		return nil, keys, fmt.Errorf("%w in the text: save the whole mail, or copy the four lines at its end that begin with shopwatch/", ErrNoCheckpoint)
	}
	return found, keys, nil
}

// decoded is the texts of a mail that was saved as a file; nothing for what is
// no mail.
func decoded(text string) (texts []string) {
	m, err := mail.ReadMessage(strings.NewReader(strings.TrimLeft(text, "\r\n")))
	if err != nil {
		return nil
	}
	return parts(textproto.MIMEHeader(m.Header), m.Body, 0)
}

// deepest is how far the parts of a mail may be nested.
const deepest = 8

// parts are the texts of a part of a mail and of those within. A part that
// cannot be read is left out.
func parts(h textproto.MIMEHeader, body io.Reader, depth int) (texts []string) {
	kind, params, err := mime.ParseMediaType(h.Get("Content-Type"))
	if err != nil {
		kind = "text/plain"
	}
	switch {
	case strings.HasPrefix(kind, "multipart/") && depth < deepest:
		r := multipart.NewReader(body, params["boundary"])
		for {
			p, err := r.NextRawPart()
			if err != nil {
				return texts
			}
			texts = append(texts, parts(p.Header, p, depth+1)...)
		}
	case kind == "message/rfc822" && depth < deepest:
		m, err := mail.ReadMessage(body)
		if err != nil {
			return nil
		}
		return parts(textproto.MIMEHeader(m.Header), m.Body, depth+1)
	case !strings.HasPrefix(kind, "text/"):
		return nil
	}
	switch strings.ToLower(strings.TrimSpace(h.Get("Content-Transfer-Encoding"))) {
	case "base64":
		body = base64.NewDecoder(base64.StdEncoding, body)
	case "quoted-printable":
		body = quotedprintable.NewReader(body)
	}
	content, err := io.ReadAll(body)
	if err != nil {
		return nil
	}
	return []string{string(content)}
}

// checkpoint puts the parts of one together.
func checkpoint(m []string) (Checkpoint, error) {
	size, err := strconv.ParseUint(m[2], 10, 63)
	if err != nil {
		return Checkpoint{}, err
	}
	root, err := tlog.ParseHash(m[3])
	if err != nil {
		return Checkpoint{}, err
	}
	return Checkpoint{
		Origin: m[1], Size: size, Root: root,
		Text: fmt.Sprintf("%s\n%s\n%s\n\n— %s %s\n", m[1], m[2], m[3], m[4], m[5]),
	}, nil
}

// Verify says what is wrong with the signature of a checkpoint under a public
// key.
func (c *Checkpoint) Verify(key string) error {
	v, err := note.NewVerifier(key)
	if err != nil {
		return fmt.Errorf("public key %q: %w", key, err)
	}
	_, err = note.Open([]byte(c.Text), note.VerifierList(v))
	return err
}

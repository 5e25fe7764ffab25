package notify

import (
	"context"
	"encoding/base64"
	"errors"
	"net/url"
	"strings"
	"unicode/utf8"

	"shopwatch/tracker/secret"
)

// secrets are what must not be told of the settings of a channel: passwords,
// and of an address everything but the host and the names of its parameters,
// because chats have their keys in all places. Receiving sides answer with
// anything, also with what they were asked for, or with a part of it, and also
// encoded. So every run of a few characters is hidden, wherever it stands.
type secrets struct {
	runs  map[string]bool // of runLength bytes, in lower case
	short []string        // whole secrets that are shorter, in lower case
}

// runLength is how many characters of a secret are hidden. Fewer would hide
// many a word, more would let parts of a key pass.
const runLength = 6

// shortest is how long a secret must be to be hidden as a whole: of "no" and
// "1" nobody could tell that they are meant.
const shortest = 3

func newSecrets(s *Settings) *secrets {
	all := new(secrets)
	all.addPassword("\x00"+s.Username+"\x00", s.Password)
	all.add(s.Secret)
	all.addAddress(s.URL)
	return all
}

// addAddress takes in the parts of an address.
func (s *secrets) addAddress(address string) {
	u, err := url.Parse(address)
	if err != nil {
		s.add(address)
		return
	}
	if u.User != nil {
		password, _ := u.User.Password()
		s.addRuns(u.User.Username()) // a short one is a word
		s.addRuns(base64.StdEncoding.EncodeToString([]byte(u.User.Username())))
		s.addPassword(u.User.Username()+":", password)
	}
	if keyNotHost(u) {
		s.add(u.Hostname())
	}
	s.add(u.Opaque)
	s.add(u.Fragment)
	s.addRuns(u.Path) // its short segments are words
	s.addRuns(u.EscapedPath())
	for pair := range strings.FieldsFuncSeq(u.RawQuery, func(r rune) bool { return r == '&' || r == ';' }) {
		_, raw, _ := strings.Cut(pair, "=")
		value, err := url.QueryUnescape(raw)
		if nested, bad := url.Parse(value); err == nil && bad == nil && nested.Host != "" {
			s.addAddress(value) // whose host may be told
			continue
		}
		s.add(raw)
		s.add(value)
	}
}

// addPassword takes in a password, also as it goes over the wire: by itself, or
// behind the user's name. The name of a mail account may be told.
func (s *secrets) addPassword(user, password string) {
	s.add(password)
	s.addRuns(secret.Within64(password, 0))
	s.addRuns(secret.Within64(password, len(user)%3))
}

// keyNotHost reports whether what stands for the host is none: wecom://KEY. A
// host of the web has dots, and words like that of telegram://TOKEN@telegram
// are short.
func keyNotHost(u *url.URL) bool {
	h := u.Hostname()
	return len(h) > len("telegram") && h != "localhost" && !strings.ContainsAny(h, ".:")
}

// add takes in one secret, whatever its length.
func (s *secrets) add(text string) {
	if n := len(text); n >= shortest && n < runLength {
		for _, form := range secret.Forms(text) {
			if len(form) >= shortest {
				s.short = append(s.short, lower(form))
			}
		}
	}
	s.addRuns(text)
}

// addRuns takes in the runs of a text.
func (s *secrets) addRuns(text string) {
	if len(text) < runLength {
		return
	}
	if s.runs == nil {
		s.runs = make(map[string]bool)
	}
	for _, form := range secret.Forms(text) {
		form = lower(form)
		for i := 0; i+runLength <= len(form); i++ {
			s.runs[form[i:i+runLength]] = true
		}
	}
}

// lower is a text without capital letters of ASCII, byte by byte.
func lower(text string) string {
	b := []byte(text)
	for i, c := range b {
		if 'A' <= c && c <= 'Z' {
			b[i] = c + 'a' - 'A'
		}
	}
	return string(b)
}

// hide replaces secrets by dots.
func (s *secrets) hide(text string) string {
	low := lower(text)
	marked := make([]bool, len(text))
	mark := func(from, to int) {
		for i := from; i < to; i++ {
			marked[i] = true
		}
	}
	for i := 0; i+runLength <= len(low); i++ {
		if s.runs[low[i:i+runLength]] {
			mark(i, i+runLength)
		}
	}
	for _, word := range s.short {
		for at := 0; ; {
			i := strings.Index(low[at:], word)
			if i < 0 {
				break
			}
			mark(at+i, at+i+len(word))
			at += i + len(word)
		}
	}
	var b strings.Builder
	for i, hidden := 0, false; i < len(text); {
		_, n := utf8.DecodeRuneInString(text[i:])
		part := false
		for j := range n {
			part = part || marked[i+j]
		}
		switch {
		case !part:
			b.WriteString(text[i : i+n])
		case !hidden:
			b.WriteString("…")
		}
		hidden = part
		i += n
	}
	return b.String()
}

// hideIn hides secrets in an error. What the error says of the delivery stays.
func (s *secrets) hideIn(err error) error {
	if err == nil {
		return nil
	}
	said := s.hide(err.Error())
	if said == err.Error() {
		return err
	}
	var setting *SettingError
	if errors.As(err, &setting) {
		return &SettingError{setting.Key, s.hideIn(setting.Err)}
	}
	var refused *Refused
	if errors.As(err, &refused) {
		return &Refused{s.hide(refused.Answer)}
	}
	plain := errors.New(said)
	var unsure *Unsure
	if errors.As(err, &unsure) {
		plain = &Unsure{plain}
	}
	var unreachable *Unreachable
	if errors.As(err, &unreachable) {
		plain = &Unreachable{plain}
	}
	return plain
}

// A discreet sender is one of any kind that tells no secrets.
type discreet struct {
	Sender
	secrets *secrets
}

// Send hides secrets also in the answer to a delivery that was taken.
func (d *discreet) Send(ctx context.Context, l *Message) (string, error) {
	answer, err := d.Sender.Send(ctx, l)
	return d.secrets.hide(answer), d.secrets.hideIn(err)
}

// A checker is a sender that can be asked whether deliveries would get through.
type checker interface {
	Check(ctx context.Context) error
}

// A discreetChecker is a discreet sender that is a checker.
type discreetChecker struct {
	*discreet
	checker checker
}

func (d *discreetChecker) Check(ctx context.Context) error {
	return d.secrets.hideIn(d.checker.Check(ctx))
}

func (s *secrets) guard(snd Sender) Sender {
	d := &discreet{snd, s}
	if c, ok := snd.(checker); ok {
		return &discreetChecker{d, c}
	}
	return d
}

// emailOf returns the sender of mails beneath a sender, if it is one.
func emailOf(s Sender) (*email, bool) {
	switch d := s.(type) {
	case *discreetChecker:
		s = d.Sender
	case *discreet:
		s = d.Sender
	}
	e, ok := s.(*email)
	return e, ok
}

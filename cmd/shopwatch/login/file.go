package login

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"filippo.io/age"
	"filippo.io/age/armor"
	"golang.org/x/term"

	"shopwatch/tracker/browser"
)

// PassphraseVariable names the environment variable with the passphrase of a
// login file.
const PassphraseVariable = "SHOPWATCH_PASSPHRASE"

// A fileContent is what a login file holds, encrypted. Fields may be
// added, never renamed.
type fileContent struct {
	Marketplace string          `json:"marketplace"`
	At          time.Time       `json:"at"`      // when the login was made; zero when nobody knows
	Cookies     json.RawMessage `json:"cookies"` // browser.SaveCookies
}

// Export returns the login of this machine, encrypted with a passphrase.
func (d *Session) Export(ctx context.Context) (sealed []byte, err error) {
	b := browser.New(d.Browser)
	defer func() { err = errors.Join(err, b.Close()) }()
	saved, err := b.SaveCookies(ctx, d.Market.Login.All())
	if err != nil {
		return nil, err
	}
	s, err := StateOf(ctx, d.Browser.Profile, d.Market, b)
	if err != nil {
		return nil, err
	}
	if !s.There {
		return nil, fmt.Errorf("there is no login to carry over: %s", s)
	}
	passphrase, err := d.passphrase(true)
	if err != nil {
		return nil, err
	}
	text, err := json.Marshal(fileContent{Marketplace: d.Market.Name, At: s.At, Cookies: saved})
	if err != nil {
		return nil, err
	}
	if sealed, err = seal(text, passphrase); err != nil {
		return nil, fmt.Errorf("encrypt the login: %w", err)
	}
	return sealed, nil
}

// Import puts the login that Export returned, and that is kept in a file, into
// the profile.
func (d *Session) Import(ctx context.Context, file string, sealed []byte) error {
	passphrase, err := d.passphrase(false)
	if err != nil {
		return err
	}
	text, err := open(sealed, passphrase)
	if wrong := (*age.NoIdentityMatchError)(nil); errors.As(err, &wrong) {
		return fmt.Errorf("the passphrase of %s is another one", file)
	}
	var content fileContent
	if err == nil {
		err = json.Unmarshal(text, &content)
	}
	if err != nil {
		return fmt.Errorf("%s is no login file, or it is damaged: %w", file, err)
	}
	if content.Marketplace != d.Market.Name {
		return fmt.Errorf("%s holds a login to %s, not to %s", file, content.Marketplace, d.Market.Name)
	}
	b := browser.New(d.Browser)
	err = b.LoadCookies(ctx, d.Market.Login.All(), content.Cookies)
	if err := errors.Join(err, b.Close()); err != nil {
		return err
	}
	s, err := d.look(ctx)
	if err != nil {
		return err
	}
	if !s.There {
		return fmt.Errorf("the login in %s has expired: log in again where it was made", file)
	}
	if content.At.IsZero() {
		content.At = time.Now().UTC().Truncate(time.Second)
	}
	return d.noted(s, Record{At: content.At, Method: "import"})
}

// passphrase asks for the passphrase of a login file, twice for a new one.
func (d *Session) passphrase(anew bool) (string, error) {
	const least = 8
	given, ok := os.LookupEnv(PassphraseVariable)
	if !ok {
		var err error
		if given, err = d.askSecret("Passphrase of the login file: "); err != nil {
			return "", err
		}
		if anew && len(given) >= least {
			again, err := d.askSecret("The same once more: ")
			if err != nil {
				return "", err
			}
			if again != given {
				return "", errors.New("the two are not the same; nothing was written")
			}
		}
	}
	if anew && len(given) < least {
		return "", fmt.Errorf("the passphrase is too short: the file is a login to your account; take %d characters or more", least)
	}
	if given == "" {
		return "", errors.New("no passphrase was given")
	}
	return given, nil
}

// askSecret asks on the terminal, without echo.
func (d *Session) askSecret(question string) (string, error) {
	in := int(os.Stdin.Fd())
	if !term.IsTerminal(in) {
		return "", fmt.Errorf("no terminal to ask for the passphrase: set %s", PassphraseVariable)
	}
	fmt.Fprint(d.Prompt, question)
	secret, err := term.ReadPassword(in)
	fmt.Fprintln(d.Prompt)
	if err != nil {
		return "", fmt.Errorf("read the passphrase: %w", err)
	}
	return string(secret), nil
}

// seal encrypts with a passphrase, in the format of age: any age program opens
// it.
func seal(text []byte, passphrase string) ([]byte, error) {
	to, err := age.NewScryptRecipient(passphrase)
	if err != nil {
		return nil, err
	}
	var out strings.Builder
	armored := armor.NewWriter(&out)
	w, err := age.Encrypt(armored, to)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(text); err != nil {
		return nil, err
	}
	if err := errors.Join(w.Close(), armored.Close()); err != nil {
		return nil, err
	}
	return []byte(out.String()), nil
}

// open decrypts what seal has encrypted.
func open(sealed []byte, passphrase string) ([]byte, error) {
	by, err := age.NewScryptIdentity(passphrase)
	if err != nil {
		return nil, err
	}
	r, err := age.Decrypt(armor.NewReader(strings.NewReader(string(sealed))), by)
	if err != nil {
		return nil, err
	}
	return io.ReadAll(io.LimitReader(r, 16<<20))
}

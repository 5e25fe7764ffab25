package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/mail"
	"slices"
	"strings"

	"shopwatch/cmd/shopwatch/config"
	"shopwatch/cmd/shopwatch/try"
	"shopwatch/tracker/market/all"
)

// An initCommand writes a configuration to begin with.
type initCommand struct {
	URLs       []string `arg:"" optional:"" name:"url" help:"Addresses of storefronts, as a browser shows them."`
	MailTo     []string `placeholder:"ADDRESS" help:"Who is told by e-mail; may be given several times."`
	MailServer string   `placeholder:"URL" help:"The mail server: smtps://mail.example.com, or smtp:// for STARTTLS."`
	MailUser   string   `placeholder:"NAME" help:"The login there; its password is taken from the environment variable SMTP_PASSWORD."`
	MailFrom   string   `placeholder:"ADDRESS" help:"The sender; the login or the first recipient when left out."`
	Full       bool     `help:"Write every key there is, explained, instead of a few."`
}

// Help gives examples.
func (initCommand) Help() string {
	return `No file is replaced, and nothing is visited: shopwatch try URL looks at an address.

Examples:
  shopwatch init
  shopwatch init https://tencent.tmall.com/ --mail-to team@example.com --mail-server smtps://mail.example.com --mail-user shopwatch
  shopwatch init --full -c /etc/shopwatch/shopwatch.yaml`
}

// Run writes a configuration where it is looked for.
func (i initCommand) Run(ctx context.Context, a *app) error {
	if err := isNew(a.file); err != nil {
		return fmt.Errorf("%w with -c FILE", err)
	}
	text, c, err := i.text(a.file)
	if err != nil {
		return err
	}
	if err := writeNew(a.file, text); err != nil {
		return fmt.Errorf("write a configuration: %w", err)
	}
	fmt.Fprintf(a.out, "%s is written", a.file)
	switch {
	case i.Full || len(i.URLs) == 0:
		fmt.Fprint(a.out, ": put in your storefronts and channels")
	case len(i.MailTo) == 0:
		fmt.Fprint(a.out, "; it tells nobody yet: put in a channel")
	}
	next := ", then try\n"
	if i.MailUser != "" {
		next += "  export SMTP_PASSWORD=…\n"
	}
	for _, m := range marketplacesOf(c) {
		next += "  " + c.LoginCommand(m.Name) + "\n"
	}
	for _, does := range []string{"check", "scan", "run"} {
		next += "  " + c.Command(does) + "\n"
	}
	fmt.Fprint(a.out, next)
	return nil
}

// text is the configuration for a file, and what it says.
func (i *initCommand) text(file string) ([]byte, *config.Config, error) {
	env := func(string) (string, bool) { return "not known yet", true }
	if i.Full {
		if len(i.URLs)+len(i.MailTo) > 0 || i.MailServer != "" {
			return nil, nil, errors.New("--full writes an example to be changed: leave it out, or the addresses")
		}
		c, err := config.Parse(file, config.Sample, env, all.Markets())
		return config.Sample, c, err
	}
	var b strings.Builder
	b.WriteString("# What shopwatch watches, and who is told. All other keys: shopwatch init --full\n")
	if err := i.storefronts(&b); err != nil {
		return nil, nil, err
	}
	if err := i.channels(&b); err != nil {
		return nil, nil, err
	}
	c, err := config.Parse(file, []byte(b.String()), env, all.Markets())
	if err != nil {
		return nil, nil, fmt.Errorf("that makes no configuration: %w", err)
	}
	return []byte(b.String()), c, nil
}

func (i *initCommand) storefronts(b *strings.Builder) error {
	b.WriteString("storefronts:\n")
	addresses := i.URLs
	if len(addresses) == 0 {
		addresses = []string{"https://tencent.tmall.com/"}
	}
	var names []string
	for n, address := range addresses {
		if !strings.Contains(address, "://") {
			address = "https://" + address
		}
		m, err := all.Markets().Find(address)
		if err != nil {
			return err
		}
		if _, err := m.Storefront(address, ""); err != nil {
			return fmt.Errorf("%s: %w", address, err)
		}
		base := try.Name(address)
		name := base
		for next := 2; slices.Contains(names, name); next++ {
			name = fmt.Sprintf("%s-%d", base, next)
		}
		names = append(names, name)
		fmt.Fprintf(b, "  - name: %s\n    url: %s\n    schedule: \"0 9,21 * * *\"", name, try.Scalar(address))
		if n == 0 {
			b.WriteString(" # at 9 and 21 o'clock; or @daily, @every 6h")
		}
		b.WriteString("\n")
	}
	b.WriteString("timezone: Asia/Shanghai # of these times, and of reports\n")
	return nil
}

// channels writes who is told. Without recipients it shows how, as a comment
// that is right when its marks are taken away.
func (i *initCommand) channels(b *strings.Builder) error {
	mark, to, server, user := "", i.MailTo, i.MailServer, i.MailUser
	switch {
	case len(to) > 0 && server == "":
		return errors.New("say with --mail-server which server takes the mails, such as smtps://mail.example.com")
	case len(to) == 0 && (server != "" || user != "" || i.MailFrom != ""):
		return errors.New("say with --mail-to who gets the mails")
	case len(to) == 0:
		mark, to, server, user = "# ", []string{"team@example.com"}, "smtps://mail.example.com", "shopwatch@example.com"
		b.WriteString("# To be told, take away the marks:\n")
	}
	from := cmp.Or(i.MailFrom, to[0])
	if _, err := mail.ParseAddress(user); err == nil && i.MailFrom == "" {
		from = user
	}
	recipients := make([]string, len(to))
	for n := range to {
		recipients[n] = addressText(to[n])
	}
	lines := []string{"channels:", "  - name: mail", "    kind: email", "    server: " + try.Scalar(server)}
	if user != "" {
		lines = append(lines, "    username: "+addressText(user), "    password: ${SMTP_PASSWORD} # an environment variable")
	}
	lines = append(lines, "    from: "+addressText(from), "    to: ["+strings.Join(recipients, ", ")+"]")
	for _, l := range lines {
		b.WriteString(mark + l + "\n")
	}
	return nil
}

// addressText is a text for YAML: an address of mail as it stands, all else as
// try.Scalar has it.
func addressText(s string) string {
	if a, err := mail.ParseAddress(s); err == nil && a.Name == "" && a.Address == s && !strings.ContainsAny(s, " \"'#,[]{}:") && !strings.HasPrefix(s, "@") {
		return s
	}
	return try.Scalar(s)
}

package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/alecthomas/kong"

	"shopwatch/cmd/shopwatch/config"
)

// A manCommand prints the manual page, made from what --help says and from the
// configuration that init --full writes, so that they cannot differ.
type manCommand struct{}

// Run prints it in the form of man(7).
func (manCommand) Run(a *app, k *kong.Context) error {
	_, err := io.WriteString(a.out, manual(k.Model))
	return err
}

func manual(model *kong.Application) string {
	m := &manPage{}
	m.line(`.TH SHOPWATCH 1 "" "shopwatch %s" "User Commands"`, roff(version))
	m.section("Name")
	m.line(`shopwatch \- watches marketplace storefronts`)
	m.section("Synopsis")
	m.line(".B shopwatch\n[\\fB\\-c\\fR \\fIFILE\\fR] \\fICOMMAND\\fR [\\fIARGUMENTS\\fR]")
	m.section("Description")
	m.text(model.Help)
	m.text(`On a schedule a headless Chrome opens a storefront, reads its whole product list and keeps it in one file. A login wall, a slider, a half-loaded list or an empty answer is never a removal: a product is reported as removed only when a list that was provably read to its end misses it, with what the product's own page says.`)
	m.text(`While the daemon (shopwatch run) works, all other commands ask it.`)
	m.section("Options")
	m.flags(model.Flags)
	m.section("Commands")
	for _, n := range model.Leaves(true) {
		m.command(n)
	}
	m.section("Exit status")
	m.text(`0 when all went well; 2 when some scan was not complete; 1 for an error of use, configuration or database. An error is one line on the standard error output that says what to do.`)
	m.section("Environment")
	m.tagged("\\fBSHOPWATCH_PASSPHRASE\\fR", "The passphrase of login --export and --import, which is asked for otherwise.")
	m.tagged("\\fBNO_COLOR\\fR", "No colours on a terminal.")
	m.text(`The configuration may name others, such as ${SMTP_PASSWORD}.`)
	m.section("Configuration")
	m.text("What shopwatch init --full writes:")
	m.literal(string(config.Sample))
	m.section("Files")
	m.tagged("\\fIshopwatch.yaml\\fR", "The configuration, in the current folder when -c names no other. The service of the Debian package reads /etc/shopwatch/shopwatch.yaml.")
	m.tagged("\\fIdata\\fR", "The folder with the database, the pictures, the backups and Chrome's profile, as the configuration says.")
	return m.String()
}

// A manPage is a page in the form of man(7).
type manPage struct{ strings.Builder }

func (m *manPage) line(format string, args ...any) { fmt.Fprintf(m, format+"\n", args...) }

func (m *manPage) section(title string) { m.line(".SH %s", strings.ToUpper(title)) }

// text writes paragraphs. Lines that are indented stand as they are.
func (m *manPage) text(s string) {
	for part := range strings.SplitSeq(strings.TrimSpace(s), "\n\n") {
		m.line(".PP")
		for line := range strings.Lines(part) {
			line = strings.TrimRight(line, "\n")
			if code, ok := strings.CutPrefix(line, "  "); ok {
				m.line(".br\n\\&\\ \\ \\fB%s\\fR\n.br", roff(code))
				continue
			}
			m.line(`\&%s`, roff(line))
		}
	}
}

// literal writes a text as it stands.
func (m *manPage) literal(s string) {
	m.line(".PP\n.nf\n.RS")
	for line := range strings.Lines(strings.TrimRight(s, "\n")) {
		m.line(`\&%s`, roff(strings.TrimRight(line, "\n")))
	}
	m.line(".RE\n.fi")
}

func (m *manPage) tagged(tag, text string) { m.line(".TP\n%s\n%s", tag, roff(text)) }

func (m *manPage) flags(flags []*kong.Flag) {
	for _, f := range flags {
		if f.Hidden {
			continue
		}
		tag := "\\fB" + roff("--"+f.Name) + "\\fR"
		if f.Short != 0 {
			tag = "\\fB" + roff("-"+string(f.Short)) + "\\fR, " + tag
		}
		if !f.IsBool() {
			tag += " \\fI" + roff(f.FormatPlaceHolder()) + "\\fR"
		}
		m.tagged(tag, f.Help)
	}
}

func (m *manPage) command(n *kong.Node) {
	usage := roff(n.FullPath())
	for _, p := range n.Positional {
		usage += " \\fI" + roff(p.Summary()) + "\\fB"
	}
	m.line(".SS \\fB%s\\fR", usage)
	m.text(n.Help)
	for _, p := range n.Positional {
		m.tagged("\\fI"+roff(p.Summary())+"\\fR", p.Help)
	}
	m.flags(n.Flags)
	m.text(n.Detail)
}

// roff writes a text so that it stands for itself.
func roff(s string) string {
	return strings.NewReplacer(`\`, `\e`, "-", `\-`, "'", `\(aq`, "`", `\(ga`, "^", `\(ha`, "~", `\(ti`).Replace(s)
}

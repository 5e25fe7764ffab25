// Shopwatch watches marketplace storefronts and tells people what was put on
// the shelf and what was taken off.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	_ "time/tzdata" // zones of schedules, also on machines that have none

	"github.com/alecthomas/kong"

	"shopwatch/cmd/shopwatch/config"
	"shopwatch/cmd/shopwatch/daemon"
	"shopwatch/cmd/shopwatch/term"
	"shopwatch/tracker"
)

// version is set by the linker.
var version = "devel"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second signal ends at once
	out := &output{file: os.Stdout}
	status := run(ctx, os.Args[1:], out, os.Stderr)
	if err := out.failed(); err != nil && status != 1 {
		fmt.Fprintf(os.Stderr, "shopwatch: %v\n", err)
		status = 1
	}
	os.Exit(status)
}

// commands are what a person can type.
type commands struct {
	Config  string           `short:"c" default:"shopwatch.yaml" placeholder:"FILE" complete:"file" help:"The configuration file (${default})."`
	JSON    bool             `name:"json" help:"Print one JSON object a line."`
	Version kong.VersionFlag `help:"Print the version."`

	Init        initCommand        `cmd:"" help:"Write a configuration to begin with."`
	Configure   configCommand      `cmd:"" name:"config" help:"What a configuration may say."`
	Run         runCommand         `cmd:"" help:"Watch: scan on schedule, send reports, answer the other commands."`
	Scan        scanCommand        `cmd:"" help:"Scan storefronts now."`
	Try         tryCommand         `cmd:"" help:"Find out what an address is and how it would be read; nothing is kept."`
	Storefronts storefrontsCommand `cmd:"" help:"Storefronts: when they were scanned and what is known of them."`
	Products    productsCommand    `cmd:"" help:"The catalog of a storefront."`
	Groups      groupsCommand      `cmd:"" help:"Who sells the same product, and for how much."`
	Changes     changesCommand     `cmd:"" help:"What was put on the shelf, what was taken off, what changed."`
	Diff        diffCommand        `cmd:"" help:"The shelf of two days against each other."`
	Export      exportCommand      `cmd:"" help:"Changes, products or prices for spreadsheets and notebooks."`
	Scans       scansCommand       `cmd:"" help:"Scans with their verdict and evidence."`
	Suspects    suspectsCommand    `cmd:"" help:"Products that are missing without proof."`
	Why         whyCommand         `cmd:"" help:"The whole story of one change."`
	Mail        mailCommand        `cmd:"" help:"Reports: how they look, and whether they arrive."`
	Login       loginCommand       `cmd:"" help:"Log in to a marketplace, with an account of your own."`
	Evidence    evidenceCommand    `cmd:"" help:"Pack the story of a change with its pictures, for others."`
	Verify      verifyCommand      `cmd:"" help:"Verify, offline, that what was reported was not altered since."`
	Replay      replayCommand      `cmd:"" help:"Read a capture again, without a network."`
	Problem     problemCommand     `cmd:"" name:"report-problem" help:"Make a file to send when a page was misread."`
	Dispute     disputeCommand     `cmd:"" help:"Mark a change as wrong and send a correction."`
	Check       checkCommand       `cmd:"" help:"Check configuration, Chrome, database, mail server, clock and disk."`
	Backup      backupCommand      `cmd:"" help:"Write a copy of the database, also while the daemon runs."`
	Restore     restoreCommand     `cmd:"" help:"Replace the database with a backup."`
	Move        moveCommand        `cmd:"" help:"Carry the database over to PostgreSQL, or back into a file."`
	Apply       applyCommand       `cmd:"" help:"Give a configuration to all machines on a PostgreSQL database."`
	Compact     compactCommand     `cmd:"" help:"Give free space in the database file back."`
	MCP         mcpCommand         `cmd:"" name:"mcp" help:"Answer assistants, read-only, by the Model Context Protocol on standard input and output."`
	Completion  completionCommand  `cmd:"" help:"Make a shell complete commands and flags."`
	Complete    completeCommand    `cmd:"" hidden:"" name:"__complete"`
	Man         manCommand         `cmd:"" hidden:"" name:"__man"`
	Demo        demoCommand        `cmd:"" help:"Show the whole loop on a simulated mall; nothing to configure."`
}

// errIncomplete is the end of a scan that was not complete. It was told.
var errIncomplete = errors.New("not complete")

// exit is how kong ends the program.
type exit int

// run does what the arguments say and returns the exit status: 0 when all went
// well, 2 when some scan was not complete, 1 for an error.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) (status int) {
	defer func() {
		switch r := recover().(type) {
		case nil:
		case exit:
			status = int(r)
		default:
			panic(r)
		}
	}()
	switch {
	case len(args) == 0:
		args = []string{"--help"}
	case args[0] == "help": // as other programs have it
		args = append(slices.Clone(args[1:]), "--help")
	}
	var c commands
	k, err := newParser(&c, stdout, stderr).Parse(args)
	if err != nil {
		fmt.Fprintf(stderr, "shopwatch: %s (see shopwatch --help)\n", oneLine(err))
		return 1
	}
	a := &app{file: c.Config, json: c.JSON, out: stdout, err: stderr, timing: daemon.UsualTiming(), read: config.Load, servers: &servers{}}
	a.servers.warn = func(why error) { fmt.Fprintf(stderr, "shopwatch: evidence stays in the database: %s\n", oneLine(why)) }
	k.BindTo(ctx, (*context.Context)(nil))
	err = errors.Join(k.Run(a), a.servers.close())
	switch {
	case err == nil:
		return 0
	case errors.Is(err, errIncomplete):
		return 2
	}
	fmt.Fprintf(stderr, "shopwatch: %s\n", oneLine(err))
	return 1
}

// oneLine is what is said of an error, also of several that were joined. In one may
// stand what a server answered: nothing of that reaches the terminal but text.
func oneLine(err error) string { return term.Plain(strings.ReplaceAll(err.Error(), "\n", "; ")) }

// newParser returns what understands the command line.
func newParser(c *commands, stdout, stderr io.Writer) *kong.Kong {
	parser, err := kong.New(c,
		kong.Name("shopwatch"),
		kong.Description("Watches marketplace storefronts and tells people what was put on the shelf and what was taken off."),
		kong.Vars{"version": version, "kinds": term.List(tracker.Kinds), "marketplaces": marketplaces()},
		kong.Writers(stdout, stderr),
		kong.Exit(func(code int) { panic(exit(code)) }),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 100}),
	)
	if err != nil {
		panic(err) // a mistake in the tags of commands
	}
	return parser
}

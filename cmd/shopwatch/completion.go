package main

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
)

// A completionCommand prints a script that makes a shell complete commands and
// flags.
type completionCommand struct {
	Shell string `arg:"" enum:"bash,zsh,fish" help:"bash, zsh or fish."`
}

// Help says where the script goes.
func (completionCommand) Help() string {
	return `Examples:
  shopwatch completion bash > /etc/bash_completion.d/shopwatch
  shopwatch completion zsh >> ~/.zshrc
  shopwatch completion fish > ~/.config/fish/completions/shopwatch.fish`
}

// Run prints the script.
func (c *completionCommand) Run(a *app, k *kong.Context) error {
	paths := commandPaths(k.Model.Node, "")
	switch c.Shell {
	case "fish":
		return completeFish(a.out, paths)
	case "zsh":
		fmt.Fprintln(a.out, "autoload -Uz bashcompinit && bashcompinit")
	}
	return completeBash(a.out, paths)
}

// A commandPath is a command, or the program itself, with the words that may
// follow it.
type commandPath struct {
	path  string // "mail preview "; "" for the program
	words []string
	help  map[string]string // of the words
}

// commandPaths are all commands below a node.
func commandPaths(n *kong.Node, path string) []commandPath {
	p := commandPath{path: path, help: map[string]string{}}
	var below []commandPath
	for _, child := range n.Children {
		p.words = append(p.words, child.Name)
		p.help[child.Name] = child.Help
		below = append(below, commandPaths(child, path+child.Name+" ")...)
	}
	for _, group := range n.AllFlags(true) {
		for _, f := range group {
			p.words = append(p.words, "--"+f.Name)
			p.help["--"+f.Name] = f.Help
		}
	}
	slices.Sort(p.words)
	p.words = slices.Compact(p.words)
	return append([]commandPath{p}, below...)
}

func completeBash(w io.Writer, paths []commandPath) error {
	var b strings.Builder
	b.WriteString(`_shopwatch() {
  local current=${COMP_WORDS[COMP_CWORD]} path= words= i
  for ((i = 1; i < COMP_CWORD; i++)); do
    case ${COMP_WORDS[i]} in
      -c | --config) ((i++)) ;;
      -*) ;;
      *) path+="${COMP_WORDS[i]} " ;;
    esac
  done
  case $path in
`)
	// The longest come first: "mail preview " before "mail ".
	for _, p := range slices.Backward(paths) {
		if p.path != "" {
			fmt.Fprintf(&b, "    %q*) words=%q ;;\n", p.path, strings.Join(p.words, " "))
		}
	}
	fmt.Fprintf(&b, "    *) words=%q ;;\n", strings.Join(paths[0].words, " "))
	b.WriteString(`  esac
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -o default -F _shopwatch shopwatch
`)
	_, err := io.WriteString(w, b.String())
	return err
}

func completeFish(w io.Writer, paths []commandPath) error {
	quote := strings.NewReplacer(`\`, `\\`, `'`, `\'`)
	var b strings.Builder
	for _, p := range paths {
		when := "__fish_use_subcommand"
		if parts := strings.Fields(p.path); len(parts) > 0 {
			when = "__fish_seen_subcommand_from " + parts[len(parts)-1]
		}
		for _, word := range p.words {
			kind := "-a "
			if flag, ok := strings.CutPrefix(word, "--"); ok {
				kind, word = "-l ", flag
			}
			fmt.Fprintf(&b, "complete -c shopwatch -n '%s' %s%s -d '%s'\n", when, kind, word, quote.Replace(p.help[word]+p.help["--"+word]))
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

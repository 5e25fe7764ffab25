package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/alecthomas/kong"

	"shopwatch/cmd/shopwatch/config"
	"shopwatch/tracker"
)

// A completionCommand prints a script that makes a shell complete commands,
// flags and what they take.
type completionCommand struct {
	Shell string `arg:"" enum:"bash,zsh,fish" help:"bash, zsh or fish."`
}

// Help says where the script goes.
func (completionCommand) Help() string {
	return `Names of storefronts, channels and groups are those of the configuration that the line names.

Examples:
  shopwatch completion bash > /etc/bash_completion.d/shopwatch
  shopwatch completion zsh >> ~/.zshrc
  shopwatch completion fish > ~/.config/fish/completions/shopwatch.fish`
}

// Run prints the script.
func (c *completionCommand) Run(a *app) error {
	_, err := io.WriteString(a.out, completionScripts[c.Shell])
	return err
}

// completionScripts hand the words of the line to shopwatch __complete, which
// prints a candidate a line, a tab before what it means. A line filesWanted
// asks for names of files.
var completionScripts = map[string]string{
	"bash": `_shopwatch() {
  local line file
  COMPREPLY=()
  while IFS= read -r line; do
    if [[ $line == :files ]]; then
      compopt -o filenames 2>/dev/null
      while IFS= read -r file; do
        COMPREPLY+=("$file")
      done < <(compgen -f -- "$2")
    else
      COMPREPLY+=("${line%%$'\t'*}")
    fi
  done < <("$1" __complete -- "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -F _shopwatch shopwatch
`,
	"zsh": `#compdef shopwatch
_shopwatch() {
  local line files=
  local -a candidates
  for line in "${(@f)$(${~words[1]} __complete -- "${(@Q)words[2,CURRENT]}" 2>/dev/null)}"; do
    case $line in
      '') ;;
      :files) files=1 ;;
      *) candidates+=("${${line%%$'\t'*}//:/\\:}:${line#*$'\t'}") ;;
    esac
  done
  if (( $#candidates )); then
    _describe shopwatch candidates
  fi
  if [[ -n $files ]]; then
    _files
  fi
}
if [[ $funcstack[1] == _shopwatch ]]; then
  _shopwatch "$@"
else
  (( $+functions[compdef] )) || { autoload -Uz compinit && compinit -i }
  compdef _shopwatch shopwatch
fi
`,
	"fish": `function __shopwatch_complete
  set -l words (commandline -opc)
  set -l program $words[1]
  set -e words[1]
  set -l current (commandline -ct)
  for line in ($program __complete -- $words $current 2>/dev/null)
    if test $line = :files
      __fish_complete_path $current
    else
      echo $line
    end
  end
end
complete -c shopwatch -f -a '(__shopwatch_complete)'
`,
}

// A completeCommand is what the scripts of completionCommand ask.
type completeCommand struct {
	Words []string `arg:"" optional:"" help:"The words of the line after the program, up to the cursor."`
}

const filesWanted = ":files"

// Run prints what may stand in the place of the last word.
func (c *completeCommand) Run(a *app, k *kong.Context) error {
	words := c.Words
	if len(words) == 0 {
		words = []string{""}
	}
	for _, s := range complete(k.Model.Node, words) {
		line := s.word
		if s.help != "" {
			line += "\t" + s.help
		}
		if _, err := fmt.Fprintln(a.out, line); err != nil {
			return err
		}
	}
	return nil
}

// A suggestion may stand in the place of a word.
type suggestion struct{ word, help string }

// complete returns what may stand in the place of the last of the words after
// the name of the program.
func complete(root *kong.Node, words []string) []suggestion {
	line := commandLine{node: root, file: "shopwatch.yaml"}
	// bash cuts --kind=added into three words.
	var joined []string
	for i, word := range words {
		after := i > 0 && strings.HasPrefix(words[i-1], "--")
		if word == "=" && after && i < len(words)-1 {
			continue
		}
		if word == "=" && after {
			word = ""
		}
		joined = append(joined, word)
	}
	last := len(joined) - 1
	for _, word := range joined[:last] {
		line.take(word)
	}
	return line.suggest(joined[last])
}

// A commandLine is what the words before the one that is completed say.
type commandLine struct {
	node   *kong.Node
	file   string      // the configuration
	flag   *kong.Value // whose value comes next
	args   int         // positional arguments that are there
	used   []string    // flags that are there
	closed bool        // after --, which ends the flags
}

func (l *commandLine) take(word string) {
	switch {
	case l.flag != nil:
		l.set(l.flag, word)
		l.flag = nil
	case !l.closed && word == "--":
		l.closed = true
	case !l.closed && strings.HasPrefix(word, "-") && word != "-":
		name, value, given := strings.Cut(word, "=")
		f := l.flagNamed(name)
		if f == nil {
			return
		}
		l.used = append(l.used, f.Name)
		switch {
		case given:
			l.set(f, value)
		case !f.IsBool():
			l.flag = f
		}
	default:
		i := slices.IndexFunc(l.node.Children, func(n *kong.Node) bool { return n.Name == word })
		if i < 0 {
			l.args++
			return
		}
		l.node = l.node.Children[i]
	}
}

func (l *commandLine) set(f *kong.Value, value string) {
	if f.Name != "config" {
		return
	}
	if home, err := os.UserHomeDir(); err == nil && strings.HasPrefix(value, "~/") {
		value = filepath.Join(home, value[2:])
	}
	l.file = value
}

func (l *commandLine) flagNamed(word string) *kong.Value {
	for _, group := range l.node.AllFlags(true) {
		for _, f := range group {
			if word == "--"+f.Name || f.Short != 0 && word == "-"+string(f.Short) {
				return f.Value
			}
		}
	}
	return nil
}

func (l *commandLine) suggest(word string) []suggestion {
	if l.flag != nil {
		return l.values(l.flag, "", word)
	}
	if name, value, ok := strings.Cut(word, "="); ok && !l.closed {
		if f := l.flagNamed(name); f != nil {
			return l.values(f, name+"=", value)
		}
		return nil
	}
	var all []suggestion
	switch {
	case strings.HasPrefix(word, "-") && !l.closed:
		for _, group := range l.node.AllFlags(true) {
			for _, f := range group {
				if !slices.Contains(l.used, f.Name) {
					all = append(all, suggestion{"--" + f.Name, f.Help})
				}
			}
		}
	case len(l.node.Children) > 0:
		for _, n := range l.node.Children {
			if !n.Hidden {
				all = append(all, suggestion{n.Name, n.Help})
			}
		}
	case len(l.node.Positional) > 0:
		i := min(l.args, len(l.node.Positional)-1)
		if i == l.args || l.node.Positional[i].IsCumulative() {
			return l.values(l.node.Positional[i], "", word)
		}
	}
	return beginning(all, word)
}

// values are what a flag or an argument takes. What it is says its tag
// complete.
func (l *commandLine) values(v *kong.Value, before, word string) []suggestion {
	var words []string
	names := config.NamesIn(l.file)
	switch v.Tag.Get("complete") {
	case "file":
		return []suggestion{{word: filesWanted}}
	case "storefront":
		words = names.Storefronts
	case "channel":
		words = names.Channels
	case "group":
		words = names.Groups
	case "marketplace":
		for _, m := range loginMarkets() {
			words = append(words, m.Name)
		}
	case "kind":
		// Several with commas between them.
		if i := strings.LastIndexByte(word, ','); i >= 0 {
			before, word = before+word[:i+1], word[i+1:]
		}
		for _, k := range tracker.Kinds {
			if !slices.Contains(strings.Split(before, ","), string(k)) {
				words = append(words, string(k))
			}
		}
	default:
		words = v.EnumSlice()
	}
	var all []suggestion
	for _, w := range words {
		if strings.HasPrefix(w, word) {
			all = append(all, suggestion{word: before + w})
		}
	}
	return all
}

// beginning are the suggestions that begin with what was typed.
func beginning(all []suggestion, typed string) []suggestion {
	return slices.DeleteFunc(all, func(s suggestion) bool { return !strings.HasPrefix(s.word, typed) })
}

package cli

import (
	"slices"

	"tssh/client/sshconfig"
)

// Option is a flag as a manual page and a shell's completion show it.
type Option struct {
	Name    string // as it is typed, with its dashes
	Value   string // what its value is called; "" when it takes none
	Help    string
	Verdict sshconfig.Verdict
	Note    string
}

// Options are all flags, in the order of ssh(1); ours follow.
func Options() []Option {
	var all []Option
	for i := range flags {
		f := &flags[i]
		all = append(all, Option{f.dashed(), f.value, f.help, f.verdict, f.note})
	}
	return all
}

// Optional reports whether the value may be left out; then it stands behind "=".
func (o *Option) Optional() bool { return o.Value == optional }

// Terms are what -Q can be asked for.
func Terms() []string { return slices.Clone(queries) }

// Shells are those that there is a completion for.
func Shells() []string { return []string{"bash", "zsh", "fish", "powershell"} }

// Keywords are those of the configuration, by name.
func Keywords() []sshconfig.Keyword { return sortedKeywords() }

// dashed returns a flag as it is typed.
func (f *flag) dashed() string {
	if len(f.name) == 1 {
		return "-" + f.name
	}
	return "--" + f.name
}

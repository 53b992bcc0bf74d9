package cli

import (
	"fmt"
	"io"
	"strings"

	"tssh/client/config"
)

// Completion returns a script that completes our command line in a shell: bash,
// zsh or fish. Hosts come from ~/.ssh/config, options from the table.
func Completion(shell string) string {
	switch shell {
	case "bash":
		return bash()
	case "zsh":
		return zsh()
	case "fish":
		return fish()
	}
	return ""
}

// PrintCompletion writes the script for a shell.
func PrintCompletion(w io.Writer, shell string) error {
	_, err := io.WriteString(w, Completion(shell))
	return err
}

// hosts lists the names of Host lines that are no patterns.
const hosts = `sed -n 's/^[[:space:]]*[Hh][Oo][Ss][Tt][[:space:]=]\{1,\}//p' ~/.ssh/config 2>/dev/null | tr -s ' \t' '\n' | grep -v '[*?!]'`

// dashed returns a flag as it is typed.
func (f *flag) dashed() string {
	if len(f.name) == 1 {
		return "-" + f.name
	}
	return "--" + f.name
}

func keywordNames() []string {
	var names []string
	for _, k := range sortedKeywords() {
		if k.Name != "Host" && k.Name != "Match" && k.Name != "Include" && k.Verdict != config.Ignored {
			names = append(names, k.Name)
		}
	}
	return names
}

func bash() string {
	var all, files, valued []string
	for i := range flags {
		f := &flags[i]
		all = append(all, f.dashed())
		switch f.name {
		case "E", "F", "i", "I", "S":
			files = append(files, f.dashed())
		case "o", "Q", "O":
		default:
			if f.value != "" {
				valued = append(valued, f.dashed())
			}
		}
	}
	return fmt.Sprintf(`_tssh() {
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}
	COMPREPLY=()
	case $prev in
	-o) COMPREPLY=($(compgen -S = -W "%s" -- "$cur")); compopt -o nospace ;;
	-Q) COMPREPLY=($(compgen -W "%s" -- "$cur")) ;;
	-O) COMPREPLY=($(compgen -W "check forward cancel exit stop proxy" -- "$cur")) ;;
	%s) COMPREPLY=($(compgen -f -- "$cur")) ;;
	%s) ;;
	*) case $cur in
		-*) COMPREPLY=($(compgen -W "%s" -- "$cur")) ;;
		*@*) COMPREPLY=($(compgen -P "${cur%%@*}@" -W "$(%s)" -- "${cur#*@}")) ;;
		*) COMPREPLY=($(compgen -W "$(%s)" -- "$cur")) ;;
		esac ;;
	esac
}
complete -F _tssh tssh
`, strings.Join(keywordNames(), " "), strings.Join(terms, " "), strings.Join(files, "|"),
		strings.Join(valued, "|"), strings.Join(all, " "), hosts, hosts)
}

func zsh() string {
	var b strings.Builder
	b.WriteString("#compdef tssh\n_tssh() {\n\tlocal -a names\n\tnames=(${(f)\"$(" + hosts + ")\"})\n\t_arguments -S -s \\\n")
	quote := strings.NewReplacer("'", "'\\''", "[", "\\[", "]", "\\]", ":", "\\:").Replace
	for i := range flags {
		f := &flags[i]
		fmt.Fprintf(&b, "\t\t'*%s[%s]", f.dashed(), quote(f.help))
		switch {
		case f.name == "o":
			fmt.Fprintf(&b, ":option:(%s)", strings.Join(keywordNames(), " "))
		case f.name == "Q":
			fmt.Fprintf(&b, ":query:(%s)", strings.Join(terms, " "))
		case f.name == "E" || f.name == "F" || f.name == "i" || f.name == "I" || f.name == "S":
			fmt.Fprintf(&b, ":%s:_files", quote(f.value))
		case f.value != "":
			fmt.Fprintf(&b, ":%s:", quote(f.value))
		}
		b.WriteString("' \\\n")
	}
	b.WriteString("\t\t'1:host:($names)' '*:::command:_normal'\n}\n" +
		"if [ \"$funcstack[1]\" = _tssh ]; then _tssh \"$@\"; else compdef _tssh tssh; fi\n")
	return b.String()
}

func fish() string {
	var b strings.Builder
	fmt.Fprintf(&b, "complete -c tssh -f -a \"(%s)\"\n", strings.ReplaceAll(hosts, `\`, `\\`))
	quote := strings.NewReplacer(`\`, `\\`, "'", `\'`).Replace
	for i := range flags {
		f := &flags[i]
		option := "-s " + f.name
		if len(f.name) > 1 {
			option = "-l " + f.name
		}
		fmt.Fprintf(&b, "complete -c tssh %s -d '%s'", option, quote(f.help))
		switch {
		case f.name == "o":
			fmt.Fprintf(&b, " -x -a '%s'", strings.Join(keywordNames(), "= ")+"=")
		case f.name == "Q":
			fmt.Fprintf(&b, " -x -a '%s'", strings.Join(terms, " "))
		case f.name == "E" || f.name == "F" || f.name == "i" || f.name == "I" || f.name == "S":
			b.WriteString(" -r -F")
		case f.value != "":
			b.WriteString(" -x")
		}
		b.WriteString("\n")
	}
	return b.String()
}

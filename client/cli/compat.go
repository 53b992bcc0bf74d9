package cli

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"tssh/client/sshconfig"
)

// Compat returns the text of COMPAT.md: every flag of ssh(1) and every keyword
// of ssh_config(5), and what becomes of it here.
func Compat() string {
	var b strings.Builder
	b.WriteString(`# What of ssh works in tssh

Made from the tables that the program itself reads its options by; a test keeps
it so. "works": as in OpenSSH. "partly": with the limit that is named.
"refused": with one line that says so. "ignored": accepted without effect.
"ours": OpenSSH has no such thing.

## Flags of ssh(1)

| flag | | |
| --- | --- | --- |
`)
	for _, f := range flags {
		row(&b, "`"+f.typed()+"`", f.verdict, f.help, f.note)
	}
	b.WriteString("\n## Keywords of ssh_config(5)\n\n| keyword | | |\n| --- | --- | --- |\n")
	for _, k := range sortedKeywords() {
		row(&b, k.Name, k.Verdict, k.Note)
	}
	return b.String()
}

func sortedKeywords() []sshconfig.Keyword {
	all := sshconfig.Keywords()
	slices.SortFunc(all, func(a, b sshconfig.Keyword) int {
		return cmp.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name))
	})
	return all
}

func row(b *strings.Builder, name string, v sshconfig.Verdict, notes ...string) {
	notes = slices.DeleteFunc(notes, func(s string) bool { return s == "" })
	fmt.Fprintf(b, "| %s | %s | %s |\n", name, v, strings.Join(notes, "; "))
}
